"""Fairness scorers where labels at decision thresholds are scored."""

import numpy as np
import pandas as pd
import pytest
import sklearn
from numpy.testing import assert_allclose
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import FixedThresholdClassifier, TunedThresholdClassifierCV

from skswu import UnlearningClassifierCV
from skswu.metrics import make_fairness_scorer

METRIC = "demographic_parity_difference"
TRAIN, TEST = np.arange(60), np.arange(60, 120)


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    group = rng.integers(0, 2, 120)
    X = rng.normal(size=(120, 3))
    X[:, 0] += group
    y = (X[:, 0] + X[:, 1] + rng.logistic(size=120) > 0.5).astype(int)
    return X, y, np.where(group == 1, "m", "f")


def tuned(scorer, X, y, **metadata):
    model = TunedThresholdClassifierCV(
        LogisticRegression(),
        scoring=scorer,
        cv=[(TRAIN, TEST)],
        thresholds=4,
        store_cv_results=True,
    )
    with sklearn.config_context(enable_metadata_routing=True):
        return model.fit(X, y, **metadata)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"utility": "accuracy", "max_disparity": 0.2},
        {"utility": "f1", "max_disparity": 1.0},
    ],
)
@pytest.mark.parametrize("pos_label", [None, "yes"])
def test_thresholds_are_tuned_by_what_the_scorer_says(data, options, pos_label):
    X, y, group = data
    labels = np.array(["no", "yes"])[y]
    scorer = make_fairness_scorer(METRIC, pos_label=pos_label, **options)
    curve = tuned(scorer, X, labels, sensitive_features=group).cv_results_
    fitted = LogisticRegression().fit(X[TRAIN], labels[TRAIN])
    for threshold, score in zip(curve["thresholds"], curve["scores"], strict=True):
        fixed = FixedThresholdClassifier(
            FrozenEstimator(fitted), threshold=threshold, pos_label="yes"
        ).fit(X, labels)
        expected = scorer(fixed, X[TEST], labels[TEST], sensitive_features=group[TEST])
        assert_allclose(score, expected)


@pytest.mark.parametrize("column", ["d", [-1], [3, "d"]])
def test_columns_of_x_are_read_at_thresholds(data, column):
    X, y, group = data
    frame = pd.DataFrame(X, columns=["a", "b", "c"]).assign(d=group == "m")
    by_column = make_fairness_scorer(METRIC, sensitive_features=column)
    scores = tuned(by_column, frame, y).cv_results_["scores"]
    routed = tuned(make_fairness_scorer(METRIC), frame, y, sensitive_features=group)
    assert_allclose(scores, routed.cv_results_["scores"])
    assert np.ptp(scores) > 0


def test_a_scorer_of_labels_alone_says_how_to_pass_groups(data):
    _, y, _ = data
    scorer = make_fairness_scorer(METRIC, sensitive_features=0)
    with pytest.raises(ValueError, match=r"to read 0 from X.*labels alone.*Pass it"):
        scorer._score_func(y, y)


def test_a_threshold_is_tuned_by_groups_in_a_column_of_x(data):
    X, y, group = data
    X = np.column_stack([X, group == "m"])
    model = UnlearningClassifierCV(
        LogisticRegression(), strengths=[0], tune_threshold=True, sensitive_features=3
    ).fit(X, y)
    rates = [model.predict(X)[group == one].mean() for one in "fm"]
    plain = [model.original_estimator_.predict(X)[group == one].mean() for one in "fm"]
    assert abs(rates[1] - rates[0]) < abs(plain[1] - plain[0])


@pytest.mark.parametrize(
    ("metric", "options", "message"),
    [
        ("loss_parity_difference", {}, "compare probabilities"),
        (
            METRIC,
            {"utility": "roc_auc", "max_disparity": 1.0},
            "has no value at",
        ),
    ],
)
def test_what_labels_do_not_tell_is_refused(data, metric, options, message):
    X, y, group = data
    scorer = make_fairness_scorer(metric, **options)
    with pytest.raises(ValueError, match=message):
        tuned(scorer, X, y, sensitive_features=group)
