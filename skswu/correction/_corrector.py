"""The order of the steps: linearise, weigh, update; at many strengths at once."""

import numpy as np

from .._utils._tasks import is_stopped, task
from .._utils._warnings import kept_warnings
from ..exceptions import NothingToCorrectWarning
from ..weighting._changes import out_of_range
from ._candidate import Candidate
from ._problem import Goal
from ._step_timer import StepTimer

# Gaps below this are rounding, whatever the data.
NO_GAP = 1e-12
# A loss that rises by less is rounding.
_NO_RISE = 1e-9
# Of a strength that costs too much utility.
_HALVINGS = 6


class Corrector:
    """Correct a fitted model at any number of strengths.

    Parameters
    ----------
    problem : Problem
        The fitted model, its training rows, and what is to be repaired.
    weighting : BaseWeighting
        Solves for the weights.
    update : ModelUpdate
        Moves the parameters, or fits the model anew.
    verbose : int, default=0
        Whether to print each step's time.
    """

    def __init__(self, problem, weighting, update, verbose=0):
        self.problem = problem
        self.weighting = weighting
        self.update = update
        self.timer = StepTimer(verbose)

    def linearize(self):
        """Return the Linearized of the original model."""
        with self.timer("influence"):
            first = self.problem.linearize()
        self.timer.note_residual("influence", first.relative_residual)
        return first

    def correct(self, strengths=(None,)):
        """Return a Candidate for each strength, in order.

        Parameters
        ----------
        strengths : sequence of float or None, default=(None,)
            What to ask of the weighting; None is its own strength.
        """
        first = self.linearize()
        candidates = [
            Candidate(self, strength, self._goal(strength, first), first)
            for strength in strengths
        ]
        largest = np.abs(first.to_repair).max()
        if largest <= NO_GAP:
            message = (
                f"The objective is already met (largest gap {largest:.1e}); there is "
                "nothing to correct and the model is unchanged."
            )
            for candidate in candidates:
                candidate.warnings.append((message, NothingToCorrectWarning))
            return candidates
        active = [one for one in candidates if one.goal.allowed_distance > 0]
        if active:
            self._correct(active, first)
        return [
            self._within_tolerance(one, f"kept {position}")
            for position, one in enumerate(candidates)
        ]

    def _within_tolerance(self, candidate, name):
        """Return a candidate, or that of the largest strength that costs no more.

        Its weights are noted under a name.
        """
        tolerance = self.weighting.utility_tolerance
        if tolerance is None or candidate.kept is None:
            return candidate
        if self.problem.utility_rise(candidate.state) <= tolerance + _NO_RISE:
            return candidate
        asked, first = candidate.goal.strength, candidate.first
        best, low, high = (
            Candidate(self, 0.0, self._goal(0.0, first), first),
            0.0,
            asked,
        )
        for _ in range(_HALVINGS):
            middle = 0.5 * (low + high)
            tried = Candidate(self, middle, self._goal(middle, first), first)
            self.problem.renew()
            self._correct([tried], first)
            if self.problem.utility_rise(tried.state) <= tolerance + _NO_RISE:
                best, low = tried.kept_as(name), middle
            else:
                high = middle
        return best.instead_of(candidate, self._bounded_message(asked, low))

    def _bounded_message(self, asked, reached):
        end = "the model is corrected so far" if reached else "no weight is changed"
        return (
            f"The target is out of reach: of strength={asked:.3g}, {reached:.3g} can "
            f"be reached within utility_tolerance={self.weighting.utility_tolerance}; "
            f"{end}."
        )

    def predicted(self, candidates):
        """Yield the positions of the labels that candidates predict, where known.

        Parameters
        ----------
        candidates : list of Candidate
            As :meth:`correct` returned them.

        Yields
        ------
        ndarray of int of shape (n_samples,) or None
            Of the evaluation rows; None where only the classifier itself can tell.
        """
        yield from self.problem.predicted([one.state for one in candidates])

    def note_standard_errors(self, candidates):
        """Let candidates know their standard errors, in shared passes.

        Parameters
        ----------
        candidates : list of Candidate
            As :meth:`correct` and :meth:`original` returned them.
        """
        errors = self.problem.standard_errors_of([one.state for one in candidates])
        for candidate, own in zip(candidates, errors, strict=True):
            candidate.standard_errors = own

    def original(self):
        """Return the original model as a Candidate, once it was linearised."""
        return Candidate(self, None, None, None)

    def _goal(self, strength, first):
        weighting, one_sided = self.weighting.at(strength), self.problem.one_sided
        target = weighting.target(first.to_repair)
        n_steps = self.problem.n_steps(self.update, weighting)
        strength = weighting.get_params().get("strength", float("nan"))
        is_aim = weighting.aims_at_target
        before = self.problem.before
        return Goal(before, target, is_aim, n_steps, one_sided, strength)

    def _correct(self, candidates, first):
        """Take the first step of all strengths at once, and each one's others."""
        sequence = self.problem.sequence(self.weighting, self.update, first)
        if sequence is not None:
            with self.timer("update"):
                sequence.correct(candidates)
            return
        with self.timer("weighting"):
            strengths = [one.strength for one in candidates]
            changes = _solve(self.weighting, first, strengths)
        for position, candidate in enumerate(candidates):
            candidate.take_change(changes.take([position]), first.rows, first)
        moving = np.flatnonzero(changes.sizes)
        if not len(moving):
            return
        some, goals = changes.take(moving), [candidates[k].goal for k in moving]
        with self.timer("update"):
            states = self.problem.apply_all(self.update, first.rows, some, goals)
        is_last = is_stopped()
        for k, state in zip(moving, states, strict=True):
            candidates[k].take(state)
            with kept_warnings() as caught, task("strength", n_subtasks=None):
                while not (is_last or is_stopped() or candidates[k].is_done()):
                    self._step(candidates[k])
            candidates[k].warnings.extend(caught)

    def _step(self, candidate):
        """Take another step toward one goal, from a new linearisation."""
        problem, last = self.problem, candidate.tried[-1]
        weighting = self.weighting.at(candidate.strength)
        with self.timer("influence"):
            linearized = problem.relinearize(candidate.tried, candidate.first)
        self.timer.note_residual("influence", linearized.relative_residual)
        changes, rows = last.changes, last.rows
        if weighting.relinearizes:
            rows = linearized.rows
            with self.timer("weighting"):
                changes = _solve(weighting, linearized, [None])
        candidate.take_change(changes, rows, linearized)
        with self.timer("update"):
            state = problem.apply(
                self.update, changes.collect(rows, 0), candidate.goal, last.state
            )
        candidate.take(state)


def _solve(weighting, linearized, strengths):
    """Return the Changes of a weighting, all of them numbers.

    Raises
    ------
    ValueError
        If they are not, or their squares are none.
    """
    changes = weighting.solve(linearized, strengths)
    if not np.isfinite(changes.sizes).all():
        raise out_of_range(weighting)
    return changes
