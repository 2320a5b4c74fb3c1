"""Gaps between groups, and limits of each, against counts and finite differences."""

import warnings

import numpy as np
import pytest
from fairlearn import metrics as fairlearn_metrics
from numpy.testing import assert_allclose
from scipy.special import log_softmax, softmax
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, log_loss

from skswu import UnlearningClassifier, UnlearningClassifierCV
from skswu.inputs import Groups
from skswu.linear import LogisticLoss, MultinomialLoss
from skswu.objectives import OBJECTIVES as REGISTERED
from skswu.objectives import (
    BoundedGroupLoss,
    CalibrationInTheLarge,
    CellMeanMetrics,
    DemographicParity,
    EqualizedOdds,
    EqualOpportunity,
    ErrorRateParity,
    FalsePositiveRateParity,
    GroupGapObjective,
    GroupRates,
    LossParity,
    MinimumGroupRate,
)
from skswu.rows import LocalBlocks


class FalseAlarms(GroupGapObjective):
    """Positive predictions among those without the positive label."""

    name = "false_alarms"

    def compared_labels(self, is_positive):
        return {"the other classes": ~is_positive}


class SquaredProbability(CellMeanMetrics):
    """The square of the last class's probability."""

    def quantity(self, scores, rows):
        return softmax(scores, axis=1)[:, -1] ** 2

    def slope(self, scores, rows):
        probabilities = softmax(scores, axis=1)
        last = probabilities[:, [-1]]
        slope = -2.0 * last**2 * probabilities
        slope[:, -1] += 2.0 * last[:, 0] ** 2
        return slope


class SquaredGap(GroupGapObjective):
    """A quantity of its own."""

    name = "squared"

    def compared_labels(self, is_positive):
        return {"": np.ones_like(is_positive)}

    def make_metrics(self, codes, positive, **cells):
        return SquaredProbability(**cells)


class Precision(GroupGapObjective):
    """A rate that is no mean over rows with given labels."""

    name = "precision"

    def compared_labels(self, is_positive):
        return {"": np.ones_like(is_positive)}

    def rates(self, counts, squares, positive):
        right = counts[..., positive, positive]
        return [GroupRates(right / counts[..., positive].sum(axis=-1))]


# of the label 1
OBJECTIVES = {
    "demographic parity": DemographicParity(pos_label=1),
    "equal opportunity": EqualOpportunity(temperature=0.5, pos_label=1),
    "equalized odds": EqualizedOdds(temperature=1.0, pos_label=1),
    "false positives": FalsePositiveRateParity(pos_label=1),
    "errors": ErrorRateParity(temperature=0.5),
    "losses": LossParity(),
    "losses of a label": LossParity(label=1),
    "calibration": CalibrationInTheLarge(pos_label=1),
    "squared": SquaredGap(pos_label=1),
}


def draw(n_classes=2, n_groups=2, n_samples=60, seed=0):
    """Scores, labels, groups and weights; each label is in each group."""
    rng = np.random.default_rng(seed)
    codes = np.arange(n_samples) % n_classes
    groups = np.arange(n_samples) // n_classes % n_groups
    scores = rng.normal(size=(n_samples, n_classes))
    weight = rng.integers(0, 4, n_samples) + 0.5
    return scores, codes, Groups(groups, list("abcdef"[:n_groups])), weight


def numerical_gradient(metrics, scores, step=1e-6):
    """Central differences of the metrics, shape (n_metrics, *scores.shape)."""
    columns = []
    for entry in np.ndindex(scores.shape):
        change = np.zeros_like(scores)
        change[entry] = step
        difference = metrics.values(scores + change) - metrics.values(scores - change)
        columns.append(difference / (2 * step))
    return np.reshape(np.transpose(columns), (-1, *scores.shape))


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("n_groups", [2, 3])
@pytest.mark.parametrize("name", OBJECTIVES)
def test_gradients_are_those_of_the_values(name, n_groups, n_classes):
    scores, codes, groups, weight = draw(n_classes, n_groups)
    metrics = OBJECTIVES[name].bind(codes, np.arange(n_classes), groups, weight)
    found = metrics.gradient(scores)(slice(None))
    assert len(metrics.names) == len(found)
    assert_allclose(found, numerical_gradient(metrics, scores), atol=1e-8)
    some = metrics.gradient(scores)(slice(10, 25))
    assert_allclose(some, found[:, 10:25], rtol=1e-12)


