"""Least-norm points by plain Newton steps, each search started from the last points."""

import numpy as np

from ._bounded_program import ROUNDING
from ._proximal_ascent import GAP_TOLERANCE
from ._row_space import RANK_TOLERANCE, stacked_blocks

# Newton steps before the solver that always ends is asked.
_MAX_STEPS = 25
# Share of the residual that a step may leave if the next one is to be worth it.
_MAX_LEFT = 0.75
# Entries of rows of which a stacked copy is kept.
_MAX_KEPT_ENTRIES = 2**20
# Residual of a row of unit length, relative to the point, that rounding may leave.
_ROUNDING = 20 * ROUNDING


class PlainNewton:
    r"""Solve the programme of :func:`solve_minimum_norm` where that is easy.

    Newton steps on the dual start from multipliers that are extrapolated from the last
    two solutions, at first from zero. A point counts only if it meets the optimality
    conditions,

    .. math:: \varepsilon = \mathrm{clip}(A^\top \lambda),\quad A_E \varepsilon = b,
              \quad A_I \varepsilon \ge c,\quad \lambda_I \ge 0,\quad
              \lambda_I^\top (A_I \varepsilon - c) = 0,

    which make it the one solution however it was found.

    Parameters
    ----------
    rows : sequence of m ndarray of shape (n,)
        Rows of A, the equalities first; not modified.
    n_equal : int
        Number of equalities.
    lower, upper : float or ndarray of shape (n,)
        The bounds.
    tol : float
        Largest residual of a row of unit length, relative to the largest that is asked.
    max_iter : int
        Largest number of steps of a search; no more than 25 are taken.

    Attributes
    ----------
    n_iter : int
        Number of Newton steps of the last search.
    residual : ndarray of shape (m,)
        What is asked less the values of its last point.
    """

    def __init__(self, rows, n_equal, lower, upper, tol, max_iter=_MAX_STEPS):
        self.rows = list(rows)
        self.lower, self.upper = lower, upper
        self.is_floor = np.arange(len(self.rows)) >= n_equal
        self.tol = tol
        self.max_iter = min(max_iter, _MAX_STEPS)
        self.n_iter = 0
        self.residual = np.zeros(len(self.rows))
        self._known = []
        self._kept = None
        if len(self.rows) * len(self.rows[0]) <= _MAX_KEPT_ENTRIES:
            self._kept = list(stacked_blocks(self.rows))
        with np.errstate(over="ignore", invalid="ignore"):
            gram = sum(block @ block.T for _, block in self._blocks())
            self.inverse_norms = 1.0 / np.sqrt(np.diag(gram).clip(1e-300))
            self.gram = self._scaled(gram)
        self._is_usable = np.isfinite(self.gram).all()

    def solve(self, strength, goal):
        """Return the multipliers and the point, or None if they were not found.

        Parameters
        ----------
        strength : float
            What the multipliers are extrapolated in.
        goal : ndarray of shape (m,)
            Targets of the equalities, then floors.
        """
        if not self._is_usable:
            return None
        goal = goal * self.inverse_norms
        multipliers = self._extrapolated(strength)
        asked = np.where(self.is_floor, np.maximum(goal, 0.0), np.abs(goal)).max()
        epsilon = np.empty(len(self.rows[0]))
        last = np.inf
        for n_iter in range(self.max_iter + 1):
            self.n_iter = n_iter
            value, curvature, norm = self._point(multipliers, out=epsilon)
            residual = goal - value
            size = self._violation(multipliers, residual)
            gap = abs(multipliers @ residual)
            allowed = max(self.tol * asked, _ROUNDING * norm)
            if size <= allowed and gap <= GAP_TOLERANCE * norm**2:
                self.residual = residual / self.inverse_norms
                self._known = [*self._known[-1:], (strength, multipliers)]
                return multipliers * self.inverse_norms, epsilon
            if size > _MAX_LEFT * last:
                break
            last = size
            multipliers = self._step(multipliers, residual, curvature)
        return None

    def _extrapolated(self, strength):
        if not self._known:
            return np.zeros(len(self.rows))
        at, multipliers = self._known[-1]
        before, others = self._known[0] if len(self._known) > 1 else (0.0, 0.0)
        if at == before:
            return multipliers
        slope = (multipliers - others) / (at - before)
        guess = multipliers + (strength - at) * slope
        return np.where(self.is_floor, np.maximum(guess, 0.0), guess)

    def _point(self, multipliers, out):
        """Write the point of multipliers; return its values, curvature and length."""
        multipliers = multipliers * self.inverse_norms
        value, square, fixed_gram = 0.0, 0.0, 0.0
        for columns, block in self._blocks():
            unclipped = multipliers @ block
            lower, upper = self._bounds(columns)
            epsilon = np.maximum(unclipped, lower, out=out[columns])
            np.minimum(epsilon, upper, out=epsilon)
            value = value + block @ epsilon
            square += epsilon @ epsilon
            fixed = block[:, np.flatnonzero(epsilon != unclipped)]
            fixed_gram = fixed_gram + fixed @ fixed.T
        curvature = self.gram - self._scaled(fixed_gram)
        return value * self.inverse_norms, curvature, np.sqrt(square)

    def _violation(self, multipliers, residual):
        """Return the largest residual, without floors that are exceeded for nothing."""
        slack = self.is_floor & (multipliers <= 0)
        return np.abs(np.where(slack, np.maximum(residual, 0.0), residual)).max()

    def _step(self, multipliers, residual, curvature):
        free = ~self.is_floor | (multipliers > 0) | (residual > 0)
        found = multipliers.copy()
        found[free] += np.linalg.lstsq(
            curvature[np.ix_(free, free)], residual[free], rcond=RANK_TOLERANCE
        )[0]
        return np.where(self.is_floor, np.maximum(found, 0.0), found)

    def _bounds(self, columns):
        bounds = self.lower, self.upper
        return (bound if np.ndim(bound) == 0 else bound[columns] for bound in bounds)

    def _blocks(self):
        return stacked_blocks(self.rows) if self._kept is None else self._kept

    def _scaled(self, gram):
        return gram * self.inverse_norms * self.inverse_norms[:, None]
