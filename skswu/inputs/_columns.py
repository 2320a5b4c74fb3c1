"""Columns of any table, by name or position."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Integral
from operator import itemgetter

import narwhals.stable.v1 as nw
import numpy as np
from scipy import sparse

from ._rows_of_data import check_in_memory

_MAX_LISTED = 10


def columns_of(values, name, n_rows=None):
    """Return the columns of sensitive features of any form.

    Parameters
    ----------
    values : array-like, Series, DataFrame, dict or list of columns
        One value a row, or a table.
    name : str
        What messages call them.
    n_rows : int or None, default=None
        Expected number of rows: tells a list of columns from a list of rows.

    Returns
    -------
    list of array-like of shape (n_rows,)
        Narwhals Series, or arrays of objects where the values were in a list.
    """
    check_in_memory(values, name)
    if isinstance(values, Mapping):
        return _one_each(values.values(), name)
    if _is_list_of_columns(values, n_rows):
        return _one_each(values, name)
    return _columns_of_table(values, name)


def _one_each(parts, name):
    """Return the columns of parts that are one column each."""
    columns = [column for part in parts for column in _columns_of_table(part, name)]
    if not columns:
        raise ValueError(f"{name} must hold at least one feature; got none.")
    return columns


def _is_list_of_columns(values, n_rows):
    """Say whether a list holds columns rather than the values of rows."""
    if not isinstance(values, (list, tuple)) or len(values) in (0, n_rows):
        return False
    return all(_length(column) == n_rows for column in values)


def _length(column):
    if sparse.issparse(column):  # which has no length
        return column.shape[0]
    is_text = isinstance(column, (str, bytes))
    return None if is_text or not hasattr(column, "__len__") else len(column)


def _columns_of_table(values, name):
    if sparse.issparse(values):
        raise TypeError(
            f"Sparse data was passed for {name}, but dense data is required. Use "
            "'.toarray()' to convert to a dense numpy array."
        )
    if _is_pandas_frame(values):
        return [_series(values.iloc[:, i]) for i in range(values.shape[1])]
    native = _from_native(values)
    if isinstance(native, nw.Series):
        return [native]
    if isinstance(native, nw.DataFrame):
        return [native[name] for name in native.columns]
    array = as_values(values)
    if array.ndim not in (1, 2) or 0 in array.shape[1:]:
        raise ValueError(
            f"{name} must be array-like with one value per row or a table with one row "
            f"per sample; got {type(values).__name__} of shape {array.shape}."
        )
    return list(array.T) if array.ndim == 2 else [array]


def as_values(values):
    """Return an array-like as an array, masked values as None."""
    if isinstance(values, np.ma.MaskedArray):
        objects = np.ma.getdata(values).astype(object)
        objects[np.ma.getmaskarray(values)] = None
        return objects
    if hasattr(values, "detach"):  # a tensor, which may lie on a device
        values = values.detach().cpu()
    # a list with None or nan must not become an array of strings
    as_object = isinstance(values, (list, tuple))
    return np.asarray(values, dtype=object if as_object else None)


def _is_pandas_frame(values):
    return hasattr(values, "iloc") and hasattr(values, "columns")


def _series(column):
    return nw.from_native(column, series_only=True)


def _from_native(values):
    return nw.from_native(values, eager_only=True, allow_series=True, pass_through=True)


def is_column(value, X, n_rows):
    """Say whether what a call passed names columns of X rather than holding values.

    Parameters
    ----------
    value : object
        A name or position; or a list of them that is not as long as X and repeats
        none.
    X : array-like, DataFrame, sparse matrix or dict of columns, or None
        What has the columns.
    n_rows : int
        Number of rows of X.
    """
    if X is None or isinstance(value, bool):
        return False
    if isinstance(value, (str, Integral)):
        return True
    is_list = isinstance(value, (list, tuple)) and len(value) not in (0, n_rows)
    if not is_list or not all(isinstance(one, (str, Integral)) for one in value):
        return False
    return len(set(value)) == len(value) and _n_columns(X) >= len(value)


def _n_columns(X):
    if isinstance(X, Mapping):
        return len(X)
    shape = getattr(X, "shape", None)
    if shape is not None:
        return shape[1] if len(shape) == 2 else 0
    first = X[0] if len(X) else ()
    return _length(first) or 0


def columns_of_X(X, column, name):
    """Return the columns of `X` of these names or positions.

    Parameters
    ----------
    X : array-like, DataFrame, sparse matrix or dict of columns
        The table.
    column : label, int or list of them
        Names or positions.
    name : str
        What messages call the parameter.
    """
    check_in_memory(X)
    if isinstance(column, (str, Integral)) or _is_name(column, X):
        return [_column_of_X(X, column, name)]
    if not isinstance(column, Sequence) or len(column) == 0:
        raise ValueError(
            f"{name} must name a column of X, give its position, or be a non-empty "
            f"list of these; got {column!r}."
        )
    return [_column_of_X(X, one, name) for one in column]


def _names_of(X):
    """Return the names of the columns, or None where they have none."""
    if isinstance(X, Mapping):
        return list(X)
    if _is_pandas_frame(X):
        return list(X.columns)
    native = _from_native(X)
    return native.columns if isinstance(native, nw.DataFrame) else None


def _is_name(column, X):
    """Say whether something that is no text names a column, as a tuple may."""
    names = _names_of(X)
    return isinstance(column, tuple) and names is not None and column in names


def _column_of_X(X, column, name):
    names = _names_of(X)
    is_position = isinstance(column, Integral) and not isinstance(column, bool)
    if isinstance(column, str) or (names is not None and _is_name(column, X)):
        column = _position_of(column, names, name)
    elif not is_position:
        raise ValueError(
            f"{name} must hold column names (str) or positions (int); got {column!r}."
        )
    _check_position(column, X, name)
    return _column_at(X, column)


def _position_of(column, names, name):
    if names is None:
        raise ValueError(
            f"{name}={column!r} names a column, but X has no column names; pass X as "
            "a DataFrame or, without column names, give the position of the column."
        )
    positions = [position for position, one in enumerate(names) if one == column]
    if not positions:
        raise ValueError(
            f"{name}={column!r} is not a column of X, which has {listed(names)}."
        )
    if len(positions) > 1:
        raise ValueError(
            f"{name}={column!r} names {len(positions)} columns of X; give the position "
            f"of one, among {listed(positions)}."
        )
    return positions[0]


def _check_position(position, X, name):
    n_columns = _n_columns(X)
    if not -n_columns <= position < n_columns:
        of_shape = (
            f"has shape {tuple(X.shape)}"
            if hasattr(X, "shape")
            else (f"has {n_columns} columns")
        )
        raise ValueError(
            f"{name}={position!r} is not a column position of X, which {of_shape}."
        )


def _column_at(X, position):
    if isinstance(X, Mapping):
        return as_values(list(X.values())[position])
    if _is_pandas_frame(X):
        return _series(X.iloc[:, position])
    native = _from_native(X)
    if isinstance(native, nw.DataFrame):
        return native.get_column(native.columns[position])
    if sparse.issparse(X):
        by_column = X if X.format in ("csr", "csc") else X.tocsr()
        return by_column[:, [position]].toarray().ravel()
    if isinstance(X, (list, tuple)):
        return as_values(list(map(itemgetter(position), X)))
    return as_values(X[:, position])


def listed(items):
    """Return the first of some items, for messages."""
    shown = ", ".join(repr(item) for item in items[:_MAX_LISTED])
    return shown + (", ..." if len(items) > _MAX_LISTED else "")
