"""Classifiers that decide at a threshold of their own, around another classifier."""

from copy import copy
from functools import singledispatch

import numpy as np
from scipy.special import logit
from sklearn.model_selection import (
    FixedThresholdClassifier,
    TunedThresholdClassifierCV,
)

from .._utils._compat import tuned_pos_label


class Decision:
    """At which response of the classifier within a label is predicted.

    Parameters
    ----------
    classifier : FixedThresholdClassifier
        What decides, fitted where more is asked of it than what is within.
    """

    _methods = ("predict_proba", "decision_function")

    def __init__(self, classifier):
        self.classifier = classifier

    @property
    def within(self):
        """The classifier whose responses are decided by."""
        return getattr(self.classifier, "estimator_", self.classifier.estimator)

    def around(self, estimator):
        """Return a copy of the whole with another fitted classifier within.

        Parameters
        ----------
        estimator : classifier or Pipeline
            Fitted.
        """
        made = copy(self.classifier)
        # Where a fit takes the classifier as it is, it is to take this one.
        if made.estimator is self.within:
            made.estimator = estimator
        made.estimator_ = estimator
        return made

    @property
    def method(self):
        """The method whose responses have the threshold."""
        given = self.classifier.response_method
        if given != "auto":
            return given
        return next(one for one in self._methods if hasattr(self.within, one))

    @property
    def value(self):
        """The threshold of the response."""
        if self.classifier.threshold != "auto":
            return float(self.classifier.threshold)
        return 0.5 if self.method == "predict_proba" else 0.0

    @property
    def pos_label(self):
        """The label that is predicted from the threshold on; None is the second."""
        return self.classifier.pos_label

    @property
    def is_of_second(self):
        """Whether the response is that of the second class."""
        return self.pos_label is None or self.pos_label == self.within.classes_[1]

    def margin(self, margin_at):
        """Return from which margin of the second class on it is predicted.

        Parameters
        ----------
        margin_at : callable
            Maps the probability of the second class to its margin, at one half to 0.
        """
        margin = self.value
        if self.method == "predict_proba":
            margin = float(margin_at(np.clip(margin, 0.0, 1.0)))
        return margin if self.is_of_second else -margin

    def cut(self, margin):
        """Return above which margin the second class is predicted, given the above."""
        return np.nextafter(margin, -np.inf) if self.is_of_second else margin

    def log_odds(self):
        """Return the log-odds of the second class where it begins to be predicted.

        Raises
        ------
        TypeError
            If the threshold is one of ``decision_function``.
        """
        if self.method == "decision_function":
            raise TypeError(
                f"The threshold of the {type(self.classifier).__name__} is one of the "
                f"decision_function of a {type(self.within).__name__}, which says "
                "nothing of its probabilities, by which it is measured. Choose one of "
                'them: response_method="predict_proba".'
            )
        return self.margin(logit)


class TunedDecision(Decision):
    """The same of a TunedThresholdClassifierCV."""

    @property
    def value(self):
        return float(self.classifier.best_threshold_)

    @property
    def pos_label(self):
        return tuned_pos_label(self.classifier)


class DecidesLikeItsView:
    """What a reader of part of a model takes from the reader of all, its ``view``."""

    @property
    def decision(self):
        """What is around the classifier and decides."""
        return self.view.decision

    @property
    def threshold(self):
        """See :class:`ModelView`."""
        return self.view.threshold

    @property
    def cut(self):
        """See :class:`ModelView`."""
        return self.view.cut


@singledispatch
def decision_of(classifier):
    """Return the Decision of a classifier that only decides, None of all others.

    Parameters
    ----------
    classifier : classifier
        Fitted or not.
    """
    return None


decision_of.register(FixedThresholdClassifier, Decision)
decision_of.register(TunedThresholdClassifierCV, TunedDecision)
