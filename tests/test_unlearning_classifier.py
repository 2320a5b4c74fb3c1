"""The meta-estimator's conventions, inputs and state."""

import pickle
import re
from copy import deepcopy

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import make_classification
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, RidgeClassifier, SGDClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils.estimator_checks import parametrize_with_checks

from skswu import UnlearningClassifier
from skswu.exceptions import NothingToCorrectWarning, UnreachableTargetWarning
from skswu.influence import Influence
from skswu.objectives import DemographicParity, EqualizedOdds, EqualOpportunity
from skswu.updates import InfluenceUpdate
from skswu.weighting import HardWeighting, SoftWeighting

# The data are few and the corrections whole: what they reach is not the point here.
pytestmark = [
    pytest.mark.filterwarnings("ignore::skswu.exceptions.LinearizationWarning"),
    pytest.mark.filterwarnings("ignore::skswu.exceptions.UtilityLossWarning"),
]


@pytest.fixture
def data():
    X, y = make_classification(n_samples=300, n_features=5, random_state=0)
    group = np.where(X[:, 0] + np.random.default_rng(0).normal(size=300) > 0, "a", "b")
    return X, y, group


@pytest.fixture
def fitted(data):
    X, y, _ = data
    return LogisticRegression().fit(X, y)


def state(model):
    """Everything a failed call must leave as it was."""
    return pickle.dumps(vars(model))


ROWS_COUNT = (
    "a change counts once for each row, so that a row of weight 2 is changed at less "
    "cost than two rows are, and rows that are held out are drawn by row"
)


@parametrize_with_checks(
    [
        # A loss of zero is out of reach, and a little of it takes several steps.
        UnlearningClassifier(
            LogisticRegression(),
            objective="target_utility",
            weighting=SoftWeighting(strength=0.005),
            validation_fraction=None,
        ),
        UnlearningClassifier(
            LogisticRegression(), objective="target_utility", update="one_step"
        ),
        UnlearningClassifier(
            RidgeClassifier(),
            objective="target_utility",
            weighting="hard",
            validation_fraction=None,
        ),
    ],
    expected_failed_checks=lambda estimator: (
        {
            "check_sample_weight_equivalence_on_dense_data": ROWS_COUNT,
            "check_sample_weight_equivalence_on_sparse_data": ROWS_COUNT,
        }
        if estimator.validation_fraction is not None
        else {}
    ),
)
@pytest.mark.filterwarnings("ignore")
def test_scikit_learn_conventions(estimator, check):
    check(estimator)


class GroupedByFirstFeature(UnlearningClassifier):
    """Reads the groups from X, so that scikit-learn's checks can call ``fit(X, y)``."""

    def fit(self, X, y, *, sensitive_features=None, sample_weight=None):
        if sensitive_features is None:
            sensitive_features = halves(X)
        return super().fit(
            X, y, sensitive_features=sensitive_features, sample_weight=sample_weight
        )


def halves(X):
    """Every other row in order of the first column; anything if X is no table."""
    values = X.toarray() if sparse.issparse(X) else np.asarray(X)
    if values.ndim == 2:
        values = values[:, :1].sum(axis=1, dtype=float)
    return np.argsort(np.argsort(values, kind="stable")) % 2


# What these state cannot be asked of a fairness objective: rows of one group or none.
NOT_STATABLE = {
    "check_sample_weight_equivalence_on_dense_data": "repeated rows change the ranks",
    "check_sample_weight_equivalence_on_sparse_data": "repeated rows change the ranks",
    "check_fit2d_1sample": "one row is one group, and the message says groups",
}


@parametrize_with_checks(
    [
        GroupedByFirstFeature(
            LogisticRegression(),
            objective=objective(pos_label=None),
            weighting=SoftWeighting(strength=0.1),
            validation_fraction=None,
        )
        for objective in (DemographicParity, EqualOpportunity, EqualizedOdds)
    ],
    expected_failed_checks=lambda estimator: NOT_STATABLE,
)
@pytest.mark.filterwarnings("ignore")
def test_scikit_learn_conventions_with_groups(estimator, check):
    check(estimator)


