"""Losses of linear classifiers as functions of the margins.

A margin array ``z`` has shape (n_samples, n_outputs): one output for a binary problem,
one a class otherwise. Labels are positions in the sorted classes.
"""

from abc import ABC, abstractmethod

import numpy as np
from scipy.special import log_expit, log_softmax, logsumexp, softmax

from .._utils._sigmoid import sigmoid


class LinearLoss(ABC):
    r"""A loss :math:`\ell(y, z)` with its derivatives in the margins."""

    #: Whether the loss is a sum over outputs, each in its own margin.
    separable = True
    #: The c for which the Hessian in the margins changes at most by a factor
    #: :math:`e^{\pm c r}` when they move by r, see Bach, "Self-concordant analysis for
    #: logistic regression", 2010. For several margins, r is the range of their moves.
    self_concordance = np.inf

    @abstractmethod
    def values(self, codes, z):
        """Per-sample losses, shape (n_samples,)."""

    @abstractmethod
    def gradient(self, codes, z):
        """Derivative in the margins, shape (n_samples, n_outputs)."""

    @abstractmethod
    def second_derivative(self, codes, z):
        """Diagonal of the Hessian in the margins, shape (n_samples, n_outputs)."""

    @abstractmethod
    def scores(self, z):
        """Log-probabilities up to a constant, shape (n_samples, n_classes)."""

    @abstractmethod
    def pull_back_scores(self, z, gradient):
        """Turn gradients in the scores into gradients in the margins.

        ``gradient`` has shape (n_metrics, n_samples, n_classes), the result shape
        (n_metrics, n_samples, n_outputs).
        """


class MultinomialLoss(LinearLoss):
    r"""Softmax cross-entropy, :math:`\log \sum_k e^{z_k} - z_y`."""

    separable = False
    self_concordance = 1.0

    def values(self, codes, z):
        return logsumexp(z, axis=1) - np.take_along_axis(z, codes[:, None], 1)[:, 0]

    def gradient(self, codes, z):
        residual = softmax(z, axis=1)
        residual[np.arange(len(z)), codes] -= 1.0
        return residual

    def probabilities(self, z):
        """Return the softmax; the Hessian in the margins is diag(p) - p p'."""
        return softmax(z, axis=1)

    def second_derivative(self, codes, z):
        probability = softmax(z, axis=1)
        return probability * (1.0 - probability)

    def scores(self, z):
        return log_softmax(z, axis=1)

    def pull_back_scores(self, z, gradient):
        return gradient - softmax(z, axis=1) * gradient.sum(axis=2, keepdims=True)


class MarginLoss(LinearLoss):
    r"""A sum over outputs of a function of the signed margin :math:`m = t z`.

    :math:`t = 1` where the output's class is the sample's, and -1 elsewhere.

    Parameters
    ----------
    output_weight : ndarray of shape (n_classes,) or None, default=None
        For one-vs-rest models that weight the class of an output against the rest:
        the factor on a sample of class k in output k. Other samples count once.
    """

    def __init__(self, output_weight=None):
        self.output_weight = output_weight

    @abstractmethod
    def of_margin(self, m):
        """The loss of a signed margin."""

    @abstractmethod
    def first_of_margin(self, m):
        """Its first derivative."""

    @abstractmethod
    def second_of_margin(self, m):
        """Its second derivative (a generalised one where there is a kink)."""

    def values(self, codes, z):
        losses = self.of_margin(self._signs(codes, z) * z)
        return self._weighted(codes, losses).sum(axis=1)

    def gradient(self, codes, z):
        signs = self._signs(codes, z)
        return self._weighted(codes, signs * self.first_of_margin(signs * z))

    def second_derivative(self, codes, z):
        return self._weighted(codes, self.second_of_margin(self._signs(codes, z) * z))

    def scores(self, z):
        if z.shape[1] > 1:
            return self.log_probability(z)
        scores = np.zeros((len(z), 2))
        scores[:, 1:] = self.log_odds(z)
        return scores

    def pull_back_scores(self, z, gradient):
        if z.shape[1] > 1:
            return gradient * self.log_probability_derivative(z)
        return gradient[:, :, 1:] * self.log_odds_derivative(z)

    def log_odds(self, z):
        """The log of the odds of a single margin's positive side."""
        return z

    def log_odds_derivative(self, z):
        """Its derivative."""
        return np.ones_like(z)

    def log_probability(self, z):
        """The log of the sigmoid of a margin, as one-vs-rest models normalise it."""
        return log_expit(z)

    def log_probability_derivative(self, z):
        """Its derivative."""
        return sigmoid(-z)

    @staticmethod
    def _signs(codes, z):
        if z.shape[1] == 1:
            return 2.0 * codes[:, None] - 1.0
        return np.where(codes[:, None] == np.arange(z.shape[1]), 1.0, -1.0)

    def _weighted(self, codes, values):
        if self.output_weight is not None:
            rows = np.arange(len(values))
            values[rows, codes] *= self.output_weight[codes]
        return values


class LogisticLoss(MarginLoss):
    r""":math:`\log(1 + e^{-m})`."""

    self_concordance = 1.0

    def of_margin(self, m):
        # Half the time of log_expit.
        return np.log1p(np.exp(-np.abs(m))) - np.minimum(m, 0.0)

    def first_of_margin(self, m):
        return -sigmoid(-m)

    def second_of_margin(self, m):
        smaller = sigmoid(-np.abs(m))
        return smaller * (1.0 - smaller)


class SquaredLoss(MarginLoss):
    r""":math:`(t - z)^2 = (1 - m)^2`."""

    self_concordance = 0.0

    def of_margin(self, m):
        return (1.0 - m) ** 2

    def first_of_margin(self, m):
        return -2.0 * (1.0 - m)

    def second_of_margin(self, m):
        return np.full_like(m, 2.0)


class SquaredHingeLoss(MarginLoss):
    r""":math:`\max(0, 1 - m)^2`, with the generalised Hessian :math:`2 [m < 1]`."""

    def of_margin(self, m):
        return np.maximum(0.0, 1.0 - m) ** 2

    def first_of_margin(self, m):
        return -2.0 * np.maximum(0.0, 1.0 - m)

    def second_of_margin(self, m):
        return 2.0 * (m < 1.0)


class ModifiedHuberLoss(MarginLoss):
    r""":math:`\max(0, 1 - m)^2` for :math:`m \ge -1`, and :math:`-4 m` below.

    Probabilities are :math:`(\mathrm{clip}(z, -1, 1) + 1) / 2`, as its classifier
    reports them.
    """

    #: Keeps the logarithm of a probability of exactly zero finite.
    floor = 1e-12

    def of_margin(self, m):
        return np.where(m < -1.0, -4.0 * m, np.maximum(0.0, 1.0 - m) ** 2)

    def first_of_margin(self, m):
        return np.where(m < -1.0, -4.0, -2.0 * np.maximum(0.0, 1.0 - m))

    def second_of_margin(self, m):
        return 2.0 * ((m >= -1.0) & (m < 1.0))

    def log_odds(self, z):
        return self.log_probability(z) - self.log_probability(-z)

    def log_odds_derivative(self, z):
        derivative = self.log_probability_derivative
        return derivative(z) + derivative(-z)

    def log_probability(self, z):
        return np.log(np.maximum((np.clip(z, -1.0, 1.0) + 1.0) / 2.0, self.floor))

    def log_probability_derivative(self, z):
        inside = (z > -1.0 + 2.0 * self.floor) & (z < 1.0)
        return inside / np.maximum(z + 1.0, 2.0 * self.floor)
