"""Soft weighting: what is asked of the solver, and what is reported."""

import pickle
from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning

from skswu.weighting import LinearizedMetrics, SoftWeighting

N = 60


def make_metrics(m=2, drift=0.0, utility_drift=0.0, seed=0):
    rng = np.random.default_rng(seed)
    before = rng.uniform(0.05, 0.2, m) * rng.choice([-1, 1], m)
    return LinearizedMetrics(
        influence=0.05 * rng.normal(size=(m, N)),
        constant=before + drift,
        before=before,
        utility_influence=0.05 * rng.normal(size=N),
        utility_constant=0.4 + utility_drift,
        utility_before=0.4,
    )


@pytest.mark.parametrize("strength", [0.0, 0.3, 1.0, 1.7])
@pytest.mark.parametrize("drift", [0.0, 0.01])
def test_predicted_metrics_are_the_target(strength, drift):
    metrics = make_metrics(drift=drift)
    weighting = SoftWeighting(strength=strength)
    weights = weighting.weigh(metrics)
    target = (1 - strength) * metrics.before
    np.testing.assert_array_equal(weighting.target(metrics.before), target)
    np.testing.assert_allclose(metrics.predict(weights.epsilon), target, atol=1e-12)
    np.testing.assert_allclose(weights.shortfall, 0, atol=1e-12)
    assert weights.reachable
    assert weights.converged


def test_nothing_asked_changes_nothing():
    weights = SoftWeighting(strength=0).weigh(make_metrics())
    np.testing.assert_array_equal(weights.epsilon, np.zeros(N))
    assert weights.n_iter == 0


def test_without_bounds_and_utility_the_solution_is_the_pseudo_inverse():
    metrics = make_metrics(m=3)
    weights = SoftWeighting(lower=None, utility_tolerance=None).weigh(metrics)
    expected = np.linalg.pinv(metrics.influence) @ metrics.constant
    np.testing.assert_allclose(weights.epsilon, expected, atol=1e-12)
    assert weights.multipliers.shape == (4,)
    assert weights.multipliers[-1] == 0
    np.testing.assert_allclose(
        metrics.influence.T @ weights.multipliers[:-1], expected, atol=1e-12
    )


def costly_metrics(**kwargs):
    """Return metrics whose repair alone costs utility."""
    metrics = make_metrics(**kwargs)
    free = SoftWeighting(utility_tolerance=None).weigh(metrics).epsilon
    sign = -np.sign(metrics.utility_influence @ free)
    return LinearizedMetrics(
        **{**vars(metrics), "utility_influence": sign * metrics.utility_influence}
    )


def test_utility_does_not_fall_by_more_than_the_tolerance():
    metrics = costly_metrics()
    free = SoftWeighting(utility_tolerance=None).weigh(metrics)
    rise = metrics.predict_utility(free.epsilon) - metrics.utility_before
    assert rise > 0
    for tolerance in (0.0, 0.5 * rise):
        weights = SoftWeighting(utility_tolerance=tolerance).weigh(metrics)
        reached = metrics.predict_utility(weights.epsilon)
        assert reached == pytest.approx(metrics.utility_before + tolerance, abs=1e-12)
        assert weights.multipliers[-1] > 0
        assert weights.reachable
    enough = SoftWeighting(utility_tolerance=1.1 * rise).weigh(metrics)
    np.testing.assert_allclose(enough.epsilon, free.epsilon, atol=1e-12)
    assert enough.multipliers[-1] == 0


def test_utility_already_lost_need_not_be_won_back():
    metrics = costly_metrics(utility_drift=0.05)
    weights = SoftWeighting(utility_tolerance=0.0).weigh(metrics)
    reached = metrics.predict_utility(weights.epsilon)
    assert reached == pytest.approx(metrics.utility_constant, abs=1e-12)


def test_utility_that_no_weights_can_change_is_left_out():
    metrics = make_metrics()
    noise = 1e-12 * np.random.default_rng(0).normal(size=N)
    flat = LinearizedMetrics(**{**vars(metrics), "utility_influence": noise})
    np.testing.assert_array_equal(
        SoftWeighting().weigh(flat).epsilon,
        SoftWeighting(utility_tolerance=None).weigh(metrics).epsilon,
    )


def test_unreachable_target_says_how_far_it_gets():
    metrics = LinearizedMetrics(
        influence=np.array([[0.02, 0.01, 0.0, -0.01]]),
        constant=np.array([0.1]),
        before=np.array([0.1]),
        utility_influence=np.zeros(4),
        utility_constant=0.4,
        utility_before=0.4,
    )
    weights = SoftWeighting(upper=0.5).weigh(metrics)
    assert not weights.reachable
    # Up to the bounds, 0.02 * 0.5 + 0.01 * 0.5 + 0.01 * 1 of 0.1.
    np.testing.assert_allclose(weights.epsilon, [0.5, 0.5, 0.0, -1.0], atol=1e-12)
    assert weights.shortfall == pytest.approx([0.075])
    assert "25.0% of the asked change" in weights.message
    assert "upper=0.5" in weights.message
    assert (weights.n_at_lower, weights.n_at_upper) == (1, 2)