def test_fitted_attributes_have_their_documented_shapes(data):
    X, y, group = data
    model = UnlearningClassifier(
        LogisticRegression(), validation_fraction=0.2, random_state=0
    )
    assert model.fit(X, y, sensitive_features=group) is model
    n_train = len(model.train_indices_)
    assert n_train == 240
    assert len(model.validation_indices_) == 60
    assert model.epsilon_.shape == model.sample_weight_.shape == (n_train,)
    assert model.influence_.shape == (1, n_train)
    assert model.utility_influence_.shape == (n_train,)
    for name in ("before", "after", "predicted"):
        assert getattr(model, f"objective_{name}_").shape == (1,)
    assert model.objective_names_ == ["demographic_parity[1]: b - a"]
    assert isinstance(model.utility_before_, float)
    assert model.n_features_in_ == 5
    assert_array_equal(model.classes_, [0, 1])
    assert model.n_iter_ > 1
    assert set(model.timings_) == {"influence", "update"}
    assert_allclose(model.sample_weight_, 1 + model.epsilon_)


def test_held_out_rows_are_stratified_by_label_and_group(data):
    X, y, group = data
    model = UnlearningClassifier(
        LogisticRegression(), validation_fraction=0.2, random_state=3
    )
    model.fit(X, y, sensitive_features=group)
    together = np.sort(np.append(model.train_indices_, model.validation_indices_))
    assert_array_equal(together, np.arange(300))
    for label in (0, 1):
        for name in ("a", "b"):
            cell = np.flatnonzero((y == label) & (group == name))
            held_out = np.isin(cell, model.validation_indices_).sum()
            assert abs(held_out - 0.2 * len(cell)) <= 1
    again = clone(model).fit(X, y, sensitive_features=group)
    assert_array_equal(again.validation_indices_, model.validation_indices_)
    other = clone(model).set_params(random_state=4).fit(X, y, sensitive_features=group)
    assert not np.array_equal(other.validation_indices_, model.validation_indices_)


def test_fit_is_a_fit_and_an_unlearn_on_its_split(data):
    X, y, group = data
    model = UnlearningClassifier(
        LogisticRegression(), validation_fraction=0.2, random_state=0
    )
    model.fit(X, y, sensitive_features=group)
    train, held_out = model.train_indices_, model.validation_indices_
    by_hand = UnlearningClassifier(LogisticRegression().fit(X[train], y[train]))
    by_hand.unlearn(
        X[train],
        y[train],
        sensitive_features=group[train],
        X_val=X[held_out],
        y_val=y[held_out],
        sensitive_features_val=group[held_out],
    )
    assert_allclose(model.estimator_.coef_, by_hand.estimator_.coef_, rtol=1e-12)
    assert_allclose(model.influence_, by_hand.influence_, rtol=1e-12)


def test_unlearn_never_modifies_what_it_is_given(data, fitted):
    X, y, group = data
    X, y, weight = X.copy(), y.copy(), np.ones(300)
    before = deepcopy(vars(fitted))
    kept = [array.copy() for array in (X, y, group, weight)]
    model = UnlearningClassifier(fitted, weighting="soft")
    model.unlearn(X, y, sensitive_features=group, sample_weight=weight)
    for name, value in before.items():
        assert_array_equal(getattr(fitted, name), value)
    for array, copy in zip((X, y, group, weight), kept, strict=True):
        assert_array_equal(array, copy)
    assert model.estimator is fitted
    assert model.weighting == "soft"
    assert model.estimator_ is not fitted
    assert type(model.estimator_) is LogisticRegression


def test_a_second_unlearn_starts_from_the_original(data, fitted):
    X, y, group = data
    model = UnlearningClassifier(fitted).unlearn(X, y, sensitive_features=group)
    coef, before = model.estimator_.coef_, model.objective_before_
    model.unlearn(X, y, sensitive_features=group)
    assert_allclose(model.estimator_.coef_, coef, rtol=0)
    assert_allclose(model.objective_before_, before, rtol=0)


def test_unlearn_after_fit_starts_from_what_fit_fitted(data):
    X, y, group = data
    model = UnlearningClassifier(LogisticRegression(), random_state=0)
    model.fit(X, y, sensitive_features=group)
    original = model.original_estimator_
    model.unlearn(X, y, sensitive_features=group)
    assert_array_equal(model.original_estimator_.coef_, original.coef_)
    assert len(model.epsilon_) == 300


