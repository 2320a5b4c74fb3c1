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
