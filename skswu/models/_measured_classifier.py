"""A classifier that is only measured, by its probabilities."""

import numpy as np

from ..rows._memory_maps import in_memory
from ._decision import decision_of


class MeasuredRows:
    """Rows of data with their labels.

    Attributes
    ----------
    X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
        As the classifier takes it.
    codes : ndarray of shape (n_samples,)
        Labels as positions in the classifier's classes.
    """

    def __init__(self, X, codes):
        self.X = X
        self.codes = codes


class MeasuredClassifier:
    """What objectives ask of a model view, from ``predict_proba``.

    Parameters
    ----------
    estimator : classifier
        Fitted.
    """

    def __init__(self, estimator):
        self.estimator = estimator
        self.classes = estimator.classes_
        self.parameters = estimator
        self.decision = decision_of(estimator)

    @property
    def threshold(self):
        """The log-odds where the second class begins to be predicted, or None."""
        return None if self.decision is None else self.decision.log_odds()

    def evaluation_rows(self, X, codes):
        """Return rows to measure on."""
        needed_by = f"predict_proba of a {type(self.estimator).__name__}"
        return MeasuredRows(in_memory(X, needed_by), codes)

    def scores(self, rows, parameters):
        """Return the log-probabilities, shape (n_samples, n_classes)."""
        probability = parameters.predict_proba(rows.X).astype(np.float64)
        return np.log(np.maximum(probability, np.finfo(np.float64).eps))

    def losses(self, rows, parameters):
        """Return the cross-entropies, shape (n_samples,)."""
        scores = self.scores(rows, parameters)
        return -np.take_along_axis(scores, rows.codes[:, None], 1)[:, 0]
