"""Fairness scorers where labels at decision thresholds are scored."""

import numpy as np
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


def tuned(scorer, X, y, group):
    model = TunedThresholdClassifierCV(
        LogisticRegression(),
        scoring=scorer,
        cv=[(TRAIN, TEST)],
        thresholds=4,
        store_cv_results=True,
    )
    with sklearn.config_context(enable_metadata_routing=True):
        return model.fit(X, y, sensitive_features=group)


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
    curve = tuned(scorer, X, labels, group).cv_results_
    fitted = LogisticRegression().fit(X[TRAIN], labels[TRAIN])
    for threshold, score in zip(curve["thresholds"], curve["scores"], strict=True):
        fixed = FixedThresholdClassifier(
            FrozenEstimator(fitted), threshold=threshold, pos_label="yes"
        ).fit(X, labels)
        expected = scorer(fixed, X[TEST], labels[TEST], sensitive_features=group[TEST])
        assert_allclose(score, expected)


def test_a_scorer_that_names_columns_says_to_route_them(data):
    X, y, _ = data
    scorer = make_fairness_scorer(METRIC, sensitive_features=0)
    model = TunedThresholdClassifierCV(LogisticRegression(), scoring=scorer, cv=2)
    with pytest.raises(ValueError, match=r"to read 0 from X.*never X.*pass them"):
        model.fit(X, y)


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
        tuned(scorer, X, y, group)
