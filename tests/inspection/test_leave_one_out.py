"""leave_one_out against scikit-learn's own refits and measured gradients."""

import time

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from scipy.special import expit, log_expit, softmax
from sklearn.base import clone
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.datasets import make_classification
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import LinearSVC

from skswu import UnlearningClassifier
from skswu.exceptions import SingularCurvatureWarning
from skswu.inspection import leave_one_out
from skswu.inspection._leave_one_out_solver import LeaveOneOutSolver
from skswu.models import LogisticRegressionView, make_model_view
from skswu.objectives import DemographicParity, ScoreMetrics

TEMPERATURE = DemographicParity().temperature
WEIGHTS = {0: 1.0, 1: 3.0, 2: 0.5}


def exact(**options):
    solver = options.pop("solver", "newton-cholesky")
    return LogisticRegression(solver=solver, tol=1e-13, max_iter=1000, **options)


def make_data(n_classes=2, n_samples=120, seed=0):
    X, y = make_classification(
        n_samples=n_samples,
        n_features=6,
        n_informative=4,
        n_redundant=0,
        n_classes=n_classes,
        flip_y=0.2,
        random_state=seed,
    )
    rng = np.random.default_rng(seed)
    group = np.where(X[:, 0] + rng.normal(size=n_samples) > 0, "a", "b")
    return X, y, group, rng.integers(1, 5, n_samples) / 2.0


def parity(estimator, X, group):
    """The gap of group b less group a, from the margins by hand."""
    z = estimator.decision_function(X)
    if z.ndim == 1:
        probability = expit(z / TEMPERATURE)
    else:
        one_vs_rest = not isinstance(estimator, LogisticRegression)
        scores = log_expit(z) if one_vs_rest else z
        probability = softmax(scores / TEMPERATURE, axis=1)[:, -1]
    return probability[group == "b"].mean() - probability[group == "a"].mean()


def log_loss(estimator, X, y):
    probability = estimator.predict_proba(X)
    return -np.log(probability[np.arange(len(y)), y]).mean()


def signed_margins(estimator, X, y):
    z = estimator.decision_function(X)
    if z.ndim == 1:
        return (2 * y - 1)[:, None] * z[:, None]
    return np.where(y[:, None] == np.arange(3), z, -z)


def squared_loss(estimator, X, y):
    return ((1.0 - signed_margins(estimator, X, y)) ** 2).sum(axis=1).mean()


def squared_hinge(estimator, X, y):
    short = np.maximum(0.0, 1.0 - signed_margins(estimator, X, y))
    return (short**2).sum(axis=1).mean()


CASES = {
    "logistic": (exact(C=0.5), 2, log_loss),
    "logistic, no intercept": (exact(C=0.5, fit_intercept=False), 2, log_loss),
    "logistic, class weight": (exact(C=0.5, class_weight=WEIGHTS), 2, log_loss),
    "logistic, no penalty": (exact(C=np.inf), 2, log_loss),
    "multinomial": (exact(C=0.5), 3, log_loss),
    "ridge": (RidgeClassifier(alpha=2.0), 2, squared_loss),
    "ridge, three classes": (RidgeClassifier(alpha=2.0), 3, squared_loss),
    "linear svc, three classes": (
        LinearSVC(C=0.5, tol=1e-13, max_iter=10**6),
        3,
        squared_hinge,
    ),
    "linear svc": (LinearSVC(C=0.5, tol=1e-13, max_iter=10**6), 2, squared_hinge),
}


def refit_changes(estimator, X, y, weight, indices, measure):
    """Changes of measures when rows are dropped and the estimator is fitted anew."""
    before = measure(clone(estimator).fit(X, y, sample_weight=weight))
    changes = []
    for index in indices:
        kept = np.arange(len(y)) != index
        refitted = clone(estimator).fit(X[kept], y[kept], sample_weight=weight[kept])
        changes.append(measure(refitted) - before)
    return np.array(changes)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("form", [np.asarray, sparse.csr_matrix], ids=["dense", "csr"])
def test_changes_are_those_of_refits(name, form):
    estimator, n_classes, loss = CASES[name]
    X, y, group, weight = make_data(n_classes)
    X_val, y_val, group_val, _ = make_data(n_classes, seed=1)
    fitted = clone(estimator).fit(X, y, sample_weight=weight)
    objective = DemographicParity(temperature=TEMPERATURE, pos_label=n_classes - 1)
    changes = leave_one_out(
        fitted,
        form(X),
        y,
        objective=objective,
        sensitive_features=group,
        sample_weight=weight,
        X_val=form(X_val),
        y_val=y_val,
        sensitive_features_val=group_val,
        tol=1e-10,
    )
    indices = range(0, 120, 9)

    def measure(model):
        return np.array([parity(model, X_val, group_val), loss(model, X_val, y_val)])

    expected = refit_changes(estimator, X, y, weight, indices, measure)
    assert list(changes) == [f"demographic_parity[{n_classes - 1}]: b - a", "utility"]
    # The dual coordinate descent of a linear SVC stops a little short.
    rtol = 1e-5 if "svc" in name else 1e-7
    scale = np.abs(expected).max(axis=0)
    assert_allclose(changes.iloc[list(indices)] / scale, expected / scale, atol=rtol)


