r"""The least change of the weights under which the refitted model meets the targets.

.. math:: \min_\varepsilon \tfrac12 \|\varepsilon\|^2 + c\,(F(\theta(\varepsilon)) -
          F(\theta_0)) \quad\text{s.t.}\quad M(\theta(\varepsilon)) = \mathrm{target},
          \quad \mathrm{lower} \le \varepsilon \le \mathrm{upper}

where :math:`\theta(\varepsilon)` minimises the training objective under the weights
:math:`w (1 + \varepsilon)` and F is that objective under the fit's own.

A sequential quadratic programme in the total change, with an exact penalty. With
multipliers :math:`\lambda` of the metrics and the direction :math:`u = H^{-1} (c \nabla
F + \lambda \cdot \nabla M)`, a step t of the model is told the curvature

.. math:: c \nabla^2 F + \lambda \cdot \nabla^2 M -
          \sum_i w_i (1 + \varepsilon_i) \nabla^3 \ell_i [u] ,

of the Lagrangian with the weights held, less what is negative of it. What is left out,
as of weights and model together, is a number: the spectral estimate along the last
step, in a norm that draws to the weights at hand.
"""

from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from .._utils._tasks import is_stopped, task
from ..linear import _reweighted_passes as passes
from ..weighting._objective_programme import (
    Bend,
    Combined,
    ObjectiveProgramme,
    Quadratic,
)
from ._reweighted_model import Factor, Measured, ReweightedModel

# The largest curvature of the constraints that the norm stands in for.
_MOST_CURVATURE = 10.0
# A chord may move the metrics by this share of what is left to do.
_CHORD_SHARE = 0.05
_MAX_NEWTON = 20
# Mean square of changes that lead nowhere.
_LOST = 25.0
# Miss and residual at which a search that goes no farther has ended well.
_MET = 1e-3
_OPTIMAL = 3e-2
# Steps in which the metrics have to come at least half as close.
_PATIENCE = 8
# And the original objective by this share of what the weights may still gain.
_OBJECTIVE_SHARE = 0.02
# Share of the tolerated residual that a proposal, or a curvature, may be off by.
_ACCURACY = 0.1
# Misses, in units of the original metrics, up to which the curvature is told: farther
# from the target, that at the point at hand misleads.
_NEAR = 0.1
# Misses, in units of the tolerated, that count by multipliers too.
_SMALL_MISSES = 3.0
_SUFFICIENT = 1e-4
# How often a penalty that is far too large may fall.
_FALLS = 5
_SMALLEST = 1e-300
_ROUNDING = 1e-10


@dataclass(frozen=True, eq=False)
class Point:
    """Where the programme stands.

    Attributes
    ----------
    measured : Measured
        The model, under the weights that rows know as ``epsilon``.
    factor : Factor
        The curvature there, or close by.
    size : float
        Squared, of the change of the weights.
    """

    measured: Measured
    factor: Factor
    size: float


@dataclass(frozen=True, eq=False)
class Linear:
    """Metrics and objective at a point, linearised in the weights.

    Attributes
    ----------
    effects : ndarray of shape (n_parameters, m + 1)
        The inverse Hessian times the gradients of the constrained metrics, of the
        utility if it is bounded and, last, of the own objective.
    own_gradient : ndarray of shape (n_parameters,)
        Of the training objective under the fit's weights.
    """

    effects: np.ndarray
    own_gradient: np.ndarray


@dataclass(frozen=True, eq=False)
class Ends:
    """Where a search ends.

    Attributes
    ----------
    tol, target_tol : float
        Optimality, and miss relative to the original metrics.
    max_iter : int
        Largest number of steps.
    least : float
        The smallest share of a step that is tried.
    progress : float
        Share of the miss that a step has to promise to take away.
    """

    tol: float
    target_tol: float
    max_iter: int
    least: float = 1e-4
    progress: float = 1e-6


@dataclass(frozen=True, eq=False)
class Found:
    """Where a search ended.

    Attributes
    ----------
    status : {"converged", "unreachable", "stalled", "max_iter"}
        How.
    point : Point
        The last point that was accepted.
    predicted : ndarray of shape (m,)
        The constrained values there, as the linearisation before it has them.
    optimality : float
        How far the change of the weights is from what multipliers of the constraints
        say.
    miss : float
        How far the metrics are from the target, relative to the original's.
    n_iter : int
        Accepted steps.
    """

    status: str
    point: Point
    predicted: np.ndarray
    optimality: float
    miss: float
    n_iter: int


