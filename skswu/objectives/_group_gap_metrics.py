"""Contrasts of the means of cells of rows."""

from abc import abstractmethod
from copy import copy

import numpy as np
from scipy.special import softmax

from .._utils._sigmoid import sigmoid
from ._base import ScoreMetrics
from ._block_metrics import cell_moments, errors_of_means
from ._cell_sums import ProbabilitySums


class CellMeanMetrics(ScoreMetrics):
    r"""Contrasts of the means of cells of rows; subclasses say of what.

    :math:`M_j = \sum_c C_{jc} \, \bar q_c`, with :math:`\bar q_c` the weighted mean
    over the rows of cell c of a quantity that depends on the row's scores alone.

    Parameters
    ----------
    names : list of str
        One a contrast.
    cells : ndarray of shape (n_samples,)
        The cell of each row.
    weight : ndarray of shape (n_samples,)
        The sample weight of each row.
    contrasts : ndarray of shape (n_metrics, n_cells)
        The :math:`C_{jc}`; zero for cells that are not compared.

    Attributes
    ----------
    of_cells : ndarray of shape (n_metrics, n_cells)
        The contrasts over the weights of the cells: times its weight, what the
        quantity of a row counts in each metric.
    totals : ndarray of shape (n_cells,)
        The weights of the cells.
    """

    def __init__(self, names, cells, weight, contrasts):
        self.names = names
        self.cells = cells.astype(np.min_scalar_type(contrasts.shape[1]))
        self.weight = weight
        totals = np.bincount(cells, weight, contrasts.shape[1])
        self.of_cells = contrasts / np.where(totals > 0, totals, 1.0)
        self.totals = totals

    @abstractmethod
    def quantity(self, scores, rows):
        """Return what is averaged.

        Parameters
        ----------
        scores : ndarray of shape (n_rows, n_classes)
            Scores of some of the rows.
        rows : slice
            Which rows they are.

        Returns
        -------
        ndarray of shape (n_rows,)
            The quantity of each.
        """

    @abstractmethod
    def slope(self, scores, rows):
        """Return the derivative of the quantity in the scores, (n_rows, n_classes)."""

    def values(self, scores):
        every = slice(None)
        return self._coefficients(every) @ self.quantity(scores, every)

    def gradient(self, scores):
        def of_rows(rows):
            slope = self.slope(scores[rows], rows)
            return self._coefficients(rows)[:, :, None] * slope

        return of_rows

    def standard_errors(self, view, rows, parameters):
        quantity = self.quantity(view.scores(rows, parameters), slice(None))
        given = quantity[None], self.weight, self.cells, len(self.totals)
        return errors_of_means(self.of_cells, cell_moments(*given))[0]

    def _coefficients(self, rows):
        """Return what each row's quantity counts in each metric."""
        return self.of_cells[:, self.cells[rows]] * self.weight[rows]


class GroupGapMetrics(CellMeanMetrics):
    r"""Contrasts of the mean probability of cells of rows.

    :math:`M_j = \sum_c C_{jc} \, \bar p_c`, with :math:`\bar p_c` the mean over the
    rows of cell c of the tempered probability of the positive label.

    Parameters
    ----------
    names : list of str
        One a contrast.
    cells : ndarray of shape (n_samples,)
        The cell of each row.
    weight : ndarray of shape (n_samples,)
        The sample weight of each row.
    contrasts : ndarray of shape (n_metrics, n_cells)
        The :math:`C_{jc}`; zero for cells that are not compared.
    positive : int
        Column of the positive label in the scores.
    temperature : float
        Divides the scores before the softmax.

    Attributes
    ----------
    of_cells : ndarray of shape (n_metrics, n_cells)
        The contrasts over the weights of the cells: times its weight, what the
        probability of a row counts in each metric.
    """

    #: The log-odds of the second of two classes that the temperature is around.
    threshold = 0.0

    def __init__(self, names, cells, weight, contrasts, positive, temperature):
        super().__init__(names, cells, weight, contrasts)
        self.positive = positive
        self.temperature = temperature

    def at_threshold(self, threshold):
        return with_threshold(self, threshold)

    def in_blocks(self):
        given = self.of_cells, self.cells, self.positive, self.temperature
        return ProbabilitySums(*given, self.threshold)

    def quantity(self, scores, rows):
        if scores.shape[1] > 2:
            return self._probabilities(scores)[:, self.positive]
        log_odds = scores[:, 1] - scores[:, 0] - self.threshold
        sign = 1.0 if self.positive == 1 else -1.0
        return sigmoid(log_odds * (sign / self.temperature))

    def slope(self, scores, rows):
        slope = -self._probabilities(scores)
        probability = -slope[:, [self.positive]]
        slope[:, self.positive] += 1.0
        slope *= probability / self.temperature
        return slope

    def _probabilities(self, scores):
        return tempered_probabilities(scores, self.temperature, self.threshold)


def with_threshold(metrics, threshold):
    """Return a copy of metrics with another ``threshold``."""
    moved = copy(metrics)
    moved.threshold = threshold
    return moved


def tempered_probabilities(scores, temperature, threshold=0.0):
    """Return the softmax of scores over a temperature, (n_samples, n_classes).

    ``threshold`` are the log-odds of the second of two classes that become even.
    """
    if scores.shape[1] > 2:
        return softmax(scores / temperature, axis=1)
    margin = (scores[:, 1] - scores[:, 0] - threshold) / temperature
    return np.column_stack([sigmoid(-margin), sigmoid(margin)])
