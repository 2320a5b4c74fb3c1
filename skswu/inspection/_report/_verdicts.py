"""The summary: what was asked of a correction, and whether the test rows say so."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from . import _wording as words
from ._comparison import ALL_ROWS
from ._intervals import (
    FEW_CASES,
    few_cases,
    finding,
    paired_estimate,
    percentile_limits,
)
from ._measures import GAPS, SELECTION_RATE, ratio
from ._paired_counts import by_decision
from ._tables import all_changes


@dataclass(frozen=True)
class Aim:
    """What a correction was for.

    Attributes
    ----------
    feature : str
        The feature whose groups the summary compares.
    measures : tuple of Measure
        Whose gap was to be closed; empty for what no test row shows.
    asked : float or None
        Share of the gap to remove.
    objective : str
        Name of the objective; empty where two classifiers are compared.
    """

    feature: str
    measures: tuple
    asked: float | None
    objective: str = ""

    @property
    def main(self):
        """The measures that the summary begins with."""
        return self.measures or (SELECTION_RATE,)


def verdicts_table(comparison, tables, aim):
    """Return the summary's lines, each with a finding that may be undecided."""
    measures = tables["measures"].set_index(["feature", "measure"])
    rows = []
    for measure in aim.main:
        rows.append(_main_gap(measures, aim, measure))
        if aim.asked is not None and aim.measures:
            rows.append(_removed_share(comparison, aim, measure))
    rows.append(_accuracy(measures))
    rows += [
        _other_gap(measures, aim, measure)
        for measure in GAPS
        if measure not in aim.main
    ]
    rows.append(_favourable_decisions(measures))
    rows += [_lowest_ratio(comparison, tables, group) for group in comparison.groups]
    rows.append(_changed_decisions(comparison))
    return pd.DataFrame(rows)


def question_of(row):
    """Return what identifies the finding of a line of the verdicts."""
    by = "" if row["feature"] == ALL_ROWS else f" by {row['feature']}"
    return f"{words.readable(row['measure'])}{by}: {row['question']}"


def _line(row, question, answer, detail, **others):
    """Return a line of the summary from a line of the measures."""
    kept = ["before", "before_low", "before_high", "after", "after_low"]
    kept += ["after_high", "change", "change_low", "change_high"]
    line = {"groups": row.get("groups", "")}
    line |= {name: row.get(name, np.nan) for name in kept}
    return others | line | {"question": question, "finding": answer, "detail": detail}


def _main_gap(measures, aim, measure):
    name = f"{measure.name}_gap"
    row = measures.loc[(aim.feature, name)]
    answer = finding(
        row["change_high"] < 0, row["change_low"] >= 0, row["reads"] != "too few rows"
    )
    return _line(
        row,
        "narrower than before",
        answer,
        _direction(row),
        feature=aim.feature,
        measure=name,
    )


def _other_gap(measures, aim, measure):
    name = f"{measure.name}_gap"
    row = measures.loc[(aim.feature, name)]
    answer = finding(
        row["change_high"] <= 0, row["change_low"] > 0, row["reads"] != "too few rows"
    )
    return _line(
        row,
        "no wider than before",
        answer,
        _direction(row),
        feature=aim.feature,
        measure=name,
    )


def _direction(row):
    """Return what to say of a gap that changed sides, or may be due to chance."""
    if np.isfinite(row.get("chance_after", np.nan)):
        return (
            f"by chance alone it would be {words.points(row.chance_after)} on average, "
            f"up to {words.points(row.chance_after_high)}"
        )
    if row["before"] * row["after"] < 0 and row["after_low"] * row["after_high"] > 0:
        higher = row["groups"].split(words.BETWEEN)[int(row["after"] < 0)]
        return f"now higher for {higher}"
    return ""


