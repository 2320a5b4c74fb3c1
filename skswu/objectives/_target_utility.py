"""The loss on evaluation rows as the thing to repair."""

from numbers import Real

from .._utils._compat import Interval
from ._base import BaseObjective, LossMetrics


class TargetUtility(BaseObjective):
    r"""The mean loss on the evaluation rows, less a target.

    :math:`M = \bar\ell - \mathrm{target}`, a limit: a lower loss is as good.
    With evaluation rows that are cleaner than the training rows, or from where the
    model is to be used, the samples that harm it there get lower weights. A
    weighting's ``strength`` is the share of the excess loss to remove: take it well
    below 1 unless ``target`` is a loss that can be reached.

    Parameters
    ----------
    target : float, default=0.0
        The mean loss that counts as repaired, at least 0.

    References
    ----------
    Koh and Liang, "Understanding Black-box Predictions via Influence Functions", 2017,
    section 5.4 (mislabelled training samples).

    Examples
    --------
    >>> from skswu.objectives import TargetUtility
    >>> TargetUtility(target=0.3)
    TargetUtility(target=0.3)
    """

    _parameter_constraints = {"target": [Interval(Real, 0, None, closed="left")]}

    def __init__(self, *, target=0.0):
        self.target = target

    def bind(self, codes, classes, groups, weight):
        self._validate_params()
        return LossMetrics("target_utility", weight, self.target)
