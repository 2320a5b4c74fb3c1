"""The decision threshold, tuned by the rule that chooses the strength."""

import numpy as np
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import FixedThresholdClassifier

from ._thresholded_scores import RateDisparity

# Thresholds that are tried; between two of them are so few rows that a choice among
# these would follow noise.
_N_THRESHOLDS = 200


class ThresholdSearch:
    """Score a binary classifier at many decision thresholds at once.

    Parameters
    ----------
    scores : ThresholdedScores
        Knows the rows, and how labels are scored.
    """

    def __init__(self, scores):
        rates = all(isinstance(one, RateDisparity) for one in scores.disparities)
        if not (
            rates
            and scores.disparities
            and scores.utility_name == "accuracy"
            and len(scores.classes) == 2
        ):
            raise ValueError(
                "tune_threshold=True needs two classes, utility='accuracy' and a "
                "disparity of demographic parity, equal opportunity or equalized odds; "
                f"got {len(scores.classes)} classes, utility={scores.utility_name!r} "
                f"and disparities {[str(one) for one in scores.disparities]}."
            )
        self.scores = scores

    def curve(self, classifier):
        """Return thresholds, and the disparity and utility at each of them.

        There is none for a classifier that responds to all rows alike.
        """
        response = _response(classifier)(self.scores.data.X)
        threshold = _between(np.unique(response))
        if len(threshold) == 0:
            return threshold, threshold, threshold
        # Rows of response t and more are positive at the threshold t.
        passed = np.searchsorted(threshold, response, side="right")
        counts = self._counts(passed, len(threshold))
        disparity = np.max(
            [one.of_counts(one.oriented(counts)) for one in self.scores.disparities],
            axis=0,
        )
        correct = counts[..., 0, 0] + counts[..., 1, 1]
        utility = correct.sum(axis=1) / counts.sum(axis=(1, 2, 3))
        return threshold, disparity, utility

    def _counts(self, passed, n_thresholds):
        """Return weights of rows (n_thresholds, n_groups, 2, 2), by label and passing.

        ``passed`` is the number of thresholds that each row passes.
        """
        groups = self.scores.data.groups
        n_cells = 2 * len(groups.names)
        cells = 2 * groups.codes.astype(np.intp) + self.scores.codes
        sums = np.bincount(
            passed * n_cells + cells,
            self.scores.data.weight,
            (n_thresholds + 1) * n_cells,
        ).reshape(n_thresholds + 1, -1, 2)
        failing = np.cumsum(sums, axis=0)[:-1]
        return np.stack([failing, sums.sum(axis=0) - failing], axis=-1)


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
    method = _response(estimator).__name__
    return FixedThresholdClassifier(
        FrozenEstimator(estimator),
        threshold=threshold,
        pos_label=estimator.classes_[1],
        response_method="predict_proba" if method == "positive" else method,
    ).fit(X, y)


def _response(classifier):
    """Return the function that a threshold is put on."""
    if hasattr(classifier, "decision_function"):
        return classifier.decision_function

    def positive(X):
        return classifier.predict_proba(X)[:, 1]

    return positive


def _between(responses):
    """Return thresholds between responses, evenly spread over them."""
    n = min(_N_THRESHOLDS, len(responses) - 1)
    below = np.linspace(0, len(responses) - 1, n, endpoint=False).astype(np.intp)
    return (responses[below] + responses[below + 1]) / 2.0
