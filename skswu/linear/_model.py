"""A linear classifier as mathematics: its coefficients, its loss and its penalty."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np


@dataclass(frozen=True, eq=False)
class LinearModel:
    r"""The training objective of a linear classifier, and where its parameters lie.

    .. math:: L(\theta; w) = \sum_i w_i \, \ell(y_i, x_i \Theta^\top)
              + \sum (l_1 |\theta| + \tfrac12 l_2 \theta^2)

    with the free entries of the matrix :math:`\Theta` of coefficients, output by
    output, as the parameters :math:`\theta`. Its other entries are zero and stay so.

    Attributes
    ----------
    matrix : ndarray of shape (n_outputs, n_columns)
        The fitted coefficients, the intercept's behind those of the features.
    free : ndarray of bool of shape (n_outputs, n_columns)
        Which entries move.
    loss : LinearLoss
        What the model is measured with.
    training_loss : LinearLoss
        What it is trained with: the same, or with class weights inside.
    l1, l2 : ndarray of shape (n_parameters,)
        The penalty.
    """

    matrix: np.ndarray
    free: np.ndarray
    loss: Any
    training_loss: Any
    l1: np.ndarray
    l2: np.ndarray

    @property
    def parameters(self):
        """The fitted parameters, shape (n_parameters,)."""
        return self.matrix[self.free]

    @property
    def n_parameters(self):
        """Number of parameters."""
        return int(np.count_nonzero(self.free))

    def pack(self, matrices):
        """Return the free entries (..., n_parameters) of matrices of coefficients."""
        return matrices[..., self.free]

    def pack_both(self, square):
        """Return the free entries of a matrix between matrices of coefficients.

        Parameters
        ----------
        square : ndarray of shape (n_outputs, n_columns, n_outputs, n_columns)
            The matrix.

        Returns
        -------
        ndarray of shape (n_parameters, n_parameters)
        """
        return square[self.free][:, self.free]

    def unpack(self, vectors):
        """Return matrices of vectors (..., n_parameters), zero off the free entries."""
        if self.free.all():
            return vectors.reshape(*vectors.shape[:-1], *self.free.shape)
        matrices = np.zeros((*vectors.shape[:-1], *self.free.shape))
        matrices[..., self.free] = vectors
        return matrices

    def penalty(self, vectors):
        """Return the penalties (...,) of parameters (..., n_parameters)."""
        return np.abs(vectors) @ self.l1 + 0.5 * vectors**2 @ self.l2

    def smooth_penalty(self, vectors):
        """Return the penalties with the fit's own signs, smooth where one turns.

        A single step of Newton's method is one of this function: it does not see that
        the l1 norm has a kink where a coefficient crosses zero.
        """
        signed = self.l1 * np.sign(self.parameters)
        return vectors @ signed + 0.5 * vectors**2 @ self.l2

    def least_subgradient(self, gradient, parameters):
        """Return the subgradient of the objective that is least in size.

        Parameters
        ----------
        gradient : ndarray of shape (n_parameters,)
            Of the losses.
        parameters : ndarray of shape (n_parameters,)
            The model. Where a parameter is 0, the l1 norm takes what it can from the
            gradient; 0 is left of those that it holds there.
        """
        gradient = gradient + self.l2 * parameters
        held = np.sign(gradient) * (np.abs(gradient) - self.l1).clip(0.0)
        moving = gradient + self.l1 * np.sign(parameters)
        return np.where(parameters == 0.0, held, moving)

    def are_moving(self, parameters, subgradient):
        """Say of each parameter whether it moves: the l1 norm holds some at 0.

        Parameters
        ----------
        parameters, subgradient : ndarray of shape (n_parameters,)
            The model, and its :meth:`least_subgradient`.
        """
        return (self.l1 == 0.0) | (parameters != 0.0) | (subgradient != 0.0)

    def landing(self, parameters, subgradient, step):
        """Return where a step leads; parameters with an l1 norm stop at 0.

        Parameters
        ----------
        parameters, subgradient : ndarray of shape (n_parameters,)
            The model, and its :meth:`least_subgradient`.
        step : ndarray of shape (n_parameters,)
            From there.
        """
        side = np.where(parameters == 0.0, -np.sign(subgradient), np.sign(parameters))
        ahead = parameters + step
        return np.where((self.l1 > 0.0) & (ahead * side <= 0.0), 0.0, ahead)

    def part(self, moving):
        """Return the same objective of some parameters; the others are held at 0.

        Parameters
        ----------
        moving : ndarray of bool of shape (n_parameters,)
            Which.
        """
        if moving.all():
            return self
        free = self.free.copy()
        free[self.free] = moving
        matrix = np.where(free, self.matrix, 0.0)
        given = {"l1": self.l1[moving], "l2": self.l2[moving]}
        return replace(self, matrix=matrix, free=free, **given)

    def penalty_gradient(self, vectors):
        """Return their gradients, (..., n_parameters)."""
        return self.l1 * np.sign(vectors) + self.l2 * vectors

    def at(self, parameters):
        """Return the same objective around other parameters."""
        return replace(self, matrix=self.unpack(parameters))

    def block_sizes(self):
        """Return the numbers of parameters of the dense blocks of the Hessian."""
        if self.training_loss.separable:
            return np.count_nonzero(self.free, axis=1)
        return np.array([self.n_parameters])

    def dense_blocks(self, hessian):
        """Return the blocks of the objective's Hessian, given the losses' part.

        Parameters
        ----------
        hessian : ndarray
            As :meth:`LinearLoss.hessian` returns it: the lower triangles count.

        Returns
        -------
        list of tuple (slice, ndarray)
            The parameters of each block, and the block, new.
        """
        blocks, stop = [], 0
        for free, matrix in self._blocks_of_losses(hessian):
            indices = slice(stop, stop + np.count_nonzero(free))
            stop = indices.stop
            block = np.tril(matrix)
            block += np.tril(matrix, -1).T
            if not free.all():
                block = block[np.ix_(free, free)]
            block[np.diag_indices_from(block)] += self.l2[indices]
            blocks.append((indices, block))
        return blocks

    def _blocks_of_losses(self, hessian):
        """Yield which entries are free, and the matrix, of each block."""
        if self.training_loss.separable:
            yield from zip(self.free, hessian, strict=True)
        else:
            size = self.free.size
            yield self.free.ravel(), hessian.reshape(size, size)

    def spread_roots(self, roots):
        """Return factors of the inverse Hessian as matrices of coefficients.

        Parameters
        ----------
        roots : list of tuple (indices, matrix)
            As :meth:`~skswu.influence.InverseCurvature.roots` returns them.

        Returns
        -------
        list of ndarray of shape (n_rows, n_outputs_of_block, n_columns)
            In the order of the outputs: one for each where the loss is a sum over
            outputs, and else one for all.
        """
        if not self.training_loss.separable:
            ((_, root),) = roots
            return [self.unpack(root)]
        spread = []
        for free, (_, root) in zip(self.free, roots, strict=True):
            matrices = np.zeros((len(root), 1, len(free)))
            matrices[:, 0, free] = root
            spread.append(matrices)
        return spread

    def null_directions(self):
        """Return orthonormal directions that no margin's difference sees, or None.

        A constant added to an unpenalised column of every class of a softmax.

        Returns
        -------
        ndarray of shape (n_parameters, n_directions) or None
        """
        if self.training_loss.separable:
            return None
        l2 = self.unpack(self.l2)
        flat = np.flatnonzero(self.free.all(axis=0) & (l2 == 0).all(axis=0))
        if len(flat) == 0:
            return None
        null = np.zeros((len(flat), *self.free.shape))
        null[np.arange(len(flat)), :, flat] = 1.0 / np.sqrt(len(self.free))
        return self.pack(null).T
