"""Correction by putting a retrained model in the place of the original."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .._utils._warnings import warn
from ..exceptions import UnreachableTargetWarning
from ..inputs import label_positions
from ..models import WrappedClassifier, make_measured_view
from ..updates import InfluenceUpdate
from ..weighting import LinearizedMetrics
from ._correction import (
    NO_GAP,
    Correction,
    StepTimer,
    in_view_of,
    warn_nothing_to_do,
)
from ._evaluation import Evaluation
from ._problem import make_problem


@dataclass(frozen=True)
class Retrained:
    """A model under changed weights, and how it measures.

    Attributes
    ----------
    classifier : classifier
        The model.
    epsilon : ndarray of shape (n_samples,)
        The relative changes of the weights.
    metrics : ndarray of shape (n_metrics,)
        The metrics on the evaluation rows.
    utility : float
        The mean evaluation loss.
    """

    classifier: Any
    epsilon: np.ndarray
    metrics: np.ndarray
    utility: float


class Replacer:
    """Retrain a classifier under the weights that repair its metrics.

    The values are those of the classifier, the influences those of the model that the
    update names. As these are not quite the classifier's own, what a refit leaves of
    the way to the target is asked for again, with the influences under its weights.

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
        self.held_out = held_out
        self.objectives = objectives
        self.weighting = weighting
        self.update = update
        self.timer = StepTimer(verbose)
        self.measured = training if held_out is None else held_out
        self.codes = label_positions(self.measured.y, classifier.classes_, "y")
        self.problem = self._make_problem(classifier, training.weight)
        self.names = self.problem.evaluation.names
        self.metrics = self._bind()

    def correct(self):
        """Return the retrained classifier and the Correction."""
        return self.correct_from(*self.linearize())

    def linearize(self):
        """Return the first LinearizedMetrics, and the original as a Retrained."""
        original = self._measure(self.classifier, np.zeros(len(self.training.y)))
        return self._linearize(self.problem, original), original

    def correct_from(self, first, original):
        """Return what :meth:`correct` does, given what :meth:`linearize` returned."""
        before = original.metrics
        if np.abs(before).max() <= NO_GAP:
            warn_nothing_to_do(before)
            return self.classifier, self._correction(first, original, 0)
        target = self.weighting.target(before)
        if np.array_equal(target, before):
            return self.classifier, self._correction(first, original, 0)
        tried = self._approach(target, first, original)
        best = min(tried, key=lambda one: np.linalg.norm(one.metrics - target))
        self._warn_of_shortfall(best, target, before)
        return best.classifier, self._correction(first, best, len(tried))

    def _approach(self, target, first, original):
        """Return the models that were tried on the way to a target."""
        near = self.update.tol * np.linalg.norm(original.metrics)
        limit = self.update.max_refits if self.weighting.relinearizes else 1
        linearized, factor = first, 1.0
        last, tried = original, [self._retrain(first)]
        while len(tried) < limit and np.linalg.norm(tried[-1].metrics - target) > near:
            # Where a model went farther than predicted, a full step would go too far
            # again, and the next one back.
            factor = max(factor * _answer(linearized, last, tried[-1]), 1.0)
            last = tried[-1]
            linearized = self._linearize_again(last, first, factor)
            tried.append(self._retrain(linearized))
        return tried

    def _linearize_again(self, retrained, first, factor):
        """Return the LinearizedMetrics around a refit, with influences scaled."""
        problem = self.problem
        if self.update.follows_weights:
            weight = self._changed_weight(retrained.epsilon)
            problem = self._make_problem(retrained.classifier, weight)
            # Adversarial inputs that are not adaptive stay those of the first stand-in.
            problem.evaluation.metrics = self.problem.evaluation.metrics
        linearized = self._linearize(problem, retrained, factor)
        return replace(
            in_view_of(first, linearized, retrained.epsilon),
            before=first.before,
            utility_before=first.utility_before,
        )

    def _make_problem(self, classifier, weight):
        """Return the problem of the model whose influences stand in."""
        data = self.training
        with self.timer("stand-in"):
            model = self.update.influence_model(classifier, data.X, data.y, weight)
        wrapped = WrappedClassifier(model)
        return make_problem(wrapped, data, self.held_out, self.objectives)

    def _linearize(self, problem, retrained, factor=1.0):
        """Return a stand-in's influences, around what a model measures itself."""
        view, rows = problem.view, problem.rows
        weight = rows.weight * (1.0 + retrained.epsilon)
        with self.timer("influence"):
            inverse = InfluenceUpdate().invert(view, rows, view.parameters, weight)
            directions = inverse.solve(problem.evaluation.gradients(view.parameters))
            influence = view.loss_derivatives(rows, view.parameters, directions)
            influence *= factor * rows.weight
        measured = np.append(retrained.metrics, retrained.utility)
        constant = measured + influence @ retrained.epsilon
        return LinearizedMetrics(
            influence=influence[:-1],
            constant=constant[:-1],
            before=retrained.metrics,
            utility_influence=influence[-1],
            utility_constant=constant[-1],
            utility_before=retrained.utility,
            sample_weight=self.training.weight,
        )

    def _retrain(self, linearized):
        """Return the classifier under the weights that linearised metrics lead to."""
        with self.timer("weighting"):
            epsilon = self.weighting.weigh(linearized).epsilon
        data, weight = self.training, self._changed_weight(epsilon)
        with self.timer("update"):
            classifier = self.update.retrain(self.classifier, data.X, data.y, weight)
        return self._measure(classifier, epsilon)

    def _changed_weight(self, epsilon):
        weight = self.training.weight
        return (1.0 + epsilon) * (1.0 if weight is None else weight)

    def _measure(self, classifier, epsilon):
        """Return a classifier with its metrics and utility."""
        view = make_measured_view(classifier)
        rows = view.evaluation_rows(self.measured.X, self.codes)
        evaluation = Evaluation(view, rows, self._measured_weight, self.metrics)
        parameters = view.parameters
        return Retrained(
            classifier,
            epsilon,
            evaluation.values(parameters),
            evaluation.utility(parameters),
        )

    def _bind(self):
        """Bind the objectives once for the original and all that replace it."""
        classes, groups = self.classifier.classes_, self.measured.groups
        return [
            objective.bind(self.codes, classes, groups, self._measured_weight)
            for objective in self.objectives
        ]

    @property
    def _measured_weight(self):
        weight = self.measured.weight
        return np.ones(len(self.codes)) if weight is None else weight

    def _warn_of_shortfall(self, best, target, before):
        distance = np.linalg.norm(best.metrics - target)
        allowed = self.update.tol * np.linalg.norm(before)
        if self.weighting.aims_at_target and distance > allowed:
            warn(
                "The refits came no nearer to the target than "
                f"{distance / np.linalg.norm(before):.1%} of the metric (max_refits="
                f"{self.update.max_refits}, tol={self.update.tol}).",
                UnreachableTargetWarning,
            )

    def _correction(self, linearized, best, n_refits):
        return Correction(
            parameters=None,
            epsilon=best.epsilon,
            influence=linearized.influence,
            utility_influence=linearized.utility_influence,
            before=linearized.before,
            predicted=linearized.predict(best.epsilon),
            after=best.metrics,
            utility_before=linearized.utility_before,
            utility_after=best.utility,
            stationarity=float("nan"),
            step_length=1.0,
            n_iter=n_refits,
            timings=self.timer.seconds,
            solver_residuals=self.timer.residuals,
        )


def _answer(linearized, start, end):
    """Return how far the metrics went, as a multiple of what was predicted."""
    predicted = linearized.predict(end.epsilon) - linearized.predict(start.epsilon)
    size = max(float(predicted @ predicted), np.finfo(np.float64).tiny)
    return float(predicted @ (end.metrics - start.metrics)) / size


def make_replacer(wrapped, training, held_out, *parts):
    """Return the Replacer of the classifier behind the transformers of a Pipeline.

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
    data = [data and data.seen_by(wrapped) for data in (training, held_out)]
    return Replacer(wrapped.classifier, *data, *parts)


def replace_model(*given):
    """Return the retrained classifier, the Correction and the metrics' names.

    Takes what :func:`make_replacer` takes.
    """
    replacer = make_replacer(*given)
    return *replacer.correct(), replacer.names
