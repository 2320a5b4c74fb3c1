"""The intervals of a report, against simulation, resampled rows and other packages."""

import numpy as np
import pytest
from fairlearn.metrics import MetricFrame, selection_rate
from numpy.testing import assert_allclose
from scipy.stats import binomtest, hypergeom
from sklearn.metrics import accuracy_score, precision_score, recall_score

from skswu.inspection._report._comparison import compare
from skswu.inspection._report._inputs import Decisions, Feature
from skswu.inspection._report._intervals import (
    chance_gap,
    finding,
    paired_estimate,
    percentile_limits,
    rate_columns,
    selection_against,
    wilson_limits,
)
from skswu.inspection._report._measures import (
    ACCURACY,
    ERRORS,
    FALSE_POSITIVE_RATE,
    PRECISION,
    SELECTION_RATE,
    TRUE_POSITIVE_RATE,
    change_of_size,
    difference,
    ratio,
    spread,
)
from skswu.inspection._report._paired_counts import (
    count_pairs,
    draw_counts,
)

LEVEL = 0.95


def decide(rng, n_rows, chances, weight=None):
    """Draw labels, decisions before and decisions after for each group's chances.

    ``chances`` holds, for each group, the chance of the label, of a favourable decision
    before given the label 0 and 1, and of a change given the decision 0 and 1.
    """
    codes = np.sort(rng.integers(0, len(chances), n_rows))
    label, before_0, before_1, up, down = np.array(chances)[codes].T
    truth = rng.random(n_rows) < label
    before = rng.random(n_rows) < np.where(truth, before_1, before_0)
    changes = rng.random(n_rows) < np.where(before, down, up)
    return Decisions(truth, before, before ^ changes, weight, "yes", "no"), codes


def true_rates(chance):
    """Return the selection rates before and after that the chances stand for."""
    label, before_0, before_1, up, down = chance
    before = label * before_1 + (1 - label) * before_0
    return before, before * (1 - down) + (1 - before) * up


def drawn_estimate(decisions, codes, statistic, change, n_draws, seed):
    counts = count_pairs(decisions, codes, 2)
    random_state = np.random.RandomState(seed)
    draws = draw_counts(decisions, codes, [0, 1], n_draws, random_state)
    return paired_estimate(statistic, counts.weighted, draws, LEVEL, change)


ORDINARY = [(0.3, 0.15, 0.7, 0.0, 0.15), (0.2, 0.05, 0.5, 0.06, 0.0)]
RARE = [(0.1, 0.02, 0.3, 0.03, 0.1), (0.05, 0.01, 0.2, 0.03, 0.1)]


@pytest.mark.parametrize(
    ("chances", "n_rows", "lowest"),
    [(ORDINARY, 150, 0.92), (ORDINARY, 1000, 0.93), (RARE, 100, 0.93)],
    ids=["ordinary, 150 rows", "ordinary, 1000 rows", "rare, 100 rows"],
)
def test_intervals_hold_the_truth_as_often_as_they_say(rng, chances, n_rows, lowest):
    (before, after), (other_before, other_after) = map(true_rates, chances)
    gaps = before - other_before, after - other_after
    truth = {"before": gaps[0], "after": gaps[1], "change": abs(gaps[1]) - abs(gaps[0])}
    gap, n_samples = difference(SELECTION_RATE, 0, 1), 500
    held = dict.fromkeys(truth, 0)
    for seed in range(n_samples):
        sample = decide(rng, n_rows, chances)
        found = drawn_estimate(*sample, gap, change_of_size, 400, seed)
        for name, value in truth.items():
            held[name] += found[f"{name}_low"] <= value <= found[f"{name}_high"]
    for name, count in held.items():
        assert lowest <= count / n_samples <= 0.99, name


@pytest.mark.parametrize("weight", [None, np.ones(60)], ids=["counts", "rows"])
def test_an_empty_count_does_not_make_an_interval_a_point(rng, weight):
    codes = np.repeat([0, 1], 30)
    truth, before = rng.random(60) < 0.4, np.zeros(60, dtype=bool)
    after = before.copy()
    before[30:35] = after[30] = True
    decisions = Decisions(truth, before, after, weight, "yes", "no")
    gap, quotient = difference(SELECTION_RATE, 0, 1), ratio(SELECTION_RATE, 0, 1)
    found = drawn_estimate(decisions, codes, gap, None, 2000, 0)
    assert found["after_low"] < found["after"] < found["after_high"]
    found = drawn_estimate(decisions, codes, quotient, None, 2000, 0)
    assert found["after"] == 0
    assert found["after_high"] > 0.5


