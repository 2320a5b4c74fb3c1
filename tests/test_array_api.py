"""Arrays of other libraries, where scikit-learn dispatches to them.

SciPy has to be told before it is imported, so that these tests run in a process of
their own.
"""

import os
import subprocess
import sys

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn import config_context
from sklearn.linear_model import LogisticRegression, RidgeClassifier, SGDClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import get_tags
from sklearn.utils.estimator_checks import parametrize_with_checks

from skswu import UnlearningClassifier, UnlearningClassifierCV
from skswu.inspection import (
    CorrectionReport,
    influence_values,
    leave_one_out,
    weights_summary,
)
from skswu.metrics import make_fairness_scorer

IS_TOLD = os.environ.get("SCIPY_ARRAY_API") == "1"
told = pytest.mark.skipif(
    not IS_TOLD or not get_tags(LogisticRegression()).array_api_support,
    reason="SCIPY_ARRAY_API is not 1, or scikit-learn does not dispatch yet",
)


@pytest.mark.skipif(IS_TOLD, reason="these are the tests themselves")
def test_in_a_process_where_scipy_is_told():
    pytest.importorskip("array_api_strict")
    environment = {**os.environ, "SCIPY_ARRAY_API": "1"}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", __file__]
    run = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout


@pytest.fixture(params=["torch", "array_api_strict"])
def xp(request):
    return pytest.importorskip(request.param)


@pytest.fixture
def data(rng):
    X = rng.normal(size=(600, 4))
    group = rng.integers(0, 2, 600)
    margin = X @ rng.normal(size=4) + 0.5 * group
    return X, (margin + rng.logistic(size=600) > 0).astype(int), group


def make(estimator, kind=UnlearningClassifier):
    return kind(estimator, random_state=0).set_params(weighting__strength=0.3)


def numpy_of(values):
    return np.asarray(values)


ESTIMATORS = [LogisticRegression(tol=1e-8), RidgeClassifier(solver="svd")]


@told
@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("method", ["fit", "unlearn"])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_corrections_are_those_of_numpy(xp, data, estimator, method, dtype):
    X, y, group = data
    X = X.astype(dtype)
    if method == "unlearn":
        estimator.fit(X, y)
    local = getattr(make(estimator), method)(X, y, sensitive_features=group)
    with config_context(array_api_dispatch=True):
        X, y, group = xp.asarray(X), xp.asarray(y), xp.asarray(group)
        if method == "unlearn":
            estimator.fit(X, y)
        model = getattr(make(estimator), method)(X, y, sensitive_features=group)
        assert type(model.estimator_.coef_) is type(X)
        assert type(model.predict(X)) is type(X)
        assert model.estimator_.coef_.dtype == X.dtype
        assert 0.5 < model.score(X, y) <= 1.0
    atol = 1e-5 if dtype == "float64" else 2e-3
    assert_allclose(numpy_of(model.estimator_.coef_), local.estimator_.coef_, atol=atol)
    assert_allclose(numpy_of(model.epsilon_), local.epsilon_, atol=atol)


@told
def test_a_path_is_that_of_numpy(xp, data):
    X, y, group = data
    estimator = LogisticRegression(tol=1e-8).fit(X, y)
    local = UnlearningClassifierCV(estimator, strengths=4)
    local.unlearn(X, y, sensitive_features=group)
    with config_context(array_api_dispatch=True):
        X, y = xp.asarray(X), xp.asarray(y)
        model = UnlearningClassifierCV(estimator.fit(X, y), strengths=4)
        model.unlearn(X, y, sensitive_features=group)
    assert_allclose(model.path_["disparity"], local.path_["disparity"])
    assert_allclose(model.path_["utility"], local.path_["utility"])


@told
def test_a_search_and_scorers_take_tensors(data):
    torch = pytest.importorskip("torch")
    X, y, group = data
    with config_context(array_api_dispatch=True, enable_metadata_routing=True):
        model = make(LogisticRegression()).set_fit_request(sensitive_features=True)
        scorer = make_fairness_scorer("demographic_parity_difference")
        scorer.set_score_request(sensitive_features=True)
        grid = {"weighting__strength": [0.0, 0.5]}
        search = GridSearchCV(model, grid, cv=2, scoring=scorer)
        search.fit(torch.asarray(X), torch.asarray(y), sensitive_features=group)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


@told
@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
def test_pipelines_take_arrays(xp, data):
    X, y, group = data
    with config_context(array_api_dispatch=True):
        pipeline = make_pipeline(StandardScaler(), LogisticRegression())
        X, y = xp.asarray(X), xp.asarray(y)
        model = make(pipeline.fit(X, y)).unlearn(X, y, sensitive_features=group)
        assert type(model.estimator_[-1].coef_) is type(X)


@told
def test_questions_about_a_correction_take_arrays(xp, data):
    X, y, group = data
    local = make(LogisticRegression(tol=1e-8)).fit(X, y, sensitive_features=group)
    with config_context(array_api_dispatch=True):
        given = xp.asarray(X), xp.asarray(y)
        groups = {"sensitive_features": xp.asarray(group)}
        model = make(LogisticRegression(tol=1e-8)).fit(*given, **groups)
        found = weights_summary(model, *given, **groups)
        one = leave_one_out(model, *given, indices=[3], **groups)
        influences = influence_values(model, *given, **groups)
        CorrectionReport.from_estimator(model, *given, **groups)
    groups = {"sensitive_features": group}
    expected = weights_summary(local, X, y, **groups)
    assert_allclose(found.effective_sample_size, expected.effective_sample_size)
    numbers = influence_values(local, X, y, **groups).select_dtypes("number")
    assert_allclose(influences[numbers.columns], numbers, atol=1e-5)
    assert_allclose(one, leave_one_out(local, X, y, indices=[3], **groups), atol=1e-5)


@told
def test_other_estimators_are_refused_in_words(xp, data):
    X, y, group = data
    estimator = SGDClassifier(loss="log_loss").fit(X, y)
    assert not get_tags(make(estimator)).array_api_support
    with (
        config_context(array_api_dispatch=True),
        pytest.raises(TypeError, match="SGDClassifier as it is set takes numpy"),
    ):
        make(estimator).unlearn(xp.asarray(X), y, sensitive_features=group)


@told
def test_parts_that_need_numpy_are_refused_in_words(xp, data):
    X, y, group = data
    with config_context(array_api_dispatch=True):
        X = xp.asarray(X)
        estimator = LogisticRegression().fit(X, y)
        model = UnlearningClassifier(estimator, objective="adversarial_robustness")
        with pytest.raises(TypeError, match="one numpy array"):
            model.unlearn(X, y)
        model = UnlearningClassifier(estimator, update="refit")
        with pytest.raises(TypeError, match="Refit fits the classifier anew on numpy"):
            model.unlearn(X, y, sensitive_features=group)


def is_of_arrays(check):
    return "array_api" in getattr(check, "func", check).__name__


@told
@pytest.mark.filterwarnings("ignore")
@parametrize_with_checks(
    [
        UnlearningClassifier(estimator, objective="target_utility").set_params(
            weighting__strength=0.05
        )
        for estimator in ESTIMATORS
    ]
)
def test_checks_of_scikit_learn(estimator, check):
    if not is_of_arrays(check):
        pytest.skip("runs with the others")
    check(estimator)
