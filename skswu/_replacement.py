"""Correction by putting a retrained model in the place of the original."""

import warnings
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from sklearn.base import clone

from ._correction import (
    _NO_GAP,
    Correction,
    Corrector,
    StepTimer,
    _warn_nothing_to_do,
)
from ._evaluation import Evaluation
from ._problem import encode_labels, make_problem
from .exceptions import UnreachableTargetWarning
from .models import WrappedClassifier, make_measured_view
from .updates import InfluenceUpdate

# Growing the strength does not help if this many more steps like the last one would not
# close what is missing.
_MAX_STEPS_LEFT = 4


@dataclass(frozen=True)
class Retrained:
    """A model under changed weights, and how it measures.

    Attributes
    ----------
    classifier : classifier
        The model.
    strength : float
        What the weighting was asked for.
    epsilon : ndarray of shape (n_samples,)
        The relative changes of the weights.
    reachable : bool
        Whether the weighting expected to meet that strength.
    metrics : ndarray of shape (n_metrics,)
        The metrics on the evaluation rows.
    utility : float
        The mean evaluation loss.
    share : float
        What is removed of the original's metrics.
    """

    classifier: Any
    strength: float
    epsilon: np.ndarray
    reachable: bool
    metrics: np.ndarray
    utility: float
    share: float


class Replacer:
    """Retrain a classifier under the weights that repair its metrics.

    The influences are those of the model that the update names. Where they are not the
    classifier's own, the strength asked of the weighting is searched for.

    Parameters
    ----------
    classifier : classifier
        Fitted, bare.
    training : LabeledData
        Its training rows, as it sees them.
    held_out : LabeledData or None
        Evaluation rows; None measures on the training rows.
    objectives : list of BaseObjective
        What is measured.
    weighting : BaseWeighting
        Solves for the weights.
    update : BaseUpdate
        One that replaces the model.
    verbose : int, default=0
        Whether to print each step's time.
    """

    def __init__(
        self, classifier, training, held_out, objectives, weighting, update, verbose=0
    ):
        update.check_classifier(classifier)
        self.classifier = classifier
        self.training = training
        self.measured = training if held_out is None else held_out
        self.weighting = weighting
        self.update = update
        self.timer = StepTimer(verbose)
        self.codes = encode_labels(self.measured.y, classifier.classes_, "y")
        with self.timer("stand-in"):
            model = update.influence_model(
                classifier, training.X, training.y, training.weight
            )
        self.problem = make_problem(
            WrappedClassifier(model), training, held_out, objectives
        )
        self.names = self.problem.evaluation.names

    def correct(self):
        """Return the retrained classifier and the Correction."""
        before, utility = self._measure(self.classifier)
        unchanged = np.zeros(len(self.training.y))
        original = Retrained(
            self.classifier, 0.0, unchanged, True, before, utility, 0.0
        )
        linearized = self._linearize(original)
        if np.abs(before).max() <= _NO_GAP:
            _warn_nothing_to_do(before)
            return self.classifier, self._correction(linearized, original, original, 0)
        tried = self._search(linearized, original)
        target = self.weighting.target(before)
        best = min(tried, key=lambda one: np.linalg.norm(one.metrics - target))
        self._warn_of_shortfall(best, target, before)
        correction = self._correction(linearized, original, best, len(tried))
        return best.classifier, correction

    def _linearize(self, original):
        """Return the stand-in's influences around the real model's metrics."""
        corrector = Corrector(self.problem, self.weighting, InfluenceUpdate())
        with self.timer("influence"):
            linearized, _ = corrector.linearize()
        return replace(
            linearized,
            constant=original.metrics,
            before=original.metrics,
            utility_constant=original.utility,
            utility_before=original.utility,
        )

    def _search(self, linearized, original):
        """Return the models that were tried, the strength brought to its share."""
        asked = getattr(self.weighting, "strength", None)
        limit = self.update.max_refits if asked else 1
        tried, strength = [], asked
        while strength != (tried[-1].strength if tried else object()):
            tried.append(self._retrain(linearized, original, strength))
            if len(tried) == limit or abs(tried[-1].share - asked) <= self.update.tol:
                break
            strength = next_strength([original, *tried], asked)
        return tried

    def _retrain(self, linearized, original, strength):
        weighting = self.weighting
        if strength is not None:
            weighting = clone(weighting).set_params(strength=strength)
        with self.timer("weighting"):
            weights = weighting.weigh(linearized)
        data, sample_weight = self.training, 1.0 + weights.epsilon
        if data.weight is not None:
            sample_weight *= data.weight
        with self.timer("update"):
            classifier = self.update.retrain(
                self.classifier, data.X, data.y, sample_weight
            )
        metrics, utility = self._measure(classifier)
        before = original.metrics
        return Retrained(
            classifier=classifier,
            strength=strength,
            epsilon=weights.epsilon,
            reachable=weights.reachable,
            metrics=metrics,
            utility=utility,
            share=1.0 - float(metrics @ before) / float(before @ before),
        )

    def _measure(self, classifier):
        """Return the metrics and the utility of a classifier."""
        measured = self.measured
        view = make_measured_view(classifier)
        rows = view.evaluation_rows(measured.X, self.codes)
        weight = (
            np.ones(len(self.codes)) if measured.weight is None else measured.weight
        )
        metrics = self.problem.evaluation.metrics
        evaluation = Evaluation(view, rows, weight, metrics)
        parameters = view.parameters
        return evaluation.values(parameters), evaluation.utility(parameters)

    def _warn_of_shortfall(self, best, target, before):
        distance = np.linalg.norm(best.metrics - target)
        allowed = self.update.tol * np.linalg.norm(before)
        if getattr(self.weighting, "strength", None) and distance > allowed:
            warnings.warn(
                f"The refits removed {best.share:.1%} of the metric at best, where "
                f"strength={self.weighting.strength} was asked for (max_refits="
                f"{self.update.max_refits}, tol={self.update.tol}).",
                UnreachableTargetWarning,
                stacklevel=5,
            )

    def _correction(self, linearized, original, best, n_refits):
        return Correction(
            parameters=None,
            epsilon=best.epsilon,
            influence=linearized.influence,
            utility_influence=linearized.utility_influence,
            before=original.metrics,
            predicted=linearized.predict(best.epsilon),
            after=best.metrics,
            utility_before=original.utility,
            utility_after=best.utility,
            stationarity=float("nan"),
            step_length=1.0,
            n_iter=n_refits,
            timings=self.timer.seconds,
        )


