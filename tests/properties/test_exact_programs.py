"""The least change under constraints, against one found with 400 digits.

Where something is out of reach or at the very edge of it, the dual's multipliers grow
beyond all bounds. With so many digits the plain penalty method can follow them.
"""

from dataclasses import dataclass
from decimal import Context, Decimal, localcontext

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from skswu.weighting._minimum_norm import solve_minimum_norm

N_CASES = settings.default.max_examples
DIGITS = Context(prec=400)
#: What an exact gradient may be, where rounding counts for less than this.
NONE = Decimal(10) ** -90
PENALTIES = [Decimal(10) ** -power for power in (2, 6, 12, 20, 30, 40)]
#: The penalty of kept floors relative to those.
KEPT = Decimal(10) ** -45


@dataclass(frozen=True)
class Recipe:
    """How a random programme is made."""

    seed: int
    n: int
    n_equal: int
    n_floors: int
    n_kept: int
    orders: float
    orders_of_rows: float
    kind: str
    where: str
    kept: str
    lower: float
    upper: float


recipes = st.builds(
    Recipe,
    seed=st.integers(0, 2**32 - 1),
    n=st.one_of(st.integers(1, 8), st.integers(9, 60)),
    n_equal=st.integers(1, 5),
    n_floors=st.integers(0, 3),
    n_kept=st.integers(0, 2),
    orders=st.sampled_from([0.0, 1.0, 3.0]),
    orders_of_rows=st.sampled_from([0.0, 0.0, 4.0]),
    kind=st.sampled_from(["any", "sparse", "integers"]),
    where=st.sampled_from(["inside", "edge", "beyond", "far"]),
    kept=st.sampled_from(["below zero", "below zero", "attained", "unattainable"]),
    lower=st.sampled_from([-1.0, -0.5, 0.0]),
    upper=st.sampled_from([np.inf, 1.0, 0.1, 0.0]),
)


@dataclass(frozen=True)
class Program:
    """Rows and what they must be: equalities, floors, and floors that are kept."""

    rows: np.ndarray
    asked: np.ndarray
    n_equal: int
    kept: np.ndarray
    lower: float
    upper: float

    def solve(self):
        m = self.n_equal
        return solve_minimum_norm(
            self.rows[:m],
            self.asked[:m],
            self.rows[m:],
            self.asked[m:],
            lower=self.lower,
            upper=self.upper,
            kept=self.kept[m:],
        )


def make_program(recipe):
    rng = np.random.default_rng(recipe.seed)
    n, m = recipe.n, recipe.n_equal + recipe.n_floors + recipe.n_kept
    rows = rng.normal(size=(m, n)) * 10.0 ** rng.uniform(-recipe.orders, 0, (m, n))
    if recipe.kind == "sparse":
        rows *= rng.random((m, n)) < 0.15
    elif recipe.kind == "integers":
        rows = np.rint(2 * rows)
    # Powers of two keep sums of integers exact.
    rows *= 2.0 ** -rng.integers(0, 1 + int(3.3 * recipe.orders_of_rows), (m, 1))
    asked = ask(recipe, rng, rows)
    kept = np.arange(m) >= m - recipe.n_kept
    return Program(rows, asked, recipe.n_equal, kept, recipe.lower, recipe.upper)


def ask(recipe, rng, rows):
    """Return what the rows are to be."""
    most = min(recipe.upper, 2.0)
    inner = np.clip(0.5 * rng.normal(size=recipe.n), recipe.lower, most)
    if recipe.where == "edge":
        inner = np.where(rng.normal(size=len(rows)) @ rows > 0, most, recipe.lower)
    asked, size = rows @ inner, np.linalg.norm(rows, axis=1)
    is_kept = np.arange(len(rows)) >= len(rows) - recipe.n_kept
    beyond = {"beyond": 3.0, "far": 1e3}.get(recipe.where, 0.0)
    asked += np.where(is_kept, 0.0, beyond * rng.normal(size=len(rows)) * size)
    if recipe.kept == "below zero":
        return np.where(is_kept, np.minimum(asked, 0.0), asked)
    if recipe.kept == "unattainable":
        return asked + np.where(is_kept, rng.choice([0.5, 50.0]) * size, 0.0)
    return asked


