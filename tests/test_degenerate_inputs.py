"""Inputs with next to nothing in them, and numbers at the ends of their range."""

import warnings
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.model_selection import KFold
from sklearn.svm import LinearSVC

from skswu import UnlearningClassifier, UnlearningClassifierCV
from skswu.correction._problem import Goal
from skswu.exceptions import UnreachableTargetWarning
from skswu.updates import FisherForgetting, InfluenceUpdate, Refit
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
        random_state=0,
    )
    held_out = model.fit(X, y, sensitive_features=group).validation_indices_
    weight = np.ones(120)
    weight[held_out] = 0
    with pytest.raises(ValueError, match="have a sample_weight of 0"):
        model.fit(X, y, sensitive_features=group, sample_weight=weight)


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
    model = UnlearningClassifier(fitted).unlearn(
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
    model = UnlearningClassifier(fitted, **parts)
    with pytest.warns(UnreachableTargetWarning, match=r"at most 0.0%"):
        model.unlearn(X, y)
    assert not model.epsilon_.any()
    path = UnlearningClassifierCV(fitted, strengths=[0.5], **parts)
    with pytest.warns(UnreachableTargetWarning, match=r"at most 0.0%"):
        path.unlearn(X, y)
    assert not path.epsilon_.any()


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
