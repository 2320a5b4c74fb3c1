"""Objectives by name."""

from .._utils._registry import Registry
from ._adversarial_robustness import AdversarialRobustness
from ._base import BaseObjective
from ._calibration_in_the_large import CalibrationInTheLarge
from ._error_rate_parity import ErrorRateParity
from ._group_gaps import (
    DemographicParity,
    EqualizedOdds,
    EqualOpportunity,
    FalsePositiveRateParity,
)
from ._group_limits import BoundedGroupLoss, MinimumGroupRate
from ._loss_parity import LossParity
from ._target_utility import TargetUtility

OBJECTIVES = Registry("objective", BaseObjective)
OBJECTIVES.register("demographic_parity", DemographicParity)
OBJECTIVES.register("equal_opportunity", EqualOpportunity)
OBJECTIVES.register("equalized_odds", EqualizedOdds)
OBJECTIVES.register("false_positive_rate_parity", FalsePositiveRateParity)
OBJECTIVES.register("error_rate_parity", ErrorRateParity)
OBJECTIVES.register("loss_parity", LossParity)
OBJECTIVES.register("calibration_in_the_large", CalibrationInTheLarge)
OBJECTIVES.register("bounded_group_loss", BoundedGroupLoss)
OBJECTIVES.register("minimum_group_rate", MinimumGroupRate)
OBJECTIVES.register("adversarial_robustness", AdversarialRobustness)
OBJECTIVES.register("target_utility", TargetUtility)


def register_objective(name, objective):
    """Make an objective known by name.

    Parameters
    ----------
    name : str
        What users may give as ``objective``.
    objective : type
        Subclass of :class:`skswu.objectives.BaseObjective` that can be constructed
        without arguments.

    Examples
    --------
    >>> from skswu import register_objective
    >>> from skswu.objectives import DemographicParity
    >>> class SharpParity(DemographicParity):
    ...     def __init__(self, *, temperature=0.1, pos_label=None):
    ...         super().__init__(temperature=temperature, pos_label=pos_label)
    >>> register_objective("sharp_parity", SharpParity)
    """
    OBJECTIVES.register(name, objective)
