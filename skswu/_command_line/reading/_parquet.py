"""Tables in Parquet files."""

import io
from importlib.util import find_spec

import numpy as np
import pandas as pd
from pandas.api.types import is_bool_dtype, is_numeric_dtype

from .._messages import UsageError
from ._text_table import check_names


def read_parquet(data):
    """Return a Parquet file's table: numbers, booleans, and texts of all else.

    Returns
    -------
    frame : DataFrame
        The index is a column if it has a name.
    is_indexed : bool
        Whether it has.

    Raises
    ------
    UsageError
        If pyarrow is missing, or the file is broken.
    """
    if find_spec("pyarrow") is None:
        raise UsageError("Parquet files need pyarrow: pip install pyarrow")
    try:
        # Threads take memory for each column, which many columns exhaust.
        frame = pd.read_parquet(io.BytesIO(data), engine="pyarrow", use_threads=False)
    except (OSError, ValueError) as error:
        raise UsageError(f"this is no Parquet file: {error}") from error
    is_indexed = any(name is not None for name in frame.index.names)
    frame = frame.reset_index(drop=not is_indexed, allow_duplicates=True)
    frame.columns = [str(name) for name in frame.columns]
    check_names(frame.columns)
    columns = {name: _plain(column) for name, column in frame.items()}
    return pd.DataFrame(columns), is_indexed


def _plain(column):
    """Return numbers, booleans or objects: texts and missing values."""
    is_bool = is_bool_dtype(column.dtype)
    if is_bool and not column.isna().any():
        return column.to_numpy(dtype=bool)
    if is_numeric_dtype(column.dtype) and not is_bool:
        return column.to_numpy(dtype=float, na_value=np.nan)
    return column.astype(object).map(str, na_action="ignore").astype(object)
