"""A loss of margins that are numpy, with rows last."""

import torch

from ._network import like, to_numpy


class RowLoss:
    """What a linear model's loss offers, of a network's margins.

    Margins and slopes are (..., n_outputs, n_rows), as blocks of rows have them.

    Parameters
    ----------
    loss : SampleLoss
        On tensors.
    targets : Tensor of shape (n_classes,)
        The label of each class as the loss takes it, on the device.
    parameters : Tensor
        Of the network; the loss is computed in their precision, on their device.
    """

    def __init__(self, loss, targets, parameters):
        self._loss = loss
        self._targets = targets
        self._parameters = parameters

    def targets(self, codes):
        """Return labels as the loss takes them, on the device."""
        return self._targets[torch.as_tensor(codes, device=self._targets.device)]

    def values(self, codes, z):
        """Return the losses, shape (n_rows,)."""
        with torch.no_grad():
            return to_numpy(self._loss.values(self._tensor(z), self.targets(codes)))

    def gradient(self, codes, z):
        """Return the derivatives in the margins, shape (n_outputs, n_rows)."""
        slope = self._loss.gradient(self._tensor(z), self.targets(codes))
        return to_numpy(slope).T

    def scores(self, z):
        """Return log-probabilities up to a constant, shape (n_classes, n_rows)."""
        with torch.no_grad():
            return to_numpy(self._loss.scores(self._tensor(z))).T

    def pull_back_scores(self, z, gradient):
        """Turn gradients in the scores into gradients in the margins.

        Parameters
        ----------
        z : ndarray of shape (n_outputs, n_rows)
            The margins.
        gradient : ndarray of shape (n_functions, n_classes, n_rows)
            In the scores.

        Returns
        -------
        ndarray of shape (n_functions, n_outputs, n_rows)
        """
        margins = self._tensor(z).requires_grad_()
        with torch.enable_grad():
            scores = self._loss.scores(margins)
        slopes = like(gradient, scores).transpose(1, 2)
        pulled = [
            torch.autograd.grad(scores, margins, slope, retain_graph=True)[0]
            for slope in slopes
        ]
        return to_numpy(torch.stack(pulled).transpose(1, 2))

    def _tensor(self, z):
        return like(z.T, self._parameters)
