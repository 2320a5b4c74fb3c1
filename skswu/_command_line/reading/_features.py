"""Columns to train on, from the texts of a table."""

from collections import defaultdict
from dataclasses import dataclass

import numpy as np
import pandas as pd

from .._messages import UsageError, tell
from .._terminal import count, quoted, shortened
from ._numbers import CURRENCIES, is_code, read_numbers

#: Texts that stand for a missing value, those that pandas.read_csv knows.
MISSING = frozenset(
    ["", "NA", "N/A", "n/a", "<NA>", "#N/A", "#N/A N/A", "#NA", "NULL", "null", "None"]
    + ["NaN", "nan", "-NaN", "-nan", "1.#IND", "-1.#IND", "1.#QNAN", "-1.#QNAN"]
)
# A text column with a value of its own in every row must not become a column each.
MOST_CATEGORIES = 100
# A column with so many numbers in it is one of numbers, with cells that are none.
_MANY_NUMBERS = 20
_FEW_OTHERS = 5
_SMALL_SHARE = 0.1
_MOST_TOLD = 5
_COLUMNS_AT_ONCE = 1000


@dataclass(frozen=True)
class Reading:
    """The values of texts, and what to tell about them.

    Parameters
    ----------
    values : ndarray
        Floats, booleans or texts.
    remark : {"code", "written", "others", "many"} or None
        What is not plain about them.
    example : str
        What shows it.
    """

    values: np.ndarray
    remark: str | None = None
    example: str = ""


_REMARKS = {
    "code": "kept as texts, as numbers would lose the zeros in front",
    "written": "read as numbers",
    "others": "read as numbers, with cells that are none as missing values",
    "many": (
        f"texts of more than {MOST_CATEGORIES} values, of which the most frequent are "
        "told apart (--drop leaves a column out)"
    ),
}


def read_features(frame, decimal, missing=MISSING):
    """Return a DataFrame of numbers, booleans and texts, and what is not plain in it.

    Parameters
    ----------
    frame : DataFrame
        Columns of objects hold texts; all others are kept.
    decimal : {".", ","}
        What stands before decimals.
    missing : set of str, default=MISSING
        Texts that stand for a missing value.

    Returns
    -------
    features : DataFrame of the same shape
    remarks : dict of str to list of str
        Names of the columns of each remark.
    """
    remarks = defaultdict(dict)
    is_text = np.array([_holds_objects(dtype) for dtype in frame.dtypes])
    texts = frame.loc[:, is_text]
    parts, columns = [frame.loc[:, ~is_text]], {}
    for start in range(0, texts.shape[1], _COLUMNS_AT_ONCE):
        some = texts.iloc[:, start : start + _COLUMNS_AT_ONCE]
        numbers = _numbers_of(some, missing) if decimal == "." else None
        if numbers is not None:
            parts.append(pd.DataFrame(numbers, frame.index, some.columns))
            continue
        for name, cells in zip(some.columns, some.to_numpy().T, strict=True):
            reading, columns[name] = _read_column(cells, decimal, missing)
            if reading.remark:
                remarks[reading.remark][name] = reading.example
    parts.append(pd.DataFrame(columns, index=frame.index))
    features = pd.concat(parts, axis=1)[frame.columns]
    _check_finite(features)
    for remark, examples in remarks.items():
        tell(_describe(remark, examples))
    return features, {remark: list(found) for remark, found in remarks.items()}


def _holds_objects(dtype):
    return isinstance(dtype, np.dtype) and dtype.kind == "O"


def _read_column(cells, decimal, missing):
    """Return the Reading of the different texts of a column, and the column."""
    if decimal == "." and (numbers := _plain_numbers(cells)) is not None:
        return Reading(numbers), numbers
    codes, texts = pd.factorize(cells)
    known = np.array([text not in missing for text in texts], dtype=bool)
    counts = np.bincount(codes[codes >= 0], minlength=len(texts))
    reading = _read_texts(texts[known], counts[known], decimal)
    is_number = reading.values.dtype == np.float64
    # The last entry is what the code -1 of a missing cell finds.
    values = np.full(len(texts) + 1, np.nan, np.float64 if is_number else object)
    values[:-1][known] = reading.values
    column = values[codes]
    if reading.values.dtype == bool and not pd.isna(column).any():
        column = column.astype(bool)
    return reading, column


