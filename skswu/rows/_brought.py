"""Rows that are brought to memory a block at a time, for each pass anew."""

from copy import copy
from functools import cached_property

import numpy as np

from ._block import Block
from ._design import make_design, slices_of_blocks
from ._noted_blocks import NotedBlocks, as_table


class BroughtRows:
    """Some rows of a large X, as transformers make them, none of which is kept.

    Parameters
    ----------
    X : {ndarray, CSR matrix} of shape (n_all, n_features)
        Such as a memory map.
    positions : ndarray of int of shape (n_rows,) or None, default=None
        Which rows, ascending; None is all of them.
    transforms : tuple of callable, default=()
        What the rows of a block go through, each row by itself.

    Attributes
    ----------
    shape : tuple of int
        Number of rows, and of columns of X.
    """

    def __init__(self, X, positions=None, transforms=()):
        self.X = X
        self.positions = positions
        self.transforms = transforms
        n_rows = X.shape[0] if positions is None else len(positions)
        self.shape = n_rows, X.shape[1]

    def __len__(self):
        return self.shape[0]

    def through(self, transform):
        """Return the rows after one more transformation."""
        transforms = (*self.transforms, transform)
        return BroughtRows(self.X, self.positions, transforms)

    def take(self, indices):
        """Return some of the rows, by ascending positions."""
        if self.positions is not None:
            indices = self.positions[indices]
        return BroughtRows(self.X, indices, self.transforms)

    def bring(self, rows=slice(None)):
        """Return rows by a slice or positions, in memory."""
        X = self.X[rows if self.positions is None else self.positions[rows]]
        for transform in self.transforms:
            X = transform(X)
        return X

    def slices(self):
        """Yield the slices of rows that are brought together."""
        return slices_of_blocks(self.X, len(self))

    def map(self, function):
        """Return a function of all rows that is one of each row, by blocks."""
        return np.concatenate([function(self.bring(rows)) for rows in self.slices()])


class BroughtBlocks(NotedBlocks):
    """Blocks of BroughtRows; what is noted of them is in memory.

    Features are brought when a call first asks for them, and let go of with the block.

    Parameters
    ----------
    X : BroughtRows
        The rows.
    intercept : bool, default=True
        Whether a column of ones stands behind the features.
    **noted : ndarray of shape (..., n_rows) or None
        What is known of the rows.

    Attributes
    ----------
    n_rows : int
        Number of rows.

    Examples
    --------
    >>> import numpy as np
    >>> from skswu.rows import BroughtBlocks, BroughtRows
    >>> X = np.arange(6.0).reshape(3, 2)
    >>> rows = BroughtBlocks(BroughtRows(X, positions=np.array([0, 2])))
    >>> rows.reduce(lambda block: (block.sums(np.ones((1, block.n_rows))),))
    [(array([[4., 6., 2.]]),)]
    """

    def __init__(self, X, intercept=True, **noted):
        self._rows = X
        self._intercept = intercept
        self._slices = list(X.slices())
        self._table = as_table(noted)
        self.n_rows = len(X)

    @property
    def blocks(self):
        """The blocks in order, made anew each time."""
        for rows in self._slices:
            yield BroughtBlock(self._design, rows, self._table, self.n_rows)

    def _design(self, rows):
        return make_design(self._rows.bring(rows), self._intercept)

    def beside(self, **noted):
        rows = copy(self)
        rows._table = as_table(noted)
        return rows

    def dense_rows(self, positions):
        """Return some rows of the design, see :meth:`LocalBlocks.dense_rows`."""
        return self._design(positions).dense_rows(slice(None))


class BroughtBlock(Block):
    """A block that brings its features when it is first asked for them."""

    @cached_property
    def design(self):
        return self._design(self.rows)
