"""What a curvature operator and its inverse look like."""

from abc import ABC, abstractmethod
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from .._utils._warnings import warn

# Columns of a dense matrix that are made by one product with a block of unit vectors.
_DENSE_COLUMNS = 64


class CurvatureOperator(ABC):
    r"""A symmetric matrix :math:`H` known by its products.

    It is positive semi-definite, but for the Hessian of a network.

    Blocks of vectors have shape (n_parameters, n_vectors) and are arrays of the
    operator's own library (numpy, or torch on the model's device).

    Attributes
    ----------
    n_parameters : int
        Number of rows of the matrix.
    max_direct_size : int
        Largest dense block that ``solver="auto"`` factorises; beyond, products are
        cheaper than forming the block and keeping it.
    """

    n_parameters: int
    max_direct_size = 2000
    #: Vectors that a solver may keep in memory to save products.
    n_kept_vectors = 0

    @abstractmethod
    def product(self, vectors):
        """Return ``H @ vectors`` for ``vectors`` of shape (n_parameters, n_vectors)."""

    def repeated_products(self):
        """Return a context in which products may keep what they have in common.

        The memory that this takes is bounded. It is free again afterwards, or, where
        that serves what else is asked of the rows at the same parameters, once products
        are repeated at others. The model is not to be evaluated at other parameters
        within.
        """
        return nullcontext()

    def keep_passes(self):  # noqa: B027 - most matrices need no passes
        """Make now what products and gradients at the same parameters share.

        It is kept as in :meth:`repeated_products`.
        """

    def diagonal(self):
        """Return the diagonal of H, shape (n_parameters,), or None if it is costly."""
        return None

    def preconditioner(self, damping):
        """Return an approximate inverse of the damped matrix, None if none is cheap.

        It saves iterative solvers products, and is as good as nothing by itself.

        Parameters
        ----------
        damping : float
            Added to the diagonal.

        Returns
        -------
        callable or None
            Maps vectors as :meth:`product` does; linear, symmetric and positive
            definite.
        """
        return None

    def batch_products(self):
        """Yield functions that estimate :meth:`product` from a batch of rows each.

        The batches share out the rows, and each estimate is unbiased over them. The
        default is the one product itself.

        Yields
        ------
        callable
            Maps vectors as :meth:`product` does.
        """
        yield self.product

    def dense_blocks(self):
        """Return the blocks of a block-diagonal H.

        Returns
        -------
        list of tuple (indices, matrix)
            ``indices`` selects the block's parameters (slice or integer array), and
            ``matrix`` is a new float64 numpy array that the caller may overwrite.
        """
        matrix = np.empty((self.n_parameters, self.n_parameters))
        with self.repeated_products():
            for start in range(0, self.n_parameters, _DENSE_COLUMNS):
                width = min(_DENSE_COLUMNS, self.n_parameters - start)
                unit = np.eye(self.n_parameters, width, -start)
                columns = self.product(self.from_numpy(unit))
                matrix[:, start : start + width] = self.to_numpy(columns)
        return [(slice(None), (matrix + matrix.T) / 2.0)]

    def largest_block_size(self):
        """Return the number of parameters in the largest dense block."""
        return self.n_parameters

    def null_directions(self):
        """Return an orthonormal basis of known null directions of H, or None.

        A direction is known when the model's own symmetry makes it flat, such as one
        constant added to the intercepts of all classes of a softmax. Gradients have no
        component along it, so an inverse may leave it alone without a warning.
        """
        return None

    def random_block(self, random_state, n_vectors):
        """Return random orthonormal vectors, (n_parameters, n_vectors).

        Parameters
        ----------
        random_state : RandomState instance
            Draws them.
        n_vectors : int
            How many.
        """
        block = random_state.standard_normal((self.n_parameters, n_vectors))
        return self.from_numpy(np.linalg.qr(block)[0])

    def new_block(self, n_vectors):
        """Return vectors (n_parameters, n_vectors) to be written to."""
        return np.empty((self.n_parameters, n_vectors), order="F")

    def orthonormalize(self, vectors):
        """Return orthonormal vectors and the triangle that makes ``vectors`` of them.

        Parameters
        ----------
        vectors : array of shape (n_parameters, n_vectors)
            A block.
        """
        return np.linalg.qr(vectors)

    def small_to_numpy(self, arrays):
        """Return small arrays of as many columns each, brought over together."""
        return arrays

    def precision(self):
        """Return the machine epsilon of the products."""
        return np.finfo(np.float64).eps

    def to_numpy(self, vectors):
        """Return a block of vectors as a float64 numpy array."""
        return vectors

    def from_numpy(self, vectors):
        """Return a float64 numpy block of vectors as the operator's own array."""
        return vectors


@dataclass(frozen=True)
class Solution:
    """Solutions of a linear system, and what they took.

    Attributes
    ----------
    vectors : array of shape (n_parameters, n_vectors)
        The solutions, arrays of the operator's own library.
    relative_residual : float or None, default=None
        The largest over the right-hand sides; None for a direct solve, which does not
        measure it.
    n_products : int, default=0
        Products with the curvature that were made for them.
    """

    vectors: Any
    relative_residual: float | None = None
    n_products: int = 0


class InverseCurvature(ABC):
    r"""Solve :math:`(H + \delta I) x = v` for a block of right-hand sides."""

    @abstractmethod
    def solve(self, vectors):
        """Return the Solution of ``(H + damping * I) x = vectors``.

        Parameters
        ----------
        vectors : array of shape (n_parameters, n_vectors)
            Right-hand sides.

        Returns
        -------
        Solution
        """

    def keep_passes(self):  # noqa: B027 - only products need passes
        """Make now what solves and gradients at the same parameters share."""

    def ritz_pairs(self):
        """Return approximate eigenpairs of H that earlier solves came by.

        Returns
        -------
        tuple (values, vectors) or None
            Of shapes (n_pairs,) and (n_parameters, n_pairs), the vectors orthonormal.
        """
        return None

    def recycle(self, other):  # noqa: B027 - most solvers have no use for it
        """Let solves profit from those with a curvature nearby.

        Parameters
        ----------
        other : InverseCurvature
            Of that one.
        """

    def roots(self):
        r"""Return factors R of the inverse, :math:`R^\top R = (H + \delta I)^{-1}`.

        Returns
        -------
        list of tuple (indices, matrix) or None
            The parameters of each dense block, and the factor (n_rows, n_in_block) of
            its inverse. None if the inverse is known by products alone.
        """
        return None


def warn_of_negative_curvature(found, done):
    """Warn that a system of a minimum's curvature has none, in the same words for all.

    Parameters
    ----------
    found : str
        What was met.
    done : str
        What the solver does about it.
    """
    warn(
        f"The matrix has negative curvature: {found}. {done}, and the solution is not "
        "to be trusted. Raise damping, or use the Gauss-Newton curvature.",
        ConvergenceWarning,
    )
