"""Products with the features of a block of rows: the only code that touches them.

A design is X with a column of ones behind it where the model has an intercept; that
column is never stored. Vectors of columns have shape (n_vectors, n_columns), what there
is of rows (n_vectors, n_rows).
"""

from abc import ABC, abstractmethod
from threading import local

import numpy as np
from scipy.linalg.blas import dsyrk, dtrmm
from scipy.sparse import csc_array, csr_array, issparse

# Entries of a block: few enough to stay in the cache between the products of a pass,
# and enough that these take longer than to call them.
_BLOCK_ENTRIES = 2**19
# Entries of the scaled rows that a Gram matrix is added up from.
_SCALED_ENTRIES = 2**17
# Entries of the products of pairs of columns.
_PAIR_ENTRIES = 2**18
#: Entries of the products of rows with the vectors of a factor.
PRODUCT_ENTRIES = 2**18
_MIN_BLOCK_ROWS = 512
# What is noted beside a row takes as much as so many features.
_MIN_ENTRIES_OF_A_ROW = 8
# Sums over a sparse block fill a vector of all columns: the block holds this many times
# as many entries.
_ENTRIES_PER_COLUMN = 16
# Up to so many vectors, a product for each is faster than one with a narrow matrix.
_FEW_VECTORS = 4
# Up to so many columns NumPy's product of a matrix with itself is faster than BLAS's
# own, whose second triangle is left out.
_NARROW = 200
# A sparse block that fills more than this share is multiplied as a dense one.
_DENSE_SHARE = 0.02

_scratch = local()


def design_blocks(X, intercept):
    """Yield slices of the rows of X with the design of each, in views.

    Parameters
    ----------
    X : {ndarray, CSR matrix} of shape (n_rows, n_features)
        The features.
    intercept : bool
        Whether a column of ones stands behind them.
    """
    kind = _kind_of(X)
    for rows in slices_of_blocks(X, X.shape[0]):
        yield rows, kind(kind.view_of(X, rows), intercept)


