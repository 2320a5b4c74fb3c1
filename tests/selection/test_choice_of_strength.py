"""Standard errors, bounds on ratios, and what may not be chosen."""

import pickle
import warnings

import numpy as np
import pytest
from fairlearn import metrics as fairlearn_metrics
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import norm
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score
from sklearn.model_selection import KFold, RepeatedKFold, cross_val_score

from skswu import UnlearningClassifierCV
from skswu.exceptions import UnreachableBoundWarning
from skswu.inputs import Groups
from skswu.objectives import (
    CalibrationInTheLarge,
    DemographicParity,
    EqualizedOdds,
    LossParity,
    MinimumGroupRate,
    TargetUtility,
)
from skswu.objectives._comparisons import RatioBetweenGroups
from skswu.updates import InfluenceUpdate

CLASSES = np.array([0, 1])
# One step is too long for the rows of these tests: it would leap over their bounds.
SEVERAL_STEPS = {"update": InfluenceUpdate(max_iter=4), "strengths": 26}


@pytest.fixture
def data(rng):
    group = np.array(["f", "m", "x"])[rng.integers(0, 3, 900)]
    shift = np.select([group == "f", group == "m"], [-0.6, 0.5], 0.2)
    X = rng.normal(size=(900, 4)) + shift[:, None] * [1.0, 0.0, 0.5, 0.0]
    y = (X @ [1.0, -0.5, 0.5, 0.5] + rng.logistic(size=900) > 0).astype(int)
    return X, y, group


def counts_of(*groups):
    """Counts of drawn groups, in which every label is 1: (n_draws, n_groups, 2, 2)."""
    counts = np.zeros((len(groups[0][1]), len(groups), 2, 2))
    for position, (size, successes) in enumerate(groups):
        counts[:, position, 1] = np.stack([size - successes, successes], axis=-1)
    return counts


@pytest.mark.parametrize(
    ("sizes", "rates"),
    [
        ((6, 6), (0.3, 0.5)),
        ((5, 40), (0.1, 0.3)),
        ((20, 20), (0.5, 0.5)),
        ((20, 100), (0.02, 0.2)),
        ((300, 300), (0.2, 0.3)),
    ],
)
def test_intervals_of_differences_hold_from_the_smallest_groups_up(rng, sizes, rates):
    drawn = [
        (n, rng.binomial(n, rate, 20_000)) for n, rate in zip(sizes, rates, strict=True)
    ]
    counts = counts_of(*drawn)
    found = DemographicParity().thresholded(CLASSES).measure(counts)
    actual = rates[1] - rates[0]
    # The centre belongs to the group that is ahead in the draw.
    sign = np.where(drawn[0][1] / sizes[0] <= drawn[1][1] / sizes[1], 1.0, -1.0)
    covered = (
        np.abs(sign * found.centre - actual) <= norm.ppf(0.975) * found.standard_error
    )
    assert 0.94 <= covered.mean() <= 0.985
    below = actual <= found.upper_limit(norm.ppf(0.95))
    assert below.mean() >= 0.94


def test_upper_limits_of_ratios_hold(rng):
    for n, low, high in ((30, 0.3, 0.5), (200, 0.2, 0.3), (1000, 0.3, 0.4)):
        counts = counts_of(
            (n, rng.binomial(n, low, 20_000)), (n, rng.binomial(n, high, 20_000))
        )
        disparity = DemographicParity().thresholded(CLASSES, RatioBetweenGroups())
        below = 1 - low / high <= disparity.measure(counts).upper_limit(norm.ppf(0.95))
        assert below.mean() >= 0.94


