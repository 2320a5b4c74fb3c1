"""Influence and corrections against what retraining actually gives."""

import warnings

import numpy as np
import pytest
import sklearn
from numpy.testing import assert_allclose
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.svm import LinearSVC
from sklearn.utils.fixes import parse_version

from skswu import UnlearningClassifier
from skswu.exceptions import LinearizationWarning, SingularCurvatureWarning
from skswu.influence import ConjugateGradient, Influence
from skswu.objectives import DemographicParity, EqualizedOdds, EqualOpportunity
from skswu.updates import InfluenceUpdate
from skswu.weighting import BaseWeighting, HardWeighting, SoftWeighting, Weights

TIGHT = {"tol": 1e-13, "max_iter": 100_000}
# From version 1.8 on, l1_ratio alone says what the penalty is.
NAMES_PENALTY = parse_version(sklearn.__version__) < parse_version("1.8")
ELASTICNET = {"penalty": "elasticnet"} if NAMES_PENALTY else {}

ESTIMATORS = {
    "logistic": LogisticRegression(**TIGHT),
    "class weight": LogisticRegression(
        class_weight={0: 1.0, 1: 2.5}, solver="newton-cholesky", **TIGHT
    ),
    "no intercept": LogisticRegression(
        fit_intercept=False, solver="newton-cholesky", **TIGHT
    ),
    "liblinear": LogisticRegression(solver="liblinear", intercept_scaling=3.0, **TIGHT),
    "elasticnet": LogisticRegression(
        solver="saga", l1_ratio=0.3, C=0.3, **ELASTICNET, **TIGHT
    ),
    "ridge": RidgeClassifier(),
    "linear svc": LinearSVC(**TIGHT),
}


# Coordinate descent does not solve to the last digits, and a row that crosses the
# squared hinge's kink is first order in the change.
TOLERANCES = {"liblinear": 1e-4, "elasticnet": 1e-4, "linear svc": 1e-2}


def make_data(n=400, n_classes=2, seed=0):
    rng = np.random.default_rng(seed)
    group = rng.integers(0, 2, n)
    X = rng.normal(size=(n, 5)) + 0.5 * group[:, None] * np.array([1, 0, 1, 0, 0])
    logits = X @ rng.normal(size=(5, n_classes)) + rng.gumbel(size=(n, n_classes))
    weight = rng.integers(1, 4, n) / 2.0
    return X, logits.argmax(axis=1), np.array(["a", "b"])[group], weight


def surrogate_gap(model, X, y, group, objective):
    """The objective's value, counted by hand from the model's probabilities."""
    if hasattr(model, "predict_proba"):
        margin = np.log(model.predict_proba(X))
        margin = margin[:, 1] - margin[:, 0]
    else:
        margin = model.decision_function(X)
    probability = 1 / (1 + np.exp(-margin / objective.temperature))
    rows = np.ones(len(y), bool)
    if isinstance(objective, EqualOpportunity):
        rows = y == 1
    second, first = (probability[rows & (group == name)].mean() for name in "ba")
    return second - first


class Given(BaseWeighting):
    """Weights that were chosen beforehand; any step is taken."""

    def __init__(self, epsilon):
        self.epsilon = epsilon

    def _weigh(self, metrics):
        return Weights(self.epsilon, reachable=True, message="")

    def target(self, before):
        return before + np.inf


@pytest.mark.parametrize("step", ["newton", "textbook"])
@pytest.mark.parametrize("name", ESTIMATORS)
def test_small_weight_changes_move_parameters_as_a_refit_does(name, step):
    X, y, group, weight = make_data()
    epsilon = 1e-4 * np.random.default_rng(1).normal(size=len(y))
    estimator = clone(ESTIMATORS[name]).fit(X, y, sample_weight=weight)
    corrected, refitted = [], []
    for signed in (epsilon, -epsilon):
        model = UnlearningClassifier(
            estimator, weighting=Given(signed), update=InfluenceUpdate(step=step)
        ).unlearn(X, y, sensitive_features=group, sample_weight=weight)
        refit = clone(estimator).fit(X, y, sample_weight=weight * (1 + signed))
        for found, fitted in ((corrected, model.estimator_), (refitted, refit)):
            found.append(np.append(fitted.coef_, fitted.intercept_))
    # The difference of opposite changes has no second order.
    moved, expected = corrected[0] - corrected[1], refitted[0] - refitted[1]
    error = np.linalg.norm(moved - expected) / np.linalg.norm(expected)
    assert error < TOLERANCES.get(name, 1e-6)


