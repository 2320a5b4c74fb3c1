"""The problem that a question about training samples is about."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from ..correction import Setting
from ..estimators._parts import needing_groups, resolve_objectives, resolve_part
from ..influence import INFLUENCES
from ..inputs import DataReader, LabeledData
from ..inputs._collections import is_collection
from ..models import WrappedClassifier
from ..models._wrapped_classifier import check_no_samplers
from ..objectives._missing_groups import measuring, rows_in_words
from ..updates import UPDATES


@dataclass(frozen=True)
class TrainingProblem:
    """A problem with the training rows that its samples are.

    Attributes
    ----------
    problem : Problem
        The classifier, its training rows and what it is measured by.
    training : LabeledData
        The training rows as they were given.
    index : array-like of shape (n_train,)
        Labels of the training rows.
    """

    problem: Any
    training: LabeledData
    index: Any

    def linearize(self):
        """Return the Linearized of the classifier."""
        # What leaves the range of floats is told by our own warnings.
        with np.errstate(over="ignore", invalid="ignore"):
            return self.problem.linearize()


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
    control_features=None,
    sample_weight=None,
    X_val=None,
    y_val=None,
    sensitive_features_val=None,
    control_features_val=None,
    influence=None,
    update=None,
):
    """Check what a question about training samples was asked with.

    Of a fitted UnlearningClassifier, the original classifier is meant, and what is not
    given is its own: the objective, the influence, the columns of the sensitive
    features, and which rows its ``fit`` held out. The influences are on what its update
    corrects: some layers of a network, or the model that stands in for one that is
    fitted anew. An ``update`` takes the place of that.
    """
    fitted = _original(estimator)
    if is_collection(X):
        raise TypeError(
            f"X has to be in memory or in a memory map; got a dask {type(X).__name__}. "
            "unlearn takes it, and its influence_ stays a dask array."
        )
    check_no_samplers(fitted)
    objectives = resolve_objectives(
        _own(estimator, "objective", objective, "demographic_parity")
    )
    influence = resolve_part(
        INFLUENCES, _own(estimator, "influence", influence, "auto")
    )
    reader = DataReader(
        _own(estimator, "sensitive_features", None, None),
        needing_groups(objectives),
        _own(estimator, "missing_groups", None, "error"),
        _own(estimator, "control_features", None, None),
    )
    training, held_out = reader.read_both(
        X,
        y,
        sensitive_features=sensitive_features,
        control_features=control_features,
        sample_weight=sample_weight,
        X_val=X_val,
        y_val=y_val,
        sensitive_features_val=sensitive_features_val,
        control_features_val=control_features_val,
    )
    index = row_labels(X, len(training.y))
    if is_corrected(estimator):
        training, held_out = _split_as_fitted(estimator, training, held_out)
        index = index[estimator.train_indices_]
    wrapped = WrappedClassifier(fitted)
    leaves_out = is_corrected(estimator) and _leaves_out(estimator)
    setting = Setting(wrapped, training, held_out, objectives, influence, leaves_out)
    update = resolve_part(UPDATES, _own(estimator, "update", update, "influence"))
    with measuring(*rows_in_words(is_held_out=held_out is not None)):
        problem = update.pose(setting)
    return TrainingProblem(problem, training, index)


def _leaves_out(model):
    """Say whether an UnlearningClassifier measures training rows as left out."""
    update = UPDATES.resolve(model.update)
    return model.validation_fraction is not None and update.may_leave_out


def _original(estimator):
    """Return the fitted estimator that is asked about."""
    if is_corrected(estimator):
        return estimator.original_estimator_
    check_is_fitted(estimator)
    return estimator


def _own(estimator, parameter, given, default):
    """Return what was given, or an UnlearningClassifier's own, or the default."""
    if given is not None:
        return given
    return getattr(estimator, parameter) if is_corrected(estimator) else default


def _split_as_fitted(estimator, training, held_out):
    """Return the rows that a correction started from, of those that its fit was given.

    Evaluation rows that were passed take the place of those that fit held out.
    """
    check_same_rows(estimator, len(training.y))
    if estimator.validation_indices_ is not None:
        if held_out is None:
            held_out = training.take(estimator.validation_indices_)
        training = training.take(estimator.train_indices_)
    return estimator._as_fitted(training), held_out


def row_labels(X, n_rows):
    """Return the index of a pandas object, or else the positions of the rows."""
    index = getattr(X, "index", None)
    # A list has a method of that name.
    return np.arange(n_rows) if index is None or callable(index) else index


def n_rows_given(model):
    """Return the number of rows that an UnlearningClassifier was given."""
    parts = model.train_indices_, model.validation_indices_
    return sum(part.shape[0] for part in parts if part is not None)


def check_same_rows(model, n_rows):
    """Insist that rows are those that an UnlearningClassifier was given."""
    expected = n_rows_given(model)
    if n_rows != expected:
        raise ValueError(
            f"X has {n_rows} rows, but the UnlearningClassifier was given {expected}: "
            "pass the same rows, those that its fit held out included."
        )
