"""Ascent of the dual of a bounded programme, whether its targets can be met or not."""

import numpy as np

from ._bounded_program import ROUNDING

#: First weight of the proximal term, relative to the curvature of a free unit row.
FIRST_PROXIMAL_WEIGHT = 1e-2
#: The same relative to the length of the targets, if that is beyond the bounds'.
EXCESS_SHARE = 0.1
#: Each new centre divides the proximal weight by ten, down to here.
LAST_PROXIMAL_WEIGHT = 1e-12
#: Share of the residual that may be left of the gradient at the first centre; falls
#: with the proximal weight.
SETTLED_SHARE = 1e-4
#: A new centre that leaves more than this share of the shortfall may be the end.
STALLED_SHARE = 0.3
#: Mean relative complementarity at which a shortfall cannot be made smaller.
CLOSEST_TOLERANCE = 1e-18
#: Residual of a unit row, relative to the point, that rounding may leave at most where
#: large multipliers cancel.
NOISE_TOLERANCE = 1e-9
#: Residual of a floor of unit length, relative to the point, that may be left.
FLOOR_TOLERANCE = 1e-9
#: Eigenvalues of a curvature of unit diagonal below this are rounding.
SMALLEST_CURVATURE = 1e-14
#: Damping of the floors' Newton steps, relative to the proximal weight if that is below
#: 1. Doubles with each step from the same centre.
FLOOR_DAMPING = 1e-6
LARGEST_FLOOR_DAMPING = 1e-4
#: Slopes, relative to the first, before and behind the maximum at which a search ends.
UNDERSHOOT = 0.5
OVERSHOOT = 0.1
MAX_TRIALS = 40
#: Longest step, relative to Newton's.
LONGEST_LENGTH = 1e6
#: Least rise of the dual, relative to what its first slope promises.
SUFFICIENT_RISE = 1e-4
#: Duality gap that counts as none, relative to the objective.
GAP_TOLERANCE = 1e-10

_norm = np.linalg.norm


