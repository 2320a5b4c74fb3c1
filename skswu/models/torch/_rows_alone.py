"""Whether the scores of a row are a function of the row alone."""

import torch

from ..._utils._warnings import warn

# Rows that are scored, and the share of them that is scored once more by itself.
_SCORED_ROWS = 64
_SHARE = 8
# Of the largest score: what differs by less between equal batches is rounding, and
# between batches of two sizes, whose kernels may differ, in half precision, too.
_AGAIN = 1e-3
_IN_PARTS = 0.02


def check_rows_alone(network, rows):
    """Warn where scores change from call to call, or with the other rows of a batch.

    Parameters
    ----------
    network : Network
        At the parameters that it was fitted with.
    rows : TorchRows
        Of which the first few are scored.
    """
    again, in_parts = rows.of_first_rows(
        lambda block: _differences(network, block), _SCORED_ROWS
    )
    if again > _AGAIN:
        _warn(network, "each time that it is called", again)
    elif in_parts > _IN_PARTS:
        _warn(network, "beside other rows of a batch", in_parts)


def _differences(network, block):
    """Return how far scores are from those of a second call, and of a few rows."""
    scores = network.score(block)
    size = max(float(scores.abs().max()), torch.finfo(scores.dtype).tiny)
    again = float((network.score(block) - scores).abs().max()) / size
    n_few = len(block) // _SHARE
    if n_few < 2:  # a batch of one row is refused by some that normalise
        return again, 0.0
    few = network.score(block.part(0, n_few))
    return again, float((few - scores[:n_few]).abs().max()) / size


def _warn(network, when, difference):
    warn(
        f"The module {type(network.net.module_).__name__} gives a row other scores "
        f"{when}, by up to {difference:.1%} of the largest: what is measured and "
        "corrected here is not what it will predict. In evaluation mode (training is "
        "False) a row's scores must depend on the row alone."
    )