@pytest.mark.parametrize("name", ["logistic", "ridge", "no intercept", "class weight"])
@pytest.mark.parametrize("weighting", [SoftWeighting(strength=0.7), HardWeighting()])
def test_converged_update_equals_a_refit_under_the_new_weights(name, weighting):
    X, y, group, weight = make_data()
    estimator = clone(ESTIMATORS[name]).fit(X, y, sample_weight=weight)
    model = UnlearningClassifier(
        estimator,
        weighting=weighting,
        update=InfluenceUpdate(max_iter=30, target_tol=1e-9),
    ).unlearn(X, y, sensitive_features=group, sample_weight=weight)
    assert_allclose(model.sample_weight_, weight * (1 + model.epsilon_))
    refit = clone(estimator).fit(X, y, sample_weight=model.sample_weight_)
    assert_allclose(model.estimator_.coef_, refit.coef_, rtol=1e-5, atol=1e-7)
    assert_allclose(model.estimator_.intercept_, refit.intercept_, rtol=1e-5, atol=1e-7)
    assert model.stationarity_ < 1e-8


def test_converged_soft_update_reaches_its_target():
    X, y, group, _ = make_data()
    estimator = LogisticRegression(**TIGHT).fit(X, y)
    model = UnlearningClassifier(
        estimator,
        weighting=SoftWeighting(strength=0.9),
        update=InfluenceUpdate(max_iter="auto"),
    ).unlearn(X, y, sensitive_features=group)
    before, after = model.objective_before_, model.objective_after_
    assert_allclose(after, 0.1 * before, atol=1e-3 * abs(before[0]))
    assert model.optimality_ <= 3e-2
    assert model.reachable_strength_ == 0.9


@pytest.mark.filterwarnings("ignore::skswu.exceptions.UtilityLossWarning")
def test_multinomial_converged_update_equals_a_refit():
    X, y, group, weight = make_data(n_classes=3)
    estimator = LogisticRegression(**TIGHT).fit(X, y, sample_weight=weight)
    model = UnlearningClassifier(
        estimator,
        objective=DemographicParity(pos_label=1),
        update=InfluenceUpdate(max_iter="auto"),
    ).unlearn(X, y, sensitive_features=group, sample_weight=weight)
    refit = clone(estimator).fit(X, y, sample_weight=model.sample_weight_)
    assert_allclose(model.estimator_.coef_, refit.coef_, rtol=1e-5, atol=1e-6)
    assert_allclose(model.estimator_.intercept_, refit.intercept_, atol=1e-6)


@pytest.mark.filterwarnings("ignore::skswu.exceptions.LinearizationWarning")
@pytest.mark.parametrize("name", ["logistic", "ridge", "linear svc", "elasticnet"])
@pytest.mark.parametrize(
    "objective", [DemographicParity(), EqualOpportunity(temperature=1.0)]
)
def test_influence_predicts_leave_one_out_refits(name, objective):
    X, y, group, _ = make_data(n=250)
    estimator = clone(ESTIMATORS[name]).fit(X, y)
    model = UnlearningClassifier(
        estimator, validation_fraction=None, objective=objective
    ).unlearn(X, y, sensitive_features=group)
    before = surrogate_gap(estimator, X, y, group, objective)
    assert_allclose(model.objective_before_, before, rtol=1e-9)
    actual = []
    for left_out in range(60):
        kept = np.arange(len(y)) != left_out
        refit = clone(estimator).fit(X[kept], y[kept])
        actual.append(surrogate_gap(refit, X, y, group, objective) - before)
    predicted = model.influence_[0, :60]
    assert np.corrcoef(predicted, actual)[0, 1] > 0.995
    assert_allclose(np.polyfit(actual, predicted, 1)[0], 1.0, atol=0.1)


