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

from skswu.inputs import (
    Groups,
    LabeledData,
    read_control_features,
    read_sensitive_features,
)
from skswu.objectives import DemographicParity, EqualizedOdds, EqualOpportunity
from skswu.selection._decision_threshold import ThresholdSearch
from skswu.selection._disparities import Disparities
from skswu.selection._pooled_disparity import PooledDisparity
from skswu.selection._rules import HighestUtility
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


class Scored:
    """A fitted classifier, and what it is scored by."""

    def __init__(self, data, objective, disparity="auto"):
        self.fitted = LogisticRegression().fit(data.X, data.y)
        classes = self.fitted.classes_
        disparities = Disparities([objective], disparity, classes)
        self.scores = ThresholdedScores(data, self.fitted, disparities, "accuracy")
        self.scores.measure_original(SimpleNamespace(classifier=self.fitted))
        self.pooled = PooledDisparity(
            disparities, [self.scores.rows], [self.scores.before]
        )

    def disparity(self, predicted):
        candidate = SimpleNamespace(classifier=self.fitted)
        return self.pooled.measure([self.scores.outcome(candidate, predicted)]).value


@pytest.mark.parametrize("kind", METRICS)
def test_the_largest_difference_of_the_strata(data, kind):
    scored = Scored(data, kind())
    predicted = scored.fitted.predict(data.X)
    expected = largest_difference(METRICS[kind], data, predicted).max()
    assert_allclose(scored.disparity(predicted), expected, rtol=1e-12)
    overall = MetricFrame(
        metrics=METRICS[kind],
        y_true=data.y,
        y_pred=predicted,
        sensitive_features=data.groups.codes,
        sample_params={"sample_weight": data.weight},
    ).difference()
    assert abs(expected - overall) > 1e-3


def test_thresholds_are_tuned_by_the_strata(data):
    scored = Scored(data, EqualizedOdds())
    fitted, pooled = scored.fitted, scored.pooled
    search = ThresholdSearch(scored.scores, pooled, HighestUtility(0.1))
    threshold, counts, utility = search.curve(fitted)
    disparity = pooled.of_counts(counts).value
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
    scored = Scored(data, DemographicParity(), metric)
    fitted = scored.fitted
    predicted = fitted.predict(data.X)
    found = scored.disparity(predicted)
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


def test_a_stratum_of_one_group_is_left_out_and_told(data):
    groups = data.groups
    codes = np.where(groups.codes == 0, groups.strata.codes, 0)
    strata = Groups(codes, ["everyone", "women of the south"])
    data = LabeledData(data.X, data.y, groups.within(strata), data.weight)
    with pytest.warns(UserWarning, match=r"of one group only: .*women of the south"):
        scored = Scored(data, DemographicParity())
    predicted = scored.fitted.predict(data.X)
    expected = largest_difference(
        selection_rate, data.take(codes == 0), predicted[codes == 0]
    )
    assert_allclose(scored.disparity(predicted), expected)
