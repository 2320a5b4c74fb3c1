"""Linear constraints and bounds on a very long vector, read in passes."""

from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np

from ..rows._largest import Largest
from ._row_space import SMALLEST_NORM, RowSpace

#: A row shorter than this, relative to the longest, counts as so long in a distance.
SMALLEST_RELATIVE_NORM = 1e-10
ROUNDING = np.finfo(np.float64).eps
#: Errors of a sum of many products, in units of rounding.
SUMMED_ROUNDINGS = 20
#: Errors of a product of a few parts, in units of rounding of their length.
PRODUCT_ROUNDINGS = 4


@dataclass(frozen=True)
class Image:
    """The point of a combination ζ of basis rows, as the dual sees it."""

    combination: np.ndarray  # ζ
    value: np.ndarray  # Q ε, with ε = clip(Qᵀ ζ)
    curvature: np.ndarray  # its derivative: Q Qᵀ over the samples within the bounds
    norm: float  # ‖ε‖

    @property
    def noise(self):
        """By how much rounding may change a unit row's value.

        A sample at a bound is exact. One between its bounds is a product with ζ, whose
        parts may be large and cancel.
        """
        cancelled = PRODUCT_ROUNDINGS * np.linalg.norm(self.combination)
        parts = cancelled * np.trace(self.curvature)
        return ROUNDING * max(SUMMED_ROUNDINGS * self.norm, parts)


@dataclass(frozen=True)
class CombinedPoint:
    """Combinations of the rows, within the bounds."""

    multipliers: np.ndarray  # ζ
    basis: np.ndarray  # of the rows of which ζ is a combination, in terms of the rows

    def of(self, part):
        """Return the point of a part's samples."""
        return part.clip(self.multipliers @ (self.basis @ part.rows))


@dataclass(frozen=True)
class FacePoint:
    """Samples at their sides, and those in between as another point has them."""

    sides: str  # under which the sides are noted
    free: Any  # the point of the others

    def of(self, part):
        """Return the point of a part's samples."""
        sides = part[self.sides]
        point = part.at_sides(sides)
        point[sides == 0] = self.free.of(part.inside(self.sides))
        return point


class BoundedProgram:
    """The constraints, on rows of unit length, and passes over the samples.

    A point is known by the combination ζ of rows of the basis Q that it comes from,
    and the sides of a point by the name of a note beside the samples.

    Parameters
    ----------
    space : RowSpace
        The m rows, of n samples.
    asked : ndarray of shape (m,)
        What their products with the point are to be.
    is_floor : ndarray of bool of shape (m,)
        Whether more than that is as good.
    is_kept : ndarray of bool of shape (m,)
        Which floors hold whatever that costs. What other rows lack is made as small as
        it can be.
    """

    def __init__(self, space, asked, is_floor, is_kept):
        self.space, self.samples = space, space.samples
        self.asked, self.is_floor, self.is_kept = asked, is_floor, is_kept
        self.goal = asked * self.space.inverse_norms
        norms = self.space.norms
        #: The unit in which the distance from what is asked is measured.
        self.unit = norms[~is_kept].max(initial=SMALLEST_NORM)
        # What a unit row lacks, times this, is in that unit.
        relative = np.divide(norms, self.unit, out=np.ones(len(norms)), where=~is_kept)
        self.relative_norms = np.maximum(relative, SMALLEST_RELATIVE_NORM)

    @cached_property
    def size(self):
        """The nearer bound, as samples have it in the mean; infinite without one.

        Samples that have none to either side, or are at it, do not count.
        """
        totals, numbers = self.samples.reduce(_bounds)
        sizes = totals[numbers > 0] / numbers[numbers > 0]
        return min(sizes, default=np.inf)

    def lacking(self, residual):
        """Return what is missing, given what is asked less what is reached."""
        return np.where(self.is_floor, np.maximum(residual, 0.0), residual)

    def image(self, combination):
        """Return the :class:`Image` of a combination."""
        value, curvature, square = self.samples.reduce(
            partial(_image, combination=combination, basis=self.space.basis)
        )
        return Image(combination, value, curvature, np.sqrt(square))

    def point(self, combination):
        """Return the point of a combination."""
        return CombinedPoint(combination, self.space.basis)

    def products(self, point):
        """Return the rows' products with a point, in their own units, and its norm."""
        values, square = self.samples.reduce(partial(_products, point=point))
        return values, np.sqrt(square)

    def blur(self, combination):
        """Return the length of what rounding may change in the point of a combination.

        That is nothing of a sample that is at a bound by more than rounding.
        """
        length = PRODUCT_ROUNDINGS * ROUNDING * np.linalg.norm(combination)
        given = {"combination": combination, "basis": self.space.basis}
        (square,) = self.samples.reduce(partial(_blur, length=length, **given))
        return np.sqrt(square)

    def sides(self, combination):
        """Note -1 for samples below their lower bound, 1 above the upper, else 0.

        Returns
        -------
        name : str
            Under which they are noted.
        n_sides : int
            How many samples are at one.
        """
        name = self.samples.new_name()
        given = {"combination": combination, "basis": self.space.basis}
        (n_sides,) = self.samples.reduce(partial(_note_sides, name=name, **given))
        return name, n_sides

    def pushed_sides(self, sides, direction, error):
        """Note the sides of the samples that a direction pushes there, else 0.

        Parameters
        ----------
        sides : str
            Under which the sides are noted.
        direction, error : ndarray of shape (m,)
            The direction combines unit rows, with parts that are known up to the error.

        Returns
        -------
        name : str
            Under which those are noted that are pushed.
        n_pushed, n_others, n_free : int
            How many samples are pushed to their sides, are at sides and not pushed, and
            are pushed though they are at none.
        """
        name, scale = self.samples.new_name(), self.space.inverse_norms
        given = {"direction": direction * scale, "error": error * scale}
        call = partial(_note_pushed, name=name, sides=sides, **given)
        return name, *self.samples.reduce(call)

    def left_for_free(self, sides):
        """Return what is asked less the products of the samples at their sides."""
        (reached,) = self.samples.reduce(partial(_at_sides, sides=sides))
        return self.asked - reached

    def shortest_push(self, sides, direction, multipliers):
        """Return how far to go along a direction for samples to reach their sides.

        Both ``direction`` and ``multipliers``, from where to go, are of the rows.
        """
        given = {"direction": direction, "multipliers": multipliers}
        (longest,) = self.samples.reduce(partial(_push, sides=sides, **given))
        return longest.value

    def n_different(self, sides, others):
        """Return how many samples are at other sides, by the names of two notes."""
        call = partial(_n_different, sides=sides, others=others)
        return self.samples.reduce(call)[0]

    def with_only(self, floors):
        """Return a programme of some floors alone, of which none is kept."""
        none = np.zeros(len(floors), dtype=bool)
        space = RowSpace(self.samples.with_rows(floors))
        return BoundedProgram(space, self.asked[floors], ~none, none)