def resampled(decisions, codes, n_draws, rng):
    """Draw rows within groups and return the gaps before and after, row by row."""
    gaps = []
    rows_of = [np.flatnonzero(codes == group) for group in (0, 1)]
    weight = np.ones(len(codes)) if decisions.weight is None else decisions.weight
    for _ in range(n_draws):
        rates = []
        for rows in rows_of:
            rows = rng.choice(rows, len(rows))
            rates.append(
                [
                    np.average(made[rows], weights=weight[rows])
                    for made in (decisions.before, decisions.after)
                ]
            )
        gaps.append(np.subtract(*rates))
    return np.array(gaps).T


@pytest.mark.parametrize("is_weighted", [False, True], ids=["counts", "weighted rows"])
def test_drawn_counts_vary_as_resampled_rows_do(rng, is_weighted):
    n_rows = 1500
    weight = rng.gamma(1.0, size=n_rows) if is_weighted else None
    decisions, codes = decide(rng, n_rows, ORDINARY, weight)
    gap = difference(SELECTION_RATE, 0, 1)
    found = drawn_estimate(decisions, codes, gap, change_of_size, 4000, 0)
    before, after = resampled(decisions, codes, 4000, rng)
    for name, draws in [
        ("before", before),
        ("after", after),
        ("change", abs(after) - abs(before)),
    ]:
        expected = np.quantile(draws, [0.025, 0.975])
        limits = [found[f"{name}_low"], found[f"{name}_high"]]
        assert_allclose(limits, expected, atol=0.08 * np.ptp(expected))


def test_weights_that_are_equal_are_no_weights(rng):
    decisions, codes = decide(rng, 2000, ORDINARY)
    weighted = Decisions(**{**vars(decisions), "weight": np.full(2000, 3.0)})
    gap = difference(SELECTION_RATE, 0, 1)
    expected = drawn_estimate(decisions, codes, gap, None, 4000, 0)
    found = drawn_estimate(weighted, codes, gap, None, 4000, 0)
    assert_allclose(found["after"], expected["after"])
    width = expected["after_high"] - expected["after_low"]
    assert_allclose(found["after_low"], expected["after_low"], atol=0.08 * width)
    assert_allclose(found["after_high"], expected["after_high"], atol=0.08 * width)
    columns = [
        rate_columns(TRUE_POSITIVE_RATE, count_pairs(given, codes, 2), LEVEL)
        for given in (decisions, weighted)
    ]
    for name in columns[0]:
        assert_allclose(columns[1][name], columns[0][name])


def test_classifiers_that_agree_everywhere_have_changed_nothing(rng):
    decisions, codes = decide(rng, 200, ORDINARY)
    same = Decisions(**{**vars(decisions), "after": decisions.before})
    found = drawn_estimate(
        same, codes, difference(SELECTION_RATE, 0, 1), change_of_size, 500, 0
    )
    assert found["change"] == found["change_low"] == found["change_high"] == 0


def test_rates_are_those_of_fairlearn_and_scikit_learn(rng):
    weight = rng.gamma(2.0, size=800)
    decisions, codes = decide(rng, 800, ORDINARY, weight)
    counts = count_pairs(decisions, codes, 2)
    oracles = {
        SELECTION_RATE: selection_rate,
        TRUE_POSITIVE_RATE: recall_score,
        PRECISION: precision_score,
        ACCURACY: accuracy_score,
        FALSE_POSITIVE_RATE: lambda y_true, y_pred, sample_weight: (
            1 - recall_score(y_true, y_pred, pos_label=0, sample_weight=sample_weight)
        ),
    }
    for measure, oracle in oracles.items():
        columns = rate_columns(measure, counts, LEVEL)
        for name in ("before", "after"):
            frame = MetricFrame(
                metrics=oracle,
                y_true=decisions.truth,
                y_pred=getattr(decisions, name),
                sensitive_features=codes,
                sample_params={"sample_weight": weight},
            )
            assert_allclose(columns[name], frame.by_group.to_numpy(dtype=float))
            assert np.all(columns[f"{name}_low"] <= columns[name])
            assert np.all(columns[name] <= columns[f"{name}_high"])


@pytest.mark.parametrize(("hits", "cases"), [(0, 7), (3, 11), (200, 200), (41, 900)])
def test_limits_of_single_rates_are_those_of_wilson(hits, cases):
    expected = binomtest(hits, cases).proportion_ci(LEVEL, method="wilson")
    limits = wilson_limits(hits / cases, cases, LEVEL)
    assert_allclose(limits, expected, atol=1e-12)


