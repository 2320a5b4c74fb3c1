"""Inverse curvature where products are dear: in one Krylov space of all vectors."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import linalg

from .._utils._progress import report_residual
from ._conjugate_gradient import ConjugateGradientInverse

# Of the vectors that may be kept, the share that one solve leaves to the next.
_RECYCLED_SHARE = 0.5
# With fewer products to a basis, right-hand sides are solved for side by side.
_FEWEST_BLOCKS = 4


class BlockConjugateGradientInverse(ConjugateGradientInverse):
    r"""Solve for all right-hand sides in the Krylov space that they span together.

    The orthonormal basis Q of that space is kept, and the solution in it is that of the
    small matrix :math:`T = Q^\top (H + \delta I) Q`. Conjugate gradients that share
    their directions: fewer products than side by side, for some memory.

    The eigenpairs of T approximate those of H, the largest best. They precondition the
    solves with a curvature nearby, see :meth:`recycle`, by

    .. math:: P = I + U \left((\lambda_r + \delta) (\Lambda + \delta I)^{-1} - I\right)
              U^\top

    with :math:`\lambda_r` the least of them, as a Nyström sketch does. Where the
    operator offers a preconditioner of its own, right-hand sides are solved for with
    that, side by side.

    Parameters
    ----------
    operator : CurvatureOperator
        The curvature :math:`H`.
    n_kept : int
        Vectors of a basis; beyond, the solve goes on side by side.
    damping : float, default=0.0
        The :math:`\delta \ge 0` added to the diagonal.
    tol : float, default=1e-8
        Relative residual at which a right-hand side is solved.
    max_iter : int, default=1000
        Largest number of products with a block of vectors.

    Warns
    -----
    ConvergenceWarning
        As :class:`ConjugateGradientInverse` does.

    References
    ----------
    O'Leary, "The Block Conjugate Gradient Algorithm and Related Methods", 1980.
    """

    def __init__(self, operator, n_kept, *, damping=0.0, tol=1e-8, max_iter=1000):
        super().__init__(operator, damping=damping, tol=tol, max_iter=max_iter)
        self.n_kept = n_kept
        self._near = None
        self._basis = None

    def recycle(self, other):
        pairs = other.ritz_pairs()
        if pairs is not None and len(pairs[1]) == self.operator.n_parameters:
            self._near = self._preconditioner(*pairs)

    def ritz_pairs(self):
        if self._basis is None:
            return None if self._near is None else self._near.pairs
        n_most = max(int(_RECYCLED_SHARE * self.n_kept), 1)
        return self._basis.ritz_pairs(self.damping, n_most)

    def _iterate(self, vectors):
        is_wide = vectors.shape[1] > self.n_kept // _FEWEST_BLOCKS
        if is_wide or self.preconditioner is not None:
            return super()._iterate(vectors)
        scale = self._sizes(vectors)
        scale = self.operator.from_numpy(np.where(scale > 0, scale, 1.0)[None])
        found = self._in_one_basis(vectors / scale, self._near)
        solution, relative = scale * found.vectors, found.relative
        is_done = relative.max() <= self.tol or found.negative or not found.is_full
        if is_done or found.n_products >= self.max_iter:
            return solution, relative, found.n_products, found.negative
        left = vectors - self._damped_product(solution)
        further, reached, n_products, negative = self._go_on(left, found)
        relative = self.operator.small_to_numpy([reached[None]])[0][0] * relative
        n_products += found.n_products + 1
        return solution + further, relative, n_products, negative

    def _go_on(self, left, found):
        """Solve for what a full basis left over, side by side."""
        near = self._near or self._preconditioner(*self.ritz_pairs())
        return ConjugateGradientInverse(
            self.operator,
            damping=self.damping,
            tol=self.tol / found.relative.max(),
            max_iter=self.max_iter - found.n_products,
            precondition=lambda residual: near.half(near.half(residual)),
        )._iterate(left)

    def _in_one_basis(self, vectors, near):
        """Solve as far as one basis goes."""
        basis, n_products = _Basis(self.operator, self.n_kept), 0
        if near is None:
            near, self._basis = _Preconditioner(), self._basis or basis
        start = basis.begin(near.half(vectors))
        weights, relative, negative = None, self._sizes(vectors), False
        while basis.n_new and n_products < self.max_iter and relative.max() > self.tol:
            image = near.half(self._damped_product(near.half(basis.new)))
            n_products += 1
            left_over = basis.extend(image, near.vectors)
            found, negative = basis.solve(start)
            if negative:
                break
            weights = found
            relative = near.sizes(*left_over.of(weights))
            report_residual(relative.max())
        solution = 0.0 * vectors
        if weights is not None:
            solution = near.half(basis.combine(weights))
        return _Found(solution, relative, n_products, negative, basis.is_full)

    def _preconditioner(self, values, vectors):
        """Return that of eigenpairs."""
        if not len(values):
            return _Preconditioner()
        least, damped = values.min() + self.damping, values + self.damping
        factors = np.sqrt(least / damped)
        added = self.operator.from_numpy(factors[:, None] - 1.0)
        return _Preconditioner((values, vectors), factors, added)

    def _damped_product(self, vectors):
        return self.operator.product(vectors) + self.damping * vectors

    def _sizes(self, vectors):
        """Return the norms of columns as numpy."""
        (squares,) = self.operator.small_to_numpy([(vectors * vectors).sum(0)[None]])
        return np.sqrt(squares[0])


@dataclass(frozen=True)
class _Found:
    """How far a basis went."""

    vectors: Any
    relative: np.ndarray
    n_products: int
    negative: bool
    is_full: bool


class _Basis:
    """Orthonormal vectors, and the matrix that an operator is between them."""

    def __init__(self, operator, n_most):
        self.operator = operator
        self._n_most = n_most
        self._vectors = None
        self._n_done = 0
        self.n_new = 0
        self.is_full = False
        self._matrix = np.zeros((0, 0))

    def begin(self, vectors):
        """Span vectors; return what they are in the basis."""
        n_vectors = vectors.shape[1]
        self._vectors = self.operator.new_block(max(self._n_most, n_vectors))
        orthonormal, triangle = self.operator.orthonormalize(vectors)
        (triangle,) = self.operator.small_to_numpy([triangle])
        return triangle[self._append(orthonormal, triangle, np.abs(triangle).max())]

    @property
    def new(self):
        """The vectors whose images are not known yet."""
        return self._vectors[:, self._n_done : self._n_done + self.n_new]

    def extend(self, image, beside):
        """Take the image of the new vectors, and append what of it is new again.

        Returns
        -------
        _LeftOver
            What solutions in the basis leave over.
        """
        n_done, n_all = self._n_done, self._n_done + self.n_new
        known = self._vectors[:, :n_all]
        first = known.T @ image
        image = image - known @ first
        second = known.T @ image
        orthonormal, triangle = self.operator.orthonormalize(image - known @ second)
        pieces = [first + second, triangle]
        if beside is not None:
            pieces.append(beside.T @ orthonormal)
        inner, triangle, *seen = self.operator.small_to_numpy(pieces)
        matrix = np.zeros((n_all, n_all))
        matrix[:n_done, :n_done] = self._matrix
        matrix[:, n_done:] = inner
        matrix[n_done:] = inner.T
        matrix[n_done:, n_done:] = (inner[n_done:] + inner[n_done:].T) / 2.0
        self._matrix, self._n_done, n_last = matrix, n_all, self.n_new
        self.n_new = 0
        self.is_full = n_all + len(triangle) > self._vectors.shape[1]
        if not self.is_full:
            self._append(orthonormal, triangle, np.abs(matrix).max())
        return _LeftOver(triangle, n_last, seen[0] if seen else None)

    def _append(self, orthonormal, triangle, scale):
        """Append columns that are not rounding; return which."""
        noise = 8 * self.operator.precision() * scale
        kept = np.flatnonzero(np.abs(np.diag(triangle)) > noise)
        n_all = self._n_done + len(kept)
        self._vectors[:, self._n_done : n_all] = orthonormal[:, kept.tolist()]
        self.n_new = len(kept)
        return kept

    def solve(self, start):
        """Return the solutions in the basis, and whether the matrix is indefinite."""
        values, vectors = linalg.eigh(self._matrix)
        noise = len(values) * self.operator.precision() * np.abs(values).max()
        if values[0] < -noise:
            return None, True
        kept = values > noise
        vectors = vectors[:, kept]
        return vectors @ (vectors[: len(start)].T @ start / values[kept, None]), False

    def combine(self, weights):
        """Return combinations of the vectors."""
        known = self._vectors[:, : len(weights)]
        return known @ self.operator.from_numpy(weights)

    def ritz_pairs(self, damping, n_most):
        """Return the largest approximate eigenvalues, undamped, and their vectors."""
        values, vectors = linalg.eigh(self._matrix)
        kept = np.flatnonzero(values > max(2.0 * damping, 0.0))[::-1][:n_most]
        return values[kept] - damping, self.combine(vectors[:, kept])


@dataclass(frozen=True)
class _LeftOver:
    """What solutions in a basis leave over: of a few orthonormal vectors.

    Attributes
    ----------
    triangle : ndarray of shape (n_new, n_last)
        What the image of the last vectors is of them.
    n_last : int
        How many the last vectors are.
    seen : ndarray of shape (n_ritz, n_new) or None
        Inner products of recycled vectors with them.
    """

    triangle: np.ndarray
    n_last: int
    seen: Any

    def of(self, weights):
        """Return coefficients of what is left, and their inner products."""
        coefficients = self.triangle @ weights[len(weights) - self.n_last :]
        return coefficients, None if self.seen is None else self.seen @ coefficients


@dataclass(frozen=True)
class _Preconditioner:
    """The root of a preconditioner that differs from 1 along a few vectors.

    Attributes
    ----------
    pairs : tuple (values, vectors) or None
        Approximate eigenpairs; None where there are none.
    factors : ndarray of shape (n_ritz,)
        What the root multiplies by along them.
    added : array of shape (n_ritz, 1)
        What the root adds along them, of the operator's library.
    """

    pairs: Any = None
    factors: Any = None
    added: Any = None

    @property
    def vectors(self):
        """Orthonormal, (n_parameters, n_ritz), or None."""
        return None if self.pairs is None else self.pairs[1]

    def half(self, vectors):
        """Return the root times vectors."""
        if self.vectors is None:
            return vectors
        return vectors + self.vectors @ (self.added * (self.vectors.T @ vectors))

    def sizes(self, coefficients, seen):
        """Return the norms of what is left over, the root taken off."""
        squares = (coefficients**2).sum(axis=0)
        if seen is not None:
            squares += ((self.factors**-2 - 1.0)[:, None] * seen**2).sum(axis=0)
        return np.sqrt(squares)