def _numbers_of(texts, missing):
    """Return the numbers of columns if all cells are plain ones or missing."""
    numbers = _plain_numbers(texts.to_numpy())
    if numbers is not None:
        return numbers
    return _plain_numbers(texts.mask(texts.isin(missing), "nan").to_numpy())


def _plain_numbers(cells):
    """Return the numbers of cells if all are numbers as programs write them.

    Cells are those of a column or of several.
    """
    try:
        numbers = cells.astype(np.float64)
    except ValueError:
        return None
    return None if is_code(cells.ravel()) else numbers


def _read_texts(texts, counts, decimal):
    """Return the Reading of different texts that are not missing."""
    stripped = np.array([text.strip() for text in texts], dtype=object)
    if _are_truth_values(stripped):
        return Reading(np.array([text.lower() == "true" for text in stripped]))
    numbers = read_numbers(stripped, decimal)
    is_number = ~np.isnan(numbers.values)
    if is_number.any():
        is_number &= _is_compatible(numbers.units, counts * is_number)
    if not _has_few_others(is_number, counts):
        return _of_texts(texts)
    if is_code(stripped[is_number]):
        return _of_texts(texts, "code")
    values = np.where(is_number, numbers.values, np.nan)
    if is_number.all():
        return _of_numbers(stripped, values, numbers.is_plain)
    other = stripped[np.argmax(np.where(is_number, 0, counts))]
    return Reading(values, "others", f"{counts[~is_number].sum():,}, as '{other}'")


def _are_truth_values(texts):
    # Most columns are told by their first texts.
    return len(texts) > 0 and all(
        {text.lower() for text in some} <= {"true", "false"}
        for some in (texts[:3], texts)
    )


def _of_numbers(texts, values, is_plain):
    if is_plain:
        return Reading(values)
    # The longest shows most of how they are written.
    longest = max(range(len(texts)), key=lambda i: len(texts[i]))
    return Reading(values, "written", f"'{texts[longest]}' as {values[longest]:.15g}")


def _of_texts(texts, remark=None):
    number = f"{len(texts):,}" if len(texts) > MOST_CATEGORIES else ""
    if remark is None:
        return Reading(texts, "many" if number else None, number)
    example = next(text for text in texts if is_code([text.strip()]))
    return Reading(texts, remark, f"'{example}'" + (f" of {number}" if number else ""))


def _is_compatible(units, counts):
    """Tell which cells are in the unit of most: a currency may be left out of some."""
    names, codes = np.unique(units.astype(str), return_inverse=True)
    totals = np.bincount(codes, counts)
    most = names[totals.argmax()]
    currencies = [name for name in names if name and name in CURRENCIES]
    if most in ("", *currencies) and len(currencies) == 1:
        return np.isin(units, ["", *currencies])
    return units == most


def _has_few_others(is_number, counts):
    """Tell whether cells that are no numbers are exceptions among those that are."""
    if is_number.all():
        return True
    share = counts[~is_number].sum() / counts.sum()
    return (
        np.count_nonzero(is_number) > _MANY_NUMBERS
        and share <= 0.5
        and (share <= _SMALL_SHARE or np.count_nonzero(~is_number) <= _FEW_OTHERS)
    )


def _check_finite(features):
    numbers = features.select_dtypes(np.float64)
    n_infinite = np.isinf(numbers.to_numpy()).sum(axis=0)
    if n_infinite.any():
        first = n_infinite.argmax()
        raise UsageError(
            f"{quoted(numbers.columns[first])} holds "
            f"{count(int(n_infinite[first]), 'number')} "
            "that are infinite; replace them, or --drop the column"
        )


def _describe(remark, examples):
    shown = [
        f"{quoted(name)} ({shortened(example)})"
        for name, example in list(examples.items())[:_MOST_TOLD]
    ]
    more = len(examples) - len(shown)
    more = f" and {count(more, 'more column')}" if more else ""
    return f"{_REMARKS[remark]}: {', '.join(shown)}{more}"
