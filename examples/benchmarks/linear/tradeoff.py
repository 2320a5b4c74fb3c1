"""Soft weighting and ExponentiatedGradient, as points of accuracy, disparity, time."""

import numpy as np
from fairlearn.metrics import (
    demographic_parity_difference,
    equalized_odds_difference,
)
from fairlearn.reductions import DemographicParity, ExponentiatedGradient
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, log_loss

from skswu.weighting import SoftWeighting

from .corrections import unlearn
from .timing import timed

STRENGTHS = (0.0, 0.2, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
BOUNDS = (0.05, 0.03, 0.02, 0.01, 0.005)
COLUMNS = ("accuracy", "parity", "odds", "log_loss", "seconds")


class Mixture:
    """ExponentiatedGradient's randomised classifier.

    Its labels are drawn; its probabilities are the mean of its classifiers'.
    """

    def __init__(self, rows, bound, seed):
        self.seed = seed
        self.fitted = ExponentiatedGradient(
            LogisticRegression(max_iter=1000),
            DemographicParity(difference_bound=bound),
        )
        self.fitted.fit(rows.X, rows.y, sensitive_features=rows.groups)

    def predict(self, X):
        return self.fitted.predict(X, random_state=self.seed)

    def predict_proba(self, X):
        pairs = zip(self.fitted.weights_, self.fitted.predictors_, strict=True)
        mean = sum(
            weight * predictor.predict_proba(X)
            for weight, predictor in pairs
            if weight > 0
        )
        return np.minimum(mean, 1.0)  # the weights sum to one up to rounding


def point(make_model, test):
    """Return the values of COLUMNS of the model that a call makes, on test rows."""
    model, elapsed = timed(make_model)
    predicted = model.predict(test.X)
    groups = {"sensitive_features": test.groups}
    return (
        accuracy_score(test.y, predicted),
        demographic_parity_difference(test.y, predicted, **groups),
        equalized_odds_difference(test.y, predicted, **groups),
        log_loss(test.y, model.predict_proba(test.X)[:, 1]),
        elapsed,
    )


def soft_curve(classifier, train, test, held_out=None):
    """Return the points of soft weighting at STRENGTHS."""
    weightings = [SoftWeighting(strength=strength) for strength in STRENGTHS]
    return [
        point(lambda w=w: unlearn(classifier, train, held_out, weighting=w), test)
        for w in weightings
    ]


def speed_ratio(curve, parity, elapsed, accuracy=0.0):
    """Return a time over that of the first strength with at most this disparity.

    None if there is none, or none with at least this accuracy.
    """
    accuracies, parities, *_, seconds = interpolated(curve).T
    good = (accuracies >= accuracy) & (parities <= parity)
    return elapsed / seconds[good][0] if good.any() else None


def lead(curve, point):
    """Return the best accuracy at a point's disparity or less, above the point's."""
    accuracy, parity, *_ = interpolated(curve).T
    good = parity <= point[1]
    return accuracy[good].max() - point[0] if good.any() else np.nan


def interpolated(curve, n=1001):
    """Return the rows of a curve at n strengths, linearly between those measured."""
    at = np.linspace(STRENGTHS[0], STRENGTHS[-1], n)
    return np.column_stack([np.interp(at, STRENGTHS, column) for column in curve.T])
