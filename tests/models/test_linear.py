"""Linear views against autodiff and against the estimators' own optima."""

import warnings
from inspect import signature

import numpy as np
import pytest
import sklearn
import torch
from numpy.testing import assert_allclose
from scipy import sparse
from sklearn.datasets import make_classification
from sklearn.linear_model import (
    LogisticRegression,
    LogisticRegressionCV,
    RidgeClassifier,
    RidgeClassifierCV,
    SGDClassifier,
)
from sklearn.svm import LinearSVC
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.fixes import parse_version

from skswu import UnlearningClassifier, register_model_view
from skswu.models import _view, make_model_view

TIGHT = {"tol": 1e-12, "max_iter": 100_000}
WEIGHTS = {0: 1.0, 1: 3.0, 2: 0.5}

# The penalty follows from l1_ratio, instead of a parameter of its own.
HAS_L1_RATIO_ALONE = parse_version(sklearn.__version__) >= parse_version("1.8")
# Balanced class weights count each sample by its weight.
BALANCES_WEIGHTS = "sample_weight" in signature(compute_class_weight).parameters


def logistic(C=0.7, l1_ratio=0.0, **options):
    if not HAS_L1_RATIO_ALONE:
        options["penalty"] = {0.0: "l2", 1.0: "l1"}.get(l1_ratio, "elasticnet")
        l1_ratio = l1_ratio if options["penalty"] == "elasticnet" else None
    return LogisticRegression(C=C, l1_ratio=l1_ratio, **{**TIGHT, **options})


def logistic_cv(**options):
    if HAS_L1_RATIO_ALONE:
        options = {"l1_ratios": (0.0,), "use_legacy_attributes": False, **options}
    return LogisticRegressionCV(**{**TIGHT, **options})


def sgd(loss, **options):
    rate = "optimal" if loss == "log_loss" else "invscaling"
    schedule = {"learning_rate": rate, "eta0": 0.01, "max_iter": 500, "tol": None}
    return SGDClassifier(loss=loss, alpha=0.01, random_state=0, **schedule, **options)


# Name: estimator, number of classes, whether its fit reaches the optimum exactly.
CASES = {
    "logistic": (logistic(), 2, True),
    "logistic no intercept": (logistic(fit_intercept=False), 2, True),
    "logistic balanced": (logistic(class_weight="balanced"), 2, True),
    "logistic class weight": (logistic(class_weight=WEIGHTS), 2, True),
    "logistic unpenalised": (logistic(C=np.inf), 2, True),
    "logistic newton-cg": (logistic(solver="newton-cg"), 2, True),
    "logistic newton-cholesky": (logistic(solver="newton-cholesky"), 2, True),
    "logistic sag": (logistic(solver="sag"), 2, True),
    "logistic liblinear": (
        logistic(solver="liblinear", intercept_scaling=2.0),
        2,
        True,
    ),
    "logistic liblinear l1": (
        logistic(solver="liblinear", l1_ratio=1.0, C=0.2, intercept_scaling=2.0),
        2,
        True,
    ),
    "logistic saga l1": (logistic(solver="saga", l1_ratio=1.0, C=0.1), 2, True),
    "logistic saga elasticnet": (
        logistic(solver="saga", l1_ratio=0.6, C=0.1),
        2,
        True,
    ),
    "multinomial": (logistic(), 3, True),
    "multinomial class weight": (logistic(class_weight=WEIGHTS), 3, True),
    "multinomial l1": (logistic(solver="saga", l1_ratio=1.0, C=0.1), 3, True),
    "multinomial no intercept": (logistic(fit_intercept=False), 3, True),
    "logistic cv": (
        logistic_cv(Cs=[0.05, 0.5], scoring="accuracy"),
        2,
        True,
    ),
    "ridge": (RidgeClassifier(alpha=2.0), 2, True),
    "ridge class weight": (RidgeClassifier(class_weight=WEIGHTS), 2, True),
    "ridge three classes": (RidgeClassifier(alpha=2.0), 3, True),
    "ridge cv": (RidgeClassifierCV(alphas=[0.5, 5.0]), 2, True),
    "linear svc": (LinearSVC(C=0.3, intercept_scaling=3.0, **TIGHT), 2, True),
    "linear svc class weight": (LinearSVC(class_weight=WEIGHTS, **TIGHT), 2, True),
    "linear svc three classes": (
        LinearSVC(C=0.3, class_weight=WEIGHTS, **TIGHT),
        3,
        True,
    ),
    "linear svc l1": (LinearSVC(penalty="l1", C=0.1, dual=False, **TIGHT), 2, True),
    "sgd log": (sgd("log_loss"), 2, False),
    "sgd squared hinge": (sgd("squared_hinge", class_weight=WEIGHTS), 2, False),
    "sgd modified huber": (sgd("modified_huber", penalty="elasticnet"), 2, False),
    "sgd three classes": (sgd("log_loss", class_weight=WEIGHTS), 3, False),
}


