"""What a correction costs is watched, and extreme weights are told."""

import warnings

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, log_loss

from skswu import UnlearningClassifier, UnlearningClassifierCV
from skswu.exceptions import LinearizationWarning, UtilityLossWarning
from skswu.influence import Nystrom, make_inverse_curvature
from skswu.influence._curvature import CurvatureOperator
from skswu.updates import BaseUpdate, FisherForgetting, InfluenceUpdate
from skswu.weighting import BaseWeighting, SoftWeighting, Weights

pytestmark = [
    pytest.mark.filterwarnings("ignore::skswu.exceptions.LinearizationWarning"),
    pytest.mark.filterwarnings("ignore::skswu.exceptions.UnreachableTargetWarning"),
]


@pytest.fixture
def data(rng):
    group = rng.integers(0, 2, 600)
    X = rng.normal(size=(600, 4))
    X[:, 0] += group
    y = (X[:, 0] + X[:, 1] + rng.normal(size=600) > 0.5).astype(int)
    return X, y, np.where(group == 1, "m", "f")


@pytest.fixture
def by_group(rng):
    """Labels that are the groups but for a few: nothing is left once they are level."""
    group = rng.integers(0, 2, 600)
    y = np.where(rng.random(600) < 0.97, group, 1 - group)
    X = np.column_stack([rng.normal(size=(600, 4)), 3 * group + rng.normal(size=600)])
    return X, y, np.where(group == 1, "m", "f")


class Placed(BaseUpdate):
    """Puts the coefficients where a test wants them."""

    def __init__(self, factor=1.0, intercept=0.0):
        self.factor = factor
        self.intercept = intercept

    def move(self, move):
        parameters = move.parameters * self.factor
        parameters[-1] += self.intercept
        return parameters, 1.0


def told(call):
    with warnings.catch_warnings(record=True) as met:
        warnings.simplefilter("always")
        result = call()
    messages = [str(w.message) for w in met if w.category is UtilityLossWarning]
    return result, messages


def test_a_forest_that_is_wrecked_says_so(by_group):
    X, y, group = by_group
    forest = RandomForestClassifier(30, min_samples_leaf=5, random_state=0).fit(X, y)
    model, messages = told(
        lambda: UnlearningClassifier(forest, update="refit").unlearn(
            X, y, sensitive_features=group
        )
    )
    before, after = (log_loss(y, one.predict_proba(X)) for one in (forest, model))
    assert after > 1.5 * before + 0.05
    (message,) = messages
    assert f"the mean loss rises from {before:.3g} to {after:.3g}" in message


@pytest.mark.parametrize("factor", [1.0, 1.5, 3.0, 10.0])
@pytest.mark.parametrize("intercept", [0.0, 1.0, 3.0, 30.0])
def test_it_is_raised_where_a_count_by_hand_says_so(data, factor, intercept):
    X, y, group = data
    fitted = LogisticRegression().fit(X, y)
    update = Placed(factor, intercept)
    model = UnlearningClassifier(fitted, update=update, validation_fraction=None)
    model.set_params(weighting__strength=0.1)
    model, messages = told(lambda: model.unlearn(X, y, sensitive_features=group))

    loss = [log_loss(y, one.predict_proba(X)) for one in (fitted, model)]
    accuracy = [accuracy_score(y, one.predict(X)) for one in (fitted, model)]
    majority = max(np.mean(y), 1 - np.mean(y))
    rises = loss[1] > 1.5 * loss[0]
    falls = accuracy[1] <= majority < accuracy[0]
    constant = len(np.unique(model.predict(X))) == 1
    assert bool(messages) == (rises or falls or constant)
    if messages:
        assert ("mean loss" in messages[0]) == rises
        assert ("accuracy falls" in messages[0]) == falls
        assert ("same label" in messages[0]) == constant


def test_what_costs_next_to_nothing_is_not_told(rng):
    group = np.repeat(["a", "b"], 200)
    X = np.column_stack([np.linspace(-1, 1, 400), rng.normal(size=400)])
    y = (X[:, 0] > 0).astype(int)
    fitted = LogisticRegression(C=1e5).fit(X, y)
    model = UnlearningClassifier(fitted, update=Placed(0.5))
    model.set_params(weighting__strength=0.01)
    model, messages = told(lambda: model.unlearn(X, y, sensitive_features=group))
    # The loss doubles, from almost nothing to almost nothing.
    assert model.utility_after_ > 1.5 * model.utility_before_
    assert messages == []


