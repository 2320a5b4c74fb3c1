"""Correction by influence: Newton steps under the changed weights."""

from functools import cache
from numbers import Integral, Real

import numpy as np

from .._utils._compat import Interval, StrOptions
from .._utils._overrides import overrides
from ._base import BaseUpdate
from ._move import Trial, search_length

# A rise of the training objective by this share of itself is rounding.
_NO_RISE = 1e-10


class InfluenceUpdate(BaseUpdate):
    r"""Move the parameters by the Newton step of the reweighted training objective.

    .. math:: \Delta\theta = -t \, (H(\theta; w(1 + \varepsilon)) + \delta W I)^{-1}
              \nabla L(\theta; w(1 + \varepsilon))

    with :math:`W = \sum_i w_i` and the damping :math:`\delta` of the
    :class:`~skswu.influence.Influence`, which also says how to solve and, of networks,
    which parameters move. It equals the textbook influence step :math:`-H(w)^{-1}
    \sum_i \varepsilon_i w_i \nabla \ell_i` to first order in :math:`\varepsilon`, and
    predicts retraining far better beyond it.

    The step length t starts at 1 and is halved until the metric is no farther from
    its target than the original model's and the training objective under the new
    weights, less what a leftover gradient that is kept makes of it, does not rise (and,
    where weights are negative, the fit's own is no larger than that of coefficients of
    zero); then
    as long as the metric has passed a target that the weighting aims at and half the
    step ends closer to it. ``step_length_`` of the meta-estimator tells.

    Parameters
    ----------
    max_iter : int or "auto", default="auto"
        Largest number of steps. With more than one, metrics are linearised anew around
        each new point and the weights solved for again. For linear models under soft
        weighting this is a sequential quadratic programme, which ends at the least
        change of the weights under which the refitted model meets its targets; where
        they cannot be met, at the largest strength that can
        (``reachable_strength_``). ``"auto"`` is as many as it takes for those of up
        to 500 parameters, and one step of all others.
    tol : float, default=3e-2
        With several steps, how far the weights may be from the least change, relative
        to their size; see ``optimality_`` of the meta-estimator.
    target_tol : float, default=1e-3
        And how far the metrics may be from their target, relative to those of the
        original model.
    step : {"newton", "textbook"}, default="newton"
        ``"textbook"`` takes the curvature under the original weights, as in the paper;
        it is a single step, and leaves alone what the fit left over of the gradient.

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

    _parameter_constraints = {
        "max_iter": [Interval(Integral, 1, None, closed="left"), StrOptions({"auto"})],
        "tol": [Interval(Real, 0, None, closed="neither")],
        "target_tol": [Interval(Real, 0, None, closed="neither")],
        "step": [StrOptions({"newton", "textbook"})],
    }

    def __init__(self, *, max_iter="auto", tol=3e-2, target_tol=1e-3, step="newton"):
        self.max_iter = max_iter
        self.tol = tol
        self.target_tol = target_tol
        self.step = step

    @property
    def settles(self):
        """Whether it ends where training under the changed weights would."""
        hooks = ["move", "full_step", "follow"]
        return self.step == "newton" and not overrides(self, hooks, over="move_all")

    def check_params(self):
        super().check_params()
        if self.step == "textbook" and self.most_steps() > 1:
            raise ValueError(
                "step='textbook' is a single step and needs max_iter=1; got "
                f"max_iter={self.max_iter}. Use step='newton' for more."
            )

    def most_steps(self):
        return 1 if self.max_iter == "auto" else self.max_iter

    @property
    def seeks_least_change(self):
        """Whether several steps of a convex model are asked, by nobody's own hooks."""
        is_plain = not overrides(self, ["move", "full_step", "follow"], over="move_all")
        return is_plain and self.step == "newton" and self.max_iter != 1

    def keeps_leftover(self, influence, view):
        return self.step == "textbook" or super().keeps_leftover(influence, view)

    def move_all(self, problem, changes, goals):
        if overrides(self, ["move", "full_step", "follow"], over="move_all"):
            return super().move_all(problem, changes, goals)
        textbook = self.step == "textbook"
        solve = problem.textbook_steps if textbook else problem.newton_steps
        return problem.follow(solve(changes), changes, goals)

    def move(self, move):
        return self.follow(move, self.full_step(move))

    def full_step(self, move):
        """Return the step of length 1, shape (n_parameters,)."""
        view, rows, parameters = move.view, move.rows, move.parameters
        if self.step == "textbook":
            change = rows.weight * move.epsilon
            return -move.solve_before(view.loss_gradient(rows, parameters, change))
        return -move.solve(move.gradient - move.tilt)

    def follow(self, move, step):
        """Return the parameters along a full step, and the share that was taken."""
        descends, search = self._descent_test(move), search_length()
        length = next(search)
        try:
            # A step beyond the range of floats is refused as any that is too long.
            with np.errstate(over="ignore", invalid="ignore"):
                while True:
                    candidate = move.parameters + length * step
                    values = move.measure(candidate)
                    length = search.send(
                        Trial(move.goal, values, lambda c=candidate: descends(c))
                    )
        except StopIteration as found:
            length = found.value
        if length == 0:
            return move.parameters, 0.0
        return move.parameters + length * step, length

    def _descent_test(self, move):
        """Return a test that the reweighted training objective does not rise.

        Where weights are negative, the fit's own must stay below that of a model that
        knows nothing, too.
        """
        weight = move.weight
        if self.step == "textbook":
            return lambda parameters: True

        view, rows, start = move.view, move.rows, move.parameters
        is_convex = not (weight < 0).any()

        @cache
        def before():
            return view.objective_value(rows, start, weight)

        @cache
        def of_nothing():
            own = [view.parameters, 0.0 * view.parameters]
            return max(view.objective_value(rows, one, rows.weight) for one in own)

        def descends(parameters):
            if is_convex and view.newton_steps_descend(rows, start, parameters):
                return True
            rise = view.objective_value(rows, parameters, weight) - before()
            rise -= float(move.tilt @ (parameters - start))
            rounding = max(_NO_RISE, 16 * view.precision) * max(abs(before()), 1.0)
            if not rise <= rounding or is_convex:
                return rise <= rounding
            # With negative weights it falls without end, which is no reason to accept.
            own = view.objective_value(rows, parameters, rows.weight)
            return own <= of_nothing()

        return descends
