"""What a skorch net recorded of its training."""

from math import log

import numpy as np

from ..._utils._warnings import warn
from ...exceptions import TrainingDataWarning

# See docs/benchmarks_training_data.md. A net may lose more on its own rows than it
# recorded while it was still trained on them, by this share of that loss or of the loss
# of one that knows nothing: its last steps may have been too long.
_RISE = 0.5
# A net that recorded more than this many times the latter has diverged, and what it
# recorded says nothing of what it ended with.
_KNOWS_NOTHING = 1.2
# The epochs that tell by how much the loss jumps from one to the next.
_LAST = 5


def check_recorded_loss(net, losses, n_classes):
    """Warn if rows have a far larger training loss than a net recorded of its own.

    Parameters
    ----------
    net : skorch net
        Fitted; without a record, there is nothing to say.
    losses : iterator of float
        Mean training losses of the rows, as each way to evaluate the net gives them;
        a way is asked only if those before it were too large.
    n_classes : int
        Number of classes.
    """
    history = getattr(net, "history_", None) or []
    recorded, of_nothing = _recorded_loss(history), log(n_classes)
    if recorded is None or not recorded <= _KNOWS_NOTHING * of_nothing:
        return
    limit = recorded + _RISE * max(recorded, of_nothing) + _largest_jump(history)
    least = np.inf
    for loss in losses:
        least = min(least, loss)
        if not least > limit:
            return
    warn(
        f"The net is not trained on these rows: their mean training loss is "
        f"{least:.3g}, and the net recorded {recorded:.3g} in the last or the best "
        "epoch of its training. Likely causes: the sample_weight of the fit was not "
        "passed; X or y is in another order; these are other rows.",
        TrainingDataWarning,
    )


def _recorded_loss(history):
    """Return the training loss that a net ended with, None if it is not known.

    That of the last epoch, or the larger one of the last in which a score was the best:
    callbacks may have brought the net back to it.
    """
    latest = {}
    for epoch in history:
        loss = epoch.get("train_loss")
        bests = [name for name in epoch if name.endswith("_best") and epoch[name]]
        latest.update(dict.fromkeys([*bests, "last"], loss))
    losses = [loss for loss in latest.values() if loss is not None]
    return max(losses, default=None)


def _largest_jump(history):
    """Return by how much the training loss rose at most between the last epochs."""
    losses = [epoch.get("train_loss") for epoch in history[-_LAST - 1 :]]
    known = [loss for loss in losses if loss is not None]
    return np.diff(known).max(initial=0.0)
