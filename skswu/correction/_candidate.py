"""What a classifier becomes at one strength."""

from copy import copy
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any

import numpy as np

from .._utils._warnings import warn
from ..exceptions import LinearizationWarning, UnreachableTargetWarning
from ..linear import _reweighted_passes as passes
from ..rows._largest import Largest
from ._correction import Correction
from ._small_groups import small_group_warnings
from ._utility_loss import utility_warnings

# A row that is to count this many times more is not reweighted, but made up.
_EXTREME = 100


@dataclass(frozen=True, eq=False)
class Tried:
    """A step that was taken.

    Attributes
    ----------
    changes : Changes
        A single change of the weights.
    rows : RowBlocks
        That it is of.
    linearized : Linearized
        The latest before it.
    state : State
        What it led to.
    known : ndarray of shape (n_metrics,) or None, default=None
        The metrics as they were predicted, where that is not by ``linearized``.
    """

    changes: Any
    rows: Any
    linearized: Any
    state: Any
    known: Any = None

    @property
    def predicted(self):
        """The metrics as the linearisation before the step has them."""
        if self.known is not None:
            return self.known
        if self.rows is self.linearized.rows:
            return self.linearized.predict_under(self.changes)
        return self.linearized.predict(self.epsilon)

    def noted(self, name):
        """Return the same with weights that rows know under a name of their own."""
        changes = self.changes.noted(self.rows, name)
        return replace(self, changes=changes, known=self.predicted)

    def note(self, rows):
        """Let training rows know its change of the weights as their ``epsilon``."""
        if self.rows is rows:
            self.changes.note(rows)
        else:
            rows.spread("epsilon", self.epsilon)

    @property
    def epsilon(self):
        """The change of the weights, shape (n_samples,), made anew each time."""
        return self.changes.collect(self.rows, 0)


class Candidate:
    """What a classifier becomes at one strength.

    Parameters
    ----------
    corrector : Corrector
        That makes it.
    strength : float or None
        What is asked of the weighting; None is its own strength.
    goal : Goal
        Where the metrics are to go.
    first : Linearized
        Of the original model.

    Attributes
    ----------
    tried : list of Tried
        The steps that were taken.
    warnings : list of tuple (message, category)
        What was warned of on the way.
    """

    def __init__(self, corrector, strength, goal, first):
        self.strength = strength
        self.goal = goal
        self.first = first
        self.tried = []
        self.warnings = []
        self.n_iter = 0
        self._problem = corrector.problem
        self._make_classifier = self._problem.classifier
        self._update = corrector.update
        self._weighting = corrector.weighting
        self._timer = corrector.timer
        self._change = None
        self.optimality = float("nan")
        self.objective_weight = 0.0
        self.reached = self.reachable = self.gaps = None

    def take_sequence(self, tried, reached, n_iter, objective_weight):
        """Take what a sequence found.

        Parameters
        ----------
        tried : Tried
            The weights, and the model under them.
        reached : Reached
            The strength, and how the search for it ended.
        n_iter : int
            Steps that were taken.
        objective_weight : float
            How much the original objective counted in what is least.
        """
        self.objective_weight = objective_weight
        self.n_iter, self.reached = n_iter, reached
        # Without a change the model is the original, whatever was searched for.
        self.tried = [tried] if tried.changes.sizes.any() else []
        self.optimality = reached.found.optimality

    def kept_as(self, name):
        """Return itself, its weights known by a name that no other correction takes."""
        if self.kept is not None:
            self.tried = [self.kept.noted(name)]
        return self

    def instead_of(self, other, message):
        """Return itself in the place of one of more strength.

        Parameters
        ----------
        other : Candidate
            That is not kept.
        message : str
            Why.
        """
        self.reachable, self.strength = self.goal.strength, other.strength
        self.goal = other.goal
        self.warnings.append((message, UnreachableTargetWarning))
        return self

    def take_change(self, changes, rows, linearized):
        """Take a single change of the weights, to be followed by what it leads to."""
        self.n_iter += 1
        self._change = changes, rows, linearized
        message = changes.messages[0]
        if message is not None and self._problem.tells_reach:
            self.warnings.append((message, UnreachableTargetWarning))

    def take(self, state):
        """Take what the last change of the weights led to."""
        self.tried.append(Tried(*self._change, state))
        self.warnings.extend(state.warnings)
        self._timer.note_residual("update", state.relative_residual)

    def is_done(self):
        """Say whether no other step is to be taken."""
        if self.n_iter >= self.goal.n_steps:
            return True
        return self._problem.is_settled(self._update, self.goal, self.tried)

    @cached_property
    def kept(self):
        """The step that is kept, None if there was no change of the weights."""
        if not self.tried:
            return None
        position = self._problem.kept(self._update, self.goal, self.tried)
        return self.tried[position]

    @property
    def state(self):
        """The State that is kept."""
        return self._problem.original() if self.kept is None else self.kept.state

    @cached_property
    def classifier(self):
        """The classifier, bare."""
        return self._make_classifier(self.state)

    def as_measured(self):
        """Return the same, with what evaluation rows are scored by.

        That is what stands in the classifier's place there; and as ``gaps``, None
        otherwise, the metrics and their standard errors.
        """
        gaps = self.state.values[:-1], self.standard_errors
        measured = copy(self)
        vars(measured).pop("classifier", None)
        measured._make_classifier = self._problem.measured_classifier
        measured.gaps = gaps
        return measured

    @property
    def names(self):
        """What the metrics are."""
        return self._problem.names

    @property
    def one_sided(self):
        """Of which metrics only values above zero are to be repaired."""
        return self._problem.one_sided

    @cached_property
    def standard_errors(self):
        """How far chance in the evaluation rows may move the metrics."""
        return self._problem.standard_errors(self.state)

    def effective_sample_size(self):
        """Return how many samples of equal weight tell as much as the changed ones."""
        rows, changes = self.first.rows, None
        if self.kept is not None:
            rows, changes = self.kept.rows, self.kept.changes
            if len(self.tried) == 1 and "count" not in rows:
                total, square = changes.totals[0], changes.sizes[0] ** 2
                return (rows.n_rows + total) ** 2 / (rows.n_rows + 2 * total + square)
        ((total,),) = rows.reduce(_total_count)
        # Squares of the weights themselves may leave the range of floats.
        unit = total / rows.n_rows
        sums = partial(_weight_sums, changes=changes, unit=unit)
        ((total, squares),) = rows.reduce(sums)
        return float(total) ** 2 / float(squares)

    def warn(self):
        """Warn of what was warned of on the way."""
        for one in self.warnings:
            warn(*one)

    def _note_epsilon(self, first):
        """Let rows know the change of their weights that is kept.

        Returns
        -------
        predicted : ndarray of shape (n_metrics,)
            The metrics as the first linearisation has them.
        n_extreme : int
            How many rows change by far too much.
        """
        rows, kept = first.rows, self.kept
        if kept is None:
            rows.reduce(passes.begin)
        else:
            kept.note(rows)
        ((moved, n_extreme),) = rows.reduce(_sums_of_change)
        return (first.constant - moved)[:-1], n_extreme

    def finish(self):
        """Return the Correction, and add to the warnings what it falls short of."""
        first, state = self.first, self.state
        predicted, n_extreme = self._note_epsilon(first)
        if self.kept is not None:
            if len(self.tried) > 1 or self.kept.known is not None:
                predicted = self.kept.predicted
            self.warnings.extend(self._shortfall(predicted))
            if n_extreme:
                self.warnings.append(_extreme_weights(first.rows, n_extreme))
            self.warnings.extend(utility_warnings(self._problem, state))
        self.warnings.extend(small_group_warnings(self._problem))
        estimate, errors = self._estimate()
        influence = first.rows.hand_over("influence")
        return Correction(
            classifier=self.classifier,
            epsilon=first.rows.hand_over("epsilon"),
            influence=influence[:-1],
            utility_influence=influence[-1],
            names=self.names,
            before=self._problem.before,
            predicted=predicted,
            after=state.values[:-1],
            estimate=estimate,
            standard_errors=errors,
            measured_on=self._problem.measured_on,
            utility_before=self._problem.utility_before,
            utility_after=float(state.values[-1]),
            stationarity=state.stationarity,
            step_length=state.step_length,
            n_iter=self.n_iter,
            target=self.goal.target,
            optimality=self.optimality,
            objective_weight=self.objective_weight,
            reachable_strength=self._reachable_strength(predicted),
            training_decrement=self._problem.training_decrement,
            timings=self._timer.seconds,
            solver_residuals=self._timer.residuals,
        )

    def _shortfall(self, predicted):
        """Return warnings of what the model that is kept falls short of."""
        if self.reached is not None:
            return ()
        return self._problem.shortfall(self._update, self.goal, self.tried, predicted)

    def _reachable_strength(self, predicted):
        """Return the strength that weights and bounds allow, as far as is known."""
        if self.reachable is not None:
            return self.reachable
        if self.kept is None:
            return self.goal.strength * self.goal.share_of(self._problem.before)
        if self.reached is not None:
            return self.reached.strength
        return self.goal.strength * self.goal.share_of(predicted)

    def _estimate(self):
        """Return the metrics without what rows had a part in, and standard errors."""
        found = None
        if self.kept is not None and self._update.settles:
            found = self._problem.estimate(self.first, self.kept, self._weighting)
        return found or (None, self.standard_errors)


