"""A classifier's responses to its training rows, each left out of its training."""

import numpy as np
from scipy.special import softmax
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.metaestimators import available_if

from .._utils._array_api import as_like, as_numpy
from ..rows._memory_maps import respond


def _responds_by(method):
    return available_if(lambda self: hasattr(self.classifier, method))


class LeftOutClassifier(ClassifierMixin, BaseEstimator):
    """What scorers ask of a classifier, answered for its training rows alone.

    Each row's response is that of the classifier without the row, by approximation.

    Parameters
    ----------
    classifier : classifier
        Trained on the rows.
    margins : ndarray of shape (n_outputs, n_samples)
        Of the rows.
    scores : ndarray of shape (n_samples, n_classes)
        Their log-probabilities up to a constant a row.
    predicted : ndarray of int of shape (n_samples,)
        The positions of the labels that are predicted.
    """

    def __init__(self, classifier, margins, scores, predicted):
        self.classifier = classifier
        self.margins = margins
        self.scores = scores
        self.predicted = predicted

    @property
    def classes_(self):
        """The labels."""
        return self.classifier.classes_

    def fit(self, X, y):
        """Do nothing; the responses are known."""
        return self

    def predict(self, X):
        """Return the labels that are predicted of the training rows X."""
        return as_like(as_numpy(self.classes_)[self.predicted], self.classes_)

    @_responds_by("decision_function")
    def decision_function(self, X):
        """Return the margins of the training rows X."""
        return self.margins[0] if len(self.margins) == 1 else self.margins.T

    @_responds_by("predict_proba")
    def predict_proba(self, X):
        """Return the probabilities of the training rows X."""
        return softmax(self.scores, axis=1)

    @_responds_by("predict_log_proba")
    def predict_log_proba(self, X):
        """Return their logarithms."""
        return np.log(self.predict_proba(X))

    def __sklearn_is_fitted__(self):
        return True


@respond.register(LeftOutClassifier)
def _(classifier, X, method):
    return getattr(classifier, method)(X)
