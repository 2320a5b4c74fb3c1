"""The tables of a report that rest on the test rows: rates, gaps, errors, changes."""

import numpy as np
import pandas as pd
from scipy.stats import norm

from ._comparison import ALL_ROWS
from ._intervals import (
    chance_gap,
    few_cases,
    paired_estimate,
    percentile_limits,
    rate_columns,
    selection_against,
    wilson_limits,
)
from ._measures import (
    ACCURACY,
    ERRORS,
    GAPS,
    SELECTION_RATE,
    change_of_size,
    overall,
    ratio,
)
from ._paired_counts import by_decision

WHEN = ("before", "after")


def selection_table(comparison):
    """Return how often each group is selected, and how that compares."""
    return pd.concat(
        [_selection_of(comparison, groups) for groups in comparison.groups],
        ignore_index=True,
    )


def _selection_of(comparison, groups):
    sizes = groups.sizes()
    columns = {
        "feature": groups.feature.name,
        "group": groups.feature.groups,
        "rows": sizes,
        "share": sizes / len(comparison.decisions),
    }
    for when, counts in zip(WHEN, by_decision(groups.counts.rows), strict=True):
        columns[f"selected_{when}"] = SELECTION_RATE.n_hits(counts).astype(int)
    rates = rate_columns(SELECTION_RATE, groups.counts, comparison.level)
    columns |= {f"rate_{name}": values for name, values in rates.items()}
    for position, when in enumerate(WHEN):
        columns |= _against_the_highest(comparison, groups, position, when)
    table = pd.DataFrame(columns)
    table["is_compared"] = np.isin(np.arange(len(table)), groups.compared)
    return table


def _against_the_highest(comparison, groups, position, when):
    """Return impact ratios and tests against the group with the highest rate."""
    ratio_name = f"impact_ratio_{when}"
    names = [ratio_name, f"{ratio_name}_low", f"{ratio_name}_high"]
    names += [f"standardized_difference_{when}", f"fisher_p_{when}"]
    values = np.full((len(names), len(groups.feature.groups)), np.nan)
    reference = groups.highest(position)
    counted = by_decision(groups.compared_counts.weighted)[position]
    drawn = by_decision(groups.draws)[position]
    for group, target in enumerate(groups.compared):
        quotient = ratio(SELECTION_RATE, group, reference)
        values[0, target] = quotient(counted)
        if group == reference:
            continue
        values[1:3, target] = percentile_limits(quotient(drawn), comparison.level)
        values[3:, target] = selection_against(
            groups.compared_counts.rows, group, reference, position
        )
    return dict(zip(names, values, strict=True))


def unknown_table(comparison):
    """Return how many rows have no known group, and how they fare."""
    rows, weight = [], _weight(comparison.decisions)
    for groups in comparison.groups:
        is_unknown = groups.feature.codes < 0
        row = {"feature": groups.feature.name, "rows": int(is_unknown.sum())}
        row["share"] = row["rows"] / len(is_unknown)
        for when in WHEN:
            decided = getattr(comparison.decisions, when)[is_unknown]
            row[f"selected_{when}"] = int(decided.sum())
            row[f"rate_{when}"] = _mean(decided, weight[is_unknown])
        rows.append(row)
    return pd.DataFrame(rows)


def _weight(decisions):
    return np.ones(len(decisions)) if decisions.weight is None else decisions.weight


def _mean(values, weight):
    return np.average(values, weights=weight) if weight.any() else np.nan


def measures_table(comparison, losses):
    """Return the measures of all rows, and the gaps of each feature.

    Parameters
    ----------
    comparison : Comparison
        What was counted.
    losses : pair of ndarray of shape (n_rows,), or None
        Log loss of each row, before and after.
    """
    rows = [_of_all_rows(comparison, measure) for measure in (ACCURACY, SELECTION_RATE)]
    if losses is not None:
        rows.append(_log_loss(comparison, *losses))
    for groups in comparison.groups:
        rows += [_gap(comparison, groups, measure) for measure in GAPS]
    return pd.DataFrame(rows)


def _of_all_rows(comparison, measure):
    everyone = comparison.everyone
    estimate = paired_estimate(
        overall(measure), everyone.counts.weighted, everyone.draws, comparison.level
    )
    return {
        "feature": ALL_ROWS,
        "measure": measure.name,
        "groups": "",
        **estimate,
        "reads": _read_change(estimate, "lower", "higher"),
    }


