"""Pipelines, searches and routing, on raw Adult columns."""

import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn import config_context
from sklearn.base import clone
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    RandomizedSearchCV,
    StratifiedKFold,
    cross_validate,
    train_test_split,
)
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from skswu import UnlearningClassifier
from skswu.metrics import make_fairness_scorer

CV = StratifiedKFold(3, shuffle=True, random_state=0)
GRID = {"weighting__strength": [0.3, 1.0], "estimator__logisticregression__C": [0.1, 1]}


@pytest.fixture(scope="module")
def census():
    from skswu.datasets import load_adult

    frame = load_adult().frame.sample(3000, random_state=0)
    return frame.drop(columns="income"), (frame["income"] == ">50K").to_numpy()


@pytest.fixture
def pipeline():
    """Raw columns; the sensitive one is dropped before the model sees it."""
    categories = OneHotEncoder(handle_unknown="ignore")
    return make_pipeline(
        make_column_transformer(
            ("drop", ["sex"]),
            (StandardScaler(), make_column_selector(dtype_include="number")),
            (categories, make_column_selector(dtype_exclude="number")),
        ),
        LogisticRegression(max_iter=1000),
    )


@pytest.fixture(params=["routed", "column"])
def way(request):
    """How groups reach estimators and scorers: by metadata routing, or by name."""
    return request.param


@pytest.fixture
def model(pipeline, way):
    if way == "column":
        return UnlearningClassifier(pipeline, sensitive_features="sex", random_state=0)
    with config_context(enable_metadata_routing=True):
        model = UnlearningClassifier(pipeline, random_state=0)
        return model.set_fit_request(sensitive_features=True)


@pytest.fixture
def context(way):
    return config_context(enable_metadata_routing=way == "routed")


@pytest.fixture
def scoring(way):
    column = "sex" if way == "column" else None
    disparity = make_fairness_scorer(
        "demographic_parity_difference", sensitive_features=column
    )
    constrained = make_fairness_scorer(
        "demographic_parity_difference",
        sensitive_features=column,
        utility="accuracy",
        max_disparity=0.1,
    )
    return {"accuracy": "accuracy", "parity": disparity, "constrained": constrained}


def metadata(way, X):
    return {"sensitive_features": X["sex"]} if way == "routed" else {}


def test_cross_validate(census, model, scoring, context, way):
    X, y = census
    with context:
        original = cross_validate(
            model.estimator,
            X,
            y,
            cv=CV,
            scoring=scoring,
            params=metadata(way, X),
        )
        corrected = cross_validate(
            model, X, y, cv=CV, scoring=scoring, params=metadata(way, X)
        )
    assert corrected["test_parity"].mean() > original["test_parity"].mean() / 2
    assert corrected["test_accuracy"].mean() > original["test_accuracy"].mean() - 0.05


@pytest.mark.parametrize("n_jobs", [None, 2])
def test_grid_search_refits_by_a_constrained_scorer(
    census, model, scoring, context, way, n_jobs
):
    X, y = census
    with context:
        search = GridSearchCV(
            model, GRID, cv=CV, scoring=scoring, refit="constrained", n_jobs=n_jobs
        ).fit(X, y, **metadata(way, X))
    results = search.cv_results_
    assert search.best_index_ == np.argmax(results["mean_test_constrained"])
    assert np.isfinite(results["mean_test_parity"]).all()
    best = search.best_estimator_
    assert best.weighting.strength == search.best_params_["weighting__strength"]
    assert (
        (search.best_params_["estimator__logisticregression__C"])
        == best.estimator_[-1].C
    )
    # Stronger corrections are fairer at either C.
    strengths = results["param_weighting__strength"].data.astype(float)
    parity = results["mean_test_parity"]
    assert parity[strengths == 1.0].min() > parity[strengths == 0.3].max()


