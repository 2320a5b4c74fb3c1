"""The view of a model that asks its rows in blocks."""

from abc import abstractmethod
from functools import partial

import numpy as np

from ._base import ModelView


class BlocksView(ModelView):
    """A model whose derivatives are sums over blocks of rows.

    At fixed parameters a block offers the margins of its rows, and products with their
    Jacobian in the parameters: ``block.margins`` moves rows along directions,
    ``block.sums`` is the way back. What is asked of rows is a function of these.

    Attributes
    ----------
    loss : LinearLoss, or what offers the same of another model's margins
        What rows are measured with.
    """

    @abstractmethod
    def at(self, rows, parameters):
        """Return what rows are at parameters.

        Parameters
        ----------
        rows : Rows
            The rows.
        parameters : array of shape (n_parameters,)
            Where.

        Returns
        -------
        blocks : RowBlocks
            The rows.
        margins : callable
            Gives the margins (n_outputs, n_rows) of a block of them.
        """

    def training_loss(self, rows):
        """Return what rows are trained with."""
        return self.loss

    def directions(self, vectors):
        """Return vectors (n_parameters, n_vectors) as blocks move rows along them."""
        return vectors.T

    def gathered(self, sums):
        """Return sums of blocks as vectors (..., n_parameters)."""
        return sums

    def scores(self, rows, parameters):
        return self._by_row(rows, parameters, partial(_scores, loss=self.loss)).T

    def margins(self, rows, parameters):
        """Return the margins of rows, (n_outputs, n_samples)."""
        return self._by_row(rows, parameters, _margins)

    def losses(self, rows, parameters):
        call = partial(_losses, loss=self.training_loss(rows))
        return self._by_row(rows, parameters, call)

    def pull_back_scores(self, rows, parameters, gradient):
        call = partial(_pulled_back, loss=self.loss, gradient=gradient)
        return self._summed(rows, parameters, call).T

    def loss_gradient(self, rows, parameters, weight):
        call = partial(_loss_slopes, loss=self.training_loss(rows), weight=weight)
        return self._summed(rows, parameters, call)

    def loss_derivatives(self, rows, parameters, directions):
        call = partial(
            _loss_derivatives,
            loss=self.training_loss(rows),
            directions=self.directions(directions),
        )
        return self._joined(*self.at(rows, parameters), call)

    def _by_row(self, rows, parameters, function):
        """Return ``function(block, z)`` of the margins of all blocks, joined."""
        return self._joined(*self.at(rows, parameters), function)

    @staticmethod
    def _joined(blocks, margins, function):
        blocks.reduce(partial(_note, margins=margins, function=function))
        joined = blocks.collect("by row")
        blocks.forget("by row")
        return joined

    def _summed(self, rows, parameters, function):
        """Sum up gradients from those in the margins, (..., n_parameters)."""
        blocks, margins = self.at(rows, parameters)
        ((total,),) = blocks.reduce(partial(_sum, margins=margins, function=function))
        return self.gathered(total)


def _note(block, margins, function):
    """Note a function of the margins of a block."""
    block["by row"] = function(block, margins(block))
    return ()


def _sum(block, margins, function):
    """Return the sums of the rows times a function of their margins."""
    return (block.sums(function(block, margins(block))),)


def _margins(block, z):
    return z


def _scores(block, z, loss):
    """Return scores of all classes (n_classes, n_rows)."""
    scores = loss.scores(z)
    if len(scores) > 1:
        return scores
    return np.concatenate([np.zeros_like(scores), scores])


def _losses(block, z, loss):
    return loss.values(block["code"], z)


def _loss_slopes(block, z, loss, weight):
    return loss.gradient(block["code"], z) * weight[block.rows]


def _loss_derivatives(block, z, loss, directions):
    slope = loss.gradient(block["code"], z)
    return np.einsum("kn,mkn->mn", slope, block.margins(directions))


def _pulled_back(block, z, loss, gradient):
    return loss.pull_back_scores(z, np.swapaxes(gradient(block.rows), 1, 2))