def test_a_rate_without_a_case_is_unknown(rng):
    decisions, codes = decide(rng, 50, ORDINARY)
    none = Decisions(**{**vars(decisions), "truth": np.zeros(50, dtype=bool)})
    counts = count_pairs(none, codes, 2)
    columns = rate_columns(TRUE_POSITIVE_RATE, counts, LEVEL)
    assert all(np.isnan(values).all() for values in columns.values())
    draws = draw_counts(none, codes, [0, 1], 100, np.random.RandomState(0))
    gap = difference(TRUE_POSITIVE_RATE, 0, 1)
    found = paired_estimate(gap, counts.weighted, draws, LEVEL)
    assert np.isnan(found["before"])
    assert finding(found["before_low"] >= 0, found["before_high"] < 0) == "undecided"


def test_gap_of_several_groups_by_chance_is_that_of_shuffled_groups(rng):
    n_rows, chance = 900, (0.4, 0.3, 0.3, 0.0, 0.0)
    decisions, _ = decide(rng, n_rows, [chance])
    codes = np.repeat(np.arange(4), [100, 150, 250, 400])
    counts = count_pairs(decisions, codes, 4)
    mean, high = chance_gap(
        SELECTION_RATE, counts, 0, 4000, LEVEL, np.random.RandomState(0)
    )
    shuffled = []
    for _ in range(2000):
        groups = rng.permutation(codes)
        rates = np.bincount(groups, decisions.before) / np.bincount(groups)
        shuffled.append(np.ptp(rates))
    assert_allclose(mean, np.mean(shuffled), rtol=0.05)
    assert_allclose(high, np.quantile(shuffled, LEVEL), rtol=0.05)


def test_spread_leaves_out_groups_without_a_case():
    counts = np.zeros((3, 2, 2))
    counts[0, 1] = [5, 5]
    counts[1, 1] = [8, 2]
    counts[2, 0] = [9, 1]
    assert_allclose(spread(TRUE_POSITIVE_RATE)(counts), 0.3)
    assert np.isnan(spread(TRUE_POSITIVE_RATE)(counts[1:]))


def test_selection_is_tested_as_fisher_did():
    rows = np.zeros((2, 2, 2, 2), dtype=int)
    rows[0, 0, :, 0], rows[1, 0, :, 0] = [17, 3], [10, 12]
    standardized, p_value = selection_against(rows, 0, 1, 0)
    chances = hypergeom(42, 15, 20).pmf(np.arange(16))
    assert_allclose(p_value, chances[chances <= chances[3] * (1 + 1e-9)].sum())
    pooled = 15 / 42
    expected = (3 / 20 - 12 / 22) / np.sqrt(pooled * (1 - pooled))
    assert_allclose(standardized, expected)


def test_findings_need_the_whole_interval_and_enough_rows():
    assert finding(is_yes=True, is_no=False) == "yes"
    assert finding(is_yes=False, is_no=True) == "no"
    assert finding(is_yes=False, is_no=False) == "undecided"
    assert finding(is_yes=True, is_no=False, is_enough=False) == "undecided"


def test_percentile_limits_leave_out_draws_without_a_value():
    draws = np.column_stack([np.linspace(0, 1, 101), np.full(101, np.nan)])
    draws[:50, 0] = np.nan
    limits = percentile_limits(draws, 0.9)
    assert_allclose(limits[:, 0], [0.525, 0.975])
    assert np.isnan(limits[:, 1]).all()


def test_small_groups_are_drawn_only_where_all_are_small(rng):
    decisions, codes = decide(rng, 1000, ORDINARY)
    codes = np.where(np.arange(1000) < 5, 2, codes)
    settings = {"level": LEVEL, "min_ratio": 0.8, "n_boot": 50}
    groups = Feature("g", codes, ["a", "b", "c"])

    def compared(min_share):
        random_state = np.random.RandomState(0)
        comparison = compare(
            decisions,
            [groups],
            random_state=random_state,
            min_share=min_share,
            **settings,
        )
        return comparison.groups[0].compared.tolist()

    assert compared(0.02) == [0, 1]
    assert compared(0.0) == compared(0.9) == [0, 1, 2]


def test_every_measure_lies_between_nothing_and_all():
    for measure in (SELECTION_RATE, *ERRORS):
        assert np.all(measure.hits <= measure.cases)
