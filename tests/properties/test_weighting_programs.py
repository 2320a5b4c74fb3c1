"""What holds for the least change under constraints, whatever the constraints."""

import os
import platform
import signal
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.optimize import lsq_linear
from threadpoolctl import ThreadpoolController

from skswu.weighting import LinearizedMetrics, SoftWeighting
from skswu.weighting._base import from_metrics
from skswu.weighting._minimum_norm import solve_minimum_norm

N_CASES = settings.default.max_examples


@dataclass(frozen=True)
class Recipe:
    """How a random program is made."""

    seed: int
    n: int
    n_equal: int
    n_floors: int
    orders: float
    orders_of_rows: float
    kind: str
    where: str
    lower: float
    upper: float


recipes = st.builds(
    Recipe,
    seed=st.integers(0, 2**32 - 1),
    n=st.one_of(st.integers(1, 8), st.integers(9, 300)),
    n_equal=st.integers(1, 6),
    n_floors=st.integers(0, 2),
    orders=st.sampled_from([0.0, 0.0, 1.0, 3.0]),
    orders_of_rows=st.sampled_from([0.0, 0.0, 4.0]),
    kind=st.sampled_from(
        ["any", "any", "sparse", "parallel", "integers", "sum to zero"]
    ),
    where=st.sampled_from(["inside", "inside", "edge", "beyond", "far", "zero"]),
    lower=st.sampled_from([-np.inf, -1.0, -1.0, -0.5, -0.01, 0.0]),
    upper=st.sampled_from([np.inf, np.inf, 1.0, 0.1, 0.0]),
)


@dataclass(frozen=True)
class Program:
    """Rows and what they must be, equalities first."""

    rows: np.ndarray
    asked: np.ndarray
    n_equal: int
    lower: float
    upper: float

    @property
    def equal(self):
        return self.rows[: self.n_equal]

    @property
    def targets(self):
        return self.asked[: self.n_equal]

    @property
    def norms(self):
        norms = np.linalg.norm(self.rows, axis=1)
        return np.where(norms > 0, norms, 1.0)

    def clip(self, values):
        return np.clip(values, self.lower, self.upper)

    def solve(self):
        m = self.n_equal
        return solve_minimum_norm(
            self.rows[:m],
            self.asked[:m],
            self.rows[m:],
            self.asked[m:],
            lower=self.lower,
            upper=self.upper,
        )


def make_program(recipe):
    rng = np.random.default_rng(recipe.seed)
    m, n = recipe.n_equal + recipe.n_floors, recipe.n
    rows = rng.normal(size=(m, n)) * 10.0 ** rng.uniform(-recipe.orders, 0, (m, n))
    if recipe.kind == "sparse":
        rows *= rng.random((m, n)) < 0.1
    elif recipe.kind == "parallel":
        rows[-1] = -2.0 * rows[0]
    elif recipe.kind == "integers":
        rows = np.rint(3 * rows)
    elif recipe.kind == "sum to zero":
        rows[0] = -rows[1 : recipe.n_equal].sum(axis=0)
    rows *= 10.0 ** rng.uniform(-recipe.orders_of_rows, 0, (m, 1))
    lower, upper = max(recipe.lower, -2.0), min(recipe.upper, 2.0)
    inner = np.clip(0.5 * rng.normal(size=n), lower, upper)
    if recipe.where == "edge":
        inner = np.where(rng.normal(size=m) @ rows > 0, upper, lower)
    asked = rows @ inner
    asked[: recipe.n_equal] *= {"beyond": 3.0, "far": 1e3, "zero": 0.0}.get(
        recipe.where, 1
    )
    # Any floor of at most zero is attained by no change.
    asked[recipe.n_equal :] = np.minimum(asked[recipe.n_equal :], 0.0)
    return Program(rows, asked, recipe.n_equal, recipe.lower, recipe.upper)


programs = recipes.map(make_program)

#: Programmes at and beyond the edge of reach on which rounding once had its way, and
#: half their least squared norm, found with 400 digits.
KNOWN = {
    Recipe(871037, 98, 5, 2, 0.0, 4.0, "sparse", "far", -0.5, 0.0): 2.0,
    Recipe(
        3702472010, 127, 2, 2, 1.0, 4.0, "sparse", "beyond", -0.5, 0.0
    ): 2.5755804098649624,
    Recipe(1, 249, 1, 0, 3.0, 0.0, "any", "edge", -1.0, 1.0): 124.5,
    Recipe(0, 173, 6, 1, 0.0, 4.0, "sparse", "edge", -1.0, 1.0): 39.5,
    Recipe(
        3216948295, 136, 2, 2, 0.0, 4.0, "parallel", "far", -1.0, 0.0
    ): 33.65543912691199,
}
KERNELS = ["Haswell", "Nehalem", "SkylakeX", "Zen"]


