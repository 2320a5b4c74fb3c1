"""Disparity and utility of predicted labels."""

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.metrics import get_scorer

from .._utils._array_api import as_numpy
from ..inputs import check_total_weight, label_positions
from ..metrics import make_fairness_scorer
from ..metrics._parity_metrics import counted_disparity, find_parity_metric
from ..models import make_measured_view
from ..rows._memory_maps import in_memory, map_rows


class ThresholdedScores:
    """Scores of a classifier's predicted labels on fixed rows.

    Parameters
    ----------
    data : LabeledData
        The rows, as the classifier sees them.
    classifier : classifier
        The original, bare.
    objectives : list of BaseObjective
        What was repaired; their thresholded metrics are what ``disparity="auto"``
        takes the largest of.
    disparity : str or callable
        ``"auto"`` or what :func:`skswu.metrics.make_fairness_scorer` takes.
    utility : str or callable
        A scorer of scikit-learn, or its name.

    Attributes
    ----------
    counted : list of objects
        Disparities as functions of ``counts``, see :meth:`BaseObjective.thresholded`.
    scored : list of ScoredDisparity
        Those that counts do not tell.
    counts : CellCounts
        Counts the rows, where there is something ``counted``.
    """

    def __init__(self, data, classifier, objectives, disparity, utility):
        self.data = data
        self.classifier = classifier
        self.classes = as_numpy(classifier.classes_)
        self.codes = label_positions(data.y, self.classes, "y")
        check_total_weight(data.weight)
        self.utility_name = utility
        self.counted, others = find_disparities(objectives, disparity, self.classes)
        if (self.counted or others) and data.groups is None:
            raise ValueError(
                f"disparity={disparity!r} needs sensitive_features: pass them to the "
                "call, or name a column of X by the constructor's sensitive_features."
            )
        self.scored = [ScoredDisparity(*metric, self) for metric in others]
        if self.counted:
            self.counts = CellCounts(
                self.codes, data.groups, data.weight, len(self.classes)
            )
        if not (self.counted or self.scored):
            self._surrogates = self._bind(objectives)
            # Inputs that stay the same for all models are made against the original.
            self._largest_gap(classifier)

    def predict(self, classifier):
        """Return the positions of the labels that a classifier predicts."""
        predicted = as_numpy(map_rows(self.data.X, classifier.predict))
        return np.searchsorted(self.classes, predicted)

    def disparity(self, candidate, predicted):
        """Return the largest disparity of a candidate's ``classifier``; 0 is parity."""
        values = [one(candidate, predicted) for one in self.scored]
        if self.counted:
            counts = self.counts.count(predicted, len(self.classes))
            values.append(self.counted_disparity(counts))
        return float(np.max(values or self._largest_gap(candidate.classifier)))

    def counted_disparity(self, counts):
        """Return the largest of the disparities that counts tell, of all strata.

        Parameters
        ----------
        counts : ndarray of shape (n_strata, ..., n_groups, n_classes, n_classes)
            Weight of the rows by group, true and predicted label.

        Returns
        -------
        ndarray of shape (...)
            The disparity; 0 is parity.
        """
        return largest_counted(self.counted, counts)

    def check_tunable(self):
        """Insist that the decision threshold can be tuned by counts of rows."""
        if not (
            self.counted
            and not self.scored
            and self.utility_name == "accuracy"
            and len(self.classes) == 2
        ):
            others = [one.scorer.metric for one in self.scored]
            raise ValueError(
                "tune_threshold=True needs two classes, utility='accuracy' and an "
                "objective that compares groups, or the disparity of one; got "
                f"{len(self.classes)} classes, utility={self.utility_name!r} and "
                f"{len(self.counted)} such disparities, beside {others}."
            )

    def utility(self, candidate, predicted):
        """Return the utility of a candidate's ``classifier``; greater is better."""
        if self.utility_name == "accuracy":
            correct = predicted == self.codes
            return float(np.average(correct, weights=self.data.weight))
        scorer = get_scorer(self.utility_name)
        X, y = in_memory(self.data.X, f"utility={self.utility_name!r}"), self.data.y
        return float(scorer(candidate.classifier, X, y, **self.weights))

    @property
    def weights(self):
        """The rows' weights as keywords of a scorer."""
        weight = self.data.weight
        return {} if weight is None else {"sample_weight": weight}

    def _largest_gap(self, classifier):
        """Return the largest surrogate gap: of objectives that have nothing else."""
        view = make_measured_view(classifier)
        rows = view.evaluation_rows(self.data.X, self.codes)
        largest = [
            surrogate_distance(one, one.measure(view, rows, view.parameters)).max()
            for one in self._surrogates
        ]
        return float(max(largest))

    def _bind(self, objectives):
        weight = self.data.weight
        weight = np.ones(len(self.codes)) if weight is None else weight
        given = self.codes, self.classes, self.data.groups, weight
        return [objective.bind(*given) for objective in objectives]


