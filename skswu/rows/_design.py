"""Products with the design matrix of a linear model, in row chunks.

The design is X with a column of ones behind it when the model has an intercept; that
column is never stored.
"""

from abc import ABC, abstractmethod

import numpy as np
from scipy.linalg.blas import dsyrk
from scipy.sparse import csr_array, issparse

#: Up to so many vectors, one pass over a chunk for each is faster than BLAS's product
#: with a narrow matrix.
FEW_VECTORS = 4


def make_design(X, intercept):
    """Return the design of a dense or CSR matrix ``X``."""
    return (SparseDesign if issparse(X) else DenseDesign)(X, intercept)


class Design(ABC):
    """The rows of a design matrix.

    Parameters
    ----------
    X : {ndarray, CSR matrix} of shape (n_samples, n_features)
        Not copied.
    intercept : bool
        Whether a column of ones stands behind the features.

    Attributes
    ----------
    n_rows, n_columns : int
        Shape of the design, the intercept's column included.
    """

    def __init__(self, X, intercept):
        self.X = X
        self.intercept = intercept
        self.n_rows, self.n_features = X.shape
        self.n_columns = self.n_features + int(intercept)

    def chunks(self):
        """Yield slices that cover the rows."""
        return self._slices(self._entries_in_row())

    def _slices(self, width):
        """Yield slices of rows whose temporaries of a width stay in the cache."""
        size = max(2**18 // max(width, 1), 512)
        for start in range(0, self.n_rows, size):
            yield slice(start, min(start + size, self.n_rows))

    @abstractmethod
    def _entries_in_row(self):
        """Number of entries that a row has in memory."""

    @abstractmethod
    def _block(self, chunk):
        """The features of a chunk, whose products are in float64."""

    def product(self, chunk, vectors):
        """Return the chunk's rows times ``vectors`` (n_columns, n_vectors)."""
        result = self._multiply(self._block(chunk), vectors[: self.n_features])
        if self.intercept:
            result += vectors[-1]
        return result

    def add_transpose_product(self, chunk, vectors, out):
        """Add the chunk's transpose times ``vectors`` (n_rows, n_vectors) to out."""
        out[: self.n_features] += self._multiply(self._block(chunk).T, vectors)
        if self.intercept:
            out[-1] += vectors.sum(axis=0)

    def _multiply(self, block, vectors):
        return block @ vectors

    def squared_column_sums(self, weight):
        """Return the diagonals of the Grams of ``weight`` (n_rows, n_outputs).

        Returns
        -------
        ndarray of shape (n_columns, n_outputs)
        """
        out = np.zeros((self.n_columns, weight.shape[1]))
        for chunk in self.chunks():
            block = self._block(chunk)
            squared = block.multiply(block) if issparse(block) else block * block
            out[: self.n_features] += squared.T @ weight[chunk]
            if self.intercept:
                out[-1] += weight[chunk].sum(axis=0)
        return out

    def gram(self, weight):
        """Return the Gram matrix with row weights of shape (n_rows,), any sign."""
        gram = self._gram(_root_of_positive_part(weight))
        if weight.min(initial=0.0) < 0:
            gram -= self._gram(_root_of_positive_part(-weight))
        return gram

    @abstractmethod
    def _gram(self, scale):
        """Return the Gram matrix of the rows times ``scale``."""


class DenseDesign(Design):
    """A design whose features are an ndarray, float64 or float32."""

    def _entries_in_row(self):
        return self.n_features

    def _block(self, chunk):
        return self.X[chunk].astype(np.float64, copy=False)

    def _multiply(self, block, vectors):
        if not 1 < vectors.shape[1] <= FEW_VECTORS:
            return block @ vectors
        product = np.empty((len(block), vectors.shape[1]))
        for column, vector in zip(product.T, vectors.T.copy(), strict=True):
            column[:] = block @ vector
        return product

    def _gram(self, scale):
        gram = np.zeros((self.n_columns, self.n_columns), order="F")
        buffer = None
        for chunk in self.chunks():
            if buffer is None:
                buffer = np.empty((chunk.stop, self.n_columns))
            scaled = buffer[: chunk.stop - chunk.start]
            self._write_scaled(chunk, scale[chunk, None], scaled)
            gram = dsyrk(1.0, scaled.T, beta=1.0, c=gram, overwrite_c=1, lower=1)
        _mirror_lower(gram)
        return gram

    def _write_scaled(self, chunk, scale, out):
        np.multiply(self.X[chunk], scale, out=out[:, : self.n_features])
        if self.intercept:
            out[:, -1:] = scale


class SparseDesign(Design):
    """A design whose features are a CSR matrix."""

    def _entries_in_row(self):
        # A slice of a CSR matrix is a copy: few and large ones.
        return self.X.nnz // (8 * max(self.n_rows, 1))

    def _gram_is_dense(self):
        """Whether products of dense chunks are cheaper than of sparse ones."""
        return self.X.nnz > 0.02 * self.n_rows * self.n_features

    def _block(self, chunk):
        whole = chunk.start == 0 and chunk.stop == self.n_rows
        return self.X if whole else self.X[chunk]

    def _scaled_block(self, chunk, scale):
        """Return the rows of a chunk times ``scale`` as a CSR matrix."""
        start, stop = self.X.indptr[chunk.start], self.X.indptr[chunk.stop]
        pointers = self.X.indptr[chunk.start : chunk.stop + 1] - start
        data = self.X.data[start:stop] * np.repeat(scale[chunk], np.diff(pointers))
        shape = (chunk.stop - chunk.start, self.n_features)
        return csr_array((data, self.X.indices[start:stop], pointers), shape=shape)

    def _gram(self, scale):
        features = np.zeros((self.n_features, self.n_features), order="F")
        dense = self._gram_is_dense()
        add = self._add_dense if dense else self._add_sparse
        for chunk in self._slices(self.n_features) if dense else self.chunks():
            features = add(self._scaled_block(chunk, scale), features)
        _mirror_lower(features)
        if not self.intercept:
            return features
        gram = np.empty((self.n_columns, self.n_columns), order="F")
        gram[:-1, :-1] = features
        gram[:-1, -1] = gram[-1, :-1] = self.X.T @ scale**2
        gram[-1, -1] = scale @ scale
        return gram

    def _add_dense(self, scaled, gram):
        dense = scaled.toarray()
        return dsyrk(1.0, dense.T, beta=1.0, c=gram, overwrite_c=1, lower=1)

    def _add_sparse(self, scaled, gram):
        gram += (scaled.T @ scaled).toarray()
        return gram


def _root_of_positive_part(weight):
    root = np.maximum(weight, 0.0)
    return np.sqrt(root, out=root)


def _mirror_lower(matrix):
    """Write the lower triangle of a square matrix into its upper one, in place."""
    for start in range(0, len(matrix), 256):
        stop = min(start + 256, len(matrix))
        matrix[start:stop, stop:] = matrix[stop:, start:stop].T
        corner = matrix[start:stop, start:stop]
        corner[...] = np.tril(corner) + np.tril(corner, -1).T