@pytest.mark.parametrize("recipe", KNOWN)
def test_known_programs_have_the_least_norm(recipe):
    solution = make_program(recipe).solve()
    assert solution.converged
    assert_allclose(0.5 * np.sum(solution.epsilon**2), KNOWN[recipe], rtol=1e-9)


@pytest.mark.parametrize("kernel", KERNELS)
def test_known_programs_have_the_least_norm_under_each_blas_kernel(kernel):
    libraries = ThreadpoolController().select(internal_api="openblas").info()
    if not libraries or platform.machine() not in {"AMD64", "x86_64"}:
        pytest.skip("needs OpenBLAS for x86")
    script = f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
    script += "from test_weighting_programs import print_known\nprint_known()"
    environment = {**os.environ, "OPENBLAS_CORETYPE": kernel}
    command = [sys.executable, "-c", script]
    run = subprocess.run(command, env=environment, capture_output=True, text=True)
    if run.returncode == -signal.SIGILL:
        pytest.skip(f"the processor has not all instructions of {kernel}")
    assert run.returncode == 0, run.stderr
    printed = run.stdout.split()
    # Builds without kernels for Zen take those for Haswell.
    if printed[0] != kernel and (printed[0], kernel) != ("Haswell", "Zen"):
        pytest.skip(f"takes the kernel {printed[0]} for {kernel}")
    found = np.array(printed[1:], dtype=float)
    assert_allclose(found, list(KNOWN.values()), rtol=1e-9)


def print_known():
    """Print BLAS kernels in use, and half the squared norm of the known programs."""
    libraries = ThreadpoolController().select(internal_api="openblas").info()
    print("+".join(sorted({library["architecture"] for library in libraries})))
    for recipe in KNOWN:
        print(0.5 * np.sum(make_program(recipe).solve().epsilon ** 2))


@settings(max_examples=N_CASES)
@given(seed=st.integers(0, 2**32 - 1))
def test_a_target_at_the_edge_of_reach_takes_all_that_there_is(seed):
    program = make_program(Recipe(seed, 249, 1, 0, 3.0, 0.0, "any", "edge", -1.0, 1.0))
    solution = program.solve()
    assert solution.converged
    assert solution.reachable
    (row,) = program.rows
    missed = np.abs(solution.epsilon - np.sign(program.asked * row))
    # A sample of no effect need not be at its bound: rounding hides what it lacks.
    rounding = 1e-14 * np.abs(row).sum()
    assert (missed <= 1e-7 + rounding / np.abs(row)).all()


@settings(max_examples=N_CASES)
@given(recipes)
def test_the_optimality_conditions_hold(recipe):
    program = make_program(recipe)
    solution = program.solve()
    assert solution.converged
    check_allowed(program, solution)
    if solution.reachable:
        check_least(program, solution)
    elif recipe.n_floors == 0:
        check_closest(program, solution)


def check_allowed(program, solution):
    epsilon = solution.epsilon
    assert np.isfinite(epsilon).all()
    assert (program.lower <= epsilon).all()
    assert (epsilon <= program.upper).all()
    left = program.asked - program.rows @ epsilon
    reported = np.concatenate([solution.shortfall, -solution.slack])
    size = program.norms * np.linalg.norm(epsilon) + np.abs(program.asked)
    assert (np.abs(left - reported) <= 1e-12 * size).all()
    below = (left / program.norms)[program.n_equal :]
    assert below.max(initial=0.0) <= 1e-9 * np.linalg.norm(epsilon)


def check_least(program, solution):
    """Check the targets, and the objective against the dual's, which is not above."""
    epsilon, multipliers = solution.epsilon, solution.multipliers
    norm = np.linalg.norm(epsilon)
    assert (
        np.abs(solution.shortfall) <= 1e-9 * norm * program.norms[: program.n_equal]
    ).all()
    assert (multipliers[program.n_equal :] >= 0).all()
    unclipped = program.rows.T @ multipliers
    point = program.clip(unclipped)
    bound = multipliers @ program.asked - (unclipped @ point - 0.5 * point @ point)
    # At the edge of reach, the bound is a difference of large numbers.
    rounding = 1e-14 * np.abs(multipliers) @ np.abs(program.asked)
    assert_allclose(0.5 * norm**2, bound, rtol=1e-7, atol=rounding + 1e-300)


def check_closest(program, solution):
    """Check against a solver of bounded least squares."""
    if program.lower == program.upper:
        return
    scale = np.abs(program.equal).max() or 1.0
    with np.errstate(invalid="ignore"):
        other = lsq_linear(
            program.equal / scale,
            program.targets / scale,
            (program.lower, program.upper),
            tol=1e-14,
            max_iter=500,
        )
    best = np.linalg.norm(program.targets - program.equal @ program.clip(other.x))
    rounding = 1e-9 * np.linalg.norm(program.targets)
    assert np.linalg.norm(solution.shortfall) <= best + rounding


def shuffled_samples(rng, program):
    order = rng.permutation(program.rows.shape[1])
    return replace(program, rows=program.rows[:, order]), lambda epsilon: epsilon[order]


