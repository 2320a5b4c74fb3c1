"""Weightings: choose the change of the sample weights from linearised metrics."""

from ._base import BaseWeighting, LinearizedMetrics, Weights
from ._hard import HardWeighting
from ._registry import WEIGHTINGS, register_weighting
from ._soft import SoftWeighting

__all__ = [
    "WEIGHTINGS",
    "BaseWeighting",
    "HardWeighting",
    "LinearizedMetrics",
    "SoftWeighting",
    "Weights",
    "register_weighting",
]