class ExactSolver:
    """Projected Newton ascent of the dual of a penalised programme, in decimals.

    What rows lack is penalised, more and more, and by far the most for kept floors.
    """

    def __init__(self, program):
        self.rows, self.asked = decimals(program.rows), decimals(program.asked)
        self.lower = Decimal(program.lower)
        self.upper = Decimal(min(program.upper, 1e200))
        self.is_floor = np.arange(len(self.rows)) >= program.n_equal
        self.penalty = np.where(program.kept, KEPT, Decimal(1))

    def solve(self):
        """Return the point in double precision."""
        self.multipliers = np.full(len(self.rows), Decimal(0))
        for penalty in PENALTIES:
            self._ascend(penalty * self.penalty)
        return self._point(self.multipliers @ self.rows).astype(float)

    def _point(self, unclipped):
        return np.minimum(np.maximum(unclipped, self.lower), self.upper)

    def _ascend(self, penalty):
        for _ in range(400):
            unclipped = self.multipliers @ self.rows
            point = self._point(unclipped)
            gradient = self.asked - self.rows @ point - penalty * self.multipliers
            at_zero = self.is_floor & (self.multipliers <= 0)
            left = np.where(at_zero, np.maximum(gradient, Decimal(0)), gradient)
            if max(abs(left)) <= NONE:
                return
            free = self.rows[:, unclipped == point]
            curvature = free @ free.T + np.diag(penalty)
            self._search(newton(curvature, gradient, at_zero), penalty, unclipped)
        raise AssertionError("the exact solver came to no end")

    def _search(self, direction, penalty, unclipped):
        """Go along a direction to the maximum, which lies between two breakpoints."""
        turn = direction @ self.rows

        def slope(length):
            point = self._point(unclipped + length * turn)
            pull = penalty * (self.multipliers + length * direction)
            return (self.asked - self.rows @ point - pull) @ direction

        falls = np.flatnonzero(self.is_floor & (direction < 0))
        rooms = self.multipliers[falls] / -direction[falls]
        room = min(rooms, default=None)
        moves = turn != 0
        ends = [(bound - unclipped[moves]) / turn[moves] for bound in self._bounds]
        points = sorted(
            {t for t in np.concatenate(ends) if t > 0 and not beyond(t, room)}
        )
        length = root(slope, points, room)
        found = self.multipliers + length * direction
        found[falls[rooms == length]] = Decimal(0)
        self.multipliers = found

    @property
    def _bounds(self):
        return self.lower, self.upper


def decimals(values):
    return np.vectorize(Decimal, otypes=[object])(values)


def beyond(length, room):
    return room is not None and length >= room


def root(slope, points, room):
    """Return where a falling, piecewise linear slope is zero, or the room's end."""
    low, high = 0, len(points)
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if slope(points[middle]) <= 0 else (middle + 1, high)
    left = points[low - 1] if low else Decimal(0)
    right = points[low] if low < len(points) else room
    if right is not None and slope(right) > 0:
        return right
    other = left + 1 if right is None else right
    return left + (other - left) * slope(left) / (slope(left) - slope(other))


def newton(curvature, gradient, at_zero):
    """Return Newton's direction, in which no multiplier at zero falls."""
    free = ~at_zero | (gradient > 0)
    while True:
        direction = np.full(len(gradient), Decimal(0))
        direction[free] = eliminate(curvature[np.ix_(free, free)], gradient[free])
        blocked = at_zero & (direction < 0)
        if not blocked.any():
            return direction
        free &= ~blocked


def eliminate(matrix, values):
    """Solve a positive definite system."""
    system = np.column_stack([matrix, values])
    for row in range(len(system)):
        system[row] /= system[row, row]
        others = np.arange(len(system)) != row
        system[others] -= np.outer(system[others, row], system[row])
    return system[:, -1]


def assert_exact(program):
    """Check the point against the exact one, and multipliers against the point."""
    solution = program.solve()
    assert solution.converged
    with localcontext(DIGITS):
        expected = ExactSolver(program).solve()
        rounding = np.finfo(float).eps * (
            np.abs(program.rows) @ np.abs(expected) + np.abs(program.asked)
        )
        signs = np.random.default_rng(0).choice([-1.0, 1.0], len(rounding))
        other = Program(**{**vars(program), "asked": program.asked + signs * rounding})
        # By so much does rounding of what is asked move the point.
        moved = np.abs(ExactSolver(other).solve() - expected).max()
    size = np.abs(expected).max()
    found = solution.epsilon
    np.testing.assert_allclose(
        found, expected, rtol=0, atol=1e-7 * size + 100 * moved + 1e-30
    )
    if solution.reachable:
        unclipped = program.rows.T @ solution.multipliers
        rounding = np.abs(program.rows.T) @ np.abs(solution.multipliers)
        wrong = np.abs(np.clip(unclipped, program.lower, program.upper) - found)
        assert (wrong <= 1e-9 * size + 1e-13 * rounding).all()


@settings(max_examples=N_CASES)
@given(recipes)
def test_the_point_is_the_exact_one(recipe):
    assert_exact(make_program(recipe))


@settings(max_examples=N_CASES // 2)
@given(seed=st.integers(0, 2**32 - 1))
def test_the_point_at_the_edge_of_reach_is_the_exact_one(seed):
    assert_exact(
        make_program(
            Recipe(seed, 60, 1, 0, 0, 3.0, 0.0, "any", "edge", "attained", -1.0, 1.0)
        )
    )
