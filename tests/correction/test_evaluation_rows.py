"""Training rows measured as left out of the fit, against fits without them."""

import warnings

import numpy as np
import pytest
import sklearn
from numpy.testing import assert_allclose, assert_array_equal
from scipy.optimize import minimize
from scipy.special import expit, log_expit
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.metrics import accuracy_score, log_loss, roc_auc_score
from sklearn.svm import LinearSVC
from sklearn.utils.fixes import parse_version

from skswu import UnlearningClassifier, UnlearningClassifierCV
from skswu.correction import Setting
from skswu.influence import ConjugateGradient, Influence
from skswu.inputs import LabeledData
from skswu.inspection import influence_values, leave_one_out
from skswu.models import WrappedClassifier
from skswu.objectives import (
    AdversarialRobustness,
    DemographicParity,
    ScoreMetrics,
    TargetUtility,
)
from skswu.objectives._base import BaseObjective
from skswu.updates import GradientAscent, InfluenceUpdate, Refit
from skswu.weighting import SoftWeighting

EXACT = {"solver": "newton-cholesky", "tol": 1e-12}
# From version 1.8 on, l1_ratio alone says what the penalty is.
NAMES_PENALTY = parse_version(sklearn.__version__) < parse_version("1.8")
L1 = {"penalty": "l1"} if NAMES_PENALTY else {"l1_ratio": 1.0}
SVC = {"dual": False, "tol": 1e-10, "max_iter": 100_000}
WEIGHTS = {0: 2.0, 1: 0.5, 2: 1.0}

# Estimator; rows, columns and classes; whether rows have weights; how far the scores
# may correlate less than perfectly with the exact ones.
CASES = {
    "logistic": (LogisticRegression(**EXACT), (300, 8, 2), False, 1e-6),
    "no intercept": (
        LogisticRegression(fit_intercept=False, **EXACT),
        (300, 8, 2),
        False,
        1e-6,
    ),
    "weighted": (
        LogisticRegression(class_weight={0: 2.0, 1: 0.5}, **EXACT),
        (300, 8, 2),
        True,
        1e-5,
    ),
    "wide": (LogisticRegression(**EXACT), (200, 80, 2), False, 2e-4),
    "multinomial": (
        LogisticRegression(class_weight=WEIGHTS, **EXACT),
        (200, 6, 3),
        True,
        5e-5,
    ),
    "ridge": (RidgeClassifier(), (200, 40, 2), True, 1e-12),
    "ridge, one against rest": (RidgeClassifier(), (200, 40, 3), False, 1e-12),
    "svc": (LinearSVC(**SVC), (300, 8, 2), False, 1e-5),
    "svc, one against rest": (
        LinearSVC(class_weight=WEIGHTS, **SVC),
        (200, 8, 3),
        True,
        5e-5,
    ),
}


# Rows that are left out in earnest.
SOME = np.arange(0, 200, 4)


def make_table(rng, n_rows, n_columns, n_classes):
    X = rng.normal(size=(n_rows, n_columns))
    coef = 2 * rng.normal(size=(n_columns, n_classes)) / np.sqrt(n_columns)
    return X, (X @ coef + rng.gumbel(size=(n_rows, n_classes))).argmax(axis=1)


def posed(fitted, X, y, weight=None, influence=None):
    data = LabeledData(X, y, None, weight)
    setting = Setting(
        WrappedClassifier(fitted),
        data,
        None,
        [TargetUtility()],
        influence or Influence(),
        leaves_out=True,
    )
    problem = InfluenceUpdate().pose(setting)
    problem.linearize()
    return problem


def offsets(*given):
    return posed(*given).rows.blocks.collect("offset")


def margins_without_each(estimator, X, y, weight):
    margins = []
    for row in SOME:
        others = np.arange(len(X)) != row
        options = {} if weight is None else {"sample_weight": weight[others]}
        fitted = clone(estimator).fit(X[others], y[others], **options)
        margins.append(np.ravel(fitted.decision_function(X[[row]])))
    return np.array(margins).T


