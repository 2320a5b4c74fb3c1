"""Objectives: what a correction repairs, as functions of a model's scores."""

from ._adversarial_robustness import AdversarialRobustness
from ._base import BaseObjective, BoundMetrics, LossMetrics, ScoreMetrics
from ._group_gaps import DemographicParity, EqualizedOdds, EqualOpportunity
from ._registry import OBJECTIVES, register_objective
from ._target_utility import TargetUtility

__all__ = [
    "OBJECTIVES",
    "AdversarialRobustness",
    "BaseObjective",
    "BoundMetrics",
    "DemographicParity",
    "EqualOpportunity",
    "EqualizedOdds",
    "LossMetrics",
    "ScoreMetrics",
    "TargetUtility",
    "register_objective",
]
