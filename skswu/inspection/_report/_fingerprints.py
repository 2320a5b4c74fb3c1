"""Rows recognised: fingerprints of whole sets, and rows of one set in another."""

import hashlib

import narwhals.stable.v1 as nw
import numpy as np
import pandas as pd
from scipy.sparse import issparse

from ._inputs import as_objects

_MIX = np.uint64(0x9E3779B97F4A7C15)


def fingerprint(*tables):
    """Return the SHA-256 of the rows of tables, in hexadecimal digits.

    Columns follow one another, numbers as little-endian doubles and everything else as
    text with a separator; row order counts, names of columns do not.

    Parameters
    ----------
    *tables : array-like, DataFrame or sparse matrix
        With the same number of rows.
    """
    digest = hashlib.sha256()
    for table in tables:
        for column in _columns(table):
            digest.update(_bytes(column))
    return digest.hexdigest()


def rows_in(tables, others):
    """Say of each row whether an equal one is among others.

    Parameters
    ----------
    tables, others : tuple of array-like, DataFrame or sparse matrix
        X and y of the rows, and of the others.

    Returns
    -------
    ndarray of bool of shape (n_rows,)
        True where all columns are equal.
    """
    return np.isin(_row_hashes(tables), _row_hashes(others))


def _columns(table):
    """Yield the columns of a table as arrays of numbers or objects."""
    native = nw.from_native(
        table, eager_only=True, allow_series=True, pass_through=True
    )
    if isinstance(native, nw.DataFrame):
        yield from (_plain(native.get_column(name)) for name in native.columns)
    elif isinstance(native, nw.Series):
        yield _plain(native)
    elif issparse(table):
        rows = table.tocsr().sorted_indices()
        yield from (rows.indptr.astype(float), rows.indices.astype(float))
        yield rows.data.astype(float)
    else:
        array = table if hasattr(table, "dtype") else np.asarray(table, dtype=object)
        array = np.asarray(array)
        yield from (_plain(column) for column in array.reshape(len(array), -1).T)


def _plain(column):
    """Return a column as doubles if it holds numbers, else as objects."""
    values = column.to_numpy() if isinstance(column, nw.Series) else column
    if getattr(values, "dtype", None) is not None and values.dtype.kind in "biuf":
        return values.astype(float)
    return as_objects(values)


def _bytes(values):
    if values.dtype == object:
        return "\x1f".join(map(str, [*values, ""])).encode("utf-8", "surrogatepass")
    values = np.where(np.isnan(values), np.nan, values + 0.0)
    return values.astype("<f8").tobytes()


def _row_hashes(tables):
    """Return a hash of each row of tables that have the same rows."""
    total = np.uint64(0)
    for table in tables:
        for hashes in _column_hashes(table):
            total = total * _MIX + hashes
    return total


def _column_hashes(table):
    if issparse(table):
        return [_sparse_hashes(table)]
    return map(_hashes, _columns(table))


def _hashes(values):
    """Return the hash of each value; equal numbers have equal ones in any type."""
    if values.dtype != object:
        values = values + 0.0
    return pd.util.hash_array(values)


def _sparse_hashes(table):
    """Return the hash of each row of a sparse matrix, by what it stores."""
    rows = table.tocsr(copy=True)
    rows.sum_duplicates()
    rows.eliminate_zeros()
    cells = _hashes(rows.data.astype(float)) ^ _hashes(rows.indices.astype(float))
    # Sums of unsigned integers wrap around, so that their differences are exact.
    sums = np.concatenate([[np.uint64(0)], np.cumsum(cells * _MIX, dtype=np.uint64)])
    return sums[rows.indptr[1:]] - sums[rows.indptr[:-1]]
