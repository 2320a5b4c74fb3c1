"""Curvature of a network's training objective, as products."""

from abc import abstractmethod

import torch

from ..curvature import CurvatureOperator
from ._torch_network import to_numpy


class TorchCurvature(CurvatureOperator):
    r"""A sum over training rows plus a diagonal penalty.

    Parameters
    ----------
    network : Network
        The model.
    rows : TorchRows
        Training rows.
    parameters : Tensor of shape (n_parameters,)
        Where.
    weight : ndarray of shape (n_samples,)
        The :math:`v_i`.
    penalty : Tensor of shape (n_parameters,)
        Second derivative of the regulariser.
    """

    #: A network's products cost little beside n * p ** 2, and damping keeps their
    #: number low.
    max_direct_size = 256

    def __init__(self, network, rows, parameters, weight, penalty):
        self.network = network
        self.rows = rows
        self.parameters = parameters
        self.weight = torch.as_tensor(weight).to(parameters)
        self.penalty = penalty
        self.n_parameters = len(parameters)

    @abstractmethod
    def _batch_products(self, batch, vectors):
        """Return the batch's share of the curvature times each row of ``vectors``."""

    def product(self, vectors):
        self.network.load(self.parameters)
        rows = vectors.T.contiguous()
        total = torch.zeros_like(rows)
        for _, products in self.rows.map(lambda b: self._batch_products(b, rows)):
            total += products
        return total.T + self.penalty[:, None] * vectors

    def batch_products(self):
        self.network.load(self.parameters)
        total = self.weight.abs().sum()
        for batch in self.rows.batches():
            share = self.weight[batch.rows].abs().sum() / total
            if share > 0:
                yield self._estimate(batch, share)

    def _estimate(self, batch, share):
        def product(vectors):
            rows = vectors.T.contiguous()
            parts = self.rows.attempt(lambda b: self._batch_products(b, rows), batch)
            estimate = sum(products for _, products in parts) / share
            return estimate.T + self.penalty[:, None] * vectors

        return product

    def precision(self):
        return torch.finfo(self.parameters.dtype).eps

    def to_numpy(self, vectors):
        return to_numpy(vectors)

    def from_numpy(self, vectors):
        return torch.as_tensor(vectors).to(self.parameters)


class GaussNewtonCurvature(TorchCurvature):
    r""":math:`\sum_i v_i J_i^\top \nabla_z^2 \ell_i J_i + \nabla^2 R`.

    :math:`J_i` is the Jacobian of the margins. Positive semi-definite, and equal to the
    Hessian where the model is linear in its parameters or fits its labels exactly.
    """

    def _batch_products(self, batch, vectors):
        linear = self.network.linearize(batch)
        margins = linear.margins.detach()
        curvature = self.network.loss.curvature(margins, batch.targets)
        weight = self.weight[batch.rows, None]
        return torch.stack(
            [linear.pull(weight * curvature(linear.push(v))) for v in vectors]
        )


class HessianCurvature(TorchCurvature):
    r""":math:`\sum_i v_i \nabla^2 \ell_i + \nabla^2 R`; indefinite in general."""

    def _batch_products(self, batch, vectors):
        network = self.network
        losses = network.loss.values(network.margins(batch), batch.targets)
        gradients = network.differentiable_gradient(self.weight[batch.rows] @ losses)
        return torch.stack([network.directional(gradients, v) for v in vectors])
