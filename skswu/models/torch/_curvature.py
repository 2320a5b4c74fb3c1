"""Curvature of a network's training objective, as products."""

from abc import abstractmethod
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from ...influence import CurvatureOperator
from ._kept import KeptBatches
from ._memory import PROBED_ROWS, basis_bytes, kept_bytes, saved_bytes
from ._network import like, to_numpy
from ._sampled_curvature import are_most, sampled_inverse

# Beyond, a basis costs more to keep orthogonal than it saves.
_MOST_KEPT = 200


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
        self.weight = like(weight, parameters)
        self.penalty = penalty
        self.n_parameters = len(parameters)
        self._batches = self._keeping(0)

    @abstractmethod
    def _batch_product(self, batch):
        """Return the function that multiplies a vector by a batch's share of H.

        It may be called many times, at one forward pass, until the network is loaded
        with other parameters.
        """

    def _bytes_kept(self, batch):
        """Return what is kept of a batch for its products."""
        return saved_bytes(self._batch_product, batch)

    @contextmanager
    def repeated_products(self):
        passing = self._batches
        self.rows.jacobians.start(self.parameters)
        self._batches = self._keeping(kept_bytes(self.parameters.device))
        try:
            yield
        finally:
            self.rows.jacobians.note(self._jacobians_of(self._batches))
            self._batches = passing

    def _jacobians_of(self, batches):
        """Return the LayerJacobians that are kept of batches."""
        return {}

    def _keeping(self, spare_bytes):
        """Return the batches, of which passes may take so much memory to stay."""
        given = self.rows, self._batch_product, self._bytes_kept
        return KeptBatches(*given, spare_bytes)

    def product(self, vectors):
        self.network.load(self.parameters)
        total = torch.zeros_like(vectors.T)
        for batch in self._batches:
            total += self._share(batch, vectors)
        return total.T + self.penalty[:, None] * vectors

    def batch_products(self):
        self.network.load(self.parameters)
        total = self.weight.abs().sum()
        for batch in self._batches:
            share = self.weight[batch.rows].abs().sum() / total
            if share > 0:
                yield self._estimate(batch, share)

    def _estimate(self, batch, share):
        def product(vectors):
            estimate = self._share(batch, vectors) / share
            return estimate.T + self.penalty[:, None] * vectors

        return product

    def _share(self, batch, vectors):
        """Return a batch's share of H times the columns of ``vectors``, as rows."""
        rows = vectors.T.contiguous()

        def multiply(product):
            return torch.stack([product(vector) for vector in rows])

        return sum(self._batches.apply(multiply, batch))

    def random_block(self, random_state, n_vectors):
        columns = [
            self.from_numpy(random_state.standard_normal(self.n_parameters))
            for _ in range(n_vectors)
        ]
        return torch.linalg.qr(torch.stack(columns, dim=1)).Q

    @property
    def n_kept_vectors(self):
        n_bytes = self.n_parameters * self.parameters.element_size()
        return min(basis_bytes(self.parameters.device) // n_bytes, _MOST_KEPT)

    def new_block(self, n_vectors):
        return self.parameters.new_empty(n_vectors, self.n_parameters).T

    def orthonormalize(self, vectors):
        return torch.linalg.qr(vectors)

    def small_to_numpy(self, arrays):
        sizes = [len(array) for array in arrays]
        return np.split(to_numpy(torch.cat(arrays)), np.cumsum(sizes)[:-1])

    def precision(self):
        return torch.finfo(self.parameters.dtype).eps

    def to_numpy(self, vectors):
        return to_numpy(vectors)

    def from_numpy(self, vectors):
        return like(vectors, self.parameters)


class GaussNewtonCurvature(TorchCurvature):
    r""":math:`\sum_i v_i J_i^\top \nabla_z^2 \ell_i J_i + \nabla^2 R`.

    :math:`J_i` is the Jacobian of the margins. Positive semi-definite, and equal to the
    Hessian where the model is linear in its parameters or fits its labels exactly.
    """

    def _batch_product(self, batch):
        linear = self._linearize(batch)
        curvature = self.network.loss.curvature(self._margins(linear), batch.targets)
        return _GaussNewtonProduct(linear, curvature, self.weight[batch.rows, None])

    def keep_passes(self):
        if self._few_rows() is not None:
            with self.repeated_products():
                self._batches.fill()

    def preconditioner(self, damping):
        few = self._few_rows()
        if few is None or not are_most(few.by_rows().values(), self.network):
            return None
        layers = self.network.layers.told_apart(few)

        def batches():
            for batch in self._batches:
                for made in self._batches.apply(lambda made: made, batch):
                    by_rows = made.linear.by_rows()
                    yield made, {k: by_rows[k] for k in by_rows if k in layers}

        return sampled_inverse(batches, self.network, self.penalty + damping)

    def _few_rows(self):
        """Return the LayerJacobian of a few rows, None where layers have none."""
        self.network.load(self.parameters)
        few = self.rows.first_rows(PROBED_ROWS)
        linear = next(self.rows.attempt(self._linearize, few))
        return None if linear.n_bytes is None else linear

    def _jacobians_of(self, batches):
        products = batches.kept.items()
        return {ends: one.linear for ends, one in products if one.linear.n_bytes}

    def _linearize(self, batch):
        known = self.rows.jacobians.at(self.parameters)
        ends = batch.rows.start, batch.rows.stop
        if ends in known:
            return known[ends]
        up_to_constants = self.network.loss.ignores_constants
        return self.network.layers.linearize(batch, up_to_constants)

    def _bytes_kept(self, batch):
        made = []
        in_graph = saved_bytes(lambda rows: made.append(self._linearize(rows)), batch)
        held = made[0].n_bytes
        return in_graph if held is None else held

    def _margins(self, linear):
        """Return the margins at which the loss's curvature is taken."""
        return linear.margins.detach()


@dataclass(frozen=True, eq=False)
class _GaussNewtonProduct:
    """A batch's share of the matrix."""

    linear: Any
    curvature: Any
    weight: torch.Tensor

    def __call__(self, vector):
        moved = self.curvature(self.linear.push(vector))
        return self.linear.pull(self.weight * moved)

    def roots(self):
        """Return roots of the rows' own matrices, weighted.

        Returns
        -------
        Tensor of shape (n_samples, n_columns, n_columns)
            In the columns of margins that the Jacobian tells apart.
        """
        n_columns = self.linear.n_columns
        unit, columns = torch.zeros_like(self.linear.margins), []
        for column in unit.T[:n_columns]:
            column.fill_(1.0)
            columns.append(self.curvature(unit)[:, :n_columns])
            column.fill_(0.0)
        left = self.weight[:, :, None] * torch.stack(columns, 2)
        roots = torch.zeros_like(left)
        for k in range(n_columns):
            pivot = left[:, k, k].clamp_min(0.0).sqrt()
            safe = torch.where(pivot > 0, pivot, torch.inf)
            roots[:, :, k] = left[:, :, k] / safe[:, None]
            left = left - roots[:, :, k, None] * roots[:, None, :, k]
        return roots


class HessianCurvature(TorchCurvature):
    r""":math:`\sum_i v_i \nabla^2 \ell_i + \nabla^2 R`; indefinite in general."""

    def _batch_product(self, batch):
        network = self.network
        losses = network.loss.values(network.margins(batch), batch.targets)
        gradients = network.differentiable_gradient(self.weight[batch.rows] @ losses)
        return lambda vector: network.directional(gradients, vector)