@pytest.mark.parametrize("name", CASES)
def test_scores_are_those_of_fits_without_the_row(rng, name):
    estimator, shape, has_weights, off = CASES[name]
    X, y = make_table(rng, *shape)
    weight = rng.uniform(0.2, 3.0, len(y)) if has_weights else None
    fitted = clone(estimator).fit(X, y, sample_weight=weight)
    exact = margins_without_each(estimator, X, y, weight)
    original = np.atleast_2d(fitted.decision_function(X).T)[:, SOME]
    approximate = original + offsets(fitted, X, y, weight)[:, SOME]
    if name == "multinomial":  # up to a constant a row
        exact, approximate, original = (
            one - one.mean(axis=0) for one in (exact, approximate, original)
        )
    correlation = np.corrcoef(exact.ravel(), approximate.ravel())[0, 1]
    assert correlation > 1 - off
    # The row's own pull, most of it, not just the score: exact for squared losses.
    moved = np.abs(exact - original).max()
    assert np.abs(exact - approximate).max() <= max(0.11, 1e4 * off) * moved
    assert moved > 0.05


def test_the_support_of_an_l1_penalty_is_held(rng):
    X, y = make_table(rng, 200, 20, 2)
    fitted = LogisticRegression(
        solver="liblinear", C=0.2, tol=1e-10, max_iter=10_000, fit_intercept=False, **L1
    ).fit(X, y)
    support = fitted.coef_[0] != 0
    assert 0 < support.sum() < 20
    Z, theta = X[:, support], fitted.coef_[0, support]
    signs = np.where(y == 1, 1.0, -1.0)
    pull = np.sign(theta) / fitted.C

    def without(row):
        others = np.arange(200) != row
        A, t = Z[others], signs[others]

        def objective(at):
            slope = -t * expit(-t * (A @ at))
            return -log_expit(t * (A @ at)).sum() + pull @ at, slope @ A + pull

        found = minimize(objective, theta, jac=True, method="BFGS", tol=1e-9)
        return Z[row] @ found.x

    exact = np.array([without(row) for row in range(60)])
    approximate = offsets(fitted, X, y)[0, :60]
    exact -= Z[:60] @ theta
    assert np.abs(exact).max() > 0.1
    assert_allclose(approximate, exact, atol=0.1 * np.abs(exact).max())


def test_a_row_that_is_alone_in_a_column_is_held_back_and_told(rng):
    X, y = make_table(rng, 100, 3, 2)
    X[:, 2] = 0.0
    X[7, 2] = 1.0
    fitted = RidgeClassifier(alpha=1e-6).fit(X, y)
    with pytest.warns(UserWarning, match=r"^1 training rows determine some direction"):
        moved = offsets(fitted, X, y)[0]
    assert np.isfinite(moved).all()


def test_rows_without_weight_are_left_as_they_are(rng):
    X, y = make_table(rng, 100, 3, 3)
    weight = np.ones(100)
    weight[:10] = 0.0
    fitted = LogisticRegression(**EXACT).fit(X, y, sample_weight=weight)
    moved = offsets(fitted, X, y, weight)
    assert_array_equal(moved[:, :10], 0.0)
    assert moved[:, 10:].any(axis=0).all()


@pytest.fixture
def data(rng):
    X = rng.normal(size=(400, 10))
    group = np.where(rng.random(400) + 0.4 * (X[:, 0] > 0) > 0.7, "b", "a")
    noise = rng.logistic(size=400)
    y = (X[:, 0] + 0.5 * X[:, 1] + 0.5 * (group == "b") + noise > 0).astype(int)
    return X, y, group


def tempered_gap(margins, group, temperature=0.25):
    probability = expit(margins / temperature)
    return probability[group == "b"].mean() - probability[group == "a"].mean()


def quiet(call):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return call()


@pytest.mark.parametrize("update", [InfluenceUpdate(), GradientAscent()])
def test_metrics_and_utility_are_of_shifted_scores(data, update):
    X, y, group = data
    fitted = LogisticRegression().fit(X, y)
    model = UnlearningClassifier(fitted, update=update)
    model.set_params(weighting__strength=0.4)
    quiet(lambda: model.unlearn(X, y, sensitive_features=group))
    shift = offsets(fitted, X, y)[0]
    for stage, one in (("before", fitted), ("after", model)):
        z = one.decision_function(X) + shift
        gap = getattr(model, f"objective_{stage}_")
        assert_allclose(gap, tempered_gap(z, group), rtol=1e-9)
        utility = getattr(model, f"utility_{stage}_")
        assert_allclose(utility, log_loss(y, expit(z)), rtol=1e-9)


