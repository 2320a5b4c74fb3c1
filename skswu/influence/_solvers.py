"""Ways to solve with a curvature, each with its own parameters."""

from abc import ABC, abstractmethod
from numbers import Integral, Real

from sklearn.base import BaseEstimator

from .._utils._compat import Interval, StrOptions
from .._utils._registry import Registry
from ._block_conjugate_gradient import BlockConjugateGradientInverse
from ._conjugate_gradient import ConjugateGradientInverse
from ._direct import DirectInverse
from ._lissa import LissaInverse
from ._nystrom import NystromInverse
from ._under_changes import (
    iterate_under,
    makes_own_hessian,
    solve_each,
    solve_near_factor,
)


class CurvatureSolver(BaseEstimator, ABC):
    """A way to solve with a curvature; constructors store, :meth:`prepare` works."""

    _parameter_constraints = {}

    #: Whether the curvature is formed as a matrix.
    is_direct = False

    @abstractmethod
    def prepare(self, operator, *, damping=0.0, default_tol=1e-8):
        """Return what solves with a curvature.

        Parameters
        ----------
        operator : CurvatureOperator
            The curvature.
        damping : float, default=0.0
            Added to its diagonal.
        default_tol : float, default=1e-8
            The relative residual that ``tol="auto"`` stands for.

        Returns
        -------
        InverseCurvature
        """

    def makes_own_hessian(self, curvature, changes):
        """Say whether :meth:`solve_under` is going to form the one curvature asked.

        Parameters
        ----------
        curvature : CurvatureOperator
            Under the fit's weights.
        changes : Changes
            Of the weights.
        """
        return False

    def solve_under(self, problem):
        """Solve with the curvatures under many changes of the weights.

        Parameters
        ----------
        problem : ChangedCurvatures
            The changes, the curvature before them and the right-hand sides.

        Returns
        -------
        vectors : ndarray of shape (n_changes, n_parameters)
            The solutions.
        relative_residual : float or None
            The largest; None if none was measured.
        """
        return solve_each(problem, self)

    def check_params(self):
        """Raise a ValueError for a parameter that is out of its range."""
        self._validate_params()

    def _tol(self, default_tol):
        return default_tol if self.tol == "auto" else self.tol


class Direct(CurvatureSolver):
    """Factorise each dense block of the curvature.

    Examples
    --------
    >>> from skswu.influence import Direct, Influence
    >>> Influence(solver=Direct())
    Influence(solver=Direct())
    """

    is_direct = True

    def prepare(self, operator, *, damping=0.0, default_tol=1e-8):
        return DirectInverse(operator, damping=damping)

    def makes_own_hessian(self, curvature, changes):
        return makes_own_hessian(curvature, changes)

    def solve_under(self, problem):
        return solve_near_factor(problem, self), None


# With a basis of fewer vectors, right-hand sides are solved for side by side.
_FEWEST_KEPT = 8

_ITERATIVE = {
    "tol": [Interval(Real, 0, None, closed="neither"), StrOptions({"auto"})],
    "max_iter": [Interval(Integral, 1, None, closed="left")],
}


class ConjugateGradient(CurvatureSolver):
    """Conjugate gradients on products, preconditioned by the diagonal if it is known.

    Where products are dear, as those of networks are, a sample of the rows
    preconditions them, or, where none is to be had, all right-hand sides share one
    Krylov space, see :class:`BlockConjugateGradientInverse`.

    Parameters
    ----------
    tol : float or "auto", default="auto"
        Relative residual at which a right-hand side is solved. ``"auto"`` is 1e-8 for
        linear models, 1e-3 for networks, and 1e-2 for those of more than 100,000
        parameters.
    max_iter : int, default=1000
        Largest number of products.

    Examples
    --------
    >>> from skswu.influence import ConjugateGradient, Influence
    >>> Influence(solver=ConjugateGradient(tol=1e-4))
    Influence(solver=ConjugateGradient(tol=0.0001))
    """

    _parameter_constraints = _ITERATIVE

    def __init__(self, tol="auto", max_iter=1000):
        self.tol = tol
        self.max_iter = max_iter

    def prepare(self, operator, *, damping=0.0, default_tol=1e-8):
        options = {
            "damping": damping,
            "tol": self._tol(default_tol),
            "max_iter": self.max_iter,
        }
        if operator.n_kept_vectors >= _FEWEST_KEPT:
            n_kept = operator.n_kept_vectors
            return BlockConjugateGradientInverse(operator, n_kept, **options)
        return ConjugateGradientInverse(operator, **options)

    def solve_under(self, problem):
        tol = self._tol(problem.default_tol)
        return iterate_under(problem, tol, self.max_iter)