def test_a_gap_is_that_of_weighted_means():
    scores, codes, groups, weight = draw(3, 3)
    objective = FalseAlarms(pos_label="y", temperature=0.5)
    metrics = objective.bind(codes, np.array(["x", "y", "z"]), groups, weight)
    probability = softmax(scores / 0.5, axis=1)[:, 1]
    others = codes != 1
    overall = np.average(probability[others], weights=weight[others])
    expected = [
        np.average(probability[rows], weights=weight[rows]) - overall
        for group in range(3)
        for rows in [others & (groups.codes == group)]
    ]
    assert_allclose(metrics.values(scores), expected)
    assert metrics.names[0] == "false_alarms[y] within the other classes: a - overall"


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("name", [name for name in OBJECTIVES if name != "squared"])
def test_sums_over_blocks_give_the_same(name, n_classes):
    scores, codes, groups, weight = draw(n_classes, 3)
    metrics = OBJECTIVES[name].bind(codes, np.arange(n_classes), groups, weight)
    loss = LogisticLoss() if n_classes == 2 else MultinomialLoss()
    z = scores[:, 1:].T - scores[:, 0] if n_classes == 2 else scores.T
    rows = LocalBlocks(np.empty((len(codes), 0)), code=codes, count=weight)
    (block,), part = rows.blocks, metrics.in_blocks()
    assert not part.needs_whole_arrays
    part.prepare(rows, loss, None, "key")
    two = part.finish(rows, part.sums(block, loss, np.stack([z, -z, 0 * z]), None))
    expected = [metrics.values(one) for one in (scores, -scores, 0 * scores)]
    assert_allclose(two, expected, rtol=1e-10, atol=1e-12)
    one = part.finish(rows, part.sums(block, loss, z, None))
    assert_allclose(one, metrics.values(scores), rtol=1e-10)
    slope = metrics.gradient(scores)(slice(None)).swapaxes(1, 2)
    expected = slope[:, 1:] if n_classes == 2 else slope
    assert_allclose(part.slopes(block, loss, z, None), expected, atol=1e-12)


def gaps_of(quantity, rows, groups, weight):
    """Second minus first group's mean over some rows, or each one less the mean."""
    means = [
        np.average(quantity[some], weights=weight[some])
        for code in range(len(groups.names))
        for some in [rows & (groups.codes == code)]
    ]
    if len(means) == 2:
        return [means[1] - means[0]]
    return np.array(means) - np.average(quantity[rows], weights=weight[rows])


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("n_groups", [2, 3])
def test_values_are_those_of_their_definitions(n_groups, n_classes):
    scores, codes, groups, weight = draw(n_classes, n_groups)
    every = np.full(len(codes), True)
    wrong = 1 - softmax(2 * scores, axis=1)[np.arange(60), codes]
    loss = -log_softmax(scores, axis=1)[np.arange(60), codes]
    warm = softmax(4 * scores, axis=1)[:, 1]
    expected = {
        "false positives": gaps_of(warm, codes != 1, groups, weight),
        "errors": gaps_of(wrong, every, groups, weight),
        "losses": gaps_of(loss, every, groups, weight),
        "losses of a label": gaps_of(loss, codes == 1, groups, weight),
        "calibration": [
            np.average((softmax(scores, axis=1)[:, 1] - (codes == 1))[rows], weights=w)
            for code in range(n_groups)
            for rows in [groups.codes == code]
            for w in [weight[rows]]
        ],
    }
    for name, values in expected.items():
        metrics = OBJECTIVES[name].bind(codes, np.arange(n_classes), groups, weight)
        assert_allclose(metrics.values(scores), values, err_msg=name)


def count(codes, predicted, groups, weight, n_classes):
    counts = np.zeros((len(groups.names), n_classes, n_classes))
    np.add.at(counts, (groups.codes, codes, predicted), weight)
    return counts