class LeastChange:
    """Search for the least change of the weights.

    Parameters
    ----------
    problem : LinearProblem
        Linearised, with a dense Hessian.
    constraints : Constraints
        Which values are bounded or aimed at.
    lower, upper : float
        Bounds of the change.
    objective_weight : float
        c.
    """

    def __init__(self, problem, constraints, lower, upper, objective_weight):
        self.model = ReweightedModel(problem)
        self.constraints = constraints
        self.bounds = {"lower": lower, "upper": upper}
        self.weight = objective_weight

    def begin(self):
        """Return the Point of the original model."""
        (total,) = self.model.reduce(passes.begin)
        self.largest = _LOST * total
        start = self.model.problem.view.parameters
        measured = self.model.measure(start, "epsilon")
        self._own_before = measured.own_value
        return Point(measured, self.model.problem.first_factor(self.model), 0.0)

    def search(self, start, target, ends, objective_weight=None):
        """Return the Found of a target, from a point.

        Parameters
        ----------
        start : Point
            Rows know its change of the weights as ``epsilon``.
        target : ndarray of shape (m,)
            Where the constrained values are to go.
        ends : Ends
            Where to end.
        objective_weight : float or None, default=None
            Another c.
        """
        c = self.weight if objective_weight is None else objective_weight
        return _Search(self, start, target, ends, c).run()


