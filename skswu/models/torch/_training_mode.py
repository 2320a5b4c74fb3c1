"""Losses of rows as a net sees them while it is trained."""

import numpy as np
import torch

from ..._utils._compat_torch import modules_of
from ._device_random import own_random_numbers
from ._network import to_numpy


def training_mode_losses(network, rows, loss):
    """Return losses with dropout on and batch normalisation by the batches themselves.

    Parameters
    ----------
    network : Network
        The network, which stays as it is.
    rows : TorchRows
        The rows.
    loss : RowLoss
        Of its margins.

    Returns
    -------
    positions : ndarray of int of shape (n_measured,)
        Which rows: not one that is a batch by itself, which has no statistics.
    losses : ndarray of shape (n_measured,)
        Theirs.
    """
    copied = network.copy()
    for module in modules_of(copied.net).values():
        module.train()

    def measure(batch):
        positions = np.arange(rows.n_rows)[batch.rows]
        if len(batch) == 1:
            return positions[:0], np.empty(0)
        z = to_numpy(copied.loss.margins(copied.net.infer(batch.inputs))).T
        return positions, loss.values(rows.codes[batch.rows], z)

    device = torch.device(copied.net.device or "cpu")
    with own_random_numbers(device, 0, []), torch.no_grad():
        pieces = [
            piece
            for batch in rows.batches
            for piece in rows.batches.attempt(measure, batch)
        ]
    return tuple(np.concatenate(part) for part in zip(*pieces, strict=True))
