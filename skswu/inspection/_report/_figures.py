"""The figures of a report, as SVG with their numbers as text."""

import io
import re
import textwrap
from html import escape
from unicodedata import east_asian_width

import numpy as np

from . import _wording as words

MISSING = (
    "Figures need matplotlib, which comes with the extra “plot”; the table has "
    "their numbers."
)
_MAX_GROUPS = 20
_NAME_WIDTH = 24
_LINE_HEIGHT = 12
_STYLE = {
    "axes.spines.top": False,
    "axes.spines.right": False,
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 10,
    # Text stays text, for readers as well as for size.
    "svg.fonttype": "none",
    "svg.hashsalt": "skswu",
    "hatch.linewidth": 0.6,
}


def selection_figure(table):
    """Return the SVG of the selection rates, and its numbers as a sentence.

    Parameters
    ----------
    table : DataFrame
        The rows of one feature in the table of the selection.
    """
    label = "Selection rates. " + "; ".join(
        f"{row.group}: {words.percent(row.rate_before)} before, "
        f"{words.percent(row.rate_after)} after"
        for row in table.itertuples()
    )
    return _svg(_draw_selection, table.nlargest(_MAX_GROUPS, "rows"), label), label


def changed_figure(table):
    """Return the SVG of the changed decisions, and its numbers as a sentence.

    Parameters
    ----------
    table : DataFrame
        The rows of one feature in the table of the changed decisions.
    """
    label = "Numbers of changed decisions. " + "; ".join(
        f"{row.group}, label {row.label}: {words.count(row.no_to_yes)} from no to yes, "
        f"{words.count(row.yes_to_no)} from yes to no"
        for row in table.itertuples()
    )
    return _svg(_draw_changed, table.nlargest(_MAX_GROUPS, "rows"), label), label


def _svg(draw, table, label):
    """Return a drawing of a table as SVG; None where matplotlib is missing."""
    try:
        from matplotlib import rc_context
        from matplotlib.figure import Figure
    except ImportError:
        return None
    with rc_context(_STYLE):
        figure = Figure(figsize=(7.4, 1.1 + 0.55 * len(table)), layout="constrained")
        names = draw(figure.subplots(), table.sort_index())
        file = io.StringIO()
        metadata = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        figure.savefig(file, format="svg", metadata=metadata)
    svg = _embedded(file.getvalue(), label, draw.__name__.strip("_"))
    for stand_in, name in names.items():
        svg = svg.replace(stand_in, escape(name))
    return svg


def _embedded(svg, label, prefix):
    """Return SVG as a part of a page: named, without names that others may have."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r"<!--.*?-->\s*", "", svg, flags=re.DOTALL)
    svg = re.sub(r'\s*xmlns(:xlink)?="[^"]*"', "", svg)
    svg = svg.replace("xlink:href", "href")
    svg = re.sub(r'(id="|url\(#|href="#)', rf"\g<1>{prefix}-", svg)
    svg = re.sub(
        r"font: ([\d.]+px) [^;\"]*", r"font-size: \1; font-family: inherit", svg
    )
    return svg.replace("<svg ", f'<svg role="img" aria-label="{escape(label)}" ', 1)


def _draw_selection(ax, table):
    for position, row in enumerate(table.itertuples()):
        for when, shift, marker, face in [
            ("before", -0.17, "o", "white"),
            ("after", 0.17, "D", "black"),
        ]:
            low, high = (getattr(row, f"rate_{when}_{end}") for end in ("low", "high"))
            rate, height = getattr(row, f"rate_{when}"), position + shift
            ax.plot([low, high], [height, height], color="black", linewidth=1.3)
            ax.plot(rate, height, marker, color="black", markerfacecolor=face)
            _write(ax, f"{when} {words.percent(rate)}", high, height)
    highest = np.nanmax(table[["rate_before_high", "rate_after_high"]].to_numpy())
    ax.set_xlim(0, 1.28 * highest)
    ax.xaxis.set_major_formatter(lambda value, _: f"{100 * value:.3g} %")
    ax.set_xlabel("selection rate; lines are intervals")
    return _name_rows(ax, table, [f"{words.count(n)} rows" for n in table["rows"]])


def _draw_changed(ax, table):
    positions = np.arange(len(table))
    ax.barh(
        positions, table["no_to_yes"], color="white", edgecolor="black", hatch="///"
    )
    ax.barh(positions, -table["yes_to_no"], color="0.6", edgecolor="black")
    for position, row in enumerate(table.itertuples()):
        _write(ax, f"{words.count(row.no_to_yes)} no → yes", row.no_to_yes, position)
        text = f"{words.count(row.yes_to_no)} yes → no"
        _write(ax, text, -row.yes_to_no, position, side=-1)
    largest = max(table[["no_to_yes", "yes_to_no"]].to_numpy().max(), 1)
    ax.set_xlim(-1.7 * largest, 1.7 * largest)
    ax.axvline(0, color="black", linewidth=1)
    ax.xaxis.set_major_formatter(lambda value, _: words.count(abs(value)))
    ax.xaxis.get_major_locator().set_params(integer=True)
    ax.set_xlabel("test rows")
    return _name_rows(ax, table, [f"label {label}" for label in table["label"]])


def _write(ax, text, x, y, side=1):
    """Write words beside a mark."""
    ax.annotate(
        text,
        (x, y),
        (5 * side, 0),
        textcoords="offset points",
        verticalalignment="center",
        horizontalalignment="left" if side > 0 else "right",
        fontsize=9,
    )


def _name_rows(ax, table, below):
    """Name the rows by their groups, over another line.

    What is drawn are stand-ins as long as the names, returned with what they stand for:
    matplotlib would read mathematics into names, and warn of letters that its font
    lacks and a browser's has.
    """
    names = {}
    for position, (group, text) in enumerate(zip(table["group"], below, strict=True)):
        lines = [*textwrap.wrap(group, _NAME_WIDTH, max_lines=2), text]
        for number, line in enumerate(lines):
            stand_in = _stand_in(len(names), line)
            names[stand_in] = line
            height = _LINE_HEIGHT * ((len(lines) - 1) / 2 - number)
            _name(ax, stand_in, position, height)
    ax.set_yticks(range(len(table)), [])
    ax.set_ylim(len(table) - 0.5, -0.5)
    ax.tick_params(axis="y", length=0)
    ax.grid(axis="x", color="0.85", linewidth=0.7)
    ax.set_axisbelow(True)
    return names


def _name(ax, text, y, height):
    """Write a line to the left of the axes; lines of their own stay aligned."""
    ax.annotate(
        text,
        (0, y),
        (-4, height),
        xycoords=ax.get_yaxis_transform(),
        textcoords="offset points",
        verticalalignment="center",
        horizontalalignment="right",
    )


def _stand_in(position, text):
    """Return a text that is nowhere else in the figure, about as wide as another."""
    width = sum(2 if east_asian_width(letter) in "FW" else 1 for letter in text)
    return f"[{position}]".ljust(width, "n")