def test_a_new_estimator_is_not_mistaken_for_the_old(data, fitted):
    X, y, group = data
    model = UnlearningClassifier(fitted).unlearn(X, y, sensitive_features=group)
    other = LogisticRegression(C=1e-3).fit(X, y)
    model.set_params(estimator=other).unlearn(X, y, sensitive_features=group)
    assert_array_equal(model.original_estimator_.coef_, other.coef_)


@pytest.mark.parametrize("wrap", [FrozenEstimator, lambda fitted: fitted])
def test_frozen_and_bare_fitted_estimators(data, fitted, wrap):
    X, y, group = data
    model = UnlearningClassifier(wrap(fitted)).unlearn(X, y, sensitive_features=group)
    assert type(model.estimator_) is LogisticRegression
    assert abs(model.objective_after_[0]) < 0.3 * abs(model.objective_before_[0])


def test_fit_keeps_a_frozen_estimator(data, fitted):
    X, y, group = data
    model = UnlearningClassifier(FrozenEstimator(fitted))
    model.fit(X, y, sensitive_features=group)
    assert_array_equal(
        model.estimator_.coef_,
        UnlearningClassifier(fitted)
        .unlearn(X, y, sensitive_features=group)
        .estimator_.coef_,
    )
    assert model.validation_indices_ is None


def test_pipelines_keep_their_transformers(data):
    X, y, group = data
    pipeline = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, y)
    model = UnlearningClassifier(pipeline).unlearn(X, y, sensitive_features=group)
    Z = pipeline[:-1].transform(X)
    bare = UnlearningClassifier(pipeline[-1]).unlearn(Z, y, sensitive_features=group)
    assert_allclose(model.predict_proba(X), bare.predict_proba(Z))
    assert model.estimator_[0] is not pipeline[0]
    nested = make_pipeline(FrozenEstimator(pipeline)).fit(X, y)
    model = UnlearningClassifier(nested).unlearn(X, y, sensitive_features=group)
    assert_allclose(model.predict_proba(X), bare.predict_proba(Z))


@pytest.mark.parametrize(
    "form",
    [
        pd.DataFrame,
        lambda X: pl.DataFrame(X, schema=list("vwxyz")),
        sparse.csr_matrix,
        sparse.csc_array,
        lambda X: X.astype(np.float32),
        np.asfortranarray,
        np.ndarray.tolist,
    ],
)
def test_forms_of_X_give_the_same_correction(data, form):
    X, y, group = data
    expected = UnlearningClassifier(LogisticRegression(), random_state=0).fit(
        X, y, sensitive_features=group
    )
    given = form(X)
    if isinstance(given, pd.DataFrame):
        given.columns = list("vwxyz")
    model = UnlearningClassifier(LogisticRegression(), random_state=0)
    model.fit(given, y, sensitive_features=group)
    tolerance = 1e-3 if getattr(given, "dtype", None) == np.float32 else 1e-6
    assert_allclose(model.epsilon_, expected.epsilon_, rtol=0, atol=tolerance * 10)
    assert_allclose(
        model.predict_proba(given), expected.predict_proba(X), atol=tolerance
    )
    if hasattr(given, "columns"):
        assert_array_equal(model.feature_names_in_, list("vwxyz"))


@pytest.mark.parametrize(
    "labels", [["no", "yes"], [False, True], [-1, 1], np.array(["no", "yes"], object)]
)
def test_label_types(data, labels):
    X, y, group = data
    expected = UnlearningClassifier(LogisticRegression(), random_state=0)
    expected.fit(X, y, sensitive_features=group)
    objective = DemographicParity(pos_label=labels[1])
    model = UnlearningClassifier(
        LogisticRegression(), objective=objective, random_state=0
    )
    model.fit(X, np.asarray(labels)[y], sensitive_features=group)
    assert_array_equal(model.predict(X), np.asarray(labels)[expected.predict(X)])
    assert_allclose(model.objective_after_, expected.objective_after_, rtol=1e-9)


def test_sensitive_features_by_name_position_and_call_agree(data):
    X, y, group = data
    frame = pd.DataFrame(X, columns=list("vwxyz")).assign(sex=(group == "b") * 1.0)
    by_call = UnlearningClassifier(LogisticRegression(), random_state=0).fit(
        frame, y, sensitive_features=frame["sex"]
    )
    by_name = UnlearningClassifier(
        LogisticRegression(), sensitive_features="sex", random_state=0
    ).fit(frame, y)
    by_position = UnlearningClassifier(
        LogisticRegression(), sensitive_features=5, random_state=0
    ).fit(frame.to_numpy(), y)
    for model in (by_name, by_position):
        assert_allclose(model.epsilon_, by_call.epsilon_, rtol=1e-9, atol=1e-12)
    assert by_name.objective_names_ == ["demographic_parity[1]: 1 - 0"]