def slices_of_blocks(X, n_rows):
    """Yield slices of so many rows, each a block if the rows are like those of X."""
    kind = _kind_of(X)
    size = max(kind.entries_of_a_block(X) // kind.entries_of_a_row(X), _MIN_BLOCK_ROWS)
    for start in range(0, n_rows, size):
        yield slice(start, min(start + size, n_rows))


def view_of(X, rows):
    """Return the rows of a slice without a copy of their entries."""
    return _kind_of(X).view_of(X, rows)


def make_design(X, intercept):
    """Return the design of all rows of X."""
    return _kind_of(X)(X, intercept)


def _kind_of(X):
    if issparse(X):
        return SparseDesign
    if isinstance(X, np.ndarray):
        return DenseDesign
    from ._array_design import ArrayDesign

    return ArrayDesign


class Design(ABC):
    """The features of consecutive rows.

    Parameters
    ----------
    X : {ndarray, CSR matrix} of shape (n_rows, n_features)
        Not copied.
    intercept : bool
        Whether a column of ones stands behind the features.

    Attributes
    ----------
    n_rows, n_columns : int
        Shape of the design, the intercept's column included.
    n_features : int
        Number of columns of X.
    """

    def __init__(self, X, intercept):
        self.X, self.intercept = X, intercept
        self.n_rows, self.n_features = X.shape
        self.n_columns = self.n_features + bool(intercept)

    @staticmethod
    @abstractmethod
    def entries_of_a_block(X):
        """Return how many entries a block of X is to hold."""

    @staticmethod
    @abstractmethod
    def entries_of_a_row(X):
        """Return how many entries a row of X holds, at least 1."""

    @staticmethod
    @abstractmethod
    def view_of(X, rows):
        """Return the rows of a slice without a copy of their entries."""

    @abstractmethod
    def _margins(self, vectors):
        """Return the products of the features with (n_vectors, n_features)."""

    @abstractmethod
    def _sums(self, factors):
        """Return the sums of the features times (n_vectors, n_rows)."""

    @abstractmethod
    def _squared(self):
        """Return the features squared."""

    @abstractmethod
    def dense_rows(self, rows):
        """Return some rows of the design as a float64 ndarray, ones behind them."""

    @abstractmethod
    def _gram(self, root):
        """Return the Gram matrix of the rows times ``root``, its lower triangle."""

    def margins(self, vectors):
        """Return the products of the rows with vectors, (n_vectors, n_rows)."""
        products = self._margins(vectors[:, : self.n_features])
        if self.intercept:
            products += vectors[:, -1:]
        return products

    def sums(self, factors):
        """Return the sums of the rows times factors, (n_vectors, n_columns)."""
        if not self.intercept:
            return self._sums(factors)
        sums = np.empty((len(factors), self.n_columns))
        sums[:, :-1] = self._sums(factors)
        sums[:, -1] = factors.sum(axis=1)
        return sums

    def squared_lengths(self, root):
        r"""Return :math:`\|R x_i\|^2` of the rows, (n_rows,).

        Parameters
        ----------
        root : ndarray of shape (n_vectors, n_columns)
            The R.
        """
        lengths = np.zeros(self.n_rows)
        size = max(PRODUCT_ENTRIES // max(self.n_rows, 1), 1)
        for start in range(0, len(root), size):
            moved = self.margins(root[start : start + size])
            lengths += np.einsum("qn,qn->n", moved, moved)
        return lengths

    def gram(self, weight):
        r"""Return the lower triangle of :math:`\sum_i v_i x_i x_i^\top`.

        Parameters
        ----------
        weight : ndarray of shape (n_rows,)
            The :math:`v_i`, of any sign.
        """
        negative = weight < 0
        root = np.sqrt(np.abs(weight))
        if not negative.any():
            return self._gram(root)
        if negative.all():
            return -self._gram(root)
        # Rows of either sign by themselves: together as dear as rows of one sign.
        gram = self._gram_of(np.flatnonzero(~negative), root)
        gram -= self._gram_of(np.flatnonzero(negative), root)
        return gram

    def _gram_of(self, some, root):
        return self.take(some)._gram(root[some])

    def take(self, some):
        """Return the design of the rows at some positions, a copy."""
        return type(self)(self.X[some], self.intercept)

    def squares(self, weight):
        """Return the diagonals of the Grams of ``weight`` (n_vectors, n_rows)."""
        return type(self)(self._squared(), self.intercept).sums(weight)

    def pair_sums(self, factors):
        r"""Return :math:`\sum_i f_{ci} x_i x_i^\top`, (n_vectors, n_pairs).

        The pairs of columns are in the order of :func:`numpy.tril_indices`. One matrix
        product serves all factors, of which the Hessian of many classes has very many.
        """
        p = self.n_columns
        sums = np.zeros((len(factors), p * (p + 1) // 2))
        size = int(np.clip(_PAIR_ENTRIES // max(sums.shape[1], 1), 64, 1024))
        pairs = np.empty((sums.shape[1], size))
        for start in range(0, self.n_rows, size):
            rows = slice(start, min(start + size, self.n_rows))
            x = np.ascontiguousarray(self.dense_rows(rows).T)
            n = x.shape[1]
            first = 0
            for i in range(p):
                np.multiply(x[: i + 1], x[i], out=pairs[first : first + i + 1, :n])
                first += i + 1
            sums += factors[:, rows] @ pairs[:, :n].T
        return sums

    def _with_ones(self, features):
        if not self.intercept:
            return features
        rows = np.empty((len(features), self.n_columns))
        rows[:, :-1], rows[:, -1] = features, 1.0
        return rows


class DenseDesign(Design):
    """Rows of an ndarray or a memory map, float64 or float32."""

    @staticmethod
    def entries_of_a_block(X):
        return _BLOCK_ENTRIES

    @staticmethod
    def entries_of_a_row(X):
        return max(X.shape[1], _MIN_ENTRIES_OF_A_ROW)

    @staticmethod
    def view_of(X, rows):
        return X[rows]

    def _float64(self):
        return self.X.astype(np.float64, copy=False)

    def _margins(self, vectors):
        return _product(vectors, self._float64().T)

    def _sums(self, factors):
        return _product(factors, self._float64())

    def _squared(self):
        return self._float64() ** 2

    def dense_rows(self, rows):
        return self._with_ones(self.X[rows].astype(np.float64, copy=False))

    def squared_lengths(self, root):
        is_upper = not np.tril(root, -1).any()
        is_triangular = is_upper or not np.triu(root, 1).any()
        if not (is_triangular and len(root) == self.n_columns):
            return super().squared_lengths(root)
        root, lengths = np.asfortranarray(root), np.empty(self.n_rows)
        for rows in self._parts():
            X = self.X[rows]
            moved = scratch(len(X), self.n_columns)
            moved[:, : self.n_features], moved[:, self.n_features :] = X, 1.0
            moved = dtrmm(1.0, root, moved.T, lower=not is_upper, overwrite_b=1)
            np.einsum("qn,qn->n", moved, moved, out=lengths[rows])
        return lengths

    def _gram(self, root):
        gram = np.zeros((self.n_columns, self.n_columns), order="F")
        for rows in self._parts():
            X, factors = self.X[rows], root[rows, None]
            scaled = scratch(len(X), self.n_columns)
            np.multiply(X, factors, out=scaled[:, : self.n_features])
            scaled[:, self.n_features :] = factors
            gram = _add_self_product(scaled, gram)
        return gram

    def _parts(self):
        """Yield slices of as many rows as are copied at a time."""
        size = max(_SCALED_ENTRIES // max(self.n_columns, 1), self.n_columns)
        for start in range(0, self.n_rows, size):
            yield slice(start, start + size)


class SparseDesign(Design):
    """Rows of a CSR matrix."""

    def __init__(self, X, intercept):
        super().__init__(X, intercept)
        # SciPy copies the entries of a view each time that it transposes it.
        self._transposed = csc_array(X.shape[::-1], dtype=X.dtype)
        for part in ("data", "indices", "indptr"):
            setattr(self._transposed, part, getattr(X, part))

    @staticmethod
    def entries_of_a_block(X):
        return max(_BLOCK_ENTRIES, _ENTRIES_PER_COLUMN * X.shape[1])

    @staticmethod
    def entries_of_a_row(X):
        return max(X.nnz // max(X.shape[0], 1), 1)

    @staticmethod
    def view_of(X, rows):
        # The slices of SciPy copy.
        start, stop = X.indptr[rows.start], X.indptr[rows.stop]
        view = csr_array((rows.stop - rows.start, X.shape[1]), dtype=X.dtype)
        view.data, view.indices = X.data[start:stop], X.indices[start:stop]
        view.indptr = X.indptr[rows.start : rows.stop + 1] - start
        return view

    def _margins(self, vectors):
        products = self.X @ _as_columns(vectors)
        products = products.reshape(self.n_rows, len(vectors))
        return np.ascontiguousarray(products.T, np.float64)

    def _sums(self, factors):
        sums = self._transposed @ _as_columns(factors)
        return sums.reshape(self.n_features, len(factors)).T

    def _squared(self):
        squared = self.X.copy()
        squared.data = squared.data.astype(np.float64) ** 2
        return squared

    def dense_rows(self, rows):
        return self._with_ones(self.X[rows].toarray().astype(np.float64, copy=False))

    def _gram(self, root):
        is_dense = self.X.nnz > _DENSE_SHARE * self.n_rows * self.n_features
        return self._dense_gram(root) if is_dense else self._sparse_gram(root)

    def _dense_gram(self, root):
        gram = np.zeros((self.n_columns, self.n_columns), order="F")
        size = max(_SCALED_ENTRIES // max(self.n_columns, 1), 64)
        for start in range(0, self.n_rows, size):
            rows = slice(start, start + size)
            scaled = self.dense_rows(rows)
            scaled *= root[rows, None]
            gram = _add_self_product(scaled, gram)
        return gram

    def _sparse_gram(self, root):
        per_row = np.diff(self.X.indptr)
        scaled = csr_array(self.X.shape)
        scaled.data = self.X.data * np.repeat(root, per_row)
        scaled.indices, scaled.indptr = self.X.indices, self.X.indptr
        gram = np.empty((self.n_columns, self.n_columns))
        n = self.n_features
        gram[:n, :n] = (scaled.T @ scaled).toarray()
        if self.intercept:
            gram[-1, :-1] = gram[:-1, -1] = scaled.T @ root
            gram[-1, -1] = root @ root
        return gram


def scratch(n_rows, n_columns):
    """Return an array to write into, this thread's own, kept for the next call.

    Where freed memory goes back to the system at once, a new array for each block takes
    longer to get than to use.
    """
    size, known = n_rows * n_columns, getattr(_scratch, "memory", None)
    if known is None or len(known) < size:
        known = _scratch.memory = np.empty(size)
    return known[:size].reshape(n_rows, n_columns)


def mirrored(lower):
    """Return the symmetric matrices (..., p, p) of lower triangles."""
    lower = np.tril(lower)
    return lower + np.swapaxes(np.tril(lower, -1), -1, -2)


def _add_self_product(scaled, gram):
    """Add the lower triangle, at least, of a matrix's transpose times itself."""
    if scaled.shape[1] <= _NARROW:
        gram += scaled.T @ scaled
        return gram
    return dsyrk(1.0, scaled.T, beta=1.0, c=gram, overwrite_c=1, lower=1)


def _as_columns(vectors):
    return vectors[0] if len(vectors) == 1 else np.ascontiguousarray(vectors.T)


def _product(vectors, matrix):
    if not 1 < len(vectors) <= _FEW_VECTORS:
        return vectors @ matrix
    product = np.empty((len(vectors), matrix.shape[1]))
    for vector, row in zip(vectors, product, strict=True):
        np.dot(vector, matrix, out=row)
    return product
