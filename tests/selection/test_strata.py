"""Disparities of predicted labels within strata, against fairlearn's."""

from types import SimpleNamespace

import numpy as np
import pytest
from fairlearn.metrics import (
    MetricFrame,
    mean_prediction,
    selection_rate,
    true_positive_rate,
)
from numpy.testing import assert_allclose
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score

from skswu.inputs import LabeledData, read_control_features, read_sensitive_features
from skswu.objectives import DemographicParity, EqualizedOdds, EqualOpportunity
from skswu.selection._decision_threshold import ThresholdSearch
from skswu.selection._thresholded_scores import ThresholdedScores

METRICS = {DemographicParity: selection_rate, EqualOpportunity: true_positive_rate}


@pytest.fixture
def data(rng):
    X = rng.normal(size=(600, 3))
    group = np.where(rng.random(600) < 0.5, "f", "m")
    region = np.where(X[:, 1] > 0, "north", "south")
    y = (X[:, 0] + (group == "m") + rng.logistic(size=600) > 0.5).astype(int)
    weight = rng.integers(1, 4, 600).astype(float)
    groups = read_sensitive_features(group, X, None, 600)
    strata = read_control_features(region, X, None, 600)
    return LabeledData(X, y, groups.within(strata), weight)


def largest_difference(metric, data, predicted):
    """By fairlearn, the largest of the strata."""
    groups = data.groups
    return MetricFrame(
        metrics=metric,
        y_true=data.y,
        y_pred=predicted,
        sensitive_features=groups.codes,
        control_features=groups.strata.codes,
        sample_params={"sample_weight": data.weight},
    ).difference()


def scored(data, objective, disparity="auto"):
    fitted = LogisticRegression().fit(data.X, data.y)
    scores = ThresholdedScores(data, fitted, [objective], disparity, "accuracy")
    return fitted, scores, SimpleNamespace(classifier=fitted)


@pytest.mark.parametrize("kind", METRICS)
def test_the_largest_difference_of_the_strata(data, kind):
    fitted, scores, candidate = scored(data, kind())
    predicted = fitted.predict(data.X)
    expected = largest_difference(METRICS[kind], data, predicted).max()
    assert_allclose(scores.disparity(candidate, predicted), expected, rtol=1e-12)
    overall = MetricFrame(
        metrics=METRICS[kind],
        y_true=data.y,
        y_pred=predicted,
        sensitive_features=data.groups.codes,
        sample_params={"sample_weight": data.weight},
    ).difference()
    assert abs(expected - overall) > 1e-3


def test_thresholds_are_tuned_by_the_strata(data):
    fitted, scores, _ = scored(data, EqualizedOdds())
    threshold, disparity, utility = ThresholdSearch(scores).curve(fitted)
    assert len(threshold) > 100
    for at in (10, 90, 150):
        predicted = fitted.decision_function(data.X) > threshold[at]
        flipped = LabeledData(data.X, 1 - data.y, data.groups, data.weight)
        right = largest_difference(true_positive_rate, data, predicted).max()
        wrong = largest_difference(true_positive_rate, flipped, predicted).max()
        assert_allclose(disparity[at], max(right, wrong), atol=1e-12)
        expected = accuracy_score(data.y, predicted, sample_weight=data.weight)
        assert_allclose(utility[at], expected)


@pytest.mark.parametrize("disparity", ["true_negative_rate_ratio", None])
def test_metrics_that_counts_do_not_tell(data, disparity):
    metric = disparity or "calibration_in_the_large_difference"
    fitted, scores, candidate = scored(data, DemographicParity(), metric)
    predicted = fitted.predict(data.X)
    found = scores.disparity(candidate, predicted)
    if disparity:
        rates = MetricFrame(
            metrics=selection_rate,
            y_true=data.y[data.y == 0],
            y_pred=1 - predicted[data.y == 0],
            sensitive_features=data.groups.codes[data.y == 0],
            control_features=data.groups.strata.codes[data.y == 0],
            sample_params={"sample_weight": data.weight[data.y == 0]},
        )
        assert_allclose(found, (1 - rates.ratio()).max())
    else:
        excess = MetricFrame(
            metrics=mean_prediction,
            y_true=data.y,
            y_pred=fitted.predict_proba(data.X)[:, 1] - data.y,
            sensitive_features=data.groups.codes,
            control_features=data.groups.strata.codes,
            sample_params={"sample_weight": data.weight},
        )
        assert_allclose(found, excess.by_group.abs().max())
