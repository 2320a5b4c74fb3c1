"""Inverse curvature by preconditioned conjugate gradients."""

from functools import cached_property

from sklearn.exceptions import ConvergenceWarning

from .._utils._progress import report_residual
from .._utils._warnings import warn
from ._curvature import InverseCurvature, Solution, warn_of_negative_curvature

# Smaller curvature is none: squares of steps along it leave the range of floats.
_FLAT = 1e-120


class ConjugateGradientInverse(InverseCurvature):
    r"""Solve by conjugate gradients, all right-hand sides in one product.

    Each right-hand side has its own step lengths and stops on its own, at
    :math:`\|r\| \le \mathrm{tol}\,\|v\|`.

    Parameters
    ----------
    operator : CurvatureOperator
        The curvature :math:`H`.
    damping : float, default=0.0
        The :math:`\delta \ge 0` added to the diagonal.
    tol : float, default=1e-8
        Relative residual at which a right-hand side is solved.
    max_iter : int, default=1000
        Largest number of products with H.
    precondition : callable or None, default=None
        Maps residuals (n_parameters, n_vectors) to an approximation of
        :math:`(H + \delta I)^{-1}` times them; None is what the operator offers, or
        divides by the diagonal where it knows that.

    Warns
    -----
    ConvergenceWarning
        If ``max_iter`` is reached, with the residual reached, or if a direction of
        negative curvature is met.

    References
    ----------
    Hestenes and Stiefel, "Methods of Conjugate Gradients for Solving Linear Systems",
    1952.
    """

    def __init__(
        self, operator, *, damping=0.0, tol=1e-8, max_iter=1000, precondition=None
    ):
        self.operator = operator
        self.damping = damping
        self.tol = tol
        self.max_iter = max_iter
        self._given = precondition

    @cached_property
    def preconditioner(self):
        """What the operator offers to precondition with, None if that is nothing."""
        return self._given or self.operator.preconditioner(self.damping)

    @cached_property
    def precondition(self):
        """Maps residuals to an approximation of the solution."""
        return self.preconditioner or self._diagonal_preconditioner()

    def _diagonal_preconditioner(self):
        diagonal = self.operator.diagonal()
        if diagonal is None:
            return lambda residual: residual
        diagonal = diagonal + self.damping
        floor = 1e-12 * diagonal.max()
        # A parameter with no curvature at all takes no part in the solution.
        inverse = 1.0 / diagonal.clip(floor if floor > _FLAT else 1.0)
        return lambda residual: inverse[:, None] * residual

    def keep_passes(self):
        self.operator.keep_passes()

    def solve(self, vectors):
        with self.operator.repeated_products():
            vectors, residuals, n_products, negative = self._iterate(vectors)
        solution = Solution(vectors, float(residuals.max()), n_products)
        self._warn_of(solution, negative)
        return solution

    def _iterate(self, vectors):
        """Return solutions, residuals, products, and whether H proved indefinite."""
        solution = 0.0 * vectors
        residual = vectors + solution
        scale = _column_norm(vectors)
        scale[scale == 0] = 1.0
        preconditioned = self.precondition(residual)
        direction = preconditioned
        inner = (residual * preconditioned).sum(0)
        negative, steepest, n_products = False, 0.0, 0
        active = _column_norm(residual) / scale > self.tol
        for _ in range(self.max_iter):
            if not active.any():
                break
            product = self._product(direction, active)
            n_products += 1
            curvature = (direction * product).sum(0)
            negative = negative or bool((active & (curvature < 0)).any())
            square = (direction * direction).sum(0)
            slope = curvature / (square + (square == 0))
            steepest = max(steepest, float(slope.max()))
            # What is flat to working precision has no length to go.
            flat = max(self.operator.precision() * steepest, _FLAT)
            active = active & (slope > flat)
            length = _ratio(inner, curvature, active)
            solution = solution + length * direction
            residual = residual - length * product
            relative = _column_norm(residual) / scale
            report_residual(relative.max())
            active = active & (relative > self.tol)
            if not active.any():
                break
            preconditioned = self._preconditioned(residual, active)
            previous, inner = inner, (residual * preconditioned).sum(0)
            direction = preconditioned + _ratio(inner, previous, active) * direction
        return solution, _column_norm(residual) / scale, n_products, negative

    def _product(self, direction, active):
        """Multiply the directions of right-hand sides that are not solved yet."""
        product = 0.0 * direction
        damped = self.damping * direction[:, active]
        product[:, active] = self.operator.product(direction[:, active]) + damped
        return product

    def _preconditioned(self, residual, active):
        """Precondition the residuals of right-hand sides that are not solved yet."""
        preconditioned = 0.0 * residual
        preconditioned[:, active] = self.precondition(residual[:, active])
        return preconditioned

    def _warn_of(self, solution, negative):
        reached = solution.relative_residual
        if negative:
            warn_of_negative_curvature(
                "conjugate gradients met a direction of it, at a relative residual of "
                f"{reached:.1e}",
                "They stopped there",
            )
        elif reached > self.tol:
            warn_of_residual(reached, solution.n_products, self.tol)


def warn_of_residual(reached, n_products, tol):
    """Warn of a relative residual above what was asked."""
    warn(
        f"Conjugate gradients reached a relative residual of {reached:.1e} in "
        f"{n_products} products with the curvature; tol={tol:.1e} was asked. Raise the "
        "damping of the influence or the max_iter of its solver.",
        ConvergenceWarning,
    )


def _column_norm(vectors):
    return (vectors * vectors).sum(0) ** 0.5


def _ratio(numerator, denominator, where):
    """Return numerator / denominator where asked, and 0 elsewhere."""
    safe = denominator * where + (~where)
    return numerator * where / safe
