"""A fitted classifier with the rows it was trained on and what it is measured by."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..inputs import check_total_weight, label_positions
from ..models import make_model_view
from ._evaluation import Evaluation


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
    codes = label_positions(training.y, view.classes, "y")
    X = wrapped.transform(training.X)
    if update is not None:
        view = update.restrict(view, X)
    rows = view.training_rows(X, codes, training.weight)
    measured, measured_rows = training, rows
    if held_out is not None:
        measured = held_out
        codes = label_positions(held_out.y, view.classes, "y_val")
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