@pytest.mark.filterwarnings("ignore::skswu.exceptions.LinearizationWarning")
def test_utility_influence_predicts_leave_one_out_refits():
    X, y, group, _ = make_data(n=300)
    X_val, y_val, group_val, _ = make_data(n=500, seed=7)
    estimator = LogisticRegression(**TIGHT).fit(X, y)

    def loss(model):
        probability = model.predict_proba(X_val)[np.arange(len(y_val)), y_val]
        return -np.log(probability).mean()

    model = UnlearningClassifier(estimator).unlearn(
        X,
        y,
        sensitive_features=group,
        X_val=X_val,
        y_val=y_val,
        sensitive_features_val=group_val,
    )
    assert_allclose(model.utility_before_, loss(estimator), rtol=1e-9)
    assert_allclose(model.utility_after_, loss(model), rtol=1e-9)
    actual = []
    for left_out in range(60):
        kept = np.arange(len(y)) != left_out
        actual.append(loss(clone(estimator).fit(X[kept], y[kept])) - loss(estimator))
    assert np.corrcoef(model.utility_influence_[:60], actual)[0, 1] > 0.999


def test_prediction_is_the_linearisation():
    X, y, group, _ = make_data()
    estimator = LogisticRegression(**TIGHT).fit(X, y)
    model = UnlearningClassifier(estimator, update="one_step")
    model.unlearn(X, y, sensitive_features=group)
    assert_allclose(
        model.objective_predicted_,
        model.objective_before_ - model.influence_ @ model.epsilon_,
        atol=1e-9,
    )
    assert_allclose(model.objective_predicted_, 0.0, atol=1e-9)


@pytest.mark.filterwarnings("ignore::skswu.exceptions.LinearizationWarning")
def test_equalized_odds_after_is_measured_on_the_corrected_model():
    X, y, group, _ = make_data()
    objective = EqualizedOdds(temperature=0.7)
    estimator = LogisticRegression(**TIGHT).fit(X, y)
    model = UnlearningClassifier(
        estimator, validation_fraction=None, objective=objective
    ).unlearn(X, y, sensitive_features=group)
    for j, label in enumerate((0, 1)):
        rows = y == label
        by_hand = surrogate_gap(
            model.estimator_,
            X[rows],
            y[rows],
            group[rows],
            DemographicParity(temperature=0.7),
        )
        assert_allclose(model.objective_after_[j], by_hand, rtol=1e-9)


def test_a_fit_stopped_short_is_not_mistaken_for_influence():
    X, y, group, _ = make_data()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        stopped = LogisticRegression(max_iter=5).fit(X, y)
    exact = LogisticRegression(**TIGHT).fit(X, y)
    options = {"weighting": SoftWeighting(strength=0.1, utility_tolerance=None)}
    kept = UnlearningClassifier(
        stopped, influence=Influence(leftover_gradient="keep"), **options
    ).unlearn(X, y, sensitive_features=group)
    removed = UnlearningClassifier(stopped, **options).unlearn(
        X, y, sensitive_features=group
    )
    reference = UnlearningClassifier(exact, **options).unlearn(
        X, y, sensitive_features=group
    )
    # Keeping it, the metric closes from where the fit stopped; removing it ends near
    # the correction of the exact fit.
    assert_allclose(kept.objective_after_, 0.9 * kept.objective_before_, rtol=0.05)
    assert kept.stationarity_ > 3 * removed.stationarity_
    distance = np.linalg.norm(removed.estimator_.coef_ - reference.estimator_.coef_)
    moved = np.linalg.norm(exact.coef_ - stopped.coef_)
    assert distance < 0.15 * moved


