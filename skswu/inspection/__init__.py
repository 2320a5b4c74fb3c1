"""Look into a correction: influences, actual retraining, weights and plots."""

from ._correction_report import CorrectionReport
from ._influence_display import InfluenceDisplay
from ._influence_values import influence_values
from ._leave_one_out import leave_one_out
from ._leave_one_out_display import LeaveOneOutDisplay
from ._tradeoff_display import TradeoffDisplay
from ._weights_display import WeightsDisplay
from ._weights_summary import WeightsSummary, weights_summary

__all__ = [
    "CorrectionReport",
    "InfluenceDisplay",
    "LeaveOneOutDisplay",
    "TradeoffDisplay",
    "WeightsDisplay",
    "WeightsSummary",
    "influence_values",
    "leave_one_out",
    "weights_summary",
]