def test_many_groups_and_crossed_columns(data):
    X, y = make_classification(300, 8, n_informative=8, n_redundant=0, random_state=0)
    group = data[2]
    other = np.arange(300) % 3
    frame = pd.DataFrame({"sex": group, "age": other})
    model = UnlearningClassifier(
        LogisticRegression(),
        weighting=SoftWeighting(strength=0.6),
        update=InfluenceUpdate(max_iter=20),
    )
    model.set_params(validation_fraction=None).fit(X, y, sensitive_features=frame)
    assert len(model.objective_names_) == len(model.objective_before_) == 6
    probability = model.original_estimator_.predict_proba(X)[:, 1]
    odds = probability / (1 - probability)
    odds **= 1 / DemographicParity().temperature
    tempered = odds / (1 + odds)
    expected = [
        tempered[(group == a) & (other == b)].mean() - tempered.mean()
        for a in "ab"
        for b in (0, 1, 2)
    ]
    assert_allclose(model.objective_before_, expected, rtol=1e-9)
    after, before = model.objective_after_, model.objective_before_
    assert_allclose(after, 0.4 * before, atol=1e-4)


def test_several_objectives_are_stacked(data, fitted):
    X, y, group = data
    model = UnlearningClassifier(
        fitted,
        objective=["demographic_parity", EqualOpportunity(temperature=1.0)],
        update="one_step",
    ).unlearn(X, y, sensitive_features=group)
    assert model.influence_.shape == (2, 300)
    alone = UnlearningClassifier(fitted, objective=EqualOpportunity(temperature=1.0))
    alone.unlearn(X, y, sensitive_features=group)
    assert_allclose(model.influence_[1], alone.influence_[0])


def test_multiclass_needs_a_positive_label():
    X, y = make_classification(
        n_samples=300, n_classes=3, n_informative=4, random_state=0
    )
    group = X[:, 0] > 0
    model = UnlearningClassifier(LogisticRegression())
    with pytest.raises(ValueError, match=r"Only binary.*pos_label.*\[0, 1, 2\]"):
        model.fit(X, y, sensitive_features=group)
    model.set_params(objective=DemographicParity(pos_label=2))
    model.fit(X, y, sensitive_features=group)
    with pytest.raises(ValueError, match=r"pos_label=7 is not a class.*\[0, 1, 2\]"):
        model.set_params(objective__pos_label=7).fit(X, y, sensitive_features=group)


def test_parts_given_by_name_take_nested_parameters():
    model = UnlearningClassifier(LogisticRegression())
    model.set_params(weighting__strength=0.3, update__max_iter=4)
    assert model.weighting.strength == 0.3
    assert model.update.max_iter == 4
    model.set_params(weighting="hard", weighting__fraction=0.2)
    assert isinstance(model.weighting, HardWeighting)
    model = clone(model).set_params(objective="equalized_odds")
    model.set_params(objective__temperature=2.0, estimator__C=3.0)
    assert model.objective.temperature == 2.0
    assert model.estimator.C == 3.0
    with pytest.raises(ValueError, match="Invalid parameter 'foo'"):
        model.set_params(weighting__foo=1)
    with pytest.raises(ValueError, match=r"unknown name 'fair'.*demographic_parity"):
        model.set_params(objective="fair", objective__temperature=1.0)


def test_prefit_parts_are_not_modified(data, fitted):
    X, y, group = data
    weighting = SoftWeighting(strength=0.5)
    model = UnlearningClassifier(fitted, weighting=weighting)
    model.unlearn(X, y, sensitive_features=group)
    assert vars(weighting) == vars(SoftWeighting(strength=0.5))


def test_methods_are_those_of_the_wrapped_classifier(data):
    X, y, group = data
    ridge = UnlearningClassifier(RidgeClassifier())
    assert not hasattr(ridge, "predict_proba")
    assert hasattr(ridge, "decision_function")
    logistic = UnlearningClassifier(LogisticRegression())
    logistic.fit(X, y, sensitive_features=group)
    for method in ("predict", "predict_proba", "decision_function"):
        assert_array_equal(
            getattr(logistic, method)(X), getattr(logistic.estimator_, method)(X)
        )
    assert logistic.score(X, y) == (logistic.predict(X) == y).mean()


