"""What an objective is."""

from abc import ABC, abstractmethod
from types import MappingProxyType

import numpy as np
from sklearn.base import BaseEstimator

from .._utils._warnings import warn
from ._block_metrics import (
    BlockMetrics,
    WholeArrayMetrics,
    cell_moments,
    errors_of_means,
)


class BaseObjective(BaseEstimator, ABC):
    """A metric to bring to zero, before it has seen any rows.

    Attributes
    ----------
    needs_sensitive_features : bool
        Whether rows must come with groups.
    is_multiclass : bool
        Whether more than two classes are measured as the objective is set.
    disparity : str or None
        The scorer, by name, whose disparity it stands for once labels are predicted.
    """

    _parameter_constraints = {}

    #: Methods that a model view must have for this objective, with what offers them.
    needs = {}
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

    def find_positive(self, classes):
        """Return the position of the label whose predictions are measured.

        Parameters
        ----------
        classes : ndarray of shape (n_classes,)
            The labels.

        Returns
        -------
        int or None
            None, as here, if no label has a role of its own.
        """
        return None

    def thresholded(self, classes):
        """Return its counterpart on predicted labels, if counts of rows tell it.

        Parameters
        ----------
        classes : ndarray of shape (n_classes,)
            The labels.

        Returns
        -------
        RateDisparity or None
            The disparity of counts of shape (..., n_groups, n_classes, n_classes), the
            weight of the rows of each group, true and predicted label; those of each
            stratum by themselves. Here None: ``disparity`` is taken.
        """
        return None

    def thresholded_ratio(self, classes):
        """Return the same for the ratio of two groups' rates, if it compares rates.

        Parameters
        ----------
        classes : ndarray of shape (n_classes,)
            The labels.

        Returns
        -------
        RateDisparity or None
            One less the lowest rate over the highest. Here None: there are no rates.
        """
        return None


class BoundMetrics(ABC):
    """Metrics of fixed rows, whatever model is measured.

    Attributes
    ----------
    names : list of str
        One a metric.
    one_sided : bool
        Whether values below zero are as good as zero, and only those above it are to
        be repaired. Otherwise zero itself is the aim.
    cell_sizes : dict of str to int
        How many rows there are of each group, and label, that is compared.
    """

    names: list
    one_sided = False
    cell_sizes = MappingProxyType({})

    @abstractmethod
    def measure(self, view, rows, parameters):
        """Return the metrics of a model view at ``parameters``, shape (n_metrics,)."""

    @abstractmethod
    def parameter_gradient(self, view, rows, parameters):
        """Return their gradients in the parameters, (n_parameters, n_metrics)."""

    def linearize(self, view, rows, parameters):
        """Return both, where they share work."""
        values = self.measure(view, rows, parameters)
        return values, self.parameter_gradient(view, rows, parameters)

    def standard_errors(self, view, rows, parameters):
        """Return how far chance in the rows may move the metrics, (n_metrics,).

        NaN where that is not known.
        """
        return np.full(len(self.names), np.nan)

    def in_blocks(self):
        """Return the metrics as BlockMetrics, or None.

        Without them, metrics are measured by the view, on rows in memory alone.
        """
        return None

    def at_threshold(self, threshold):
        """Return the same metrics where labels are decided elsewhere.

        Parameters
        ----------
        threshold : float
            The log-odds of the second of two classes from which on it is predicted.

        Returns
        -------
        BoundMetrics
            Here the metrics themselves, which do not follow predicted labels.
        """
        return self

    @property
    def is_of_scores(self):
        """Whether they are a function of the rows' scores.

        Where training rows are measured, they then are by approximate leave-one-out.
        """
        return self.in_blocks() is not None


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

    def in_blocks(self):
        return WholeArrayMetrics(self)

    def measure(self, view, rows, parameters):
        return self.values(view.scores(rows, parameters))

    def parameter_gradient(self, view, rows, parameters):
        gradient = self.gradient(view.scores(rows, parameters))
        return view.pull_back_scores(rows, parameters, gradient)

    def linearize(self, view, rows, parameters):
        scores = view.scores(rows, parameters)
        gradient = view.pull_back_scores(rows, parameters, self.gradient(scores))
        return self.values(scores), gradient


