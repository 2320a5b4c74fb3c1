"""Group fairness metrics of fairlearn as scikit-learn scorers."""

from ._fairness_scorer import get_scorer, get_scorer_names, make_fairness_scorer
from ._robustness_scorer import make_robustness_scorer

__all__ = [
    "get_scorer",
    "get_scorer_names",
    "make_fairness_scorer",
    "make_robustness_scorer",
]