class Nystrom(CurvatureSolver):
    """Conjugate gradients preconditioned by a randomised Nyström sketch.

    Parameters
    ----------
    rank : int, default=50
        Number of vectors in the sketch.
    tol : float or "auto", default="auto"
        See :class:`ConjugateGradient`.
    max_iter : int, default=1000
        Largest number of products after the sketch's.
    random_state : int, RandomState instance or None, default=None
        Draws the sketch.

    Examples
    --------
    >>> from skswu.influence import Influence, Nystrom
    >>> Influence(damping=0.01, solver=Nystrom(rank=20, random_state=0))
    Influence(damping=0.01, solver=Nystrom(random_state=0, rank=20))
    """

    _parameter_constraints = {
        **_ITERATIVE,
        "rank": [Interval(Integral, 1, None, closed="left")],
        "random_state": ["random_state"],
    }

    def __init__(self, rank=50, tol="auto", max_iter=1000, random_state=None):
        self.rank = rank
        self.tol = tol
        self.max_iter = max_iter
        self.random_state = random_state

    def prepare(self, operator, *, damping=0.0, default_tol=1e-8):
        return NystromInverse(
            operator,
            damping=damping,
            tol=self._tol(default_tol),
            max_iter=self.max_iter,
            rank=self.rank,
            random_state=self.random_state,
        )


class Lissa(CurvatureSolver):
    """Stochastic iteration over batches.

    Parameters
    ----------
    tol : float or "auto", default="auto"
        See :class:`ConjugateGradient`.
    max_iter : int, default=1000
        Largest number of passes over the rows, of two products each.
    random_state : int, RandomState instance or None, default=None
        Draws the start of the power iteration.

    Examples
    --------
    >>> from skswu.influence import Influence, Lissa
    >>> Influence(damping=0.1, solver=Lissa(tol=0.01))
    Influence(damping=0.1, solver=Lissa(tol=0.01))
    """

    _parameter_constraints = {**_ITERATIVE, "random_state": ["random_state"]}

    def __init__(self, tol="auto", max_iter=1000, random_state=None):
        self.tol = tol
        self.max_iter = max_iter
        self.random_state = random_state

    def prepare(self, operator, *, damping=0.0, default_tol=1e-8):
        return LissaInverse(
            operator,
            damping=damping,
            tol=self._tol(default_tol),
            max_iter=self.max_iter,
            random_state=self.random_state,
        )


SOLVERS = Registry("solver", CurvatureSolver)
SOLVERS.register("direct", Direct)
SOLVERS.register("conjugate_gradient", ConjugateGradient)
SOLVERS.register("nystrom", Nystrom)
SOLVERS.register("lissa", Lissa)


def resolve_solver(solver, operator):
    """Return the solver of a name or an instance.

    Parameters
    ----------
    solver : str or CurvatureSolver
        ``"auto"`` is direct up to the operator's ``max_direct_size``, and conjugate
        gradients beyond.
    operator : CurvatureOperator
        What is solved with.

    Returns
    -------
    CurvatureSolver
        With its parameters checked.
    """
    if isinstance(solver, str) and solver == "auto":
        is_small = operator.largest_block_size() <= operator.max_direct_size
        return Direct() if is_small else ConjugateGradient()
    solver = SOLVERS.resolve(solver)
    solver.check_params()
    return solver


def make_inverse_curvature(solver, operator, *, damping=0.0, default_tol=1e-8):
    """Return the inverse of ``operator + damping * I``.

    Parameters
    ----------
    solver : {"auto", "direct", "conjugate_gradient", "nystrom", "lissa"} or \
            CurvatureSolver
        How to solve; ``"auto"`` is direct up to the operator's ``max_direct_size``,
        and conjugate gradients beyond.
    operator : CurvatureOperator
        The curvature.
    damping : float, default=0.0
        Added to the diagonal.
    default_tol : float, default=1e-8
        The relative residual that ``tol="auto"`` of an iterative solver stands for.

    Returns
    -------
    InverseCurvature
        Ready to solve.
    """
    solver = resolve_solver(solver, operator)
    return solver.prepare(operator, damping=damping, default_tol=default_tol)
