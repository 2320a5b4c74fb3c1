"""What fit passes on: to the estimator, the splitter and the scorer."""

import numpy as np
import pytest
import sklearn
from numpy.testing import assert_array_equal
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import make_scorer, recall_score
from sklearn.model_selection import GridSearchCV, GroupKFold, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skswu import UnlearningClassifier, UnlearningClassifierCV
from skswu.metrics import make_fairness_scorer
from skswu.weighting import SoftWeighting

pytestmark = [
    pytest.mark.filterwarnings("ignore::skswu.exceptions.LinearizationWarning"),
    pytest.mark.filterwarnings("ignore::skswu.exceptions.UtilityLossWarning"),
    pytest.mark.filterwarnings("ignore::skswu.exceptions.UnreachableBoundWarning"),
    pytest.mark.filterwarnings("ignore::skswu.exceptions.UnreachableTargetWarning"),
]


def routed(enabled=True):
    return sklearn.config_context(enable_metadata_routing=enabled)


def unrouted():
    return routed(False)


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    group = rng.integers(0, 2, 200)
    X = rng.normal(size=(200, 3))
    X[:, 0] += group
    y = (X[:, 0] + X[:, 1] + rng.logistic(size=200) > 0.5).astype(int)
    return X, y, np.where(group == 1, "m", "f")


class Recording(LogisticRegression):
    """Keeps what its fit is given."""

    def fit(self, X, y, sample_weight=None, row=None, eval_set=None):
        self.given_ = {"sample_weight": sample_weight, "row": row, "eval_set": eval_set}
        return super().fit(X, y, sample_weight=sample_weight)


class Splitter(GroupKFold):
    """Keeps the groups that it splits by."""

    seen = []

    def split(self, X, y=None, groups=None):
        self.seen.append(groups)
        return super().split(X, y, groups)


def test_keywords_go_to_the_estimator_and_follow_its_rows(data):
    X, y, group = data
    model = UnlearningClassifier(Recording(), random_state=0)
    eval_set = [(X, y)]
    with unrouted():
        model.fit(X, y, sensitive_features=group, row=np.arange(200), eval_set=eval_set)
    given = model.original_estimator_.given_
    assert_array_equal(given["row"], model.train_indices_)
    assert given["eval_set"] is eval_set
    assert given["sample_weight"] is None


def test_keywords_go_to_steps_of_a_pipeline(data):
    X, y, group = data
    model = UnlearningClassifier(make_pipeline(StandardScaler(), Recording()))
    with unrouted():
        model.fit(X, y, sensitive_features=group, recording__row=np.arange(200))
    given = model.original_estimator_[-1].given_
    assert_array_equal(given["row"], model.train_indices_)


def test_an_unknown_keyword_is_named(data):
    X, y, group = data
    model = UnlearningClassifier(LogisticRegression())
    for configured in (unrouted, routed):
        with configured(), pytest.raises(TypeError, match="anything"):
            model.fit(X, y, sensitive_features=group, anything=1)
    assert not hasattr(model, "estimator_")
    own = r"'X_val'. Its own are sensitive_.*fit, which takes sample_weight. It"
    with unrouted(), pytest.raises(TypeError, match=own + " belongs to unlearn"):
        model.fit(X, y, sensitive_features=group, X_val=X)


@pytest.mark.parametrize("kind", [UnlearningClassifier, UnlearningClassifierCV])
def test_what_a_call_does_not_take_is_told_by_the_public_class(data, kind):
    X, y, group = data
    model = kind(LogisticRegression().fit(X, y))
    unexpected = rf"^{kind.__name__}.unlearn\(\) got an unexpected .* 'groups'$"
    with pytest.raises(TypeError, match=unexpected):
        model.unlearn(X, y, groups=group)
    for method in ("fit", "unlearn"):
        missing = rf"^{kind.__name__}.{method}\(\) missing a required argument: 'y'$"
        with pytest.raises(TypeError, match=missing):
            getattr(model, method)(X)


def test_a_keyword_for_a_step_that_is_none_names_those_there_are(data):
    X, y, group = data
    inner = make_pipeline(StandardScaler(), Recording())
    cases = {
        "foo__bar": (inner, "'foo__bar': .* no step 'foo'. .* standardscaler, record"),
        "pipeline__foo__bar": (
            make_pipeline(StandardScaler(), inner),
            "'pipeline__foo__bar': .* no step 'foo'. .* standardscaler, recording",
        ),
    }
    for name, (estimator, message) in cases.items():
        model = UnlearningClassifier(estimator)
        with unrouted(), pytest.raises(TypeError, match=message):
            model.fit(X, y, sensitive_features=group, **{name: 1})


def test_without_routing_groups_go_to_the_splitter(data):
    X, y, group = data
    house = np.arange(200) // 4
    model = UnlearningClassifierCV(
        LogisticRegression(), strengths=[0.0, 0.5], cv=Splitter(2)
    )
    Splitter.seen.clear()
    with unrouted():
        model.fit(X, y, sensitive_features=group, groups=house)
    (seen,) = Splitter.seen
    assert_array_equal(seen, house)


