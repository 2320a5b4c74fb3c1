"""Model views: a fitted classifier as parameters, losses and curvature."""

from sklearn.linear_model import (
    LogisticRegression,
    LogisticRegressionCV,
    RidgeClassifier,
    RidgeClassifierCV,
    SGDClassifier,
)
from sklearn.svm import LinearSVC

from ..linear import MarginLoss
from ._attack import Attack
from ._base import ModelView
from ._linear import LinearModelView
from ._linear_classifiers import (
    LinearSVCView,
    LogisticRegressionView,
    RidgeClassifierView,
    SGDClassifierView,
)
from ._linear_view import LinearRows, LinearView
from ._measured_classifier import MeasuredClassifier
from ._needs import check_needs
from ._view import (
    has_model_view,
    make_measured_view,
    make_model_view,
    register_model_view,
)
from ._wrapped_classifier import WrappedClassifier

register_model_view(LogisticRegression, LogisticRegressionView)
register_model_view(LogisticRegressionCV, LogisticRegressionView)
register_model_view(RidgeClassifier, RidgeClassifierView)
register_model_view(RidgeClassifierCV, RidgeClassifierView)
register_model_view(LinearSVC, LinearSVCView)
register_model_view(SGDClassifier, SGDClassifierView)
for _net in ("NeuralNetClassifier", "NeuralNetBinaryClassifier"):
    register_model_view(
        f"skorch.classifier.{_net}", "skswu.models.torch._view:TorchModelView"
    )

__all__ = [
    "Attack",
    "LinearModelView",
    "LinearRows",
    "LinearSVCView",
    "LinearView",
    "LogisticRegressionView",
    "MarginLoss",
    "MeasuredClassifier",
    "ModelView",
    "RidgeClassifierView",
    "SGDClassifierView",
    "WrappedClassifier",
    "check_needs",
    "has_model_view",
    "make_measured_view",
    "make_model_view",
    "register_model_view",
]
