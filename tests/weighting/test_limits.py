"""One-sided metrics in the weighting, against a general solver."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from skswu.weighting import HardWeighting, LinearizedMetrics, SoftWeighting
from skswu.weighting._base import from_metrics

cvxpy = pytest.importorskip("cvxpy")

N = 80


def make_metrics(seed, n_metrics=4, weighted=False):
    """Metrics of which some are one-sided, and these to be repaired or kept."""
    rng = np.random.default_rng(seed)
    before = rng.uniform(0.02, 0.2, n_metrics) * rng.choice([-1, 1], n_metrics)
    weight = rng.integers(1, 4, N).astype(float) if weighted else None
    return LinearizedMetrics(
        influence=0.05 * rng.normal(size=(n_metrics, N)),
        constant=before,
        before=before,
        utility_influence=0.05 * rng.normal(size=N),
        utility_constant=0.4,
        utility_before=0.4,
        sample_weight=weight,
        one_sided=rng.random(n_metrics) < 0.7,
    )


def constraints(metrics, weighting, epsilon, slack=0.0):
    """The programme's constraints, with what each metric may lack."""
    target = np.where(metrics.one_sided, metrics.before.clip(0.0), metrics.before)
    left = metrics.constant - metrics.influence @ epsilon
    left = left - (1 - weighting.strength) * target
    limits = np.flatnonzero(metrics.one_sided)
    others = np.flatnonzero(~metrics.one_sided)
    found = []
    if len(limits):
        found.append(
            left[limits] <= slack[limits] if np.ndim(slack) else left[limits] <= 0
        )
    if len(others):
        found.append(left[others] == (slack[others] if np.ndim(slack) else 0))
    if weighting.lower is not None:
        found.append(epsilon >= weighting.lower)
    if weighting.upper is not None:
        found.append(epsilon <= weighting.upper)
    if weighting.utility_tolerance is not None:
        found.append(
            metrics.utility_influence @ epsilon >= -weighting.utility_tolerance
        )
    return found, left


def by_clarabel(metrics, weighting, slack=0.0):
    epsilon = cvxpy.Variable(N)
    weight = np.ones(N) if metrics.sample_weight is None else metrics.sample_weight
    found, _ = constraints(metrics, weighting, epsilon, slack)
    size = cvxpy.sum_squares(cvxpy.multiply(np.sqrt(weight), epsilon))
    problem = cvxpy.Problem(cvxpy.Minimize(size), found)
    problem.solve(solver="CLARABEL", tol_gap_abs=1e-12, tol_gap_rel=1e-12)
    return epsilon.value


OPTIONS = [
    {},
    {"utility_tolerance": None},
    {"upper": 0.6, "strength": 0.7},
    {"lower": None, "strength": 1.5},
    {"upper": 0.4, "utility_tolerance": 0.001, "strength": 0.5},
]


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("weighted", [False, True])
def test_limits_are_kept_by_the_least_change(options, weighted):
    weighting, binding = SoftWeighting(**options), set()
    for seed in range(8):
        metrics = make_metrics(seed, weighted=weighted)
        weights = weighting.weigh(metrics)
        assert weights.reachable
        assert_allclose(weights.epsilon, by_clarabel(metrics, weighting), atol=2e-6)
        _, left = constraints(metrics, weighting, weights.epsilon)
        assert (left[metrics.one_sided] <= 1e-12).all()
        assert_allclose(weights.shortfall, 0.0, atol=1e-12)
        limits = weights.multipliers[:-1][metrics.one_sided]
        assert (limits >= 0).all()
        assert_allclose(limits * left[metrics.one_sided], 0.0, atol=1e-12)
        binding |= set(np.sign(limits))
    assert binding == {0.0, 1.0}


def test_many_strengths_are_solved_alike_and_by_both_solvers():
    weighting, strengths = SoftWeighting(upper=0.8), [0.0, 0.4, 1.0, 1.6]
    for seed in range(5):
        metrics = make_metrics(seed, n_metrics=12)
        linearized = from_metrics(metrics)
        changes = weighting.solve(linearized, strengths)
        for position, strength in enumerate(strengths):
            one = weighting.at(strength)
            epsilon = changes.collect(linearized.rows, position)
            assert_allclose(epsilon, one._weigh_surely(metrics).epsilon, atol=1e-9)
            assert_allclose(epsilon, one.weigh(metrics).epsilon, atol=1e-9)


def test_what_is_kept_from_the_start_is_left_alone():
    metrics = make_metrics(3)
    kept = LinearizedMetrics(
        **{
            **vars(metrics),
            "before": -np.abs(metrics.before),
            "constant": -np.abs(metrics.before),
            "one_sided": np.full(4, True),
        }
    )
    weights = SoftWeighting(strength=2.0).weigh(kept)
    assert_allclose(weights.epsilon, 0.0)
    assert weights.reachable


@pytest.mark.parametrize("seed", range(6))
def test_limits_out_of_reach_are_lacked_as_little_as_can_be(seed):
    metrics = make_metrics(seed)
    weighting = SoftWeighting(lower=-0.01, upper=0.01)
    weights = weighting.weigh(metrics)
    assert not weights.reachable
    epsilon, slack = cvxpy.Variable(N), cvxpy.Variable(4)
    found, _ = constraints(metrics, weighting, epsilon, slack)
    distance = cvxpy.Problem(cvxpy.Minimize(cvxpy.sum_squares(slack)), found)
    distance.solve(solver="CLARABEL")
    assert_allclose(
        np.linalg.norm(weights.shortfall), np.sqrt(distance.value), rtol=1e-4
    )
    assert (weights.shortfall[metrics.one_sided] >= 0).all()
    least = by_clarabel(
        metrics, weighting, weights.shortfall + 1e-9 * metrics.one_sided
    )
    assert np.linalg.norm(weights.epsilon) <= np.linalg.norm(least) * (1 + 1e-3)


def test_twenty_limits_take_few_steps():
    rng = np.random.default_rng(0)
    before = rng.normal(scale=0.1, size=20)
    metrics = LinearizedMetrics(
        influence=rng.normal(size=(20, 400)) / 400,
        constant=before,
        before=before,
        utility_influence=rng.normal(size=400) / 400,
        utility_constant=0.4,
        utility_before=0.4,
        one_sided=np.full(20, True),
    )
    weights = SoftWeighting(strength=0.5, utility_tolerance=0.0).weigh(metrics)
    assert weights.reachable
    assert 0 < weights.n_iter < 20


def test_hard_removal_gains_nothing_by_limits_that_are_kept():
    influence = np.array([[0.02, -0.03, 0.01], [-0.2, 0.1, -0.3]])
    metrics = LinearizedMetrics(
        influence=influence,
        constant=np.array([0.1, -0.4]),
        before=np.array([0.1, -0.4]),
        utility_influence=np.zeros(3),
        utility_constant=0.4,
        utility_before=0.4,
        one_sided=np.array([True, True]),
    )
    epsilon = HardWeighting(fraction=1.0).weigh(metrics).epsilon
    assert epsilon.tolist() == [0.0, -1.0, 0.0]