class ProximalAscent:
    """Semismooth Newton ascent of the dual, with a proximal term on the equalities.

    The dual at multipliers μ of the unit rows is
    ``goal @ μ - sum(φ(Qᵀ ζ)) - weight / 2 * ‖(μ_E - centre_E) / relative_norms‖²`` with
    ``ζ = Tᵀ μ``, ``φ' = clip`` and ``μ_I >= 0``. The centre moves to each maximiser
    that is found, and the weight falls.

    Parameters
    ----------
    program : BoundedProgram
        What the dual is that of.
    tol : float
        Largest residual of a unit row that counts as none, relative to the point.

    Attributes
    ----------
    multipliers : ndarray of shape (m,)
        Those of the unit rows, μ.
    image : Image
        Their point.
    n_iter : int
        Number of Newton steps.
    """

    def __init__(self, program, tol):
        self.program, self.tol = program, tol
        self.multipliers = np.zeros(program.space.m)
        # Its combination follows Tᵀ μ by steps: μ may grow where its parts cancel,
        # where the combination does not.
        self.image = program.image(np.zeros(program.space.rank))
        self.centre = self.multipliers
        self.n_steps_here = 0
        self.gradient_before_step = np.inf
        reach = program.size * np.sqrt(program.space.n)
        excess = _norm(program.goal) / reach
        self.first_proximal_weight = max(FIRST_PROXIMAL_WEIGHT, EXCESS_SHARE * excess)
        self.proximal_weight = self.first_proximal_weight
        self.shortfall_at_centre = self.residual_at_centre = np.inf
        self.n_iter = 0

    def run(self, max_iter):
        """Climb; return whether the optimality conditions were met."""
        while not (self.is_met and self._is_sharp):
            if self._has_settled():
                if self._is_exhausted() or self._is_closest():
                    return True
                self._recentre()
            if self.n_iter == max_iter:
                return self.is_met
            self._step()
            self.n_iter += 1
            self.n_steps_here += 1
        return True

    @property
    def tolerance(self):
        """Residual of a unit row that counts as none."""
        program, norm = self.program, self.image.norm
        cancelled = 4 * ROUNDING * _norm(self.image.combination)
        noise = min(cancelled, NOISE_TOLERANCE * norm)
        asked = np.where(program.is_floor, np.maximum(program.goal, 0), program.goal)
        return max(self.tol * min(_largest(asked), norm), 20 * ROUNDING * norm, noise)

    @property
    def is_met(self):
        """Whether the point meets the constraints, and so is optimal."""
        return bool(self._largest_residual <= self.tolerance)

    @property
    def _largest_residual(self):
        return _largest(self._projected(self._residual))

    @property
    def _is_sharp(self):
        """Whether the residuals also leave the objective as good as exact."""
        gap = abs(self.multipliers @ self._residual)
        return gap <= GAP_TOLERANCE * self.image.norm**2

    @property
    def _rounding(self):
        """Residual of a unit row that rounding leaves at least."""
        return 20 * ROUNDING * max(self.image.norm, _largest(self.program.goal))

    @property
    def _largest_rounding(self):
        """Residual that it may leave where large multipliers cancel."""
        return max(self._rounding, 20 * ROUNDING * _norm(self.image.combination))

    @property
    def _floor_tolerance(self):
        """Residual of a unit floor that may be left at the end."""
        cancelled = min(_largest(self.program.goal), _largest(self.multipliers))
        return max(FLOOR_TOLERANCE * self.image.norm, 20 * ROUNDING * cancelled)

    @property
    def _residual(self):
        """Goal less value of each unit row, the gradient without the proximal term."""
        program = self.program
        return program.goal - program.space.coordinates @ self.image.value

    @property
    def _proximal_curvature(self):
        """Diagonal of the proximal term; 0 for floors, which hold without it."""
        program = self.program
        curvature = np.zeros(program.space.m)
        curvature[: program.n_equal] = self.proximal_weight / program.relative_norms**2
        return curvature

    @property
    def _damping(self):
        """What is added to the curvature of floors, which may have none."""
        share = min(FLOOR_DAMPING * 2.0**self.n_steps_here, LARGEST_FLOOR_DAMPING)
        damping = share * min(self.proximal_weight, 1.0)
        return np.where(self.program.is_floor, damping, 0.0)

    @property
    def _shortfall(self):
        """The length of the shortfall in the targets' common unit."""
        program = self.program
        return _norm(program.relative_norms * self._residual[: program.n_equal])

    def _gradient(self, multipliers, value):
        program = self.program
        residual = program.goal - program.space.coordinates @ value
        return residual - self._proximal_curvature * (multipliers - self.centre)

    @property
    def _projected_gradient(self):
        return self._projected(self._gradient(self.multipliers, self.image.value))

    def _projected(self, gradient):
        """Drop what pushes a multiplier at zero below zero."""
        at_zero = self.program.is_floor & (self.multipliers <= 0)
        return np.where(at_zero, np.maximum(gradient, 0.0), gradient)

    @property
    def _has_stalled(self):
        """Whether the last step from this centre did not help much."""
        return _largest(self._projected_gradient) > 0.5 * self.gradient_before_step

    def _has_settled(self):
        """Say whether the point is good enough for its centre."""
        gradient = np.abs(self._projected_gradient)
        share = SETTLED_SHARE * self.proximal_weight / self.first_proximal_weight
        size = min(self.image.norm, self._largest_residual)
        at_floors = min(share * size, self._floor_tolerance)
        allowed = np.where(self.program.is_floor, at_floors, share * size)
        if np.all(gradient <= np.maximum(allowed, self._rounding)):
            return True
        return self._has_stalled and _largest(gradient) <= self._largest_rounding

    def _is_exhausted(self):
        """Say whether the constraints are met as well as rounding lets them be."""
        return self.is_met and self._largest_residual > 0.5 * self.residual_at_centre

    def _is_closest(self):
        """Say whether the shortfall cannot be made smaller.

        The step from the centre is then along the shortfall, and no such step, however
        long, changes the point.
        """
        below = self._projected(self._residual)[self.program.is_floor]
        if _largest(below) > self._floor_tolerance:
            return False
        if self._shortfall <= STALLED_SHARE * self.shortfall_at_centre:
            return False
        return any(
            self.program.complementarity(self.image, direction) <= CLOSEST_TOLERANCE
            for direction in self._limit_directions()
        )

    def _limit_directions(self):
        """Yield directions that the multipliers may take for ever.

        The floors' part need not be unique, and then their last step says little.
        """
        is_floor = self.program.is_floor
        step = self.multipliers - self.centre
        yield np.where(is_floor, np.maximum(step, 0.0), step)
        ahead, behind = _norm(step[~is_floor]), _norm(self.multipliers[~is_floor])
        if is_floor.any() and behind > ROUNDING * ahead:
            yield np.where(is_floor, ahead / behind * self.multipliers, step)

    def _recentre(self):
        self.shortfall_at_centre = self._shortfall
        self.residual_at_centre = self._largest_residual
        self.centre = self.multipliers
        self.n_steps_here = 0
        self.gradient_before_step = np.inf
        last = LAST_PROXIMAL_WEIGHT * self.program.relative_norms.min(initial=1.0) ** 2
        self.proximal_weight = max(self.proximal_weight / 10, last)

    def _value(self, multipliers, image):
        """Return the dual with its proximal term."""
        move = multipliers - self.centre
        clipped = image.combination @ image.value - 0.5 * image.norm**2
        return (
            self.program.goal @ multipliers
            - clipped
            - 0.5 * move @ (self._proximal_curvature * move)
        )

    def _step(self):
        """Take one Newton step, as far along as the dual rises."""
        program, coordinates = self.program, self.program.space.coordinates
        self.gradient_before_step = _largest(self._projected_gradient)
        gradient = self._gradient(self.multipliers, self.image.value)
        curvature = coordinates @ self.image.curvature @ coordinates.T
        curvature += np.diag(self._proximal_curvature + self._damping)
        room = np.where(program.is_floor, self.multipliers, np.inf)
        direction = _newton_direction(curvature, gradient, room)
        turn = coordinates.T @ direction
        value = self._value(self.multipliers, self.image)

        def trial(length):
            image = program.image(self.image.combination + length * turn)
            multipliers = self.multipliers + length * direction
            rise = self._value(multipliers, image) - value
            slope = direction @ self._gradient(multipliers, image.value)
            return rise, slope, (multipliers, image)

        multipliers, self.image = _line_search(
            trial,
            direction @ gradient,
            flat=self._largest_rounding * _norm(direction),
            rounding=20 * ROUNDING * np.abs(program.goal) @ np.abs(self.multipliers),
            longest=_longest_length(room, direction),
        )
        spent = program.is_floor & (multipliers <= ROUNDING * self.multipliers)
        self.multipliers = np.where(spent, 0.0, multipliers)