def test_each_group_is_as_sure_as_its_draws_differ(rng):
    labels = rng.binomial(1, 0.4, (20_000, 2, 60))
    predicted = np.where(rng.random(labels.shape) < 0.3, 1 - labels, labels)
    counts = np.zeros((20_000, 2, 2, 2))
    for label in (0, 1):
        for other in (0, 1):
            cell = (labels == label) & (predicted == other)
            counts[:, :, label, other] = cell.sum(axis=-1)
    one = CalibrationInTheLarge().thresholded(CLASSES)
    found = one.measure(counts[:, :1])
    excess = (predicted - labels)[:, 0].mean(axis=-1)
    assert_allclose(found.value, np.abs(excess))
    assert_allclose(found.standard_error.mean(), excess.std(), rtol=0.03)
    # a group's shortfall of the rate that all had before
    limit = MinimumGroupRate(pos_label=1).thresholded(CLASSES)
    drawn = rng.binomial(60, 0.3, 20_000), np.full(20_000, 16)
    before = counts_of((60, np.array([30])), (20, np.array([16])))[0]
    found = limit.measure(counts_of((60, drawn[0]), (20, drawn[1])), None, before)
    shortfall = 46 / 80 - drawn[0] / 60
    assert_allclose(found.value, shortfall.clip(0.0))
    assert_allclose(found.standard_error.mean(), shortfall.std(), rtol=0.03)


def test_weights_count_as_the_rows_that_tell_as_much():
    counts = counts_of((40, np.array([10])), (30, np.array([15])))
    disparity = DemographicParity().thresholded(CLASSES)
    plain = disparity.measure(counts)
    # twice the weight of each row is as many rows, with four times the squares
    doubled = disparity.measure(2 * counts, 4 * counts.sum(axis=-1))
    assert_allclose(doubled.standard_error, plain.standard_error)
    halves = disparity.measure(counts, 2 * counts.sum(axis=-1))
    fewer = disparity.measure(counts / 2)
    assert_allclose(halves.standard_error, fewer.standard_error)


def agresti_caffo(hits, sizes):
    rates = [(hit + 1) / (size + 2) for hit, size in zip(hits, sizes, strict=True)]
    variances = [
        rate * (1 - rate) / (size + 2) for rate, size in zip(rates, sizes, strict=True)
    ]
    return abs(rates[1] - rates[0]), np.sqrt(sum(variances))


def choose(data, fitted=None, **parameters):
    """Choose by the training rows as they are, which the tests count themselves."""
    X, y, group = data
    parameters = {"validation_fraction": None, **parameters}
    fitted = LogisticRegression().fit(X, y) if fitted is None else fitted
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return UnlearningClassifierCV(fitted, **parameters).unlearn(
            X, y, sensitive_features=group
        )


def two_groups(data):
    X, y, group = data
    rows = group != "x"
    return X[rows], y[rows], group[rows]


def test_the_path_has_the_standard_errors_of_disparity_and_accuracy(data):
    X, y, group = data = two_groups(data)
    fitted = LogisticRegression().fit(X, y)
    path = choose(data, fitted, strengths=[0.0, 0.5]).path_
    predicted = fitted.predict(X)
    sizes = [(group == name).sum() for name in "fm"]
    hits = [predicted[group == name].sum() for name in "fm"]
    _, error = agresti_caffo(hits, sizes)
    assert_allclose(path["disparity_se"][0], error)
    accuracy = (accuracy_score(y, predicted) * len(y) + 1) / (len(y) + 2)
    expected = np.sqrt(accuracy * (1 - accuracy) / (len(y) + 2))
    assert_allclose(path["utility_se"][0], expected)


def test_a_choice_with_confidence_bounds_the_upper_limit(data):
    X, _, group = data = two_groups(data)
    bound = {"max_disparity": 0.12, **SEVERAL_STEPS}
    plain = choose(data, **bound)
    sure = choose(data, **bound, confidence=0.95)
    assert sure.strength_ != plain.strength_
    for model in (sure, plain):
        sizes = [(group == name).sum() for name in "fm"]
        predicted = model.predict(X)
        hits = [predicted[group == name].sum() for name in "fm"]
        centre, error = agresti_caffo(hits, sizes)
        limit = centre + norm.ppf(0.95) * error
        assert (limit <= 0.12) == (model is sure)
    unsure = choose(data, **bound, confidence=0.5)
    assert unsure.path_["feasible"].sum() >= sure.path_["feasible"].sum()


