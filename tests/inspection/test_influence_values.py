"""influence_values against refits under slightly changed weights."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import expit
from sklearn.base import clone
from sklearn.datasets import make_classification
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

from skswu import UnlearningClassifier
from skswu.influence import Influence
from skswu.inspection import influence_values
from skswu.objectives import DemographicParity, EqualOpportunity
from skswu.weighting import SoftWeighting

FEATURES = list("uvwxyz")


@pytest.fixture
def data():
    X, y = make_classification(n_samples=100, n_features=6, flip_y=0.2, random_state=0)
    rng = np.random.default_rng(0)
    group = np.where(X[:, 0] + rng.normal(size=100) > 0, "b", "a")
    index = [f"person {i}" for i in range(100)]
    frame = pd.DataFrame(X, columns=FEATURES, index=index)
    return frame, y, group, rng.integers(1, 5, 100) / 2.0


def exact():
    return LogisticRegression(C=0.5, solver="newton-cholesky", tol=1e-13)


def test_influences_are_derivatives_in_the_weights(data):
    X, y, group, weight = data
    values = influence_values(
        exact().fit(X, y, sample_weight=weight),
        X,
        y,
        objective=DemographicParity(temperature=1.0),
        sensitive_features=group,
        sample_weight=weight,
    )

    def measures(weight):
        model = exact().fit(X, y, sample_weight=weight)
        p = expit(model.decision_function(X))
        a, b = (
            np.average(p[group == name], weights=fit_weight[group == name])
            for name in "ab"
        )
        loss = np.average(-np.log(np.where(y == 1, p, 1 - p)), weights=fit_weight)
        return np.array([b - a, loss])

    fit_weight, step = weight, 1e-4
    for i in range(0, 100, 7):
        up, down = weight.copy(), weight.copy()
        up[i] *= 1 + step
        down[i] *= 1 - step
        # Removal is a relative change of -1.
        expected = -(measures(up) - measures(down)) / (2 * step)
        assert_allclose(values.iloc[i], expected, rtol=1e-5, atol=1e-9)


def test_index_and_columns(data):
    X, y, group, _ = data
    values = influence_values(
        exact().fit(X, y),
        X,
        y,
        objective=["demographic_parity", EqualOpportunity()],
        sensitive_features=group,
    )
    assert_array_equal(values.index, X.index)
    first, second, last = values
    assert first == "demographic_parity[1]: b - a"
    assert second.startswith("equal_opportunity")
    assert last == "utility"


@pytest.mark.parametrize("form", [np.asarray, lambda X: pl.from_pandas(X)])
def test_rows_without_an_index_are_numbered(data, form):
    X, y, group, _ = data
    values = influence_values(
        exact().fit(form(X), y), form(X), y, sensitive_features=group
    )
    assert_array_equal(values.index, np.arange(100))


def test_a_pipeline_and_its_last_step_agree(data):
    X, y, group, _ = data
    pipeline = make_pipeline(StandardScaler(), exact()).fit(X, y)
    rows = pipeline[:-1].transform(X)
    whole = influence_values(pipeline, X, y, sensitive_features=group)
    bare = influence_values(pipeline[-1], rows, y, sensitive_features=group)
    assert_allclose(whole, bare)


def test_groups_by_the_name_of_a_column(data):
    X, y, group, _ = data
    named = X.assign(sex=group)
    pipeline = make_pipeline(Drop(), exact()).fit(named, y)
    assert_allclose(
        influence_values(pipeline, named, y, sensitive_features="sex"),
        influence_values(pipeline, named, y, sensitive_features=group),
    )


class Drop(StandardScaler):
    """Leaves out the column of groups."""

    def fit(self, X, y=None):
        super().fit(X[FEATURES])
        self.n_features_in_ = X.shape[1]
        self.feature_names_in_ = np.array(X.columns, dtype=object)
        return self

    def transform(self, X):
        return (X[FEATURES].to_numpy() - self.mean_) / self.scale_


def corrected(X, y, group, estimator=None, **options):
    options = {"random_state": 0, "validation_fraction": 0.2, **options}
    model = UnlearningClassifier(estimator or exact(), **options)
    model.set_params(weighting__strength=0.5)
    return model.fit(X, y, sensitive_features=group)


def test_a_corrected_model_tells_what_it_holds(data):
    X, y, group, _ = data
    model = corrected(X, y, group)
    values = influence_values(model)
    assert list(values) == ["demographic_parity[1]: b - a", "utility", "epsilon"]
    assert_array_equal(values.index, model.train_indices_)
    assert_array_equal(values.iloc[:, 0], model.influence_[0])
    assert_array_equal(values["utility"], model.utility_influence_)
    assert_array_equal(values["epsilon"], model.epsilon_)
    labelled = influence_values(model, X)
    assert_array_equal(labelled.index, X.index[model.train_indices_])
    assert_array_equal(labelled, values)


def test_a_corrected_model_computes_them_again(data):
    X, y, group, _ = data
    model = corrected(X, y, group)
    again = influence_values(model, X, y, sensitive_features=group)
    assert_allclose(again, influence_values(model, X), rtol=1e-9, atol=1e-15)
    assert_array_equal(again.index, X.index[model.train_indices_])
    other = influence_values(
        model, X, y, objective="equal_opportunity", sensitive_features=group
    )
    assert "equal_opportunity" in other.columns[0]
    assert_array_equal(other["epsilon"], model.epsilon_)
    assert model.objective == "demographic_parity"


def test_the_influence_says_how_curvature_is_inverted(data):
    X, y, group, _ = data
    model = exact().fit(X, y)
    options = {"sensitive_features": group}
    plain = influence_values(model, X, y, **options)
    iterative = influence_values(
        model, X, y, influence=Influence(solver="conjugate_gradient"), **options
    )
    damped = influence_values(model, X, y, influence=Influence(damping=1.0), **options)
    assert_allclose(iterative, plain, rtol=1e-5, atol=1e-9)
    assert np.linalg.norm(damped) < 0.5 * np.linalg.norm(plain)


@pytest.mark.filterwarnings("ignore::skswu.exceptions.UtilityLossWarning")
@pytest.mark.filterwarnings("ignore::skswu.exceptions.UnreachableTargetWarning")
def test_a_replaced_model_has_the_influences_of_its_stand_in(data):
    X, y, group, _ = data
    model = corrected(
        X,
        y,
        group,
        estimator=DecisionTreeClassifier(),
        update="refit",
        weighting=SoftWeighting(utility_tolerance=0.0),
    )
    again = influence_values(model, X, y, sensitive_features=group)
    assert_allclose(again, influence_values(model, X), rtol=1e-9, atol=1e-15)


def test_nothing_of_the_caller_changes(data):
    X, y, group, _ = data
    model = exact().fit(X, y)
    before, state = X.copy(), clone(model).get_params()
    coef = model.coef_.copy()
    influence_values(model, X, y, sensitive_features=group)
    pd.testing.assert_frame_equal(X, before)
    assert model.get_params() == state
    assert_array_equal(model.coef_, coef)


def test_bad_input_is_named(data):
    X, y, group, _ = data
    with pytest.raises(NotFittedError):
        influence_values(exact(), X, y, sensitive_features=group)
    model = corrected(X, y, group)
    with pytest.raises(ValueError, match="objective was given without y"):
        influence_values(model, objective="equal_opportunity")
    with pytest.raises(ValueError, match=r"X has 99 rows, but .* was given 100"):
        influence_values(model, X.iloc[:99])
    with pytest.raises(ValueError, match="needs sensitive_features"):
        influence_values(exact().fit(X, y), X, y)