def test_routing_reaches_the_splitter_the_scorer_and_the_estimator(data):
    X, y, group = data
    house, weight = np.arange(200) // 4, np.linspace(0.5, 1.5, 200)
    Splitter.seen.clear()
    with routed():
        utility = make_fairness_scorer("demographic_parity_difference")
        model = UnlearningClassifierCV(
            Recording().set_fit_request(sample_weight=True, row="name"),
            strengths=[0.0, 0.5],
            cv=Splitter(2),
            utility=utility.set_score_request(
                sensitive_features=True, sample_weight=False
            ),
        )
        model.fit(
            X,
            y,
            sensitive_features=group,
            sample_weight=weight,
            name=np.arange(200),
            groups=house,
        )
    (seen,) = Splitter.seen
    assert_array_equal(seen, house)
    given = model.original_estimator_.given_
    assert_array_equal(given["row"], model.train_indices_)
    assert_array_equal(given["sample_weight"], weight[model.train_indices_])


def test_a_search_routes_to_the_correction(data):
    X, y, group = data
    house = np.arange(200) // 4
    weight = np.ones(200)
    with routed():
        model = UnlearningClassifier(
            LogisticRegression().set_fit_request(sample_weight=True),
            weighting=SoftWeighting(),
        ).set_fit_request(sensitive_features=True, sample_weight=True)
        scorer = make_fairness_scorer("demographic_parity_difference")
        scorer.set_score_request(sensitive_features=True, sample_weight=True)
        search = GridSearchCV(
            model, {"weighting__strength": [0.0, 0.8]}, scoring=scorer, cv=GroupKFold(2)
        )
        search.fit(X, y, sensitive_features=group, sample_weight=weight, groups=house)
        assert search.best_params_ == {"weighting__strength": 0.8}
        scores = cross_validate(
            model, X, y, scoring=scorer, cv=2, params={"sensitive_features": group}
        )
    assert len(scores["test_score"]) == 2


@pytest.mark.parametrize("requested", [False, "other"])
def test_weights_that_are_not_passed_are_not_trained_with(data, requested):
    X, y, group = data
    weight = np.linspace(0.1, 2.0, 200)
    options = {"other": weight} if requested == "other" else {}
    with routed():
        estimator = LogisticRegression().set_fit_request(sample_weight=requested)
        model = UnlearningClassifier(estimator, validation_fraction=None)
        model.fit(
            X,
            y,
            sensitive_features=group,
            **({} if options else {"sample_weight": weight}),
            **options,
        )
    trained_with = weight if options else 1.0
    np.testing.assert_allclose(
        model.sample_weight_, trained_with * (1.0 + model.epsilon_)
    )
    # It is at its optimum under these weights, of which no warning told.
    assert model.training_decrement_ < 1e-4


def test_the_router_says_where_metadata_goes():
    with routed():
        router = UnlearningClassifierCV(
            Recording().set_fit_request(row=True),
            cv=GroupKFold(2),
            utility=make_scorer(recall_score).set_score_request(sample_weight="w"),
        ).get_metadata_routing()
        consumed = router.consumes("fit", ["row", "groups", "w", "sample_weight", "z"])
        by_name = UnlearningClassifierCV(LogisticRegression()).get_metadata_routing()
    assert consumed == {"row", "groups", "w"}
    assert by_name.consumes("fit", ["sample_weight"]) == {"sample_weight"}


class Duck:
    """Fits, predicts, and is of no class of scikit-learn's."""

    def get_params(self, deep=True):
        return {}

    def set_params(self, **params):
        return self

    def fit(self, X, y, sample_weight=None):
        self.inner = LogisticRegression().fit(X, y, sample_weight=sample_weight)
        self.classes_ = self.inner.classes_
        return self

    def predict(self, X):
        return self.inner.predict(X)

    def predict_proba(self, X):
        return self.inner.predict_proba(X)


@pytest.mark.contract
def test_a_classifier_of_no_class_of_scikit_learn_is_taken(data):
    X, y, group = data
    model = UnlearningClassifier(Duck(), update="refit", validation_fraction=None)
    with unrouted():
        model.fit(X, y, sensitive_features=group)
    assert isinstance(model.estimator_, Duck)
    assert abs(model.objective_after_[0]) < 0.1 * abs(model.objective_before_[0])


class Nameless(ClassifierMixin, BaseEstimator):
    """Forgets to say which labels it knows."""

    def fit(self, X, y):
        return self

    def predict(self, X):
        return np.zeros(len(X))


def test_a_classifier_without_classes_is_told(data):
    X, y, group = data
    with pytest.raises(TypeError, match="Nameless has no classes_"):
        UnlearningClassifier(Nameless()).fit(X, y, sensitive_features=group)


@pytest.mark.parametrize("kind", [UnlearningClassifier, UnlearningClassifierCV])
def test_weights_by_two_names_are_refused(data, kind):
    X, y, group = data
    weight = np.where(y == 1, 5.0, 1.0)
    bare = make_pipeline(StandardScaler(), LogisticRegression())
    for pipeline, name in (
        (bare, "logisticregression__sample_weight"),
        (make_pipeline(bare), "pipeline__logisticregression__sample_weight"),
    ):
        model = kind(pipeline)
        options = {"sensitive_features": group, name: weight}
        with unrouted():
            with pytest.raises(TypeError, match=f"got sample_weight and {name}"):
                model.fit(X, y, sample_weight=np.ones(200), **options)
            one = model.fit(X, y, **options).original_estimator_
            del options[name]
            other = model.fit(X, y, sample_weight=weight, **options)
        expected = other.original_estimator_.predict_proba(X)
        assert_array_equal(one.predict_proba(X), expected)
