"""Correction by influence: Newton steps under the changed weights."""

from functools import cache
from numbers import Integral, Real

import numpy as np

from .._utils._compat import Interval, StrOptions
from ..influence import SOLVERS, make_inverse_curvature
from ._base import BaseUpdate

_MAX_HALVINGS = 30
# A rise of the training objective by this share of itself is rounding.
_NO_RISE = 1e-10


class InfluenceUpdate(BaseUpdate):
    r"""Move the parameters by the Newton step of the reweighted training objective.

    .. math:: \Delta\theta = -t \, (H(\theta; w(1 + \varepsilon)) + \delta W I)^{-1}
              \nabla L(\theta; w(1 + \varepsilon))

    with :math:`W = \sum_i w_i`. It equals the textbook influence step :math:`-H(w)^{-1}
    \sum_i \varepsilon_i w_i \nabla \ell_i` to first order in :math:`\varepsilon`, and
    predicts retraining far better beyond it.

    The step length t starts at 1 and is halved until the metric is no farther from
    its target than the original model's and the training objective under the new
    weights, less what a leftover gradient that is kept makes of it, does not rise; then
    as long as the metric has passed a target that the weighting aims at and half the
    step ends closer to it. ``step_length_`` of the meta-estimator tells.

    Parameters
    ----------
    max_iter : int, default=1
        Largest number of steps. With more than one, the metric is linearised anew
        around each new point, the weights are solved for again, and the steps go on
        until the model is the minimiser under them.
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
    solver : {"auto", "direct", "cg", "nystrom", "lissa"}, default="auto"
        How to solve with the curvature: by a dense factorisation, by conjugate
        gradients on products with it, bare or preconditioned by a randomised Nyström
        sketch, or by stochastic iteration over batches. ``"auto"`` is direct up to
        2000 parameters (of one output, for one-vs-rest models) or up to 256 of a
        network, and conjugate gradients beyond.
    tol : float, default=1e-6
        With ``max_iter > 1``, the ``stationarity_`` at which to stop.
    solver_tol : float or "auto", default="auto"
        Relative residual at which an iterative solver stops. ``"auto"`` is 1e-8 for
        linear models and 1e-3 for networks.
    solver_max_iter : int, default=1000
        Largest number of curvature products of an iterative solver.
    step : {"newton", "textbook"}, default="newton"
        ``"textbook"`` takes the curvature under the original weights, as in the paper;
        it needs ``max_iter=1``.
    leftover_gradient : {"auto", "remove", "keep"}, default="auto"
        What to do with the gradient that a fit stopped short of its optimum left over:
        ``"remove"`` moves to the minimiser under the new weights, ``"keep"`` moves
        only by what the change of the weights adds. ``"auto"`` removes it for convex
        models. The textbook step keeps it.
    random_state : int, RandomState instance or None, default=None
        For solvers that draw random vectors.

    References
    ----------
    Koh and Liang, "Understanding Black-box Predictions via Influence Functions", 2017.
    Qiao, Ding, Cheng and Zhang, "Soft Weighted Machine Unlearning", arXiv 2505.18783.

    Examples
    --------
    >>> from skswu.updates import InfluenceUpdate
    >>> InfluenceUpdate(max_iter=10)
    InfluenceUpdate(max_iter=10)
    """

    has_full_step = True

    _parameter_constraints = {
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "damping": [Interval(Real, 0, None, closed="left"), StrOptions({"auto"})],
        "curvature": [StrOptions({"auto", "gauss_newton", "hessian"})],
        "parameters": [StrOptions({"all", "last_layer"}), list, tuple],
        "solver": [StrOptions({"auto", *SOLVERS})],
        "tol": [Interval(Real, 0, None, closed="left")],
        "solver_tol": [Interval(Real, 0, None, closed="neither"), StrOptions({"auto"})],
        "solver_max_iter": [Interval(Integral, 1, None, closed="left")],
        "step": [StrOptions({"newton", "textbook"})],
        "leftover_gradient": [StrOptions({"auto", "remove", "keep"})],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        *,
        max_iter=1,
        damping="auto",
        curvature="auto",
        parameters="all",
        solver="auto",
        tol=1e-6,
        solver_tol="auto",
        solver_max_iter=1000,
        step="newton",
        leftover_gradient="auto",
        random_state=None,
    ):
        self.max_iter = max_iter
        self.damping = damping
        self.curvature = curvature
        self.parameters = parameters
        self.solver = solver
        self.tol = tol
        self.solver_tol = solver_tol
        self.solver_max_iter = solver_max_iter
        self.step = step
        self.leftover_gradient = leftover_gradient
        self.random_state = random_state

    def check_params(self):
        super().check_params()
        if self.step == "textbook" and self.max_iter > 1:
            raise ValueError(
                "step='textbook' is a single step and needs max_iter=1; got "
                f"max_iter={self.max_iter}. Use step='newton' for more."
            )

    def tilt(self, view, rows):
        if self._keeps_leftover(view):
            return view.objective_gradient(rows, view.parameters, rows.weight)
        return super().tilt(view, rows)

    def _keeps_leftover(self, view):
        if self.step == "textbook":
            return True
        if self.leftover_gradient == "auto":
            return not view.follows_leftover_gradient
        return self.leftover_gradient == "keep"

    def restrict(self, view, X):
        return view.restricted_to(self.parameters, X)

    def invert(self, view, rows, parameters, weight):
        damping, tol = self.damping, self.solver_tol
        if damping == "auto":
            damping = view.default_damping
        if tol == "auto":
            tol = view.default_solver_tol
        return make_inverse_curvature(
            self.solver,
            view.curvature(rows, parameters, weight, self.curvature),
            damping=damping * weight.sum(),
            tol=tol,
            max_iter=self.solver_max_iter,
            random_state=self.random_state,
        )

    def move(self, move):
        return self.follow(move, self.full_step(move))

    def full_step(self, move):
        """Return the step of length 1, shape (n_parameters,)."""
        view, rows, parameters = move.view, move.rows, move.parameters
        if self.step == "textbook":
            inverse = move.inverse
            change = rows.weight * move.epsilon
            gradient = view.loss_gradient(rows, parameters, change)
        else:
            inverse = self.invert(view, rows, parameters, move.weight)
            gradient = self._gradient(move)
        return -inverse.solve(gradient[:, None])[:, 0]

    def _gradient(self, move):
        gradient = move.view.objective_gradient(move.rows, move.parameters, move.weight)
        return gradient - move.tilt

    def follow(self, move, step):
        """Return the parameters along a full step, and the share that was taken."""
        descends = self._descent_test(move)
        length = 1.0
        # A step beyond the range of floats is refused as any other that is too long.
        with np.errstate(over="ignore", invalid="ignore"):
            for _ in range(_MAX_HALVINGS):
                candidate = move.parameters + length * step
                if move.accepts(candidate) and descends(candidate):
                    return self._shorten(move, step, candidate, length)
                length /= 2.0
        return move.parameters, 0.0

    def _shorten(self, move, step, candidate, length):
        """Halve a step that passed the target, as long as that ends closer to it."""
        while move.overshoots(candidate):
            shorter = move.parameters + length / 2.0 * step
            if move.distance(shorter) >= move.distance(candidate):
                break
            candidate, length = shorter, length / 2.0
        return candidate, length

    def _descent_test(self, move):
        """Return a test that the reweighted training objective does not rise."""
        weight = move.weight
        if self.step == "textbook" or (weight < 0).any():
            return lambda parameters: True

        view, rows, start = move.view, move.rows, move.parameters

        @cache
        def before():
            return view.objective_value(rows, start, weight)

        def descends(parameters):
            if view.newton_steps_descend(rows, start, parameters):
                return True
            rise = view.objective_value(rows, parameters, weight) - before()
            rise -= float(move.tilt @ (parameters - start))
            rounding = max(_NO_RISE, 16 * view.precision) * max(abs(before()), 1.0)
            return rise <= rounding

        return descends
