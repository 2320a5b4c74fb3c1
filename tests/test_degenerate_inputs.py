"""Inputs with next to nothing in them, and numbers at the ends of their range."""

import warnings
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import sklearn
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_array
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, RidgeClassifier, SGDClassifier
from sklearn.model_selection import KFold
from sklearn.svm import LinearSVC
from sklearn.utils.fixes import parse_version

from skswu import UnlearningClassifier, UnlearningClassifierCV
from skswu.correction._metric_names import TAKEN
from skswu.correction._problem import Goal
from skswu.exceptions import (
    NothingToCorrectWarning,
    SingularCurvatureWarning,
    UnreachableTargetWarning,
    UtilityLossWarning,
)
from skswu.inspection import influence_values, leave_one_out, weights_summary
from skswu.objectives import BoundedGroupLoss, DemographicParity, TargetUtility
from skswu.updates import FisherForgetting, GradientAscent, InfluenceUpdate, Refit
from skswu.weighting import HardWeighting, LinearizedMetrics, SoftWeighting


@pytest.fixture
def data(rng):
    group = rng.integers(0, 2, 120)
    X = rng.normal(size=(120, 3)) + 0.5 * group[:, None]
    y = (X[:, 0] + rng.logistic(size=120) > 0).astype(int)
    return X, y, group


def test_names_of_columns_are_forgotten_with_the_data_that_had_them(data):
    X, y, group = data
    model = UnlearningClassifier(LogisticRegression(), random_state=0)
    model.fit(pd.DataFrame(X, columns=list("abc")), y, sensitive_features=group)
    model.fit(X, y, sensitive_features=group)
    assert not hasattr(model, "feature_names_in_")
    assert model.predict(X).shape == y.shape  # without scikit-learn's warning of names


def test_an_estimator_of_one_class_is_refused(data):
    X, y, group = data
    fitted = RidgeClassifier().fit(X, np.ones_like(y))
    with pytest.raises(ValueError, match=r"fitted on one class, \[1\]"):
        UnlearningClassifier(fitted).unlearn(X, y * 0 + 1, sensitive_features=group)


@pytest.mark.filterwarnings("ignore::skswu.exceptions.LinearizationWarning")
@pytest.mark.parametrize("kind", [UnlearningClassifier, UnlearningClassifierCV])
@pytest.mark.parametrize("objective", ["demographic_parity", "target_utility"])
def test_held_out_rows_that_all_weigh_nothing_are_refused(data, kind, objective):
    X, y, group = data
    model = kind(
        LogisticRegression(),
        objective=objective,
        validation_fraction=0.2,
        update="one_step",
        random_state=0,
    )
    held_out = model.fit(X, y, sensitive_features=group).validation_indices_
    weight = np.ones(120)
    weight[held_out] = 0
    with pytest.raises(ValueError, match="have a sample_weight of 0"):
        model.fit(X, y, sensitive_features=group, sample_weight=weight)


@pytest.mark.parametrize(
    "objective", [DemographicParity(), BoundedGroupLoss(upper_bound=0.1)]
)
def test_which_rows_lack_a_group_is_told(data, objective):
    X, y, group = data
    few = np.where(np.arange(120) < 2, 2, group)
    model = UnlearningClassifier(
        LogisticRegression(),
        objective=objective,
        validation_fraction=0.02,
        update="one_step",
        random_state=0,
    )
    message = r"the rows that validation_fraction=0.02 holds out hold no row .* of '2'"
    with pytest.raises(ValueError, match=message):
        model.fit(X, y, sensitive_features=few)
    model.set_params(validation_fraction="auto")
    weight = np.where(few == 2, 0.0, 1.0)
    message = r"the training rows hold no row .* of '2'. Give rows that cover"
    with pytest.raises(ValueError, match=message):
        model.fit(X, y, sensitive_features=few, sample_weight=weight)
    model.set_params(estimator=LogisticRegression().fit(X, y))
    message = r"the training rows hold .* of '2'. Give evaluation rows \(X_val\)"
    with pytest.raises(ValueError, match=message):
        model.unlearn(X, y, sensitive_features=few, sample_weight=weight)
    given = {"sensitive_features": few, "sample_weight": weight}
    with pytest.raises(ValueError, match=message):
        influence_values(model.estimator, X, y, objective=objective, **given)
    message = r"the evaluation rows hold no row .* of '1'. Give evaluation rows"
    own = {"X_val": X, "y_val": y, "sensitive_features_val": 2 * group}
    with pytest.raises(ValueError, match=message):
        model.unlearn(X, y, sensitive_features=few, **own)