def test_html_and_text_representations(fitted):
    model = UnlearningClassifier(fitted, weighting="hard")
    assert "UnlearningClassifier" in model._repr_html_()
    assert repr(model) == (
        "UnlearningClassifier(estimator=LogisticRegression(), weighting='hard')"
    )


def test_verbose_prints_the_steps(data, fitted, capsys):
    X, y, group = data
    UnlearningClassifier(fitted).unlearn(X, y, sensitive_features=group)
    assert capsys.readouterr().out == ""
    steps = {"one_step": ["influence", "weighting", "update"]}
    steps["influence"] = ["influence", "update"]
    for update, named in steps.items():
        model = UnlearningClassifier(fitted, update=update, verbose=1)
        model.unlearn(X, y, sensitive_features=group)
        printed = capsys.readouterr().out
        assert all(step in printed for step in named)


BAD_CALLS = {
    "no groups": (
        lambda X, y, g: (X, y, {}),
        "DemographicParity needs sensitive_features",
    ),
    "lengths": (
        lambda X, y, g: (X, y[:-1], {"sensitive_features": g}),
        "inconsistent numbers of samples",
    ),
    "group length": (
        lambda X, y, g: (X, y, {"sensitive_features": g[:-1]}),
        "sensitive_features",
    ),
    "one group": (
        lambda X, y, g: (X, y, {"sensitive_features": np.full(len(y), "a")}),
        "group",
    ),
    "missing group": (
        lambda X, y, g: (
            X,
            y,
            {"sensitive_features": pd.Series(g).where(np.arange(300) > 2)},
        ),
        "missing",
    ),
    "not a grouping": (
        lambda X, y, g: (X, y, {"sensitive_features": np.arange(len(y))}),
        "not a grouping",
    ),
    "NaN": (
        lambda X, y, g: (np.where(X > 1, np.nan, X), y, {"sensitive_features": g}),
        "NaN",
    ),
    "columns": (
        lambda X, y, g: (X[:, :3], y, {"sensitive_features": g}),
        "X has 3 features, but LogisticRegression is expecting 5",
    ),
    "labels": (
        lambda X, y, g: (X, y + 1, {"sensitive_features": g}),
        r"y holds labels \[2\].*not fitted on.*\[0, 1\]",
    ),
    "regression": (
        lambda X, y, g: (X, y + 0.5, {"sensitive_features": g}),
        "Unknown label type",
    ),
    "negative weights": (
        lambda X, y, g: (
            X,
            y,
            {"sensitive_features": g, "sample_weight": -np.ones(len(y))},
        ),
        "sample_weight",
    ),
    "weights length": (
        lambda X, y, g: (
            X,
            y,
            {"sensitive_features": g, "sample_weight": np.ones(len(y) - 1)},
        ),
        "sample_weight",
    ),
    "y_val missing": (
        lambda X, y, g: (X, y, {"sensitive_features": g, "X_val": X}),
        "y_val must be given with X_val",
    ),
    "X_val missing": (
        lambda X, y, g: (X, y, {"sensitive_features": g, "y_val": y}),
        "y_val was given without X_val",
    ),
    "val groups missing": (
        lambda X, y, g: (X, y, {"sensitive_features": g, "X_val": X, "y_val": y}),
        "needs sensitive_features_val",
    ),
    "val lacks a group": (
        lambda X, y, g: (
            X,
            y,
            {
                "sensitive_features": np.where(np.arange(300) < 9, "c", g),
                "X_val": X,
                "y_val": y,
                "sensitive_features_val": g,
            },
        ),
        "no row .* of 'c'",
    ),
    "val has another group": (
        lambda X, y, g: (
            X,
            y,
            {
                "sensitive_features": g,
                "X_val": X,
                "y_val": y,
                "sensitive_features_val": np.where(np.arange(300) < 9, "c", g),
            },
        ),
        "'c'.*not among the known groups",
    ),
    "val lengths": (
        lambda X, y, g: (
            X,
            y,
            {
                "sensitive_features": g,
                "X_val": X,
                "y_val": y[:-2],
                "sensitive_features_val": g,
            },
        ),
        "inconsistent numbers of samples",
    ),
}


