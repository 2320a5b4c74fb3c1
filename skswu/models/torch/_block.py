"""Consecutive rows of a data set, and what a network makes of them."""

from copy import copy
from functools import cached_property

import numpy as np
import torch

from ...rows._block import Block
from ._linearization import Linearization
from ._network import like, to_numpy


class TorchBlock(Block):
    """Consecutive rows, with what is known of them.

    Parameters
    ----------
    batch : Batch
        Their inputs, on the device.
    targets : Tensor of shape (n_rows,)
        Their labels as the loss takes them.
    table : dict of str to ndarray of shape (..., n_all_rows)
        What is noted of the rows of all blocks.
    n_all_rows : int
        Number of rows of all blocks.
    constants : KeptConstants or None, default=None
        Where outputs of layers that do not change are kept; None keeps none.
    """

    def __init__(self, batch, targets, table, n_all_rows, constants=None):
        super().__init__(None, batch.rows, table, n_all_rows)
        self.batch = batch
        self.targets = targets
        self.constants = constants

    def __len__(self):
        return self.n_rows

    @property
    def inputs(self):
        """What the module takes: a Tensor, or a dict or list of them."""
        return self.batch.inputs

    def part(self, start, stop):
        """Return the rows from ``start`` to ``stop``, counted from the block's own."""
        if stop - start == len(self):
            return self
        batch, targets = self.batch.part(start, stop), self.targets[start:stop]
        return TorchBlock(batch, targets, self._table, self._n_all_rows)

    def with_inputs(self, inputs):
        """Return the same rows with other inputs."""
        block = copy(self)
        block.batch, block.constants = type(self.batch)(self.rows, inputs), None
        return block


class NetworkBlock(TorchBlock):
    r"""Consecutive rows as a network at fixed parameters sees them.

    With the Jacobian J of the margins of all its rows in the parameters,
    :meth:`margins` returns :math:`J V` and :meth:`sums` returns :math:`J^\top U`, as a
    block of a linear model does; there the Jacobian is the rows themselves. What is of
    each row is numpy, with rows last, and vectors of parameters are tensors.

    One forward pass serves whatever is asked of a block.

    Parameters
    ----------
    block : TorchBlock
        The rows.
    network : Network
        At its parameters.
    jacobian : LayerJacobian or None, default=None
        Of the rows there, if it is known.
    """

    def __init__(self, block, network, jacobian=None):
        given = block.targets, block._table, block._n_all_rows, block.constants
        super().__init__(block.batch, *given)
        self.network = network
        self._jacobian = jacobian

    @cached_property
    def outputs(self):
        """The margins (n_rows, n_outputs), differentiable where gradients are on."""
        return self.network.margins(self)

    @property
    def z(self):
        """The margins (n_outputs, n_rows) in the network's precision, as numpy."""
        known = self._jacobian
        margins = self.outputs.detach() if known is None else known.margins
        return np.ascontiguousarray(margins.cpu().numpy().T)

    @cached_property
    def linear(self):
        """The margins as a linear function of changes of the parameters."""
        if self._jacobian is not None:
            return self._jacobian
        return Linearization(self.network, self.outputs)

    def margins(self, vectors):
        """Return the products of the Jacobian with vectors.

        Parameters
        ----------
        vectors : Tensor of shape (n_vectors, n_parameters)
            Changes of the parameters.

        Returns
        -------
        ndarray of shape (n_vectors, n_outputs, n_rows)
        """
        moved = torch.stack([self.linear.push(vector) for vector in vectors])
        return to_numpy(moved.transpose(1, 2))

    def sums(self, factors):
        """Return the sums of the Jacobian's rows times factors.

        Parameters
        ----------
        factors : ndarray of shape (..., n_outputs, n_rows)
            A factor a row and output.

        Returns
        -------
        Tensor of shape (..., n_parameters)
        """
        *shape, n_outputs, n_rows = factors.shape
        slopes = like(factors, self.network.tensors[0])
        slopes = slopes.reshape(-1, n_outputs, n_rows).transpose(1, 2)
        pulled = torch.stack([self._pull(slope) for slope in slopes])
        return pulled.reshape(*shape, -1)

    def _pull(self, slope):
        if self._jacobian is not None:
            return self._jacobian.pull(slope)
        slope = slope.to(self.outputs.dtype)
        return self.network.pull_back(self.outputs, slope, keep=True)