def make_data(n_classes):
    X, y = make_classification(
        n_samples=150,
        n_features=7,
        n_informative=4,
        n_redundant=0,
        n_classes=n_classes,
        flip_y=0.2,
        random_state=n_classes,
    )
    weight = np.random.default_rng(0).integers(1, 5, len(y)) / 2.0
    return X, y, weight


def fit(estimator, X, y, weight):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if isinstance(estimator, LogisticRegressionCV):
            weight = None  # the folds' scores would need routing
        return estimator.fit(X, y, sample_weight=weight), weight


def torch_objective(estimator, X, y, weight):
    """The estimator's objective of (coef, intercept), from its documentation."""
    X, codes = torch.tensor(X), torch.tensor(y)
    weight = torch.ones(len(y)) if weight is None else torch.tensor(weight)
    n_classes = len(estimator.classes_)
    outputs = 1 if n_classes == 2 else n_classes
    shown = [1] if outputs == 1 else range(outputs)
    sign = torch.stack([torch.where(codes == k, 1.0, -1.0) for k in shown], 1).double()
    factor = torch.ones_like(sign)
    if getattr(estimator, "class_weight", None) is not None:
        options = {}
        if BALANCES_WEIGHTS and isinstance(estimator, LogisticRegression | LinearSVC):
            options["sample_weight"] = weight.numpy()
        table = torch.tensor(
            compute_class_weight(
                estimator.class_weight,
                classes=estimator.classes_,
                y=y,
                **options,
            )
        )
        if isinstance(estimator, LinearSVC | SGDClassifier) and outputs > 1:
            factor = torch.where(sign > 0, table[None, :], 1.0)
        else:
            factor = table[codes][:, None]

    def margin_loss(m):
        hinge = torch.clamp(1 - m, min=0) ** 2
        name = getattr(estimator, "loss", None)
        if isinstance(estimator, RidgeClassifier | RidgeClassifierCV):
            return (1 - m) ** 2
        if name == "squared_hinge":
            return hinge
        if name == "modified_huber":
            return torch.where(m < -1, -4 * m, hinge)
        return torch.nn.functional.softplus(-m)

    def penalty(coef, intercept):
        if isinstance(estimator, RidgeClassifier | RidgeClassifierCV):
            alpha = getattr(estimator, "alpha_", getattr(estimator, "alpha", None))
            return float(alpha) * (coef**2).sum()
        if isinstance(estimator, SGDClassifier):
            share = {"l2": 0.0, "elasticnet": estimator.l1_ratio}[estimator.penalty]
            strength = len(y) * estimator.alpha
        else:
            C = estimator.C_ if hasattr(estimator, "C_") else estimator.C
            strength = 1.0 / float(np.ravel(C)[0])
            share = getattr(estimator, "l1_ratio", None)
            if isinstance(estimator, LinearSVC):
                share = float(estimator.penalty == "l1")
            elif getattr(estimator, "penalty", None) == "l1":
                share = 1.0
            share = share or 0.0
        penalised = coef
        if isinstance(estimator, LinearSVC) or (
            getattr(estimator, "solver", None) == "liblinear"
        ):
            scaled = intercept[:, None] / estimator.intercept_scaling
            penalised = torch.cat([coef, scaled], 1)
        l1, l2 = penalised.abs().sum(), (penalised**2).sum()
        return strength * (share * l1 + (1 - share) / 2 * l2)

    def objective(coef, intercept):
        z = X @ coef.T + intercept
        softmax = isinstance(estimator, LogisticRegression) and outputs > 1
        if softmax:
            loss = torch.nn.functional.cross_entropy(z, codes, reduction="none")
            loss = loss * factor[:, 0]
        else:
            loss = (factor * margin_loss(sign * z)).sum(1)
        return (weight * loss).sum() + penalty(coef, intercept)

    return objective