class LossMetrics(BoundMetrics):
    """What the mean loss of fixed rows is above a target; one below it is as good.

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

    one_sided = True

    def __init__(self, name, weight, target=0.0, inputs=None):
        self.names = [name]
        self._total = weight.sum()
        self.share = weight / self._total
        self.target = target
        self.inputs = inputs

    def measure(self, view, rows, parameters):
        return self._values(view, self._rows(view, rows, parameters), parameters)

    def parameter_gradient(self, view, rows, parameters):
        return self._gradient(view, self._rows(view, rows, parameters), parameters)

    def linearize(self, view, rows, parameters):
        rows = self._rows(view, rows, parameters)
        values = self._values(view, rows, parameters)
        return values, self._gradient(view, rows, parameters)

    def standard_errors(self, view, rows, parameters):
        losses = view.losses(self._rows(view, rows, parameters), parameters)
        cell = np.zeros(len(losses), dtype=np.intp)
        return errors_of_means(
            np.ones((1, 1)), cell_moments(losses[None], self.share, cell, 1)
        )[0]

    def in_blocks(self):
        if self.inputs is not None:
            return None
        return LossSums(self.target, self._total)

    def _values(self, view, rows, parameters):
        loss = self.share @ view.losses(rows, parameters)
        return np.array([loss - self.target])

    def _gradient(self, view, rows, parameters):
        return view.loss_gradient(rows, parameters, self.share)[:, None]

    def _rows(self, view, rows, parameters):
        return rows if self.inputs is None else self.inputs(view, rows, parameters)


class LossSums(BlockMetrics):
    """The mean loss above a target, as a sum over rows.

    Parameters
    ----------
    target : float
        The loss that counts as zero.
    total : float
        The rows' total sample weight.
    """

    has_moments = True

    def __init__(self, target, total):
        self.target = target
        self.total = total

    def prepare(self, rows, loss, matrix, key):
        """Nothing: losses need labels alone."""

    def sums(self, block, loss, z, losses):
        if np.ndim(block.count) == 0:
            return losses.sum(axis=-1, keepdims=True)
        return (losses @ block.count)[..., None]

    def slopes(self, block, loss, z, slope):
        return (slope * (block.count / self.total))[None]

    def finish(self, rows, sums):
        return sums / self.total - self.target

    def moments(self, block, loss, z):
        cell = np.zeros(block.n_rows, dtype=np.intp)
        return cell_moments(loss.values(block["code"], z), block.count, cell, 1)

    def standard_errors(self, moments):
        return errors_of_means(np.full((1, 1), 1.0 / self.total), moments)


def bind_all(objectives, codes, classes, groups, weight, threshold=None):
    """Fix objectives to evaluation rows, see :meth:`BaseObjective.bind`.

    Parameters
    ----------
    objectives : list of BaseObjective
        What is measured.
    codes, classes, groups, weight
        The rows.
    threshold : float or None, default=None
        See :meth:`BoundMetrics.at_threshold`; None is where the classes are even.

    Returns
    -------
    list of BoundMetrics
    """
    bound = [one.bind(codes, classes, groups, weight) for one in objectives]
    if threshold is None:
        return bound
    return [metrics.at_threshold(threshold) for metrics in bound]


def warn_of_guess(pos_label, classes, positive):
    """Warn that a string was taken for the positive label for no better reason.

    The greater of 0 and 1, or of False and True, is the one that is meant; of
    ``"approved"`` and ``"denied"`` it is not.
    """
    labels = classes.tolist()
    is_guess = pos_label is None and positive is not None
    if is_guess and isinstance(labels[positive], str):
        warn(
            f"{labels[positive]!r} was taken for the positive label, being the greater "
            f"of {labels}; give the objective the one that is meant, such as "
            f"pos_label={labels[positive]!r}."
        )


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
                "Only binary classification is supported without a pos_label; give "
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
