"""The choice of an inverse by name."""

from ._conjugate_gradient import ConjugateGradientInverse
from ._direct import DirectInverse
from ._lissa import LissaInverse
from ._nystrom import NystromInverse


def _direct(operator, *, damping, tol, max_iter, random_state):
    return DirectInverse(operator, damping=damping)


def _conjugate_gradient(operator, *, damping, tol, max_iter, random_state):
    return ConjugateGradientInverse(
        operator, damping=damping, tol=tol, max_iter=max_iter
    )


#: Inverses by name. Each takes the operator, ``damping``, ``tol``, ``max_iter`` and
#: ``random_state``.
SOLVERS = {
    "direct": _direct,
    "cg": _conjugate_gradient,
    "nystrom": NystromInverse,
    "lissa": LissaInverse,
}


def make_inverse_curvature(
    solver, operator, *, damping=0.0, tol=1e-8, max_iter=1000, random_state=None
):
    """Return the inverse of ``operator + damping * I`` by the named method.

    Parameters
    ----------
    solver : {"auto", "direct", "cg", "nystrom", "lissa"}
        ``"auto"`` is direct up to the operator's ``max_direct_size``, and conjugate
        gradients beyond.
    operator : CurvatureOperator
        The curvature.
    damping : float, default=0.0
        Added to the diagonal.
    tol : float, default=1e-8
        Relative residual of iterative methods.
    max_iter : int, default=1000
        Largest number of products of iterative methods.
    random_state : int, RandomState instance or None, default=None
        For methods that draw random vectors.

    Returns
    -------
    InverseCurvature
        Ready to solve.
    """
    if solver == "auto":
        direct = operator.largest_block_size() <= operator.max_direct_size
        solver = "direct" if direct else "cg"
    return SOLVERS[solver](
        operator,
        damping=damping,
        tol=tol,
        max_iter=max_iter,
        random_state=random_state,
    )
