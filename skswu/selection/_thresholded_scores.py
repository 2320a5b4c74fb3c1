"""Disparity and utility of predicted labels."""

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.metrics import get_scorer

from ..inputs import check_total_weight, label_positions
from ..metrics import make_fairness_scorer
from ..metrics._parity_metrics import find_parity_metric
from ..models import make_measured_view
from ..objectives._base import positive_position


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
    """

    def __init__(self, data, classifier, objectives, disparity, utility):
        self.data = data
        self.classifier = classifier
        self.classes = classifier.classes_
        self.codes = label_positions(data.y, self.classes, "y")
        check_total_weight(data.weight)
        self.utility_name = utility
        metrics = _metrics(objectives, disparity)
        if metrics and data.groups is None:
            raise ValueError(
                f"disparity={disparity!r} needs sensitive_features: pass them to the "
                "call, or name a column of X by the constructor's sensitive_features."
            )
        self.disparities = [_measure(*metric, self) for metric in metrics]
        if not metrics:
            self._surrogates = self._bind(objectives)
            # Inputs that stay the same for all models are made against the original.
            self._largest_gap(classifier)

    def predict(self, classifier):
        """Return the positions of the labels that a classifier predicts."""
        return np.searchsorted(self.classes, classifier.predict(self.data.X))

    def disparity(self, candidate, predicted):
        """Return the largest disparity of a candidate's ``classifier``; 0 is parity."""
        if not self.disparities:
            return self._largest_gap(candidate.classifier)
        return max(measure(predicted) for measure in self.disparities)

    def utility(self, candidate, predicted):
        """Return the utility of a candidate's ``classifier``; greater is better."""
        if self.utility_name == "accuracy":
            correct = predicted == self.codes
            return float(np.average(correct, weights=self.data.weight))
        scorer = get_scorer(self.utility_name)
        X, y = self.data.X, self.data.y
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
        gaps = [one.measure(view, rows, view.parameters) for one in self._surrogates]
        return float(np.abs(np.concatenate(gaps)).max())

    def _bind(self, objectives):
        weight = self.data.weight
        weight = np.ones(len(self.codes)) if weight is None else weight
        given = self.codes, self.classes, self.data.groups, weight
        return [objective.bind(*given) for objective in objectives]


def _metrics(objectives, disparity):
    """Return the metrics to take the largest of, with their positive labels."""
    labels = [getattr(objective, "pos_label", None) for objective in objectives]
    if disparity != "auto":
        return [(disparity, labels[0])]
    pairs = zip([one.disparity for one in objectives], labels, strict=True)
    return [pair for pair in pairs if pair[0] is not None]


def _measure(metric, pos_label, scores):
    """Return a function from predicted positions to a disparity."""
    kind, _, comparison = str(metric).rpartition("_")
    if kind in _RATES and comparison in _COMPARISONS:
        return RateDisparity(kind, comparison, pos_label, scores)
    return ScoredDisparity(metric, pos_label, scores)


class RateDisparity:
    """A disparity of rates of positive predictions, from counts of cells of rows.

    It equals fairlearn's metric of the same name, at a thousandth of its time.

    Parameters
    ----------
    kind, comparison : str
        What the rates are, and how they are compared.
    pos_label : label or None
        Whose rate; None is the greater of two classes.
    scores : ThresholdedScores
        Holds the rows.
    """

    def __init__(self, kind, comparison, pos_label, scores):
        self.rates = _RATES[kind]
        self.compare = _COMPARISONS[comparison]
        self.positive = positive_position(pos_label, scores.classes)
        groups = scores.data.groups
        self.cells = 4 * groups.codes.astype(np.intp)
        self.cells += 2 * (scores.codes == self.positive)
        self.n_groups = len(groups.names)
        self.weight = scores.data.weight

    def __call__(self, predicted):
        return float(self.of_positive(predicted == self.positive))

    def of_positive(self, is_positive):
        """Return the disparity of rows of which some are predicted positive."""
        counts = np.bincount(self.cells + is_positive, self.weight, 4 * self.n_groups)
        return self.of_counts(counts.reshape(-1, 2, 2))

    def oriented(self, counts):
        """Turn counts for two classes to those for the positive label."""
        return counts if self.positive == 1 else counts[..., ::-1, ::-1]

    def of_counts(self, counts):
        """Return the disparity for counts (..., n_groups, 2, 2).

        The last axes are whether the label is positive, and whether it was predicted.
        """
        present = counts.sum(axis=(-2, -1)) > 0
        present = present.reshape(-1, self.n_groups).any(axis=0)
        rates = self.rates(counts[..., present, :, :])
        return np.max([self.compare(rate) for rate in rates], axis=0)


class ScoredDisparity:
    """A disparity by fairlearn's metric.

    Parameters
    ----------
    metric : str or callable
        As :func:`skswu.metrics.make_fairness_scorer` takes it.
    pos_label : label or None
        The favourable label.
    scores : ThresholdedScores
        Holds the rows.
    """

    def __init__(self, metric, pos_label, scores):
        self.scorer = make_fairness_scorer(metric, pos_label=pos_label)
        self.is_ratio = find_parity_metric(self.scorer.metric).greater_is_better
        self.scores = scores

    def __call__(self, predicted):
        scores = self.scores
        groups = scores.data.groups
        score = self.scorer.score(
            _Predicted(scores.classes, predicted),
            np.empty((len(predicted), 0)),
            scores.data.y,
            sensitive_features=np.array(groups.names, dtype=object)[groups.codes],
            **scores.weights,
        )
        return 1.0 - score if self.is_ratio else -score


class _Predicted(ClassifierMixin, BaseEstimator):
    """A classifier whose predictions are known."""

    def __init__(self, classes, predicted):
        self.classes_ = classes
        self.predicted = predicted

    def predict(self, X):
        return self.classes_[self.predicted]


def _share(part, whole):
    return np.divide(part, whole, out=np.zeros_like(whole, float), where=whole > 0)


def _selection_rates(counts):
    return [_share(counts[..., 1].sum(axis=-1), counts.sum(axis=(-2, -1)))]


def _true_positive_rates(counts):
    return [_share(counts[..., 1, 1], counts[..., 1, :].sum(axis=-1))]


def _both_rates(counts):
    false_positive = _share(counts[..., 0, 1], counts[..., 0, :].sum(axis=-1))
    return [*_true_positive_rates(counts), false_positive]


def _difference(rates):
    return rates.max(axis=-1) - rates.min(axis=-1)


def _shortfall_of_ratio(rates):
    with np.errstate(invalid="ignore"):
        return 1.0 - rates.min(axis=-1) / rates.max(axis=-1)


_RATES = {
    "demographic_parity": _selection_rates,
    "equal_opportunity": _true_positive_rates,
    "equalized_odds": _both_rates,
}
_COMPARISONS = {"difference": _difference, "ratio": _shortfall_of_ratio}
