"""The span of a few very long rows, in orthonormal coordinates."""

import numpy as np

#: Columns read at a time: a block of a few rows stays in the processor's cache.
BLOCK_LENGTH = 32768
#: Directions of the unit rows shorter than this, relative to the longest, are rounding.
RANK_TOLERANCE = 1e-11
#: A row shorter than this is zero: the square of its norm cannot be represented.
SMALLEST_NORM = 1e-150


class RowSpace:
    r"""Orthonormal basis :math:`Q` of the span of the rows :math:`a_j`.

    The rows, scaled to unit length, are :math:`a_j / \|a_j\| = (T Q)_j`. Dependent
    rows, parallel ones for example, make the basis smaller; a zero row has no
    coordinates. The basis is never held as a whole: it is formed in blocks of columns
    whenever it is read.

    Parameters
    ----------
    rows : sequence of m ndarray
        The rows, which are neither copied nor modified.
    samples : ndarray of int of shape (n,) or None, default=None
        The columns that the rows are restricted to, None for all.

    Attributes
    ----------
    norms : ndarray of shape (m,)
        The rows' lengths, 0 for what counts as a zero row.
    inverse_norms : ndarray of shape (m,)
        Their inverses, 0 for a zero row.
    coordinates : ndarray of shape (m, rank)
        The matrix T.
    basis : ndarray of shape (rank, m)
        The basis in terms of the rows, ``Q = basis @ rows``.
    """

    def __init__(self, rows, samples=None):
        self.rows, self.samples = list(rows), samples
        factor = triangular_factor((block for _, block in self.row_blocks()), self.m)
        largest = np.abs(factor).max(axis=0, initial=SMALLEST_NORM)
        norms = largest * np.linalg.norm(factor / largest, axis=0)
        self.norms = np.where(norms > SMALLEST_NORM, norms, 0.0)
        self.inverse_norms = np.divide(
            1.0, self.norms, out=np.zeros(self.m), where=self.norms > 0
        )
        _, lengths, directions = np.linalg.svd(
            factor * self.inverse_norms, full_matrices=False
        )
        kept = lengths > RANK_TOLERANCE * lengths.max(initial=SMALLEST_NORM)
        lengths, directions = lengths[kept], directions[kept]
        self.coordinates = directions.T * lengths
        self.basis = directions / lengths[:, None] * self.inverse_norms

    @property
    def m(self):
        """Number of rows."""
        return len(self.rows)

    @property
    def n(self):
        """Length of each row."""
        return len(self.rows[0] if self.samples is None else self.samples)

    @property
    def rank(self):
        """Dimension of the span."""
        return len(self.basis)

    def blocks(self):
        """Yield (columns, block of the basis of shape (rank, block length))."""
        for columns, block in self.row_blocks():
            yield columns, self.basis @ block

    def restricted(self, samples):
        """Return the space of some columns of the rows, given by their numbers."""
        if len(samples) == self.n:
            return self
        outer = self.samples
        return RowSpace(self.rows, samples if outer is None else outer[samples])

    def products(self, vector):
        """Return the rows' products with a vector of shape (n,), in their own units."""
        values = np.zeros(self.m)
        for columns, block in self.row_blocks():
            values += block @ vector[columns]
        return values

    def row_blocks(self):
        """Yield (columns, block of the rows of shape (m, block length))."""
        return stacked_blocks(self.rows, self.samples)


def stacked_blocks(rows, samples=None):
    """Yield (columns, block of the rows of shape (m, block length)).

    Columns are those of the rows, or of what ``samples`` restricts them to.
    """
    length = len(rows[0] if samples is None else samples)
    for start in range(0, length, BLOCK_LENGTH):
        columns = slice(start, start + BLOCK_LENGTH)
        chosen = columns if samples is None else samples[columns]
        yield columns, np.stack([row[chosen] for row in rows])


def triangular_factor(blocks, n_rows):
    r"""Return R of the QR factorisation of :math:`A^\top`, for A in blocks of columns.

    :math:`R^\top R = A A^\top`, but R is accurate to rounding where the product has
    already lost half the digits.

    Parameters
    ----------
    blocks : iterable of ndarray of shape (n_rows, block length)
        The columns of A.
    n_rows : int
        Number of rows of A.

    Returns
    -------
    ndarray of shape (k, n_rows), k <= n_rows
        The triangular factor.
    """
    factor = np.zeros((0, n_rows))
    for block in blocks:
        factor = np.linalg.qr(np.vstack([factor, block.T]), mode="r")
    return factor
