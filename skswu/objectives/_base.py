"""What an objective is."""

from abc import ABC, abstractmethod

import numpy as np
from sklearn.base import BaseEstimator


class BaseObjective(BaseEstimator, ABC):
    """A metric to bring to zero, before it has seen any rows.

    Attributes
    ----------
    needs_sensitive_features : bool
        Whether rows must come with groups.
    is_multiclass : bool
        Whether more than two classes are measured as the objective is set.
    disparity : str or None
        The metric of fairlearn that it stands for once labels are predicted, if any.
    """

    _parameter_constraints = {}

    needs_sensitive_features = False
    is_multiclass = True
    disparity = None

    @abstractmethod
    def bind(self, codes, classes, groups, weight):
        """Fix the metric to evaluation rows.

        Parameters
        ----------
        codes : ndarray of shape (n_samples,)
            Labels as positions in ``classes``.
        classes : ndarray of shape (n_classes,)
            The labels.
        groups : Groups or None
            The rows' groups.
        weight : ndarray of shape (n_samples,)
            The rows' sample weights: means are weighted by them.

        Returns
        -------
        BoundMetrics
            What is measured on these rows.

        Raises
        ------
        ValueError
            If the metric cannot be measured on these rows.
        """


class BoundMetrics(ABC):
    """Metrics of fixed rows, whatever model is measured.

    Attributes
    ----------
    names : list of str
        One a metric.
    """

    names: list

    @abstractmethod
    def measure(self, view, rows, parameters):
        """Return the metrics of a model view at ``parameters``, shape (n_metrics,)."""

    @abstractmethod
    def parameter_gradient(self, view, rows, parameters):
        """Return their gradients in the parameters, (n_parameters, n_metrics)."""


class ScoreMetrics(BoundMetrics):
    """Metrics that are functions of the scores."""

    @abstractmethod
    def values(self, scores):
        """Return the metrics (n_metrics,) of scores (n_samples, n_classes)."""

    @abstractmethod
    def gradient(self, scores):
        """Return the derivatives in the scores, by slices of the rows.

        Returns
        -------
        callable
            Maps a slice of the rows to an array of shape (n_metrics, n_rows,
            n_classes).
        """

    def measure(self, view, rows, parameters):
        return self.values(view.scores(rows, parameters))

    def parameter_gradient(self, view, rows, parameters):
        gradient = self.gradient(view.scores(rows, parameters))
        return view.pull_back_scores(rows, parameters, gradient)


class LossMetrics(BoundMetrics):
    """What the mean loss of fixed rows is above a target.

    Parameters
    ----------
    name : str
        Name of the metric.
    weight : ndarray of shape (n_samples,)
        The rows' sample weights.
    target : float, default=0.0
        The loss that counts as zero.
    inputs : callable or None, default=None
        ``inputs(view, rows, parameters)`` returns the rows to measure in place of the
        given ones, such as adversarial ones; None measures the rows themselves.
    """

    def __init__(self, name, weight, target=0.0, inputs=None):
        self.names = [name]
        self.share = weight / weight.sum()
        self.target = target
        self.inputs = inputs

    def measure(self, view, rows, parameters):
        rows = self._rows(view, rows, parameters)
        loss = self.share @ view.losses(rows, parameters)
        # A loss below its target needs no repair, and is not to be raised.
        return np.array([max(loss - self.target, 0.0)])

    def parameter_gradient(self, view, rows, parameters):
        rows = self._rows(view, rows, parameters)
        return view.loss_gradient(rows, parameters, self.share)[:, None]

    def _rows(self, view, rows, parameters):
        return rows if self.inputs is None else self.inputs(view, rows, parameters)


def positive_position(pos_label, classes):
    """Return the position of the label whose predictions are compared.

    Raises
    ------
    ValueError
        If ``pos_label`` is not a class, or None with more than two classes.
    """
    if pos_label is None:
        if len(classes) > 2:
            raise ValueError(
                "Only binary classification is supported. without a pos_label; give "
                f"the objective one of {classes.tolist()}, whose rate is compared."
            )
        return len(classes) - 1
    matches = np.flatnonzero([label == pos_label for label in classes.tolist()])
    if len(matches) == 0:
        raise ValueError(
            f"pos_label={pos_label!r} is not a class; expected one of "
            f"{classes.tolist()}."
        )
    return int(matches[0])
