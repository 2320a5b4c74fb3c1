"""Least-norm points of many programmes at once, by Newton steps on their duals."""

from dataclasses import dataclass
from functools import partial

import numpy as np

# Entries, one a row and programme, that are worked on at a time.
_PORTION = 2**16
# Newton steps before the solver that always ends is asked.
_MAX_STEPS = 25
# Directions of the dual that are flatter, relative to the steepest, are rounding.
_RANK_TOLERANCE = 1e-11
# Residual of a row of unit length, relative to the point, that rounding may leave.
_ROUNDING = 20 * np.finfo(np.float64).eps
# Residual times multipliers, relative to the squared norm, that leaves it exact.
_GAP_TOLERANCE = 1e-10
# A step that raises the dual by less than this share of it reached the top.
_NO_RISE = 1e-9


@dataclass(frozen=True)
class DualPoints:
    """Where the searches ended.

    Attributes
    ----------
    multipliers : ndarray of shape (n_programmes, m)
        The dual variables.
    found : ndarray of bool of shape (n_programmes,)
        Whether the optimality conditions are met.
    residual : ndarray of shape (n_programmes, m)
        What is asked less what was reached.
    norm, total : ndarray of shape (n_programmes,)
        The lengths of the points, and their sums.
    n_iter : ndarray of int of shape (n_programmes,)
        Steps that were taken.
    """

    multipliers: np.ndarray
    found: np.ndarray
    residual: np.ndarray
    norm: np.ndarray
    total: np.ndarray
    n_iter: np.ndarray


class DualNewton:
    r"""Solve programmes that differ in what they ask, where that is easy.

    .. math:: \min_\varepsilon \tfrac12 \sum_i c_i (\varepsilon_i - \varepsilon_{0i})^2
              \quad\text{s.t.}\quad A_E \varepsilon = b,\quad A_I \varepsilon \ge f,
              \quad \mathrm{lower} \le \varepsilon \le \mathrm{upper}

    Each dual is concave and piecewise quadratic, with a variable a row of A: Newton
    steps climb it, all programmes in one pass over the rows. A step after which it is
    lower is halved. A point counts only if it meets the optimality conditions, which
    make it the one solution however it was found.

    Parameters
    ----------
    rows : RowBlocks
        That know their ``influence``, the rows of A, and maybe ``count`` (c) and
        ``origin`` (:math:`\varepsilon_0`).
    gram : ndarray of shape (n_influences, n_influences)
        Of all influences.
    used : ndarray of int of shape (m,)
        Which of them are the rows of A.
    is_floor : ndarray of bool of shape (m,)
        Which are inequalities.
    is_kept : ndarray of bool of shape (m,)
        Which of these do not count for whether the rest is out of reach.
    lower, upper : float
        The bounds.
    tol : float
        Largest residual of a row of unit length, relative to the largest that is asked.
    max_iter : int
        Largest number of steps; no more than 25 are taken.
    """

    def __init__(
        self, rows, gram, used, is_floor, is_kept, lower, upper, tol, max_iter
    ):
        self.rows = rows
        self.used, self.is_floor, self.is_kept = used, is_floor, is_kept
        self.lower, self.upper = lower, upper
        self.tol = tol
        self.max_iter = min(max_iter, _MAX_STEPS)
        gram = gram[np.ix_(used, used)]
        with np.errstate(over="ignore", invalid="ignore"):
            self.unit = 1.0 / np.sqrt(np.diag(gram).clip(1e-300))
            self.gram = gram * self.unit * self.unit[:, None]

    def solve(self, goals):
        """Return the DualPoints.

        Parameters
        ----------
        goals : ndarray of shape (n_programmes, m)
            Targets of the equalities and floors of the inequalities.
        """
        if not np.isfinite(self.gram).all():
            n = len(goals)
            nothing = np.zeros(n, dtype=bool)
            return DualPoints(
                np.zeros_like(goals),
                nothing,
                goals,
                np.zeros(n),
                np.zeros(n),
                np.zeros(n, dtype=int),
            )
        searches = [_Search(self, goal) for goal in goals * self.unit]
        active = searches
        for search in searches:
            search.start()
        for _ in range(self.max_iter + 1):
            if not active:
                break
            values = self._points(np.stack([one.multipliers for one in active]))
            active = [
                search
                for search, *point in zip(active, *values, strict=True)
                if search.goes_on_from(*point)
            ]
        return DualPoints(
            multipliers=np.stack([one.multipliers for one in searches]) * self.unit,
            found=np.array([one.found for one in searches]),
            residual=np.stack([one.residual for one in searches]) / self.unit,
            norm=np.array([one.norm for one in searches]),
            total=np.array([one.total for one in searches]),
            n_iter=np.array([one.n_iter for one in searches]),
        )

    def _points(self, multipliers):
        """Return values, squared lengths and Grams of the rows at a bound."""
        call = partial(
            dual_points,
            used=self.used,
            multipliers=multipliers * self.unit,
            lower=self.lower,
            upper=self.upper,
        )
        ((values, squares, totals, fixed),) = self.rows.reduce(call)
        fixed = fixed * self.unit * self.unit[:, None]
        return values * self.unit, squares, totals, fixed