@pytest.mark.parametrize("n_classes", [2, 3])
def test_a_cold_gap_is_the_thresholded_one(n_classes):
    scores, codes, groups, weight = draw(n_classes)
    counts = count(codes, scores.argmax(axis=1), groups, weight, n_classes)
    classes = np.arange(n_classes)
    for objective in (
        DemographicParity(temperature=1e-6, pos_label=0),
        EqualOpportunity(temperature=1e-6, pos_label=0),
        EqualizedOdds(temperature=1e-6, pos_label=0),
        FalsePositiveRateParity(temperature=1e-6, pos_label=0),
        ErrorRateParity(temperature=1e-6),
    ):
        gaps = objective.bind(codes, classes, groups, weight).values(scores)
        disparity = objective.thresholded(classes).of_counts(counts)
        assert_allclose(disparity, np.abs(gaps).max(), rtol=1e-12)
        assert disparity > 1e-3


def test_counterparts_on_predicted_labels_by_hand():
    # of 4 women 3 hold the label 1, which 2 are predicted: 2 of the 3 and 0 of 1;
    # of 5 men 2 hold it, and 3 are predicted it: 1 of the 2 and 2 of 3
    counts = np.array([[[1, 0], [1, 2]], [[1, 2], [1, 1]]])
    for objective, expected in (
        (FalsePositiveRateParity(), 2 / 3 - 0),
        (ErrorRateParity(), 3 / 5 - 1 / 4),
        (LossParity(), 3 / 5 - 1 / 4),
        (LossParity(label=1), 1 / 2 - 1 / 3),
        (LossParity(label=0), 2 / 3 - 0),
        (CalibrationInTheLarge(), max(abs(2 - 3) / 4, abs(3 - 2) / 5)),
    ):
        disparity = objective.thresholded(np.array([0, 1])).of_counts(counts)
        assert_allclose(disparity, expected, err_msg=repr(objective))


def test_a_group_without_rows_takes_no_part_and_one_alone_is_not_at_parity():
    counts = np.array([[[1, 0], [1, 2]], [[0, 0], [0, 0]], [[1, 2], [1, 1]]])
    for objective in (DemographicParity(), ErrorRateParity(), CalibrationInTheLarge()):
        disparity = objective.thresholded(np.array([0, 1])).of_counts
        assert_allclose(disparity(counts), disparity(counts[[0, 2]]))
    for objective in (DemographicParity(), EqualizedOdds()):
        disparity = objective.thresholded(np.array([0, 1])).of_counts
        assert np.isnan(disparity(counts[:2]))
        assert np.isnan(disparity(np.stack([counts[:2]] * 3))).all()


def test_names_tell_the_label_and_the_groups():
    _, codes, groups, weight = draw()
    classes = np.array(["approved", "denied"])
    names = {
        objective.name: objective.bind(codes, classes, groups, weight).names
        for objective in (
            DemographicParity(pos_label="approved"),
            EqualOpportunity(pos_label="denied"),
            ErrorRateParity(),
            LossParity(label="approved"),
            CalibrationInTheLarge(pos_label="denied"),
        )
    }
    assert names == {
        "demographic_parity": ["demographic_parity[approved]: b - a"],
        "equal_opportunity": [
            "equal_opportunity[denied] within the positive class: b - a"
        ],
        "error_rate_parity": ["error_rate_parity: b - a"],
        "loss_parity": ["loss_parity[approved]: b - a"],
        "calibration_in_the_large": [
            "calibration_in_the_large[denied]: a",
            "calibration_in_the_large[denied]: b",
        ],
    }


def test_a_string_taken_for_the_positive_label_is_told():
    _, codes, groups, weight = draw()
    strings = np.array(["approved", "denied"])
    for kind in (DemographicParity, EqualizedOdds, CalibrationInTheLarge):
        with pytest.warns(UserWarning, match=r"'denied' was taken.*'approved', 'denie"):
            kind().bind(codes, strings, groups, weight)
        kind(pos_label="approved").bind(codes, strings, groups, weight)
        for classes in (np.array([0, 1]), np.array([False, True])):
            kind().bind(codes, classes, groups, weight)
    for kind in (ErrorRateParity, LossParity):
        kind().bind(codes, strings, groups, weight)


def test_the_guess_is_told_once_and_where_the_user_called(rows):
    X, y, group = rows
    fitted = LogisticRegression().fit(X, np.array(["denied", "given"])[y])
    y = fitted.classes_[y]
    for model in (
        UnlearningClassifier(fitted),
        UnlearningClassifierCV(fitted, strengths=[0.0, 0.2]),
    ):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            model.unlearn(X, y, sensitive_features=group)
        (one,) = (w for w in caught if "was taken for the positive" in str(w.message))
        assert one.filename == __file__


