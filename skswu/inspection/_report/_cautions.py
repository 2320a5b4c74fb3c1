"""What a reader must know before relying on a report, made from what was met."""

import numpy as np

from . import _wording as words
from ._intervals import FEW_CASES, NO, UNDECIDED
from ._measures import ERRORS, SELECTION_RATE

_FOUR_FIFTHS = 0.8
_FAR_FROM_A_REFIT = 0.25
_WORTH_A_SHARE = 0.001


def cautions(tables, setting):
    """Return the cautions as sentences.

    Parameters
    ----------
    tables : dict of str to DataFrame
        Of the report.
    setting : Setting
        Of the report.
    """
    groups_of_cautions = [
        _repeated_rows(setting),
        _other_gaps(tables, setting),
        _strata(setting),
        _who_is_selected(setting),
        _levelling_down(tables, setting),
        _implicit_guess(tables, setting),
        _unclear_before(tables, setting),
        _labels(setting),
        _small_groups(tables, setting),
        _few_cases(tables),
        _unknown_groups(tables),
        _chance(tables, setting),
        _weights(setting),
        _method(tables, setting),
        _intervals(tables, setting),
        _rule_of_thumb(tables, setting),
    ]
    return [caution for cautions in groups_of_cautions for caution in cautions]


def _gap_rows(tables, setting, measures):
    """Return the lines of the summary's feature in the measures, by name."""
    table = tables["measures"]
    table = table[table["feature"] == setting.aim.feature].set_index("measure")
    return [(measure, table.loc[f"{measure.name}_gap"]) for measure in measures]


def _repeated_rows(setting):
    if setting.n_repeated is None:
        yield (
            "Whether test rows took part in the training was not checked; the report "
            "can only check it when it is given the training rows."
        )
    elif setting.n_repeated:
        share = setting.n_repeated / setting.n_rows
        share = f" ({words.percent(share)})" if share >= _WORTH_A_SHARE else ""
        verb = "equals" if setting.n_repeated == 1 else "equal"
        yield (
            f"{words.plural(setting.n_repeated, 'test row')} of "
            f"{words.count(setting.n_rows)}{share} {verb} a training row in all "
            "columns and the label. They may be the same cases or others with the same "
            "entries; of the same cases, all numbers here are too favourable."
        )


def _other_gaps(tables, setting):
    others = [measure for measure in ERRORS if measure not in setting.aim.main]
    rows = _gap_rows(tables, setting, others)
    wider = [
        f"{measure.text} (from {words.points(abs(row.before))} to "
        f"{words.points(abs(row.after))} percentage points)"
        for measure, row in rows
        if row["reads"] == "wider"
    ]
    if wider:
        yield (
            f"Other gaps by {setting.aim.feature} are wider than before: "
            f"{words.listing(wider)}. Closing one gap does not close the others, and "
            "where groups differ in their labels not all can be closed at once."
        )
    if not setting.aim.measures and setting.is_correction:
        yield (
            f"The correction was for {setting.aim.objective}, which is none of the "
            "gaps here: they were not its aim."
        )


def _strata(setting):
    if setting.strata:
        yield (
            "The correction compared groups within strata alone: "
            f"{words.shortened(setting.strata)}. The gaps here are among all rows, and "
            "what differs between strata is part of them."
        )


def _who_is_selected(setting):
    if SELECTION_RATE in setting.aim.measures:
        yield (
            "Equal selection rates say nothing of who in a group is selected: read the "
            "errors by group and the changed decisions as well."
        )


def _levelling_down(tables, setting):
    table = tables["selection"]
    table = table[(table["feature"] == setting.aim.feature) & table["is_compared"]]
    before, after = table["rate_before"], table["rate_after"]
    highest, lowest = before.idxmax(), before.idxmin()
    fall, rise = before[highest] - after[highest], after[lowest] - before[lowest]
    gaps = tables["measures"].set_index(["feature", "measure"])["reads"]
    is_narrower = gaps[setting.aim.feature, "selection_rate_gap"] == "narrower"
    if is_narrower and fall > max(rise, 0):
        yield (
            f"The gap in selection rate closed more by taking than by giving: "
            f"{table['group'][highest]} went from {words.percent(before[highest])} to "
            f"{words.percent(after[highest])}, {table['group'][lowest]} from "
            f"{words.percent(before[lowest])} to {words.percent(after[lowest])}."
        )


def _implicit_guess(tables, setting):
    if SELECTION_RATE not in setting.aim.measures:
        return
    if setting.guess_correlation is None:
        yield (
            "The corrected classifier does not see the group, but may guess it from "
            "columns that go with it. How far it does was not measured: that needs "
            "scores of both classifiers, rows that are a table, and enough of them."
        )
        return
    yield (
        "How far the change of the scores is a guess of the group: its correlation "
        f"with the logit of {setting.aim.feature}, predicted from the columns that the "
        f"classifier sees, is {words.number(setting.guess_correlation, 2)}, where 0 "
        "is not at all and 1 entirely. " + _fates(tables["implicit_guess"])
    )


