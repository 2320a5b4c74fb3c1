"""What a skorch net recorded of its training."""

from math import log

from ..._utils._warnings import warn
from ...exceptions import TrainingDataWarning

# A net may lose more on its own rows than it recorded while it was still trained on
# them, by this share of that loss or of the loss of one that knows nothing: batch
# normalisation counts by its running statistics, and a last step may be too long. See
# docs/benchmarks_training_data.md.
_RISE = 0.5


def check_recorded_loss(net, loss, n_classes):
    """Warn if rows have a far larger training loss than a net recorded of its own.

    Parameters
    ----------
    net : skorch net
        Fitted; without a record, there is nothing to say.
    loss : float
        The mean training loss of the rows.
    n_classes : int
        Number of classes.
    """
    recorded = _recorded_loss(getattr(net, "history_", None) or [])
    if recorded is None or not loss - recorded > _RISE * max(recorded, log(n_classes)):
        return
    warn(
        f"The net is not trained on these rows: their mean training loss is "
        f"{loss:.3g}, and the net recorded {recorded:.3g} at the end of its training. "
        "Likely causes: the sample_weight of the fit was not passed; X or y is in "
        "another order; these are other rows.",
        TrainingDataWarning,
    )


def _recorded_loss(history):
    """Return the largest training loss since the net was best on its validation rows.

    That is where callbacks may have brought it back to. None if nothing was recorded.
    """
    losses = []
    for epoch in history:
        if epoch.get("valid_loss_best"):
            losses = []
        losses.append(epoch.get("train_loss"))
    losses = [loss for loss in losses if loss is not None]
    return max(losses, default=None)