def test_overlapping_sets_of_labels_are_refused():
    class Overlapping(GroupGapObjective):
        name = "overlapping"

        def compared_labels(self, is_positive):
            return {"one": is_positive, "all": np.ones_like(is_positive)}

    _, codes, groups, weight = draw()
    with pytest.raises(ValueError, match="must not overlap"):
        Overlapping().bind(codes, np.arange(2), groups, weight)


def test_missing_cells_are_named():
    _, codes, groups, weight = draw()
    weight[(codes == 0) & (groups.codes == 1)] = 0.0
    DemographicParity().bind(codes, np.arange(2), groups, weight)
    for kind in (EqualizedOdds, FalsePositiveRateParity):
        with pytest.raises(ValueError, match="'b' within the other classes"):
            kind().bind(codes, np.arange(2), groups, weight)


def stratify(groups, seed=0):
    """The same groups, with strata; the third has no row."""
    strata = np.random.default_rng(seed).integers(0, 2, len(groups.codes))
    return groups.within(Groups(strata, ["north", "south", "west"]))


@pytest.mark.parametrize("n_groups", [2, 3])
@pytest.mark.parametrize("name", OBJECTIVES)
def test_gaps_within_strata_are_those_of_the_strata(name, n_groups):
    scores, codes, groups, weight = draw(2, n_groups, n_samples=120)
    groups = stratify(groups)
    found = OBJECTIVES[name].bind(codes, np.arange(2), groups, weight)
    names, values = [], []
    for code, stratum in enumerate(["north", "south"]):
        rows = np.flatnonzero(groups.strata.codes == code)
        alone = OBJECTIVES[name].bind(
            codes[rows], np.arange(2), groups.take(rows).within(None), weight[rows]
        )
        values.extend(alone.values(scores[rows]))
        for own in alone.names:
            metric, _, gap = own.rpartition(": ")
            joint = ", " if " within " in metric else " within "
            names.append(f"{metric}{joint}{stratum}: {gap}")
    order = [names.index(one) for one in found.names]
    assert sorted(order) == list(range(len(names)))
    assert_allclose(found.values(scores), np.array(values)[order])
    slope = found.gradient(scores)(slice(None))
    assert_allclose(slope, numerical_gradient(found, scores), atol=1e-8)


def test_a_stratum_that_lacks_all_groups_but_one_is_left_out_and_told():
    scores, codes, groups, weight = draw()
    groups = stratify(groups)
    weight[(groups.codes == 0) & (groups.strata.codes == 1)] = 0.0
    classes = np.arange(2)
    for objective, told in (
        (DemographicParity(), r"one group only: within south\."),
        (EqualOpportunity(), r"one group only: within the positive class, south\."),
    ):
        with pytest.warns(UserWarning, match=told):
            metrics = objective.bind(codes, classes, groups, weight)
        assert len(metrics.names) == 1
        north = groups.strata.codes == 0
        alone = groups.take(north).within(None)
        expected = objective.bind(codes[north], classes, alone, weight[north])
        assert_allclose(metrics.values(scores), expected.values(scores[north]))


def test_of_three_groups_those_that_a_stratum_has_are_compared():
    scores, codes, groups, weight = draw(n_groups=3)
    groups = stratify(groups)
    weight[(groups.codes == 0) & (groups.strata.codes == 1)] = 0.0
    metrics = DemographicParity().bind(codes, np.arange(2), groups, weight)
    assert metrics.names[3:] == ["demographic_parity[1] within south: c - b"]
    found = metrics.gradient(scores)(slice(None))
    assert_allclose(found, numerical_gradient(metrics, scores), atol=1e-8)


@pytest.fixture
def rows(rng):
    group = rng.integers(0, 2, 500)
    X = rng.normal(size=(500, 4)) + 0.5 * group[:, None]
    y = np.where(X[:, 0] + rng.logistic(size=500) > 0.7, 1, 0)
    return X, y, np.array(["a", "b"])[group]