def largest_counted(counted, counts):
    """Return the largest of the disparities that counts tell, of all strata."""
    occupied = [one for one in counts if one.any()]
    return np.max(
        [one.of_counts(stratum) for one in counted for stratum in occupied], axis=0
    )


def surrogate_distance(metrics, values):
    """Return how far the values of metrics are from what counts as repaired."""
    return np.maximum(values, 0.0) if metrics.one_sided else np.abs(values)


def find_disparities(objectives, disparity, classes):
    """Return the disparities that counts tell, and the metrics of the others.

    A metric comes with its positive label.
    """
    labels = [getattr(objective, "pos_label", None) for objective in objectives]
    if disparity == "auto":
        metrics = [objective.disparity for objective in objectives]
        counted = [objective.thresholded(classes) for objective in objectives]
    else:
        metrics, labels = [disparity], labels[:1]
        counted = [counted_disparity(disparity, labels[0], classes)]
    others = [
        (metric, label)
        for metric, label, one in zip(metrics, labels, counted, strict=True)
        if one is None and metric is not None
    ]
    return [one for one in counted if one is not None], others


class CellCounts:
    """Count rows by stratum, group, true and predicted label.

    Parameters
    ----------
    codes : ndarray of shape (n_samples,)
        Positions of the rows' labels.
    groups : Groups
        The rows' groups.
    weight : ndarray of shape (n_samples,) or None
        Sample weights, which are counted in place of rows.
    n_classes : int
        Number of labels.

    Attributes
    ----------
    cells : ndarray of shape (n_samples,)
        The cell of each row, by stratum, group and true label.
    shape : tuple of (n_strata, n_groups, n_classes)
        How many there are.
    """

    def __init__(self, codes, groups, weight, n_classes):
        strata = groups.strata
        n_strata = 1 if strata is None else len(strata.names)
        stratum = 0 if strata is None else strata.codes
        self.weight = weight
        self.shape = (n_strata, len(groups.names), n_classes)
        self.cells = np.ravel_multi_index((stratum, groups.codes, codes), self.shape)

    def count(self, parts, n_parts):
        """Return the weight of the rows by cell and part of the cell.

        Parameters
        ----------
        parts : ndarray of int of shape (n_samples,)
            What divides the rows of a cell, such as predicted labels.
        n_parts : int
            How many parts there are.

        Returns
        -------
        ndarray of shape (n_strata, n_groups, n_classes, n_parts)
            Weights.
        """
        shape = (*self.shape, n_parts)
        cells = self.cells * n_parts + parts
        return np.bincount(cells, self.weight, np.prod(shape)).reshape(shape)


class ScoredDisparity:
    """A disparity by a metric that a scorer knows.

    Parameters
    ----------
    metric : str or callable
        As :func:`skswu.metrics.make_fairness_scorer` takes it.
    pos_label : label or None
        The favourable label.
    scores : ThresholdedScores
        Holds the rows and the labels.
    """

    def __init__(self, metric, pos_label, scores):
        self.scorer = make_fairness_scorer(metric, pos_label=pos_label)
        self.is_ratio = find_parity_metric(self.scorer.metric).greater_is_better
        self.classes = scores.classes
        self.strata = _rows_of_strata(scores.data)

    def __call__(self, candidate, predicted):
        """Return the largest disparity of a candidate, of all strata."""
        values = [
            self._among(data, _Predicted(candidate, self.classes, predicted[rows]))
            for rows, data in self.strata
        ]
        return np.max(values)

    def _among(self, data, predicted):
        weights = {} if data.weight is None else {"sample_weight": data.weight}
        groups = np.array(data.groups.names, dtype=object)[data.groups.codes]
        score = self.scorer.score(
            predicted, data.X, data.y, sensitive_features=groups, **weights
        )
        return 1.0 - score if self.is_ratio else -score


def _rows_of_strata(data):
    """Return the positions of the rows of each stratum, and the rows."""
    strata = data.groups.strata
    if strata is None:
        return [(slice(None), data)]
    positions = [
        np.flatnonzero(strata.codes == code) for code in np.unique(strata.codes)
    ]
    return [(rows, data.take(rows)) for rows in positions]


class _Predicted(ClassifierMixin, BaseEstimator):
    """A candidate's classifier, whose predicted labels are known."""

    def __init__(self, candidate, classes, predicted):
        self.candidate = candidate
        self.classes_ = classes
        self.predicted = predicted

    @property
    def predict_proba(self):
        """Of the classifier, where it has one."""
        return self.candidate.classifier.predict_proba

    def predict(self, X):
        return self.classes_[self.predicted]