class Problem:
    """A fitted case with its view, and torch's objective of the free parameters."""

    def __init__(self, name, fit_on=np.asarray):
        template, n_classes, self.exact = CASES[name]
        self.X, self.y, weight = make_data(n_classes)
        self.estimator, self.weight = fit(template, self.X, self.y, weight)
        self.view = make_model_view(self.estimator)
        self.rows = self.view.training_rows(fit_on(self.X), self.y, self.weight)
        rng = np.random.default_rng(1)
        noise = rng.normal(size=self.view.parameters.shape)
        self.shifted = self.view.parameters * (1 + 0.1 * noise)

    def torch_of_parameters(self, weight):
        objective = torch_objective(self.estimator, self.X, self.y, weight)
        view = self.view
        intercept = self.estimator.fit_intercept
        free, columns = torch.tensor(view._free), view._columns

        def of(parameters):
            matrix = torch.zeros(free.shape, dtype=torch.float64)
            matrix = matrix.masked_scatter(free, parameters)
            n_features = self.X.shape[1]
            coef = torch.zeros((len(free), n_features), dtype=torch.float64)
            coef[:, columns[columns < n_features]] = matrix[
                :, : matrix.shape[1] - intercept
            ]
            offset = matrix[:, -1] if intercept else torch.zeros(len(free)).double()
            return objective(coef, offset)

        return of


def relative(actual, expected):
    return np.linalg.norm(actual - expected) / np.linalg.norm(expected)


@pytest.mark.parametrize("name", CASES)
def test_fitted_parameters_are_stationary(name):
    problem = Problem(name)
    view, rows = problem.view, problem.rows
    gradient = view.objective_gradient(rows, view.parameters, rows.weight)
    scale = np.linalg.norm(
        view.objective_gradient(rows, 0 * view.parameters, rows.weight)
    )
    if problem.exact:
        assert np.linalg.norm(gradient) < 1e-5 * scale
    else:
        assert np.linalg.norm(gradient) < 0.1 * scale


@pytest.mark.parametrize("name", CASES)
def test_objective_gradient_and_hessian_equal_autodiff(name):
    problem = Problem(name)
    view, rows = problem.view, problem.rows
    of = problem.torch_of_parameters(problem.weight)
    at = torch.tensor(problem.shifted, requires_grad=True)
    value = of(at)
    (gradient,) = torch.autograd.grad(value, at)
    hessian = torch.autograd.functional.hessian(of, at.detach()).numpy()
    ours = view.objective_value(rows, problem.shifted, rows.weight)
    assert_allclose(ours, value.item(), rtol=1e-12)
    ours = view.objective_gradient(rows, problem.shifted, rows.weight)
    assert relative(ours, gradient.numpy()) < 1e-10

    operator = view.curvature(rows, problem.shifted, rows.weight)
    identity = np.eye(view.parameters.size)
    assert relative(operator.product(identity), hessian) < 1e-10
    assert_allclose(operator.diagonal(), np.diag(hessian), rtol=1e-10)
    dense = np.zeros_like(hessian)
    for indices, block in operator.dense_blocks():
        dense[indices, indices] = block
    assert relative(dense, hessian) < 1e-10
    assert operator.largest_block_size() == max(
        len(block) for _, block in operator.dense_blocks()
    )


@pytest.mark.parametrize("name", CASES)
def test_loss_derivatives_are_the_gradients_of_single_samples(name):
    problem = Problem(name)
    view, rows = problem.view, problem.rows
    directions = np.random.default_rng(2).normal(size=(view.parameters.size, 3))
    derivatives = view.loss_derivatives(rows, problem.shifted, directions)
    for sample in (0, 7, 149):
        only = np.zeros(len(problem.y))
        only[sample] = 1.0
        gradient = view.loss_gradient(rows, problem.shifted, only)
        assert_allclose(derivatives[:, sample], gradient @ directions, rtol=1e-10)
    step = 1e-6
    for j in range(3):
        up = view.losses(rows, problem.shifted + step * directions[:, j])
        down = view.losses(rows, problem.shifted - step * directions[:, j])
        numeric = (up - down) / (2 * step)
        assert_allclose(derivatives[j], numeric, atol=2e-6 * np.abs(numeric).max())