def test_an_objective_of_few_lines_repairs_what_it_names(rows):
    X, y, group = rows
    fitted = LogisticRegression().fit(X, y)
    model = UnlearningClassifier(
        fitted, validation_fraction=None, objective=FalseAlarms()
    )
    model.set_params(weighting__strength=0.5).unlearn(X, y, sensitive_features=group)
    probability = 1 / (1 + np.exp(-4 * fitted.decision_function(X)))
    means = [probability[(y == 0) & (group == name)].mean() for name in "ab"]
    assert_allclose(model.objective_before_, means[1] - means[0])
    assert abs(model.objective_after_[0]) < 0.7 * abs(model.objective_before_[0])


def test_the_path_and_the_threshold_follow_the_rate_of_an_own_objective(rows):
    X, y, group = rows
    model = UnlearningClassifierCV(
        LogisticRegression().fit(X, y),
        objective=FalseAlarms(),
        strengths=3,
        max_disparity=0.02,
        tune_threshold=True,
        validation_fraction=None,
    ).unlearn(X, y, sensitive_features=group)
    assert model.threshold_ is not None
    predicted = model.predict(X)
    rates = [predicted[(y == 0) & (group == name)].mean() for name in "ab"]
    best = model.path_.loc[model.best_index_]
    assert_allclose(best["disparity"], abs(rates[0] - rates[1]), atol=1e-12)
    assert_allclose(best["utility"], accuracy_score(y, predicted))


def test_an_own_rate_is_what_the_path_shows(rows):
    X, y, group = rows
    fitted = LogisticRegression().fit(X, y)
    model = UnlearningClassifierCV(
        fitted, validation_fraction=None, objective=Precision(), strengths=[0.0]
    )
    model.unlearn(X, y, sensitive_features=group)
    predicted = fitted.predict(X)
    rates = [y[(predicted == 1) & (group == name)].mean() for name in "ab"]
    assert_allclose(model.path_["disparity"][0], abs(rates[0] - rates[1]))


