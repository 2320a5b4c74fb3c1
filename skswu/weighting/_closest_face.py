"""The faces of a box on which what is asked is met as well as it can be."""

from dataclasses import dataclass, replace

import numpy as np

from ._bounded_program import ROUNDING, BoundedProgram, FacePoint
from ._row_space import RowSpace

#: Errors of a sum of few products, and of its least squares, in units of rounding.
FEW_ROUNDINGS = 100
#: Errors of a direction, in units of rounding of its largest part.
LEAST_SQUARES_ROUNDINGS = 4
#: Combinations of parts of unit rows that are shorter than this are rounding.
RANK_TOLERANCE = 1e-12
#: A tight floor's part of free samples counts as no shorter than this.
SMALLEST_SHARE = 1e-6
#: Samples or floors are let go so often before there is no face.
MAX_RELEASES = 10

_norm = np.linalg.norm


@dataclass(frozen=True)
class Face:
    """The points of a box that are farthest along a direction of multipliers.

    It pushes the samples at the sides against their bounds, and the free ones nowhere:
    whatever these do, no point is farther along it.
    """

    program: BoundedProgram
    free_space: RowSpace  # the rows of the free samples
    sides: str  # under which samples know -1 or 1 at a lower or upper bound, else 0
    direction: np.ndarray  # of the unit rows
    asked: np.ndarray  # of the free samples
    is_floor: np.ndarray  # whether they may exceed that
    is_kept: np.ndarray  # which of these floors hold whatever that costs
    is_short: bool  # whether some row lacks what the whole programme asks

    def is_same(self, other):
        """Say whether it asks the same of the same samples as another face or None."""
        return (
            other is not None
            and np.array_equal(self.is_floor, other.is_floor)
            and not self.program.n_different(self.sides, other.sides)
        )

    def forget(self):
        """Have samples forget their sides."""
        self.program.samples.forget(self.sides)

    def inner(self):
        """Return the programme of the free samples."""
        return BoundedProgram(self.free_space, self.asked, self.is_floor, self.is_kept)

    def point(self, free):
        """Return the point, given its free samples."""
        return FacePoint(self.sides, free)

    def multipliers(self, of_free):
        """Return multipliers of the rows that also hold the samples at their sides.

        Floors that the direction needs may have negative ones for the free samples.
        """
        direction = self.direction * self.program.space.inverse_norms
        way = self.program.shortest_push(self.sides, direction, of_free)
        pushed = self.program.is_floor & (direction > 0)
        to_zero = np.divide(-of_free, direction, out=0 * direction, where=pushed)
        return of_free + max(way, to_zero.max(initial=0.0)) * direction

    def among(self, program, rows):
        """Return the face in a programme that has its own rows among others."""
        direction, asked = np.zeros(program.space.m), program.left_for_free(self.sides)
        direction[rows] = self.direction
        asked[rows] = np.minimum(asked[rows], self.asked)
        return replace(
            self,
            program=program,
            free_space=program.space.inside(self.sides),
            direction=direction,
            asked=asked,
            is_floor=program.is_floor,
            is_kept=program.is_kept,
        )


