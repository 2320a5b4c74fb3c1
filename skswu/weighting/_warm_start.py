"""Least-norm points for a sequence of targets, each started from the last."""

import numpy as np

# Newton steps before the solver that always ends is asked.
_MAX_STEPS = 10
# Directions of the unit rows shorter than this, relative to the longest, are rounding.
_RANK_TOLERANCE = 1e-11


class WarmStart:
    r"""Solve the programme of :func:`solve_minimum_norm` near a known solution.

    Newton steps on the dual start from multipliers that are extrapolated from the
    last two solutions. A point counts only if it meets the optimality conditions,

    .. math:: \varepsilon = \mathrm{clip}(A^\top \lambda),\quad A_E \varepsilon = b,
              \quad A_I \varepsilon \ge c,\quad \lambda_I \ge 0,\quad
              \lambda_I^\top (A_I \varepsilon - c) = 0,

    which make it the one solution however it was found.

    Parameters
    ----------
    rows : ndarray of shape (m, n)
        Rows of A, the equalities first.
    n_equal : int
        Number of equalities.
    lower, upper : float
        The bounds.
    tol : float
        Largest residual of a row of unit length, relative to the length of the point.
    """

    def __init__(self, rows, n_equal, lower, upper, tol):
        self.rows = rows
        self.lower, self.upper = lower, upper
        self.is_floor = np.arange(len(rows)) >= n_equal
        self.tol = tol
        gram = rows @ rows.T
        self.inverse_norms = 1.0 / np.sqrt(np.diag(gram).clip(1e-300))
        self.gram = self._scaled(gram)
        self._known = []
        self._buffer = np.empty(rows.shape[1])

    def solve(self, strength, goal):
        """Return the multipliers and the point, or None if they were not found.

        Parameters
        ----------
        strength : float
            What the multipliers are extrapolated in.
        goal : ndarray of shape (m,)
            Targets of the equalities, then floors.
        """
        goal = goal * self.inverse_norms
        multipliers = self._extrapolated(strength)
        unclipped, epsilon = self._buffer, np.empty_like(self._buffer)
        for _ in range(_MAX_STEPS):
            np.matmul(multipliers * self.inverse_norms, self.rows, out=unclipped)
            np.clip(unclipped, self.lower, self.upper, out=epsilon)
            residual = goal - (self.rows @ epsilon) * self.inverse_norms
            if self._is_optimal(multipliers, residual, np.linalg.norm(epsilon)):
                self._known = [*self._known[-1:], (strength, multipliers)]
                return multipliers * self.inverse_norms, epsilon
            clipped = np.flatnonzero(epsilon != unclipped)
            multipliers = self._step(multipliers, residual, clipped)
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

    def _is_optimal(self, multipliers, residual, norm):
        slack = self.is_floor & (multipliers <= 0)
        wrong = np.where(slack, np.maximum(residual, 0.0), residual)
        return np.abs(wrong).max() <= self.tol * norm

    def _step(self, multipliers, residual, clipped):
        free = ~self.is_floor | (multipliers > 0) | (residual > 0)
        fixed = self.rows[:, clipped]
        curvature = self.gram - self._scaled(fixed @ fixed.T)
        found = multipliers.copy()
        found[free] += np.linalg.lstsq(
            curvature[np.ix_(free, free)], residual[free], rcond=_RANK_TOLERANCE
        )[0]
        return np.where(self.is_floor, np.maximum(found, 0.0), found)

    def _scaled(self, gram):
        return gram * self.inverse_norms * self.inverse_norms[:, None]
