"""Soft-weighted machine unlearning for scikit-learn classifiers."""

from .estimators._unlearning_classifier import UnlearningClassifier
from .estimators._unlearning_classifier_cv import UnlearningClassifierCV
from .models import register_model_view
from .objectives import register_objective
from .updates import register_update
from .weighting import register_weighting

__version__ = "0.1.0"

__all__ = [
    "UnlearningClassifier",
    "UnlearningClassifierCV",
    "__version__",
    "register_model_view",
    "register_objective",
    "register_update",
    "register_weighting",
]
