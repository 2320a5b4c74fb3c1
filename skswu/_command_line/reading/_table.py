"""The table that the command works on, wherever it comes from."""

from dataclasses import dataclass

import pandas as pd

from ...datasets import load_adult
from .._arguments import ADULT
from .._messages import UsageError
from ._dialect import describe_separator, find_dialect
from ._features import MISSING, read_features
from ._file_bytes import PARQUET, STANDARD_INPUT, read_bytes
from ._numbers import find_decimal
from ._parquet import read_parquet
from ._read_call import ADULT_CALL, ReadCall, csv_call, parquet_call
from ._text_table import check_width, read_texts

_N_SAMPLED = 1000


@dataclass(frozen=True)
class Table:
    """Columns as they were found.

    Parameters
    ----------
    frame : DataFrame
        Numbers, booleans and categories, or objects: texts that are read on demand.
    source : str
        The name of the file.
    call : ReadCall
        What reads a table like it.
    decimal : {".", ","}, default="."
        What stands before decimals.
    missing : set of str, default=MISSING
        Texts that stand for a missing value in columns to train on.
    notation : str, default=""
        What is particular about the file, for users.
    """

    frame: pd.DataFrame
    source: str
    call: ReadCall
    decimal: str = "."
    missing: frozenset = MISSING
    notation: str = ""

    def features(self, names):
        """Return columns to train on, and the ReadCall that gives them."""
        X, remarks = read_features(self.frame[names], self.decimal, self.missing)
        written = [*remarks.get("written", ()), *remarks.get("others", ())]
        return X, self.call.keeping(remarks.get("code", ()), written)


def read_table(options):
    """Return the Table that the command's options name.

    Raises
    ------
    UsageError
        If it cannot be read.
    """
    source = options.file or options.data
    if source == ADULT:
        return Table(load_adult().frame, source, ADULT_CALL)
    data = read_bytes(source)
    try:
        if data.startswith(PARQUET):
            return _read_parquet(data, source)
        return _read_text(data, source, options)
    except UsageError as error:
        raise UsageError(f"cannot read {source!r}: {error}") from error


def _read_parquet(data, source):
    frame, is_indexed = read_parquet(data)
    check_width(frame.shape[1], len(data))
    # A missing value of a file with types is no text.
    call = parquet_call(source, is_indexed)
    return Table(frame, source, call, missing=frozenset())


def _read_text(data, source, options):
    dialect = find_dialect(data, options.encoding, options.separator)
    frame = read_texts(data, dialect)
    sample = frame.head(_N_SAMPLED).to_numpy().T
    decimal = options.decimal or find_decimal(list(sample), dialect.separator)
    name = "FILE.csv" if source == STANDARD_INPUT else source
    call = csv_call(name, dialect, decimal)
    notation = _notation(dialect, decimal)
    return Table(frame, source, call, decimal, notation=notation)


def _notation(dialect, decimal):
    """Return what is unusual about a file's notation."""
    notes = []
    if dialect.separator != ",":
        notes.append(f"separator '{describe_separator(dialect.separator)}'")
    if decimal != ".":
        notes.append(f"decimal '{decimal}'")
    if not dialect.encoding.startswith("utf-8"):
        notes.append(dialect.encoding)
    return ", ".join(notes)