def _removed_share(comparison, aim, measure):
    """Return how much of a gap is gone, beside how much was asked for."""
    groups = comparison.of(aim.feature)
    label, gap = groups.gap(measure)
    counts, level = groups.compared_counts, comparison.level

    def removed(before, after):
        share = np.full(np.shape(before), np.nan)
        return np.divide(before - after, before, out=share, where=before != 0)

    share = paired_estimate(gap, counts.weighted, groups.draws, level, removed)
    asked, low, high = aim.asked, share["change_low"], share["change_high"]
    is_clear = share["before_low"] * share["before_high"] > 0
    is_enough = is_clear and not few_cases(measure, counts.rows).any()
    row = {"groups": label, "after": share["change"]}
    row |= {"after_low": low, "after_high": high}
    return _line(
        row,
        f"at least the asked {words.chosen_percent(asked)}",
        finding(low >= asked, high < asked, is_enough),
        "" if is_clear else "the gap before is not clear enough to divide by",
        feature=aim.feature,
        measure=f"removed_share_of_{measure.name}_gap",
    )


def _accuracy(measures):
    row = measures.loc[(ALL_ROWS, "accuracy")]
    errors = words.number(1000 * abs(row["change"]), 0)
    more = "more" if row["change"] < 0 else "fewer"
    return _line(
        row,
        "at least as high as before",
        finding(row["change_low"] >= 0, row["change_high"] < 0),
        f"{errors} {more} errors in 1,000 decisions" if row["change"] else "",
        feature=ALL_ROWS,
        measure="accuracy",
    )


def _favourable_decisions(measures):
    row = measures.loc[(ALL_ROWS, "selection_rate")]
    return _line(
        row,
        "at least as high as before",
        finding(row["change_low"] >= 0, row["change_high"] < 0),
        "",
        feature=ALL_ROWS,
        measure="share_of_favourable_decisions",
    )


def _lowest_ratio(comparison, tables, groups):
    """Return the lowest impact ratio of a feature's groups."""
    table = tables["selection"]
    table = table[(table["feature"] == groups.feature.name) & table["is_compared"]]
    row, names, bound = {}, {}, comparison.min_ratio
    for when in ("before", "after"):
        column = f"impact_ratio_{when}"
        lowest = table.loc[table[column].fillna(np.inf).idxmin()]
        names[when] = lowest["group"]
        row[when] = lowest[column]
        row |= {f"{when}_{end}": lowest[f"{column}_{end}"] for end in ("low", "high")}
    row |= _change_of_lowest(comparison, groups, names)
    is_enough = bool((table["rows"] >= FEW_CASES).all())
    low, high = (table[f"impact_ratio_after_{end}"] for end in ("low", "high"))
    others = table.index != table["impact_ratio_after"].fillna(-np.inf).idxmax()
    is_met = (low >= bound) & (high <= 1 / bound if bound else True)
    highest = table.loc[~others, "group"].iloc[0]
    return _line(
        row,
        f"at least {words.number(bound, 2)} in every group",
        finding(bool(is_met[others].all()), bool((high < bound).any()), is_enough),
        f"{names['after']}, against {highest}",
        feature=groups.feature.name,
        measure="lowest_impact_ratio",
    )


def _change_of_lowest(comparison, groups, names):
    """Return the change from the lowest ratio before to the lowest one after."""
    lowest = [groups.compared_groups.index(names[when]) for when in names]
    before, after = (
        ratio(SELECTION_RATE, group, groups.highest(position))
        for position, group in enumerate(lowest)
    )

    def change(counts):
        old, new = by_decision(counts)
        return after(new) - before(old)

    low, high = percentile_limits(change(groups.draws), comparison.level)
    value = change(groups.compared_counts.weighted)
    return {
        "change": float(value),
        "change_low": float(low),
        "change_high": float(high),
    }


def _changed_decisions(comparison):
    changes = all_changes(comparison)
    n_changed = changes["no_to_yes"] + changes["yes_to_no"]
    row = {"groups": "", "after": changes["share_changed"]}
    row |= {f"after_{end}": changes[f"share_changed_{end}"] for end in ("low", "high")}
    return _line(
        row,
        "",
        "",
        f"{words.count(n_changed)} of {words.plural(changes['rows'], 'row')}: "
        f"{words.count(changes['no_to_yes'])} from no to yes, "
        f"{words.count(changes['yes_to_no'])} from yes to no",
        feature=ALL_ROWS,
        measure="changed_decisions",
    )
