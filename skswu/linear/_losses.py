"""Losses of linear classifiers as functions of the margins.

Margins ``z`` have shape (..., n_outputs, n_rows): one output for a binary problem, one
a class otherwise. Labels are positions in the sorted classes. *Compact scores* of a
single output are the log-odds of the second class, (..., 1, n_rows), and of several
log-probabilities up to a constant a row, (..., n_classes, n_rows).
"""

from abc import ABC, abstractmethod

import numpy as np
from scipy.special import log_expit, log_softmax, logit, softmax

from .._utils._sigmoid import sigmoid
from ..rows._design import mirrored


class LinearLoss(ABC):
    r"""A loss :math:`\ell(y, z)` with its derivatives in the margins."""

    #: Whether the loss is a sum over outputs, each in its own margin.
    separable = True
    #: The c for which the Hessian in the margins changes at most by a factor
    #: :math:`e^{\pm c r}` when they move by r, see Bach, "Self-concordant analysis for
    #: logistic regression", 2010. For several margins, r is the range of their moves.
    self_concordance = np.inf

    @abstractmethod
    def derivatives(self, codes, z):
        """Return losses, slopes and what :meth:`curve` needs, at once.

        Parameters
        ----------
        codes : ndarray of int of shape (n_rows,)
            Labels.
        z : ndarray of shape (..., n_outputs, n_rows)
            Margins.

        Returns
        -------
        values : ndarray of shape (..., n_rows)
            Losses.
        slope : ndarray of shape (..., n_outputs, n_rows)
            Derivatives in the margins.
        second : ndarray of shape (..., n_outputs, n_rows)
            The Hessian in the margins, as :meth:`curve` takes it.
        """

    @abstractmethod
    def curve(self, second, moved):
        """Multiply moves (..., n_outputs, n_rows) by the Hessian in the margins."""

    @abstractmethod
    def diagonal(self, second):
        """Return the diagonal of the Hessian in the margins."""

    @abstractmethod
    def hessian(self, design, second, weight):
        r"""Return :math:`\sum_i v_i J_i^\top \nabla_z^2 \ell_i J_i` of a design.

        Returns
        -------
        ndarray of shape (n_outputs, n_columns, n_columns) or (n_outputs, n_columns, \
                n_outputs, n_columns)
            The former of a loss that is a sum over outputs. Of symmetric matrices the
            lower triangles count.
        """

    @abstractmethod
    def scores(self, z):
        """Return compact scores."""

    @abstractmethod
    def pull_back(self, z, gradient):
        """Turn gradients in the compact scores into gradients in the margins."""

    def pull_back_scores(self, z, gradient):
        """Turn gradients in the scores of all classes into gradients in the margins.

        Parameters
        ----------
        z : ndarray of shape (n_outputs, n_rows)
            Margins.
        gradient : ndarray of shape (n_functions, n_classes, n_rows)
            Where there is a single margin, the score of the first class is zero.

        Returns
        -------
        ndarray of shape (n_functions, n_outputs, n_rows)
        """
        return self.pull_back(z, gradient if len(z) > 1 else gradient[:, 1:])

    @abstractmethod
    def left_out(self, slope, second, weight, inner, most):
        """Return by how much margins move where their row is left out of the training.

        Parameters
        ----------
        slope : ndarray of shape (n_outputs, n_rows)
            Derivatives in the margins.
        second : ndarray of shape (n_outputs, n_rows)
            The Hessian in the margins, as :meth:`curve` takes it.
        weight : ndarray of shape (n_rows,) or float
            Of the rows in the training.
        inner : ndarray of shape (n_outputs, n_rows) or (n_outputs, n_outputs, n_rows)
            The rows' products with themselves in the metric of the inverse Hessian.
        most : float
            Below 1: the largest share of a curvature that may be a row's own; of a row
            whose share is larger, the curvature counts less.

        Returns
        -------
        offset : ndarray of shape (n_outputs, n_rows)
            What is added to the margins.
        is_held : ndarray of bool of shape (n_rows,)
            Whether a row's share is larger.
        """

    def margin_at(self, probability):
        """Return at which margin, of two classes, the second has a probability.

        Of two margins, it is what that of the second is above the other.
        """
        return logit(probability)

    def slopes(self, codes, z):
        """Return losses and slopes alone, as :meth:`derivatives` does."""
        return self.derivatives(codes, z)[:2]

    def values(self, codes, z):
        """Return losses (..., n_rows)."""
        return self.slopes(codes, z)[0]

    def gradient(self, codes, z):
        """Return the derivatives in the margins, (..., n_outputs, n_rows)."""
        return self.slopes(codes, z)[1]


