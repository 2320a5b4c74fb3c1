"""Consecutive rows, with what is known of them."""

from math import prod

import numpy as np


class Block:
    """Consecutive rows, as a call of a pass sees them.

    What is noted of rows has them last, shape (..., n_rows): the values of one output
    lie side by side in memory.

    Parameters
    ----------
    design : Design
        The features of the rows; all that is large.
    rows : slice
        Which of all rows these are.
    table : dict of str to ndarray of shape (..., n_all_rows)
        What is noted of the rows of all blocks.
    n_all_rows : int
        Number of rows of all blocks.

    Attributes
    ----------
    n_rows : int
        Number of rows of this block.
    """

    def __init__(self, design, rows, table, n_all_rows):
        self._design = design
        self.rows = rows
        self.n_rows = rows.stop - rows.start
        self._table = table
        self._n_all_rows = n_all_rows

    @property
    def design(self):
        """The features of the rows."""
        return self._design

    def __contains__(self, name):
        return name in self._table

    def __getitem__(self, name):
        """Return the block's part of what is noted under a name, a view."""
        return self._table[name][..., self.rows]

    def get(self, name, otherwise=None):
        """Return the block's part of what is noted under a name, or something else."""
        noted = self._table.get(name)
        return otherwise if noted is None else noted[..., self.rows]

    def __setitem__(self, name, values):
        """Note values (..., n_rows) of the block's rows under a name."""
        self.room(name, values.shape[:-1], values.dtype)[...] = values

    def room(self, name, shape=(), dtype=np.float64):
        """Return the block's part under a name, to be written into.

        Parameters
        ----------
        name : str
            What is to be noted.
        shape : tuple of int, default=()
            Its shape without the rows.
        dtype : dtype, default=float64
            Its kind.

        Returns
        -------
        ndarray of shape (..., n_rows)
            Not initialised if it is new.
        """
        shape = (*shape, self._n_all_rows)
        known = self._table.get(name)
        if known is None or known.shape != shape or known.dtype != dtype:
            known = self._table[name] = np.empty(shape, dtype)
        return known[..., self.rows]

    @property
    def weight(self):
        """What rows weigh in the training objective, (n_rows,), or the number 1.0."""
        return self._noted_or_one("weight")

    @property
    def count(self):
        """As how many rows each is measured, (n_rows,), or the number 1.0."""
        return self._noted_or_one("count")

    @property
    def inverse_count(self):
        """One over the sample weights, 0 for rows of none, or the number 1.0."""
        count = self.count
        if np.ndim(count) == 0:
            return 1.0
        return np.divide(1.0, count, out=np.zeros_like(count), where=count > 0)

    def _noted_or_one(self, name):
        noted = self._table.get(name)
        return 1.0 if noted is None else noted[self.rows]

    def margins(self, matrices):
        """Return the products of the rows with coefficients.

        Parameters
        ----------
        matrices : ndarray of shape (..., n_columns)
            Coefficients, the intercept's behind those of the features.

        Returns
        -------
        ndarray of shape (..., n_rows)
        """
        margins = self.design.margins(_as_matrix(matrices))
        return margins.reshape(*matrices.shape[:-1], self.n_rows)

    def measured(self, z, offset="offset"):
        """Return margins as rows are measured by: with what is noted as their offset.

        Parameters
        ----------
        z : ndarray of shape (..., n_outputs, n_rows)
            Margins of models.
        offset : str, default="offset"
            Under which name it is noted.

        Returns
        -------
        ndarray of that shape
            z itself where nothing is noted.
        """
        return z + self[offset] if offset in self else z

    def sums(self, factors):
        """Return the sums of the rows times factors.

        Parameters
        ----------
        factors : ndarray of shape (..., n_rows)
            A factor a row.

        Returns
        -------
        ndarray of shape (..., n_columns)
        """
        sums = self.design.sums(_as_matrix(factors))
        return sums.reshape(*factors.shape[:-1], self.design.n_columns)


def _as_matrix(arrays):
    """Return arrays (..., n) as (n_arrays, n), which may be empty."""
    return arrays.reshape(prod(arrays.shape[:-1]), arrays.shape[-1])
