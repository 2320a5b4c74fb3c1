"""The tables of a report as a page shows them."""

from functools import partial

import numpy as np

from . import _wording as words
from ._comparison import ALL_ROWS
from ._document import Cell, Table
from ._measures import ERRORS, GAPS

WHEN = ("before", "after")

#: From here on, numbers are shown without decimals.
_LARGE = 1000


def _made(caption, table, columns, **options):
    """Return a Table of the rows of a data frame.

    Parameters
    ----------
    caption : str
        What it shows.
    table : DataFrame
        A row a row.
    columns : dict of str to callable
        Headers, and what makes a cell of a row that is a dict.
    **options : dict
        Of :class:`Table`.
    """
    rows = [
        [write(row) for write in columns.values()] for row in table.to_dict("records")
    ]
    return Table(caption, list(columns), rows, **options)


# Cells


def _text(name):
    return lambda row: str(row[name])


def _count(name):
    return lambda row: words.count(row[name])


def _value(name, form):
    return lambda row: form(row[name])


def _estimate(name, form):
    """Return what writes a value, and its interval without the unit."""
    return lambda row: _number_cell(row, name, form)


def _number_cell(row, name, form):
    value = row[name]
    if not np.isfinite(value):
        return Cell("")
    low, high = row.get(f"{name}_low", np.nan), row.get(f"{name}_high", np.nan)
    return Cell(form(value), interval=words.between(low, high, _without_unit(form)))


def _without_unit(form):
    return words.points if form is words.percent else form


_percent = partial(_estimate, form=words.percent)
_ratio = partial(words.number, digits=2)
_loss = partial(words.number, digits=3)


def _form_of(measure):
    """Return how to write the values of a measure."""
    forms = {"lowest_impact_ratio": _ratio, "log_loss": _loss}
    is_gap = measure in {f"{one.name}_gap" for one in GAPS}
    return forms.get(measure, words.points if is_gap else words.percent)


def _signed(form):
    return partial(_without_unit(form), sign=True)


# Tables


def verdicts(table, caption):
    """Return the summary."""
    columns = {
        "Measure": _name_of_measure,
        "Before": lambda row: _number_cell(row, "before", _form_of(row["measure"])),
        "After": lambda row: _number_cell(row, "after", _form_of(row["measure"])),
        "Change": _change,
        "Finding": _finding,
    }
    return _made(caption, table, columns, last_is_text=True)


def _name_of_measure(row):
    by = "" if row["feature"] == ALL_ROWS else f" by {row['feature']}"
    groups = f" ({row['groups']})" if row["groups"] else ""
    return f"{words.capital(words.readable(row['measure']))}{by}{groups}"


def _change(row):
    return _number_cell(row, "change", _signed(_form_of(row["measure"])))


def _finding(row):
    detail = f"{words.capital(row['detail'])}." if row["detail"] else ""
    question = f"{words.capital(row['question'])}:" if row["question"] else ""
    return Cell(" ".join(filter(None, [detail, question])), row["finding"])


def rates(table, feature):
    """Return how often the groups of a feature are selected."""
    columns = {
        words.capital(feature): _name_of_group,
        "Rows": _count("rows"),
        "Share": _value("share", words.percent),
        "Selected before": _count("selected_before"),
        "Selected after": _count("selected_after"),
        "Rate before": _percent("rate_before"),
        "Rate after": _percent("rate_after"),
    }
    return _made(f"Decisions by {feature}", table, columns)


def _name_of_group(row):
    return row["group"] if row["is_compared"] else f"{row['group']} †"


def against_the_highest(table, feature):
    """Return impact ratios and tests of the groups that are compared."""
    columns = {words.capital(feature): _text("group")}
    for when in WHEN:
        difference = f"standardized_difference_{when}"
        columns |= {
            f"Impact ratio {when}": _estimate(f"impact_ratio_{when}", _ratio),
            f"Standardized difference {when}": _value(difference, _ratio),
            f"p {when}": _value(f"fisher_p_{when}", words.p_value),
        }
    caption = f"Selection by {feature}, against the group with the highest rate"
    return _made(caption, table[table["is_compared"]], columns)


def unknown(table):
    """Return how rows of unknown group fare."""
    columns = {
        "Feature": lambda row: words.capital(row["feature"]),
        "Rows": _count("rows"),
        "Share": _value("share", words.percent),
        "Selected before": _count("selected_before"),
        "Selected after": _count("selected_after"),
        "Rate before": _value("rate_before", words.percent),
        "Rate after": _value("rate_after", words.percent),
    }
    return _made("Rows of unknown group", table, columns)


