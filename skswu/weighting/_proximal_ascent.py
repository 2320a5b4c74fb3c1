"""Ascent of the dual of a bounded programme, whether its targets can be met or not."""

import numpy as np

from ._bounded_program import PRODUCT_ROUNDINGS, ROUNDING, SUMMED_ROUNDINGS

#: First weight of the proximal term, relative to the curvature of a free unit row.
FIRST_PROXIMAL_WEIGHT = 1e-2
#: The same relative to the length of the targets, if that is beyond the bounds'.
EXCESS_SHARE = 0.1
#: The share of the multipliers by which a residual of rounding may move them: it
#: bounds the weight from below.
STEP_OF_ROUNDING = 1e-3
#: Each new centre divides the weight by so much, down to that bound.
WEIGHT_STEP = 100
#: Share of the residual that may be left of the gradient at the first centre; falls
#: with the proximal weight.
SETTLED_SHARE = 1e-4
#: A centre that leaves more than this share of what is missing may be the end.
STALLED_SHARE = 0.3
#: What rounding may change in a point that counts, relative to it.
LARGEST_BLUR = 1e-9
#: Eigenvalues of a curvature of unit diagonal below this are rounding.
SMALLEST_CURVATURE = 1e-14
#: Damping of the kept floors' Newton steps, relative to the proximal weight if that is
#: below 1. Doubles with each step from the same centre.
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
#: The same for an ascent that goes on as long as it gains digits.
SHARP_GAP = 1e-14

_norm = np.linalg.norm


