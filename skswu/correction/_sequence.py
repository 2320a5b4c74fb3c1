"""Corrections by the least change of the weights, one strength after another."""

from dataclasses import dataclass, replace
from itertools import count

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from .._utils._tasks import is_stopped, task
from .._utils._warnings import kept_warnings
from ..exceptions import UnreachableTargetWarning
from ..linear import _reweighted_passes as passes
from ..weighting._changes import noted_change, out_of_range
from ._candidate import Tried
from ._correction import State
from ._least_change import Constraints, Ends, Found, LeastChange

# Steps of a search, where nobody says how many.
MANY_STEPS = 60
# Of a strength that is out of reach at once, or of 2: the first stage.
_FIRST_STAGE = 0.25
# Of what was reached, or of the first of these: the shortest.
_LAST_STAGE = 1 / 16
_LONGER = 1.5
# Steps to the least change at the end of what can be reached, where it is ill defined.
_LAST_STEPS = 20
# Of a target, in units of the original metrics, whose square is no number soon.
_LARGEST_TARGET = 1e100
# A stage that changes the weights so much more than its strength went elsewhere.
_JUMP = 2.5
_LOOSE = Ends(tol=0.1, target_tol=1e-2, max_iter=12, least=1 / 16, progress=0.5)
# From this share on, the whole strength is tried once more.
_ALMOST = 0.9
_MAX_CHORDS = 12
# From this strength down, targets are met the more closely, to a share of themselves.
_SMALL_STRENGTH = 0.1
# Times its tolerance that a residual is worth a warning from.
_FAR = 2.0
# Share of all gaps that a metric's own is rounding at.
_NO_GAP = 1e-12
_NOTES = (
    "epsilon",
    "proposal",
    "kept_proposal",
    "trial",
    "step",
    "loss_here",
    "slope_here",
    "influence_here",
)


@dataclass(frozen=True, eq=False)
class Reached:
    """A strength that was reached, and by what.

    Attributes
    ----------
    strength : float
        The strength.
    found : Found
        Where its search ended.
    name : str
        Under which rows know the change of their weights.
    """

    strength: float
    found: Found
    name: str


