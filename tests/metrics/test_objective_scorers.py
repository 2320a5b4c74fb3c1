"""Scorers of the objectives' own metrics, against counts by hand and scikit-learn."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss, zero_one_loss
from sklearn.svm import LinearSVC

from skswu.metrics import get_scorer, make_fairness_scorer


@pytest.fixture
def people(rng):
    """Rows of three classes and three groups, a model, and weights."""
    group = rng.choice(["a", "b", "c"], 400)
    X = rng.normal(size=(400, 3)) + 0.7 * (group == "b")[:, None]
    y = np.array(["high", "low", "mid"])[rng.integers(0, 2, 400) + (X[:, 0] > 0.5)]
    return X, y, group, LogisticRegression().fit(X, y), rng.integers(1, 4, 400)


def by_group(measure, group, *columns):
    """A measure of the rows of each group."""
    return np.array(
        [measure(*(c[group == name] for c in columns)) for name in np.unique(group)]
    )


def test_false_positive_rates_by_hand(people):
    X, y, group, model, weight = people
    selected = model.predict(X) == "high"
    others = y != "high"
    rates = by_group(
        lambda s, w: np.average(s, weights=w),
        group[others],
        selected[others],
        weight[others],
    )
    given = {"sensitive_features": group, "sample_weight": weight}
    name = "false_positive_rate_parity"
    difference = make_fairness_scorer(f"{name}_difference", pos_label="high")
    assert_allclose(difference(model, X, y, **given), rates.min() - rates.max())
    ratio = make_fairness_scorer(f"{name}_ratio", pos_label="high")
    assert_allclose(ratio(model, X, y, **given), rates.min() / rates.max())


@pytest.mark.parametrize("pos_label", [None, "mid"])
def test_error_rates_are_of_all_classes(people, pos_label):
    X, y, group, model, weight = people
    rates = by_group(
        lambda *of: zero_one_loss(of[0], of[1], sample_weight=of[2]),
        group,
        y,
        model.predict(X),
        weight,
    )
    given = {"sensitive_features": group, "sample_weight": weight}
    for name, expected in (
        ("error_rate_parity_difference", rates.min() - rates.max()),
        ("error_rate_parity_ratio", rates.min() / rates.max()),
    ):
        scorer = make_fairness_scorer(name, pos_label=pos_label)
        assert_allclose(scorer(model, X, y, **given), expected)


@pytest.mark.parametrize("label", [None, "mid"])
def test_losses_are_scikit_learns(people, label):
    X, y, group, model, weight = people
    rows = np.full(len(y), True) if label is None else y == label
    losses = by_group(
        lambda *of: log_loss(of[0], of[1], sample_weight=of[2], labels=model.classes_),
        group[rows],
        y[rows],
        model.predict_proba(X)[rows],
        weight[rows],
    )
    given = {"sensitive_features": group, "sample_weight": weight}
    for name, expected in (
        ("loss_parity_difference", losses.min() - losses.max()),
        ("loss_parity_ratio", losses.min() / losses.max()),
    ):
        scorer = make_fairness_scorer(name, pos_label=label)
        assert_allclose(scorer(model, X, y, **given), expected)


def test_calibration_is_the_largest_excess_of_a_group(people):
    X, y, group, model, weight = people
    frame = pd.DataFrame(
        {
            "excess": weight * (model.predict_proba(X)[:, 1] - (y == "low")),
            "weight": weight,
        }
    )
    sums = frame.groupby(group).sum()
    expected = (sums["excess"] / sums["weight"]).abs().max()
    scorer = make_fairness_scorer(
        "calibration_in_the_large_difference", pos_label="low"
    )
    score = scorer(model, X, y, sensitive_features=group, sample_weight=weight)
    assert expected > 0.01
    assert_allclose(score, -expected)


def test_losses_can_be_compared_to_the_overall_one(people):
    X, y, group, model, _ = people
    probability = model.predict_proba(X)
    losses = by_group(
        lambda y, p: log_loss(y, p, labels=model.classes_), group, y, probability
    )
    overall = log_loss(y, probability)
    scorer = make_fairness_scorer("loss_parity_difference", method="to_overall")
    score = scorer(model, X, y, sensitive_features=group)
    assert_allclose(score, -np.abs(losses - overall).max())


def test_a_group_without_the_label_is_not_equal_to_the_others(people):
    X, y, group, model, _ = people
    y = np.where((group == "c") & (y == "mid"), "low", y)
    scorer = make_fairness_scorer("loss_parity_difference", pos_label="mid")
    with pytest.warns(UserWarning, match=r"NaN.*'mid'.*\['c'\]") as caught:
        score = scorer(model, X, y, sensitive_features=group)
    assert np.isnan(score)
    assert caught[0].filename == __file__


def test_what_cannot_be_scored_is_named(people):
    X, y, group, model, _ = people
    scorer = get_scorer("loss_parity_difference")
    with pytest.raises(ValueError, match=r"need predict_proba, which LinearSVC"):
        scorer(LinearSVC().fit(X, y), X, y, sensitive_features=group)
    with pytest.raises(ValueError, match=r"labels \['top'\].*not fitted on"):
        scorer(model, X[:2], np.array(["top", "low"]), sensitive_features=[0, 1])
    with pytest.raises(ValueError, match=r"method='to_overall' is for metrics"):
        make_fairness_scorer("calibration_in_the_large_difference", method="to_overall")