class ProximalAscent:
    """Semismooth Newton ascent of the dual, with a proximal term.

    The dual at multipliers μ of the unit rows is
    ``goal @ μ - sum(φ(Qᵀ ζ)) - weight / 2 * ‖(μ - centre) / relative_norms‖²`` with
    ``ζ = Tᵀ μ``, ``φ' = clip``, and ``μ >= 0`` for floors. Kept floors have no proximal
    term. The centre moves to each maximiser that is found, and the weight falls.

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
    centre : ndarray of shape (m,)
        The centre.
    image : Image
        Their point.
    n_iter : int
        Number of Newton steps; whoever takes others in between may add these.
    """

    def __init__(self, program, tol):
        self.program, self.tol = program, tol
        self.multipliers = np.zeros(program.space.m)
        # Its combination follows Tᵀ μ by steps: μ may grow where its parts cancel,
        # where the combination does not.
        self.image = program.image(np.zeros(program.space.rank))
        self.n_iter = 0
        reach = program.size * np.sqrt(max(program.space.n, 1))
        excess = _norm(program.goal) / reach
        self.first_proximal_weight = max(FIRST_PROXIMAL_WEIGHT, EXCESS_SHARE * excess)
        self.proximal_weight = self.first_proximal_weight
        self._set_centre()
        self.missing_at_centre = np.inf

    def stalls(self, max_iter):
        """Climb; yield at each centre that brought what is asked hardly nearer.

        Ends where the optimality conditions are met as well as rounding lets them be,
        or after ``max_iter`` steps.
        """
        while not (self.is_met and self._is_sharp):
            if self._has_settled:
                if self._missing >= STALLED_SHARE * self.missing_at_centre:
                    yield
                    if self.is_met and self._largest_residual <= self.image.noise:
                        return
                self._recentre()
            if self.n_iter >= max_iter:
                return
            self._step()

    @property
    def tolerance(self):
        """Residual of a unit row that counts as none."""
        asked = _largest(self.program.lacking(self.program.goal))
        return max(self.tol * min(asked, self.image.norm), self.image.noise)

    @property
    def is_met(self):
        """Whether the point meets the constraints, and so is optimal."""
        return bool(self._largest_residual <= self.tolerance) and self._is_clear

    @property
    def _is_clear(self):
        """Whether rounding leaves the point as it is."""
        combination, allowed = self.image.combination, LARGEST_BLUR * self.image.norm
        largest = PRODUCT_ROUNDINGS * ROUNDING * _norm(combination)
        if largest * np.sqrt(self.program.space.rank) <= allowed:
            return True
        return bool(self.program.blur(combination) <= allowed)

    @property
    def _is_sharp(self):
        """Whether the residuals also leave the objective as good as exact."""
        gap, norm = abs(self.multipliers @ self._residual), self.image.norm
        nothing_is_left = self._largest_residual <= 2 * ROUNDING * norm
        return gap <= SHARP_GAP * norm**2 or nothing_is_left

    @property
    def _residual(self):
        """Goal less value of each unit row, the gradient without the proximal term."""
        program = self.program
        return program.goal - program.space.coordinates @ self.image.value

    @property
    def _largest_residual(self):
        return _largest(self._projected(self._residual))

    @property
    def _missing(self):
        """The length of what is missing, in a unit common to all rows."""
        return _norm(self.program.relative_norms * self._projected(self._residual))

    @property
    def _rounding(self):
        """Residual of a unit row that rounding may leave."""
        asked = SUMMED_ROUNDINGS * ROUNDING * _largest(self.program.goal)
        return max(self.image.noise, asked)

    @property
    def _proximal_curvature(self):
        """Diagonal of the proximal term; 0 for kept floors, which hold without it."""
        program = self.program
        curvature = self.proximal_weight / program.relative_norms**2
        return np.where(program.is_kept, 0.0, curvature)

    @property
    def _damping(self):
        """What is added to the curvature of kept floors, which may have none."""
        share = min(FLOOR_DAMPING * 2.0**self.n_steps_here, LARGEST_FLOOR_DAMPING)
        damping = share * min(self.proximal_weight, 1.0)
        return np.where(self.program.is_kept, damping, 0.0)

    def _gradient(self, multipliers, value):
        program = self.program
        residual = program.goal - program.space.coordinates @ value
        return residual - self._proximal_curvature * (multipliers - self.centre)

    def _projected(self, gradient):
        """Drop what pushes a multiplier at zero below zero."""
        at_zero = self.program.is_floor & (self.multipliers <= 0)
        return np.where(at_zero, np.maximum(gradient, 0.0), gradient)

    @property
    def _has_settled(self):
        """Whether the point is good enough for its centre."""
        gradient = self._projected(self._gradient(self.multipliers, self.image.value))
        share = SETTLED_SHARE * self.proximal_weight / self.first_proximal_weight
        left = min(self.image.norm, _largest(self._projected(self._residual)))
        return _largest(gradient) <= max(share * left, self._rounding)

    def _recentre(self):
        length = _norm(self.image.combination) or 1.0
        least = ROUNDING * self.image.norm / (STEP_OF_ROUNDING * length)
        lower = max(self.proximal_weight / WEIGHT_STEP, least)
        self.proximal_weight = min(self.proximal_weight, lower)
        self._set_centre()

    def _set_centre(self):
        self.centre = self.multipliers
        self.missing_at_centre = self._missing
        self.n_steps_here = 0

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
        gradient = self._gradient(self.multipliers, self.image.value)
        curvature = coordinates @ self.image.curvature @ coordinates.T
        curvature += np.diag(self._proximal_curvature + self._damping)
        room = np.where(program.is_floor, self.multipliers, np.inf)
        direction = _newton_direction(curvature, gradient, room)
        turn = coordinates.T @ direction
        value = self._value(self.multipliers, self.image)
        size = np.abs(program.goal) @ np.abs(self.multipliers)

        def trial(length):
            image = program.image(self.image.combination + length * turn)
            multipliers = self.multipliers + length * direction
            rise = self._value(multipliers, image) - value
            slope = direction @ self._gradient(multipliers, image.value)
            return rise, slope, (multipliers, image)

        multipliers, self.image = _line_search(
            trial,
            direction @ gradient,
            flat=self._rounding * _norm(direction),
            rounding=SUMMED_ROUNDINGS * ROUNDING * size,
            longest=_longest_length(room, direction),
        )
        spent = program.is_floor & (multipliers <= ROUNDING * self.multipliers)
        self.multipliers = np.where(spent, 0.0, multipliers)
        self._forget_drift()
        self.n_iter += 1
        self.n_steps_here += 1

    def _forget_drift(self):
        """Take the combination from the multipliers if rounding parts the two."""
        combination = self.program.space.coordinates.T @ self.multipliers
        drift = _norm(self.image.combination - combination)
        if drift > PRODUCT_ROUNDINGS * ROUNDING * _norm(self.multipliers):
            self.image = self.program.image(combination)


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
    if slope <= flat:
        longest = min(1.0, longest)
    low, high, length = (0.0, slope), None, min(1.0, longest)
    for n_trials in range(MAX_TRIALS):
        rise, slope_there, found = trial(length)
        enough = SUFFICIENT_RISE * length * slope - rounding
        if abs(slope_there) <= flat:
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
