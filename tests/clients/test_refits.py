"""Refits under every configuration, of nested classifiers and of any columns."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
import sklearn
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    StackingClassifier,
    VotingClassifier,
)
from sklearn.exceptions import UnsetMetadataPassedError
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from skswu import UnlearningClassifier
from skswu.updates import Refit

pytestmark = [
    pytest.mark.filterwarnings("ignore::skswu.exceptions.UtilityLossWarning"),
    pytest.mark.filterwarnings("ignore::skswu.exceptions.UnreachableTargetWarning"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]

CONFIGURATIONS = {
    "routing": {"enable_metadata_routing": True},
    "pandas": {"transform_output": "pandas"},
    "polars": {"transform_output": "polars"},
}


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    group = rng.integers(0, 2, 300)
    X = rng.normal(size=(300, 3))
    X[:, 0] += group
    y = (X[:, 0] + X[:, 1] + rng.logistic(size=300) > 0.5).astype(int)
    return pd.DataFrame(X, columns=list("abc")), y, group


def repairs(classifier, X, y, group, **options):
    update = Refit(max_refits=2, **options)
    model = UnlearningClassifier(classifier, update=update, validation_fraction=None)
    model.fit(X, y, sensitive_features=group)
    return abs(model.objective_after_[0]) < 0.5 * abs(model.objective_before_[0])


@pytest.mark.contract
@pytest.mark.parametrize("form", [lambda frame: frame, pl.from_pandas])
@pytest.mark.parametrize(
    "classifier",
    [
        HistGradientBoostingClassifier(max_iter=4),
        RandomForestClassifier(5, max_depth=3, random_state=0),
    ],
    ids=lambda classifier: type(classifier).__name__,
)
def test_trees_are_refitted_to_frames(data, classifier, form):
    X, y, group = data
    assert repairs(classifier, form(X), y, group)


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_refits_under_a_configuration_are_those_without(data, name):
    X, y, group = data
    forest = RandomForestClassifier(5, max_depth=3, random_state=0)
    model = UnlearningClassifier(
        forest, update=Refit(max_refits=1), validation_fraction=None
    )
    expected = model.fit(X, y, sensitive_features=group).epsilon_
    with sklearn.config_context(**CONFIGURATIONS[name]):
        model.fit(X, y, sensitive_features=group)
    np.testing.assert_allclose(model.epsilon_, expected)


def linear(requests):
    model = LogisticRegression()
    return model.set_fit_request(sample_weight=True) if requests else model


def searched(requests):
    model = linear(requests)
    model = model.set_score_request(sample_weight=False) if requests else model
    return GridSearchCV(model, {"C": [0.1, 1.0]}, cv=2)


MADE_OF_OTHERS = {
    "voting": lambda r: VotingClassifier([("l", linear(r))], voting="soft"),
    "stacking": lambda r: StackingClassifier([("l", linear(r))], linear(r), cv=2),
    "stacking by default": lambda r: StackingClassifier([("l", linear(r))], cv=2),
    "calibrated": lambda r: CalibratedClassifierCV(linear(r), cv=2),
    "search": searched,
}


@pytest.mark.parametrize("requests", [False, True], ids=["by name", "by request"])
@pytest.mark.parametrize("name", MADE_OF_OTHERS)
def test_classifiers_made_of_others_take_weights(data, name, requests):
    X, y, group = data
    with sklearn.config_context(enable_metadata_routing=requests):
        classifier = MADE_OF_OTHERS[name](requests)
        assert repairs(classifier, X, y, group)


def test_a_request_that_lacks_is_told(data):
    X, y, group = data
    with sklearn.config_context(enable_metadata_routing=True):
        classifier = VotingClassifier([("l", LogisticRegression())], voting="soft")
        # Of scikit-learn itself before version 1.7.
        told = "none of its estimators requests it by|not explicitly set as requested"
        with pytest.raises((TypeError, UnsetMetadataPassedError), match=told):
            repairs(classifier, X, y, group)


@pytest.mark.parametrize("form", [lambda frame: frame, pl.from_pandas])
def test_mixed_and_missing_values_are_read(data, form):
    X, y, group = data
    X = X.assign(kind=pd.Categorical(list("ab") * 150), flag=X["a"] > 0)
    X.loc[:9, "b"] = np.nan
    classifier = HistGradientBoostingClassifier(
        max_iter=4, categorical_features="from_dtype"
    )
    assert repairs(classifier, form(X), y, group)


class ReadsNumbersOnly(LogisticRegression):
    """Takes frames with columns of objects, of which it reads none."""

    def fit(self, X, y, sample_weight=None):
        return super().fit(X[["a", "b"]], y, sample_weight=sample_weight)

    def predict_proba(self, X):
        return super().predict_proba(X[["a", "b"]])

    def predict(self, X):
        return super().predict(X[["a", "b"]])


def test_columns_of_mixed_objects_are_read(data):
    X, y, group = data
    X = X.assign(mixed=np.array([1, "a", None, 2.5] * 75, dtype=object))
    classifier = make_pipeline("passthrough", GridSearchCV(ReadsNumbersOnly(), {}))
    assert repairs(classifier, X, y, group)


def test_rows_that_no_stand_in_reads_are_told(data):
    _, y, group = data
    texts = [f"w{label} g{one}" for label, one in zip(y, group, strict=True)]
    classifier = GridSearchCV(
        make_pipeline(CountVectorizer(), LogisticRegression()), {}
    )
    with pytest.raises(TypeError, match=r"Refit\(influence_estimator=\.\.\.\)"):
        repairs(classifier, texts, y, group)
