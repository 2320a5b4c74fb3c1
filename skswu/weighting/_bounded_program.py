"""Linear constraints and bounds on a very long vector, read in passes."""

from dataclasses import dataclass
from functools import cached_property
from math import hypot

import numpy as np

from ._row_space import SMALLEST_NORM, RowSpace, triangular_factor

#: Combinations of parts of unit rows that are shorter than this are rounding.
RANK_TOLERANCE = 1e-12
#: A row shorter than this, relative to the longest, counts as so long in a distance.
SMALLEST_RELATIVE_NORM = 1e-10
#: How far beyond a bound, relative to it, rounding may take a sample.
BOUND_TOLERANCE = 1e-9
ROUNDING = np.finfo(np.float64).eps


@dataclass(frozen=True)
class Image:
    """The point of a combination ζ of basis rows, as the dual sees it."""

    combination: np.ndarray  # ζ
    value: np.ndarray  # Q ε, with ε = clip(Qᵀ ζ)
    curvature: np.ndarray  # its derivative: Q Qᵀ over the samples within the bounds
    norm: float  # ‖ε‖


class BoundedProgram:
    """The constraints, on rows of unit length, and passes over the samples.

    A point is known by the combination ζ of rows of the basis Q that it comes from.
    """

    def __init__(self, rows, targets, floors, lower, upper):
        self.space = RowSpace(rows)
        self.lower, self.upper = lower, upper
        self.asked = np.concatenate([targets, floors])
        self.n_equal = len(targets)
        self.is_floor = np.arange(len(rows)) >= self.n_equal
        norms = self.equal_norms
        # A shortfall of a unit row, times this, is in a unit common to all targets.
        self.relative_norms = np.clip(
            norms / norms.max(initial=SMALLEST_NORM), SMALLEST_RELATIVE_NORM, None
        )
        self.goal = self.asked * self.space.inverse_norms

    @property
    def equal_norms(self):
        """The lengths of the equality rows."""
        return self.space.norms[: self.n_equal]

    @cached_property
    def size(self):
        """The nearest bound that is not zero, infinite if there is none."""
        bounds = [_typical(-self.lower), _typical(self.upper)]
        return min((bound for bound in bounds if bound > 0), default=np.inf)

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

    def complementarity(self, image, direction):
        r"""Return by how much a point would change if moved along a direction for ever.

        ``direction`` combines unit rows. Where it pushes a sample up, that must be at
        its upper bound, and likewise down: then no point is farther along it. Zero if
        so; else the mean product of push and possible move, each relative.
        """
        push_scale = np.abs(direction).sum() / np.sqrt(self.space.n)
        size = self.size if np.isfinite(self.size) else image.norm or 1.0
        if push_scale == 0.0:
            return np.inf
        total = 0.0
        combined = self.space.coordinates.T @ direction / push_scale
        for columns, basis in self.space.blocks():
            epsilon = self.clip(image.combination @ basis, columns)
            push = combined @ basis
            pushed = self.clip(epsilon + size * push, columns)
            total += np.abs(push) @ np.abs(pushed - epsilon)
        return total / (size * self.space.n)

    def is_met(self, shortfall, tolerance):
        """Say whether a shortfall, in the targets' units, is none.

        ``tolerance`` is for unit rows. A zero row must have a target of zero.
        """
        targets = self.asked[: self.n_equal]
        rounding = ROUNDING * np.abs(targets).max(initial=0.0)
        allowed = np.maximum(10 * tolerance * self.equal_norms, rounding)
        return bool(np.all(np.abs(shortfall) <= allowed))

    def polished(self, epsilon, image, multipliers):
        """Return a point made closest and smallest with the same samples at bounds.

        The multipliers of an unreachable target are large, and cancel in the samples
        between the bounds; here those are solved for anew. If other samples belong at
        the bounds, that does not help, and ``epsilon`` is returned as it is.
        """
        combination = image.combination
        binding = ~self.is_floor | (multipliers > 0)
        rows = self.space.coordinates[binding]
        value = np.zeros(self.space.rank)
        for _, basis, fixed in self._split(combination, free=False):
            value += basis @ fixed
        factor = triangular_factor(
            (basis for _, basis, _ in self._split(combination, free=True)),
            self.space.rank,
        )
        coordinates = _closest_coordinates(
            rows @ factor.T, self.goal[binding] - rows @ value, self.relative_norms
        )
        combination_of_free, _ = _least_norm(factor, coordinates)
        polished = epsilon.copy()
        for samples, basis, _ in self._split(combination, free=True):
            polished[samples] = combination_of_free @ basis
        within = self.clip(polished, slice(None))
        rounding = BOUND_TOLERANCE * np.abs(within).max()
        if np.abs(polished - within).max() > rounding:
            return epsilon
        nearer = self._distance(within) <= (1 + BOUND_TOLERANCE) * self._distance(
            epsilon
        )
        return within if nearer else epsilon

    def _distance(self, epsilon):
        """Return the length of the shortfall, in the targets' units."""
        shortfall = self.asked - self.space.products(epsilon)
        return hypot(*shortfall[: self.n_equal])

    def _split(self, combination, free):
        """Yield the samples between the bounds, or at them: basis block and values."""
        for columns, basis in self.space.blocks():
            unclipped = combination @ basis
            epsilon = self.clip(unclipped, columns)
            chosen = np.flatnonzero((epsilon == unclipped) == free)
            yield columns.start + chosen, basis[:, chosen], epsilon[chosen]


def _typical(bound):
    """A bound's size: its own, or the median of those that are not zero."""
    if np.ndim(bound) == 0:
        return bound
    return np.median(bound[bound > 0]) if (bound > 0).any() else 0.0


def _of_samples(bound, samples):
    return bound if np.ndim(bound) == 0 else bound[samples]


def _closest_coordinates(rows, values, weight):
    """Return the least-norm x with ``rows @ x`` closest to values, the last ones exact.

    The first ``len(weight)`` rows are approximated in the norm with that weight.
    """
    near, exact = np.split(rows, [len(weight)])
    near_values, exact_values = np.split(values, [len(weight)])
    start, others = _least_norm(exact, exact_values)
    rest = weight * (near_values - near @ start)
    along, _ = _least_norm(weight[:, None] * near @ others, rest)
    return start + others @ along


def _least_norm(matrix, values):
    """Solve by least squares and least norm; return also a basis of the null space."""
    left, lengths, right = np.linalg.svd(matrix)
    rank = np.count_nonzero(lengths > RANK_TOLERANCE)
    solution = (left[:, :rank].T @ values) / lengths[:rank] @ right[:rank]
    return solution, right[rank:].T
