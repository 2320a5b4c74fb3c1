"""Hard weighting, against a sort by hand."""

import numpy as np
import pytest
from sklearn.base import clone

from skswu.weighting import (
    WEIGHTINGS,
    HardWeighting,
    LinearizedMetrics,
    SoftWeighting,
    register_weighting,
)


def make_metrics(influence, constant):
    influence = np.array(influence, dtype=float)
    return LinearizedMetrics(
        influence=influence,
        constant=np.array(constant, dtype=float),
        before=np.array(constant, dtype=float),
        utility_influence=np.zeros(influence.shape[1]),
        utility_constant=0.4,
        utility_before=0.4,
    )


def test_removal_lowers_the_metric_whatever_its_sign():
    influence = [[0.3, -0.2, 0.1, -0.4]]
    positive = HardWeighting(n_samples=1).weigh(make_metrics(influence, [1.0]))
    negative = HardWeighting(n_samples=1).weigh(make_metrics(influence, [-1.0]))
    np.testing.assert_array_equal(positive.epsilon, [0, 0, 0, -1])
    np.testing.assert_array_equal(negative.epsilon, [-1, 0, 0, 0])
    # Removing sample 3 changes the metric by its influence.
    np.testing.assert_allclose(positive.shortfall, [0.6])


def test_several_metrics_count_by_their_size():
    rng = np.random.default_rng(0)
    metrics = make_metrics(rng.normal(size=(3, 200)), rng.normal(size=3))
    epsilon = HardWeighting(n_samples=20).weigh(metrics).epsilon

    def half_square(values):
        return 0.5 * values @ values

    step = 1e-7
    gains = [
        half_square(metrics.constant)
        - half_square(metrics.constant + step * metrics.influence[:, i])
        for i in range(200)
    ]
    best = np.sort(np.argsort(gains)[-20:])
    np.testing.assert_array_equal(np.flatnonzero(epsilon), best)


def test_samples_that_do_not_help_are_kept():
    metrics = make_metrics([[0.3, -0.2, 0.0, -0.4]], [1.0])
    weights = HardWeighting(fraction=1.0).weigh(metrics)
    np.testing.assert_array_equal(weights.epsilon, [0, -1, 0, -1])
    assert weights.message == "2 of 4 samples are removed."
    assert weights.n_at_lower == 2


def test_first_of_equal_samples_is_removed():
    influence = np.where(np.arange(1000) % 3 == 0, -0.2, -0.1)
    weights = HardWeighting(n_samples=400).weigh(make_metrics([influence], [1.0]))
    larger, smaller = np.flatnonzero(influence == -0.2), np.arange(1000)
    smaller = smaller[influence == -0.1][: 400 - len(larger)]
    expected = np.sort(np.concatenate([larger, smaller]))
    np.testing.assert_array_equal(np.flatnonzero(weights.epsilon), expected)


@pytest.mark.parametrize(
    ("options", "removed"),
    [
        ({}, 5),
        ({"fraction": 0.29}, 29),
        ({"fraction": 0.0}, 0),
        ({"n_samples": 7}, 7),
        ({"n_samples": 0}, 0),
        ({"fraction": 0.5, "n_samples": 3}, 3),
    ],
)
def test_number_removed(options, removed):
    metrics = make_metrics([-np.arange(1.0, 101)], [1.0])
    epsilon = HardWeighting(**options).weigh(metrics).epsilon
    assert (epsilon == -1).sum() == removed
    assert (epsilon == 0).sum() == 100 - removed


def test_target_is_no_gap():
    np.testing.assert_array_equal(HardWeighting().target([0.3, -0.1]), [0, 0])


@pytest.mark.parametrize(
    ("name", "value"),
    [("fraction", 1.5), ("fraction", -0.1), ("n_samples", -1), ("n_samples", 0.5)],
)
def test_parameter_out_of_range_is_named(name, value):
    weighting = HardWeighting(**{name: value})
    with pytest.raises(ValueError, match=f"'{name}' parameter of HardWeighting"):
        weighting.check_params()


def test_more_samples_than_there_are_is_an_error():
    metrics = make_metrics([[0.1, 0.2]], [1.0])
    with pytest.raises(ValueError, match=r"must be at most 2.*Got 3"):
        HardWeighting(n_samples=3).weigh(metrics)


def test_weighting_is_an_estimator():
    weighting = HardWeighting(fraction=0.2)
    assert clone(weighting).get_params() == {"fraction": 0.2, "n_samples": None}
    assert not weighting.relinearizes


def test_weightings_are_known_by_name(monkeypatch):
    monkeypatch.setattr(WEIGHTINGS, "_entries", dict(WEIGHTINGS._entries))
    assert isinstance(WEIGHTINGS.resolve("soft"), SoftWeighting)
    assert isinstance(WEIGHTINGS.resolve("hard"), HardWeighting)
    register_weighting("again", HardWeighting)
    assert isinstance(WEIGHTINGS.resolve("again"), HardWeighting)
    with pytest.raises(TypeError, match="must subclass BaseWeighting"):
        register_weighting("wrong", dict)


def test_samples_whose_gain_is_rounding_are_kept():
    gains = np.array([0.3, 1e-17, -0.2, 1e-14, 0.01, 0.0])
    metrics = make_metrics(-gains[None], [0.5])
    epsilon = HardWeighting(fraction=1.0).weigh(metrics).epsilon
    assert epsilon.tolist() == [-1.0, 0.0, 0.0, 0.0, -1.0, 0.0]


def test_a_metric_that_no_weight_moves_removes_nothing():
    metrics = make_metrics(1e-14 * np.array([[-1.0, 2.0, -3.0]]), [0.5])
    assert not HardWeighting(fraction=1.0).weigh(metrics).epsilon.any()
