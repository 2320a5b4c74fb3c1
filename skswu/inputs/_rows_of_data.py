"""Rows of any container that an estimator takes, counted and picked as they are."""

from collections.abc import Mapping

import numpy as np

from .._utils._compat import count_rows as count_samples
from .._utils._compat import rows_at as index_rows
from ._network_inputs import SeveralInputs


def count_rows(X):
    """Return the number of rows.

    Parameters
    ----------
    X : array-like, sparse matrix, DataFrame, list, Dataset or dict of these
        Rows; the entries of a dict are what one row's parts are read from.

    Returns
    -------
    int
        How many there are.

    Raises
    ------
    ValueError
        If the entries of a dict differ in it.
    """
    if not isinstance(X, Mapping):
        return count_samples(X)
    counts = {key: count_samples(values) for key, values in X.items()}
    if len(set(counts.values())) != 1:
        raise ValueError(
            f"X is a {type(X).__name__} of entries with different numbers of rows: "
            f"{counts}."
        )
    return next(iter(counts.values()))


def rows_at(X, indices):
    """Return the rows at some positions, in the same kind of container.

    Parameters
    ----------
    X : array-like, sparse matrix, DataFrame, list, Dataset or dict of these
        Rows.
    indices : ndarray of int of shape (n_picked,), or slice
        Positions.
    """
    if isinstance(X, Mapping):
        return {key: rows_at(values, indices) for key, values in X.items()}
    if is_dataset(X):
        from torch.utils.data import Subset

        return Subset(X, np.arange(count_rows(X))[indices])
    if isinstance(X, SeveralInputs):
        return SeveralInputs([rows_at(one, indices) for one in X])
    return index_rows(X, indices)


def is_indexed_by_row(X):
    """Say whether scikit-learn counts and picks rows as this package does."""
    return not isinstance(X, Mapping) and not is_dataset(X)


def is_dataset(X):
    """Say whether rows are read one by one, as those of a torch Dataset.

    Parameters
    ----------
    X : object
        Rows.
    """
    is_sequence = isinstance(X, (list, tuple, str))
    reads_rows = hasattr(X, "__getitem__") and hasattr(X, "__len__")
    is_table = hasattr(X, "shape") or isinstance(X, Mapping)
    return reads_rows and not is_sequence and not is_table


def check_in_memory(X, name="X"):
    """Insist that rows can be counted without computing them.

    Parameters
    ----------
    X : object
        Rows.
    name : str, default="X"
        What messages call them.

    Raises
    ------
    ValueError
        For a polars LazyFrame, and the like of other libraries.
    """
    if hasattr(X, "collect") and not hasattr(X, "shape"):
        raise ValueError(
            f"{name} is a {type(X).__name__}, whose rows are not computed yet; pass "
            f"{name}.collect()."
        )
