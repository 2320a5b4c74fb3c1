"""Inverse curvature by a dense factorisation."""

import numpy as np
from scipy import linalg

from .._utils._warnings import warn
from ..exceptions import SingularCurvatureWarning
from ._curvature import InverseCurvature, Solution, warn_of_negative_curvature

# A Cholesky factor of a matrix worse conditioned than this has no correct digit left
# to spare, so the eigendecomposition decides what is null and what is merely small.
_MIN_RECIPROCAL_CONDITION = 1e-14


class DirectInverse(InverseCurvature):
    r"""Solve with a Cholesky factor of each dense block of the curvature.

    A singular block falls back to the minimum-norm solution by an eigendecomposition:
    right-hand sides that lie in the range of :math:`H`, as gradients of the training
    losses do, are still solved exactly. Directions of negative curvature are left out
    as well, for to follow them is to step to a saddle; conjugate gradients stop where
    they meet one.

    Parameters
    ----------
    operator : CurvatureOperator
        The curvature :math:`H`.
    damping : float, default=0.0
        The :math:`\delta \ge 0` added to the diagonal.

    Warns
    -----
    SingularCurvatureWarning
        If a block is singular along directions that the operator does not know to be
        null.
    ConvergenceWarning
        If a block has negative eigenvalues, as the Hessian of a network may.
    """

    def __init__(self, operator, *, damping=0.0):
        self.operator = operator
        self._solvers = []
        null = operator.null_directions() if damping == 0 else None
        for indices, matrix in operator.dense_blocks():
            if not len(matrix):
                # An l1 penalty may leave an output no parameter.
                self._solvers.append((indices, _EmptyInverse()))
                continue
            _add_to_diagonal(matrix, damping)
            if null is not None:
                _fill_null_directions(matrix, null[indices])
            self._solvers.append((indices, _BlockInverse(matrix, operator.precision())))

    def solve(self, vectors):
        right = self.operator.to_numpy(vectors)
        solution = np.empty_like(right, dtype=np.float64)
        for indices, block in self._solvers:
            solution[indices] = block.solve(right[indices])
        return Solution(self.operator.from_numpy(solution))

    def roots(self):
        return [(indices, block.root()) for indices, block in self._solvers]


def _add_to_diagonal(matrix, value):
    matrix[np.diag_indices_from(matrix)] += value


def _fill_null_directions(matrix, null):
    """Give the flat directions the mean curvature; gradients do not see them."""
    scale = np.trace(matrix) / len(matrix) or 1.0
    matrix += scale * (null @ null.T)


class _EmptyInverse:
    """The inverse of a matrix without rows, which LAPACK would not take."""

    def solve(self, right):
        """Return right-hand sides without entries."""
        return right

    def root(self):
        """Return a factor without entries."""
        return np.zeros((0, 0))


class _BlockInverse:
    """The inverse of a symmetric matrix, which is overwritten."""

    def __init__(self, matrix, precision):
        scale = np.sqrt(np.diag(matrix).clip(0.0))
        # Columns in unlike units must not pass for collinear ones.
        self._inverse_scale = np.divide(
            1.0, scale, out=np.ones_like(scale), where=scale > 0
        )
        matrix *= self._inverse_scale
        matrix *= self._inverse_scale[:, None]
        self._factor = _cholesky_factor(matrix) or _MinimumNorm(matrix, precision)

    def solve(self, right):
        """Return the inverse times right-hand sides (n, n_vectors)."""
        scale = self._inverse_scale[:, None]
        return scale * self._factor.solve(scale * right)

    def root(self):
        """Return R (n_rows, n) with R'R the inverse."""
        return self._factor.root() * self._inverse_scale


class _Cholesky:
    """The lower factor of a positive definite matrix, as LAPACK returns it."""

    def __init__(self, factor):
        self._factor = factor

    def solve(self, right):
        return linalg.cho_solve((self._factor, True), right, check_finite=False)

    def root(self):
        trtri = linalg.get_lapack_funcs("trtri", (self._factor,))
        inverse, _ = trtri(self._factor, lower=1)
        return np.tril(inverse)


def _cholesky_factor(matrix):
    """Return None if the matrix is singular to working precision."""
    norm = np.abs(matrix).sum(axis=0).max(initial=0.0)
    try:
        factor, _ = linalg.cho_factor(matrix, lower=True, check_finite=False)
    except linalg.LinAlgError:
        return None
    pocon = linalg.get_lapack_funcs("pocon", (factor,))
    reciprocal_condition, _ = pocon(factor, norm, uplo="L")
    if reciprocal_condition < _MIN_RECIPROCAL_CONDITION:
        return None
    return _Cholesky(factor)


class _MinimumNorm:
    """The eigenvectors of a matrix that have curvature."""

    def __init__(self, matrix, precision):
        values, vectors = linalg.eigh(matrix, check_finite=False)
        sizes = np.abs(values)
        kept = sizes > len(values) * precision * sizes.max(initial=0.0)
        if (values[kept] < 0).any():
            _warn_of_negative_curvature(values)
            kept &= values > 0
        else:
            _warn_of_singularity(kept)
        self._vectors = vectors[:, kept]
        self._values = values[kept, None]

    def solve(self, right):
        return self._vectors @ ((self._vectors.T @ right) / self._values)

    def root(self):
        return self._vectors.T / np.sqrt(self._values)


def _warn_of_negative_curvature(values):
    warn_of_negative_curvature(
        f"{(values < 0).sum()} of {len(values)} eigenvalues are negative, the lowest "
        f"{values[0]:.1e} against {values[-1]:.1e} at most",
        "Directions of negative curvature are left out",
    )


def _warn_of_singularity(kept):
    warn(
        f"The curvature of the training loss is singular: its rank is {kept.sum()} of "
        f"{len(kept)} parameters (collinear columns without a penalty, or weights "
        "that vanish). The minimum-norm correction is used; a penalty on the "
        "estimator or damping > 0 of the influence makes it unique.",
        SingularCurvatureWarning,
    )
