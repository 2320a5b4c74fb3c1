"""Objectives: what a correction repairs, as functions of a model's scores."""

from ._adversarial_robustness import AdversarialRobustness
from ._base import BaseObjective, BoundMetrics, LossMetrics, ScoreMetrics
from ._calibration_in_the_large import CalibrationInTheLarge
from ._error_rate_parity import ErrorRateParity
from ._group_gap_metrics import CellMeanMetrics, GroupGapMetrics
from ._group_gap_objective import GroupGapObjective
from ._group_gaps import (
    DemographicParity,
    EqualizedOdds,
    EqualOpportunity,
    FalsePositiveRateParity,
)
from ._group_limits import BoundedGroupLoss, MinimumGroupRate
from ._loss_parity import LossParity
from ._rate_disparity import GroupRates, MeasuredDisparity, RateDisparity
from ._registry import OBJECTIVES, register_objective
from ._target_utility import TargetUtility

__all__ = [
    "OBJECTIVES",
    "AdversarialRobustness",
    "BaseObjective",
    "BoundMetrics",
    "BoundedGroupLoss",
    "CalibrationInTheLarge",
    "CellMeanMetrics",
    "DemographicParity",
    "EqualOpportunity",
    "EqualizedOdds",
    "ErrorRateParity",
    "FalsePositiveRateParity",
    "GroupGapMetrics",
    "GroupGapObjective",
    "GroupRates",
    "LossMetrics",
    "LossParity",
    "MeasuredDisparity",
    "MinimumGroupRate",
    "RateDisparity",
    "ScoreMetrics",
    "TargetUtility",
    "register_objective",
]