def _bounds(part):
    """Return totals and numbers of the bounds that are not zero, on both sides."""
    bounds = np.stack(np.broadcast_arrays(-part.lower, part.upper, np.zeros(part.n)))
    counts = bounds[:2] > 0
    return bounds[:2].sum(axis=1, where=counts), counts.sum(axis=1)


def _image(part, combination, basis):
    basis = basis @ part.rows
    unclipped = combination @ basis
    point = part.clip(unclipped)
    curvature = (basis * (point == unclipped)) @ basis.T
    return basis @ point, curvature, point @ point


def _products(part, point):
    point = point.of(part)
    return part.rows @ point, point @ point


def _blur(part, combination, basis, length):
    basis = basis @ part.rows
    unclipped = combination @ basis
    noise = length**2 * np.einsum("ij,ij->j", basis, basis)
    beyond = unclipped - part.clip(unclipped)
    return (noise.sum(where=beyond**2 <= noise),)


def _note_sides(part, name, combination, basis):
    unclipped = combination @ (basis @ part.rows)
    sides = np.sign(unclipped - part.clip(unclipped)).astype(np.int8)
    part[name] = sides
    return (np.count_nonzero(sides),)


def _note_pushed(part, name, sides, direction, error):
    push, sides = direction @ part.rows, part[sides]
    sign = np.sign(push) * (np.abs(push) > error @ np.abs(part.rows))
    is_pushed = (sign == sides) & (sides != 0)
    part[name] = np.where(is_pushed, sides, 0).astype(np.int8)
    n_pushed = np.count_nonzero(is_pushed)
    return (
        n_pushed,
        np.count_nonzero(sides) - n_pushed,
        np.count_nonzero(sign[sides == 0]),
    )


def _at_sides(part, sides):
    return (part.rows @ part.at_sides(part[sides]),)


def _push(part, sides, direction, multipliers):
    sides = part[sides]
    way = part.at_sides(sides) - multipliers @ part.rows
    np.divide(way, direction @ part.rows, out=way, where=sides != 0)
    return (Largest(way.max(initial=0.0, where=sides != 0)),)


def _n_different(part, sides, others):
    return (np.count_nonzero(part[sides] != part[others]),)