def test_a_model_below_the_majority_has_nothing_to_lose(data):
    X, y, group = data
    fitted = LogisticRegression().fit(X, y)
    fitted.coef_ = -0.2 * fitted.coef_
    assert fitted.score(X, y) < 0.5
    model = UnlearningClassifier(fitted, update=Placed(1.1))
    model.set_params(weighting__strength=0.1)
    _, messages = told(lambda: model.unlearn(X, y, sensitive_features=group))
    assert messages == []


def test_a_chosen_strength_is_watched_and_the_others_are_not(by_group):
    X, y, group = by_group
    fitted = LogisticRegression().fit(X, y)

    def choose(bound):
        model = UnlearningClassifierCV(fitted, strengths=[0, 0.1, 1.0], **bound)
        return told(lambda: model.unlearn(X, y, sensitive_features=group))

    model, messages = choose({"max_utility_loss": 0.0})
    assert model.strength_ < 1
    assert messages == []
    model, messages = choose({"max_disparity": 0.1})
    assert model.strength_ == 1
    assert len(messages) == 1


class Fixed(BaseWeighting):
    """Weights that a test chose."""

    _parameter_constraints = {}

    def __init__(self, epsilon):
        self.epsilon = epsilon

    def target(self, before):
        return 0.5 * before

    def _weigh(self, metrics):
        return Weights(self.epsilon, reachable=True, message=None)


def test_absurd_weights_are_told(data):
    X, y, group = data
    fitted = LogisticRegression().fit(X, y)
    epsilon = np.zeros(600)
    epsilon[[7, 9]] = 2e5, 150.0
    model = UnlearningClassifier(fitted, weighting=Fixed(epsilon))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UtilityLossWarning)
        with pytest.warns(
            LinearizationWarning, match="row 7 changes by 2.0e.05 .* 2 rows"
        ):
            model.unlearn(X, y, sensitive_features=group)


# Weights below zero


@pytest.mark.filterwarnings("ignore::skswu.exceptions.UtilityLossWarning")
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("own_move", [False, True])
@pytest.mark.parametrize("seed", range(8))
def test_negative_weights_do_not_run_away(seed, own_move):
    rng = np.random.default_rng(seed)
    group = rng.integers(0, 2, 120)
    X = rng.normal(size=(120, 3))
    X[:, 0] += group
    y = (X[:, 0] + rng.normal(size=120) > 0.5).astype(int)

    class Own(InfluenceUpdate):
        def move(self, move):
            return super().move(move)

    model = UnlearningClassifier(
        LogisticRegression(C=1e6, max_iter=1000).fit(X, y),
        update=Own() if own_move else InfluenceUpdate(),
        weighting=SoftWeighting(strength=2.0, lower=None, utility_tolerance=None),
    ).unlearn(X, y, sensitive_features=group)
    assert (model.sample_weight_ < 0).any()
    # No worse than a coin, on the rows as they were.
    assert log_loss(y, model.predict_proba(X)) <= np.log(2) + 1e-9
    assert abs(model.objective_after_ + model.objective_before_) <= abs(
        2 * model.objective_before_
    )


@pytest.mark.filterwarnings("ignore::skswu.exceptions.UtilityLossWarning")
def test_fisher_forgetting_says_that_weights_add_up_to_less_than_nothing(data):
    X, y, group = data
    fitted = LogisticRegression().fit(X, y)
    model = UnlearningClassifier(
        fitted, weighting=Fixed(np.full(600, -1.5)), update=FisherForgetting()
    )
    with pytest.raises(ValueError, match="sum is not negative"):
        model.unlearn(X, y, sensitive_features=group)


class Flat(CurvatureOperator):
    """No curvature at all."""

    n_parameters = 5

    def product(self, vectors):
        return 0.0 * vectors


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("damping", [0.0, 0.5])
def test_a_sketch_of_no_curvature_is_finite(damping, rng):
    inverse = make_inverse_curvature(Nystrom(random_state=0), Flat(), damping=damping)
    right = rng.normal(size=(5, 2))
    found = inverse.solve(right).vectors
    expected = right / damping if damping else 0.0 * right
    np.testing.assert_allclose(found, expected, atol=1e-9)