def _largest(values):
    return np.abs(values).max(initial=0.0)


def _newton_direction(curvature, gradient, room):
    """Return a direction in which a concave function rises, Newton's where it can.

    Variables without room to fall do not fall, and rest if they would have to.
    """
    stuck = room <= 0
    free = ~stuck | (gradient > 0)
    while True:
        direction = np.zeros_like(gradient)
        direction[free] = _solve(curvature[np.ix_(free, free)], gradient[free])
        blocked = stuck & (direction < 0)
        if not blocked.any():
            return direction
        free &= ~blocked


def _solve(curvature, gradient):
    """Solve a positive semi-definite system, with long steps where it is singular."""
    scale = 1.0 / np.sqrt(np.maximum(np.diag(curvature), SMALLEST_CURVATURE))
    values, vectors = np.linalg.eigh(curvature * np.outer(scale, scale))
    along = (vectors.T @ (scale * gradient)) / np.maximum(values, SMALLEST_CURVATURE)
    return scale * (vectors @ along)


def _longest_length(room, direction):
    """Return how far a direction can be followed with room to fall."""
    falls = direction < 0
    return np.min(room[falls] / -direction[falls], initial=LONGEST_LENGTH)


def _line_search(trial, slope, flat, rounding, longest):
    """Follow a concave function, at first to length 1, to where it is nearly flat.

    ``trial(length)`` returns the function's rise, its slope, and what belongs to it;
    slopes up to ``flat`` and falls up to ``rounding`` count as none. To be near the
    maximum matters: it lies where the samples that matter are between their bounds.
    """
    low, high, length = (0.0, slope), None, min(1.0, longest)
    for n_trials in range(MAX_TRIALS):
        rise, slope_there, found = trial(length)
        enough = SUFFICIENT_RISE * length * slope - rounding
        if slope <= flat or abs(slope_there) <= flat:
            break
        if slope_there > UNDERSHOOT * slope:
            if length >= longest:
                break
            low = (length, slope_there)
        elif slope_there >= -OVERSHOOT * slope and rise >= enough:
            break
        else:
            high = (length, slope_there)
        length = _next_length(low, high, longest, bisect=n_trials % 2 == 1)
    return found


def _next_length(low, high, longest, bisect):
    """Return a length four times farther, or one between two."""
    if high is None:
        return min(4 * low[0], longest)
    share = 0.5 if bisect else low[1] / (low[1] - high[1])
    return low[0] + (high[0] - low[0]) * min(max(share, 0.01), 0.99)
