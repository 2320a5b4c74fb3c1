"""Numbers and lists as readers take them."""

import numpy as np

NONE = "\N{EN DASH}"
MINUS = "\N{MINUS SIGN}"
SPACE = "\N{NO-BREAK SPACE}"

#: Between the names of two groups that are compared.
BETWEEN = f" {MINUS} "


def number(value, digits=3, sign=False):
    """Return a number with a true minus sign; a dash where there is none."""
    if value is None or not np.isfinite(value):
        return NONE
    # Adding 0 to what is rounded makes a plain zero of one that is negative.
    value = round(float(value), digits) + 0.0
    text = f"{value:+.{digits}f}" if sign and value else f"{value:.{digits}f}"
    return text.replace("-", MINUS)


def count(value):
    """Return a whole number with its thousands apart."""
    return f"{int(value):,}"


def percent(value):
    """Return a share in per cent."""
    text = number(None if value is None else 100 * value, 1)
    return text if text == NONE else f"{text}{SPACE}%"


def chosen_percent(value):
    """Return a share that somebody chose in per cent, without zeros at its end."""
    return f"{100 * value:.4g} %"


def points(value, sign=False):
    """Return a difference of shares in percentage points, without the unit."""
    return number(None if value is None else 100 * value, 1, sign)


def p_value(value):
    """Return a p value, tiny ones as a bound."""
    if value is None or not np.isfinite(value):
        return NONE
    return f"<{SPACE}0.0001" if value < 1e-4 else f"{value:.4f}"


def between(low, high, form):
    """Return an interval; empty where there is none."""
    if low is None or not np.isfinite(low) or not np.isfinite(high):
        return ""
    return f"{form(low)} to {form(high)}"


def listing(items):
    """Return "a, b and c"."""
    items = [str(item) for item in items]
    if len(items) < 2:
        return "".join(items)
    return f"{_separator(items).join(items[:-1])} and {items[-1]}"


def _separator(items):
    """Return a comma, or what cannot be taken for those within the items."""
    return "; " if any("," in item for item in items) else ", "


def shortened(items, limit=8):
    """Return a listing of the first items, and how many more there are."""
    items = [str(item) for item in items]
    if len(items) <= limit:
        return listing(items)
    shown = _separator(items).join(items[:limit])
    return f"{shown} and {len(items) - limit} more"


def plural(n, noun):
    """Return a count with its noun."""
    return f"{count(n)} {noun}" + ("" if n == 1 else "s")


def readable(name):
    """Return the name of a measure as words."""
    if name.startswith("removed_share_of_"):
        return (
            f"removed share of the {readable(name.removeprefix('removed_share_of_'))}"
        )
    if name.endswith("_gap"):
        return f"gap in {readable(name.removesuffix('_gap'))}"
    return name.replace("_", " ")


def recorded(key):
    """Return the key of what a correction recorded as words."""
    text = key.replace("_", " ")
    return text.replace("n ", "number of ", 1) if text.startswith("n ") else text


def capital(text):
    """Return a text with its first letter in upper case."""
    return text[:1].upper() + text[1:]
