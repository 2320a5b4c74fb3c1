"""Weightings: choose the change of the sample weights from linearised metrics."""

from ._base import BaseWeighting, LinearizedMetrics, Weights
from ._changes import Changes
from ._hard import HardWeighting
from ._linearized import Linearized
from ._registry import WEIGHTINGS, register_weighting
from ._soft import SoftWeighting

__all__ = [
    "WEIGHTINGS",
    "BaseWeighting",
    "Changes",
    "HardWeighting",
    "Linearized",
    "LinearizedMetrics",
    "SoftWeighting",
    "Weights",
    "register_weighting",
]