@pytest.mark.parametrize("name", CASES)
def test_scores_are_log_probabilities_and_pull_back(name):
    problem = Problem(name)
    view, rows = problem.view, problem.rows
    scores = view.scores(rows, view.parameters)
    if hasattr(problem.estimator, "predict_proba"):
        expected = problem.estimator.predict_proba(problem.X)
        probability = np.exp(scores - scores.max(axis=1, keepdims=True))
        probability /= probability.sum(axis=1, keepdims=True)
        assert_allclose(probability, expected, atol=1e-10)
    assert (
        problem.estimator.classes_[scores.argmax(axis=1)]
        == problem.estimator.predict(problem.X)
    ).mean() > 0.99  # ties of a saturated modified Huber aside

    weights = np.random.default_rng(3).normal(size=(2, *scores.shape))
    gradient = view.pull_back_scores(
        rows, problem.shifted, lambda chunk: weights[:, chunk]
    )
    step = 1e-6
    for j, direction in enumerate(np.eye(view.parameters.size)[:3]):
        up = view.scores(rows, problem.shifted + step * direction)
        down = view.scores(rows, problem.shifted - step * direction)
        numeric = (weights * (up - down)).sum(axis=(1, 2)) / (2 * step)
        assert_allclose(gradient[j], numeric, atol=1e-4 * np.abs(numeric).max() + 1e-5)


@pytest.mark.parametrize(
    "name", ["logistic", "multinomial", "linear svc three classes"]
)
@pytest.mark.parametrize(
    "form", [sparse.csr_matrix, sparse.csc_matrix, sparse.csr_array, np.asfortranarray]
)
def test_sparse_and_fortran_rows_give_the_same(name, form):
    dense, other = Problem(name), Problem(name, fit_on=form)
    vectors = np.random.default_rng(0).normal(size=(dense.view.parameters.size, 2))
    results = []
    for problem in (dense, other):
        view, rows = problem.view, problem.rows
        operator = view.curvature(rows, problem.shifted, rows.weight)
        results.append(
            [
                operator.product(vectors),
                operator.diagonal(),
                operator.dense_blocks()[0][1],
                view.loss_derivatives(rows, problem.shifted, vectors),
                view.loss_gradient(rows, problem.shifted, rows.weight),
            ]
        )
    for expected, actual in zip(*results, strict=True):
        assert_allclose(actual, expected, rtol=1e-9, atol=1e-12)


def test_a_very_sparse_gram_is_made_without_dense_chunks():
    X = sparse.random(500, 300, density=0.005, random_state=0, format="csr")
    y = np.arange(500) % 2
    view = make_model_view(logistic().fit(X, y))
    dense_view = make_model_view(logistic().fit(X.toarray(), y))
    ours = view.training_rows(X, y)
    theirs = dense_view.training_rows(X.toarray(), y)
    weight = np.random.default_rng(0).normal(size=500)
    grams = []
    for rows in (ours, theirs):
        beside = rows.blocks.beside(weight=weight)
        ((gram,),) = beside.reduce(lambda block: (block.design.gram(block.weight),))
        grams.append(np.tril(gram))
    assert_allclose(*grams, atol=1e-12)


def test_float32_rows_are_summed_in_float64():
    X, y, _ = make_data(2)
    X = X.astype(np.float32)
    estimator = logistic().fit(X, y)
    view = make_model_view(estimator)
    rows = view.training_rows(X, y)
    wide = view.training_rows(X.astype(np.float64), y)
    ours = view.loss_gradient(rows, view.parameters, rows.weight)
    assert_allclose(
        ours, view.loss_gradient(wide, view.parameters, wide.weight), rtol=1e-12
    )
    corrected = view.corrected(view.parameters * 1.5)
    assert corrected.coef_.dtype == estimator.coef_.dtype
    assert corrected.intercept_.dtype == estimator.intercept_.dtype


@pytest.mark.parametrize("name", CASES)
def test_written_parameters_are_read_back(name):
    problem = Problem(name)
    before = problem.estimator.coef_.copy()
    corrected = problem.view.corrected(problem.shifted)
    assert_allclose(make_model_view(corrected).parameters, problem.shifted)
    assert corrected.coef_.shape == before.shape
    assert corrected.intercept_.shape == problem.estimator.intercept_.shape
    assert_allclose(problem.estimator.coef_, before, rtol=0)


