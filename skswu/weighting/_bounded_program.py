"""Linear constraints and bounds on a very long vector, read in passes."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

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


class BoundedProgram:
    """The constraints, on rows of unit length, and passes over the samples.

    A point is known by the combination ζ of rows of the basis Q that it comes from.

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
    lower, upper : float or ndarray of shape (n,)
        The bounds.
    """

    def __init__(self, space, asked, is_floor, is_kept, lower, upper):
        self.space = space
        self.asked, self.is_floor, self.is_kept = asked, is_floor, is_kept
        self.lower, self.upper = lower, upper
        self.goal = asked * self.space.inverse_norms
        norms = self.space.norms
        #: The unit in which the distance from what is asked is measured.
        self.unit = norms[~is_kept].max(initial=SMALLEST_NORM)
        # What a unit row lacks, times this, is in that unit.
        relative = np.divide(norms, self.unit, out=np.ones(len(norms)), where=~is_kept)
        self.relative_norms = np.maximum(relative, SMALLEST_RELATIVE_NORM)

    @cached_property
    def size(self):
        """The nearest bound that is not zero, infinite if there is none."""
        bounds = [_typical(-self.lower), _typical(self.upper)]
        return min((bound for bound in bounds if bound > 0), default=np.inf)

    def lacking(self, residual):
        """Return what is missing, given what is asked less what is reached."""
        return np.where(self.is_floor, np.maximum(residual, 0.0), residual)

    def clip(self, values, samples):
        """Clip the values of some samples to their bounds."""
        lower = _of_samples(self.lower, samples)
        return np.clip(values, lower, _of_samples(self.upper, samples))

    def image(self, combination):
        """Return the :class:`Image` of a combination."""
        rank = self.space.rank
        value, curvature, square = np.zeros(rank), np.zeros((rank, rank)), 0.0
        for columns, basis in self.space.blocks():
            unclipped = combination @ basis
            epsilon = self.clip(unclipped, columns)
            value += basis @ epsilon
            curvature += (basis * (epsilon == unclipped)) @ basis.T
            square += epsilon @ epsilon
        return Image(combination, value, curvature, np.sqrt(square))

    def point(self, combination):
        """Return the point of a combination, shape (n,)."""
        epsilon = np.empty(self.space.n)
        for columns, basis in self.space.blocks():
            epsilon[columns] = self.clip(combination @ basis, columns)
        return epsilon

    def blur(self, combination):
        """Return the length of what rounding may change in the point of a combination.

        That is nothing of a sample that is at a bound by more than rounding.
        """
        length = PRODUCT_ROUNDINGS * ROUNDING * np.linalg.norm(combination)
        square = 0.0
        for columns, basis in self.space.blocks():
            unclipped = combination @ basis
            noise = length**2 * np.einsum("ij,ij->j", basis, basis)
            beyond = unclipped - self.clip(unclipped, columns)
            square += noise.sum(where=beyond**2 <= noise)
        return np.sqrt(square)

    def sides(self, combination):
        """Return -1 for samples below their lower bound, 1 above the upper, else 0."""
        sides = np.empty(self.space.n, dtype=np.int8)
        for columns, basis in self.space.blocks():
            unclipped = combination @ basis
            sides[columns] = np.sign(unclipped - self.clip(unclipped, columns))
        return sides

    def pushed_sides(self, sides, direction, error):
        """Return the sides of the samples that a direction pushes there, else 0.

        ``direction`` combines unit rows, with parts that are known up to ``error``.
        None if it pushes a sample that is at no side.
        """
        pushed = np.empty_like(sides)
        for columns, unit in self._unit_blocks():
            push = direction @ unit
            sign = np.sign(push) * (np.abs(push) > error @ np.abs(unit))
            here = sides[columns]
            if np.any(sign[here == 0]):
                return None
            pushed[columns] = np.where(sign == here, here, 0)
        return pushed

    def left_for_free(self, sides):
        """Return what is asked less the products of the samples at their sides."""
        left = self.asked.copy()
        for columns, block in self.space.row_blocks():
            left -= block @ self._at_sides(sides, columns)
        return left

    def point_on_face(self, sides, free_values):
        """Return the point of samples at their sides and of free ones in between."""
        epsilon = self._at_sides(sides, slice(None))
        epsilon[sides == 0] = free_values
        return epsilon

    def shortest_push(self, sides, direction, multipliers):
        """Return how far to go along a direction for samples to reach their sides.

        Both ``direction`` and ``multipliers``, from where to go, are of the rows.
        """
        longest = 0.0
        for columns, block in self.space.row_blocks():
            way = self._at_sides(sides, columns) - multipliers @ block
            np.divide(way, direction @ block, out=way, where=sides[columns] != 0)
            longest = max(longest, way.max(initial=0.0, where=sides[columns] != 0))
        return longest

    def restricted(self, samples, space, asked, is_floor, is_kept):
        """Return a programme of some of the samples, whose rows are a space."""
        lower, upper = (
            _of_samples(bound, samples) for bound in (self.lower, self.upper)
        )
        return BoundedProgram(space, asked, is_floor, is_kept, lower, upper)

    def with_only(self, floors):
        """Return a programme of some floors alone, of which none is kept."""
        none = np.zeros(len(floors), dtype=bool)
        rows = [self.space.rows[j] for j in floors]
        space = RowSpace(rows, self.space.samples)
        asked = self.asked[floors]
        return BoundedProgram(space, asked, ~none, none, self.lower, self.upper)

    def _unit_blocks(self):
        for columns, block in self.space.row_blocks():
            yield columns, block * self.space.inverse_norms[:, None]

    def _at_sides(self, sides, samples):
        """Return bounds for samples at their sides, 0 for others."""
        here = sides[samples]
        upper = np.where(here > 0, _of_samples(self.upper, samples), 0.0)
        return np.where(here < 0, _of_samples(self.lower, samples), upper)


def _typical(bound):
    """A bound's size: its own, or the median of those that are not zero."""
    if np.ndim(bound) == 0:
        return bound
    return np.median(bound[bound > 0]) if (bound > 0).any() else 0.0


def _of_samples(bound, samples):
    return bound if np.ndim(bound) == 0 else bound[samples]
