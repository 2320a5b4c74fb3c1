"""The least change under constraints, against a QP solver and optimality conditions."""

import tracemalloc
import warnings
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.optimize import linprog

from skswu.rows import _design
from skswu.weighting import LinearizedMetrics, SoftWeighting
from skswu.weighting._minimum_norm import solve_minimum_norm

BOUNDS = [
    (-1.0, np.inf),
    (-1.0, 1.0),
    (-0.1, 0.3),
    (0.0, 1.0),
    (-1.0, 0.0),
    (-np.inf, np.inf),
    (-1e-3, 1e-3),
    (-1.0, 5.0),
]
KINDS = [
    "generic",
    "parallel",
    "zero row",
    "dependent",
    "integer",
    "sparse",
    "badly scaled",
    "nearly parallel",
]
TARGETS = ["inside", "edge", "outside", "far", "anywhere"]
N_PROBLEMS = 600


@dataclass(frozen=True)
class Problem:
    equal_rows: np.ndarray
    targets: np.ndarray
    floor_rows: np.ndarray
    floors: np.ndarray
    lower: float | np.ndarray
    upper: float | np.ndarray

    def solve(self, **options):
        return solve_minimum_norm(
            self.equal_rows,
            self.targets,
            self.floor_rows,
            self.floors,
            lower=self.lower,
            upper=self.upper,
            **options,
        )

    @property
    def rows(self):
        return np.vstack([self.equal_rows, self.floor_rows])

    @property
    def asked(self):
        return np.concatenate([self.targets, self.floors])

    def clip(self, values):
        return np.clip(values, self.lower, self.upper)


def norms_of(rows):
    norms = np.linalg.norm(rows, axis=1)
    return np.where(norms > 0, norms, 1.0)


def make_rows(rng, kind, m, m_floor, n):
    rows = rng.normal(size=(m + m_floor, n))
    if kind == "parallel" and len(rows) > 1:
        first, second = rng.choice(len(rows), 2, replace=False)
        rows[first] = rng.choice([-1, 2.5, -0.3]) * rows[second]
    elif kind == "zero row":
        rows[rng.integers(len(rows))] = 0
    elif kind == "dependent" and m > 1:
        rows[m - 1] = -rng.uniform(0.2, 1, m - 1) @ rows[: m - 1]
    elif kind == "integer":
        rows = rng.integers(-1, 2, size=rows.shape).astype(float)
    elif kind == "sparse":
        rows *= rng.random(rows.shape) < 0.2
    elif kind == "badly scaled":
        rows *= 10.0 ** rng.uniform(-3, 3, size=(len(rows), 1))
    elif kind == "nearly parallel":
        rows = rng.normal(size=n) + 1e-2 * rows
    return rows


def make_problem(seed):
    """Return a problem of each kind of rows, targets, bounds and sizes in turn."""
    rng = np.random.default_rng(seed)
    kind, where = KINDS[seed % len(KINDS)], rng.choice(TARGETS)
    m, m_floor = 1 + seed // len(KINDS) % 8, rng.integers(0, 3)
    n = int(rng.choice([1, 2, 3, 5, 10, 30, 100, 300]))
    rows = make_rows(rng, kind, m, m_floor, n)
    lower, upper = BOUNDS[rng.integers(len(BOUNDS))]
    if rng.random() < 0.3:
        lower, upper = (bound * rng.uniform(0.1, 3, n) for bound in (lower, upper))
    least, most = np.maximum(lower, -2), np.minimum(upper, 2)
    inner = np.clip(rng.normal(size=n) * rng.choice([0.1, 1, 3]), least, most)
    if where == "edge":
        inner = np.where(rng.normal(size=m) @ rows[:m] > 0, most, least)
    targets = rows[:m] @ inner
    if where == "outside":
        targets = targets * rng.choice([1.001, 1.5, 4])
    elif where == "far":
        targets = targets * 1e3
    elif where == "anywhere":
        targets = rng.normal(size=m) * norms_of(rows[:m]).max()
    # Floors that the inner point attains, and others that zero does.
    floors = rows[m:] @ inner
    if rng.random() < 0.6:
        floors = -rng.choice([0, 0.1]) * norms_of(rows[m:])
    return Problem(rows[:m], targets, rows[m:], floors, lower, upper)


