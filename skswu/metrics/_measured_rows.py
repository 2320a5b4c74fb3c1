"""What a parity metric compares of each row: labels, errors, losses, probabilities."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import fairlearn.metrics
import numpy as np
from sklearn.utils import column_or_1d

from .._utils._array_api import as_numpy
from ..inputs import label_positions
from ..objectives._base import positive_position
from ._label_encoding import encode_predictions


@dataclass(frozen=True)
class MeasuredRows:
    """What a metric function takes of some rows.

    Attributes
    ----------
    y_true, y_pred : ndarray of shape (n_measured,)
        Encoded labels; for metrics of probabilities, a number a row in `y_pred`.
    rows : ndarray or Ellipsis
        Which rows these are, as an index; all by default.
    """

    y_true: np.ndarray
    y_pred: np.ndarray
    rows: Any = ...


@dataclass(frozen=True)
class ParityMetric:
    """A disparity (smaller is fairer) or a ratio (larger is fairer) between groups."""

    function: Callable
    greater_is_better: bool
    needs_positive_label: bool = True

    #: Whether it compares probabilities in place of predicted labels.
    needs_probabilities: ClassVar[bool] = False

    def score(self, value):
        """The value with scikit-learn's sign: greater is better."""
        return value if self.greater_is_better else -value

    def disparity(self, value):
        """The distance from parity, at least 0."""
        return 1.0 - value if self.greater_is_better else value

    def measure(self, estimator, X, y, pos_label):
        """Read what the metric compares: here, true and predicted labels."""
        predictions = column_or_1d(np.asarray(as_numpy(estimator.predict(X))))
        classes = np.asarray(getattr(estimator, "classes_", []))
        return self.of_labels(y, predictions, classes, pos_label)

    def of_labels(self, y, predictions, classes, pos_label):
        """Read the same from labels that are predicted already."""
        needs_label = self.needs_positive_label
        return MeasuredRows(
            *encode_predictions(y, predictions, classes, pos_label, needs_label)
        )


@dataclass(frozen=True)
class ErrorParityMetric(ParityMetric):
    """Compares errors: predictions of another label than the row's, of all classes."""

    def of_labels(self, y, predictions, classes, pos_label):
        y, predictions = encode_predictions(y, predictions, classes, None, False)
        return MeasuredRows(y, (y != predictions).astype(int))


@dataclass(frozen=True)
class ProbabilityMetric(ParityMetric):
    """Compares what probabilities make of a row."""

    needs_probabilities: ClassVar[bool] = True

    def of_labels(self, y, predictions, classes, pos_label):
        raise ValueError(
            "The loss parity and calibration metrics compare probabilities, which "
            "predicted labels do not tell: they have no value at a decision threshold."
        )


@dataclass(frozen=True)
class LossParityMetric(ProbabilityMetric):
    """Compares the log losses of all rows, or of those of a label."""

    def measure(self, estimator, X, y, pos_label):
        probabilities, classes, codes = _read_probabilities(estimator, X, y)
        own = probabilities[np.arange(len(codes)), codes]
        losses = -np.log(np.maximum(own, np.finfo(own.dtype).eps))
        if pos_label is None:
            return MeasuredRows(codes, losses)
        rows = np.flatnonzero(codes == positive_position(pos_label, classes))
        return MeasuredRows(codes[rows], losses[rows], rows)


@dataclass(frozen=True)
class CalibrationMetric(ProbabilityMetric):
    """Compares a label's probability with whether the row holds it."""

    def measure(self, estimator, X, y, pos_label):
        probabilities, classes, codes = _read_probabilities(estimator, X, y)
        positive = positive_position(pos_label, classes)
        is_positive = codes == positive
        return MeasuredRows(is_positive, probabilities[:, positive] - is_positive)


def largest_group_mean(y_true, y_pred, *, sensitive_features, sample_weight=None):
    """Return the largest absolute mean prediction of a group."""
    frame = fairlearn.metrics.MetricFrame(
        metrics=fairlearn.metrics.mean_prediction,
        y_true=y_true,
        y_pred=y_pred,
        sensitive_features=sensitive_features,
        sample_params={"sample_weight": sample_weight},
    )
    return frame.by_group.abs().max()


def _read_probabilities(estimator, X, y):
    """Return probabilities, the classes, and the positions of the rows' labels."""
    if not hasattr(estimator, "predict_proba"):
        raise ValueError(
            "The loss parity and calibration metrics need predict_proba, which "
            f"{type(estimator).__name__} does not have."
        )
    classes = np.asarray(estimator.classes_)
    codes = label_positions(y, classes, "y")
    return np.asarray(estimator.predict_proba(X)), classes, codes
