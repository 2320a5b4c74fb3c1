"""Sums of squared per-sample gradients of a network, which are never held."""

import numpy as np
import torch
from sklearn.utils import check_random_state

from ._network import like


def squared_gradients(view, rows, parameters, weights, *, batch_size, random_state):
    r"""Return :math:`\sum_i v_{ki} (\nabla \ell_i)^2`, entry by entry.

    With random signs s, the square of :math:`\sum_i s_i \sqrt{v_i} \nabla \ell_i` over
    a few rows has the sum of their squares as its mean; a single row needs no sign.

    Parameters
    ----------
    view : TorchModelView
        The network.
    rows : TorchRows
        Training rows.
    parameters : Tensor of shape (n_parameters,)
        Where.
    weights : ndarray of shape (n_weights, n_samples)
        The :math:`v_k \ge 0`.
    batch_size : int
        Rows that are squared together; 1 is exact.
    random_state : int, RandomState instance or None
        Draws the signs.

    Returns
    -------
    Tensor of shape (n_weights, n_parameters)
    """
    signs = check_random_state(random_state).choice([-1.0, 1.0], len(rows))
    factors = like(signs * np.sqrt(weights), parameters)
    network = view.network

    def squared(part):
        losses = network.loss.values(network.margins(part), part.targets)
        pulled = [
            network.pull_back(losses, factor[part.rows], keep=True)
            for factor in factors
        ]
        return torch.stack(pulled) ** 2

    def of_batch(batch):
        starts = range(0, len(batch), batch_size)
        return (
            sum(
                squared(batch.part(start, min(start + batch_size, len(batch))))
                for start in starts
            ),
        )

    network.load(parameters)
    ((total,),) = rows.reduce(of_batch)
    return total