def _sums_of_change(block):
    """Return what the change of a block's weights does to metrics and utility.

    And how many rows change by far too much.
    """
    epsilon = block["epsilon"]
    n_extreme = np.count_nonzero(np.abs(epsilon) > _EXTREME)
    return block["influence"] @ epsilon, n_extreme


def _extreme_weights(rows, n_extreme):
    """Return a warning of changes that no linearisation in the weights holds for."""
    ((size,),) = rows.reduce(_largest_change)
    rows.number("position")
    ((behind,),) = rows.reduce(partial(_first_of_changes, size=size.value))
    row = int(-behind.value)
    ((change,),) = rows.reduce(partial(_change_of, row=row))
    rows.forget("position")
    message = (
        f"The weight of training row {row} changes by {change:.1e} times itself, and "
        f"{n_extreme} rows by more than {_EXTREME} times: the rows hardly influence "
        "the metric. Ask for less (strength) or bound the changes (upper of the "
        "weighting)."
    )
    return message, LinearizationWarning


def _largest_change(block):
    return (Largest(np.abs(block["epsilon"]).max(initial=0.0)),)


def _first_of_changes(block, size):
    """Return the first position of a change of some size, its sign turned."""
    where = block["position"][np.abs(block["epsilon"]) == size]
    return (Largest(-where.min() if len(where) else -np.inf),)


def _change_of(block, row):
    return (block["epsilon"].sum(where=block["position"] == row),)


def _total_count(block):
    return (block.n_rows * 1.0 if np.ndim(block.count) == 0 else block.count.sum(),)


def _weight_sums(block, changes, unit):
    """Return the sum of the sample weights under a change, and of their squares.

    They are counted in units of ``unit``.
    """
    weight = np.ones((1, block.n_rows))
    if changes is not None:
        weight += changes.epsilon(block)
    weight *= block.count / unit
    return weight.sum(), np.einsum("sn,sn->", weight, weight)