def test_sparsified_coefficients_stay_sparse():
    X, y, _ = make_data(2)
    estimator = logistic().fit(X, y).sparsify()
    view = make_model_view(estimator)
    corrected = view.corrected(2.0 * view.parameters)
    assert sparse.issparse(corrected.coef_)
    assert_allclose(corrected.coef_.toarray(), 2 * estimator.coef_.toarray())


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(
    ("estimator", "message"),
    [
        (LinearSVC(loss="hinge", max_iter=100_000), "loss='hinge'"),
        (SGDClassifier(loss="hinge"), "loss='hinge'"),
        (
            LinearSVC(multi_class="crammer_singer", max_iter=100_000),
            "multi_class='crammer_singer'",
        ),
    ],
)
def test_losses_without_curvature_are_refused(estimator, message):
    X, y, _ = make_data(3)
    with pytest.raises(TypeError, match=message):
        make_model_view(estimator.fit(X, y))


def test_unsupported_classifiers_are_refused_with_what_is_supported():
    from sklearn.tree import DecisionTreeClassifier

    X, y, _ = make_data(2)
    with pytest.raises(TypeError, match=r"LogisticRegression.*register_model_view"):
        make_model_view(DecisionTreeClassifier().fit(X, y))


class FitsOnly(LogisticRegression):
    def fit(self, X, y, sample_weight=None):
        return super().fit(X, y, sample_weight=sample_weight)


class OwnProbability(FitsOnly):
    def predict_proba(self, X):
        return np.full((len(X), 2), 0.5)


class OwnDecision(LinearSVC):
    def decision_function(self, X):
        return super().decision_function(X) + 1.0


class OwnLabels(RidgeClassifier):
    def predict(self, X):
        return np.zeros(len(X), dtype=int)


class Below(OwnProbability):
    pass


@pytest.mark.parametrize(
    ("classifier", "message"),
    [
        (OwnProbability(), "OwnProbability has its own predict_proba.*update="),
        (Below(), "Below has its own predict_proba.*LogisticRegression predicts"),
        (OwnDecision(), "OwnDecision has its own decision_function"),
        (OwnLabels(), "OwnLabels has its own predict,"),
        (RidgeClassifier(positive=True), "positive=True.*positive=False.*update="),
        (
            LinearSVC(multi_class="crammer_singer", max_iter=100_000),
            "multi_class='crammer_singer'.*update=",
        ),
        (
            LogisticRegressionCV(
                refit=False,
                **(
                    {"l1_ratios": (0.0,), "use_legacy_attributes": True}
                    if HAS_L1_RATIO_ALONE
                    else {}
                ),
            ),
            "refit=False.*refit=True.*update=",
        ),
    ],
)
@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_what_a_correction_does_not_keep_is_refused(classifier, message):
    X, y = make_classification(200, random_state=0)
    with pytest.raises(TypeError, match=message):
        make_model_view(classifier.fit(X, y))


def test_a_subclass_that_only_fits_or_is_registered_is_read(monkeypatch):
    X, y = make_classification(200, random_state=0)
    view = make_model_view(FitsOnly().fit(X, y))
    expected = make_model_view(LogisticRegression().fit(X, y))
    assert_allclose(view.parameters, expected.parameters)
    monkeypatch.setattr(_view, "_VIEWS", dict(_view._VIEWS))
    register_model_view(OwnProbability, type(view))
    for known in (OwnProbability, Below):
        make_model_view(known().fit(X, y))


def test_a_subclass_that_predicts_by_itself_can_be_refitted():
    X, y = make_classification(200, random_state=0)
    group = np.where(X[:, 0] + X[:, 1] > 0, "a", "b")

    class Shrunk(LogisticRegression):
        def predict_proba(self, X):
            return 0.8 * super().predict_proba(X) + 0.1

    model = UnlearningClassifier(Shrunk().fit(X, y), update="refit")
    model.set_params(weighting__strength=0.3).unlearn(X, y, sensitive_features=group)
    probability = model.original_estimator_.predict_proba(X)
    loss = -np.log(probability[np.arange(200), y]).mean()
    assert_allclose(model.utility_before_, loss)
