"""Limits of each group: levelling up, against counts by hand."""

import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, log_loss

from skswu import UnlearningClassifier, UnlearningClassifierCV
from skswu.metrics import get_scorer, get_scorer_names, make_fairness_scorer
from skswu.objectives import (
    OBJECTIVES,
    BoundedGroupLoss,
    DemographicParity,
    MinimumGroupRate,
    TargetUtility,
)
from skswu.updates import InfluenceUpdate, Refit
from skswu.weighting import SoftWeighting

GROUPS = "abc"


@pytest.fixture
def data(rng):
    group = np.array(list(GROUPS))[rng.integers(0, 3, 1500)]
    shift = np.select([group == "a", group == "b"], [-0.8, 0.0], 0.8)
    X = rng.normal(size=(1500, 4)) + shift[:, None] * [1.0, 0.0, 0.6, 0.0]
    y = (X @ [1.0, -0.5, 0.5, 0.0] + rng.logistic(size=1500) > 0.4).astype(int)
    return X, y, group


def rates(model, X, group):
    predicted = model.predict(X)
    return np.array([predicted[group == name].mean() for name in GROUPS])


def correct(data, objective, **parameters):
    X, y, group = data
    model = UnlearningClassifier(
        LogisticRegression(tol=1e-8).fit(X, y), objective=objective, **parameters
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return model.unlearn(X, y, sensitive_features=group)


@pytest.mark.parametrize("at_least", [0.3, None])
def test_groups_that_are_behind_are_raised_and_the_others_keep_their_rates(
    data, at_least
):
    X, _, group = data
    raised = correct(data, MinimumGroupRate(at_least=at_least, pos_label=1))
    equal = correct(data, DemographicParity(pos_label=1))
    before = rates(raised.original_estimator_, X, group)
    overall = before @ [(group == name).mean() for name in GROUPS]
    limit = overall if at_least is None else at_least
    after = rates(raised, X, group)
    assert before[0] < limit - 0.05
    assert (after >= limit - 0.03).all()
    # who was well off is no worse off, as equal rates would have it
    assert after[2] >= before[2]
    assert rates(equal, X, group)[2] < before[2] - 0.1


@pytest.mark.parametrize("strength", [0.3, 1.0])
def test_the_strength_is_the_share_of_each_shortfall(data, strength):
    weighting = SoftWeighting(strength=strength, utility_tolerance=None)
    model = correct(
        data,
        MinimumGroupRate(pos_label=1),
        weighting=weighting,
        update="one_step",
    )
    before, predicted = model.objective_before_, model.objective_predicted_
    lacks = before > 0
    assert lacks.tolist() == [True, lacks[1], False]
    assert (predicted[lacks] <= (1 - strength) * before[lacks] + 1e-9).all()
    assert (predicted[~lacks] <= 1e-9).all()
    # a limit that binds is met exactly, and none lies farther than that
    assert_allclose(predicted[0], (1 - strength) * before[0], atol=1e-9)


def test_limits_that_are_kept_leave_the_model_alone(data):
    from skswu.exceptions import NothingToCorrectWarning

    X, y, group = data
    model = UnlearningClassifier(
        LogisticRegression().fit(X, y),
        objective=MinimumGroupRate(rate="accuracy", at_least=0.5),
    )
    with pytest.warns(NothingToCorrectWarning, match="already met"):
        model.unlearn(X, y, sensitive_features=group)
    assert (model.epsilon_ == 0).all()
    assert (model.objective_after_ < 0).all()


@pytest.mark.parametrize(
    "update",
    [InfluenceUpdate(max_iter=5), Refit(max_refits=5)],
    ids=["steps", "refits"],
)
def test_several_steps_end_within_the_limits(data, update):
    model = correct(
        data,
        MinimumGroupRate(at_least=0.35, pos_label=1),
        update=update,
        weighting=SoftWeighting(utility_tolerance=None),
    )
    size = model.objective_before_.max()
    assert size > 0.1
    assert model.objective_after_.max() < 0.03 * size


def test_a_loss_is_bounded_in_every_group(rng):
    # a feature that tells the labels of one group alone, and is noise in the other
    group = np.repeat(["a", "b"], [900, 300])
    X = rng.normal(size=(1200, 3))
    informative = np.where(group == "a", X[:, 0], X[:, 1])
    y = (2 * informative + rng.logistic(size=1200) > 0).astype(int)
    fitted = LogisticRegression().fit(X, y)

    def losses(model):
        return [
            log_loss(y[group == name], model.predict_proba(X[group == name]))
            for name in "ab"
        ]

    before = losses(fitted)
    bound = before[1] - 0.05
    model = UnlearningClassifier(
        fitted,
        objective=BoundedGroupLoss(upper_bound=bound),
        update=InfluenceUpdate(max_iter=8),
        weighting=SoftWeighting(utility_tolerance=None),
        validation_fraction=None,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.unlearn(X, y, sensitive_features=group)
    assert_allclose(model.objective_before_, np.array(before) - bound)
    assert_allclose(model.objective_after_, np.array(losses(model)) - bound, atol=1e-9)
    assert max(losses(model)) < bound + 2e-3
    score = get_scorer("bounded_group_loss")(model, X, y, sensitive_features=group)
    assert_allclose(score, -max(losses(model)))


def test_the_limit_is_that_of_the_original_for_every_model_of_a_path(data):
    X, y, group = data
    fitted = LogisticRegression().fit(X, y)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = UnlearningClassifierCV(
            fitted,
            objective="minimum_group_rate",
            strengths=[0.5, 1.0],
            max_utility_loss=1.0,
        ).unlearn(X, y, sensitive_features=group)
    limit = fitted.predict(X).mean()
    shortfall = max(limit - rates(model, X, group).min(), 0.0)
    assert_allclose(model.path_["disparity"][model.best_index_], shortfall, atol=1e-12)
    one = correct(
        data,
        MinimumGroupRate(),
        weighting=SoftWeighting(strength=model.strength_),
        update="one_step",
    )
    names = model.objective_names_
    at = model.path_.loc[model.best_index_, names].to_numpy(dtype=float)
    assert_allclose(at, one.objective_after_, atol=1e-4)


def test_a_loss_below_its_target_is_a_limit_that_is_kept(data):
    kept = correct(
        data,
        [DemographicParity(pos_label=1), TargetUtility(target=0.9)],
        weighting=SoftWeighting(utility_tolerance=None),
        update="one_step",
    )
    alone = correct(
        data,
        DemographicParity(pos_label=1),
        weighting=SoftWeighting(utility_tolerance=None),
        update="one_step",
    )
    assert_allclose(kept.epsilon_, alone.epsilon_, atol=1e-8)
    assert_allclose(kept.objective_before_[-1], kept.utility_before_ - 0.9)


BY_HAND = {
    "minimum_group_rate": lambda y, predicted: predicted.mean(),
    "minimum_true_positive_rate": lambda y, predicted: predicted[y == 1].mean(),
    "minimum_true_negative_rate": lambda y, predicted: 1 - predicted[y == 0].mean(),
    "minimum_accuracy": lambda y, predicted: (y == predicted).mean(),
}


@pytest.mark.parametrize("name", BY_HAND)
def test_scorers_of_the_group_that_is_farthest_behind(data, name):
    X, y, group = data
    fitted = LogisticRegression().fit(X, y)
    predicted = fitted.predict(X)
    expected = min(
        BY_HAND[name](y[group == some], predicted[group == some]) for some in GROUPS
    )
    score = get_scorer(name)(fitted, X, y, sensitive_features=group)
    assert_allclose(score, expected)
    bounded = make_fairness_scorer(name, utility="accuracy", max_disparity=0.1)
    score = bounded(fitted, X, y, sensitive_features=group)
    lack = 0.9 - expected
    expected = accuracy_score(y, predicted) - (1000 * (1 + lack) if lack > 0 else 0)
    assert_allclose(score, expected)


def test_limits_are_known_by_name():
    assert type(OBJECTIVES.resolve("bounded_group_loss")) is BoundedGroupLoss
    assert type(OBJECTIVES.resolve("minimum_group_rate")) is MinimumGroupRate
    assert {"bounded_group_loss", *BY_HAND} <= set(get_scorer_names())
    with pytest.raises(ValueError, match="looks at each by itself"):
        make_fairness_scorer("minimum_group_rate", method="to_overall")
