"""Weights of many strengths at once, against those of the solver that always ends."""

import warnings
from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skswu.rows import _design
from skswu.weighting import LinearizedMetrics, SoftWeighting
from skswu.weighting._linearized import linearized_around

STRENGTHS = [0.1, 0.3, 0.35, 0.9, 1.0, 0.2, 0.0]


def make_metrics(rng, n_metrics=1, n=400, **options):
    influence = rng.normal(size=(n_metrics, n)) + 0.2
    before = 0.08 * np.abs(influence).sum(axis=1)
    return LinearizedMetrics(
        influence=influence,
        constant=before,
        before=before,
        utility_influence=influence[0] + rng.normal(size=n),
        utility_constant=0.5,
        utility_before=0.5,
        **options,
    )


def solve(weighting, metrics, strengths=STRENGTHS):
    """Return the changes at each strength, and their weights."""
    linearized = linearized_around(
        np.vstack([metrics.influence, metrics.utility_influence]),
        np.append(metrics.constant, metrics.utility_constant),
        metrics.before,
        metrics.utility_before,
        metrics.sample_weight,
        metrics.around,
    )
    changes = weighting.solve(linearized, strengths)
    epsilon = [changes.collect(linearized.rows, k) for k in range(len(strengths))]
    return changes, np.array(epsilon)