def test_a_bound_with_confidence_that_is_out_of_reach_says_so(data):
    X, y, group = two_groups(data)
    model = UnlearningClassifierCV(
        LogisticRegression().fit(X, y),
        max_disparity=0.001,
        confidence=0.95,
        **SEVERAL_STEPS,
    )
    message = r"an upper limit of the disparity of .*0.001 \(confidence=0.95\)"
    with pytest.warns(UnreachableBoundWarning, match=message):
        model.unlearn(X, y, sensitive_features=group)


@pytest.mark.parametrize("min_ratio", [0.7, 0.8])
def test_the_ratio_is_fairlearns_and_the_lowest_group_is_named(data, min_ratio):
    X, y, group = data
    model = choose(data, min_ratio=min_ratio, **SEVERAL_STEPS)
    path = model.path_
    rates = fairlearn_metrics.MetricFrame(
        metrics=fairlearn_metrics.selection_rate,
        y_true=y,
        y_pred=model.predict(X),
        sensitive_features=group,
    )
    best = path.loc[model.best_index_]
    assert_allclose(best["ratio"], rates.ratio())
    assert_allclose(best["disparity"], 1 - rates.ratio())
    assert best["lowest_group"] == rates.by_group.idxmin()
    assert best["ratio"] >= min_ratio
    assert_array_equal(path["feasible"], path["ratio"] >= min_ratio - 1e-12)
    assert path["utility"][path["feasible"]].max() == best["utility"]
    loaded = pickle.loads(pickle.dumps(model))
    assert loaded.path_["lowest_group"].tolist() == path["lowest_group"].tolist()


def test_the_ratio_of_several_rates_is_the_lowest(data):
    X, y, group = data
    fitted = LogisticRegression().fit(X, y)
    parameters = {"objective": EqualizedOdds(pos_label=1), "strengths": [0.0]}
    path = choose(data, fitted, min_ratio=0.8, **parameters).path_
    expected = fairlearn_metrics.equalized_odds_ratio(
        y, fitted.predict(X), sensitive_features=group
    )
    assert_allclose(path["ratio"], expected)
    named = choose(
        data, fitted, min_ratio=0.8, disparity="equalized_odds_ratio", **parameters
    )
    assert_allclose(named.path_["ratio"], expected)


def test_a_ratio_out_of_reach_names_the_group_that_sets_it(data):
    X, y, group = data
    model = UnlearningClassifierCV(
        LogisticRegression().fit(X, y), strengths=[0.0, 0.1], min_ratio=0.99
    )
    message = r"a ratio of rates of at least min_ratio=0.99; .* set by the group 'f'"
    with pytest.warns(UnreachableBoundWarning, match=message):
        model.unlearn(X, y, sensitive_features=group)


def test_a_bound_meant_for_the_ratio_itself_is_told(data):
    X, y, group = data
    model = UnlearningClassifierCV(
        LogisticRegression().fit(X, y),
        disparity="demographic_parity_ratio",
        max_disparity=0.8,
        strengths=3,
    )
    with pytest.warns(UserWarning, match=r"give min_ratio=0.8 in its place"):
        model.unlearn(X, y, sensitive_features=group)


def test_one_strength_is_the_whole_gap_and_51_go_to_its_double(data):
    assert choose(data, strengths=1).path_["strength"].tolist() == [1.0]
    path = choose(data, max_utility_loss=1.0).path_
    assert_allclose(path["strength"], np.linspace(0, 2, 51))


class Odd:
    """A disparity that is NaN where few rows are predicted the label 1."""

    def __init__(self, least):
        self.least = least

    @property
    def __name__(self):
        return "odd_difference"

    def __call__(self, y_true, y_pred, *, sensitive_features):
        return np.nan if y_pred.mean() < self.least else 0.0