class FaceSearch:
    """Search of the face that the iterates of an ascent run to.

    Their multipliers grow without end. Where something is out of reach, that is along
    what is missing, in a common unit, and along what the tight floors set against it.
    At the very edge of reach, it is along what the last step took that pushes no free
    sample. Samples at a bound that are not pushed may be there by rounding, as large
    multipliers cancel in them: they are let go, and so are floors that are not in the
    way, until nothing changes.

    Parameters
    ----------
    program : BoundedProgram
        The constraints.
    image : Image
        The last iterate.
    multipliers, step : ndarray of shape (m,)
        Those of its unit rows, and how they last grew.
    """

    def __init__(self, program, image, multipliers, step):
        self.program, self.norm, self.step = program, image.norm, step
        self.sides, self.n_sides = program.sides(image.combination)
        lacks = program.goal > program.space.coordinates @ image.value
        self.is_tight = program.is_kept & (multipliers > 0)
        # Rows whose lack is to be least.
        self.counts = ~program.is_kept & (~program.is_floor | lacks)

    def run(self):
        """Return the :class:`Face`, or None if there is none."""
        face = self._search()
        if face is None:
            self.program.samples.forget(self.sides)
        return face

    def _search(self):
        for _ in range(MAX_RELEASES):
            self._set_free()
            if not self._holds_tight_floors():
                return None
            direction, error = self._direction()
            if not direction.any():
                return None
            pulls = self.program.is_floor & (direction < -error)
            if pulls.any():
                self.is_tight, self.counts = (
                    self.is_tight & ~pulls,
                    self.counts & ~pulls,
                )
                continue
            n_others, n_free = self._take_pushed(direction, error)
            if n_free:
                return None
            if not n_others:
                return self._face(direction, error)
        return None

    def _take_pushed(self, direction, error):
        """Let go of samples that are not pushed.

        Returns
        -------
        n_others, n_free : int
            Their number, and that of samples that are pushed and at no side.
        """
        found = self.program.pushed_sides(self.sides, direction, error)
        sides, self.n_sides, n_others, n_free = found
        if n_others:
            sides, self.sides = self.sides, sides
        self.program.samples.forget(sides)
        return n_others, n_free

    def _set_free(self):
        """Measure what the free samples can do if they had no bounds."""
        program, space = self.program, self.program.space
        self.free_space = free = space.inside(self.sides)
        self.left = program.left_for_free(self.sides)
        coordinates = self._closest_coordinates()
        self.reached = free.norms * (free.coordinates @ coordinates)
        parts = free.norms * (np.abs(free.coordinates) @ np.abs(coordinates))
        sizes = parts + np.abs(program.asked) + space.norms * self.norm
        # Least squares are as exact as its largest equation.
        largest = np.where(self.counts, sizes, 0.0).max(initial=0.0)
        sizes = np.where(self.counts, largest, sizes)
        #: What of a row's rest may be rounding.
        self.rounding = FEW_ROUNDINGS * ROUNDING * sizes

    def _closest_coordinates(self):
        """Return the free samples' values in their basis, closest to what is asked."""
        free, counts, tight = self.free_space, self.counts, self.is_tight
        goal = self.left * free.inverse_norms
        start, others = _least_norm(free.coordinates[tight], goal[tight])
        weight = free.norms[counts] / self.program.unit
        rest = weight * (goal[counts] - free.coordinates[counts] @ start)
        matrix = weight[:, None] * free.coordinates[counts] @ others
        return start + others @ _least_norm(matrix, rest)[0]

    def _holds_tight_floors(self):
        rest = np.abs(self.left - self.reached)
        return np.all(rest[self.is_tight] <= self.rounding[self.is_tight])

    @property
    def _missing(self):
        """What each row lacks, without what may be rounding."""
        rest = self.left - self.reached
        return np.where(self.counts & (np.abs(rest) > self.rounding), rest, 0.0)

    def _direction(self):
        """Return a direction that pushes no free sample, and up to what it is known."""
        space, free = self.program.space, self.free_space
        # The unit rows of the free samples, in their basis.
        share = free.coordinates * (free.norms * space.inverse_norms)[:, None]
        missing = self._missing
        if not missing.any():
            return self._direction_of_step(share)
        unit, scale = self.program.unit, self.program.relative_norms
        error = np.where(self.counts, scale * (self.rounding / unit), 0.0)
        return self._with_floors(scale * (missing / unit), error, share)

    def _direction_of_step(self, share):
        """Return the part of the last step that pushes no free sample."""
        step = np.where(self.counts | self.is_tight, self.step, 0.0)
        step = step / (_norm(step) or 1.0)
        rows = np.where((self.counts | self.is_tight)[:, None], share, 0.0)
        along = np.linalg.lstsq(rows, step, rcond=RANK_TOLERANCE)[0]
        direction = step - rows @ along
        error = np.full(len(step), FEW_ROUNDINGS * ROUNDING)
        return np.where(np.abs(direction) > error, direction, 0.0), error

    def _with_floors(self, direction, error, share):
        """Add the tight floors' part, which makes up for pushes on free samples."""
        tight, step = self.is_tight, self.step
        scale = _norm(direction) / (_norm(step[self.counts]) or np.inf)
        floors = np.where(tight, scale * np.maximum(step, 0.0), 0.0)
        push = (direction + floors) @ share
        floors[tight] -= np.linalg.lstsq(share[tight].T, push, rcond=RANK_TOLERANCE)[0]
        # It is known as well as what it makes up for, whose parts cancel.
        size = _norm((np.abs(direction) + np.abs(floors)) @ np.abs(share))
        lengths = np.maximum(np.linalg.norm(share[tight], axis=1), SMALLEST_SHARE)
        error[tight] += FEW_ROUNDINGS * ROUNDING * size / lengths
        direction = direction + floors
        error += FEW_ROUNDINGS * ROUNDING * np.abs(direction)
        # Where parts of long rows cancel, short ones make up for what rounding leaves.
        least = LEAST_SQUARES_ROUNDINGS * ROUNDING * np.abs(direction).max()
        return direction, np.maximum(error, least)

    def _face(self, direction, error):
        is_short = bool(self._missing.any())
        if not (is_short or self.n_sides):
            return None
        holds = ~self.program.is_floor | (direction > error)
        chosen = holds & (self.counts | self.is_tight)
        # Of a value that is rounding, the inner programme would not know the size.
        is_felt = np.abs(self.reached) > self.rounding
        reached = np.where(is_felt, self.reached, 0.0)
        return Face(
            program=self.program,
            free_space=self.free_space,
            sides=self.sides,
            direction=direction,
            asked=np.where(chosen, reached, self.left),
            is_floor=self.program.is_floor & ~holds,
            is_kept=np.zeros(len(holds), dtype=bool),
            is_short=is_short,
        )


def _least_norm(matrix, values):
    """Solve by least squares and least norm; return also a basis of the null space."""
    left, lengths, right = np.linalg.svd(matrix)
    rank = np.count_nonzero(lengths > RANK_TOLERANCE)
    solution = (left[:, :rank].T @ values) / lengths[:rank] @ right[:rank]
    return solution, right[rank:].T