@pytest.mark.parametrize("name", OBJECTIVES)
def test_every_group_gap_is_repaired_and_has_a_path_and_a_threshold(rows, name):
    X, y, group = rows
    fitted = LogisticRegression().fit(X, y)
    objective = OBJECTIVES[name]
    model = UnlearningClassifierCV(
        fitted,
        validation_fraction=None,
        objective=objective,
        strengths=[0.0, 0.5],
        max_disparity=0.01,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.set_params(tune_threshold=True).unlearn(X, y, sensitive_features=group)
        half = UnlearningClassifier(
            fitted, validation_fraction=None, objective=objective
        )
        half.set_params(weighting__strength=0.3)
        half.unlearn(X, y, sensitive_features=group)
    codes = (group == "b").astype(int)
    groups = Groups(codes, ["a", "b"])
    counts = count(y, model.predict(X), groups, np.ones(len(y)), 2)
    disparity = objective.thresholded(np.array([0, 1])).of_counts(counts)
    assert_allclose(model.path_["disparity"][model.best_index_], disparity, atol=1e-12)
    gap = np.abs(half.objective_before_).max()
    assert np.abs(half.objective_after_).max() < 0.95 * gap + 1e-6


def test_new_objectives_are_known_by_name():
    for name, kind in (
        ("false_positive_rate_parity", FalsePositiveRateParity),
        ("error_rate_parity", ErrorRateParity),
        ("loss_parity", LossParity),
        ("calibration_in_the_large", CalibrationInTheLarge),
    ):
        assert type(REGISTERED.resolve(name)) is kind
        assert kind.name == name


BY_FAIRLEARN = {
    "false_positive_rate_parity": "false_positive_rate",
    "error_rate_parity": "zero_one_loss",
}


@pytest.mark.parametrize("comparison", ["difference", "ratio"])
@pytest.mark.parametrize("name", BY_FAIRLEARN)
def test_disparities_of_predicted_labels_are_fairlearns(rows, name, comparison):
    X, y, group = rows
    fitted = LogisticRegression().fit(X, y)
    model = UnlearningClassifierCV(
        fitted,
        validation_fraction=None,
        strengths=[0.0],
        disparity=f"{name}_{comparison}",
    ).unlearn(X, y, sensitive_features=group)
    metric = getattr(fairlearn_metrics, f"{BY_FAIRLEARN[name]}_{comparison}")
    value = metric(y, fitted.predict(X), sensitive_features=group)
    expected = 1 - value if comparison == "ratio" else value
    assert_allclose(model.path_["disparity"][0], expected, rtol=1e-12)


def test_a_path_can_be_measured_by_losses(rows):
    X, y, group = rows
    fitted = LogisticRegression().fit(X, y)
    model = UnlearningClassifierCV(
        fitted,
        validation_fraction=None,
        objective=LossParity(),
        strengths=[0.0, 0.5],
        disparity="loss_parity_difference",
    ).unlearn(X, y, sensitive_features=group)
    losses = [
        log_loss(y[group == name], fitted.predict_proba(X[group == name]))
        for name in "ab"
    ]
    assert_allclose(model.path_["disparity"][0], abs(losses[1] - losses[0]))
    assert_allclose(
        model.path_["disparity"], np.abs(model.path_["loss_parity: b - a"]), rtol=1e-6
    )


RATES = ["selection_rate", "true_positive_rate", "true_negative_rate", "accuracy"]


def groups_and_all(quantity, rows, groups, weight):
    """Weighted means of some rows, of each group and of all."""
    means = [
        np.average(quantity[some], weights=weight[some])
        for code in range(len(groups.names))
        for some in [rows & (groups.codes == code)]
    ]
    return np.array(means), np.average(quantity[rows], weights=weight[rows])


@pytest.mark.parametrize("n_groups", [2, 3])
def test_losses_above_a_bound(n_groups):
    scores, codes, groups, weight = draw(3, n_groups)
    losses = -log_softmax(scores, axis=1)[np.arange(60), codes]
    means, overall = groups_and_all(losses, np.full(60, True), groups, weight)
    for bound in (None, 1.2, 0.0):
        metrics = BoundedGroupLoss(upper_bound=bound).bind(
            codes, np.arange(3), groups, weight
        )
        expected = means - (overall if bound is None else bound)
        assert_allclose(metrics.values(scores), expected)
        assert metrics.one_sided
    assert metrics.names[1] == "bounded_group_loss: b"


@pytest.mark.parametrize("at_least", [None, 0.6, 0.0])
@pytest.mark.parametrize("rate", RATES)
def test_shortfalls_of_rates(rate, at_least):
    scores, codes, groups, weight = draw(3, 3)
    probability = softmax(scores / 0.5, axis=1)
    quantity, rows = {
        "selection_rate": (probability[:, 1], codes >= 0),
        "true_positive_rate": (probability[:, 1], codes == 1),
        "true_negative_rate": (1 - probability[:, 1], codes != 1),
        "accuracy": (probability[np.arange(60), codes], codes >= 0),
    }[rate]
    means, overall = groups_and_all(quantity, rows, groups, weight)
    objective = MinimumGroupRate(
        rate=rate, at_least=at_least, temperature=0.5, pos_label=1
    )
    metrics = objective.bind(codes, np.arange(3), groups, weight)
    limit = overall if at_least is None else at_least
    assert_allclose(metrics.values(scores), limit - means, atol=1e-12)
    found = metrics.gradient(scores)(slice(None))
    assert_allclose(found, numerical_gradient(metrics, scores), atol=1e-8)
    label = "" if rate == "accuracy" else "[1]"
    assert metrics.names[0].startswith(f"minimum_{rate}{label}")


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("at_least", [None, 0.6])
def test_a_cold_shortfall_is_the_thresholded_one(rate, at_least):
    scores, codes, groups, weight = draw(2, 3)
    objective = MinimumGroupRate(
        rate=rate, at_least=at_least, temperature=1e-6, pos_label=0
    )
    shortfalls = objective.bind(codes, np.arange(2), groups, weight).values(scores)
    counts = count(codes, scores.argmax(axis=1), groups, weight, 2)
    disparity = objective.thresholded(np.arange(2)).of_counts(counts)
    assert_allclose(disparity, max(shortfalls.max(), 0.0), atol=1e-12)
    assert objective.set_params(at_least=0.0).thresholded(np.arange(2)).of_counts(
        counts
    ) == pytest.approx(0.0, abs=1e-15)


def test_bad_limits_are_refused():
    _, codes, groups, weight = draw()
    for objective, message in (
        (MinimumGroupRate(rate="precision"), "'rate' parameter"),
        (MinimumGroupRate(at_least=1.5), "'at_least' parameter"),
        (BoundedGroupLoss(upper_bound=-1.0), "'upper_bound' parameter"),
    ):
        with pytest.raises(ValueError, match=message):
            objective.bind(codes, np.arange(2), groups, weight)
