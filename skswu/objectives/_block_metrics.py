"""Metrics of rows in blocks: sums over rows, and whole arrays adapted to blocks."""

from abc import ABC, abstractmethod
from functools import partial

import numpy as np


class BlockMetrics(ABC):
    """Metrics that are known from sums over blocks of rows.

    Margins z have shape (..., n_outputs, n_rows) and a model each in front.
    """

    #: Whether all rows' scores are brought together for each model that is measured.
    needs_whole_arrays = False
    #: Whether sums over rows tell the standard errors as well.
    has_moments = False

    @abstractmethod
    def prepare(self, rows, loss, matrix, key):
        """Let rows know what the blocks need, before anything is measured.

        Parameters
        ----------
        rows : RowBlocks
            That are measured.
        loss : LinearLoss
            Of the model.
        matrix : ndarray of shape (n_outputs, n_columns)
            The original model.
        key : str
            A name for notes that no other metrics take.
        """

    @abstractmethod
    def sums(self, block, loss, z, losses):
        """Return a block's part of what the metrics are made of.

        Parameters
        ----------
        block : Block
            The rows.
        loss : LinearLoss
            Of the model.
        z : ndarray of shape (..., n_outputs, n_rows)
            Margins.
        losses : ndarray of shape (..., n_rows)
            The losses there.

        Returns
        -------
        ndarray of shape (..., n_metrics)
        """

    @abstractmethod
    def slopes(self, block, loss, z, slope):
        """Return derivatives in the margins, (n_metrics, n_outputs, n_rows).

        ``slope`` is the derivative of the losses.
        """

    def finish(self, rows, sums):
        """Return the metrics (..., n_metrics), given the sums of all blocks."""
        return sums

    def moments(self, block, loss, z):
        """Return a block's part of what standard errors are made of.

        Parameters
        ----------
        block : Block
            The rows.
        loss : LinearLoss
            Of the model.
        z : ndarray of shape (n_models, n_outputs, n_rows)
            Margins.

        Returns
        -------
        ndarray of shape (n_models, ...)
        """
        raise NotImplementedError(type(self).__name__)

    def standard_errors(self, moments):
        """Return standard errors (n_models, n_metrics), given the sums of moments."""
        raise NotImplementedError(type(self).__name__)


def cell_moments(values, count, cells, n_cells):
    """Return the sums over cells that standard errors of their means are made of.

    Parameters
    ----------
    values : ndarray of shape (n_models, n_rows)
        What is averaged.
    count : ndarray of shape (n_rows,) or float
        Sample weights.
    cells : ndarray of int of shape (n_rows,)
        The cell of each row.
    n_cells : int
        Number of cells.

    Returns
    -------
    ndarray of shape (n_models, 4, n_cells)
        Of the weights, their squares, the weighted values and their squares.
    """
    count = np.broadcast_to(count, cells.shape)
    moments = np.empty((len(values), 4, n_cells))
    moments[:, 0] = np.bincount(cells, count, n_cells)
    moments[:, 1] = np.bincount(cells, count**2, n_cells)
    for of_model, one in zip(moments, values, strict=True):
        weighted = count * one
        of_model[2] = np.bincount(cells, weighted, n_cells)
        weighted *= one
        of_model[3] = np.bincount(cells, weighted, n_cells)
    return moments


def errors_of_means(of_cells, moments):
    """Return standard errors of contrasts of the means of cells.

    Rows are taken to be drawn independently of each other.

    Parameters
    ----------
    of_cells : ndarray of shape (n_metrics, n_cells)
        What a row of weight 1 counts in each metric.
    moments : ndarray of shape (..., 4, n_cells)
        As :func:`cell_moments` returns them.

    Returns
    -------
    ndarray of shape (..., n_metrics)
    """
    totals, squares, first, second = np.moveaxis(moments, -2, 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        spread = second / totals - (first / totals) ** 2
        # A size of rows of equal weight that tell as much.
        variance = np.maximum(spread, 0.0) / (totals**2 / squares - 1.0)
        terms = (of_cells * totals[..., None, :]) ** 2 * variance[..., None, :]
    # A row by itself tells nothing of the spread.
    terms[np.isinf(terms)] = np.nan
    return np.sqrt(terms.sum(axis=-1, where=of_cells != 0))


class WholeArrayMetrics(BlockMetrics):
    """Metrics of whole arrays, such as a user's, wherever the rows lie.

    The scores of all rows are brought together, the metrics see whole arrays as
    :class:`~skswu.objectives.ScoreMetrics` does, and their derivatives go back to the
    rows: one more reading of the features.

    Parameters
    ----------
    bound : ScoreMetrics
        What is measured.
    """

    needs_whole_arrays = True

    def __init__(self, bound):
        self.bound = bound

    def prepare(self, rows, loss, matrix, key):
        self._key = key
        rows.reduce(partial(_note_scores, loss=loss, matrix=matrix, key=key))
        scores = rows.collect(key)
        self._first = np.asarray(self.bound.values(_whole(scores)))
        slopes = self.bound.gradient(_whole(scores))(slice(None))
        slopes = np.swapaxes(slopes, 1, 2)
        rows.spread(f"{key} slope", slopes if len(scores) > 1 else slopes[:, 1:])

    def sums(self, block, loss, z, losses):
        if z.ndim > 2:
            block[self._key] = loss.scores(z)
        return np.zeros((*z.shape[:-2], len(self._first)))

    def slopes(self, block, loss, z, slope):
        return loss.pull_back(z, block[f"{self._key} slope"])

    def finish(self, rows, sums):
        if sums.ndim == 1:
            return self._first
        scores = rows.collect(self._key)
        return np.stack([self.bound.values(_whole(one)) for one in scores])


def _note_scores(block, loss, matrix, key):
    block[key] = loss.scores(block.measured(block.margins(matrix)))
    return ()


def _whole(scores):
    """Return scores (n_rows, n_classes) of compact ones."""
    if len(scores) == 1:
        scores = np.concatenate([np.zeros_like(scores), scores])
    return scores.T
