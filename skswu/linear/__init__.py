"""Linear classifiers as mathematics on arrays: no estimator is known here."""

from ._curvature import LinearCurvature
from ._losses import (
    LinearLoss,
    LogisticLoss,
    MarginLoss,
    ModifiedHuberLoss,
    MultinomialLoss,
    SoftTargetLoss,
    SquaredHingeLoss,
    SquaredLoss,
)
from ._model import LinearModel
from ._objective import Additions, Start, TrainingObjective

__all__ = [
    "Additions",
    "LinearCurvature",
    "LinearLoss",
    "LinearModel",
    "LogisticLoss",
    "MarginLoss",
    "ModifiedHuberLoss",
    "MultinomialLoss",
    "SoftTargetLoss",
    "SquaredHingeLoss",
    "SquaredLoss",
    "Start",
    "TrainingObjective",
]