def assert_allowed(problem, solution):
    """Check the bounds and the floors, and that the residuals are as reported."""
    epsilon = solution.epsilon
    reached = [problem.targets - solution.shortfall, problem.floors + solution.slack]
    size = norms_of(problem.rows).max() * np.linalg.norm(epsilon)
    size = max(size, np.linalg.norm(problem.targets))
    np.testing.assert_allclose(
        np.concatenate(reached), problem.rows @ epsilon, atol=1e-12 * size
    )
    assert np.isfinite(epsilon).all()
    assert (problem.lower <= epsilon).all()
    assert (epsilon <= problem.upper).all()
    below = (problem.floors - problem.floor_rows @ epsilon) / norms_of(
        problem.floor_rows
    )
    assert below.max(initial=0.0) <= 1e-9 * np.linalg.norm(epsilon)


def dual_value(problem, multipliers, targets):
    """Return a lower bound of the objective, by weak duality."""
    unclipped = problem.rows.T @ multipliers
    epsilon = problem.clip(unclipped)
    values = np.concatenate([targets, problem.floors])
    return multipliers @ values - (unclipped @ epsilon - 0.5 * epsilon @ epsilon)


def assert_least(problem, solution):
    """Check that the targets are met by the least-norm point."""
    epsilon = solution.epsilon
    missed = (problem.equal_rows @ epsilon - problem.targets) / norms_of(
        problem.equal_rows
    )
    assert np.abs(missed).max() <= 1e-9 * max(np.linalg.norm(epsilon), 1e-300)
    assert (solution.multipliers[len(problem.targets) :] >= 0).all()
    objective = 0.5 * epsilon @ epsilon
    bound = dual_value(problem, solution.multipliers, problem.targets)
    # At the edge of reach, the bound is a difference of large numbers.
    rounding = 1e-14 * np.abs(solution.multipliers) @ np.abs(problem.asked)
    assert objective == pytest.approx(bound, rel=1e-8, abs=rounding)


def smallest_violation(equations, values, signs, lowest, highest):
    """Return the least t and an x in a box with ``equations @ x ≈ values`` within t.

    Where a sign is 1, only values above count as violations; -1, only below.
    """
    not_below, not_above = signs >= 0, signs <= 0
    matrix = np.vstack([-equations[not_above], equations[not_below]])
    n = equations.shape[1]
    if not len(matrix):
        return 0.0, np.clip(np.zeros(n), lowest, highest)
    found = linprog(
        np.append(np.zeros(n), 1.0),
        np.hstack([matrix, -np.ones((len(matrix), 1))]),
        np.concatenate([-values[not_above], values[not_below]]),
        bounds=[*zip(lowest, highest, strict=True), (0, None)],
        options={"primal_feasibility_tolerance": 1e-10},
    )
    assert found.success, found.message
    return found.fun, found.x[:-1]


def assert_closest(problem, solution):
    """Check that no point is closer to the targets, and no closest one is smaller.

    Closest: the shortfall, with some multipliers of the tight floors and targets equal
    up to rounding, pushes each sample towards the bound that it is at, and not at all
    between bounds. Least: the samples that are not pushed are those of a least-norm
    point, ``clip(A.T @ λ)`` for some λ.
    """
    epsilon, norm = solution.epsilon, np.linalg.norm(solution.epsilon)
    equal, floor = problem.equal_rows.T, problem.floor_rows.T
    rounding = 1e-12 * np.abs(equal).max() * np.linalg.norm(problem.targets)
    scale = max((np.abs(equal) @ np.abs(solution.shortfall)).max(), rounding, 1e-99)
    rounding = 1e-10 * norm * norms_of(problem.equal_rows) / scale
    floor = floor / norms_of(problem.floor_rows)
    tight = solution.slack <= 1e-9 * norms_of(problem.floor_rows) * norm
    columns = np.hstack([equal * rounding, floor[:, tight]])
    base = equal @ solution.shortfall / scale
    at_upper, at_lower = epsilon >= problem.upper, epsilon <= problem.lower
    signs = at_lower.astype(int) - at_upper
    inner = ~(at_upper & at_lower)
    n_equal, n_tight = len(rounding), tight.sum()
    violation, found = smallest_violation(
        columns[inner],
        -base[inner],
        signs[inner],
        [-1] * n_equal + [0] * n_tight,
        [1] * n_equal + [np.inf] * n_tight,
    )
    assert violation <= 1e-9
    still = inner & (np.abs(base + columns @ found) <= 1e-7)
    loose = found[n_equal:] > 1e-7
    unit = equal / norms_of(problem.equal_rows)
    violation, _ = smallest_violation(
        np.hstack([unit, floor[:, tight]])[still],
        epsilon[still],
        signs[still],
        [-np.inf] * n_equal + [-np.inf if free else 0 for free in loose],
        [np.inf] * (n_equal + n_tight),
    )
    assert violation <= 1e-7 * max(norm, 1e-300)