def test_randomized_search(census, model, scoring, context, way):
    X, y = census
    with context:
        search = RandomizedSearchCV(
            model,
            {"weighting__strength": [0.2, 0.6, 1.0], "weighting__upper": [1.0, None]},
            n_iter=3,
            cv=CV,
            scoring=scoring["parity"],
            random_state=0,
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            search.fit(X, y, **metadata(way, X))
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


def test_halving_search(census, model, scoring, context, way):
    X, y = census
    with context:
        search = HalvingGridSearchCV(
            model,
            {"weighting__strength": [0.2, 0.6, 1.0]},
            cv=CV,
            scoring=scoring["parity"],
            min_resources=1000,
            random_state=0,
        ).fit(X, y, **metadata(way, X))
    assert search.best_params_["weighting__strength"] == 1.0


def test_inside_an_outer_pipeline(census, pipeline, context, way):
    X, y = census
    transform, classifier = pipeline[0], pipeline[1]
    with context:
        model = UnlearningClassifier(classifier, random_state=0)
        if way == "routed":
            model.set_fit_request(sensitive_features=True)
            options = {"sensitive_features": X["sex"]}
        else:
            options = {"unlearn__sensitive_features": X["sex"]}
        outer = Pipeline([("transform", transform), ("unlearn", model)])
        outer.fit(X, y, **options)
        search = GridSearchCV(outer, {"unlearn__weighting__strength": [0.5, 1.0]}, cv=2)
        search.fit(X, y, **options)
    assert outer.score(X, y) > 0.8
    reference = UnlearningClassifier(pipeline, random_state=0)
    reference.fit(X, y, sensitive_features=X["sex"])
    assert_allclose(outer[-1].objective_before_, reference.objective_before_, atol=0.02)


def test_sample_weight_reaches_the_wrapped_fit(census, pipeline):
    X, y = census
    weight = np.random.default_rng(0).integers(1, 4, len(y)).astype(float)
    model = UnlearningClassifier(
        pipeline, sensitive_features="sex", validation_fraction=None
    )
    by_step = clone(model).fit(X, y, sample_weight=weight)
    expected = clone(pipeline).fit(X, y, logisticregression__sample_weight=weight)
    assert_allclose(by_step.original_estimator_[-1].coef_, expected[-1].coef_)
    assert_allclose(by_step.sample_weight_, weight * (1 + by_step.epsilon_))
    with config_context(enable_metadata_routing=True):
        routed = clone(model)
        routed.estimator[-1].set_fit_request(sample_weight=True)
        routed.estimator[0].transformers[1][1].set_fit_request(sample_weight=False)
        routed.fit(X, y, sample_weight=weight)
    assert_allclose(routed.estimator_[-1].coef_, by_step.estimator_[-1].coef_)


def test_routing_tells_what_is_asked(census, pipeline):
    with config_context(enable_metadata_routing=True):
        model = UnlearningClassifier(pipeline).set_fit_request(
            sensitive_features="group"
        )
        pipeline[-1].set_fit_request(sample_weight=True)
        routing = model.get_metadata_routing()
        assert routing.consumes("fit", ["group", "sample_weight"]) == {
            "group",
            "sample_weight",
        }
        with pytest.raises(TypeError, match=r"unexpected argument.*something"):
            model.fit(*census, sensitive_features=census[0]["sex"], something=1)


def test_the_set_output_of_transformers_is_kept(census, pipeline):
    X, y = census
    pipeline[0].set_params(sparse_threshold=0)
    pipeline[0].transformers[2][1].set_params(sparse_output=False)
    pipeline[0].set_output(transform="pandas")
    model = UnlearningClassifier(pipeline, sensitive_features="sex").fit(X, y)
    assert list(model.estimator_[-1].feature_names_in_) == list(
        model.estimator_[0].get_feature_names_out()
    )
    assert list(model.feature_names_in_) == list(X.columns)


def test_a_held_out_test_set_gets_fairer(census, pipeline):
    X, y = census
    X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
    model = UnlearningClassifier(pipeline, sensitive_features="sex", random_state=0)
    model.fit(X_train, y_train)
    scorer = make_fairness_scorer(
        "demographic_parity_difference", sensitive_features="sex"
    )
    before = scorer(model.original_estimator_, X_test, y_test)
    after = scorer(model, X_test, y_test)
    assert -after < 0.5 * -before
    loss = accuracy_score(y_test, model.original_estimator_.predict(X_test))
    assert accuracy_score(y_test, model.predict(X_test)) > loss - 0.05
