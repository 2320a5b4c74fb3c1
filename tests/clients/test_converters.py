"""Corrected models go where scikit-learn's go, as the page of saved models says."""

from inspect import signature

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import FixedThresholdClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skswu import UnlearningClassifier, UnlearningClassifierCV

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture
def data(rng):
    group = rng.integers(0, 2, 200)
    X = rng.normal(size=(200, 3)) + 0.5 * group[:, None]
    y = (X[:, 0] + rng.logistic(size=200) > 0).astype(int)
    return X.astype(np.float32), y, group


def converted(estimator, X):
    """Return labels and probabilities of the second class by ONNX."""
    skl2onnx = pytest.importorskip("skl2onnx")
    onnxruntime = pytest.importorskip("onnxruntime")
    stored = skl2onnx.to_onnx(estimator, X[:1], options={"zipmap": False})
    session = onnxruntime.InferenceSession(stored.SerializeToString())
    labels, probabilities = session.run(None, {"X": X})
    return labels, probabilities[:, 1]


@pytest.mark.parametrize(
    "estimator",
    [LogisticRegression(), make_pipeline(StandardScaler(), LogisticRegression())],
)
def test_a_corrected_model_is_converted(data, estimator):
    X, y, group = data
    model = UnlearningClassifier(estimator).fit(X, y, sensitive_features=group)
    labels, probabilities = converted(model.estimator_, X)
    assert_array_equal(labels, model.predict(X))
    assert_allclose(probabilities, model.predict_proba(X)[:, 1], atol=1e-5)


def test_one_with_a_tuned_threshold_is_converted_below_it(data):
    X, y, group = data
    model = UnlearningClassifierCV(
        LogisticRegression(), strengths=3, max_disparity=0.1, tune_threshold=True
    ).fit(X, y, sensitive_features=group)
    assert model.threshold_ is not None
    within = model.estimator_.estimator_.estimator
    _, probabilities = converted(within, X)
    passed = probabilities >= 1 / (1 + np.exp(-model.threshold_))
    # Where single precision decides, any label is right.
    clear = np.abs(model.decision_function(X) - model.threshold_) > 1e-4
    assert_array_equal(passed[clear], model.predict(X)[clear])


def test_one_with_a_threshold_of_its_own_is_converted_below_it(data):
    X, y, group = data
    model = UnlearningClassifier(
        FixedThresholdClassifier(LogisticRegression(), threshold=0.7)
    ).fit(X, y, sensitive_features=group)
    _, probabilities = converted(model.estimator_.estimator_, X)
    clear = np.abs(probabilities - 0.7) > 1e-4
    assert_array_equal((probabilities >= 0.7)[clear], model.predict(X)[clear])


@pytest.mark.parametrize("form", ["corrected alone", "whole", "whole, by pickle"])
def test_mlflow_logs_and_loads(data, tmp_path, monkeypatch, form):
    mlflow = pytest.importorskip("mlflow")
    log_model = mlflow.sklearn.log_model
    options = {}
    if form == "whole":
        if "skops_trusted_types" not in signature(log_model).parameters:
            pytest.skip("this MLflow stores by pickle alone")
        kind = UnlearningClassifier
        trusted = [f"{kind.__module__}.{kind.__qualname__}"]
        options = {"serialization_format": "skops", "skops_trusted_types": trusted}
    elif form == "whole, by pickle":
        options = {"serialization_format": "cloudpickle"}
    monkeypatch.chdir(tmp_path)
    X, y, group = data
    model = UnlearningClassifier(LogisticRegression())
    model.fit(X, y, sensitive_features=group)
    # A folder is all that mlflow-skinny knows.
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    mlflow.set_tracking_uri((tmp_path / "runs").as_uri())
    with mlflow.start_run():
        mlflow.log_params(model.get_params())
        mlflow.log_metric("gap_before", model.objective_before_[0])
        mlflow.log_metric("gap_after", model.objective_after_[0])
        stored = model if options else model.estimator_
        logged = log_model(stored, name="corrected", **options)
    loaded = mlflow.sklearn.load_model(logged.model_uri)
    assert_array_equal(loaded.predict(X), model.predict(X))