def adult_pipeline(frame):
    numbers = make_column_selector(dtype_include="number")
    others = make_column_selector(dtype_exclude="number")
    transformer = make_column_transformer(
        (StandardScaler(), numbers),
        (OneHotEncoder(handle_unknown="ignore"), others),
    )
    return make_pipeline(transformer, exact()).fit(
        frame.drop(columns=["income", "sex"]), frame["income"]
    )


def test_adult_samples_agree_with_refits(adult):
    frame = adult.frame.iloc[:3000]
    X, y, sex = frame.drop(columns=["income", "sex"]), frame["income"], frame["sex"]
    model = adult_pipeline(frame)
    indices = [1, 40, 2500]
    changes = leave_one_out(
        model,
        X,
        y,
        objective=DemographicParity(pos_label=">50K"),
        sensitive_features=sex,
        indices=indices,
    )
    rows = model[:-1].transform(X)
    group = np.where(sex == "Male", "b", "a")
    expected = refit_changes(
        model[-1],
        rows,
        y.to_numpy(),
        np.ones(len(y)),
        indices,
        lambda refitted: parity(refitted, rows, group),
    )
    assert_array_equal(changes.index, frame.index[indices])
    assert_allclose(changes.iloc[:, 0], expected, rtol=1e-6)


def dense_problem(X, y, C):
    """The Hessian and gradient of a binary logistic objective, by plain formulas."""
    design = np.column_stack([X, np.ones(len(X))])
    penalty = np.diag(np.append(np.full(X.shape[1], 1.0 / C), 0.0))

    def gradient(theta, weight):
        return design.T @ (weight * (expit(design @ theta) - y)) + penalty @ theta

    def hessian(theta, weight):
        p = expit(design @ theta)
        return (design.T * (weight * p * (1 - p))) @ design + penalty

    return gradient, hessian


@pytest.mark.parametrize("tol", [0.5, 1e-2, 1e-4, 1e-8, 1e-11])
@pytest.mark.parametrize("C", [0.1, 100.0])
def test_gradients_are_within_the_tolerance(tol, C):
    X, y, _, _ = make_data(n_samples=60)
    X[:5] *= 4.0  # leverage
    view = make_model_view(exact(C=C).fit(X, y))
    rows = view.training_rows(X, y)
    solver = LeaveOneOutSolver(view.posed(rows), tol)
    found, converged = solver.solve(np.arange(60))
    assert converged.all()
    gradient, hessian = dense_problem(X, y, C)
    for index in range(60):
        weight = np.ones(60)
        weight[index] = 0.0
        inverse = np.linalg.inv(hessian(solver.centre, weight))
        left, asked = (
            gradient(theta, weight) for theta in (found[index], solver.centre)
        )
        norm, start = (np.sqrt(g @ inverse @ g) for g in (left, asked))
        assert norm <= max(tol * start, 1e-12)


def test_bounds_spare_passes_over_the_data(monkeypatch):
    X, y, _, _ = make_data(n_samples=2000)
    view = make_model_view(exact().fit(X, y))
    solver = LeaveOneOutSolver(view.posed(view.training_rows(X, y)), 0.05)
    passes = []
    gradients = solver._gradients

    def count(moved, removed):
        passes.append(len(moved))
        return gradients(moved, removed)

    monkeypatch.setattr(solver, "_gradients", count)
    solver.solve(np.arange(100))
    assert sum(passes) < 100  # most are certified before the first look


def test_a_quadratic_objective_takes_no_pass_at_all(monkeypatch):
    X, y, _, _ = make_data()
    view = make_model_view(RidgeClassifier().fit(X, y))
    solver = LeaveOneOutSolver(view.posed(view.training_rows(X, y)), 1e-10)
    monkeypatch.setattr(solver, "_gradients", None)
    assert solver.solve(np.arange(120))[1].all()


def test_samples_far_from_the_rest_are_solved_exactly():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(30, 4))
    y = (X[:, 0] + rng.normal(size=30) > 0).astype(int)
    X[0], y[0] = [40.0, 0, 0, 0], 0  # alone it turns the first coefficient around
    group = np.where(np.arange(30) % 2, "a", "b")
    estimator = exact(C=100.0).fit(X, y)
    changes = leave_one_out(estimator, X, y, sensitive_features=group, tol=1e-11)
    expected = refit_changes(
        estimator, X, y, np.ones(30), range(30), lambda model: parity(model, X, group)
    )
    assert_allclose(changes.iloc[:, 0], expected, atol=1e-8)


