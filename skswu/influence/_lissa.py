"""Inverse curvature by stochastic iteration over batches."""

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state

from .._utils._progress import report_residual
from .._utils._warnings import warn
from ._curvature import InverseCurvature, Solution

_POWER_ITERATIONS = 10


class LissaInverse(InverseCurvature):
    r"""Solve by LiSSA: one step of the Neumann series a batch of rows.

    .. math:: x \leftarrow x + \tfrac1\sigma (v - (H_b + \delta I) \, x)

    with :math:`H_b` the curvature estimated from batch b, and :math:`\sigma` twice the
    largest eigenvalue of :math:`H + \delta I`, found by power iteration. After each
    pass over the rows the residual of the whole is taken, the next pass solves for
    what is left, and so the error goes to zero although each step has only a batch's.

    The number of passes grows with the condition number, and not with its root as for
    conjugate gradients; those are faster nearly always.

    Parameters
    ----------
    operator : CurvatureOperator
        The curvature :math:`H`, positive semi-definite.
    damping : float, default=0.0
        The :math:`\delta \ge 0` added to the diagonal.
    tol : float, default=1e-8
        Relative residual at which a right-hand side is solved.
    max_iter : int, default=1000
        Largest number of passes over the rows, of two products each.
    random_state : int, RandomState instance or None, default=None
        Draws the start of the power iteration.

    Warns
    -----
    ConvergenceWarning
        If ``max_iter`` is reached or the iteration diverges, with the residual.

    References
    ----------
    Agarwal, Bullins and Hazan, "Second-Order Stochastic Optimization for Machine
    Learning in Linear Time", 2017.
    """

    def __init__(
        self, operator, *, damping=0.0, tol=1e-8, max_iter=1000, random_state=None
    ):
        self.operator = operator
        self.damping = damping
        self.tol = tol
        self.max_iter = max_iter
        self._n_products = 0
        self.scale = 2.0 * (self._largest_eigenvalue(random_state) + damping)

    def _largest_eigenvalue(self, random_state):
        start = check_random_state(random_state).standard_normal(
            (self.operator.n_parameters, 1)
        )
        vector, norm = self.operator.from_numpy(start / np.linalg.norm(start)), 1.0
        for _ in range(_POWER_ITERATIONS):
            vector = self._product(vector / norm)
            norm = float((vector**2).sum() ** 0.5) or 1.0
        return norm

    def _product(self, vectors):
        self._n_products += 1
        return self.operator.product(vectors)

    def solve(self, vectors):
        with self.operator.repeated_products():
            vectors, reached = self._iterate(vectors)
        solution = Solution(vectors, reached, self._n_products)
        self._warn_of(solution)
        return solution

    def _iterate(self, vectors):
        """Return the solution and the largest relative residual reached."""
        solution, residual = 0.0 * vectors, vectors
        norms = _norms(vectors)
        norms = norms + (norms == 0)
        best, reached = solution, _norms(vectors) / norms
        for _ in range(self.max_iter):
            if bool((reached <= self.tol).all()):
                break
            solution = solution + self._pass(residual)
            residual = vectors - self._product(solution) - self.damping * solution
            relative = _norms(residual) / norms
            if not bool((relative <= 10.0 * reached).all()):
                break
            best, reached = solution, relative
            report_residual(reached.max())
        return best, float(reached.max())

    def _pass(self, residual):
        """Return what a pass over the batches solves of a residual."""
        step = 0.0 * residual
        for product in self.operator.batch_products():
            left = residual - product(step) - self.damping * step
            step = step + left / self.scale
        self._n_products += 1
        return step

    def _warn_of(self, solution):
        reached = solution.relative_residual
        if reached > self.tol:
            warn(
                f"LiSSA reached a relative residual of {reached:.1e} in the equivalent "
                f"of {solution.n_products} products with the curvature; "
                f"tol={self.tol:.1e} was asked. Raise the damping of the influence or "
                "the max_iter of its solver, or use solver='conjugate_gradient'.",
                ConvergenceWarning,
            )


def _norms(vectors):
    return (vectors**2).sum(0) ** 0.5