class MultinomialLoss(LinearLoss):
    r"""Softmax cross-entropy, :math:`\log \sum_k e^{z_k} - z_y`.

    Its Hessian in the margins, :math:`\mathrm{diag}(p) - p p^\top`, is kept as p.
    """

    separable = False
    self_concordance = 1.0

    def slopes(self, codes, z):
        values, slope, _ = self.derivatives(codes, z)
        return values, slope

    def derivatives(self, codes, z):
        largest = z.max(axis=-2, keepdims=True)
        p = np.exp(z - largest)
        total = p.sum(axis=-2, keepdims=True)
        p /= total
        np.log(total, out=total)
        total += largest
        values = total[..., 0, :] - self._of_labels(codes, z)
        return values, self._less_labels(codes, p), p

    def _of_labels(self, codes, z):
        """Return the mean of margins (..., n_rows) under the labels."""
        at = np.broadcast_to(codes, (*z.shape[:-2], 1, z.shape[-1]))
        return np.take_along_axis(z, at, axis=-2)[..., 0, :]

    def _less_labels(self, codes, p):
        """Return probabilities less those of the labels."""
        at = np.broadcast_to(codes, (*p.shape[:-2], 1, p.shape[-1]))
        slope = p.copy()
        picked = np.take_along_axis(slope, at, axis=-2)
        np.put_along_axis(slope, at, picked - 1.0, axis=-2)
        return slope

    def curve(self, second, moved):
        scaled = second * moved
        return scaled - second * scaled.sum(axis=-2, keepdims=True)

    def diagonal(self, second):
        return second * (1.0 - second)

    def hessian(self, design, second, weight):
        # Rows of the Hessian in the margins add up to zero: the last class's part
        # follows from those of the others.
        k, j = np.tril_indices(len(second) - 1)
        factors = weight * second[k] * ((k == j)[:, None] - second[j])
        full = np.zeros((len(second), design.n_columns) * 2)
        full[:-1, :, :-1] = pair_blocks(design, factors, len(second) - 1)
        full[:-1, :, -1] = -full[:-1, :, :-1].sum(axis=2)
        full[-1] = -full[:-1].sum(axis=0)
        return full

    def left_out(self, slope, second, weight, inner, most):
        own = -second[:, None] * second
        own[np.arange(len(second)), np.arange(len(second))] += second
        share = np.einsum("abn,bcn->nac", weight * own, inner)
        # The largest eigenvalue is at most the trace.
        is_held = np.trace(share, axis1=1, axis2=2) > most
        largest = np.linalg.eigvals(share[is_held]).real.max(axis=1, initial=0.0)
        share[is_held] *= np.minimum(most / largest, 1.0)[:, None, None]
        is_held[is_held] = largest > most
        right = (weight * slope).T[:, :, None]
        moved = np.linalg.solve(np.eye(len(second)) - share, right)[:, :, 0]
        return np.einsum("abn,nb->an", inner, moved), is_held

    def scores(self, z):
        return log_softmax(z, axis=-2)

    def pull_back(self, z, gradient):
        return gradient - softmax(z, axis=-2) * gradient.sum(axis=-2, keepdims=True)


def outer_products(design, slope, weight):
    r"""Return :math:`\sum_i v_i (J_i^\top s_i) (J_i^\top s_i)^\top` of a design.

    Parameters
    ----------
    design : Design
        The rows.
    slope : ndarray of shape (n_outputs, n_rows)
        The :math:`s_i`, derivatives of losses in the margins.
    weight : ndarray of shape (n_rows,)
        The :math:`v_i`.

    Returns
    -------
    ndarray of shape (n_outputs, n_columns, n_outputs, n_columns)
    """
    k, j = np.tril_indices(len(slope))
    return pair_blocks(design, weight * slope[k] * slope[j], len(slope))


def pair_blocks(design, factors, n_outputs):
    """Return Grams for each pair of outputs, in both triangles.

    Parameters
    ----------
    design : Design
        The rows.
    factors : ndarray of shape (n_pairs, n_rows)
        What rows weigh in each, in the order of :func:`numpy.tril_indices`.
    n_outputs : int
        Number of outputs.

    Returns
    -------
    ndarray of shape (n_outputs, n_columns, n_outputs, n_columns)
    """
    n_columns = design.n_columns
    if 2 * len(factors) >= n_columns:
        # One product serves all pairs of outputs.
        blocks = np.zeros((len(factors), n_columns, n_columns))
        row, column = np.tril_indices(n_columns)
        blocks[:, row, column] = design.pair_sums(factors)
    else:
        blocks = np.stack([design.gram(factor) for factor in factors])
    full = np.zeros((n_outputs, n_columns) * 2)
    pairs = zip(*np.tril_indices(n_outputs), mirrored(blocks), strict=True)
    for k, j, block in pairs:
        full[k, :, j] = full[j, :, k] = block
    return full


