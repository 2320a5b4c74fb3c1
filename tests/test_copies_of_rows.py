"""Where all rows are taken, X reaches the estimator as it was given."""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skswu import UnlearningClassifier, UnlearningClassifierCV
from skswu.inspection import influence_values, leave_one_out

SEEN = []


class Watching(FunctionTransformer):
    """Keeps what it is given and passes it on."""

    def fit(self, X, y=None):
        SEEN.append(X)
        return super().fit(X, y)

    def transform(self, X):
        SEEN.append(X)
        return X


@pytest.fixture(autouse=True)
def _nothing_seen():
    SEEN.clear()
    yield
    SEEN.clear()


@pytest.fixture(params=[np.asarray, pd.DataFrame, sparse.csr_array])
def data(request, rng):
    X = rng.normal(size=(200, 3))
    group = X[:, 1] > 0
    y = (X[:, 0] + 0.5 * group + rng.logistic(size=200) > 0).astype(int)
    return request.param(X), y, np.where(group, "a", "b")


@pytest.fixture
def pipeline():
    return make_pipeline(Watching(), LogisticRegression())


def are_all(X):
    """Whether all that was seen is X itself, as many times as there is a step."""
    return len(SEEN) > 1 and all(seen is X for seen in SEEN)


@pytest.mark.parametrize("kind", [UnlearningClassifier, UnlearningClassifierCV])
def test_fit_on_all_rows_copies_nothing(data, pipeline, kind):
    X, y, group = data
    model = kind(pipeline, validation_fraction=None)
    model.fit(X, y, sensitive_features=group)
    assert are_all(X)
    np.testing.assert_array_equal(model.train_indices_, np.arange(200))
    assert model.validation_indices_ is None


def test_fit_of_a_frozen_estimator_copies_nothing(data, pipeline):
    X, y, group = data
    model = UnlearningClassifier(FrozenEstimator(pipeline.fit(X, y)))
    model.fit(X, y, sensitive_features=group)
    assert are_all(X)


@pytest.mark.parametrize("kind", [UnlearningClassifier, UnlearningClassifierCV])
def test_unlearn_copies_nothing(data, pipeline, kind):
    X, y, group = data
    kind(pipeline.fit(X, y)).unlearn(X, y, sensitive_features=group)
    assert are_all(X)


@pytest.mark.parametrize("question", [influence_values, leave_one_out])
@pytest.mark.parametrize("corrected", [False, True])
def test_inspection_copies_nothing(data, pipeline, question, corrected):
    X, y, group = data
    estimator = pipeline.fit(X, y)
    if corrected:
        estimator = UnlearningClassifier(pipeline, validation_fraction=None)
        estimator.fit(X, y, sensitive_features=group)
    SEEN[1:] = []
    question(estimator, X, y, sensitive_features=group)
    assert are_all(X)


def test_held_out_rows_are_still_held_out(data, pipeline):
    X, y, group = data
    model = UnlearningClassifier(pipeline, validation_fraction=0.2)
    model.fit(X, y, sensitive_features=group)
    assert {seen.shape[0] for seen in SEEN} == {160, 40}