def dual_points(block, used, multipliers, lower, upper):
    """Return what clipped combinations of a block's influences add up to.

    Parameters
    ----------
    block : Block
        Training rows that know their influences.
    used : ndarray of int of shape (m,)
        Which influences.
    multipliers : ndarray of shape (n_points, m)
        Combinations of them.
    lower, upper : float
        Bounds of the weights.

    Returns
    -------
    values : ndarray of shape (n_points, m)
        Products of the changes since the origin with the influences.
    squares, totals : ndarray of shape (n_points,)
        Their squared lengths and their sums, by count.
    fixed : ndarray of shape (n_points, m, m)
        The Gram of the rows that are at a bound, by count.
    """
    size = max(_PORTION // block.n_rows, 1)
    parts = [
        _dual_points(block, used, multipliers[start : start + size], lower, upper)
        for start in range(0, len(multipliers), size)
    ]
    return tuple(np.concatenate(part) for part in zip(*parts, strict=True))


def _dual_points(block, used, multipliers, lower, upper):
    influence, count = block["influence"][used], block.count
    is_weighted = bool(np.ndim(count))
    scaled = influence * block.inverse_count if is_weighted else influence
    free = multipliers @ scaled
    if "origin" in block:
        origin = block["origin"]
        lower, upper = lower - origin, upper - origin
    moved = np.clip(free, lower, upper)
    fixed = np.zeros((len(free), len(used), len(used)))
    at_bound = moved != free
    for point in np.flatnonzero(at_bound.any(axis=1)):
        some = np.flatnonzero(at_bound[point])
        fixed[point] = scaled[:, some] @ influence[:, some].T
    weighted = moved * count if is_weighted else moved
    squares = np.einsum("sn,sn->s", weighted, moved)
    return moved @ influence.T, squares, weighted.sum(axis=1), fixed


class _Search:
    """The search of one programme, in units in which the rows have length 1."""

    def __init__(self, programmes, goal):
        self.tol, self.gram = programmes.tol, programmes.gram
        self.is_floor, self.goal = programmes.is_floor, goal
        self.is_kept = programmes.is_kept
        self.asked = np.where(self.is_floor, np.maximum(goal, 0.0), np.abs(goal)).max(
            initial=0.0
        )
        self.residual, self.norm, self.total = goal, 0.0, 0.0
        self.found, self.n_iter = False, 0
        self.multipliers = self._best = np.zeros_like(goal)
        self._height = 0.0

    def start(self):
        """Step to the solution without bounds."""
        self.multipliers = self._step(self._best, self.goal, self.gram)

    def goes_on_from(self, value, square, total, fixed):
        """Take in a point and step on; return whether there is a next one."""
        self.residual, self.norm = self.goal - value, np.sqrt(square)
        self.total = total
        if self._is_solved():
            self.found = True
            return False
        self.n_iter += 1
        height = self.multipliers @ self.residual + 0.5 * square
        if height < self._height - 1e-12 * abs(self._height):
            self.multipliers = 0.5 * (self.multipliers + self._best)
            return True
        self._best, self._height = self.multipliers, height
        self.multipliers = self._step(self._best, self.residual, self.gram - fixed)
        return not self._is_at_top(self.gram - fixed)

    def _is_solved(self):
        idle = self.is_floor & (self.multipliers <= 0)
        size = np.abs(np.where(idle, np.maximum(self.residual, 0.0), self.residual))
        gap = abs(self.multipliers @ self.residual)
        allowed = max(self.tol * self.asked, _ROUNDING * self.norm)
        return size.max(initial=0.0) <= allowed and gap <= _GAP_TOLERANCE * self.norm**2

    def _is_at_top(self, curvature):
        """Say whether the dual rises no more and yet more is asked: out of reach."""
        step = self.multipliers - self._best
        most = self._largest_lack(self.residual)
        left = self._largest_lack(self.residual - curvature @ step)
        is_flat = self.residual @ step <= _NO_RISE * abs(self._height)
        return bool(is_flat and left > 0.5 * most)

    def _largest_lack(self, residual):
        """Return what is missing most of what is not kept at any cost."""
        lack = np.where(self.is_floor, np.maximum(residual, 0.0), np.abs(residual))
        return lack.max(initial=0.0, where=~self.is_kept)

    def _step(self, multipliers, residual, curvature):
        """Return where Newton's method leads, multipliers of floors not below zero.

        Floors that would fall below it stay at it, and the others step anew.
        """
        is_free = ~self.is_floor | (multipliers > 0) | (residual > 0)
        moved = np.where(is_free, multipliers, 0.0)
        while True:
            ahead = residual - curvature @ (moved - multipliers)
            trial = moved.copy()
            trial[is_free] += np.linalg.lstsq(
                curvature[np.ix_(is_free, is_free)],
                ahead[is_free],
                rcond=_RANK_TOLERANCE,
            )[0]
            spent = self.is_floor & is_free & (trial < 0)
            if not spent.any():
                return trial
            is_free &= ~spent
            moved[spent] = 0.0