def test_singular_curvature_warns_and_gives_the_minimum_norm_correction():
    X, y, group, _ = make_data()
    doubled = np.column_stack([X, X[:, 0]])
    options = {"C": np.inf, "solver": "lbfgs", **TIGHT}
    plain = LogisticRegression(**options).fit(X, y)
    estimator = LogisticRegression(**options).fit(doubled, y)
    with pytest.warns(SingularCurvatureWarning, match="rank is 6 of 7"):
        model = UnlearningClassifier(estimator).unlearn(
            doubled, y, sensitive_features=group
        )
    reference = UnlearningClassifier(plain).unlearn(X, y, sensitive_features=group)
    assert_allclose(
        model.decision_function(doubled), reference.decision_function(X), atol=1e-5
    )


@pytest.mark.filterwarnings("ignore::skswu.exceptions.LinearizationWarning")
@pytest.mark.filterwarnings("ignore::skswu.exceptions.UtilityLossWarning")
def test_conjugate_gradients_and_direct_solver_agree():
    X, y, group, weight = make_data(n_classes=3)
    estimator = LogisticRegression(**TIGHT).fit(X, y, sample_weight=weight)
    direct, iterative = (
        UnlearningClassifier(
            estimator,
            validation_fraction=None,
            objective=DemographicParity(pos_label=0),
            influence=Influence(solver=solver),
            update="one_step",
        ).unlearn(X, y, sensitive_features=group, sample_weight=weight)
        for solver in ("direct", ConjugateGradient(tol=1e-12))
    )
    assert_allclose(iterative.influence_, direct.influence_, atol=1e-9)
    assert_allclose(iterative.estimator_.coef_, direct.estimator_.coef_, rtol=1e-7)


@pytest.mark.filterwarnings("ignore::skswu.exceptions.LinearizationWarning")
@pytest.mark.parametrize("strength", [0.5, 1.0, 3.0])
def test_no_step_takes_the_metric_farther_from_its_target(strength):
    X, y, group, _ = make_data(n=60)
    estimator = LogisticRegression(C=100.0, **TIGHT).fit(X, y)
    model = UnlearningClassifier(
        estimator,
        validation_fraction=None,
        objective=DemographicParity(temperature=0.05),
        weighting=SoftWeighting(strength=strength, utility_tolerance=None),
        update="one_step",
    ).unlearn(X, y, sensitive_features=group)
    target = (1 - strength) * model.objective_before_
    before = np.abs(model.objective_before_ - target)
    assert np.all(np.abs(model.objective_after_ - target) <= before + 1e-12)
    assert 0 < model.step_length_ <= 1


@pytest.mark.filterwarnings("ignore::skswu.exceptions.UtilityLossWarning")
def test_a_step_that_passes_its_target_is_shortened():
    rng = np.random.default_rng(0)
    men = (rng.random(600) < 0.2).astype(int)
    age, hours = rng.uniform(-26, 26, 600), rng.normal(-5, 2, 600) + 12 * men
    y = (0.05 * age + hours + rng.logistic(size=600) > 0).astype(int)
    X = np.column_stack([age / 15, hours / 6])
    group = np.array(["a", "b"])[men]
    estimator = LogisticRegression(**TIGHT).fit(X, y)
    model = UnlearningClassifier(
        estimator,
        validation_fraction=None,
        objective=DemographicParity(temperature=0.5),
        update="one_step",
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LinearizationWarning)
        model.unlearn(X, y, sensitive_features=group)
    before, after = model.objective_before_[0], model.objective_after_[0]
    assert model.step_length_ < 1.0
    assert 0 < after < 0.6 * before


def test_a_metric_far_from_its_prediction_is_told():
    X, y, group, _ = make_data(n=60)
    estimator = LogisticRegression(C=100.0, **TIGHT).fit(X, y)
    model = UnlearningClassifier(
        estimator,
        validation_fraction=None,
        objective=DemographicParity(temperature=0.05),
        update="one_step",
    )
    with pytest.warns(LinearizationWarning, match="was predicted to go from"):
        model.unlearn(X, y, sensitive_features=group)