def solve_by_clarabel(n, objective, constraints):
    """Minimise objective(x) subject to constraints(x) with an interior-point solver."""
    cvxpy = pytest.importorskip("cvxpy")
    pytest.importorskip("clarabel")
    x = cvxpy.Variable(n)
    programme = cvxpy.Problem(cvxpy.Minimize(objective(cvxpy, x)), constraints(x))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            programme.solve(
                solver="CLARABEL",
                tol_gap_abs=1e-13,
                tol_gap_rel=1e-13,
                tol_feas=1e-13,
                max_iter=200,
            )
        except cvxpy.SolverError:
            return None
    return x.value


def box_and_floors(problem):
    floor_norms = norms_of(problem.floor_rows)

    def constraints(x):
        made = []
        if np.all(np.isfinite(problem.lower)):
            made.append(x >= problem.lower)
        if np.all(np.isfinite(problem.upper)):
            made.append(x <= problem.upper)
        if len(problem.floors):
            scaled = problem.floor_rows / floor_norms[:, None]
            made.append(scaled @ x >= problem.floors / floor_norms)
        return made

    return constraints


def least_norm_by_clarabel(problem, targets):
    norms = norms_of(problem.equal_rows)
    rest = box_and_floors(problem)
    return solve_by_clarabel(
        problem.equal_rows.shape[1],
        lambda cvxpy, x: 0.5 * cvxpy.sum_squares(x),
        lambda x: [
            (problem.equal_rows / norms[:, None]) @ x == targets / norms,
            *rest(x),
        ],
    )


def closest_by_clarabel(problem):
    size = norms_of(problem.equal_rows).max()
    return solve_by_clarabel(
        problem.equal_rows.shape[1],
        lambda cvxpy, x: cvxpy.sum_squares(
            (problem.equal_rows @ x - problem.targets) / size
        ),
        box_and_floors(problem),
    )


@pytest.mark.parametrize("seed", range(N_PROBLEMS))
def test_solution_meets_the_optimality_conditions(seed):
    problem = make_problem(seed)
    solution = problem.solve()
    assert solution.converged
    assert_allowed(problem, solution)
    if solution.reachable:
        assert_least(problem, solution)
    else:
        assert_closest(problem, solution)


@pytest.mark.parametrize("seed", range(N_PROBLEMS))
def test_solution_is_no_worse_than_a_quadratic_programming_solver(seed):
    problem = make_problem(seed)
    solution = problem.solve()
    if not solution.reachable:
        other = closest_by_clarabel(problem)
        if other is not None:
            distance = np.linalg.norm(problem.targets - problem.equal_rows @ other)
            rounding = 1e-9 * np.linalg.norm(problem.targets)
            assert np.linalg.norm(solution.shortfall) <= distance + rounding
    # Of several points with the same values, the least.
    reached = problem.equal_rows @ solution.epsilon
    other = least_norm_by_clarabel(problem, reached)
    if other is None:
        pytest.skip("the other solver failed")
    objective, expected = solution.epsilon @ solution.epsilon, other @ other
    assert objective <= (1 + 1e-8) * expected


CLOSED_FORM_CASES = {
    "none": ([-1.0, -0.5], []),
    "fairness": ([1.0, -9.0], [0]),
    "utility": ([-9.0, 1.0], [1]),
    "both": ([1.0, 0.5], [0, 1]),
}


