"""What a model does on fixed rows: predicted labels, counted, and their utility."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from .._utils._array_api import as_numpy
from ..inputs import check_total_weight, label_positions
from ..metrics._utility import find_utility
from ..models import make_measured_view
from ..objectives._base import bind_all
from ..rows._memory_maps import in_memory, respond


@dataclass(frozen=True)
class Outcome:
    """What a model does on the rows of one split.

    Attributes
    ----------
    utility, utility_error : float
        Its utility and the standard error of that; NaN is not known.
    counts : ndarray of shape (n_strata, n_groups, n_classes, n_classes) or None
        Weight of the rows by stratum, group, true and predicted label.
    predicted : ndarray of shape (n_samples,) or None
        Positions of the predicted labels, where a scorer looks at them.
    probabilities : ndarray of shape (n_samples, n_classes) or None
        The same of probabilities.
    largest_gap, gap_error : float
        The largest gap of objectives that have nothing else, and its standard error.
    """

    utility: float
    utility_error: float
    counts: Any = None
    predicted: Any = None
    probabilities: Any = None
    largest_gap: float = np.nan
    gap_error: float = np.nan


@dataclass(frozen=True)
class ScoredRows:
    """Rows that predictions are scored on.

    Attributes
    ----------
    codes : ndarray of shape (n_samples,)
        Positions of their labels.
    groups : Groups or None
        Their groups.
    weight : ndarray of shape (n_samples,) or None
        Their sample weights.
    times : ndarray of shape (n_samples,) or None
        How many splits score each of them; None is one.
    """

    codes: np.ndarray
    groups: Any
    weight: Any
    times: Any = None

    @property
    def squares(self):
        """Squared weights, of the splits together, of each row in this one."""
        square = 1.0 if self.weight is None else self.weight**2
        times = 1.0 if self.times is None else self.times
        return np.broadcast_to(square * times, len(self.codes))

    @property
    def effective_size(self):
        """The number of rows of equal weight that tell as much."""
        total = len(self.codes) if self.weight is None else self.weight.sum()
        return total**2 / self.squares.sum()


class ThresholdedScores:
    """Scores of a classifier's predicted labels on fixed rows.

    Parameters
    ----------
    data : LabeledData
        The rows, as the classifier sees them.
    classifier : classifier
        The original, bare.
    disparities : Disparities
        What is counted or scored.
    utility : str or callable
        A scorer of scikit-learn, or its name.
    times : ndarray of shape (n_samples,) or None, default=None
        How many splits score each of the rows; None is one.

    Attributes
    ----------
    rows : ScoredRows
        The rows.
    cells : CellCounts or None
        Counts the rows, where something is counted.
    before : Outcome
        What the original classifier does on them, once it is measured.
    """

    def __init__(self, data, classifier, disparities, utility, times=None):
        self.data = data
        self.classifier = classifier
        self.classes = as_numpy(classifier.classes_)
        self.disparities = disparities
        self.utility_name = utility
        codes = label_positions(data.y, self.classes, "y")
        check_total_weight(data.weight)
        self.rows = ScoredRows(codes, data.groups, data.weight, times)
        self._check_can_be_scored()
        self.cells = None
        if disparities.counted:
            self.cells = CellCounts(self.rows, len(self.classes))
        if disparities.surrogates:
            self._surrogates = self._bind(disparities.surrogates)
        self.before = None

    def measure_original(self, original):
        """Measure the original first: some inputs and limits stay those of it.

        Parameters
        ----------
        original : Candidate
            What was not corrected.
        """
        self.before = self.outcome(original, self.predict(original.classifier))

    def _check_can_be_scored(self):
        disparities, name = self.disparities, self.disparities.disparity
        if disparities.needs_groups and self.data.groups is None:
            raise ValueError(
                f"disparity={name!r} needs sensitive_features: pass them to the "
                "call, or name a column of X by the constructor's sensitive_features."
            )
        if disparities.needs_probabilities and not hasattr(
            self.classifier, "predict_proba"
        ):
            raise ValueError(
                f"disparity={name!r} needs predict_proba, which "
                f"{type(self.classifier).__name__} does not have."
            )

    def predict(self, classifier):
        """Return the positions of the labels that a classifier predicts."""
        predicted = as_numpy(respond(classifier, self.data.X, "predict"))
        return np.searchsorted(self.classes, predicted)

    def check_tunable(self):
        """Insist that the decision threshold can be tuned by counts of rows."""
        disparities = self.disparities
        if not (
            disparities.counted
            and not disparities.scored
            and self.utility_name == "accuracy"
            and len(self.classes) == 2
        ):
            others = [one.scorer.metric for one in disparities.scored]
            raise ValueError(
                "tune_threshold=True needs two classes, utility='accuracy' and an "
                "objective that compares groups, or the disparity of one; got "
                f"{len(self.classes)} classes, utility={self.utility_name!r} and "
                f"{len(disparities.counted)} such disparities, beside {others}."
            )

    def outcome(self, candidate, predicted):
        """Return the Outcome of a candidate's ``classifier``.

        Parameters
        ----------
        candidate : Candidate
            Its ``classifier`` may be made only where it is asked for.
        predicted : ndarray of shape (n_samples,)
            Positions of the labels that it predicts.
        """
        found = {}
        if self.disparities.counted:
            found["counts"] = self.cells.count(predicted, len(self.classes))
        if self.disparities.scored:
            kind = np.min_scalar_type(len(self.classes))
            found["predicted"] = predicted.astype(kind)
        if self.disparities.needs_probabilities:
            given = candidate.classifier, self.data.X, "predict_proba"
            found["probabilities"] = np.asarray(as_numpy(respond(*given)))
        if self.disparities.surrogates:
            found |= self._largest_gap(candidate)
        if self.utility_name == "accuracy":
            return Outcome(*self._accuracy(predicted), **found)
        return Outcome(*self._utility(candidate.classifier, predicted), **found)

    def _utility(self, classifier, predicted):
        """Return the utility of a classifier and its standard error, NaN if unknown."""
        if self.utility_name == "accuracy":
            return self._accuracy(predicted)
        label = self.disparities.pos_label
        scorer = find_utility(self.utility_name, self.classes, label)
        X, y = in_memory(self.data.X, f"utility={self.utility_name!r}"), self.data.y
        return float(scorer(classifier, X, y, **self._weights)), np.nan

    def _accuracy(self, predicted):
        correct = predicted == self.rows.codes
        accuracy = float(np.average(correct, weights=self.rows.weight))
        return accuracy, self.accuracy_error(accuracy)

    def accuracy_error(self, accuracy):
        """Return the standard error of the accuracy, one error and one hit added."""
        size = self.rows.effective_size
        middle = (size * accuracy + 1.0) / (size + 2.0)
        return np.sqrt(middle * (1.0 - middle) / (size + 2.0))

    @property
    def _weights(self):
        """What the scorer is given: the rows' weights, or what was routed to it."""
        if self.data.metadata.score is not None:
            return self.data.metadata.score
        weight = self.data.weight
        return {} if weight is None else {"sample_weight": weight}

    def _largest_gap(self, candidate):
        """Return the largest surrogate gap, and its standard error."""
        values, errors = self._gaps(candidate)
        one_sided = self._one_sided(candidate)
        distances = np.where(one_sided, np.maximum(values, 0.0), np.abs(values))
        largest = distances.argmax()
        return {
            "largest_gap": float(distances[largest]),
            "gap_error": float(errors[largest]),
        }

    def _gaps(self, candidate):
        """Return the surrogate gaps of a candidate, and their standard errors."""
        return candidate.gaps or self._measure(candidate.classifier)

    def _one_sided(self, candidate):
        """Say which of them only count above zero."""
        return np.repeat(
            [one.one_sided for one in self._surrogates],
            [len(one.names) for one in self._surrogates],
        )

    def _measure(self, classifier):
        """Return the surrogate gaps of a classifier, and their standard errors."""
        view = make_measured_view(classifier)
        rows = view.evaluation_rows(self.data.X, self.rows.codes)
        given = view, rows, view.parameters
        values = [one.measure(*given) for one in self._surrogates]
        errors = [one.standard_errors(*given) for one in self._surrogates]
        return np.concatenate(values), np.concatenate(errors)

    def _bind(self, objectives):
        codes, weight = self.rows.codes, self.rows.weight
        weight = np.ones(len(codes)) if weight is None else weight
        given = codes, self.classes, self.data.groups, weight
        threshold = make_measured_view(self.classifier).threshold
        return bind_all(objectives, *given, threshold=threshold)


class CellCounts:
    """Count rows by stratum, group, true and predicted label.

    Parameters
    ----------
    rows : ScoredRows
        The rows; their weights are counted.
    n_classes : int
        Number of labels.

    Attributes
    ----------
    cells : ndarray of shape (n_samples,)
        The cell of each row, by stratum, group and true label.
    shape : tuple of (n_strata, n_groups, n_classes)
        How many there are.
    squares : ndarray of shape (n_strata, n_groups, n_classes)
        Sums of squared weights.
    """

    def __init__(self, rows, n_classes):
        groups, strata = rows.groups, rows.groups.strata
        n_strata = 1 if strata is None else len(strata.names)
        stratum = 0 if strata is None else strata.codes
        self.weight = rows.weight
        self.shape = (n_strata, len(groups.names), n_classes)
        place = stratum, groups.codes, rows.codes
        self.cells = np.ravel_multi_index(place, self.shape)
        squares = np.bincount(self.cells, rows.squares, np.prod(self.shape))
        self.squares = squares.reshape(self.shape)

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