class _Search:
    """One search; attributes change from step to step."""

    def __init__(self, owner, start, target, ends, c):
        self.owner, self.model = owner, owner.model
        self.constraints, self.bounds = owner.constraints, owner.bounds
        self.c, self.target, self.scale = c, target, owner.constraints.scale
        self.ends = ends
        self.point = start
        self.sigma, self.penalty, self.falls = 0.0, 0.0, _FALLS
        m = len(target)
        self.multipliers = np.zeros(m)
        self.toward = np.zeros(self.model.model.n_parameters)
        self.predicted = self._constrained(start)
        self.optimality = np.inf
        self.is_exact = start.size == 0.0

    def run(self):
        self.linear, violations = self._linearize(), []
        for k in range(self.ends.max_iter + 1):
            self.optimality, self.violation = self._residual(), self._violation()
            violations.append(self.violation)
            if self._is_stuck(violations):
                return self._found("stalled", k)
            if self._is_done():
                if self.is_exact or self._is_close():
                    return self._found("converged", k)
                self._settle_here()
                self.optimality, self.violation = self._residual(), self._violation()
                if self._is_done():
                    return self._found("converged", k)
            if k == self.ends.max_iter or is_stopped():
                break
            with task("step"):
                status = self._step()
            if status is not None:
                return self._found("converged" if self._is_near_done() else status, k)
        return self._found("max_iter", k)

    # --- where it stands

    def _constrained(self, point):
        return self.constraints.of(point.measured)

    def _left(self, measured):
        """Return constrained values less their target, 0 where a bound is kept."""
        values = self.constraints.of(measured)
        left = values - self.target
        return np.where(self.constraints.is_floor, left.clip(0.0), left)

    def _violation(self):
        return float(np.linalg.norm(self._left(self.point.measured)))

    def _is_done(self):
        met = self.violation <= self.ends.target_tol * self.scale
        return met and self.optimality <= self.ends.tol

    def _is_stuck(self, violations):
        """Say whether many steps brought the metrics hardly closer to the target."""
        if self.violation <= self.ends.target_tol * self.scale:
            return False
        if len(violations) <= _PATIENCE or self.violation <= 0.1 * self.scale:
            return False
        return self.violation > 0.5 * violations[-1 - _PATIENCE]

    def _is_near_done(self):
        """Say whether it ends where rounding lets no merit function see farther."""
        met = self.violation <= _MET * self.scale
        return met and self.optimality <= _OPTIMAL

    def _height(self, measured, size):
        """Return what is least, without the penalty."""
        own = measured.own_value - self.owner._own_before
        return 0.5 * size + (self.c * own if self.c else 0.0)

    def _found(self, status, k):
        return Found(
            status,
            self.point,
            self.predicted,
            self.optimality,
            self.violation / self.scale,
            k,
        )

    def _is_close(self):
        """Say whether the curvature at hand is nearly that at the model.

        What lies between them is small in the units of the change of the weights.
        """
        factor = self.point.factor
        if not self.model.moves_alike(factor, self.point.measured):
            return False
        off = factor.part(self.point.measured.parameters - factor.parameters)
        square = float(off @ factor.hessian @ off)
        return square <= (_ACCURACY * self.ends.tol) ** 2 * self.point.size

    # --- linearisation

    def _linearize(self):
        model, point = self.model, self.point
        own, gradients = model.linearize(point.measured.parameters)
        gradients = gradients[self.constraints.used]
        effects = point.factor.solve(np.vstack([gradients, own]).T)
        directions = model.model.unpack(np.ascontiguousarray(effects.T))
        model.reduce(passes.influences, directions=directions, name="influence_here")
        return Linear(effects, own)

    def _residual(self):
        """Return how far the weights are from optimal."""
        measured, floor = self.point.measured, self.constraints.is_floor
        gram, right = self.model.reduce(
            passes.normal_equations, gain=self.c, **self.bounds
        )
        values = self.constraints.of(measured)
        binding = ~floor | (values - self.target > -1e-9)
        said = np.zeros(len(right) + 1)
        some = np.flatnonzero(binding)
        said[some] = np.linalg.lstsq(gram[np.ix_(some, some)], right[some], 1e-10)[0]
        self.closest = said[:-1].copy()
        said[-1] = self.c
        off, size = self.model.reduce(passes.residual, multipliers=said, **self.bounds)
        return float(np.sqrt(off / size)) if size > 0 else (0.0 if off == 0 else np.inf)

    # --- a step

    def _step(self):
        """Take a step; return why there is none."""
        self.pulls, self.bend = self.model.pulls(), self._bend()
        proposal = self._propose(self.point.measured)
        left = float(np.linalg.norm(proposal.shortfall))
        if self._is_stationary(proposal, left):
            return "unreachable"
        self.model.reduce(passes.keep_proposal)
        descent, phi = self._prepare_merit(proposal, left)
        slack = _ROUNDING * abs(phi)
        share, tried = 1.0, self._try(proposal, 1.0)
        if not self._is_lower(tried, proposal.multipliers, slack):
            if not self._falls_to(tried, phi + _SUFFICIENT * descent + slack):
                tried = self._corrected(proposal, tried)
            while not self._falls_to(
                tried, phi + _SUFFICIENT * share * descent + slack
            ):
                share /= 2.0
                if share <= self.ends.least:
                    return "stalled"
                tried = self._try(proposal, share)
        self.predicted = self._constrained(self.point) - share * self._fall(proposal)
        self.multipliers, self.toward = proposal.multipliers, proposal.toward
        self._accept(tried)
        return None

    def _bend(self):
        """Return what the programme is told of what a step of the model costs.

        The curvature of the Lagrangian with the weights held, once the target is near
        and there are multipliers that explain some of the weights.
        """
        point, factor, problem = self.point, self.point.factor, self.model.problem
        slope = self.c * factor.part(self.linear.own_gradient)
        is_near = self.violation <= _NEAR * self.scale
        is_told = is_near and self.optimality <= 1.0 and problem.knows_bends
        if point.size == 0.0 or not is_told:
            return Bend.multiple(self.c, slope, factor.hessian) if self.c else None
        multipliers = np.zeros(len(point.measured.values))
        multipliers[self.constraints.used] = self.closest
        along = self.linear.effects @ np.append(self.closest, self.c)
        parameters = point.measured.parameters
        curvature = self.model.bends(parameters, multipliers, along, self.c)
        return Bend.convex(factor.square(curvature), slope, factor.hessian)

    def _quadratic(self, measured):
        sigma, factor = self.sigma, self.point.factor
        values = self.constraints.of(measured)
        asked = values - self.target
        return Quadratic(
            effects=factor.part(self.linear.effects[:, :-1]),
            asked=asked,
            is_floor=self.constraints.is_floor,
            gradient=factor.part(self.point.measured.gradient),
            bend=self.bend,
            pulls=factor.square(self.pulls),
            stiffness=1.0 + sigma,
            slack=max(
                0.01 * np.abs(asked).max(initial=0.0),
                0.1 * self.ends.target_tol * self.scale,
            ),
            accuracy=_ACCURACY * self.ends.tol,
        )

    def _propose(self, measured):
        """Return the Proposal of the programme, whose metrics start from a model's."""
        centre, factor = self.sigma / (1.0 + self.sigma), self.point.factor

        def combine(direction):
            matrix = self.model.model.unpack(factor.whole(direction))
            loss, gradient, distance, size, n_bound = self.model.reduce(
                passes.combine, direction=matrix, centre=centre, **self.bounds
            )
            gradient = factor.part(self.model.model.pack(gradient))
            return Combined(float(loss), gradient, distance, size, n_bound)

        def bound_pulls():
            return factor.square(self.model.bound_pulls())

        programme = ObjectiveProgramme(self._quadratic(measured), combine, bound_pulls)
        proposal = programme.solve(self.multipliers, factor.part(self.toward))
        gradient = factor.whole(proposal.combined.gradient)
        return replace(
            proposal,
            toward=factor.whole(proposal.toward),
            combined=replace(proposal.combined, gradient=gradient),
        )

    def _is_stationary(self, proposal, left):
        """Say whether no change of the weights brings the metrics much closer."""
        return (
            self.violation - left <= self.ends.progress * self.violation
            and left > 10.0 * self.ends.target_tol * self.scale
        )

    def _prepare_merit(self, proposal, left):
        """Return how fast the merit function falls, and its value; set the penalty."""
        point = self.point
        step = -self.model_step(proposal.combined.gradient)
        slope, square = self.model.reduce(passes.toward_proposal)
        own = self.c * float(self.linear.own_gradient @ step)
        bent = self._bent(step)
        falls = slope + own
        modelled = falls + 0.5 * (1.0 + self.sigma) * square + 0.5 * bent
        gained = self.violation - left
        if gained > 1e-9 * self.violation:
            self.penalty = max(self.penalty, 2.0 * modelled / gained)
        if left <= 1e-6 * max(self.violation, 1e-3 * self.scale):
            need = 1.5 * float(np.linalg.norm(proposal.multipliers))
            if self.penalty > 4.0 * need and self.falls:
                self.penalty, self.falls = 2.0 * need, self.falls - 1
            self.penalty = max(self.penalty, need)
        phi = self._height(point.measured, point.size)
        phi += self.penalty * self.violation
        return falls - self.penalty * gained, phi

    def _bent(self, step):
        if self.bend is None:
            return 0.0
        return self.bend.along(self.point.factor.part(step))

    def _fall(self, proposal):
        """Return by how much constrained values fall, were they linear."""
        gradient = self.point.measured.gradient + proposal.combined.gradient
        return self.linear.effects[:, :-1].T @ gradient

    def model_step(self, gradient):
        """Return the inverse Hessian times a gradient."""
        return self.point.factor.solve(gradient[:, None])[:, 0]

    def _falls_to(self, tried, most):
        """Say whether there is a point, whose merit function is low enough."""
        if tried is None:
            return False
        left = float(np.linalg.norm(self._left(tried.measured)))
        merit = self._height(tried.measured, tried.size) + self.penalty * left
        return merit <= most

    def _is_lower(self, tried, multipliers, slack):
        """Say whether the augmented Lagrangian falls, where misses are small.

        There the distance from a target that is bent makes a merit function of full
        steps that are good.
        """
        small = _SMALL_MISSES * self.ends.target_tol * self.scale
        point, stiffness = self.point, 2.0 * np.linalg.norm(multipliers) / small

        def height(at, left):
            by_misses = multipliers @ left + 0.5 * stiffness * left @ left
            return self._height(at.measured, at.size) + by_misses

        if tried is None or self.violation > small:
            return False
        left, ahead = self._left(point.measured), self._left(tried.measured)
        if np.linalg.norm(ahead) > small:
            return False
        return height(tried, ahead) <= height(point, left) + slack

    def _corrected(self, proposal, tried):
        """Return the step once more, with the metrics that it led to, if it is better.

        The correction of second order: the constraints are linear around the point, but
        their values are those at the end of the step.
        """
        if tried is None:
            return None
        straight = self._constrained(self.point) - self._fall(proposal)
        bent = self._constrained(tried) - straight
        moved = self.constraints.shifted(self.point.measured, bent)
        again = self._propose(moved)
        return self._try(again, 1.0, "proposal")

    def _try(self, proposal, share, name="kept_proposal"):
        """Return the Point under a share of a proposal, None if there is none.

        There is none where weights without a bound are far beyond any answer's.
        """
        self.model.reduce(passes.mix, share=share, other=name)
        (size,) = self.model.reduce(passes.size_of_trial)
        if not size <= self.owner.largest:
            return None
        point = self.point
        gradient = point.measured.gradient + share * proposal.combined.gradient
        with np.errstate(over="ignore", invalid="ignore"):
            here = point.measured.parameters
            start = self.model.landing(point.measured, -self.model_step(gradient))
            before = point.measured.value + share * proposal.combined.loss
            matters = max(
                min(self.violation, 0.1 * self.scale),
                0.1 * self.ends.target_tol * self.scale,
            )
            tol = _CHORD_SHARE * matters
            found = self._settle(start, "trial", tol, size, (here, before))
        return found and Point(*found, size)

    def _settle(self, parameters, name, tol, size, instead=None):
        """Return the minimiser under weights, Measured, and a Factor close by.

        ``instead`` is where to start, and the objective there, if that is lower.
        """
        for _ in range(_MAX_NEWTON):
            factor, value, gradient = self.model.factor(parameters, name)
            if instead and not value <= instead[1] + _ROUNDING * abs(instead[1]):
                parameters, instead = instead[0], None
                continue
            step = -factor.solve(gradient[:, None])[:, 0]
            slope = float(step @ gradient)
            if not slope <= 0.0:
                return None
            land = partial(self.model.model.landing, parameters, gradient)
            share, measured = 1.0, self.model.measure(land(step), name)
            rounding = 1e-12 * abs(value)
            while not measured.value <= value + 0.1 * share * slope + rounding:
                share /= 2.0
                if share < 1e-8:
                    return None
                measured = self.model.measure(land(share * step), name)
            chord = -factor.solve(measured.gradient[:, None])[:, 0]
            ahead = self.model.measure(self.model.landing(measured, chord), name)
            if ahead.value <= measured.value + rounding:
                is_near = self._is_near(measured, ahead, tol, size)
                is_near &= self.model.moves_alike(factor, ahead)
                measured = ahead
                if share == 1.0 and is_near:
                    return measured, factor
            parameters = measured.parameters
        return measured, factor

    def _is_near(self, measured, ahead, tol, size):
        """Say whether a chord moved neither metrics nor objective by what matters."""
        moved = np.abs(ahead.values - measured.values)[:-1].max(initial=0.0)
        own = self.c * abs(ahead.own_value - measured.own_value)
        off = max(min(self.optimality, 1.0), self.ends.tol)
        return moved <= tol and own <= _OBJECTIVE_SHARE * off**2 * max(
            self.point.size, size
        )

    def _settle_here(self):
        """Bring the model to where its weights put it, and linearise again."""
        tol = 0.01 * self.ends.target_tol * self.scale
        found = self._settle(
            self.point.measured.parameters, "epsilon", tol, self.point.size
        )
        if found is not None:
            self.point = Point(*found, self.point.size)
            self.linear = self._linearize()
        self.is_exact = True

    def _accept(self, tried):
        """Go to a point, and estimate the curvature of the constraints on the way."""
        moved, square = self.model.reduce(passes.inside_change, **self.bounds)
        moved = self.model.model.pack(moved)
        (before,) = self.model.reduce(passes.along_step)
        felt = self._bent(self.model_step(moved))
        self.model.reduce(passes.accept)
        self.point, self.is_exact = tried, False
        self.linear = self._linearize()
        (after,) = self.model.reduce(passes.along_step)
        weights = np.append(self.multipliers, self.c)
        bend = -float(weights @ (after - before)) - felt
        bend /= max(square, _SMALLEST)
        self.sigma = float(np.clip(bend, 0.0, _MOST_CURVATURE))


@dataclass(frozen=True, eq=False)
class Constraints:
    """Which values are aimed at, or bounded.

    Attributes
    ----------
    used : ndarray of int of shape (m,)
        Positions among the metrics and, last, the utility.
    is_floor : ndarray of bool of shape (m,)
        Which are bounded from above alone.
    scale : float
        The size of the original metrics.
    """

    used: np.ndarray
    is_floor: np.ndarray
    scale: float

    def of(self, measured):
        """Return the constrained values (m,) of a Measured."""
        return measured.values[self.used]

    def shifted(self, measured, by):
        """Return a Measured whose constrained values are shifted."""
        values = measured.values.copy()
        values[self.used] += by
        return replace(measured, values=values)