@pytest.mark.parametrize("case", BAD_CALLS)
def test_bad_calls_say_what_is_wrong_and_change_nothing(data, fitted, case):
    make, message = BAD_CALLS[case]
    X, y, group = data
    model = UnlearningClassifier(fitted).unlearn(X, y, sensitive_features=group)
    before = state(model)
    X, y, options = make(X, y, group)
    with pytest.raises(ValueError, match=message):
        model.unlearn(X, y, **options)
    assert state(model) == before


BAD_PARAMETERS = {
    "objective": (
        {"objective": "fairness"},
        ValueError,
        "'objective' parameter got the unknown name 'fairness'",
    ),
    "objective class": (
        {"objective": [DemographicParity]},
        TypeError,
        "'objective' parameter must be one of",
    ),
    "no objective": ({"objective": []}, ValueError, "empty list"),
    "weighting": ({"weighting": "medium"}, ValueError, "unknown name 'medium'"),
    "update": ({"update": "magic"}, ValueError, "unknown name 'magic'"),
    "fraction": (
        {"validation_fraction": 1.5},
        ValueError,
        "validation_fraction.*range",
    ),
    "strength": (
        {"weighting": SoftWeighting(strength=-1)},
        ValueError,
        "'strength' parameter of SoftWeighting",
    ),
    "temperature": (
        {"objective": DemographicParity(temperature=0)},
        ValueError,
        "'temperature' parameter of DemographicParity",
    ),
    "damping": (
        {"influence": Influence(damping=-1.0)},
        ValueError,
        "'damping' parameter of Influence",
    ),
    "textbook": (
        {"update": InfluenceUpdate(step="textbook", max_iter=3)},
        ValueError,
        "needs max_iter=1",
    ),
    "column": ({"sensitive_features": 17}, ValueError, "17"),
    "estimator": ({"estimator": "lr"}, ValueError, "'estimator' parameter"),
}


@pytest.mark.parametrize("case", BAD_PARAMETERS)
def test_bad_parameters_are_named(data, case):
    X, y, group = data
    parameters, error, message = BAD_PARAMETERS[case]
    model = UnlearningClassifier(LogisticRegression()).set_params(**parameters)
    given = {} if case == "column" else {"sensitive_features": group}
    with pytest.raises(error, match=message):
        model.fit(X, y, **given)
    assert not hasattr(model, "estimator_")


def test_unsupported_and_unfitted_estimators(data):
    X, y, group = data
    tree = DecisionTreeClassifier().fit(X, y)
    with pytest.raises(TypeError, match=r"DecisionTreeClassifier.*register_model_view"):
        UnlearningClassifier(tree).unlearn(X, y, sensitive_features=group)
    with pytest.raises(NotFittedError):
        UnlearningClassifier(LogisticRegression()).unlearn(
            X, y, sensitive_features=group
        )
    with pytest.raises(NotFittedError):
        UnlearningClassifier(LogisticRegression()).predict(X)
    with pytest.raises(TypeError, match=r"KNeighborsClassifier.fit does not"):
        UnlearningClassifier(KNeighborsClassifier()).fit(
            X, y, sensitive_features=group, sample_weight=np.ones(300)
        )


def test_too_few_rows_to_hold_any_out():
    X, y = np.arange(8.0).reshape(4, 2), [0, 1, 0, 1]
    model = UnlearningClassifier(LogisticRegression(), validation_fraction=0.1)
    with pytest.raises(ValueError, match=r"validation_fraction=0.1 of n_samples = 4"):
        model.fit(X, y, sensitive_features=[0, 0, 1, 1])


def test_a_label_absent_from_a_group_is_named(data, fitted):
    X, y, group = data
    group = np.where(y == 1, "a", group)
    model = UnlearningClassifier(fitted, objective="equal_opportunity")
    with pytest.raises(
        ValueError, match=re.escape("EqualOpportunity cannot be measured")
    ) as error:
        model.unlearn(X, y, sensitive_features=group)
    assert "'b' within the positive class" in str(error.value)


