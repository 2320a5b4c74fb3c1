"""Rows in memory or in memory maps."""

from copy import copy

from ._block import Block
from ._design import design_blocks, make_design
from ._noted_blocks import NotedBlocks, as_table


class LocalBlocks(NotedBlocks):
    """Rows in memory, or in memory maps, read in views that stay.

    Parameters
    ----------
    X : {ndarray, CSR matrix} of shape (n_rows, n_features)
        The features, float64 or float32; never copied.
    intercept : bool, default=True
        Whether a column of ones stands behind the features.
    **noted : ndarray of shape (..., n_rows) or None
        What is known of the rows. ``weight`` (sample weight times class weight) and
        ``count`` (sample weight) are 1 where they are left out.

    Attributes
    ----------
    X : {ndarray, CSR matrix} of shape (n_rows, n_features)
        The features.
    n_rows : int
        Number of rows.
    blocks : list of Block
        In order.

    Examples
    --------
    >>> import numpy as np
    >>> from skswu.rows import LocalBlocks
    >>> rows = LocalBlocks(np.arange(6.0).reshape(3, 2), count=np.array([1.0, 2, 3]))
    >>> def weighted_sum(block):
    ...     return block.sums(block.count[None]), block.count.sum()
    >>> ((sums, total),) = rows.reduce(weighted_sum)
    >>> sums
    array([[16., 22.,  6.]])
    >>> float(total)
    6.0
    """

    def __init__(self, X, intercept=True, **noted):
        self.X = X
        self._design = make_design(X, intercept)
        self._set(list(design_blocks(X, intercept)), noted)

    def _set(self, designs, noted):
        self.n_rows = self.X.shape[0]
        self._table = as_table(noted)
        self.blocks = [
            Block(design, rows, self._table, self.n_rows) for rows, design in designs
        ]

    def beside(self, **noted):
        """Return the same rows with other notes, to be changed on their own.

        Parameters
        ----------
        **noted : ndarray of shape (..., n_rows) or None
            What is known of the rows.

        Returns
        -------
        rows : LocalBlocks
            On the same views of X.
        """
        rows = copy(self)
        rows._set([(block.rows, block.design) for block in self.blocks], noted)
        return rows

    def dense_rows(self, positions):
        """Return some rows of the design.

        Parameters
        ----------
        positions : slice or ndarray of int of shape (n_some,)
            Which rows.

        Returns
        -------
        ndarray of shape (n_some, n_columns)
            In float64, the intercept's column behind the features.
        """
        return self._design.dense_rows(positions)