class SoftTargetLoss(MultinomialLoss):
    r"""Softmax cross-entropy against a distribution over the classes.

    Parameters
    ----------
    targets : ndarray of shape (n_classes, n_classes)
        The distribution that each label stands for.
    """

    def __init__(self, targets):
        self.targets = targets

    def _of_labels(self, codes, z):
        return (self.targets.T[:, codes] * z).sum(axis=-2)

    def _less_labels(self, codes, p):
        return p - self.targets.T[:, codes]


class MarginLoss(LinearLoss):
    r"""A sum over outputs of a function of the signed margin :math:`m = t z`.

    :math:`t = 1` where the output's class is the row's, and -1 elsewhere. A subclass
    has the function and its derivatives, entry by entry of arrays of any shape.

    Parameters
    ----------
    output_weight : ndarray of shape (n_classes,) or None, default=None
        For one-vs-rest models that weight the class of an output against the rest:
        the factor on a row of class k in output k. Other rows count once.
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

    def two_of_margin(self, m):
        """Return the loss and its first derivative, for losses that share work."""
        return self.of_margin(m), self.first_of_margin(m)

    def all_of_margin(self, m):
        """Return the loss and both derivatives, for losses that share work."""
        return *self.two_of_margin(m), self.second_of_margin(m)

    def derivatives(self, codes, z):
        return self._of_outputs(self.all_of_margin, codes, z)

    def slopes(self, codes, z):
        return self._of_outputs(self.two_of_margin, codes, z)

    def _of_outputs(self, function, codes, z):
        """Return a function of the signed margins, the losses summed over outputs."""
        n_outputs = z.shape[-2]
        signs = self._signs(codes, n_outputs)
        losses, first, *second = function(signs * z)
        first *= signs
        if self.output_weight is not None:
            factor = self._factors(codes, n_outputs)
            losses, first = losses * factor, first * factor
            second = [curvature * factor for curvature in second]
        losses = losses[..., 0, :] if n_outputs == 1 else losses.sum(axis=-2)
        return losses, first, *second

    @staticmethod
    def _signs(codes, n_outputs):
        if n_outputs == 1:
            return (2.0 * codes - 1.0)[None]
        return np.where(codes == np.arange(n_outputs)[:, None], 1.0, -1.0)

    def _factors(self, codes, n_outputs):
        is_own = codes == np.arange(n_outputs)[:, None]
        return np.where(is_own, self.output_weight[codes], 1.0)

    def curve(self, second, moved):
        return second * moved

    def diagonal(self, second):
        return second

    def hessian(self, design, second, weight):
        return np.stack([design.gram(weight * of_output) for of_output in second])

    def left_out(self, slope, second, weight, inner, most):
        own = weight * inner
        share = own * second
        is_held = (share > most).any(axis=0)
        return own * slope / (1.0 - np.minimum(share, most)), is_held

    def scores(self, z):
        return self.log_odds(z) if z.shape[-2] == 1 else self.log_probability(z)

    def pull_back(self, z, gradient):
        if z.shape[-2] == 1:
            return gradient * self.log_odds_derivative(z)
        return gradient * self.log_probability_derivative(z)

    def log_odds(self, z):
        """The log of the odds of a single margin's positive side."""
        return z

    def log_odds_derivative(self, z):
        """Its derivative, or a number that it is everywhere."""
        return 1.0

    def log_probability(self, z):
        """The log of the sigmoid of a margin, as one-vs-rest models normalise it."""
        return log_expit(z)

    def log_probability_derivative(self, z):
        """Its derivative."""
        return sigmoid(-z)


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

    def two_of_margin(self, m):
        losses, first, _, _ = self._share(m)
        return losses, first

    def all_of_margin(self, m):
        losses, first, small, large = self._share(m)
        return losses, first, np.multiply(small, large, out=small)

    @staticmethod
    def _share(m):
        """Return the loss, its derivative and both probabilities.

        One exponential serves all, in place: allocation would be half of the time.
        """
        small = np.abs(m)
        np.negative(small, out=small)
        np.exp(small, out=small)
        large = small + 1.0
        np.reciprocal(large, out=large)
        small *= large
        first = np.where(m < 0.0, large, small)
        np.negative(first, out=first)
        # Sums of losses need no relative accuracy of the smallest of them.
        losses = np.log(large)
        losses += np.minimum(m, 0.0)
        return np.negative(losses, out=losses), first, small, large


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

    def margin_at(self, probability):
        return 2.0 * probability - 1.0 if probability > 0 else -np.inf

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