@pytest.mark.skipif(
    parse_version(sklearn.__version__) < parse_version("1.7"),
    reason="scikit-learn fits to rows that weigh nothing before version 1.7",
)
def test_a_split_that_weighs_nothing_is_refused(data):
    X, y, group = data
    model = UnlearningClassifierCV(
        LogisticRegression(), cv=KFold(2), validation_fraction=None, strengths=2
    )
    weight = (np.arange(120) < 60).astype(float)
    with pytest.raises(ValueError, match=r"of 0|at least one non-zero"):
        model.fit(X, y, sensitive_features=group, sample_weight=weight)


# Rows other than those of the fit are given on purpose.
@pytest.mark.filterwarnings("ignore::skswu.exceptions.TrainingDataWarning")
@pytest.mark.filterwarnings("ignore::skswu.exceptions.UtilityLossWarning")
def test_a_class_that_weighs_nothing_takes_no_part_in_balanced_weights(data):
    X, y, group = data
    fitted = LogisticRegression(class_weight="balanced").fit(X, y)
    model = UnlearningClassifier(fitted, update="one_step").unlearn(
        X,
        y,
        sensitive_features=group,
        sample_weight=y.astype(float),
        X_val=X,
        y_val=y,
        sensitive_features_val=group,
    )
    assert np.isfinite(model.influence_).all()
    assert not model.influence_[:, y == 0].any()


def test_coefficients_that_do_not_tell_the_classes_apart_are_refused(data):
    X, y, _ = data
    y = y + (np.arange(120) < 10)
    # liblinear forgets a class whose rows all weigh nothing.
    fitted = LinearSVC().fit(X, y, sample_weight=(y < 2).astype(float))
    model = UnlearningClassifier(fitted, objective="target_utility")
    with pytest.raises(ValueError, match="do not tell its 3 classes apart"):
        model.unlearn(X, y)