def test_a_strength_whose_disparity_is_nan_is_not_chosen(data):
    X, y, group = data
    fitted = LogisticRegression().fit(X, y)
    strengths = [0.0, 0.5, 1.0, 1.5]
    shares = []
    for strength in strengths:
        one = choose(data, fitted, strengths=[strength], max_utility_loss=1.0)
        shares.append(one.predict(X).mean())
    least = np.sort(shares)[1:3].mean()
    for bound in ({"max_utility_loss": 1.0}, {"max_disparity": 0.1}):
        model = UnlearningClassifierCV(
            fitted, strengths=strengths, disparity=Odd(least), **bound
        )
        with pytest.warns(UserWarning, match="2 of 4 strengths cannot be judged"):
            model.unlearn(X, y, sensitive_features=group)
        assert model.predict(X).mean() >= least
        unknown = np.isnan(model.path_["disparity"])
        assert_array_equal(unknown, np.array(shares) < least)
        assert not model.path_["feasible"][unknown].any() or "max_utility_loss" in bound
    model = UnlearningClassifierCV(fitted, strengths=3, disparity=Odd(2.0))
    with pytest.raises(ValueError, match="3 of 3 strengths cannot be judged"):
        model.unlearn(X, y, sensitive_features=group)


def test_of_equal_scores_the_smallest_gap_is_chosen(data):
    def no_difference(y_true, y_pred, *, sensitive_features):
        return 0.0

    model = choose(
        data,
        strengths=[0.0, 0.3, 1.0, 0.6],
        disparity=no_difference,
        max_utility_loss=1.0,
    )
    gaps = np.abs(model.path_[model.objective_names_]).mean(axis=1)
    assert model.best_index_ == gaps.argmin() > 0


def test_surrogate_gaps_have_the_errors_of_independent_means(data):
    X, y, group = data = two_groups(data)
    fitted = LogisticRegression().fit(X, y)
    path = choose(data, fitted, objective=LossParity(), strengths=[0.0]).path_
    losses = -np.log(fitted.predict_proba(X)[np.arange(len(y)), y])
    variances = [
        losses[group == name].var(ddof=1) / (group == name).sum() for name in "fm"
    ]
    assert_allclose(path["loss_parity: m - f_se"], np.sqrt(sum(variances)))
    path = choose(
        data, fitted, objective=TargetUtility(), strengths=[0.0], weighting="soft"
    ).path_
    expected = losses.std(ddof=1) / np.sqrt(len(y))
    assert_allclose(path["target_utility_se"], expected)
    assert_allclose(path["disparity_se"], expected)


class Scores:
    """A view of a model whose scores are known."""

    def scores(self, rows, parameters):
        return parameters


def test_gaps_against_the_mean_of_all_are_as_sure_as_their_draws_differ(rng):
    codes, group = rng.integers(0, 2, 300), rng.integers(0, 3, 300)
    group[:200] = 0
    weight = rng.integers(1, 4, 300).astype(float)
    groups = Groups(group, list("fmx"))
    metrics = DemographicParity(pos_label=1).bind(codes, CLASSES, groups, weight)
    scores = rng.normal(size=(2000, 300, 2))
    drawn = [metrics.values(one) for one in scores]
    errors = [metrics.standard_errors(Scores(), None, one) for one in scores[:200]]
    assert_allclose(np.mean(errors, axis=0), np.std(drawn, axis=0), rtol=0.07)


def test_folds_that_score_a_row_twice_are_no_surer_for_it(data):
    X, y, group = data
    options = {"strengths": [0.0], "validation_fraction": None}
    paths = [
        UnlearningClassifierCV(LogisticRegression(), cv=cv, **options)
        .fit(X, y, sensitive_features=group)
        .path_
        for cv in (KFold(3), RepeatedKFold(n_splits=3, n_repeats=4, random_state=0))
    ]
    for name in ("disparity_se", "utility_se"):
        assert_allclose(paths[1][name], paths[0][name], rtol=0.05)


def test_the_spread_of_folds_tells_the_error_of_other_utilities(data):
    X, y, group = data
    cv = KFold(4)
    path = (
        UnlearningClassifierCV(
            LogisticRegression(),
            cv=cv,
            strengths=[0.0],
            utility="balanced_accuracy",
            validation_fraction=None,
        )
        .fit(X, y, sensitive_features=group)
        .path_
    )
    scores = cross_val_score(
        LogisticRegression(), X, y, cv=cv, scoring="balanced_accuracy"
    )
    assert_allclose(path["utility"], scores.mean())
    assert_allclose(path["utility_se"], scores.std(ddof=1) / 2)