def shuffled_rows(rng, program):
    order = np.append(
        rng.permutation(program.n_equal), np.arange(program.n_equal, len(program.rows))
    )
    other = replace(program, rows=program.rows[order], asked=program.asked[order])
    return other, lambda epsilon: epsilon


def other_units(rng, program):
    factor, size = 10.0 ** rng.uniform(-6, 6, 2)
    other = replace(
        program,
        rows=factor * program.rows,
        asked=factor * size * program.asked,
        lower=size * program.lower,
        upper=size * program.upper,
    )
    return other, lambda epsilon: size * epsilon


def turned_around(rng, program):
    other = replace(
        program, rows=-program.rows, lower=-program.upper, upper=-program.lower
    )
    return other, lambda epsilon: -epsilon


def with_other_signs_of_rows(rng, program):
    signs = np.ones(len(program.rows))
    signs[: program.n_equal] = rng.choice([-1.0, 1.0], program.n_equal)
    other = replace(
        program, rows=signs[:, None] * program.rows, asked=signs * program.asked
    )
    return other, lambda epsilon: epsilon


CHANGES = [
    shuffled_samples,
    shuffled_rows,
    other_units,
    turned_around,
    with_other_signs_of_rows,
]


@settings(max_examples=N_CASES)
@given(recipe=recipes, change=st.sampled_from(CHANGES))
def test_the_solution_follows_the_program(recipe, change):
    program = make_program(recipe)
    other, expected = change(np.random.default_rng(recipe.seed), program)
    one, two = program.solve(), other.solve()
    assert one.converged
    assert two.converged
    assert one.reachable == two.reachable
    if one.reachable:
        wanted = expected(one.epsilon)
        size = np.abs(wanted).max(initial=0.0)
        assert_allclose(two.epsilon, wanted, rtol=0, atol=1e-6 * size + 1e-300)
    else:
        # Rows much smaller than others hardly count in what is closest.
        distances = [
            np.linalg.norm(solution.shortfall) / np.linalg.norm(given.targets)
            for solution, given in ((one, program), (two, other))
        ]
        assert_allclose(*distances, rtol=1e-6)


@st.composite
def metrics(draw):
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    m, n = draw(st.integers(1, 5)), draw(st.integers(2, 200))
    weight = draw(st.sampled_from([None, "spread", "counts"]))
    before = rng.normal(size=m) * 0.2
    return LinearizedMetrics(
        influence=rng.normal(size=(m, n)) / n,
        constant=before + draw(st.sampled_from([0.0, 0.01])),
        before=before,
        utility_influence=draw(st.sampled_from([0.0, 1.0])) * rng.normal(size=n) / n,
        utility_constant=0.5 + draw(st.sampled_from([0.0, 0.01, -0.01])),
        utility_before=0.5,
        sample_weight={
            None: None,
            "spread": 10.0 ** rng.uniform(-3, 3, n),
            "counts": rng.integers(0, 3, n).astype(float),
        }[weight],
    )


@settings(max_examples=N_CASES)
@given(
    metrics=metrics(),
    weighting=st.builds(
        SoftWeighting,
        strength=st.sampled_from([0.1, 0.7, 1.0, 1.5]),
        utility_tolerance=st.sampled_from([None, 0.0, 0.01]),
        lower=st.sampled_from([None, -1.0, -0.1, 0.0]),
        upper=st.sampled_from([None, 1.0, 0.05, 0.0]),
    ),
)
def test_soft_weights_keep_their_promises(metrics, weighting):
    weights = weighting.weigh(metrics)
    epsilon = weights.epsilon
    assert weights.converged
    assert np.isfinite(epsilon).all()
    assert weighting.lower is None or (epsilon >= weighting.lower).all()
    assert weighting.upper is None or (epsilon <= weighting.upper).all()
    if metrics.sample_weight is not None and np.ptp(metrics.sample_weight) > 0:
        assert not epsilon[metrics.sample_weight == 0].any()
    size = np.linalg.norm(epsilon)
    missed = metrics.predict(epsilon) - weighting.target(metrics.before)
    assert_allclose(missed, weights.shortfall, atol=1e-9 * (size + 1))
    assert weights.reachable == (np.abs(missed).max() <= 1e-8)
    if weighting.utility_tolerance is not None:
        allowed = metrics.utility_before + weighting.utility_tolerance
        reached = metrics.predict_utility(epsilon)
        assert reached <= max(allowed, metrics.utility_constant) + 1e-7 * (size + 1)
    sure = weighting._weigh_surely(metrics)
    linearized = from_metrics(metrics)
    changes = weighting.solve(linearized, [0.5, weighting.strength])
    along = changes.collect(linearized.rows, 1), changes.messages[1] is None
    for found, reachable in (along, (sure.epsilon, sure.reachable)):
        assert reachable == weights.reachable
        assert_allclose(found, epsilon, atol=1e-6 * np.abs(epsilon).max() + 1e-12)
