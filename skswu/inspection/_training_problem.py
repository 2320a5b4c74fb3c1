"""The problem that a question about training samples is about."""

from copy import copy
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from ..correction._correction import Corrector
from ..correction._problem import Problem, make_problem
from ..correction._replacement import make_replacer
from ..estimators._unlearning_classifier import UnlearningClassifier
from ..inputs import LabeledData
from ..models import WrappedClassifier
from ..updates import InfluenceUpdate


@dataclass(frozen=True)
class TrainingProblem:
    """A problem with the training rows that its samples are.

    Attributes
    ----------
    problem : Problem
        The classifier, its training rows and what it is measured by.
    training : LabeledData
        The training rows as they were given.
    update : BaseUpdate
        Says how the curvature is inverted.
    index : array-like of shape (n_train,)
        Labels of the training rows.
    """

    problem: Problem
    training: LabeledData
    update: Any
    index: Any

    def linearize(self):
        """Return the LinearizedMetrics of the classifier."""
        linearized, _ = Corrector(self.problem, None, self.update).linearize()
        return linearized


def is_corrected(estimator):
    """Say whether an estimator is a fitted UnlearningClassifier."""
    return hasattr(estimator, "epsilon_") and hasattr(estimator, "original_estimator_")


def read_training_problem(
    estimator,
    X,
    y,
    *,
    objective=None,
    sensitive_features=None,
    sample_weight=None,
    X_val=None,
    y_val=None,
    sensitive_features_val=None,
    update=None,
):
    """Check what a question about training samples was asked with.

    Of a fitted UnlearningClassifier, the original classifier is meant, and what is not
    given is its own: the objective, the update, the columns of the sensitive features,
    and which rows its ``fit`` held out. Where the update replaces the model, the
    influences are those of the model that stands in for it.
    """
    reader = _reader(estimator, objective, update)
    if isinstance(sensitive_features, str):
        reader.sensitive_features, sensitive_features = sensitive_features, None
    parts = reader._resolve_parts()
    training, held_out = reader._read_training_data(
        X,
        y,
        parts,
        sensitive_features=sensitive_features,
        weight=sample_weight,
        X_val=X_val,
        y_val=y_val,
        sensitive_features_val=sensitive_features_val,
    )
    index, fitted = row_labels(X, len(training.y)), estimator
    if is_corrected(estimator):
        check_same_rows(estimator, len(training.y))
        fitted = estimator.original_estimator_
        if held_out is None and estimator.validation_indices_ is not None:
            held_out = training.take(estimator.validation_indices_)
        training = training.take(estimator.train_indices_)
        index = index[estimator.train_indices_]
    problem, update = _bind(fitted, training, held_out, parts[0], parts[2])
    return TrainingProblem(problem, training, update, index)


def _bind(fitted, training, held_out, objectives, update):
    """Return the problem, and the update that says how its curvature is inverted."""
    wrapped = WrappedClassifier(fitted)
    if not update.replaces_model:
        return make_problem(wrapped, training, held_out, objectives, update), update
    replacer = make_replacer(wrapped, training, held_out, objectives, None, update)
    return replacer.problem, InfluenceUpdate()


def _reader(estimator, objective, update):
    """Return an UnlearningClassifier that reads the arguments; it is never fitted."""
    if is_corrected(estimator):
        reader = copy(estimator)
        reader.objective = reader.objective if objective is None else objective
        reader.update = reader.update if update is None else update
        return reader
    check_is_fitted(estimator)
    return UnlearningClassifier(
        estimator,
        objective="demographic_parity" if objective is None else objective,
        update="influence" if update is None else update,
    )


def row_labels(X, n_rows):
    """Return the index of a pandas object, or else the positions of the rows."""
    index = getattr(X, "index", None)
    # A list has a method of that name.
    return np.arange(n_rows) if index is None or callable(index) else index


def check_same_rows(model, n_rows):
    """Insist that rows are those that an UnlearningClassifier was given."""
    expected = len(model.train_indices_)
    if model.validation_indices_ is not None:
        expected += len(model.validation_indices_)
    if n_rows != expected:
        raise ValueError(
            f"X has {n_rows} rows, but the UnlearningClassifier was given {expected}: "
            "pass the same rows, those that its fit held out included."
        )