class Sequence:
    """Correct at one strength after another, each from the last that was reached.

    Parameters
    ----------
    problem : LinearProblem
        Linearised, with a dense Hessian.
    weighting : SoftWeighting
        What is least, and within which bounds.
    update : InfluenceUpdate
        Its tolerances, and how many steps.
    first : Linearized
        Of the original model.
    """

    def __init__(self, problem, weighting, update, first):
        self.problem, self.weighting, self.first = problem, weighting, first
        self.rows = problem.objective.rows
        self._names, self._kept, self._numbers = [], [], count()
        self.is_open = update.max_iter == "auto"
        n_steps = MANY_STEPS if self.is_open else update.max_iter
        self.ends = Ends(update.tol, update.target_tol, n_steps)
        programme = weighting.programme()
        self.limit = problem.utility_limit(programme.utility_tolerance)
        self.is_used = weighting.felt(first)
        self.search = LeastChange(
            problem,
            self._constraints(),
            programme.lower,
            programme.upper,
            problem.objective_weight(programme.objective_weight),
        )

    def _constraints(self):
        used = np.append(self.is_used, self.limit is not None)
        floors = np.append(self.first.is_limit, True)
        scale = float(np.linalg.norm(self.first.to_repair)) or 1.0
        return Constraints(np.flatnonzero(used), floors[used], scale)

    def correct(self, candidates):
        """Let candidates know what comes of their strengths."""
        last = self._beginning()
        for candidate in candidates:
            strength = self.weighting.at(candidate.strength).strength
            self._check_range(strength)
            start = last if last.strength <= strength else self._beginning()
            with (
                kept_warnings() as caught,
                task("strength", n_subtasks=1),
                task("update", n_subtasks=None),
            ):
                reached, n_iter = self._reach(strength, start)
                tried = self._tried(reached)
            if reached.strength > 0.0:  # that of the fit was told
                caught += reached.found.point.factor.warnings
            candidate.warnings.extend(dict.fromkeys(caught))
            candidate.take_sequence(tried, reached, n_iter, self.search.weight)
            candidate.warnings.extend(self._told(reached, strength))
            candidate.warnings.extend(self._told_of_unfelt(candidate))
            if reached.strength == strength:
                last = reached
            self._kept.append(reached.name)
            self._forget_but(last.name)
        self._forget_but()
        self.rows.forget(*_NOTES)

    def _check_range(self, strength):
        target = self._target(strength) / self.search.constraints.scale
        if not np.abs(target).max(initial=0.0) < _LARGEST_TARGET:
            raise out_of_range(self.weighting.at(strength))

    def _target(self, strength):
        """Return where the constrained values are to go."""
        target = self.weighting.at(strength).target(self.first.to_repair)
        return target[self.is_used]

    def _forget_but(self, *names):
        """Have rows forget what candidates do not keep, but for some names."""
        known = {*names, *self._kept}
        self.rows.forget(*(name for name in self._names if name not in known))
        self._names = [name for name in self._names if name in known]

    def _keep(self):
        """Let rows keep the change at hand; return under which name.

        Rows may still know what other corrections of them kept.
        """
        names = map("reached {}".format, self._numbers)
        name = next(name for name in names if name not in self.rows)
        self.search.model.reduce(passes.keep, name=name)
        self._names.append(name)
        return name

    def _beginning(self):
        point = self.search.begin()
        predicted = self.problem.before
        found = Found("converged", point, predicted, 0.0, 0.0, 0)
        return Reached(0.0, found, self._keep())

    def _reach(self, strength, start):
        """Return the Reached at a strength, or as far as it goes, and the steps."""
        if not self.is_used.any():
            return self._beginning(), 0
        found = self._from(start, strength, self.ends)
        n_iter = found.n_iter
        direct = self._reached(strength, found)
        if self._is_met(found, strength) or is_stopped():
            return direct, n_iter
        if found.status == "max_iter" and not self.is_open:
            return direct, n_iter
        bare = self._bare(strength)
        if bare is not None:
            return bare, n_iter + bare.found.n_iter
        if is_stopped():
            return direct, n_iter
        return self._continue(strength, start, n_iter)

    def _bare(self, strength):
        """Return the Reached without the original objective, None if it is not.

        That is a change of the weights, if not the one that was asked for, and the
        objective takes it from there as far as it can.
        """
        if not self.search.weight:
            return None
        found = self._from(self._beginning(), strength, self.ends, 0.0)
        if not self._is_met(found, strength):
            return None
        first = self._reached(strength, found)
        again = self._from(first, strength, self.ends)
        if self._is_met(again, strength):
            return self._reached(strength, again)
        known = self._from(first, strength, replace(self.ends, max_iter=0))
        found = replace(found, optimality=known.optimality)
        return Reached(strength, found, first.name)

    def _from(self, start, strength, ends, objective_weight=None):
        """Search for a strength from one that was reached."""
        self.search.model.reduce(passes.recall, name=start.name)
        target = self._target(strength)
        if self.limit is not None:
            target = np.append(target, self.limit)
        ends = replace(ends, target_tol=_closeness(ends, strength))
        return self.search.search(start.found.point, target, ends, objective_weight)

    def _reached(self, strength, found):
        return Reached(strength, found, self._keep())

    def _continue(self, strength, start, n_iter):
        """Go in stages as far as it goes."""
        last, width = start, _FIRST_STAGE * min(strength, 2.0)
        least = _LAST_STAGE * min(strength, 1.0)
        shortest = _LAST_STAGE * least
        while last.strength < strength and width >= shortest and not is_stopped():
            to = min(last.strength + width, strength)
            found = self._from(last, to, _LOOSE)
            n_iter += found.n_iter
            if found.miss <= _closeness(_LOOSE, to) and not _jumps(last, to, found):
                last = self._reached(to, found)
                self._forget_but(start.name, last.name)
                shortest = _LAST_STAGE * max(last.strength, least)
                width *= _LONGER
            else:
                width = (to - last.strength) / 2.0
        few = replace(self.ends, max_iter=min(self.ends.max_iter, _LAST_STEPS))
        goals = {last.strength: few, last.strength - shortest: few}
        goals[last.strength - 3.0 * shortest] = self.ends
        if last.strength >= _ALMOST * strength:
            goals = {strength: few, **goals}
        for goal, ends in goals.items():
            if goal <= 0.0:
                break
            found = self._from(last, goal, ends)
            n_iter += found.n_iter
            if self._is_met(found, goal):
                is_known = goal == last.strength and self._is_met(last.found, goal)
                if is_known and not _is_better(found, last.found):
                    return last, n_iter
                return self._reached(goal, found), n_iter
        return last, n_iter

    def _is_met(self, found, strength):
        """Say whether the targets of a strength are met, by whatever weights."""
        is_near = found.miss <= _closeness(self.ends, strength)
        return found.status == "converged" or is_near

    def _tried(self, reached):
        """Return the step that a strength led to."""
        self.search.model.reduce(passes.recall, name=reached.name)
        measured = self._settled(reached)
        n_influences = len(self.problem.before) + 1
        changes = noted_change(self.rows, reached.name, n_influences)
        predicted = measured.values[:-1].copy()
        n_used = int(self.is_used.sum())
        predicted[self.is_used] = reached.found.predicted[:n_used]
        state = self._state(measured)
        return Tried(changes, self.rows, self.first, state, predicted)

    def _settled(self, reached):
        """Return the model brought to the minimiser under its weights, by chords.

        Where these did not change, it stays as it is.
        """
        point, model = reached.found.point, self.search.model
        measured, size = point.measured, np.inf
        if point.size == 0.0:
            return measured
        for _ in range(_MAX_CHORDS):
            last, size = size, float(np.linalg.norm(measured.gradient))
            if size > 0.5 * last or size == 0.0:
                break
            chord = -point.factor.solve(measured.gradient[:, None])[:, 0]
            ahead = model.measure(model.landing(measured, chord), "epsilon")
            if not np.linalg.norm(ahead.gradient) < size:
                break
            measured = ahead
        return measured

    def _state(self, measured):
        problem, remaining = self.problem, measured.gradient
        asked = problem.asked_gradient("epsilon")
        size = max(float(np.linalg.norm(asked)), np.finfo(float).tiny)
        return State(
            measured.parameters,
            measured.values,
            float(np.linalg.norm(remaining + problem.tilt)) / size,
            float(np.linalg.norm(remaining)) / size,
            1.0,
        )

    def _told(self, reached, strength):
        """Return warnings of what was not reached."""
        if reached.strength < strength:
            message = self._out_of_reach(reached, strength)
            return ((message, UnreachableTargetWarning),)
        found, ends = reached.found, self.ends
        if not self._is_met(found, strength):
            message = (
                f"The update stopped after {found.n_iter} steps "
                f"(max_iter={ends.max_iter}), {found.miss:.1%} of the metric away from "
                "the target."
            )
            return ((message, ConvergenceWarning),)
        if self.is_open and found.optimality > _FAR * ends.tol:
            message = (
                "The target is met, but maybe not by the least change of the weights: "
                f"optimality_ is {found.optimality:.2g}, above tol={ends.tol}."
            )
            return ((message, ConvergenceWarning),)
        return ()

    def _told_of_unfelt(self, candidate):
        """Return warnings of metrics that were asked to move, and that no row moves."""
        rounding = _NO_GAP * self.search.constraints.scale
        is_asked = np.abs(candidate.goal.asked) > rounding
        left = np.flatnonzero(is_asked & ~self.is_used)
        if not len(left) or not self.is_used.any():
            return ()
        names = ", ".join(candidate.names[k] for k in left)
        message = (
            f"The target is out of reach of {names}: no training row influences it, "
            "and it was left out."
        )
        return ((message, UnreachableTargetWarning),)

    def _out_of_reach(self, reached, strength):
        weighting, is_moved = self.weighting, reached.found.point.size > 0.0
        share = f"{reached.strength:.3g}" if is_moved else "0"
        end = "the model is corrected so far" if is_moved else "no weight is changed"
        return (
            f"The target is out of reach: of strength={strength:.3g}, {share} can be "
            f"reached within lower={weighting.lower}, upper={weighting.upper} and "
            f"utility_tolerance={weighting.utility_tolerance}; {end}."
        )


def _is_better(found, known):
    """Say whether a search that met a target is to be preferred to one that did."""
    return found.status == "converged" or found.point.size < known.point.size


def _closeness(ends, strength):
    """Return how close to the targets of a strength is close enough."""
    return ends.target_tol * min(strength / _SMALL_STRENGTH, 1.0)


def _jumps(last, to, found):
    if last.strength == 0.0:
        return False
    longest = _JUMP * to / last.strength
    return found.point.size > longest**2 * last.found.point.size
