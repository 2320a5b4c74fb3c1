"""The different values of a column that labels or groups the rows."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from .._terminal import count, listed
from ._features import MISSING
from ._numbers import is_code, read_numbers


@dataclass(frozen=True)
class Values:
    """The values of a column.

    Parameters
    ----------
    codes : ndarray of int of shape (n_rows,)
        Position of each row's value in ``names``; -1 where it is missing.
    names : list of str
        The values in order: numbers by size, else by spelling. 1.0 is called "1".
    """

    codes: np.ndarray
    names: list

    @property
    def n_missing(self):
        """Number of rows without a value."""
        return int(np.count_nonzero(self.codes < 0))

    def counts(self):
        """Return the rows of each value, shape (n_values,)."""
        return np.bincount(self.codes[self.codes >= 0], minlength=len(self.names))


def read_values(column, decimal, missing=MISSING):
    """Return the Values of a column.

    Parameters
    ----------
    column : Series
        Numbers, booleans, categories or texts.
    decimal : {".", ","}
        What stands before decimals.
    missing : set of str, default=MISSING
        Texts that are no values.
    """
    codes, distinct = pd.factorize(column.to_numpy(dtype=object))
    texts = np.array([str(value).strip() for value in distinct], dtype=object)
    known = np.array([text not in missing for text in texts], dtype=bool)
    names = dict(zip(texts[known], _names(texts[known], decimal), strict=True))
    order = sorted(set(names.values()), key=_by_size)
    position = {name: code for code, name in enumerate(order)}
    # The last entry is what the code -1 of a missing value finds.
    new_codes = [position.get(names.get(text), -1) for text in texts] + [-1]
    return Values(np.array(new_codes)[codes], order)


def describe_missing(column, values):
    """Return how many values a column misses, and how they are written."""
    texts = sorted({str(cell).strip() for cell in column.unique()} & MISSING - {""})
    written = f", some of them written {listed(texts)}" if texts else ""
    return count(values.n_missing, "missing value") + written


def _names(texts, decimal):
    """Return texts with one name for each number, if all are numbers."""
    numbers = read_numbers(texts, decimal)
    if not numbers.is_plain or is_code(texts):
        return texts.tolist()
    return [f"{number:.15g}" for number in numbers.values]


def as_number(text):
    """Return the number that a text is, or None."""
    try:
        return float(text)
    except ValueError:
        return None


def _by_size(name):
    number = as_number(name)
    # A NaN has no place among numbers.
    if number is None or number != number:
        return 1, 0.0, name
    return 0, number, name
