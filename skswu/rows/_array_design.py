"""Features that are an array of another library, on whatever device."""

import numpy as np

from .._utils._array_api import as_like, as_numpy, widest_float
from .._utils._compat import array_device, array_namespace
from ._design import Design

# A block is to keep a device busy, for which each product is a call.
_BLOCK_ENTRIES = 2**24


class ArrayDesign(Design):
    """Rows of an array of any library that follows the array API.

    Products are made in its library and on its device, in float64 where the device
    knows it; what has one entry a row, or is small, comes back as numpy.
    """

    def __init__(self, X, intercept):
        super().__init__(X, intercept)
        self._xp = array_namespace(X)[0]
        self._dtype = widest_float(self._xp, array_device(X))

    @staticmethod
    def entries_of_a_block(X):
        return _BLOCK_ENTRIES

    @staticmethod
    def entries_of_a_row(X):
        return max(X.shape[1], 1)

    @staticmethod
    def view_of(X, rows):
        return X[rows, :]

    def _wide(self):
        return self._xp.astype(self.X, self._dtype, copy=False)

    def _brought(self, values):
        """Return a numpy array as one beside the features."""
        values = as_like(np.ascontiguousarray(values), self.X)
        return self._xp.astype(values, self._dtype, copy=False)

    def _margins(self, vectors):
        products = self._brought(vectors) @ self._wide().T
        return np.array(as_numpy(products), dtype=np.float64)

    def _sums(self, factors):
        products = self._brought(factors) @ self._wide()
        return np.array(as_numpy(products), dtype=np.float64)

    def _squared(self):
        X = self._wide()
        return X * X

    def take(self, some):
        indices = as_like(np.asarray(some), self.X)
        return type(self)(self._xp.take(self.X, indices, axis=0), self.intercept)

    def dense_rows(self, rows):
        if isinstance(rows, slice):
            # The standard has no slice that ends behind the last row.
            X = self.X[slice(*rows.indices(self.n_rows)), :]
        else:
            X = self.take(rows).X
        return self._with_ones(np.asarray(as_numpy(X), dtype=np.float64))

    def _gram(self, root):
        factors = self._brought(root[:, None])
        scaled = self._wide() * factors
        if self.intercept:
            scaled = self._xp.concat([scaled, factors], axis=1)
        return np.array(as_numpy(scaled.T @ scaled), dtype=np.float64)
