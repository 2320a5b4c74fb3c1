"""The span of a few very long rows, in orthonormal coordinates."""

import numpy as np

#: Directions of the unit rows shorter than this, relative to the longest, are rounding.
RANK_TOLERANCE = 1e-11
#: A row shorter than this is zero: the square of its norm cannot be represented.
SMALLEST_NORM = 1e-150


class RowSpace:
    r"""Orthonormal basis :math:`Q` of the span of the rows :math:`a_j`.

    The rows, scaled to unit length, are :math:`a_j / \|a_j\| = (T Q)_j`. Dependent
    rows, parallel ones for example, make the basis smaller; a zero row has no
    coordinates. The basis is never held as a whole: it is formed of blocks of samples
    whenever they are read.

    Parameters
    ----------
    samples : Samples
        Whose constraint rows these are.

    Attributes
    ----------
    samples : Samples
        The same.
    n : int
        Number of samples.
    norms : ndarray of shape (m,)
        The rows' lengths, 0 for what counts as a zero row.
    inverse_norms : ndarray of shape (m,)
        Their inverses, 0 for a zero row.
    coordinates : ndarray of shape (m, rank)
        The matrix T.
    basis : ndarray of shape (rank, m)
        The basis in terms of the rows, ``Q = basis @ rows``.
    """

    def __init__(self, samples):
        self.samples = samples
        factor, self.n = samples.reduce(_factor_of_part)
        factor = factor.triangle
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
        return self.samples.m

    @property
    def rank(self):
        """Dimension of the span."""
        return len(self.basis)

    def inside(self, sides):
        """Return the space of the samples at no side, by the name of a note."""
        return RowSpace(self.samples.inside(sides))


class TriangularFactor:
    r"""R of the QR factorisation of :math:`A^\top`, for A in blocks of columns.

    :math:`R^\top R = A A^\top`, but R is accurate to rounding where the product has
    already lost half the digits. Factors of blocks can be added.

    Parameters
    ----------
    columns : ndarray of shape (n, m)
        A block of columns of A, or a factor of them.

    Attributes
    ----------
    triangle : ndarray of shape (k, m), k <= m
        The factor.
    """

    def __init__(self, columns):
        self.triangle = np.linalg.qr(columns, mode="r")

    def __add__(self, other):
        return TriangularFactor(np.vstack([self.triangle, other.triangle]))


def _factor_of_part(part):
    return TriangularFactor(part.rows.T), part.n