def next_strength(tried, asked):
    """Return the strength to try next, or the last one if there is no better.

    Between a model that removed too little and one that removed too much, it is that of
    a straight line, kept off the ends; beyond all, it grows as long as that helps.

    Parameters
    ----------
    tried : list of Retrained
        So far, the last one latest.
    asked : float
        The share of the metric to remove.
    """
    below = sorted(
        (one for one in tried if one.share < asked), key=lambda one: one.strength
    )
    above = [one for one in tried if one.share >= asked]
    low = below[-1]
    if above:
        high = min(above, key=lambda one: one.strength)
        position = (asked - low.share) / (high.share - low.share)
        position = min(max(position, 0.1), 0.9)
        return low.strength + position * (high.strength - low.strength)
    missing = asked - low.share
    if not low.reachable or low.share - below[-2].share < missing / _MAX_STEPS_LEFT:
        return tried[-1].strength
    return low.strength * min(max(asked / low.share, 1.25), 3.0)


def replace_model(wrapped, training, held_out, *parts):
    """Return the retrained classifier, the Correction and the metrics' names.

    Parameters
    ----------
    wrapped : WrappedClassifier
        The fitted classifier with the transformers that stand before it.
    training : LabeledData
        What it was trained on.
    held_out : LabeledData or None
        Evaluation rows; None measures on the training rows.
    *parts : list of BaseObjective, BaseWeighting, BaseUpdate, int
        What to measure, weigh and update with, and whether to print times.
    """
    data = [
        data and replace(data, X=wrapped.transform(data.X))
        for data in (training, held_out)
    ]
    replacer = Replacer(wrapped.classifier, *data, *parts)
    return *replacer.correct(), replacer.names