def _log_loss(comparison, before, after):
    """Return the row of the mean log loss, with limits of the normal distribution."""
    weight = _weight(comparison.decisions)
    row = {"feature": ALL_ROWS, "measure": "log_loss", "groups": ""}
    z = norm.ppf(0.5 + comparison.level / 2)
    for name, values in [
        ("before", before),
        ("after", after),
        ("change", after - before),
    ]:
        mean = np.average(values, weights=weight)
        error = z * np.sqrt(np.sum((weight * (values - mean)) ** 2)) / weight.sum()
        row |= {name: mean, f"{name}_low": mean - error, f"{name}_high": mean + error}
    return row | {"reads": _read_change(row, "better", "worse")}


def _gap(comparison, groups, measure):
    """Return the row of the gap in a measure."""
    label, statistic = groups.gap(measure)
    counts, level = groups.compared_counts, comparison.level
    estimate = paired_estimate(
        statistic, counts.weighted, groups.draws, level, change_of_size
    )
    row = {"feature": groups.feature.name, "measure": f"{measure.name}_gap"}
    row |= {"groups": label, **estimate, "reads": "too few rows"}
    if not few_cases(measure, counts.rows).any():
        row["reads"] = _read_change(estimate, "narrower", "wider")
    if len(groups.compared) > 2:
        for position, when in enumerate(WHEN):
            row[f"chance_{when}"], row[f"chance_{when}_high"] = chance_gap(
                measure,
                counts,
                position,
                comparison.n_boot,
                level,
                comparison.random_state,
            )
    return row


def _read_change(estimate, lower, higher):
    low, high = estimate["change_low"], estimate["change_high"]
    if low == high == 0:
        return "no change"
    return lower if high < 0 else higher if low > 0 else "no clear change"


def errors_table(comparison):
    """Return the errors of each group."""
    return pd.concat(
        [
            _errors_of(comparison, groups, measure)
            for groups in comparison.groups
            for measure in ERRORS
        ],
        ignore_index=True,
    )


def _errors_of(comparison, groups, measure):
    before, after = by_decision(groups.counts.rows)
    columns = {
        "feature": groups.feature.name,
        "measure": measure.name,
        "group": groups.feature.groups,
        "cases_before": measure.n_cases(before).astype(int),
        "cases_after": measure.n_cases(after).astype(int),
        **rate_columns(measure, groups.counts, comparison.level),
    }
    columns["change"] = columns["after"] - columns["before"]
    drawn = [measure.rate(counts) for counts in by_decision(groups.draws)]
    limits = percentile_limits(drawn[1] - drawn[0], comparison.level)
    for name, values in zip(("change_low", "change_high"), limits, strict=True):
        columns[name] = np.full(len(groups.feature.groups), np.nan)
        columns[name][groups.compared] = values
    return pd.DataFrame(columns)


def changed_table(comparison):
    """Return whose decision is another one, by group and label, in both directions."""
    decisions, rows = comparison.decisions, []
    for groups in comparison.groups:
        for position, label in [(1, decisions.favourable), (0, decisions.other)]:
            for group, counts in zip(
                groups.feature.groups, groups.counts.rows[:, position], strict=True
            ):
                row = {"feature": groups.feature.name, "group": group, "label": label}
                rows.append(row | _changes(counts, comparison.level))
    return pd.DataFrame(rows)


def _changes(counts, level):
    """Return the changes in counts of shape (2, 2), by decision before and after."""
    n_rows, n_changed = int(counts.sum()), int(counts[0, 1] + counts[1, 0])
    share = n_changed / n_rows if n_rows else np.nan
    low, high = wilson_limits(share, n_rows, level)
    return {
        "rows": n_rows,
        "no_to_yes": int(counts[0, 1]),
        "yes_to_no": int(counts[1, 0]),
        "unchanged": n_rows - n_changed,
        "share_changed": share,
        "share_changed_low": float(low),
        "share_changed_high": float(high),
    }


def base_rates(comparison, name):
    """Return the share of favourable labels in each compared group of a feature."""
    groups = comparison.of(name)
    counts = groups.compared_counts.weighted
    return pd.Series(
        counts[:, 1].sum(axis=(1, 2)) / counts.sum(axis=(1, 2, 3)),
        index=groups.compared_groups,
    )


def all_changes(comparison):
    """Return the changes among all rows."""
    return _changes(comparison.everyone.counts.rows[0].sum(axis=0), comparison.level)
