"""Weights by plain Newton steps against those of the solver that always ends."""

import warnings
from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose

from skswu.weighting import LinearizedMetrics, SoftWeighting, _row_space
from skswu.weighting import _plain_newton as module

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
    path = weighting.weigh_along(metrics, STRENGTHS)
    for strength, found in zip(STRENGTHS, path, strict=True):
        alone = SoftWeighting(
            strength=strength, utility_tolerance=tolerance, **bounds
        )._weigh_surely(metrics)
        assert_allclose(found.epsilon, alone.epsilon, rtol=0, atol=1e-9)
        assert found.reachable == alone.reachable
        assert found.n_at_lower == alone.n_at_lower
        assert found.n_at_upper == alone.n_at_upper
        assert found.multipliers.shape == alone.multipliers.shape
        if found.reachable:
            assert_allclose(found.multipliers, alone.multipliers, rtol=1e-6, atol=1e-9)


def test_a_subclass_has_its_say_along_a_path(rng):
    class Sparing(SoftWeighting):
        def _weigh(self, metrics):
            touched = np.arange(metrics.influence.shape[1]) >= 100
            return super()._weigh(
                replace(metrics, influence=metrics.influence * touched)
            )

    metrics = make_metrics(rng)
    weighting = Sparing(utility_tolerance=None)
    path = weighting.weigh_along(metrics, STRENGTHS)
    for strength, found in zip(STRENGTHS, path, strict=True):
        alone = Sparing(strength=strength, utility_tolerance=None).weigh(metrics)
        assert_allclose(found.epsilon, alone.epsilon, rtol=0, atol=1e-12)
        assert not found.epsilon[:100].any()


def test_dependent_rows_are_no_obstacle(rng):
    metrics = make_metrics(rng, 2)
    metrics.influence[1] = -2.0 * metrics.influence[0]
    metrics.before[1] = metrics.constant[1] = -2.0 * metrics.before[0]
    for strength, found in zip(
        STRENGTHS, SoftWeighting().weigh_along(metrics, STRENGTHS), strict=True
    ):
        alone = SoftWeighting(strength=strength)._weigh_surely(metrics)
        assert_allclose(found.epsilon, alone.epsilon, rtol=0, atol=1e-9)


def test_neighbours_need_few_steps(rng, monkeypatch):
    metrics = make_metrics(rng)

    def refuse(self, metrics):
        raise AssertionError("the general solver was asked")

    monkeypatch.setattr(SoftWeighting, "_weigh_surely", refuse)
    weighting = SoftWeighting(lower=-0.05, max_iter=3)
    assert len(list(weighting.weigh_along(metrics, np.linspace(0.02, 1, 50)))) == 50


@pytest.mark.parametrize("n_metrics", [1, 3])
def test_rows_read_in_blocks_give_the_same_point(rng, n_metrics, monkeypatch):
    metrics = make_metrics(rng, n_metrics, sample_weight=rng.uniform(0.5, 2, 400))
    weighting = SoftWeighting(lower=-0.03)
    whole = weighting.weigh(metrics)
    monkeypatch.setattr(_row_space, "BLOCK_LENGTH", 37)
    for kept in (0, 10**6):
        monkeypatch.setattr(module, "_MAX_KEPT_ENTRIES", kept)
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
        (found,) = weighting.weigh_along(metrics, [1.0])
    alone = weighting._weigh_surely(metrics)
    assert not found.reachable
    assert found.message == alone.message
    assert_allclose(found.epsilon, alone.epsilon)


def test_a_multiplier_of_a_slack_floor_is_given_up(rng):
    rows = rng.normal(size=(2, 50))
    start = module.PlainNewton(rows, 1, -np.inf, np.inf, 1e-12)
    # Multipliers that meet the equality with the floor pushing for nothing.
    pushing = np.array([0.0, 0.5]) / start.inverse_norms
    target = (pushing * start.inverse_norms) @ rows @ rows[0]
    start._known = [(1.0, pushing)]
    multipliers, epsilon = start.solve(1.0, np.array([target, -100.0]))
    assert multipliers[1] == 0.0
    assert_allclose(epsilon, rows[0] * target / (rows[0] @ rows[0]), rtol=1e-9)
