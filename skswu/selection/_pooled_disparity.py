"""The disparity of the predictions of all splits together."""

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.metaestimators import available_if

from .._utils._warnings import warn
from ..objectives._rate_disparity import (
    MeasuredDisparity,
    largest_known,
    largest_of_all,
)
from ._thresholded_scores import CellCounts, ScoredRows


class PooledDisparity:
    """Measure predictions on the rows of all splits together.

    Groups are compared within strata, where there are some. A stratum with rows of one
    group only is left out, which is told.

    Parameters
    ----------
    disparities : Disparities
        What is measured.
    splits : list of ScoredRows
        The rows of each split.
    before : list of Outcome
        What the original model of each split does on them.

    Attributes
    ----------
    missing : list of str
        Groups that are compared nowhere, for want of rows, their own or those of
        others in their strata: the disparity is NaN.
    """

    def __init__(self, disparities, splits, before):
        self.disparities = disparities
        self.missing = []
        if not disparities.needs_groups:
            return
        self.rows = _together(splits)
        self.group_names = self.rows.groups.names
        self.strata = self._compared_strata()
        if disparities.counted:
            self._squares = CellCounts(self.rows, len(disparities.classes)).squares
            self._before = sum(one.counts for one in before)

    def _compared_strata(self):
        """Return the positions of the strata with rows of several groups."""
        groups, strata = self.rows.groups, self.rows.groups.strata
        n_strata = 1 if strata is None else len(strata.names)
        stratum = np.zeros_like(groups.codes) if strata is None else strata.codes
        shape = n_strata, len(groups.names)
        place = np.ravel_multi_index((stratum, groups.codes), shape)
        rows = np.bincount(place, self.rows.weight, np.prod(shape)).reshape(shape) > 0
        is_compared = rows.sum(axis=1) > 1
        absent = ~rows.any(axis=0)
        alone = ~rows[is_compared].any(axis=0)
        is_missing = absent if absent.any() else alone
        self.missing = [groups.names[code] for code in np.flatnonzero(is_missing)]
        lonely = np.flatnonzero(rows.any(axis=1) & ~is_compared)
        if strata is not None and len(lonely):
            warn(
                "Left out of the disparity, having rows of one group only: the strata "
                f"{[strata.names[code] for code in lonely]} of the control features."
            )
        return np.flatnonzero(is_compared)

    def measure(self, outcomes):
        """Return the MeasuredDisparity of a model on each split.

        Parameters
        ----------
        outcomes : list of Outcome
            One a split.
        """
        if self.disparities.surrogates:
            gaps = [one.largest_gap for one in outcomes]
            errors = np.array([one.gap_error for one in outcomes])
            return _without_group(np.mean(gaps), np.sqrt(errors @ errors) / len(errors))
        if self.missing:
            return _without_group(np.nan)
        found = [self._scored(one, outcomes) for one in self.disparities.scored]
        if self.disparities.counted:
            found.append(self.of_counts(sum(one.counts for one in outcomes)))
        return largest_of_all(found)

    def of_counts(self, counts):
        """Return the largest of the disparities that counts tell, of all strata.

        Parameters
        ----------
        counts : ndarray of shape (n_strata, ..., n_groups, n_classes, n_classes)
            Weight of the rows by stratum, group, true and predicted label.

        Returns
        -------
        MeasuredDisparity
            Of shape (...).
        """
        if self.missing:
            return _without_group(np.full(counts.shape[1:-3], np.nan))
        given = counts, self._squares, self._before
        return largest_of_all(
            [
                largest_known(
                    [one.measure(*(part[k] for part in given)) for k in self.strata]
                )
                for one in self.disparities.counted
            ]
        )

    def _scored(self, metric, outcomes):
        """Return what a scorer says of all predictions, the largest of the strata."""
        rows, classes = self.rows, self.disparities.classes
        predicted = np.concatenate([one.predicted for one in outcomes])
        probabilities = None
        if self.disparities.needs_probabilities:
            probabilities = np.concatenate([one.probabilities for one in outcomes])
        names = np.array(rows.groups.names, dtype=object)[rows.groups.codes]
        values = []
        for some in self._rows_of_strata():
            known = Predictions(
                classes,
                classes[predicted[some]],
                None if probabilities is None else probabilities[some],
            )
            weight = None if rows.weight is None else rows.weight[some]
            y = classes[rows.codes[some]]
            values.append(metric.of(known, y, names[some], weight))
        return _without_group(np.fmax.reduce(values))

    def _rows_of_strata(self):
        strata = self.rows.groups.strata
        if strata is None:
            return [slice(None)]
        return [np.flatnonzero(strata.codes == code) for code in self.strata]

    def group_name(self, position):
        """Return the name of a group, ``""`` for that at position -1."""
        return "" if position < 0 else self.group_names[position]


def _together(splits):
    """Return the rows of all splits, one split after the other."""
    if len(splits) == 1:
        return splits[0]

    def joined(parts):
        return None if parts[0] is None else np.concatenate(parts)

    first = splits[0].groups
    codes = joined([one.groups.codes for one in splits])
    groups = type(first)(codes, first.names)
    if first.strata is not None:
        codes = joined([one.groups.strata.codes for one in splits])
        groups = groups.within(type(first)(codes, first.strata.names))
    return ScoredRows(
        joined([one.codes for one in splits]),
        groups,
        joined([one.weight for one in splits]),
        joined([one.times for one in splits]),
    )


def _without_group(value, error=np.nan):
    """Return the MeasuredDisparity of which no group is known to set it."""
    value = np.asarray(value, dtype=np.float64)
    error = np.broadcast_to(error, value.shape)
    return MeasuredDisparity(value, value, error, np.full(value.shape, -1))


class Predictions(ClassifierMixin, BaseEstimator):
    """A classifier whose predictions are known, whatever the rows."""

    def __init__(self, classes, predicted, probabilities):
        self.classes_ = classes
        self.predicted = predicted
        self.probabilities = probabilities

    def predict(self, X):
        """Return the labels."""
        return self.predicted

    @available_if(lambda self: self.probabilities is not None)
    def predict_proba(self, X):
        """Return the probabilities."""
        return self.probabilities