@pytest.mark.parametrize("attribute", ["coef_", "intercept_"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("update", ["one_step", "refit"])
@pytest.mark.parametrize("classifier", [LogisticRegression, RidgeClassifier])
def test_coefficients_that_are_no_numbers_are_refused(
    data, attribute, value, update, classifier
):
    X, y, group = data
    fitted = classifier().fit(X, y)
    np.atleast_2d(getattr(fitted, attribute))[0, -1] = value
    model = UnlearningClassifier(fitted, update=update)
    message = f"{attribute} of the {classifier.__name__} holds NaN or infinity, 1 of"
    with pytest.raises(ValueError, match=message):
        model.unlearn(X, y, sensitive_features=group)


def test_a_step_beyond_the_range_of_floats_is_refused():
    move = SimpleNamespace(
        parameters=np.zeros(2),
        view=None,
        rows=None,
        weight=np.ones(3),
        measure=np.asarray,
        goal=Goal(np.ones(2), np.zeros(2), is_aim=True, n_steps=1),
    )
    parameters, length = InfluenceUpdate().follow(move, np.array([1e200, 0.0]))
    assert_array_equal(parameters, move.parameters)
    assert length == 0.0


def huge_metrics(rng, size):
    return LinearizedMetrics(
        influence=size * rng.normal(size=(2, 30)),
        constant=size * np.array([1.0, -1.0]),
        before=np.array([0.1, -0.1]),
        utility_influence=size * rng.normal(size=30),
        utility_constant=size,
        utility_before=0.5,
    )


@pytest.mark.parametrize("weighting", [SoftWeighting(upper=0.1), HardWeighting()])
def test_influences_of_any_size_are_weighed_without_overflow(rng, weighting):
    metrics = huge_metrics(rng, 1e160)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        epsilon = weighting.weigh(metrics).epsilon
    assert np.isfinite(epsilon).all()
    assert epsilon.any()


def test_hard_weighting_does_not_depend_on_the_unit_of_the_metrics(rng):
    metrics = huge_metrics(rng, 1.0)
    epsilon = HardWeighting(n_samples=9).weigh(metrics).epsilon
    unit = 2.0**600
    scaled = replace(
        metrics, influence=unit * metrics.influence, constant=unit * metrics.constant
    )
    assert_array_equal(HardWeighting(n_samples=9).weigh(scaled).epsilon, epsilon)


def test_influences_that_are_rounding_move_nothing(data):
    # No weights lower the loss that a model has least of to first order.
    X, y, _ = data
    fitted = RidgeClassifier(alpha=0.0).fit(X, y)
    parts = {"objective": "target_utility", "validation_fraction": None}
    model = UnlearningClassifier(fitted, update="one_step", **parts)
    with pytest.warns(UnreachableTargetWarning, match=r"at most 0.0%"):
        model.unlearn(X, y)
    assert not model.epsilon_.any()
    path = UnlearningClassifierCV(fitted, strengths=[0.5], **parts)
    with pytest.warns(UnreachableTargetWarning, match=r"at most 0.0%"):
        path.unlearn(X, y)
    assert not path.epsilon_.any()


def test_several_steps_tell_of_metrics_that_no_row_influences(data):
    X, y, group = data
    fitted = RidgeClassifier(alpha=0.0).fit(X, y)
    model = UnlearningClassifier(
        fitted,
        objective=[TargetUtility()],
        update=InfluenceUpdate(max_iter="auto"),
        validation_fraction=None,
    )
    with pytest.warns(UnreachableTargetWarning, match=r"of strength=1, 0 can be"):
        model.unlearn(X, y, sensitive_features=group)
    assert not model.epsilon_.any()
    assert model.reachable_strength_ == 0.0
    model.set_params(objective=[TargetUtility(), DemographicParity()])
    with pytest.warns(UnreachableTargetWarning, match="out of reach of target_utility"):
        model.unlearn(X, y, sensitive_features=group)
    assert abs(model.objective_after_[1]) < 0.01 * abs(model.objective_before_[1])


def test_a_target_is_not_met_because_the_utility_is_large(rng):
    metrics = LinearizedMetrics(
        influence=np.zeros((1, 30)),
        constant=np.array([0.8]),
        before=np.array([0.8]),
        utility_influence=1e40 * rng.normal(size=30),
        utility_constant=-1e40,
        utility_before=1.0,
    )
    weights = SoftWeighting().weigh(metrics)
    assert not weights.reachable
    assert weights.shortfall == pytest.approx([0.8])


@pytest.mark.filterwarnings("ignore::skswu.exceptions.UtilityLossWarning")
@pytest.mark.filterwarnings("ignore::skswu.exceptions.LinearizationWarning")
@pytest.mark.filterwarnings("ignore::skswu.exceptions.SingularCurvatureWarning")
def test_noise_is_finite_where_nothing_is_left():
    X, y, group = np.array([[-1.0], [1.0]]), np.array([0, 1]), np.array([0, 1])
    model = UnlearningClassifier(
        LogisticRegression().fit(X, y),
        weighting=HardWeighting(fraction=1.0),
        update=FisherForgetting(random_state=0),
        validation_fraction=None,
    ).unlearn(X, y, sensitive_features=group)
    assert_array_equal(model.sample_weight_, 0.0)
    assert np.isfinite(model.estimator_.coef_).all()
    assert np.isfinite(model.estimator_.intercept_).all()


def test_a_refit_to_no_sample_at_all_is_refused():
    X, y, group = np.array([[0.3], [-0.3]]), [1, 0], [0, 1]
    fitted = LogisticRegression().fit(X, y)
    model = UnlearningClassifier(
        fitted, weighting=HardWeighting(fraction=1.0), update=Refit()
    )
    with pytest.raises(ValueError, match="the weighting removes all 2 of them"):
        model.unlearn(X, y, sensitive_features=group)
    assert not hasattr(model, "estimator_")


# The l1 penalty follows from l1_ratio, instead of a parameter of its own.
HAS_L1_RATIO = parse_version(sklearn.__version__) >= parse_version("1.8")
L1 = {"l1_ratio": 1.0} if HAS_L1_RATIO else {"penalty": "l1"}
L1["C"] = 1e-9
EMPTY_SUPPORTS = {
    "no intercept": LogisticRegression(solver="liblinear", fit_intercept=False, **L1),
    "three classes": LogisticRegression(solver="saga", fit_intercept=False, **L1),
    "one versus rest": LinearSVC(penalty="l1", C=1e-9, fit_intercept=False),
}


@pytest.mark.filterwarnings("ignore::skswu.exceptions.UtilityLossWarning")
@pytest.mark.parametrize("update", ["influence", "refit", "fine_tune"])
@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("name", EMPTY_SUPPORTS)
def test_a_model_without_a_coefficient_has_nothing_to_correct(
    data, name, sparse, update
):
    X, y, group = data
    if name != "no intercept":
        y = np.where(X[:, 1] > 0, 2, y)
    X = csr_array(X) if sparse else X
    fitted = EMPTY_SUPPORTS[name].fit(X, y)
    assert not fitted.coef_.any()
    objective = DemographicParity(pos_label=1)
    model = UnlearningClassifier(fitted, objective=objective, update=update)
    with pytest.warns(NothingToCorrectWarning):
        model.unlearn(X, y, sensitive_features=group)
    assert_array_equal(model.sample_weight_, np.ones(120))
    assert not model.estimator_.coef_.any()


@pytest.mark.filterwarnings("ignore::skswu.exceptions.TrainingDataWarning")
def test_an_intercept_alone_has_nothing_to_correct(data):
    X, y, group = data
    fitted = SGDClassifier("log_loss", penalty="l1", alpha=100.0).fit(X, y)
    assert not fitted.coef_.any()
    assert fitted.intercept_.any()
    model = UnlearningClassifier(fitted)
    with pytest.warns(NothingToCorrectWarning):
        model.unlearn(X, y, sensitive_features=group)
    assert_array_equal(model.sample_weight_, np.ones(120))


def test_an_output_without_a_coefficient_is_no_obstacle(data, capfd):
    X, _, group = data
    # Nothing tells the class 2 apart.
    y = np.where(np.arange(120) % 5 == 0, 2, X[:, 0] > 0)
    fitted = LinearSVC(penalty="l1", C=0.02, fit_intercept=False).fit(X, y)
    assert fitted.coef_.any(axis=1).tolist() == [True, True, False]
    objective = DemographicParity(pos_label=1)
    model = UnlearningClassifier(fitted, objective=objective)
    with warnings.catch_warnings():
        warnings.simplefilter("error", SingularCurvatureWarning)
        warnings.simplefilter("ignore", UtilityLossWarning)
        model.unlearn(X, y, sensitive_features=group)
    assert np.abs(model.objective_after_) < np.abs(model.objective_before_)
    # LAPACK speaks by itself.
    assert "illegal value" not in "".join(capfd.readouterr())


def test_weights_beyond_the_range_of_floats_are_refused_in_words(data):
    X, y, group = data
    model = UnlearningClassifier(LogisticRegression().fit(X, y))
    model.set_params(weighting__strength=1e200)
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        warnings.simplefilter("ignore", ConvergenceWarning)
        with pytest.raises(
            ValueError, match=r"strength=1e\+200.*not finite, or beyond"
        ):
            model.unlearn(X, y, sensitive_features=group)
    assert not hasattr(model, "epsilon_")


@pytest.mark.parametrize("size", [1e-300, 1e200])
def test_sample_weights_at_the_ends_of_the_range_count_as_others_do(data, size):
    X, y, group = data
    fitted = LogisticRegression(C=np.inf).fit(X, y)
    plain, model = (UnlearningClassifierCV(fitted, strengths=[0.3]) for _ in range(2))
    plain.unlearn(X, y, sensitive_features=group)
    weight = np.full(120, size)
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        model.unlearn(X, y, sensitive_features=group, sample_weight=weight)
    assert_allclose(model.epsilon_, plain.epsilon_, rtol=1e-6)
    (effective,), (expected,) = (
        one.path_["effective_sample_size"] for one in (model, plain)
    )
    assert_allclose(effective, expected)
    assert_allclose(weights_summary(model).effective_sample_size, expected)


@pytest.mark.parametrize("size", [1e30, 1e300])
def test_models_beyond_the_range_of_floats_are_told_in_words(data, size):
    X, y, group = data
    fitted = RidgeClassifier().fit(X.astype(np.float32), y)
    model = UnlearningClassifier(fitted, update=GradientAscent(lr=size))
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        model.unlearn(X.astype(np.float32), y, sensitive_features=group)
    assert any("mean loss rises from 0." in str(one.message) for one in told)
    assert not any(issubclass(one.category, RuntimeWarning) for one in told)


@pytest.mark.filterwarnings("ignore::skswu.exceptions.TrainingDataWarning")
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.filterwarnings("ignore::skswu.exceptions.SingularCurvatureWarning")
def test_questions_about_huge_coefficients_warn_in_words_alone(data):
    X, y, group = data
    fitted = LogisticRegression().fit(X, y)
    fitted.coef_ = 1e160 * fitted.coef_
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        influence_values(fitted, X, y, sensitive_features=group)
        leave_one_out(fitted, X, y, indices=[0], sensitive_features=group)


class Named(TargetUtility):
    """Called as somebody pleases."""

    name = "loss"

    def bind(self, *given):
        metrics = super().bind(*given)
        metrics.names = [self.name]
        return metrics


@pytest.mark.filterwarnings("ignore::skswu.exceptions.UnreachableTargetWarning")
@pytest.mark.filterwarnings("ignore::skswu.exceptions.LinearizationWarning")
@pytest.mark.filterwarnings("ignore::skswu.exceptions.UtilityLossWarning")
@pytest.mark.parametrize(
    ("objectives", "names"),
    [
        (
            [
                DemographicParity(pos_label=1),
                DemographicParity(temperature=0.5, pos_label=1),
            ],
            ["demographic_parity[1]: 1 - 0", "demographic_parity[1]: 1 - 0 (2)"],
        ),
        ([Named(target=0.4), Named(target=0.5)], ["loss (2)", "loss (3)"]),
    ],
)
def test_metrics_of_one_name_are_told_apart(data, objectives, names):
    X, y, group = data
    fitted = LogisticRegression().fit(X, y)
    model = UnlearningClassifierCV(
        fitted, objective=objectives, strengths=[0.2, 0.5], validation_fraction=None
    )
    model.unlearn(X, y, sensitive_features=group)
    assert model.objective_names_ == names
    gaps = model.path_[names].to_numpy()[model.best_index_]
    assert_allclose(gaps, model.objective_after_)
    for values in (
        influence_values(model),
        influence_values(fitted, X, y, objective=objectives, sensitive_features=group),
    ):
        assert_allclose(values[names].to_numpy().T, model.influence_, rtol=1e-6)
        assert_allclose(values["utility"], model.utility_influence_, rtol=1e-6)


def test_names_of_columns_are_not_those_of_metrics(data):
    X, y, group = data
    model = UnlearningClassifierCV(LogisticRegression().fit(X, y), strengths=[0.2])
    model.set_params(tune_threshold=True).unlearn(X, y, sensitive_features=group)
    columns = {*model.path_, *influence_values(model)}
    of_metrics = {
        f"{name}{end}" for name in model.objective_names_ for end in ("", "_se")
    }
    assert columns - of_metrics <= TAKEN


def test_one_strength_is_the_whole_correction(data):
    X, y, group = data
    model = UnlearningClassifierCV(LogisticRegression().fit(X, y), strengths=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.unlearn(X, y, sensitive_features=group)
    assert model.path_["strength"].tolist() == [1.0]


@pytest.mark.parametrize("strengths", [[0.5, np.inf], [np.nan], ["a"], [None, [1]]])
def test_strengths_that_are_no_numbers_are_refused(data, strengths):
    X, y, group = data
    model = UnlearningClassifierCV(LogisticRegression().fit(X, y), strengths=strengths)
    with pytest.raises(ValueError, match="'strengths' parameter must be"):
        model.unlearn(X, y, sensitive_features=group)


@pytest.mark.parametrize("update", ["influence", "one_step"])
@pytest.mark.parametrize(
    "parts",
    [
        {"weighting": SoftWeighting(lower=0, upper=0)},
        {"objective": DemographicParity(temperature=1e-6)},
    ],
    ids=["no change allowed", "no row felt"],
)
def test_where_nothing_changes_nothing_was_reached(data, update, parts):
    X, y, group = data
    fitted = LogisticRegression(tol=1e-8).fit(X, y)
    model = UnlearningClassifier(fitted, update=update, **parts)
    with pytest.warns(UnreachableTargetWarning, match="out of reach"):
        model.unlearn(X, y, sensitive_features=group)
    assert not model.epsilon_.any()
    assert model.reachable_strength_ == 0.0
    assert model.stationarity_ == 0.0
    assert_array_equal(model.objective_after_, model.objective_before_)
    assert_array_equal(model.estimator_.coef_, fitted.coef_)


def test_a_tolerance_that_leaves_no_change_says_that_nothing_changed(data):
    X, y, group = data
    weighting = SoftWeighting(utility_tolerance=0.0)
    model = UnlearningClassifier(LogisticRegression().fit(X, y), weighting=weighting)
    message = r"strength=1, 0 can be reached within .*=0.0; no weight is changed\."
    with pytest.warns(UnreachableTargetWarning, match=message):
        model.unlearn(X, y, sensitive_features=group)
    assert not model.epsilon_.any()
    assert (model.reachable_strength_, model.stationarity_) == (0.0, 0.0)


@pytest.mark.filterwarnings("ignore::skswu.exceptions.UtilityLossWarning")
def test_orders_of_rows_at_a_bound_differ_by_the_tolerance_at_most(rng):
    group = rng.integers(0, 2, 240)
    X = rng.normal(size=(240, 4)) + group[:, None] * [1, 0, 0, 0]
    y = (X[:, 0] + X[:, 1] + rng.normal(size=240) > 0.5).astype(int)
    order = rng.permutation(240)
    model = UnlearningClassifier(
        LogisticRegression(tol=1e-8).fit(X, y),
        weighting=SoftWeighting(strength=0.5, upper=0.2),
    )
    one = model.unlearn(X, y, sensitive_features=group).epsilon_
    assert (one == 0.2).any()
    model.unlearn(X[order], y[order], sensitive_features=group[order])
    distance = np.linalg.norm(model.epsilon_ - one[order])
    assert distance <= model.optimality_ * np.linalg.norm(one)
    assert model.optimality_ <= InfluenceUpdate().tol
