"""Accuracy under attack, counted by hand."""

import pickle

import numpy as np
import pytest
import sklearn
from numpy.testing import assert_allclose
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import make_classification
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.fixes import parse_version

from skswu import UnlearningClassifier
from skswu.metrics import make_robustness_scorer
from skswu.objectives import AdversarialRobustness

# The penalty follows from l1_ratio, instead of a parameter of its own.
HAS_L1_RATIO = parse_version(sklearn.__version__) >= parse_version("1.8")
LASSO = {"l1_ratio": 1.0} if HAS_L1_RATIO else {"penalty": "l1"}


@pytest.fixture
def data():
    return make_classification(300, 4, random_state=2)


def margins(model, X, y, dual):
    """Signed distance of each row from being predicted wrong."""
    z = np.where(y == 1, 1, -1) * model.decision_function(X)
    return z / np.linalg.norm(model.coef_[0], dual)


@pytest.mark.parametrize("attack", ["fgsm", "pgd"])
@pytest.mark.parametrize(("norm", "dual"), [("l2", 2), ("linf", 1)])
def test_score_is_the_share_beyond_the_radius(data, norm, dual, attack):
    X, y = data
    model = LogisticRegression().fit(X, y)
    for epsilon in (0.1, 0.5, 1.0):
        scorer = make_robustness_scorer(attack=attack, epsilon=epsilon, norm=norm)
        share = np.mean(margins(model, X, y, dual) > epsilon)
        assert_allclose(scorer(model, X, y), share)


def test_weights_count(data):
    X, y = data
    model = LogisticRegression().fit(X, y)
    weight = np.random.default_rng(0).uniform(size=len(y))
    robust = margins(model, X, y, 2) > 0.3
    scorer = make_robustness_scorer(epsilon=0.3)
    score = scorer(model, X, y, sample_weight=weight)
    assert_allclose(score, weight[robust].sum() / weight.sum())


def test_labels_may_be_strings_and_the_last_step_is_attacked(data):
    X, y = data
    scaled = StandardScaler().fit_transform(X)
    bare = LogisticRegression().fit(scaled, y)
    names = np.array(["no", "yes"])[y]
    pipeline = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, names)
    scorer = make_robustness_scorer(epsilon=0.3)
    assert_allclose(scorer(pipeline, X, names), scorer(bare, scaled, y))


@pytest.mark.filterwarnings("ignore::skswu.exceptions.LinearizationWarning")
def test_static_score_is_made_against_the_original(data):
    X, y = data
    original = LogisticRegression().fit(X, y)
    objective = AdversarialRobustness(attack="boundary", adaptive=False)
    model = UnlearningClassifier(original, objective=objective)
    model.set_params(weighting__strength=0.3).unlearn(X, y)
    scorer = make_robustness_scorer(attack="boundary", adaptive=False)
    z = original.decision_function(X)[:, None]
    coef = original.coef_
    points = X - 1.3 * z * coef / (coef @ coef.T)
    assert_allclose(scorer(model, X, y), np.mean(model.predict(points) == y))
    stuck = make_pipeline(StandardScaler(with_mean=False, with_std=False), model)
    stuck.steps[0][1].fit(X)
    assert_allclose(scorer(stuck, X, y), scorer(model, X, y))


def test_static_score_needs_an_original(data):
    X, y = data
    scorer = make_robustness_scorer(adaptive=False)
    with pytest.raises(ValueError, match="needs a fitted UnlearningClassifier"):
        scorer(LogisticRegression().fit(X, y), X, y)


def test_static_score_of_other_coefficients_off_zero_is_refused(data):
    X, y = data
    lasso = LogisticRegression(solver="liblinear", C=0.02, random_state=0, **LASSO)
    model = UnlearningClassifier(
        lasso.fit(X, y), objective="target_utility", update="one_step"
    )
    model.set_params(weighting__strength=0.01).unlearn(X, y)
    model.estimator_ = clone(lasso).set_params(C=10.0).fit(X, y)
    assert np.count_nonzero(model.estimator_.coef_) > np.count_nonzero(lasso.coef_)
    assert 0.0 <= make_robustness_scorer()(model, X, y) <= 1.0
    with pytest.raises(ValueError, match="same coefficients off zero"):
        make_robustness_scorer(adaptive=False)(model, X, y)


def test_search_over_strengths(data):
    X, y = data
    objective = AdversarialRobustness(epsilon=0.3)
    model = UnlearningClassifier(
        LogisticRegression(),
        objective=objective,
        validation_fraction=0.2,
        update="one_step",
        random_state=0,
    )
    search = GridSearchCV(
        model.set_params(weighting__utility_tolerance=0.1),
        {"weighting__strength": [0.0, 0.02]},
        scoring=make_robustness_scorer(epsilon=0.3),
        error_score="raise",
        cv=3,
    ).fit(X, y)
    assert np.all(search.cv_results_["mean_test_score"] > 0.4)


def test_scorer_is_a_parameter_like_any_other(data):
    X, y = data
    scorer = make_robustness_scorer(epsilon=0.2, norm="linf")
    assert repr(scorer) == "make_robustness_scorer(epsilon=0.2, norm='linf')"
    model = LogisticRegression().fit(X, y)
    for copied in (clone(scorer), pickle.loads(pickle.dumps(scorer))):
        assert copied(model, X, y) == scorer(model, X, y)
    scores = cross_validate(model, X, y, scoring={"robust": scorer}, cv=2)
    assert scores["test_robust"].shape == (2,)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"attack": "boundary"}, "adaptive score"),
        ({"epsilon": -1.0}, "'epsilon' parameter"),
        ({"clip": (1.0, 0.0)}, "low <= high"),
    ],
)
def test_bad_options_are_refused_at_once(options, message):
    with pytest.raises(ValueError, match=message):
        make_robustness_scorer(**options)


def test_models_without_gradients_and_sparse_rows_are_refused(data):
    X, y = data
    scorer = make_robustness_scorer()
    with pytest.raises(TypeError, match="RandomForestClassifier"):
        scorer(RandomForestClassifier(3).fit(X, y), X, y)
    with pytest.raises(ValueError, match="sparse"):
        scorer(LogisticRegression().fit(X, y), sparse.csr_array(X), y)