@pytest.mark.parametrize("n_metrics", [1, 2, 3])
@pytest.mark.parametrize(
    "bounds", [{}, {"lower": -0.2}, {"lower": -0.5, "upper": 0.15}, {"lower": None}]
)
@pytest.mark.parametrize("tolerance", [0.0, 1e-3, None])
@pytest.mark.parametrize("weighted", [False, True])
def test_a_path_is_what_is_found_one_by_one(
    rng, n_metrics, bounds, tolerance, weighted
):
    weight = rng.integers(0, 4, 400).astype(float) if weighted else None
    metrics = make_metrics(rng, n_metrics, sample_weight=weight)
    if weighted:
        metrics.influence[:, weight == 0] = 0.0
        metrics.utility_influence[weight == 0] = 0.0
    weighting = SoftWeighting(utility_tolerance=tolerance, **bounds)
    changes, path = solve(weighting, metrics)
    for k, strength in enumerate(STRENGTHS):
        one = weighting.at(strength)
        sure, found = one._weigh_surely(metrics), one.weigh(metrics)
        for epsilon in (path[k], found.epsilon):
            assert_allclose(epsilon, sure.epsilon, rtol=0, atol=1e-9)
        assert found.reachable == sure.reachable == (changes.messages[k] is None)
        assert found.n_at_lower == sure.n_at_lower
        assert found.n_at_upper == sure.n_at_upper
        assert found.multipliers.shape == sure.multipliers.shape
        if found.reachable:
            assert_allclose(found.multipliers, sure.multipliers, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("weighted", [False, True])
def test_least_is_the_change_from_where_the_metrics_were_linearised(rng, weighted):
    weight = rng.uniform(0.5, 2.0, 400) if weighted else None
    around = rng.uniform(-0.5, 0.5, 400)
    metrics = make_metrics(rng, 2, sample_weight=weight, around=around)
    weighting = SoftWeighting(strength=0.8, utility_tolerance=None, lower=-0.55)
    found, sure = weighting.weigh(metrics), weighting._weigh_surely(metrics)
    assert found.n_at_lower > 0
    assert_allclose(found.epsilon, sure.epsilon, rtol=0, atol=1e-9)
    assert_allclose(metrics.predict(found.epsilon), 0.2 * metrics.before, rtol=1e-9)


def test_a_subclass_has_its_say_along_a_path(rng):
    class Sparing(SoftWeighting):
        def _weigh(self, metrics):
            touched = np.arange(metrics.influence.shape[1]) >= 100
            return super()._weigh(
                replace(metrics, influence=metrics.influence * touched)
            )

    metrics = make_metrics(rng)
    weighting = Sparing(utility_tolerance=None)
    _, path = solve(weighting, metrics)
    for strength, epsilon in zip(STRENGTHS, path, strict=True):
        alone = weighting.at(strength).weigh(metrics)
        assert_array_equal(epsilon, alone.epsilon)
        assert not epsilon[:100].any()


def test_a_target_of_ones_own_is_aimed_at_along_a_path(rng):
    class Above(SoftWeighting):
        def target(self, before):
            return super().target(before) + 0.1 * np.asarray(before)

    metrics = make_metrics(rng)
    _, path = solve(Above(), metrics, [0.5])
    assert_allclose(metrics.predict(path[0]), 0.6 * metrics.before, rtol=1e-9)


def test_dependent_rows_are_no_obstacle(rng):
    metrics = make_metrics(rng, 2)
    metrics.influence[1] = -2.0 * metrics.influence[0]
    metrics.before[1] = metrics.constant[1] = -2.0 * metrics.before[0]
    _, path = solve(SoftWeighting(), metrics)
    for strength, epsilon in zip(STRENGTHS, path, strict=True):
        sure = SoftWeighting(strength=strength)._weigh_surely(metrics)
        assert_allclose(epsilon, sure.epsilon, rtol=0, atol=1e-9)


def test_a_floor_that_becomes_active_does_not_send_it_to_the_sure_solver(
    rng, monkeypatch
):
    def refuse(self, *_):
        raise AssertionError("the general solver was asked")

    monkeypatch.setattr(SoftWeighting, "_find_surely", refuse)
    metrics = make_metrics(rng, 12, n=3000)
    # The utility would be given up by the least repair alone.
    against = 0.1 * rng.normal(size=3000) - metrics.influence.sum(axis=0) / 50.0
    metrics = replace(metrics, utility_influence=against)
    weighting = SoftWeighting(lower=-0.4, utility_tolerance=0.0)
    changes, path = solve(weighting, metrics, np.linspace(0.05, 1, 20))
    assert (changes.multipliers[:, -1] > 0).any()
    for epsilon in path:
        assert metrics.utility_influence @ epsilon >= -1e-9


@pytest.mark.parametrize("n_metrics", [1, 3])
def test_rows_read_in_blocks_give_the_same_point(rng, n_metrics, monkeypatch):
    metrics = make_metrics(rng, n_metrics, sample_weight=rng.uniform(0.5, 2, 400))
    weighting = SoftWeighting(lower=-0.03)
    whole = weighting.weigh(metrics)
    monkeypatch.setattr(_design, "_MIN_BLOCK_ROWS", 37)
    monkeypatch.setattr(_design, "_BLOCK_ENTRIES", 1)
    parts = weighting.weigh(metrics)
    assert parts.n_at_lower == whole.n_at_lower > 0
    assert_allclose(parts.epsilon, whole.epsilon, rtol=0, atol=1e-12)


def test_rows_whose_squares_overflow_are_left_to_the_general_solver(rng):
    metrics = make_metrics(rng)
    huge = replace(
        metrics,
        influence=1e160 * metrics.influence,
        constant=1e160 * metrics.constant,
        before=1e160 * metrics.before,
    )
    weighting = SoftWeighting(lower=-0.5)
    assert_allclose(
        weighting.weigh(huge).epsilon, weighting.weigh(metrics).epsilon, atol=1e-9
    )


def test_an_unreachable_target_is_left_to_the_general_solver(rng):
    metrics = make_metrics(rng)
    weighting = SoftWeighting(lower=-0.01, upper=0.01)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        changes, path = solve(weighting, metrics, [1.0, 1e-4])
    sure = weighting._weigh_surely(metrics)
    assert changes.messages == (sure.message, None)
    assert not changes.are_combinations
    assert_allclose(path[0], sure.epsilon)


def test_influences_that_are_no_numbers_are_refused_along_a_path(rng):
    metrics = make_metrics(rng)
    metrics.influence[0, 3] = np.nan
    with pytest.raises(ValueError, match="influence contains NaN"):
        solve(SoftWeighting(), metrics)