def test_bounds_are_kept():
    metrics = make_metrics(m=1)
    weights = SoftWeighting(lower=-0.1, upper=0.1).weigh(metrics)
    assert np.abs(weights.epsilon).max() == 0.1
    assert weights.reachable
    at_bounds = np.abs(weights.epsilon) == 0.1
    assert weights.n_at_lower + weights.n_at_upper == at_bounds.sum()


def test_too_few_iterations_warn():
    with pytest.warns(ConvergenceWarning, match="max_iter=1 Newton steps"):
        weights = SoftWeighting(
            utility_tolerance=0.0, lower=-0.1, upper=0.1, max_iter=1
        ).weigh(make_metrics(m=1))
    assert not weights.converged


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("strength", -0.1),
        ("strength", np.inf),
        ("strength", "all"),
        ("utility_tolerance", -1e-3),
        ("lower", 0.5),
        ("upper", -0.5),
        ("tol", 0),
        ("max_iter", 0),
    ],
)
def test_parameter_out_of_range_is_named(name, value):
    weighting = SoftWeighting(**{name: value})
    with pytest.raises(ValueError, match=f"'{name}' parameter of SoftWeighting"):
        weighting.weigh(make_metrics())


@pytest.mark.parametrize("name", ["influence", "utility_influence"])
def test_influence_that_is_not_a_number_is_named(name):
    values = vars(make_metrics())
    values = {**values, name: np.where(np.arange(N) == 3, np.nan, values[name])}
    with pytest.raises(ValueError, match=f"(?s)Input {name} contains NaN"):
        SoftWeighting().weigh(LinearizedMetrics(**values))


def test_weighting_is_an_estimator():
    weighting = SoftWeighting(strength=0.4, upper=2.0)
    assert clone(weighting).get_params() == weighting.get_params()
    assert pickle.loads(pickle.dumps(weighting)).strength == 0.4
    assert weighting.set_params(lower=None).lower is None
    assert weighting.relinearizes


def weighted_metrics(rng, n=40):
    return LinearizedMetrics(
        influence=rng.normal(size=(2, n)) / n,
        constant=np.array([0.3, -0.2]),
        before=np.array([0.3, -0.2]),
        utility_influence=rng.normal(size=n) / n,
        utility_constant=0.5,
        utility_before=0.5,
    )


def test_a_sample_of_weight_two_counts_as_two_samples(rng):
    metrics = weighted_metrics(rng)
    counts = rng.integers(0, 4, 40)
    repeated = np.repeat(np.arange(40), counts)
    weighted = replace(
        metrics,
        influence=metrics.influence * counts,
        utility_influence=metrics.utility_influence * counts,
        sample_weight=counts.astype(float),
    )
    unrolled = replace(
        metrics,
        influence=metrics.influence[:, repeated],
        utility_influence=metrics.utility_influence[repeated],
    )
    expected = SoftWeighting(upper=2.0).weigh(unrolled).epsilon
    epsilon = SoftWeighting(upper=2.0).weigh(weighted).epsilon
    assert_allclose(epsilon[repeated], expected, atol=1e-9)
    assert not epsilon[counts == 0].any()


def test_later_weights_change_least_from_those_at_hand(rng):
    metrics = weighted_metrics(rng)
    around = rng.uniform(-1.0, 1.0, 40)
    around[:5] = -1.0
    weighting = SoftWeighting(strength=0.8, utility_tolerance=None)
    epsilon = weighting.weigh(replace(metrics, around=around)).epsilon
    assert_allclose(metrics.predict(epsilon), [0.06, -0.04], atol=1e-9)
    assert epsilon.min() >= -1.0
    cvxpy = pytest.importorskip("cvxpy")
    point = cvxpy.Variable(40)
    cvxpy.Problem(
        cvxpy.Minimize(cvxpy.sum_squares(point - around)),
        [metrics.influence @ point == [0.24, -0.16], point >= -1.0],
    ).solve(solver="CLARABEL")
    assert_allclose(epsilon, point.value, atol=1e-6)


# Nearly parallel rows may keep the solver from ending, which it says.
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("angle", 10.0 ** -np.arange(1, 15))
def test_a_target_that_rounding_misses_is_not_called_reached(rng, angle):
    row = 1e7 * rng.normal(size=200)
    metrics = LinearizedMetrics(
        influence=np.stack([row, row + 1e7 * angle * rng.normal(size=200)]),
        constant=np.array([0.4, -0.3]),
        before=np.array([0.4, -0.3]),
        utility_influence=rng.normal(size=200),
        utility_constant=0.5,
        utility_before=0.5,
    )
    weights = SoftWeighting(lower=None, utility_tolerance=None).weigh(metrics)
    missed = metrics.predict(weights.epsilon)
    rounding = 1e-14 * (np.abs(metrics.influence) @ np.abs(weights.epsilon)).max()
    assert_allclose(weights.shortfall, missed, atol=rounding)
    if angle >= 1e-6:
        assert weights.reachable
    if weights.reachable:
        assert np.linalg.norm(missed) <= 1e-6 * 0.5 + rounding
    else:
        assert np.linalg.norm(missed) >= 1e-9 * 0.5 - rounding
