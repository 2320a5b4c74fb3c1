"""From where the rows of X are read."""

from functools import singledispatch

from ._brought import BroughtBlocks, BroughtRows
from ._local import LocalBlocks


@singledispatch
def blocks_of(X, checked, intercept, **noted):
    """Return the rows of X in blocks; a kind of X that is no array registers its own.

    Parameters
    ----------
    X : {array-like, sparse matrix, DataFrame, BroughtRows}
        The rows.
    checked : callable
        Returns them as a finite array or CSR matrix of the features that are used.
    intercept : bool
        Whether a column of ones stands behind the features.
    **noted : ndarray of shape (..., n_rows)
        What is known of the rows.

    Returns
    -------
    RowBlocks
    """
    return LocalBlocks(checked(X), intercept, **noted)


@blocks_of.register(BroughtRows)
def _(X, checked, intercept, **noted):
    return BroughtBlocks(X.through(checked), intercept, **noted)
