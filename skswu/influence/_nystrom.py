"""Conjugate gradients preconditioned by a randomised Nyström sketch."""

import numpy as np
from scipy import linalg
from sklearn.utils import check_random_state

from ._conjugate_gradient import ConjugateGradientInverse


class NystromInverse(ConjugateGradientInverse):
    r"""Solve by conjugate gradients, with a sketch of the curvature to precondition.

    From :math:`Y = H \Omega` for a random orthonormal block :math:`\Omega` of ``rank``
    vectors comes the approximation :math:`\hat H = Y (\Omega^\top Y)^{-1} Y^\top =
    U \Lambda U^\top`, and from it the preconditioner

    .. math:: P^{-1} = (\lambda_r + \delta) \, U (\Lambda + \delta I)^{-1} U^\top
              + I - U U^\top .

    The sketch costs ``rank`` products, once. It pays where many right-hand sides follow
    or where bare conjugate gradients need several times as many; it is never used as an
    inverse by itself.

    Parameters
    ----------
    operator : CurvatureOperator
        The curvature :math:`H`, positive semi-definite.
    damping : float, default=0.0
        The :math:`\delta \ge 0` added to the diagonal.
    tol : float, default=1e-8
        Relative residual at which a right-hand side is solved.
    max_iter : int, default=1000
        Largest number of products with H after the sketch's.
    rank : int, default=50
        Number of vectors in the sketch.
    random_state : int, RandomState instance or None, default=None
        Draws the sketch.

    Warns
    -----
    ConvergenceWarning
        As :class:`ConjugateGradientInverse` does.

    References
    ----------
    Frangella, Tropp and Udell, "Randomized Nyström Preconditioning", 2023.
    """

    def __init__(
        self,
        operator,
        *,
        damping=0.0,
        tol=1e-8,
        max_iter=1000,
        rank=50,
        random_state=None,
    ):
        self.rank = min(rank, operator.n_parameters)
        self.random_state = random_state
        super().__init__(
            operator,
            damping=damping,
            tol=tol,
            max_iter=max_iter,
            precondition=self._sketch(operator, damping),
        )

    def _sketch(self, operator, damping):
        """Return the preconditioner; only blocks of a few columns leave the device."""
        try:
            vectors, values = self._low_rank(operator)
        except linalg.LinAlgError:  # indefinite: bare iterations meet it and say so
            return lambda residual: residual
        if values.min() + damping <= 0.0:  # nothing to scale the sketch by
            return lambda residual: residual
        scale = (values.min() + damping) / (values + damping) - 1.0
        scale = operator.from_numpy(scale[:, None])

        def precondition(residual):
            return residual + vectors @ (scale * (vectors.T @ residual))

        return precondition

    def _low_rank(self, operator):
        """Return eigenvectors and eigenvalues of the Nyström approximation."""
        random_state = check_random_state(self.random_state)
        block = operator.random_block(random_state, self.rank)
        sketch = operator.product(block)
        # A small shift, taken off again, makes the core factor in finite precision.
        shift = operator.precision() * float((sketch**2).sum() ** 0.5)
        shift = shift or 1.0
        sketch = sketch + shift * block
        core = operator.to_numpy(block.T @ sketch)
        factor = linalg.cholesky((core + core.T) / 2.0)
        inverse = linalg.solve_triangular(factor, np.eye(self.rank))
        half = sketch @ operator.from_numpy(inverse)
        squared, rotation = linalg.eigh(operator.to_numpy(half.T @ half))
        kept = squared > 1e-12 * squared.max()
        rotation = rotation[:, kept] / np.sqrt(squared[kept])
        values = np.maximum(squared[kept] - shift, 0.0)
        return half @ operator.from_numpy(rotation), values