def measures(table):
    """Return the measures of all rows."""
    columns = {
        "Measure": lambda row: words.capital(words.readable(row["measure"])),
        "Before": lambda row: _number_cell(row, "before", _form_of(row["measure"])),
        "After": lambda row: _number_cell(row, "after", _form_of(row["measure"])),
        "Change": _change,
        "Reads": _text("reads"),
    }
    return _made("Measures of all rows", table, columns, last_is_text=True)


def gaps(table, feature):
    """Return the gaps of a feature, of several groups beside those by chance."""
    columns = {
        "Measure": lambda row: words.capital(words.readable(row["measure"])),
        "Before": _estimate("before", words.points),
        "After": _estimate("after", words.points),
        "Change": _estimate("change", _signed(words.points)),
    }
    if "chance_after" in table and table["chance_after"].notna().any():
        columns["By chance after"] = _by_chance
    columns["Reads"] = _text("reads")
    groups = table["groups"].iloc[0]
    caption = f"Gaps by {feature}, {groups}, in percentage points"
    return _made(caption, table, columns, last_is_text=True)


def _by_chance(row):
    mean, high = row["chance_after"], row["chance_after_high"]
    return f"{words.points(mean)}, up to {words.points(high)}"


def errors(table, feature):
    """Return the errors of a feature's groups, a row a group."""
    wide = table.pivot(index="group", columns="measure")
    wide.columns = [f"{measure}_{name}" for name, measure in wide.columns]
    wide = wide.loc[table["group"].unique()].reset_index()
    columns = {words.capital(feature): _text("group")}
    for measure in ERRORS:
        for when in WHEN:
            header = f"{words.capital(measure.text)} {when}"
            columns[header] = _percent(f"{measure.name}_{when}")
    return _made(f"Errors by {feature}", wide, columns)


def changed(table, feature):
    """Return whose decision changed."""
    columns = {
        words.capital(feature): _text("group"),
        "Label": _text("label"),
        "Rows": _count("rows"),
        "No → yes": _count("no_to_yes"),
        "Yes → no": _count("yes_to_no"),
        "Unchanged": _count("unchanged"),
        "Share changed": _percent("share_changed"),
    }
    caption = f"Test rows by {feature}, recorded label and change of decision"
    return _made(caption, table, columns, n_texts=2)


def guesses(table, feature):
    """Return what became of rows by the group that they look like."""
    columns = {
        words.capital(feature): _text("group"),
        "Looks like": _text("looks_like"),
        "Rows": _count("rows"),
        "No → yes": _count("no_to_yes"),
        "Yes → no": _count("yes_to_no"),
        "Rate before": _value("rate_before", words.percent),
        "Rate after": _value("rate_after", words.percent),
    }
    caption = (
        f"Decisions by {feature} and by the group that a model of its own guesses from "
        "the columns that the classifier sees"
    )
    return _made(caption, table, columns, n_texts=2)


def weights(table):
    """Return the new weights of the training rows."""
    columns = {
        "Label": _text("label"),
        "Group": _text("group"),
        "Rows": _count("rows"),
        "Mean weight": _value("mean", _ratio),
        "Lowest": _value("lowest", _ratio),
        "Highest": _value("highest", _ratio),
        "Lowered": _value("share_lowered", words.percent),
        "Below 0.5": _value("share_below_half", words.percent),
        "Left out": _count("left_out"),
    }
    return _made("New weights of the training rows", table, columns, n_texts=2)


def checks(table):
    """Return how the correction went by its own account."""
    columns = {
        "Check": _text("check"),
        "Before": _value("before", _plain),
        "Asked": _value("asked", _plain),
        "Predicted": _value("predicted", _plain),
        "Value": _value("value", _plain),
        "Reads": _text("reads"),
    }
    caption = "Checks of the method, by its own account"
    return _made(caption, table, columns, last_is_text=True)


def _plain(value):
    if not np.isfinite(value):
        return ""
    is_whole = value == int(value) or abs(value) >= _LARGE
    return words.count(round(value)) if is_whole else words.number(value, 4)


def provenance(table):
    """Return from what and with what a report was made."""
    columns = {
        "Item": lambda row: words.capital(row["item"]),
        "Value": _text("value"),
    }
    return _made("What the numbers rest on", table, columns, n_texts=2)
