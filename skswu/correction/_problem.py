"""A fitted classifier with the rows it was trained on and what it is measured by."""

from abc import ABC, abstractmethod
from copy import copy
from dataclasses import replace
from math import hypot

import numpy as np

from .._utils._warnings import kept_warnings
from ..exceptions import LinearizationWarning
from ..weighting._linearized import beyond

# The share of the original model's distance from the target that any step may leave.
_NEAR = 0.02
# Shares by which metrics may miss what was predicted without a word: of what was asked,
# where they were to reach a target, and of the predicted change where they were not.
_MISS = 0.1
_SURPRISE = 0.5


class Problem(ABC):
    """What a correction asks of a fitted model.

    Attributes
    ----------
    names : list of str
        One a metric.
    n_rows : int
        Number of training rows.
    before : ndarray of shape (n_metrics,)
        The metrics of the original model, once it is linearised.
    one_sided : ndarray of bool of shape (n_metrics,)
        Of which of them only values above zero are to be repaired.
    """

    #: Whether a target that is out of the weights' reach is worth a warning.
    tells_reach = True
    #: How far the fit is from the optimum of the rows given; NaN where that has no
    #: meaning.
    training_decrement = float("nan")

    names: list
    n_rows: int
    before: np.ndarray
    one_sided: np.ndarray

    @abstractmethod
    def linearize(self):
        """Return the Linearized of the original model."""

    def renew(self):  # noqa: B027 - most rows forget nothing
        """Let rows know again what they forgot after the last corrections."""

    @abstractmethod
    def relinearize(self, tried, first):
        """Return the Linearized around the last model that was tried.

        Parameters
        ----------
        tried : list of Tried
            The steps that were taken, in order.
        first : Linearized
            Of the original model.
        """

    @property
    @abstractmethod
    def metrics(self):
        """The BoundMetrics, once the original model is linearised."""

    @property
    @abstractmethod
    def measured_on(self):
        """What rows they are measured on, in words."""

    def estimate(self, first, kept, weighting):
        """Return the metrics of a model as rows would tell that had no part in it.

        Parameters
        ----------
        first : Linearized
            Of the original model.
        kept : Tried
            The step that led to it.
        weighting : BaseWeighting
            That chose its weights.

        Returns
        -------
        tuple (values, errors) of ndarray of shape (n_metrics,), or None
            With their standard errors; None where it is not known.
        """
        return None

    @abstractmethod
    def original(self):
        """Return the original model as a State."""

    @abstractmethod
    def apply(self, update, epsilon, goal, start):
        """Return the State that an update leads to.

        Parameters
        ----------
        update : ModelUpdate
            What moves or replaces the model.
        epsilon : ndarray of shape (n_rows,)
            The change of the weights.
        goal : Goal
            What is aimed at.
        start : State
            Where the update starts.
        """

    def apply_all(self, update, rows, changes, goals):
        """Return the State for each change of the weights, from the original model.

        Parameters
        ----------
        update : ModelUpdate
            What moves or replaces the model.
        rows : RowBlocks
            That the changes are of.
        changes : Changes
            Of the weights.
        goals : list of Goal
            What is aimed at, one a change.

        Returns
        -------
        list of State
        """
        original, states = self.original(), []
        for position, goal in enumerate(goals):
            epsilon = changes.collect(rows, position)
            with kept_warnings() as caught:
                state = self.apply(update, epsilon, goal, original)
            states.append(replace(state, warnings=tuple(caught)))
        return states

    @abstractmethod
    def is_settled(self, update, goal, tried):
        """Say whether another step is not worth it."""

    @abstractmethod
    def kept(self, update, goal, tried):
        """Return which of the models that were tried is kept, as a position."""

    @abstractmethod
    def shortfall(self, update, goal, tried, predicted):
        """Return warnings of what the model that is kept falls short of.

        ``predicted`` are its metrics as the first linearisation has them.
        """

    @abstractmethod
    def n_steps(self, update, weighting):
        """Return the largest number of steps."""

    def sequence(self, weighting, update, first):
        """Return the Sequence that finds weights and model together, None without one.

        Parameters
        ----------
        weighting : BaseWeighting
            Says what is least.
        update : ModelUpdate
            Says whether several steps are wanted.
        first : Linearized
            Of the original model.
        """
        return None

    @abstractmethod
    def classifier(self, state):
        """Return the classifier of a State."""

    def utility_rise(self, state):
        """Return how much utility a model lost, as it is bounded.

        That is the rise of the mean loss on the evaluation rows or, where these are
        training rows and there is one, of the mean training objective.
        """
        return float(state.values[-1]) - self.utility_before

    def measured_classifier(self, state):
        """Return what evaluation rows are to be scored by in the classifier's place.

        Parameters
        ----------
        state : State
            The model.

        Returns
        -------
        classifier
            Here the classifier itself.
        """
        return self.classifier(state)

    @abstractmethod
    def labels(self):
        """Return what evaluation rows are: positions of their labels, and weights."""

    @abstractmethod
    def standard_errors(self, state):
        """Return how far chance in the evaluation rows may move a model's metrics.

        Returns
        -------
        ndarray of shape (n_metrics,)
            NaN where it is not known.
        """

    def standard_errors_of(self, states):
        """Return those of many models, (n_models, n_metrics).

        Parameters
        ----------
        states : list of State
            The models.
        """
        return np.stack([self.standard_errors(state) for state in states])

    @abstractmethod
    def predicted_by(self, state):
        """Return the positions of the labels that a model predicts on them."""

    def confusion(self, state):
        """Return the weight of evaluation rows by label and predicted label.

        Parameters
        ----------
        state : State
            The model.

        Returns
        -------
        ndarray of shape (n_classes, n_classes)
        """
        codes, weight = self.labels()
        predicted = self.predicted_by(state)
        n = 1 + int(max(codes.max(), predicted.max()))
        return np.bincount(codes * np.intp(n) + predicted, weight, n * n).reshape(n, n)

    @abstractmethod
    def predicted(self, states):
        """Yield the positions of the labels that models predict on evaluation rows."""


