"""The decision threshold, tuned by the rule that chooses the strength."""

from dataclasses import replace

import numpy as np
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import FixedThresholdClassifier

from .._utils._array_api import as_numpy
from ..inputs._rows_of_data import rows_at
from ..rows._memory_maps import bring_rows, respond

# Thresholds that are tried; between two of them are so few rows that a choice among
# these would follow noise.
_N_THRESHOLDS = 200


class ThresholdSearch:
    """Score a binary classifier at many decision thresholds at once.

    Parameters
    ----------
    scores : ThresholdedScores
        Knows the rows, and how labels are counted.
    pooled : PooledDisparity
        Measures the disparity of counts.
    rule : Rule
        What is to be as large as possible, within which bound.
    """

    def __init__(self, scores, pooled, rule):
        scores.check_tunable()
        self.scores, self.pooled, self.rule = scores, pooled, rule

    def best(self, classifier, outcome):
        """Return the best threshold and what the classifier does at it.

        Parameters
        ----------
        classifier : classifier
            Fitted.
        outcome : Outcome
            What it does at its own threshold.

        Returns
        -------
        threshold : float
            NaN where no other is better than its own.
        outcome : Outcome
            What it does there.
        """
        threshold, counts, utility = self.curve(classifier)
        own = self._score(self.pooled.of_counts(outcome.counts), outcome.utility)
        if not len(threshold):
            return np.nan, outcome
        score = self._score(self.pooled.of_counts(counts), utility)
        score = np.nan_to_num(score, nan=-np.inf)
        best = int(score.argmax())
        if score[best] <= np.nan_to_num(own, nan=-np.inf):
            return np.nan, outcome
        accuracy = utility[best].item()
        error = self.scores.accuracy_error(accuracy)
        found = replace(
            outcome, utility=accuracy, utility_error=error, counts=counts[:, best]
        )
        return threshold[best].item(), found

    def _score(self, disparity, utility):
        loss = self.scores.before.utility - utility
        return self.rule.score(disparity, utility, loss)

    def curve(self, classifier):
        """Return thresholds, and the counts and the utility at each of them.

        There is none for a classifier that responds to all rows alike.

        Returns
        -------
        threshold : ndarray of shape (n_thresholds,)
            The thresholds.
        counts : ndarray of shape (n_strata, n_thresholds, n_groups, 2, 2)
            Weights of rows by group, true and predicted label.
        utility : ndarray of shape (n_thresholds,)
            The accuracy.
        """
        method = _response_method(classifier)
        response = as_numpy(respond(classifier, self.scores.data.X, method))
        response = response[:, 1] if method == "predict_proba" else response
        threshold = _between(np.unique(response))
        if len(threshold) == 0:
            return threshold, threshold, threshold
        # Rows of response t and more are positive at the threshold t.
        passed = np.searchsorted(threshold, response, side="right")
        counts = self._counts(passed, len(threshold))
        correct = counts[..., 0, 0] + counts[..., 1, 1]
        utility = correct.sum(axis=(0, 2)) / counts.sum(axis=(0, 2, 3, 4))
        return threshold, counts, utility

    def _counts(self, passed, n_thresholds):
        """Return weights of rows by the thresholds, of which ``passed`` is how many."""
        sums = self.scores.cells.count(passed, n_thresholds + 1)
        sums = np.moveaxis(sums, -1, 1)
        failing = np.cumsum(sums, axis=1)[:, :-1]
        passing = sums.sum(axis=1, keepdims=True) - failing
        return np.stack([failing, passing], axis=-1)


def with_threshold(estimator, threshold, X, y):
    """Return a fitted classifier with another decision threshold.

    Parameters
    ----------
    estimator : classifier
        Fitted, with two classes.
    threshold : float
        Of its decision function, or of the second class's probability if it has none.
    X, y : data
        Rows that it could be fitted on, to be looked at by scikit-learn's checks.
    """
    _, some = np.unique(y, return_index=True)
    X, y = bring_rows(X, np.sort(some), rows_at), y[np.sort(some)]
    return FixedThresholdClassifier(
        FrozenEstimator(estimator),
        threshold=threshold,
        pos_label=estimator.classes_[1],
        response_method=_response_method(estimator),
    ).fit(X, y)


def _response_method(classifier):
    """Return the name of the method that a threshold is put on."""
    has_margins = hasattr(classifier, "decision_function")
    return "decision_function" if has_margins else "predict_proba"


def _between(responses):
    """Return thresholds between responses, evenly spread over them."""
    n = min(_N_THRESHOLDS, len(responses) - 1)
    below = np.linspace(0, len(responses) - 2, n).astype(np.intp)
    return (responses[below] + responses[below + 1]) / 2.0
