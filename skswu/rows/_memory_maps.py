"""Memory maps: X that is not to be copied to memory as a whole."""

from functools import singledispatch

import numpy as np
from scipy.sparse import issparse

from .._utils._warnings import warn
from ..exceptions import CopiedRowsWarning
from ._brought import BroughtRows


def is_mapped(X):
    """Say whether X is a memory map, or a CSR matrix of memory maps."""
    array = X.data if issparse(X) and X.format == "csr" else X
    while isinstance(array, np.ndarray) and not isinstance(array, np.memmap):
        array = array.base
    return isinstance(array, np.memmap)


def unread(X):
    """Return X, or the BroughtRows of a memory map."""
    return BroughtRows(X) if is_mapped(X) else X


def take_rows(X, indices, rows_at):
    """Return rows of X at some positions; of a memory map, without a copy.

    Parameters
    ----------
    X : {array-like, sparse matrix, DataFrame, BroughtRows}
        The rows.
    indices : ndarray of int of shape (n_picked,)
        Positions.
    rows_at : callable
        Picks rows of what is in memory.
    """
    X = unread(X)
    return X.take(indices) if isinstance(X, BroughtRows) else rows_at(X, indices)


def bring_rows(X, indices, rows_at):
    """Return a few rows of X at some positions, in memory."""
    rows = take_rows(X, indices, rows_at)
    return rows.bring() if isinstance(rows, BroughtRows) else rows


@singledispatch
def in_memory(X, needed_by):
    """Return rows as an array or a table; those that are brought are copied, and told.

    Parameters
    ----------
    X : {array-like, sparse matrix, DataFrame, BroughtRows}
        The rows.
    needed_by : str
        What needs them, for the warning.
    """
    return X


@in_memory.register(BroughtRows)
def _(X, needed_by):
    copied = X.bring()
    warn_of_copy(needed_by, copied)
    return copied


@singledispatch
def map_rows(X, function):
    """Return a function of the rows of X that is one of each row by itself."""
    return function(X)


@map_rows.register(BroughtRows)
def _(X, function):
    return X.map(function)


@singledispatch
def respond(classifier, X, method):
    """Return what a method of a classifier makes of rows; brought ones go by blocks.

    Parameters
    ----------
    classifier : classifier
        Those that know their rows, and nothing of blocks of them, are registered.
    X : {array-like, sparse matrix, DataFrame, BroughtRows}
        The rows.
    method : str
        Its name, such as ``"predict"``.
    """
    return map_rows(X, getattr(classifier, method))


def warn_of_copy(needed_by, copied):
    """Warn that rows of a memory map were brought to memory together."""
    parts = (copied.data, copied.indices) if issparse(copied) else (copied,)
    size = sum(getattr(part, "nbytes", 0) for part in parts) / 1e6
    warn(
        f"{needed_by} takes rows in memory: {copied.shape[0]} rows of the memory map "
        f"were copied together, {size:,.0f} MB.",
        CopiedRowsWarning,
    )