class Goal:
    """Where the metrics are to go.

    Parameters
    ----------
    before, target : ndarray of shape (n_metrics,)
        The metrics of the original model, and those aimed at.
    is_aim : bool
        Whether the weighting means to reach the target, and no more.
    n_steps : int
        Largest number of steps toward it.
    one_sided : ndarray of bool of shape (n_metrics,) or bool, default=False
        Of which metrics a value below the target is as good.
    strength : float, default=nan
        That of the weighting, if it has one.

    Attributes
    ----------
    to_repair : ndarray of shape (n_metrics,)
        How far the original model's metrics are from repaired.
    original_distance : float
        How far the original model's metrics are from the target.
    allowed_distance : float
        How far those of the model after the next step may be.
    """

    def __init__(
        self,
        before,
        target,
        is_aim,
        n_steps,
        one_sided=False,
        strength=float("nan"),
    ):
        self.before = before
        self.target = target
        self.one_sided = one_sided
        self.is_aim = is_aim
        self.n_steps = n_steps
        self.strength = strength
        self.asked = self.left(before)
        self.to_repair = beyond(before, one_sided)
        self.original_distance = hypot(*self.asked)
        self.allowed_distance = self.original_distance

    def from_here(self, values):
        """Return the same goal for a step from a model with these metrics.

        The step may end no farther from the target than it starts, but for a small
        share of the original model's distance.
        """
        goal = copy(self)
        goal.allowed_distance = max(
            self.distance(values), _NEAR * self.original_distance
        )
        return goal

    def distance(self, values):
        """Return how far metrics are from the target."""
        return hypot(*self.left(values))

    def left(self, values):
        """Return what is left to repair of metrics, shape (n_metrics,)."""
        return beyond(values[: len(self.target)] - self.target, self.one_sided)

    def share_of(self, values):
        """Return which share of the asked change values make, at most 1."""
        size = self.original_distance
        return 1.0 if size == 0.0 else max(1.0 - self.distance(values) / size, 0.0)

    def overshoots(self, values):
        """Say whether metrics have passed the target by more than is worth it."""
        # With steps to come, the next linearisation takes an overshoot back.
        if self.n_steps > 1 or not self.is_aim:
            return False
        left = self.left(values)
        # On a straight line, half of the step would have to end closer.
        halfway = 0.5 * hypot(*(self.asked + left))
        return bool(left @ self.asked < 0 and halfway < hypot(*left))

    def surprise(self, predicted, after):
        """Return warnings where the metrics went elsewhere than was predicted."""
        expected = self.left(predicted)
        missed = np.where(
            self.one_sided, self.left(after) - expected, after - predicted
        )
        allowed = _SURPRISE * hypot(*(self.asked - expected))
        if self.is_aim and self.original_distance > 0:
            allowed = _MISS * self.original_distance
        if hypot(*missed) <= allowed:
            return ()
        message = (
            f"The metric was predicted to go from {_listed(self.before)} to "
            f"{_listed(predicted)}, but went to {_listed(after)}: the step was "
            "longer than the linearisation holds. Ask for less (strength, "
            "fraction), or let the update take several steps (max_iter)."
        )
        return ((message, LinearizationWarning),)


def _listed(values):
    return ", ".join(f"{value:.3g}" for value in values)
