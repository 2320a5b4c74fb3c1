"""Tables written as text, such as CSV."""

import csv
import io
import warnings
from collections import Counter

import numpy as np
import pandas as pd

from .._messages import UsageError, tell
from .._terminal import count, listed
from ._dialect import describe_separator

# Each column costs time, however few rows there are.
_MOST_COLUMNS = 150_000
_MANY_COLUMNS = 10_000
_MOST_BYTES_OF_MANY = 250_000_000


def read_texts(data, dialect):
    """Return the texts of a table, a DataFrame of str, empty where a cell is.

    A column without a name is left out if it is empty, as a separator at the end of
    each row leaves one behind, or if it counts the rows, as exports of pandas and R do.

    Raises
    ------
    UsageError
        If the rows do not fit the header, or names are repeated.
    """
    check_width(len(dialect.header), len(data))
    frame = _parse(data, dialect)
    if not len(frame):
        raise UsageError("there are no rows below the header")
    n_named = len(dialect.header)
    _check_surplus(frame.iloc[:, n_named:], dialect)
    frame = frame.iloc[:, :n_named]
    names = [name.strip() for name in dialect.header]
    is_kept = [
        bool(name) or not _is_idle(position, frame.iloc[:, position])
        for position, name in enumerate(names)
    ]
    frame = frame.loc[:, is_kept]
    frame.columns = [
        name or f"Unnamed: {position}"
        for position, (name, kept) in enumerate(zip(names, is_kept, strict=True))
        if kept
    ]
    check_names(frame.columns)
    return frame


def check_width(n_columns, n_bytes):
    """Raise a UsageError if a table is so wide that it would take many minutes."""
    is_long = n_columns > _MANY_COLUMNS and n_bytes > _MOST_BYTES_OF_MANY
    if n_columns > _MOST_COLUMNS or is_long:
        raise UsageError(
            f"{n_columns:,} columns in {n_bytes / 1e6:,.0f} MB are too many: leave out "
            f"some before, at most {_MOST_COLUMNS:,} can be read, and with more than "
            f"{_MANY_COLUMNS:,} at most {_MOST_BYTES_OF_MANY / 1e6:,.0f} MB"
        )


def check_names(names):
    """Raise a UsageError if a name of a column is repeated."""
    repeated = [name for name, number in Counter(names).items() if number > 1]
    if repeated:
        raise UsageError(
            f"names of columns are repeated: {listed(repeated)}; the first row must "
            "name each column differently"
        )


def _parse(data, dialect):
    with warnings.catch_warnings():
        # Cells beyond the header are looked for in the first rows already.
        warnings.simplefilter("error", pd.errors.ParserWarning)
        try:
            frame = pd.read_csv(
                io.BytesIO(data),
                sep=dialect.separator,
                encoding=dialect.encoding,
                skiprows=dialect.skipped,
                header=0,
                names=range(dialect.width),
                index_col=False,
                dtype=object,
                keep_default_na=False,
                skipinitialspace=True,
                low_memory=False,
            )
        except (ValueError, csv.Error, pd.errors.ParserWarning) as error:
            separator = describe_separator(dialect.separator)
            raise UsageError(
                f"this is no CSV with the separator '{separator}' in "
                f"{dialect.encoding}: {error}"
            ) from error
    # In one array: of columns that lie apart, each step would handle one by one.
    return pd.DataFrame(frame.to_numpy(), columns=frame.columns, dtype=object)


def _check_surplus(surplus, dialect):
    filled = np.flatnonzero((surplus != "").any(axis=1))
    if len(filled):
        raise UsageError(
            f"the header names {count(len(dialect.header), 'column')}, but row "
            f"{filled[0] + 1} below it holds more cells; name every column"
        )


def _is_idle(position, column):
    """Tell whether a column without a name says nothing about its rows."""
    if (column == "").all():
        return True
    start = column.iloc[0]
    if position > 0 or start not in ("0", "1"):
        return False
    counted = np.arange(int(start), int(start) + len(column)).astype(str)
    if not (column.to_numpy() == counted).all():
        return False
    tell("the first column has no name and counts the rows; it is left out")
    return True
