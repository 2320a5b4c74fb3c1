"""Contrasts of the means of cells, as sums over blocks of rows.

Compact scores have shape (..., n_outputs, n_rows): a score a class, or of two classes
the log-odds of the second.
"""

from abc import abstractmethod

import numpy as np
from scipy.special import log_softmax, softmax

from .._utils._sigmoid import sigmoid
from ._block_metrics import BlockMetrics, cell_moments, errors_of_means


class CellSums(BlockMetrics):
    """Contrasts of the means of cells; subclasses say of what.

    Parameters
    ----------
    of_cells : ndarray of shape (n_metrics, n_cells)
        What the quantity of a row of weight 1 counts in each metric.
    cells : ndarray of shape (n_samples,)
        The cell of each row.
    threshold : float, default=0.0
        The log-odds of the second of two classes that become even.
    """

    has_moments = True

    def __init__(self, of_cells, cells, threshold=0.0):
        self.of_cells = of_cells
        self.threshold = threshold
        self._cells = cells

    @abstractmethod
    def quantity(self, codes, scores):
        """Return what is averaged, (..., n_rows), of rows with these labels."""

    @abstractmethod
    def slope(self, codes, scores):
        """Return its derivative in the compact scores of one model."""

    def prepare(self, rows, loss, matrix, key):
        self._key = key
        rows.spread(key, self._cells)
        self._cells = None

    def sums(self, block, loss, z, losses):
        quantity = self.quantity(block["code"], self._scores(loss, z))
        models = quantity.reshape(-1, block.n_rows)
        # A pass over the rows for each metric, or for each model.
        if len(self.of_cells) <= len(models):
            sums = models @ self._coefficients(block).T
        else:
            sums = self._sums_of_cells(block, models) @ self.of_cells.T
        return sums.reshape(*quantity.shape[:-1], -1)

    def _sums_of_cells(self, block, models):
        """Return sums (n_models, n_cells) of quantities (n_models, n_rows)."""
        cells, n_cells = block[self._key], self.of_cells.shape[1]
        return np.stack(
            [np.bincount(cells, one * block.count, n_cells) for one in models]
        )

    def moments(self, block, loss, z):
        quantity = self.quantity(block["code"], self._scores(loss, z))
        n_cells = self.of_cells.shape[1]
        return cell_moments(quantity, block.count, block[self._key], n_cells)

    def standard_errors(self, moments):
        return errors_of_means(self.of_cells, moments)

    def slopes(self, block, loss, z, slope):
        slope = loss.pull_back(z, self.slope(block["code"], self._scores(loss, z)))
        return self._coefficients(block)[:, None] * slope

    def _scores(self, loss, z):
        """Return compact scores, those of the second of two classes moved."""
        scores = loss.scores(z)
        if self.threshold == 0.0:
            return scores
        moved = np.zeros((scores.shape[-2], 1))
        moved[-1] = self.threshold
        return scores - moved

    def _coefficients(self, block):
        return self.of_cells[:, block[self._key]] * block.count


class ProbabilitySums(CellSums):
    """Of the tempered probability of a label.

    Parameters
    ----------
    of_cells, cells : ndarray
        See :class:`CellSums`.
    positive : int
        Position of the label.
    temperature : float
        Divides the scores before the softmax.
    threshold : float, default=0.0
        See :class:`CellSums`.
    """

    def __init__(self, of_cells, cells, positive, temperature, threshold=0.0):
        super().__init__(of_cells, cells, threshold)
        self.positive = positive
        self.temperature = temperature

    def quantity(self, codes, scores):
        if scores.shape[-2] > 1:
            return softmax(scores / self.temperature, axis=-2)[..., self.positive, :]
        return self._probability(scores)

    def slope(self, codes, scores):
        if len(scores) == 1:
            probability = self._probability(scores)
            slope = probability * (1.0 - probability)
            return (self._sign / self.temperature * slope)[None]
        slope = -softmax(scores / self.temperature, axis=-2)
        probability = -slope[self.positive]
        slope[self.positive] += 1.0
        return slope * (probability / self.temperature)

    def _probability(self, scores):
        """Return the label's, of two."""
        return sigmoid(scores[..., 0, :] * (self._sign / self.temperature))

    @property
    def _sign(self):
        return 1.0 if self.positive == 1 else -1.0


class ExcessSums(ProbabilitySums):
    """Of what the probability of a label is above whether the row holds it."""

    def quantity(self, codes, scores):
        return super().quantity(codes, scores) - (codes == self.positive)


class ErrorSums(CellSums):
    """Of the tempered probability of a wrong label.

    Parameters
    ----------
    of_cells, cells : ndarray
        See :class:`CellSums`.
    temperature : float
        Divides the scores before the softmax.
    threshold : float, default=0.0
        See :class:`CellSums`.
    """

    def __init__(self, of_cells, cells, temperature, threshold=0.0):
        super().__init__(of_cells, cells, threshold)
        self.temperature = temperature

    def quantity(self, codes, scores):
        if scores.shape[-2] == 1:
            return sigmoid(-_signs(codes) * scores[..., 0, :] / self.temperature)
        return 1.0 - _of_labels(codes, softmax(scores / self.temperature, axis=-2))

    def slope(self, codes, scores):
        if len(scores) == 1:
            wrong = self.quantity(codes, scores)
            return (-_signs(codes) * wrong * (1.0 - wrong) / self.temperature)[None]
        probabilities = softmax(scores / self.temperature, axis=-2)
        right = _of_labels(codes, probabilities)
        return _less_labels(codes, probabilities) * right / self.temperature


class LogLossSums(CellSums):
    """Of the log loss."""

    def quantity(self, codes, scores):
        if scores.shape[-2] == 1:
            return np.logaddexp(0.0, -_signs(codes) * scores[..., 0, :])
        return -_of_labels(codes, log_softmax(scores, axis=-2))

    def slope(self, codes, scores):
        if len(scores) == 1:
            return -_signs(codes) * sigmoid(-_signs(codes) * scores)
        return _less_labels(codes, softmax(scores, axis=-2))


def _signs(codes):
    """Return 1 for the second of two labels, and -1 for the first."""
    return np.where(codes == 1, 1.0, -1.0)


def _of_labels(codes, values):
    """Return values (..., n_rows), of those of the classes those of the labels."""
    return values[..., codes, np.arange(len(codes))]


def _less_labels(codes, probabilities):
    """Return probabilities (n_classes, n_rows) less 1 at the labels."""
    probabilities[codes, np.arange(len(codes))] -= 1.0
    return probabilities