@pytest.mark.parametrize("active", CLOSED_FORM_CASES)
def test_unbounded_solution_is_the_closed_form_of_the_active_set(active):
    rows = np.random.default_rng(0).normal(size=(2, 50))
    floors, active_rows = CLOSED_FORM_CASES[active]
    floors = np.array(floors)
    solution = solve_minimum_norm([], [], rows, floors)
    chosen, values = rows[active_rows], floors[active_rows]
    expected = chosen.T @ np.linalg.solve(chosen @ chosen.T, values)
    np.testing.assert_allclose(solution.epsilon, expected, rtol=1e-10, atol=1e-14)
    np.testing.assert_array_equal(np.flatnonzero(solution.multipliers), active_rows)


def test_one_row_is_filled_up_to_the_bounds():
    row = np.array([4.0, 2.0, 1.0, -1.0])
    solution = solve_minimum_norm([row], [5.0], lower=-1.0, upper=0.8)
    # 4 * 0.8 is taken; the rest, 1.8, is shared by 2, 1 and -1 in proportion.
    np.testing.assert_allclose(solution.epsilon, [0.8, 0.6, 0.3, -0.3], atol=1e-12)
    assert solution.multipliers == pytest.approx([0.3])


def test_unreachable_target_gets_the_closest_point():
    rows = np.eye(2, 3)
    solution = solve_minimum_norm(rows, [3.0, 0.5], lower=-1.0, upper=1.0)
    assert not solution.reachable
    assert solution.converged
    np.testing.assert_allclose(solution.epsilon, [1.0, 0.5, 0.0], atol=1e-12)
    np.testing.assert_allclose(solution.shortfall, [2.0, 0.0], atol=1e-12)


def test_shortfall_is_least_in_the_units_of_the_targets():
    # 3 ε = 3 and ε = 0 conflict; (3 - 3 ε)² + ε² is least at 0.9.
    solution = solve_minimum_norm([np.array([3.0]), np.array([1.0])], [3.0, 0.0])
    assert solution.epsilon == pytest.approx([0.9])


def test_floor_is_kept_when_it_forbids_the_target():
    row = np.array([1.0, 2.0])
    solution = solve_minimum_norm([row], [1.0], [-row], [-0.25])
    assert not solution.reachable
    assert row @ solution.epsilon == pytest.approx(0.25)
    assert solution.slack == pytest.approx([0.0], abs=1e-12)


def test_floor_that_is_not_kept_is_a_target_from_below():
    row = np.array([1.0, 2.0])
    enough = solve_minimum_norm([row], [2.0], [row], [1.5], kept=[False])
    assert enough.reachable
    np.testing.assert_allclose(enough.epsilon, [0.4, 0.8])
    assert enough.slack == pytest.approx([0.5])
    assert enough.multipliers[1] == 0.0
    # The target asks for 1, the floor for 2; halfway, both lack as much.
    halfway = solve_minimum_norm([row], [1.0], [row], [2.0], kept=[False])
    assert not halfway.reachable
    assert halfway.converged
    assert halfway.shortfall == pytest.approx([-0.5])
    assert halfway.slack == pytest.approx([-0.5])


def test_missed_floors_share_what_is_missing():
    # Three groups, each with a sample of its own; the third has enough already.
    rows = np.eye(3)
    solution = solve_minimum_norm(
        [], [], rows, [2.0, 0.5, -0.5], kept=np.zeros(3, bool), lower=-1.0, upper=1.0
    )
    assert not solution.reachable
    assert solution.converged
    np.testing.assert_allclose(solution.epsilon, [1.0, 0.5, 0.0])
    np.testing.assert_allclose(solution.slack, [-1.0, 0.0, 0.5])


def test_kept_floor_is_not_given_up_for_others():
    rows = np.array([[1.0, 0.0], [-1.0, 1.0]])
    # The first row asks for what costs the second, which is kept.
    solution = solve_minimum_norm(
        [], [], rows, [1.0, -0.2], kept=[False, True], lower=-1.0, upper=0.5
    )
    assert not solution.reachable
    np.testing.assert_allclose(solution.epsilon, [0.5, 0.3])
    np.testing.assert_allclose(solution.slack, [-0.5, 0.0], atol=1e-12)


def test_kept_floors_out_of_reach_come_first():
    rows = np.array([[1.0, 1.0, 0.0], [1.0, -1.0, 0.0], [0.0, 1.0, 2.0]])
    # Of the kept floors, rows 0 and 1, the first can have at most 2, at (1, 1), and
    # the second 2, at (1, -1). Their closest point is (1, 0): then the target is had
    # by the third sample alone.
    solution = solve_minimum_norm(
        rows[2:], [0.6], rows[:2], [3.0, 3.0], lower=-1.0, upper=1.0
    )
    assert not solution.reachable
    assert solution.converged
    np.testing.assert_allclose(solution.slack, [-2.0, -2.0])
    np.testing.assert_allclose(solution.epsilon, [1.0, 0.0, 0.3], atol=1e-12)


