"""The groups of the rows, named by the columns that make them."""

import numpy as np
import pandas as pd

from ._messages import UsageError
from ._terminal import count, listed, shortened
from .reading import MISSING, describe_missing, read_values

MISSING_GROUP = "(missing)"


def read_groups(frame, columns, missing, decimal):
    """Return the group of each row by each column, such as ``"sex=Female"``.

    Parameters
    ----------
    frame : DataFrame
        The table.
    columns : list of str
        The columns that group the rows.
    missing : {"error", "own"}
        Whether missing values are refused; else an empty cell is a group, and so is
        each text that stands for a missing value.
    decimal : {".", ","}
        What stands before decimals.

    Raises
    ------
    UsageError
        If values are missing, or the columns do not group the rows.
    """
    found = {}
    for column in columns:
        groups = _read_column(frame[column], missing, decimal)
        names = [f"{column}={group}" for group in [*groups.names, MISSING_GROUP]]
        found[column] = np.array(names, dtype=object)[groups.codes]
    return pd.DataFrame(found)


def cross(columns):
    """Return the group of each row by all columns, ``"sex=Female, race=Black"``.

    Parameters
    ----------
    columns : DataFrame of shape (n_rows, n_columns)
        See :func:`read_groups`.
    """
    first, *others = (columns[name].to_numpy(dtype=object) for name in columns)
    for other in others:
        first = first + ", " + other
    return first


def _read_column(column, missing, decimal):
    values = read_values(column, decimal, MISSING if missing == "error" else {""})
    option = f"--sensitive {shortened(column.name)}"
    if values.n_missing and missing == "error":
        raise UsageError(
            f"{option} has {describe_missing(column, values)}; fill them, drop the "
            "rows, or keep them as groups by --missing-groups own"
        )
    n_groups = len(values.names) + (values.n_missing > 0)
    if n_groups < 2:
        raise UsageError(
            f"{option} must hold at least two groups; all {count(len(column), 'row')} "
            f"are in {listed(values.names)}"
        )
    if n_groups > max(2, len(column) / 2):
        raise UsageError(
            f"{option} is not a grouping: {n_groups:,} different values in "
            f"{count(len(column), 'row')}; cut them into intervals"
        )
    return values