def test_a_fair_model_is_left_alone(data):
    X, y, _ = data
    X, y = np.vstack([X, X]), np.append(y, y)
    fitted = LogisticRegression().fit(X, y)
    model = UnlearningClassifier(fitted)
    with pytest.warns(NothingToCorrectWarning, match="already met.*unchanged"):
        model.unlearn(X, y, sensitive_features=np.repeat(["a", "b"], 300))
    assert_array_equal(model.estimator_.coef_, fitted.coef_)
    assert not model.epsilon_.any()
    assert model.stationarity_ == 0.0


# Rows other than those of the fit are given on purpose.
@pytest.mark.filterwarnings("ignore::skswu.exceptions.TrainingDataWarning")
def test_all_zero_influence_is_an_unreachable_target():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40, 1))
    y = np.arange(40) % 2
    fitted = LogisticRegression(fit_intercept=False, C=1e-12).fit(X, y)
    fitted.coef_[:] = 0.0
    model = UnlearningClassifier(
        LogisticRegression(fit_intercept=False).fit(np.vstack([X, X]), np.append(y, y)),
        objective=DemographicParity(temperature=1e-4),
    )
    model.estimator.coef_[:] = 50.0  # every row far from the threshold
    with pytest.warns(UnreachableTargetWarning, match="of strength=1, 0 can be"):
        model.unlearn(
            np.vstack([X, X]) + np.sign(np.vstack([X, X])),
            np.append(y, y),
            sensitive_features=np.append(X[:, 0] > 0, y == 0),
        )
    assert not model.epsilon_.any()
    assert_array_equal(model.estimator_.coef_, model.estimator.coef_)


def test_bounds_that_keep_the_target_out_of_reach_warn(data, fitted):
    X, y, group = data
    model = UnlearningClassifier(
        fitted, weighting=SoftWeighting(lower=-0.05, upper=0.05)
    )
    with pytest.warns(UnreachableTargetWarning, match="out of reach"):
        model.unlearn(X, y, sensitive_features=group)
    assert np.abs(model.epsilon_).max() <= 0.05 + 1e-12
    assert abs(model.objective_after_[0]) < abs(model.objective_before_[0])


def test_rows_of_zero_weight_take_no_part(data):
    X, y, group = data
    weight = (np.arange(300) >= 50).astype(float)
    fitted = LogisticRegression(tol=1e-10).fit(X, y, sample_weight=weight)
    weighted = UnlearningClassifier(fitted).unlearn(
        X, y, sensitive_features=group, sample_weight=weight
    )
    assert not weighted.influence_[:, :50].any()
    assert not weighted.epsilon_[:50].any()
    dropped = UnlearningClassifier(fitted).unlearn(
        X[50:], y[50:], sensitive_features=group[50:]
    )
    assert_allclose(weighted.epsilon_[50:], dropped.epsilon_, atol=1e-8)
    assert_allclose(weighted.estimator_.coef_, dropped.estimator_.coef_, rtol=1e-7)


# Rows other than those of the fit are given on purpose.
@pytest.mark.filterwarnings("ignore::skswu.exceptions.TrainingDataWarning")
@pytest.mark.parametrize(
    ("update", "interrupted"),
    [
        ("one_step", "skswu.updates.InfluenceUpdate.move_all"),
        ("influence", "skswu.correction._candidate.Candidate.take_sequence"),
    ],
)
def test_an_interrupt_leaves_the_estimator_as_it_was(
    data, fitted, monkeypatch, update, interrupted
):
    X, y, group = data
    model = UnlearningClassifier(fitted, update=update)
    model.unlearn(X, y, sensitive_features=group)
    before = state(model)

    def interrupt(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(interrupted, interrupt)
    with pytest.raises(KeyboardInterrupt):
        model.unlearn(X[:250], y[:250], sensitive_features=group[:250])
    assert state(model) == before


def test_sgd_stopped_short_shows_in_stationarity(data):
    X, y, group = data
    sgd = SGDClassifier(loss="log_loss", max_iter=1, tol=None, random_state=0)
    sgd.fit(X, y)
    parts = {
        "influence": Influence(leftover_gradient="keep"),
        "weighting": SoftWeighting(strength=0.2),
        "update": "one_step",
    }
    model = UnlearningClassifier(sgd, **parts)
    model.unlearn(X, y, sensitive_features=group)
    exact = UnlearningClassifier(LogisticRegression(tol=1e-10).fit(X, y), **parts)
    exact.unlearn(X, y, sensitive_features=group)
    assert model.stationarity_ > 2 * exact.stationarity_