@pytest.mark.parametrize("seed", range(40))
def test_floors_are_met_or_missed_as_a_quadratic_programming_solver_does(seed):
    cvxpy = pytest.importorskip("cvxpy")
    rng = np.random.default_rng(seed)
    n = int(rng.integers(5, 60))
    rows = rng.normal(size=(5, n))
    floors = rng.normal(size=5) * np.sqrt(n) * rng.choice([0.1, 1, 10])
    kept = np.arange(5) == 4
    floors[kept] = np.minimum(floors[kept], 0)
    solution = solve_minimum_norm(
        rows[:1], floors[:1], rows[1:], floors[1:], kept=kept[1:], lower=-1.0, upper=0.5
    )
    assert solution.converged

    def distance(x):
        below = cvxpy.pos(floors[1:4] - rows[1:4] @ x)
        return cvxpy.sum_squares(rows[:1] @ x - floors[:1]) + cvxpy.sum_squares(below)

    other = solve_by_clarabel(
        n,
        lambda _, x: distance(x),
        lambda x: [x >= -1, x <= 0.5, rows[4] @ x >= floors[4]],
    )
    best = np.sqrt(distance(other).value)
    lacks = np.append(solution.shortfall, np.maximum(-solution.slack[:3], 0))
    assert np.linalg.norm(lacks) <= best + 1e-6
    assert solution.reachable == (best < 1e-6)
    assert solution.slack[3] >= -1e-9
    reached = rows @ solution.epsilon
    least = solve_by_clarabel(
        n,
        lambda _, x: cvxpy.sum_squares(x),
        lambda x: [
            x >= -1,
            x <= 0.5,
            rows[:1] @ x == reached[:1],
            rows[1:] @ x >= np.minimum(floors, reached)[1:],
        ],
    )
    assert np.sum(solution.epsilon**2) <= (1 + 1e-6) * np.sum(least**2) + 1e-12


@pytest.mark.parametrize("seed", range(60))
def test_multipliers_give_the_point_whether_all_is_reached_or_not(seed):
    problem = make_problem(seed)
    solution = problem.solve()
    unclipped = problem.rows.T @ solution.multipliers
    rounding = np.abs(problem.rows.T) @ np.abs(solution.multipliers)
    missed = np.abs(problem.clip(unclipped) - solution.epsilon)
    size = np.linalg.norm(solution.epsilon)
    assert (missed <= 1e-9 * size + 1e-13 * rounding).all()
    assert (solution.multipliers[len(problem.targets) :] >= -1e-9).all()


def published_weights(metric, utility, gap, regularisation, in_full):
    """Return the closed form of the paper: its cases by what is at work.

    It maximises ``metric @ ε - regularisation * ε @ ε`` where the utility does not
    fall, ``utility @ ε >= 0``, and the metric is removed once, ``metric @ ε <= gap``.
    """
    costs = metric @ utility < 0
    beta_utility = -(metric @ utility) / (utility @ utility) if costs else 0.0
    direction = metric + beta_utility * utility
    beta_metric = 0.0
    if in_full:
        beta_metric = 1 - 2 * regularisation * gap / (metric @ direction)
    return (1 - beta_metric) * direction / (2 * regularisation)


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("sign", [1, -1], ids=["utility gains", "utility binds"])
@pytest.mark.parametrize("in_full", [False, True], ids=["in part", "in full"])
def test_published_weights_are_reproduced(seed, sign, in_full):
    rng = np.random.default_rng(seed)
    metric, utility = 1e-3 * rng.normal(size=(2, 500))
    utility *= sign * np.sign(metric @ utility)
    gap = rng.uniform(0.05, 0.3)
    # The regularisation of the unconstrained case says which share is removed.
    regularisation = metric @ metric / (2 * gap * rng.uniform(0.2, 0.9))
    expected = published_weights(metric, utility, gap, regularisation, in_full)
    removed = metric @ expected
    solution = solve_minimum_norm([metric], [removed], [utility], [0.0])
    size = np.abs(expected).max()
    np.testing.assert_allclose(solution.epsilon, expected, rtol=0, atol=4e-15 * size)
    metrics = LinearizedMetrics(
        influence=metric[None],
        constant=np.array([gap]),
        before=np.array([gap]),
        utility_influence=utility,
        utility_constant=0.5,
        utility_before=0.5,
    )
    weighting = SoftWeighting(strength=removed / gap, lower=None, utility_tolerance=0.0)
    found = weighting.weigh(metrics).epsilon
    np.testing.assert_allclose(found, expected, rtol=0, atol=4e-15 * size)