def test_the_training_objective_knows_no_shift(data):
    X, y, group = data
    fitted = LogisticRegression(**EXACT).fit(X, y)
    model = UnlearningClassifier(fitted, update=InfluenceUpdate(max_iter=30, tol=1e-9))
    model.set_params(weighting__strength=0.3)
    quiet(lambda: model.unlearn(X, y, sensitive_features=group))
    again = clone(fitted).fit(X, y, sample_weight=model.sample_weight_)
    assert_allclose(model.estimator_.coef_, again.coef_, atol=1e-6)


def test_influences_are_derivatives_at_shifted_scores(data):
    X, y, group = data
    fitted = LogisticRegression(**EXACT).fit(X, y)
    model = UnlearningClassifier(fitted)
    quiet(lambda: model.unlearn(X, y, sensitive_features=group))
    shift = offsets(fitted, X, y)[0]
    for row in (3, 50):
        weight = np.ones(400)
        weight[row] += 1e-4
        moved = clone(fitted).fit(X, y, sample_weight=weight)
        change = tempered_gap(moved.decision_function(X) + shift, group)
        change -= model.objective_before_[0]
        assert_allclose(-1e4 * change, model.influence_[0, row], rtol=1e-3, atol=1e-7)


class MeanMargin(ScoreMetrics):
    """A metric of a user's own, of whole arrays of scores."""

    names = ("mean_log_odds",)

    def values(self, scores):
        return np.array([(scores[:, 1] - scores[:, 0]).mean()])

    def gradient(self, scores):
        slope = np.array([-1.0, 1.0]) / len(scores)
        return lambda rows: np.broadcast_to(slope, (1, len(scores[rows]), 2))


class MeanMarginObjective(BaseObjective):
    def bind(self, codes, classes, groups, weight):
        return MeanMargin()


def test_a_users_own_metric_of_scores_is_of_shifted_scores(data):
    X, y, _ = data
    fitted = LogisticRegression().fit(X, y)
    model = UnlearningClassifier(fitted, objective=MeanMarginObjective())
    model.set_params(weighting__strength=0.2)
    quiet(lambda: model.unlearn(X, y))
    shift = offsets(fitted, X, y)[0].mean()
    for stage, one in (("before", fitted), ("after", model)):
        expected = one.decision_function(X).mean() + shift
        assert_allclose(getattr(model, f"objective_{stage}_"), expected, rtol=1e-9)


def test_fit_trains_linear_models_on_all_rows_and_holds_out_of_others(data):
    X, y, group = data

    def fit(estimator, **parts):
        model = UnlearningClassifier(estimator, random_state=0, **parts)
        model.set_params(weighting__strength=0.1)
        return quiet(lambda: model.fit(X, y, sensitive_features=group))

    linear = fit(LogisticRegression())
    assert len(linear.epsilon_) == 400
    assert linear.validation_indices_ is None
    whole = LogisticRegression().fit(X, y)
    assert_allclose(linear.original_estimator_.coef_, whole.coef_)
    wide = Influence(solver=ConjugateGradient())
    for other in (
        fit(RandomForestClassifier(5, random_state=0), update=Refit(max_refits=1)),
        fit(LogisticRegression(), update=Refit(max_refits=1)),
        fit(LogisticRegression(), influence=wide),
    ):
        assert len(other.validation_indices_) == 80
        assert len(other.epsilon_) == 320


def test_unlearn_measures_what_cannot_be_left_out_on_training_rows(data):
    X, y, group = data
    fitted = LogisticRegression().fit(X, y)
    expected = tempered_gap(fitted.decision_function(X), group)
    for parts in (
        {"validation_fraction": None},
        {"update": Refit(max_refits=1)},
        {"influence": Influence(solver=ConjugateGradient())},
    ):
        model = UnlearningClassifier(fitted, **parts)
        quiet(lambda m=model: m.unlearn(X, y, sensitive_features=group))
        assert_allclose(model.objective_before_, expected, rtol=1e-9)