def test_a_sample_that_alone_has_a_feature_leaves_it_undetermined():
    X, y, _, _ = make_data()
    kept = np.arange(120) != 7
    alone = np.column_stack([X, ~kept])
    estimator = RidgeClassifier(alpha=0.0, solver="lsqr", tol=1e-14)
    view = make_model_view(clone(estimator).fit(alone, y))
    solver = LeaveOneOutSolver(view.posed(view.training_rows(alone, y)), 1e-8)
    with pytest.warns(SingularCurvatureWarning):
        found, converged = solver.solve(np.array([7]))
    estimator.fit(X[kept], y[kept])
    assert converged.all()
    assert_allclose(found[0, :6], np.ravel(estimator.coef_), atol=1e-10)
    assert_allclose(found[0, 7], estimator.intercept_, atol=1e-10)


def test_an_unfinished_fit_is_brought_to_its_minimum_first():
    X, y, group, _ = make_data()
    with pytest.warns(ConvergenceWarning):
        unfinished = LogisticRegression(max_iter=2).fit(X, y)
    finished = exact().fit(X, y)
    first, second = (
        leave_one_out(model, X, y, sensitive_features=group, tol=1e-11)
        for model in (unfinished, finished)
    )
    assert_allclose(first, second, atol=1e-10)


def test_threads_and_order_do_not_matter():
    X, y, group, _ = make_data(n_samples=2000)
    model = exact().fit(X, y)
    options = {"sensitive_features": group}
    indices = np.random.default_rng(0).permutation(2000)[:600]
    alone = leave_one_out(model, X, y, indices=indices, **options)
    together = leave_one_out(model, X, y, indices=indices, n_jobs=2, **options)
    # Sums of BLAS differ in the last digit with the number of its threads.
    assert_allclose(together, alone, rtol=1e-6, atol=1e-14)
    some = leave_one_out(model, X, y, indices=[-1, indices[7]], **options)
    assert_allclose(some.iloc[1], alone.iloc[7], rtol=1e-6)
    assert some.index[0] == 1999


class SlowMetrics(ScoreMetrics):
    """Metrics of whole arrays, slow enough for another thread to come in between."""

    def __init__(self, bound):
        self.bound, self.names = bound, bound.names

    def values(self, scores):
        time.sleep(1e-3)
        return self.bound.values(scores)

    def gradient(self, scores):
        return self.bound.gradient(scores)


class SlowParity(DemographicParity):
    def bind(self, codes, classes, groups, weight):
        return SlowMetrics(super().bind(codes, classes, groups, weight))


@pytest.mark.parametrize("n_classes", [2, 3])
def test_metrics_of_whole_arrays_are_measured_by_threads_too(n_classes):
    X, y, group, _ = make_data(n_classes, n_samples=2000)
    model = exact().fit(X, y)
    options = {"sensitive_features": group, "indices": range(600)}
    label = n_classes - 1
    changes = leave_one_out(
        model, X, y, objective=SlowParity(pos_label=label), n_jobs=2, **options
    )
    expected = leave_one_out(
        model, X, y, objective=DemographicParity(pos_label=label), **options
    )
    assert_allclose(changes, expected, rtol=1e-6, atol=1e-14)


def test_values_of_the_objective_are_weighted_losses_and_the_penalty():
    X, y, _, weight = make_data()
    view = make_model_view(exact(C=0.5).fit(X, y, sample_weight=weight))
    objective = view.posed(view.training_rows(X, y, weight))
    theta = np.random.default_rng(0).normal(size=7)
    losses = np.logaddexp(0.0, (1 - 2 * y) * (X @ theta[:6] + theta[6]))
    expected = weight @ losses + theta[:6] @ theta[:6]
    assert_allclose(objective.value(theta), expected, rtol=1e-12)


def test_blocks_are_bounded():
    X, y, _, _ = make_data(n_samples=100)
    wide = sparse.random(100, 3000, density=0.01, random_state=0, format="csr")
    for rows in (X, wide):
        view = make_model_view(LogisticRegression().fit(rows, y))
        solver = LeaveOneOutSolver(view.posed(view.training_rows(rows, y)), 1e-8)
        assert 8 <= solver.block_size <= 1024
        assert solver.block_size * solver.centre.size <= 2**19