def test_zero_row_is_reachable_only_at_zero():
    rows = np.array([[0.0, 0.0], [1.0, 1.0]])
    assert solve_minimum_norm(rows, [0.0, 1.0]).reachable
    solution = solve_minimum_norm(rows, [1.0, 1.0])
    assert not solution.reachable
    np.testing.assert_allclose(solution.epsilon, [0.5, 0.5])


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("row_size", [1e-120, 1e7, 1e160])
def test_solution_does_not_depend_on_units(seed, row_size):
    problem, size = make_problem(seed), 1e-5
    other = solve_minimum_norm(
        row_size * problem.equal_rows,
        row_size * size * problem.targets,
        row_size * problem.floor_rows,
        row_size * size * problem.floors,
        lower=size * problem.lower,
        upper=size * problem.upper,
    )
    epsilon = problem.solve().epsilon
    np.testing.assert_allclose(
        other.epsilon / size, epsilon, atol=1e-8 * np.abs(epsilon).max(initial=1e-300)
    )


@pytest.mark.parametrize("seed", range(40))
def test_solution_does_not_depend_on_how_the_rows_are_read(seed, monkeypatch):
    problem = make_problem(seed)
    whole = problem.solve()
    monkeypatch.setattr(_design, "_MIN_BLOCK_ROWS", 7)
    monkeypatch.setattr(_design, "_BLOCK_ENTRIES", 1)
    parts = problem.solve()
    atol = 1e-9 * np.abs(whole.epsilon).max(initial=1e-300)
    np.testing.assert_allclose(parts.epsilon, whole.epsilon, atol=atol)


def test_repeated_solution_is_the_same():
    problem = make_problem(13)
    np.testing.assert_array_equal(problem.solve().epsilon, problem.solve().epsilon)


def test_too_few_iterations_are_reported():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(3, 100))
    targets = rows @ np.clip(3 * rng.normal(size=100), -1, 1)
    options = {"lower": -1.0, "upper": 1.0}
    assert not solve_minimum_norm(rows, targets, max_iter=1, **options).converged
    assert solve_minimum_norm(rows, targets, **options).converged


def test_memory_beyond_the_rows_is_a_few_vectors():
    rng = np.random.default_rng(0)
    n = 1_000_000
    rows = rng.normal(size=(3, n))
    inner = np.clip(rng.normal(size=n), -1, 1)
    for share in (0.3, 100.0):
        tracemalloc.start()
        solution = solve_minimum_norm(
            rows[:2], share * rows[:2] @ inner, rows[2:], [0.0], lower=-1.0, upper=1.0
        )
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert solution.converged
        assert peak <= 5 * 8 * n


positive = st.one_of(st.just(0.0), st.floats(1e-9, 1e6))
finite = st.one_of(positive, positive.map(lambda value: -value))
bound = st.one_of(st.just(np.inf), st.just(0.0), st.floats(1e-3, 10))


@settings(max_examples=300, deadline=None, derandomize=True)
@given(data=st.data(), m=st.integers(1, 4), n=st.integers(1, 12))
def test_solution_is_finite_and_allowed_whatever_the_input(data, m, n):
    rows = data.draw(arrays(np.float64, (m, n), elements=finite))
    targets = data.draw(arrays(np.float64, m, elements=finite))
    floor_row = data.draw(arrays(np.float64, n, elements=finite))
    lower, upper = -data.draw(bound), data.draw(bound)
    solution = solve_minimum_norm(
        rows, targets, [floor_row], [0.0], lower=lower, upper=upper
    )
    assert np.isfinite(solution.epsilon).all()
    assert (solution.epsilon >= lower).all()
    assert (solution.epsilon <= upper).all()