def test_adversarial_losses_are_of_the_rows_themselves(data):
    X, y, _ = data
    fitted = LogisticRegression().fit(X, y)
    parts = {
        "objective": AdversarialRobustness(epsilon=0.1),
        "weighting": SoftWeighting(strength=0.05),
        "update": "one_step",
    }
    shifted, bare = (
        UnlearningClassifier(fitted, validation_fraction=fraction, **parts)
        for fraction in ("auto", None)
    )
    for model in (shifted, bare):
        quiet(lambda m=model: m.unlearn(X, y))
    assert_allclose(shifted.objective_before_, bare.objective_before_, rtol=1e-12)
    assert_allclose(shifted.estimator_.coef_, bare.estimator_.coef_, rtol=1e-9)
    # The utility is of scores.
    assert shifted.utility_before_ > bare.utility_before_


@pytest.mark.parametrize("utility", ["accuracy", "roc_auc", "neg_log_loss"])
def test_a_path_is_scored_by_shifted_scores(data, utility):
    X, y, group = data
    fitted = LogisticRegression().fit(X, y)
    model = UnlearningClassifierCV(fitted, strengths=[0.0, 0.3], utility=utility)
    quiet(lambda: model.unlearn(X, y, sensitive_features=group))
    z = fitted.decision_function(X) + offsets(fitted, X, y)[0]
    expected = {
        "accuracy": accuracy_score(y, z > 0),
        "roc_auc": roc_auc_score(y, z),
        "neg_log_loss": -log_loss(y, expit(z)),
    }[utility]
    assert_allclose(model.path_["utility"][0], expected, rtol=1e-9)
    assert model.path_["utility_loss"][0] == 0.0
    rates = [(z > 0)[group == name].mean() for name in "ab"]
    assert_allclose(model.path_["disparity"][0], abs(rates[0] - rates[1]), rtol=1e-9)


def test_a_threshold_is_tuned_on_shifted_scores(data):
    X, y, group = data
    fitted = LogisticRegression().fit(X, y)
    model = UnlearningClassifierCV(
        fitted, strengths=[0.0], max_disparity=0.05, tune_threshold=True
    )
    quiet(lambda: model.unlearn(X, y, sensitive_features=group))
    z = fitted.decision_function(X) + offsets(fitted, X, y)[0]
    assert model.threshold_ is not None
    selected = z >= model.threshold_
    assert_allclose(model.path_["utility"][0], accuracy_score(y, selected))


def test_questions_of_a_corrected_model_are_answered_as_it_was_measured(data):
    X, y, group = data
    model = UnlearningClassifier(LogisticRegression(**EXACT))
    model.set_params(weighting__strength=0.3)
    quiet(lambda: model.fit(X, y, sensitive_features=group))
    given = {"sensitive_features": group}
    values = influence_values(model, X, y, **given)
    assert_allclose(values.iloc[:, 0], model.influence_[0], rtol=1e-9, atol=1e-15)
    exact = leave_one_out(model, X, y, indices=[5], **given)
    original, shift = (
        model.original_estimator_,
        offsets(model.original_estimator_, X, y),
    )
    without = clone(original).fit(np.delete(X, 5, 0), np.delete(y, 5))
    change = tempered_gap(without.decision_function(X) + shift[0], group)
    change -= model.objective_before_[0]
    assert_allclose(exact.iloc[0, 0], change, rtol=1e-6)


class Unknown(ClassifierMixin, BaseEstimator):
    """A classifier that no view reads."""

    def fit(self, X, y, sample_weight=None):
        self.classes_ = np.unique(y)
        return self

    def predict(self, X):
        return np.full(len(X), self.classes_[0])


def test_a_model_that_cannot_be_corrected_is_still_refused(data):
    X, y, group = data
    with pytest.raises(TypeError, match="Unknown cannot be corrected"):
        UnlearningClassifier(Unknown()).fit(X, y, sensitive_features=group)


def test_the_fraction_is_checked(data):
    X, y, group = data
    model = UnlearningClassifier(LogisticRegression(), validation_fraction="some")
    with pytest.raises(ValueError, match=r"validation_fraction.*'auto'"):
        model.fit(X, y, sensitive_features=group)


def test_groups_may_be_bound_to_any_objective(data):
    X, y, group = data
    model = UnlearningClassifier(
        LogisticRegression(),
        objective=[DemographicParity(), "target_utility"],
        update="one_step",
    )
    model.set_params(weighting__strength=0.1)
    quiet(lambda: model.fit(X, y, sensitive_features=group))
    assert model.validation_indices_ is None
