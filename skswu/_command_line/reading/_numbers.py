"""Numbers as people and spreadsheets write them."""

import re
from dataclasses import dataclass

import numpy as np

CURRENCIES = "$€£¥₹₩₽₪₺"
_SPACES = " \u00a0\u202f'\u2019"
_MINUS = "\u2212"
_COMMA_TO_POINT = str.maketrans({",": ".", ".": "|"})
_ZERO_IN_FRONT = re.compile(r"\0[+-]?0\d")


@dataclass(frozen=True)
class Numbers:
    """The numbers that texts stand for.

    Parameters
    ----------
    values : ndarray of float of shape (n_texts,)
        NaN where a text is no number. A percentage keeps its number.
    units : ndarray of str of shape (n_texts,)
        The sign beside the number, if any.
    is_plain : bool
        Whether all are written as programs write numbers.
    """

    values: np.ndarray
    units: np.ndarray
    is_plain: bool


def read_numbers(texts, decimal):
    """Return the Numbers of texts.

    Digits may be grouped by threes, by a space, an apostrophe or whichever of comma and
    point is not the decimal one; a sign of currency or of percent may stand beside.

    Parameters
    ----------
    texts : ndarray of str of shape (n_texts,)
        Without spaces around them.
    decimal : {".", ","}
        What stands before decimals.

    Examples
    --------
    >>> import numpy as np
    >>> numbers = read_numbers(np.array(["1,234.5", "$7", "?"], dtype=object), ".")
    >>> numbers.values
    array([1234.5,    7. ,    nan])
    >>> numbers.units.tolist()
    ['', '$', '']
    """
    if decimal == ",":
        # What has a point in it is not written as programs write numbers.
        plain = np.array([text.translate(_COMMA_TO_POINT) for text in texts], object)
    else:
        plain = texts
    try:
        values = plain.astype(np.float64)
    except ValueError:
        return _read_written(texts, decimal)
    return Numbers(values, np.full(len(texts), "", dtype=object), True)


def _read_written(texts, decimal):
    match = _PATTERNS[decimal].match
    found = [match(text) for text in texts]
    units = [f"{m['before']}{m['after']}" if m else "" for m in found]
    plain = [float(_plain(m)) if m else np.nan for m in found]
    return Numbers(np.array(plain), np.array(units, dtype=object), False)


def _plain(match):
    """Return the number that was found, as programs write it."""
    whole = re.sub(r"\D", "", match["whole"])
    fraction = match["fraction"].replace(",", ".")
    sign = (match["sign"] or match["after_sign"]).replace(_MINUS, "-")
    return f"{sign}{whole}{fraction}{match['exponent']}"


def _pattern(decimal):
    group = _SPACES + ("," if decimal == "." else ".")
    gap = f"[{_SPACES}]*"
    return re.compile(
        rf"(?=[^eE]*\d)(?P<sign>[-+{_MINUS}]?){gap}(?P<before>[{CURRENCIES}]?){gap}"
        rf"(?P<after_sign>(?:(?<=[{CURRENCIES} ])-)?)"
        rf"(?P<whole>[1-9]\d{{0,2}}(?P<group>[{group}])\d{{3}}(?:(?P=group)\d{{3}})*"
        rf"|\d*)(?P<fraction>(?:[{decimal}]\d*)?)"
        rf"(?P<exponent>(?:[eE][-+]?\d+)?){gap}(?P<after>[%{CURRENCIES}]?)$",
        re.ASCII,
    )


_PATTERNS = {decimal: _pattern(decimal) for decimal in (".", ",")}


def is_code(texts):
    """Tell whether a text begins with a zero that a number would lose."""
    return _ZERO_IN_FRONT.search("\0".join(["", *map(str, texts)])) is not None


def find_decimal(columns, separator):
    """Return what stands before decimals: what makes most texts numbers.

    Parameters
    ----------
    columns : list of ndarray of str
        Texts of each column.
    separator : str
        What stands between the cells; a semicolon is written where the comma stands
        before decimals.
    """
    undecided = [texts for texts in columns if _has_comma(texts)]
    if not undecided:
        return "."
    votes = {
        decimal: sum(_count_numbers(texts, decimal) for texts in columns)
        for decimal in (".", ",")
    }
    if votes["."] == votes[","]:
        return "," if separator == ";" else "."
    return max(votes, key=votes.get)


def _has_comma(texts):
    return re.search(r"\d,\d", "\0".join(texts)) is not None


def _count_numbers(texts, decimal):
    return np.isfinite(read_numbers(texts, decimal).values).sum()
