"""How the influence of training samples is computed."""

from numbers import Real

from sklearn.base import BaseEstimator

from .._utils._compat import Interval, StrOptions
from .._utils._registry import Registry
from ._solvers import SOLVERS, CurvatureSolver, resolve_solver
from ._under_changes import ChangedCurvatures


class Influence(BaseEstimator):
    r"""How the influence of training samples is computed.

    The influence of sample i on a metric is :math:`a_i = w_i \nabla \ell_i \cdot (H +
    \delta W I)^{-1} \nabla M`, with H the curvature of the training objective and W
    the total training weight. The same curvature, under the changed weights, says where
    these put the parameters; so every update solves with it in the same way.

    Parameters
    ----------
    damping : float or "auto", default="auto"
        The :math:`\delta \ge 0`, per unit of total training weight. ``"auto"`` is 0
        for convex models, and the model view's own choice otherwise.
    curvature : {"auto", "gauss_newton", "hessian"}, default="auto"
        The curvature of a network's training objective: the Gauss-Newton matrix,
        which is positive semi-definite and what ``"auto"`` stands for, or the Hessian,
        which is not. For linear models the two agree.
    parameters : {"all", "last_layer"} or list of str, default="all"
        Which parameters of a network are corrected: all that were trained, those of
        the last layer, or those whose names match one of the patterns, such as
        ``["encoder.*", "head.bias"]``. Others stay as they are. Linear models take
        ``"all"`` alone.
    solver : {"auto", "direct", "conjugate_gradient", "nystrom", "lissa"} or \
            CurvatureSolver, default="auto"
        How to solve with the curvature: by a dense factorisation, by conjugate
        gradients on products with it, bare or preconditioned by a randomised Nyström
        sketch, or by stochastic iteration over batches. An instance has parameters of
        its own, see :class:`ConjugateGradient`. ``"auto"`` is direct up to 2000
        parameters (of one output, for one-vs-rest models) or up to 256 of a network,
        and conjugate gradients beyond.
    leftover_gradient : {"auto", "remove", "keep"}, default="auto"
        What to do with the gradient that a fit stopped short of its optimum left over:
        ``"remove"`` moves to the minimiser under the new weights, ``"keep"`` moves
        only by what the change of the weights adds. ``"auto"`` removes it for convex
        models.

    References
    ----------
    Koh and Liang, "Understanding Black-box Predictions via Influence Functions", 2017.

    Examples
    --------
    >>> from skswu import UnlearningClassifier
    >>> from skswu.influence import Influence
    >>> from sklearn.linear_model import LogisticRegression
    >>> model = UnlearningClassifier(
    ...     LogisticRegression(), influence=Influence(damping=0.01)
    ... )
    >>> model.set_params(influence__damping=0.1).influence
    Influence(damping=0.1)
    """

    _parameter_constraints = {
        "damping": [Interval(Real, 0, None, closed="left"), StrOptions({"auto"})],
        "curvature": [StrOptions({"auto", "gauss_newton", "hessian"})],
        "parameters": [StrOptions({"all", "last_layer"}), list, tuple],
        "solver": [StrOptions({"auto", *SOLVERS.names()}), CurvatureSolver],
        "leftover_gradient": [StrOptions({"auto", "remove", "keep"})],
    }

    def __init__(
        self,
        *,
        damping="auto",
        curvature="auto",
        parameters="all",
        solver="auto",
        leftover_gradient="auto",
    ):
        self.damping = damping
        self.curvature = curvature
        self.parameters = parameters
        self.solver = solver
        self.leftover_gradient = leftover_gradient

    def check_params(self):
        """Raise a ValueError for a parameter that is out of its range."""
        self._validate_params()

    def restrict(self, view, X):
        """Return the view of the parameters that are corrected.

        Parameters
        ----------
        view : ModelView
            Of the whole classifier.
        X : data
            The training rows, as the classifier takes them.
        """
        return view.restricted_to(self.parameters, X)

    def keeps_leftover(self, view):
        """Say whether the gradient that the fit left over is left alone."""
        if self.leftover_gradient == "auto":
            return not view.follows_leftover_gradient
        return self.leftover_gradient == "keep"

    def invert(self, view, rows, parameters, weight):
        """Return the inverse curvature of the training objective under weights.

        A subclass that overrides it is asked for each change of the weights.

        Parameters
        ----------
        view : ModelView
            The model.
        rows : Rows
            Training rows.
        parameters : array of shape (n_parameters,)
            Where.
        weight : ndarray of shape (n_samples,)
            The weights.

        Returns
        -------
        InverseCurvature
        """
        operator = view.curvature(rows, parameters, weight, self.curvature)
        return self.invert_operator(view, operator, weight.sum())

    def invert_operator(self, view, operator, total_weight):
        """Return the inverse of a curvature that is made already.

        Parameters
        ----------
        view : ModelView
            The model.
        operator : CurvatureOperator
            The curvature.
        total_weight : float
            The unit of damping.

        Returns
        -------
        InverseCurvature
        """
        return resolve_solver(self.solver, operator).prepare(
            operator,
            damping=self.damping_of(view) * total_weight,
            default_tol=view.default_solver_tol,
        )

    def makes_own_hessian(self, curvature, changes):
        """Say whether the curvature under a single change is to be formed."""
        solver = resolve_solver(self.solver, curvature)
        return solver.makes_own_hessian(curvature, changes)

    def solve_under(self, view, objective, start, inverse, changes, right, added):
        """Solve with the curvatures under many changes of the weights at once.

        Parameters
        ----------
        view : ModelView
            The model.
        objective : TrainingObjective
            Of the model on its rows.
        start : Start
            The curvature under the fit's weights, and their total.
        inverse : InverseCurvature
            Of that curvature.
        changes : Changes
            Of the weights.
        right : ndarray of shape (n_changes, n_parameters)
            Right-hand sides.
        added : Additions
            What the changes add to the total weight, and maybe the curvature.

        Returns
        -------
        vectors : ndarray of shape (n_changes, n_parameters)
            The solutions.
        relative_residual : float or None
            The largest that an iterative solver left.
        """
        problem = ChangedCurvatures(
            objective,
            start.curvature,
            inverse,
            changes,
            right,
            self.damping_of(view) * (start.total_weight + added.weight),
            view.default_solver_tol,
            added.curvature,
        )
        return resolve_solver(self.solver, start.curvature).solve_under(problem)

    def wants_dense(self, operator):
        """Say whether a curvature is to be formed as a matrix."""
        return resolve_solver(self.solver, operator).is_direct

    def damping_of(self, view):
        """Return the damping of a model, per unit of total training weight."""
        return view.default_damping if self.damping == "auto" else self.damping


INFLUENCES = Registry("influence", Influence)
INFLUENCES.register("auto", Influence)
