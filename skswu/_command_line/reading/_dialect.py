"""How the text of a table is written: encoding, separator, decimals."""

import codecs
import csv
import io
import re
from dataclasses import dataclass
from itertools import islice

from .._messages import UsageError, tell
from .._terminal import printable

SEPARATORS = (",", ";", "\t", "|")
# What Excel writes in western Europe and America where it is not asked for UTF-8.
FALLBACK = "cp1252"
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_N_SAMPLED = 20
_N_LETTERS = 1 << 16
_CHUNK = 1 << 20


@dataclass(frozen=True)
class Dialect:
    """How a table is written, and what its first line holds.

    Parameters
    ----------
    encoding : str
        Python's name of it.
    separator : str
        What stands between cells.
    skipped : int
        Lines before the header.
    header : list of str
        The cells of the header.
    width : int
        Number of cells of the header or, if larger, of the row after it.
    is_spaced : bool
        Whether spaces follow the separator.
    """

    encoding: str
    separator: str
    skipped: int
    header: list
    width: int
    is_spaced: bool


def find_dialect(data, encoding=None, separator=None):
    """Return the Dialect of a table's bytes.

    Parameters
    ----------
    data : bytes
        The table.
    encoding, separator : str or None
        What is known of it.

    Raises
    ------
    UsageError
        If it is no text.
    """
    encoding = encoding or find_encoding(data)
    if codecs.lookup(encoding).name == "utf-8":
        # The same, but for a mark in front.
        encoding = "utf-8-sig"
    # Excel writes and obeys this line.
    excel = re.match(r"sep=(.)\r?\n", _text(data, encoding).read(8))
    separator = separator or (excel and excel[1])
    skipped = 1 if excel else 0
    samples = {
        candidate: _first_rows(data, encoding, candidate, skipped)
        for candidate in ([separator] if separator else SEPARATORS)
    }
    separator = max(samples, key=lambda candidate: _fit(samples[candidate]))
    rows = samples[separator]
    if not rows:
        raise UsageError("there is no header: the file is empty")
    width = max(map(len, rows[:2]))
    is_spaced = f"{separator} " in _text(data, encoding).read(_N_LETTERS)
    return Dialect(encoding, separator, skipped, rows[0], width, is_spaced)


def find_encoding(data):
    """Return the encoding of a text.

    Raises
    ------
    UsageError
        If it is none.
    """
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return encoding
    head = data[:4096]
    if 0 in head:
        return _find_wide_encoding(head)
    if _decodes(data, "utf-8"):
        return "utf-8"
    tell(
        f"the file is not UTF-8 and was read as {FALLBACK}, as Windows writes it; "
        "--encoding says otherwise"
    )
    return FALLBACK


def _find_wide_encoding(head):
    """Return which UTF-16 has most of its zeros where these bytes have theirs."""
    zeros = head[0::2].count(0), head[1::2].count(0)
    if max(zeros) < len(head) / 4 or min(zeros) > max(zeros) / 4:
        raise UsageError("the file is no text")
    return "utf-16-be" if zeros[0] > zeros[1] else "utf-16-le"


def _decodes(data, encoding):
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        for start in range(0, len(data), _CHUNK):
            decoder.decode(data[start : start + _CHUNK])
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _text(data, encoding):
    return io.TextIOWrapper(io.BytesIO(data), encoding, errors="replace", newline="")


def _first_rows(data, encoding, separator, skipped):
    """Return the cells of the first rows that are not empty."""
    lines = islice(_text(data, encoding), skipped, None)
    reader = csv.reader(lines, delimiter=separator, skipinitialspace=True)
    rows = []
    try:
        for row in islice((row for row in reader if row), _N_SAMPLED):
            rows.append(row)
    except csv.Error:
        # A cell too long to be looked into; what came before it will do.
        pass
    return rows


def _fit(rows):
    """Return how well a separator fits: in how many rows, and in how many cells."""
    width = len(rows[0]) if rows else 0
    if width < 2:
        return 0, width
    # A separator at the end of each row makes one cell more.
    return sum(len(row) in (width, width + 1) for row in rows), width


def describe_separator(separator):
    """Return a separator as an option takes it."""
    return "tab" if separator == "\t" else printable(separator)
