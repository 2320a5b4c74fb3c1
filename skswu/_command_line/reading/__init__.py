"""Tables as people export them, read into columns."""

from ._features import MISSING, MOST_CATEGORIES
from ._read_call import ReadCall
from ._table import Table, read_table
from ._values import as_number, describe_missing, read_values

__all__ = [
    "MISSING",
    "MOST_CATEGORIES",
    "ReadCall",
    "Table",
    "as_number",
    "describe_missing",
    "read_table",
    "read_values",
]