def _fates(table):
    """Return what became of the rows that look like another group."""
    wrong = table[table["group"] != table["looks_like"]]
    texts = [
        f"{row.group} who look like {row.looks_like} ({words.plural(row.rows, 'row')}) "
        f"went from {words.percent(row.rate_before)} to "
        f"{words.percent(row.rate_after)}"
        for row in wrong.nlargest(3, "rows").itertuples()
    ]
    if not texts:
        return "These columns tell the group of every row."
    return f"What became of those whom the guess gets wrong: {words.listing(texts)}."


def _unclear_before(tables, setting):
    for measure, row in _gap_rows(tables, setting, setting.aim.main):
        is_zero_inside = row["before_low"] * row["before_high"] <= 0
        if is_zero_inside or row["before"] <= row.get("chance_before_high", -np.inf):
            yield (
                f"The test rows show no clear gap in {measure.text} before the "
                "correction: one of that size may be due to chance."
            )


def _labels(setting):
    text = (
        "Accuracy and errors take the recorded labels for the truth. Where the labels "
        "carry a bias, so do they."
    )
    rates = sorted(setting.base_rates.items(), key=lambda item: -item[1])
    if len(rates) > 1 and rates[0][1] > rates[-1][1]:
        (highest, top), (lowest, bottom) = rates[0], rates[-1]
        text += (
            f" The label {setting.favourable} is recorded for {words.percent(top)} of "
            f"{highest} and {words.percent(bottom)} of {lowest}."
        )
    yield text


def _small_groups(tables, setting):
    table = tables["selection"]
    small = table[~table["is_compared"]]
    if len(small):
        names = [
            f"{row.group} ({words.plural(row.rows, 'row')})"
            for row in small.drop_duplicates("group").itertuples()
        ]
        yield (
            f"Groups under {words.chosen_percent(setting.min_share)} of the rows are "
            f"counted, but compared with none: {words.shortened(names)}. Read their "
            "counts."
        )


def _few_cases(tables):
    table = tables["measures"]
    few = table.loc[table["reads"] == "too few rows"]
    if len(few):
        names = [
            f"{words.readable(row.measure)} by {row.feature}"
            for row in few.itertuples()
        ]
        yield (
            f"Some groups have fewer than {FEW_CASES} rows to measure "
            f"{words.shortened(names)}; such a gap decides nothing."
        )


def _unknown_groups(tables):
    table = tables["unknown"]
    for row in table[table["rows"] > 0].itertuples():
        yield (
            f"By {row.feature}, the group of {words.plural(row.rows, 'row')} "
            f"({words.percent(row.share)}) is unknown; they count in the measures of "
            "all rows and in no group."
        )


def _chance(tables, setting):
    table = tables["measures"]
    if "chance_after" not in table:
        return
    rows = table[
        (table["measure"] == "selection_rate_gap") & table["chance_after"].notna()
    ]
    for row in rows.itertuples():
        yield (
            f"Of several groups the highest and the lowest differ by chance alone. By "
            f"{row.feature}, {row.groups.split(' of ')[1]} with equal selection rates "
            f"would show {words.points(row.chance_after)} percentage points on "
            f"average and in {setting.percent} of samples up to "
            f"{words.points(row.chance_after_high)}; found were "
            f"{words.points(row.after)}."
        )


def _weights(setting):
    if setting.is_weighted:
        yield (
            "Rates, gaps and their intervals are weighted by the sample weights; "
            "numbers of rows, shares of changed decisions and Fisher's test are not."
        )


def _method(tables, setting):
    if setting.warnings:
        yield (
            f"The correction met {words.plural(len(setting.warnings), 'warning')}; "
            "they are listed under “How it was done”."
        )
    checks = tables["checks"]
    refit = checks.loc[checks["check"].str.contains("stationarity_"), "value"]
    if len(refit) and refit.iloc[0] > _FAR_FROM_A_REFIT:
        yield (
            "The corrected parameters are not those of a refit under the new weights "
            f"(stationarity {words.number(refit.iloc[0], 2)}; 0 is exact): the "
            "weights explain the corrected classifier in part only."
        )


def _intervals(tables, setting):
    found = tables["verdicts"]["finding"]
    asked = int((found != "").sum())
    text = (
        "Intervals speak of the sampling of these test rows alone. They do not cover "
        "other times, places or populations, nor the training data."
    )
    if undecided := int((found == UNDECIDED).sum()):
        text += f" They leave {undecided} of {asked} questions undecided."
    expected = words.number(asked * (1 - setting.level), 1)
    yield (
        f"{text} Of {asked} intervals at {setting.percent}, about {expected} miss by "
        "chance."
    )


def _rule_of_thumb(tables, setting):
    table = tables["verdicts"]
    table = table[table["measure"] == "lowest_impact_ratio"]
    missed = table.loc[table["finding"] == NO, "feature"]
    if len(missed):
        yield (
            f"The lowest impact ratio by {words.listing(missed)} is below "
            f"{words.number(setting.min_ratio, 2)}, also after the correction."
        )
    if np.isclose(setting.min_ratio, _FOUR_FIFTHS):
        yield (
            "Four fifths is a rule of thumb of guidelines on employment in the United "
            "States. To meet it proves no lawfulness, to miss it no breach of law."
        )