def test_iterative_curvature_gives_the_same():
    X = sparse.random(150, 2500, density=0.01, random_state=0, format="csr")
    y = np.random.default_rng(0).integers(0, 2, 150)
    group = np.where(np.arange(150) % 2, "a", "b")
    estimator = exact(solver="newton-cg").fit(X, y)
    changes = leave_one_out(
        estimator, X, y, sensitive_features=group, indices=[0, 5, 9]
    )
    expected = refit_changes(
        estimator, X, y, np.ones(150), [0, 5, 9], lambda model: parity(model, X, group)
    )
    assert_allclose(changes.iloc[:, 0], expected, rtol=1e-5)


@pytest.mark.filterwarnings("ignore::skswu.exceptions.UnreachableTargetWarning")
@pytest.mark.parametrize("update", ["influence", "refit"])
def test_a_corrected_model_is_asked_about_its_original(update):
    X, y, group, _ = make_data()
    X = pd.DataFrame(X, columns=list("uvwxyz")).assign(g=group)
    model = UnlearningClassifier(
        make_pipeline(
            make_column_transformer(("passthrough", list("uvwxyz"))), exact(C=0.5)
        ),
        update=update,
        sensitive_features="g",
        validation_fraction=0.2,
        random_state=0,
    ).set_params(weighting__strength=0.5)
    model.fit(X, y)
    changes = leave_one_out(model, X, y)
    train, held_out = model.train_indices_, model.validation_indices_
    expected = leave_one_out(
        model.original_estimator_,
        X.iloc[train],
        y[train],
        sensitive_features="g",
        X_val=X.iloc[held_out],
        y_val=y[held_out],
        sensitive_features_val=group[held_out],
    )
    assert_array_equal(changes.index, train)
    assert_allclose(changes, expected, rtol=1e-9)


@pytest.mark.filterwarnings("ignore::skswu.exceptions.SingularCurvatureWarning")
def test_separable_classes_are_followed_to_the_limit():
    X = np.arange(8.0)[:, None]
    y = (X[:, 0] > 3).astype(int)
    group = ["a", "b"] * 4
    with pytest.warns(ConvergenceWarning, match="lbfgs"):
        estimator = LogisticRegression(C=np.inf, max_iter=20).fit(X, y)
    changes = leave_one_out(estimator, X, y, sensitive_features=group)
    # Whoever is left out, the probabilities of the others are 0 or 1.
    assert_allclose(changes.iloc[[0, 1, 2, 5, 6, 7]], 0.0, atol=1e-6)


@pytest.mark.parametrize(
    ("max_steps", "message"), [(1, "all samples"), (20, "30 problems")]
)
def test_unfinished_minimisation_warns(monkeypatch, max_steps, message):
    X, y, group, _ = make_data(n_samples=30)
    monkeypatch.setattr("skswu.inspection._newton._MAX_STEPS", max_steps)
    monkeypatch.setattr("skswu.inspection._leave_one_out_solver._MAX_CHORD_STEPS", 1)
    monkeypatch.setattr(
        LeaveOneOutSolver, "_solve_alone", lambda self, index, goal: (0.0, False)
    )
    with pytest.warns(ConvergenceWarning, match=message):
        leave_one_out(
            LogisticRegression().fit(X, y), X, y, sensitive_features=group, tol=1e-12
        )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"indices": [120]}, "positions of the 120 training samples; got 120"),
        ({"indices": [0.5]}, "positions of training samples"),
        ({"indices": [[1]]}, "positions of training samples"),
        ({"tol": 0.0}, "tol must be greater than 0; got 0.0"),
        ({"sensitive_features": None}, "needs sensitive_features"),
        ({"y_val": [0, 1]}, "y_val was given without X_val"),
    ],
)
def test_bad_input_is_named(options, message):
    X, y, group, _ = make_data()
    options = {"sensitive_features": group, **options}
    with pytest.raises(ValueError, match=message):
        leave_one_out(exact().fit(X, y), X, y, **options)


def test_a_sample_without_weight_changes_nothing():
    X, y, group, weight = make_data()
    weight[3] = 0.0
    model = exact().fit(X, y, sample_weight=weight)
    changes = leave_one_out(
        model, X, y, sensitive_features=group, sample_weight=weight, indices=[3, 4]
    )
    assert_allclose(changes.iloc[0], 0.0, atol=1e-12)
    assert np.abs(changes.iloc[1]).min() > 1e-6


def test_a_model_that_poses_no_linear_objective_is_refused_in_words(monkeypatch):
    X, y, group, _ = make_data()
    monkeypatch.setattr(LogisticRegressionView, "posed", lambda self, rows: None)
    with pytest.raises(TypeError, match="retrains linear classifiers; got Logistic"):
        leave_one_out(exact().fit(X, y), X, y, sensitive_features=group)


def test_no_indices_give_an_empty_table():
    X, y, group, _ = make_data()
    changes = leave_one_out(
        exact().fit(X, y), X, y, sensitive_features=group, indices=[]
    )
    assert changes.shape == (0, 2)
