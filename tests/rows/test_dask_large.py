"""Many rows with two workers give what they give in memory."""

import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.linear_model import LogisticRegression

from skswu import UnlearningClassifier, UnlearningClassifierCV

da = pytest.importorskip("dask.array")
distributed = pytest.importorskip("distributed")

pytestmark = [
    pytest.mark.large,
    pytest.mark.filterwarnings(
        # Of sockets and event loops that distributed leaves to the collector.
        "default::ResourceWarning",
        "default::DeprecationWarning",
        "default::pytest.PytestUnraisableExceptionWarning",
        # The rows are the test's own, and go to the workers with the graph.
        "ignore:Sending large graph:UserWarning",
    ),
]

N_ROWS, CHUNK = 1_000_000, 60_000

MODELS = {
    "one step": UnlearningClassifier,
    "several steps": lambda fitted: UnlearningClassifier(fitted).set_params(
        update__max_iter="auto"
    ),
    "path": UnlearningClassifierCV,
}


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    X, group = rng.normal(size=(N_ROWS, 30)), rng.integers(0, 3, N_ROWS)
    margin = X @ rng.normal(size=30) / 5 + 0.3 * group
    return X, margin + rng.logistic(size=N_ROWS) > 0.3, group


@pytest.fixture(scope="module")
def client():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with (
            distributed.LocalCluster(
                n_workers=2, threads_per_worker=1, dashboard_address=None
            ) as cluster,
            distributed.Client(cluster) as client,
        ):
            yield client


@pytest.mark.parametrize("name", MODELS)
def test_corrections_are_those_of_arrays(client, data, name):
    X, y, group = data
    fitted = LogisticRegression().fit(X, y)
    local = MODELS[name](fitted).unlearn(X, y, sensitive_features=group)
    X, y, group = (da.from_array(one, (CHUNK, -1)[: one.ndim]) for one in data)
    model = MODELS[name](fitted).unlearn(X, y, sensitive_features=group)
    coef, expected = (one.estimator_.coef_ for one in (model, local))
    assert_allclose(coef, expected, atol=1e-10)
    assert_allclose(model.epsilon_.compute(), local.epsilon_, atol=1e-9)
    assert_allclose(model.objective_after_, local.objective_after_, atol=1e-10)
    assert_allclose(model.objective_se_, local.objective_se_, rtol=1e-9)
