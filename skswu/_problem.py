"""A fitted classifier with the rows it was trained on and what it is measured by."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from sklearn.utils import _safe_indexing

from ._evaluation import Evaluation
from .models import make_model_view


@dataclass(frozen=True)
class Problem:
    """What every question about the influence of training samples starts from.

    Attributes
    ----------
    view : ModelView
        The fitted classifier.
    rows : Rows
        Its training rows, with their weights.
    evaluation : Evaluation
        The metrics and the utility on the evaluation rows.
    sample_weight : ndarray of shape (n_train,) or None
        Sample weights of the fit.
    """

    view: Any
    rows: Any
    evaluation: Evaluation
    sample_weight: Any = None


@dataclass(frozen=True)
class LabeledData:
    """Checked rows as a call gave them.

    Attributes
    ----------
    X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
        As the classifier takes it.
    y : ndarray of shape (n_samples,)
        Labels.
    groups : Groups or None
        The rows' groups.
    weight : ndarray of shape (n_samples,) or None
        Sample weights.
    """

    X: Any
    y: np.ndarray
    groups: Any = None
    weight: np.ndarray | None = None

    def seen_by(self, wrapped):
        """Return the rows as a WrappedClassifier's bare one sees them."""
        return replace(self, X=wrapped.transform(self.X))

    def take(self, indices):
        """Return the rows at ``indices``."""
        return LabeledData(
            _safe_indexing(self.X, indices),
            _safe_indexing(self.y, indices),
            None if self.groups is None else self.groups.take(indices),
            None if self.weight is None else self.weight[indices],
        )


def make_problem(wrapped, training, held_out, objectives, update=None):
    """Bind a fitted classifier, its training data and objectives to each other.

    Parameters
    ----------
    wrapped : WrappedClassifier
        The fitted classifier with the transformers that stand before it.
    training : LabeledData
        What it was trained on.
    held_out : LabeledData or None
        Evaluation rows; None measures on the training rows.
    objectives : list of BaseObjective
        What is measured.
    update : BaseUpdate or None, default=None
        What restricts the parameters that are moved; None restricts nothing.

    Returns
    -------
    Problem
        Ready for a Corrector.
    """
    view = make_model_view(wrapped.classifier)
    _check_classes(view.classes)
    codes = encode_labels(training.y, view.classes, "y")
    X = wrapped.transform(training.X)
    if update is not None:
        view = update.restrict(view, X)
    rows = view.training_rows(X, codes, training.weight)
    measured, measured_rows = training, rows
    if held_out is not None:
        measured = held_out
        codes = encode_labels(held_out.y, view.classes, "y_val")
        measured_rows = view.evaluation_rows(wrapped.transform(held_out.X), codes)
    weight = np.ones(len(codes)) if measured.weight is None else measured.weight
    check_total_weight(weight)
    metrics = [
        objective.bind(codes, view.classes, measured.groups, weight)
        for objective in objectives
    ]
    evaluation = Evaluation(view, measured_rows, weight, metrics)
    return Problem(view, rows, evaluation, training.weight)


def _check_classes(classes):
    if len(classes) < 2:
        raise ValueError(
            "A correction needs at least two classes; the estimator was fitted on one "
            f"class, {classes.tolist()}."
        )


def check_total_weight(weight):
    """Insist that not all evaluation rows have the weight 0."""
    if weight is not None and not np.any(weight):
        raise ValueError(
            "Nothing can be measured: all evaluation rows have a sample_weight of 0."
        )


def encode_labels(y, classes, name):
    """Return the position of each label in the sorted classes."""
    codes = np.searchsorted(classes, y)
    codes = np.minimum(codes, len(classes) - 1)
    unknown = classes[codes] != y
    if np.any(unknown):
        labels = np.unique(np.asarray(y)[unknown]).tolist()
        raise ValueError(
            f"{name} holds labels {labels} that the estimator was not fitted on; its "
            f"classes are {classes.tolist()}."
        )
    return codes
