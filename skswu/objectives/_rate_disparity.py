"""The disparity of predicted labels, from counts of cells of rows."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class GroupRates:
    """Rates of groups of rows, and how sure they are.

    Attributes
    ----------
    value : ndarray of shape (..., n_groups)
        The rates; NaN for a group without rows.
    centre : ndarray of shape (..., n_groups) or None, default=None
        What an interval lies around; None is the rates themselves.
    variance : ndarray of shape (..., n_groups) or None, default=None
        Squared standard errors of the centres; None is not known.
    weight : ndarray of shape (..., n_groups) or None, default=None
        Weight of each group's rows; None where no limit is the rate of all.

    Examples
    --------
    >>> import numpy as np
    >>> from skswu.objectives import GroupRates
    >>> GroupRates(np.array([0.4, 0.5]), variance=np.array([0.01, 0.02])).centre
    array([0.4, 0.5])
    """

    value: np.ndarray
    centre: Any = None
    variance: Any = None
    weight: Any = None

    def __post_init__(self):
        if self.centre is None:
            object.__setattr__(self, "centre", self.value)
        if self.variance is None:
            object.__setattr__(self, "variance", np.full_like(self.value, np.nan))


@dataclass(frozen=True)
class MeasuredDisparity:
    """How far groups are from parity.

    Attributes
    ----------
    value : ndarray of shape (...)
        The disparity, 0 at parity.
    centre : ndarray of shape (...)
        What an interval lies around.
    standard_error : ndarray of shape (...)
        NaN where it is not known.
    group : ndarray of int of shape (...)
        Position of the group that sets it, the one with the lowest rate of two; -1
        where that is not known.
    """

    value: np.ndarray
    centre: np.ndarray
    standard_error: np.ndarray
    group: np.ndarray

    def upper_limit(self, deviations):
        """Return what the disparity is below, so many standard errors up."""
        limit = self.centre + deviations * self.standard_error
        return np.where(np.isnan(self.value), np.nan, limit)


def at_position(position, *values):
    """Return the entries at a position of the last axis, each of shape (...)."""
    at = position[..., None]
    return [np.take_along_axis(one, at, axis=-1)[..., 0] for one in values]


def largest_of_all(found):
    """Return the largest of several MeasuredDisparity; NaN if one of them is."""
    return _chosen(found, np.argmax)


def largest_known(found):
    """Return the largest of several MeasuredDisparity that are not NaN."""
    return _chosen(
        found, lambda values, axis: np.nan_to_num(values, nan=-1.0).argmax(axis)
    )


def _chosen(found, argmax):
    if len(found) == 1:
        return found[0]
    columns = [
        np.stack([getattr(one, name) for one in found], axis=-1)
        for name in MeasuredDisparity.__dataclass_fields__
    ]
    return MeasuredDisparity(*at_position(argmax(columns[0], axis=-1), *columns))


def mean_outcome(outcome, counts, squares):
    """Return the GroupRates of the mean outcome of groups of rows.

    Standard errors are those of Agresti and Caffo: a success and a failure, here a row
    of the largest and one of the smallest outcome, are added to each group. Weighted
    rows count as the number of equal ones whose mean is as sure.

    Parameters
    ----------
    outcome : ndarray of shape (n_labels, n_classes)
        Of rows by their true and by their predicted label.
    counts : ndarray of shape (..., n_groups, n_labels, n_classes)
        Weight of the rows.
    squares : ndarray of shape (..., n_groups, n_labels)
        Sum of their squared weights.

    References
    ----------
    Agresti and Caffo, "Simple and Effective Confidence Intervals for Proportions and
    Differences of Proportions Result from Adding Two Successes and Two Failures", 2000.
    """
    total, square = counts.sum(axis=(-2, -1)), squares.sum(axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        value = (counts * outcome).sum(axis=(-2, -1)) / total
        of_squares = (counts * outcome**2).sum(axis=(-2, -1)) / total
        size = total**2 / square
    added = np.array([outcome.min(), outcome.max()])
    centre = (size * value + added.sum()) / (size + 2)
    spread = (size * of_squares + (added**2).sum()) / (size + 2) - centre**2
    return GroupRates(value, centre, np.maximum(spread, 0.0) / (size + 2), total)


@dataclass(frozen=True)
class RateDisparity:
    """A disparity between groups in rates of predicted labels.

    Attributes
    ----------
    rates : callable
        Maps counts of shape (..., n_groups, n_classes, n_classes), by true and by
        predicted label, and sums of squared weights (..., n_groups, n_classes), by
        true label, to a list of GroupRates.
    compare : callable
        Maps GroupRates, and those of the original model, to a MeasuredDisparity.

    Examples
    --------
    Of 4 women 1 is selected, of 5 men 3:

    >>> import numpy as np
    >>> from skswu.objectives import DemographicParity
    >>> disparity = DemographicParity().thresholded(np.array(["no", "yes"]))
    >>> disparity.of_counts(np.array([[[3, 1], [0, 0]], [[2, 3], [0, 0]]])).item()
    0.35
    """

    rates: Callable
    compare: Callable

    def of_counts(self, counts):
        """Return the largest disparity of all rates.

        Parameters
        ----------
        counts : ndarray of shape (..., n_groups, n_classes, n_classes)
            Weight of the rows of each group, true and predicted label.

        Returns
        -------
        ndarray of shape (...)
            The disparity; 0 is parity. Groups without rows are left out; a group that
            has some, but none that is compared, makes it NaN.
        """
        return self.measure(counts).value

    def measure(self, counts, squares=None, before=None):
        """Return the same with its standard error.

        Parameters
        ----------
        counts : ndarray of shape (..., n_groups, n_classes, n_classes)
            Weight of the rows of each group, true and predicted label.
        squares : ndarray of shape (..., n_groups, n_classes) or None, default=None
            Sum of their squared weights by group and true label; None is for rows of
            weight 1.
        before : ndarray of shape (n_groups, n_classes, n_classes) or None, default=None
            Counts of the original model, where limits are taken from; None takes them
            from ``counts``.

        Returns
        -------
        MeasuredDisparity
        """
        if squares is None:
            squares = counts.sum(axis=-1)
        n_groups = counts.shape[-3]
        has_rows = counts.sum(axis=(-2, -1)).reshape(-1, n_groups).any(axis=0)
        present = np.flatnonzero(has_rows)
        squares = squares[..., present, :]
        rates = rates_before = self.rates(counts[..., present, :, :], squares)
        if before is not None:
            rates_before = self.rates(before[present], squares)
        pairs = zip(rates, rates_before, strict=True)
        found = largest_of_all([self.compare(*pair) for pair in pairs])
        known = np.append(present, -1)  # position -1 is that of no group
        return MeasuredDisparity(
            found.value, found.centre, found.standard_error, known[found.group]
        )
