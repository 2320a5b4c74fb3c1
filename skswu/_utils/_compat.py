"""Private names of scikit-learn, imported nowhere else.

Where they move or vanish in another version, this is the file to change.
"""

import sys
from contextlib import nullcontext
from inspect import signature

from sklearn import config_context
from sklearn.metrics import make_scorer
from sklearn.metrics._scorer import _CurveScorer
from sklearn.utils import _safe_indexing as rows_at
from sklearn.utils._array_api import _max_precision_float_dtype as widest_float
from sklearn.utils._array_api import device as array_device
from sklearn.utils._array_api import get_namespace as array_namespace
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
from sklearn.utils.validation import _check_method_params as check_method_params
from sklearn.utils.validation import _check_sample_weight as check_sample_weight
from sklearn.utils.validation import _num_samples as count_rows

try:
    from sklearn.callback._callback_support import (
        callback_management_context as managed_callbacks,
    )
except ImportError:  # scikit-learn before 1.9 has no callbacks to manage
    managed_callbacks = nullcontext

try:
    from sklearn.utils._array_api import check_same_namespace
    from sklearn.utils._array_api import move_to as move_arrays
except ImportError:  # scikit-learn before 1.9
    from sklearn.utils._array_api import _convert_to_numpy

    def check_same_namespace(X, estimator, *, attribute, method):
        """Let the estimator say that X is of another library than it was fitted on."""

    def move_arrays(array, xp, device):
        """Return an array as numpy."""
        return _convert_to_numpy(array, array_namespace(array)[0])


__all__ = [
    "HasMethods",
    "Interval",
    "StrOptions",
    "array_device",
    "array_namespace",
    "check_method_params",
    "check_same_namespace",
    "check_sample_weight",
    "count_rows",
    "managed_callbacks",
    "move_arrays",
    "request_sample_weight",
    "rows_at",
    "rows_of_curve_scorer",
    "score_of_predicted_labels",
    "scorer_of_label",
    "tuned_pos_label",
    "widest_float",
]


def scorer_of_label(scorer, pos_label):
    """Return a named scorer of scikit-learn with another positive label.

    One that has no positive label, as an average over all labels, stays as it is.
    """
    function, options = scorer._score_func, scorer._kwargs
    has_label = "pos_label" in signature(function).parameters
    if not has_label or options.get("average", "binary") != "binary":
        return scorer
    return make_scorer(
        function,
        response_method=scorer._response_method,
        greater_is_better=scorer._sign > 0,
        **{**options, "pos_label": pos_label},
    )


def score_of_predicted_labels(scorer, y, predictions, **weights):
    """Return what a scorer makes of predicted labels, or None if it needs more."""
    if getattr(scorer, "_response_method", None) != "predict":
        return None
    options = {**scorer._kwargs, **weights}
    return scorer._sign * scorer._score_func(y, predictions, **options)


def rows_of_curve_scorer():
    """Return the X that is scored at decision thresholds, None outside of that.

    scikit-learn's scorer of thresholds shows a score function the labels alone; the
    rows are at hand one call before, and no public way leads to them.
    """
    frame = sys._getframe(1)
    while frame is not None and frame.f_code is not _CurveScorer._score.__code__:
        frame = frame.f_back
    return None if frame is None else frame.f_locals["X"]


def tuned_pos_label(classifier):
    """Return the label whose threshold was tuned; None is the second of two.

    Parameters
    ----------
    classifier : TunedThresholdClassifierCV
        Fitted.
    """
    return classifier._curve_scorer._get_pos_label()


def request_sample_weight(scorer):
    """Have a scorer of scikit-learn request the sample weights, if it takes them."""
    accepts = getattr(scorer, "_accept_sample_weight", None)  # from version 1.7 on
    if accepts is None:
        takes = "sample_weight" in signature(scorer._score_func).parameters
    else:
        takes = accepts()
    if takes:
        with config_context(enable_metadata_routing=True):
            scorer.set_score_request(sample_weight=True)
    return scorer
