"""The parity metrics: which there are, which way they point, what they need."""

from __future__ import annotations

import fairlearn.metrics
from fairlearn.metrics import make_derived_metric, mean_prediction
from sklearn.metrics import accuracy_score

from ..objectives import (
    DemographicParity,
    EqualizedOdds,
    EqualOpportunity,
    ErrorRateParity,
    FalsePositiveRateParity,
)
from ..objectives._comparisons import BetweenGroups, RatioBetweenGroups
from ._measured_rows import (
    CalibrationMetric,
    ErrorParityMetric,
    LossParityMetric,
    ParityMetric,
    largest_group_mean,
)

# these compare labels with predictions and give no class a special role
_WITHOUT_POSITIVE_LABEL = ("accuracy_score_", "zero_one_loss_")
_WITH_AGG = ("equalized_odds_",)

_MEAN_DIFFERENCE = make_derived_metric(metric=mean_prediction, transform="difference")
_MEAN_RATIO = make_derived_metric(metric=mean_prediction, transform="ratio")
# those of the objectives that fairlearn has by no name, or by another one
_OWN = {
    "false_positive_rate_parity_difference": ParityMetric(
        fairlearn.metrics.false_positive_rate_difference, False
    ),
    "false_positive_rate_parity_ratio": ParityMetric(
        fairlearn.metrics.false_positive_rate_ratio, True
    ),
    "error_rate_parity_difference": ErrorParityMetric(_MEAN_DIFFERENCE, False),
    "error_rate_parity_ratio": ErrorParityMetric(_MEAN_RATIO, True),
    "loss_parity_difference": LossParityMetric(_MEAN_DIFFERENCE, False),
    "loss_parity_ratio": LossParityMetric(_MEAN_RATIO, True),
    "calibration_in_the_large_difference": CalibrationMetric(largest_group_mean, False),
}
# what is asked of each group by itself: the group that is farthest behind
_MINIMA = {
    "minimum_group_rate": fairlearn.metrics.selection_rate,
    "minimum_true_positive_rate": fairlearn.metrics.true_positive_rate,
    "minimum_true_negative_rate": fairlearn.metrics.true_negative_rate,
    "minimum_accuracy": accuracy_score,
}
_OWN |= {
    name: ParityMetric(
        make_derived_metric(metric=rate, transform="group_min"),
        True,
        rate is not accuracy_score,
    )
    for name, rate in _MINIMA.items()
}
_OWN["bounded_group_loss"] = LossParityMetric(largest_group_mean, False)
_WITHOUT_METHOD = ("calibration_in_the_large_", "bounded_group_loss", "minimum_")

# counts of rows tell these in a thousandth of the time that data frames take
_COUNTED_OBJECTIVES = {
    "demographic_parity": lambda label: DemographicParity(pos_label=label),
    "equal_opportunity": lambda label: EqualOpportunity(pos_label=label),
    "equalized_odds": lambda label: EqualizedOdds(pos_label=label),
    "false_positive_rate_parity": lambda label: FalsePositiveRateParity(
        pos_label=label
    ),
    "error_rate_parity": lambda label: ErrorRateParity(),
}
# by the names that fairlearn has for the same rates
_COUNTED_OBJECTIVES |= {
    "selection_rate": _COUNTED_OBJECTIVES["demographic_parity"],
    "true_positive_rate": _COUNTED_OBJECTIVES["equal_opportunity"],
    "false_positive_rate": _COUNTED_OBJECTIVES["false_positive_rate_parity"],
    "zero_one_loss": _COUNTED_OBJECTIVES["error_rate_parity"],
}
_COUNTED = {
    f"{name}_{ending}": (of_label, comparison)
    for name, of_label in _COUNTED_OBJECTIVES.items()
    for ending, comparison in (
        ("difference", BetweenGroups()),
        ("ratio", RatioBetweenGroups()),
    )
}


def parity_metric_names():
    """Names of the differences and ratios that are known, sorted."""
    return sorted([*_exported_names(), *_OWN])


def _exported_names():
    """Names of the differences and ratios that fairlearn exports."""
    return [
        name
        for name in fairlearn.metrics.__all__
        if name.endswith(("_difference", "_ratio"))
    ]


def name_of_exported(metric):
    """The name of a metric function that fairlearn exports, or `metric` itself."""
    name = getattr(metric, "__name__", None)
    exported = name in _exported_names()
    is_same = exported and getattr(fairlearn.metrics, name) is metric
    return name if is_same else metric


def counted_disparity(metric, pos_label, classes):
    """A metric's disparity as a function of counts of rows, or None.

    Parameters
    ----------
    metric : str or callable
        A name, or a function that fairlearn exports.
    pos_label : label or None
        The favourable label; None is the greater of two classes.
    classes : ndarray of shape (n_classes,)
        The labels.

    Returns
    -------
    RateDisparity or None
        None if counts do not tell the metric, or no way is known in which they do.
    """
    metric = name_of_exported(metric)
    if metric not in _COUNTED:
        return None
    of_label, comparison = _COUNTED[metric]
    return of_label(pos_label).thresholded(classes, comparison)


def is_ratio(metric):
    """Whether a metric, by name or as a function, is a ratio by its name."""
    return _direction(getattr(metric, "__name__", str(metric))) is True


def find_parity_metric(metric, greater_is_better=None, agg=None, method=None):
    """Look up a metric by name, or take a callable whose direction is known.

    Raises
    ------
    ValueError
        For an unknown name, a direction that contradicts the name or cannot be
        known, or an `agg` or `method` that the metric does not take.
    TypeError
        If `metric` is neither a name nor a callable.
    """
    if isinstance(metric, str):
        return _find_by_name(metric, greater_is_better, agg, method)
    if not callable(metric):
        raise TypeError(
            "metric must be a fairlearn metric function or its name; got "
            f"{metric!r} of type {type(metric).__name__}."
        )
    if greater_is_better is None:
        greater_is_better = _direction(getattr(metric, "__name__", ""))
    if greater_is_better is None:
        raise ValueError(
            f"metric={metric!r} is named neither ..._difference nor ..._ratio; say "
            "with greater_is_better whether a greater value is fairer."
        )
    return ParityMetric(metric, bool(greater_is_better))


def _find_by_name(name, greater_is_better, agg, method):
    names = parity_metric_names()
    if name not in names:
        raise ValueError(
            f"metric={name!r} is not the name of a parity metric; the names "
            f"are {', '.join(names)}."
        )
    known = _OWN[name].greater_is_better if name in _OWN else _direction(name)
    if greater_is_better not in (None, known):
        raise ValueError(
            f"greater_is_better={greater_is_better!r} contradicts metric={name!r}; "
            "leave it out for a metric given by name."
        )
    if agg is not None and not name.startswith(_WITH_AGG):
        raise ValueError(
            f"agg={agg!r} is for the equalized odds metrics only; metric={name!r} "
            "does not take it."
        )
    if method is not None and name.startswith(_WITHOUT_METHOD):
        raise ValueError(
            f"method={method!r} is for metrics that compare groups; metric={name!r} "
            "looks at each by itself."
        )
    if name in _OWN:
        return _OWN[name]
    return ParityMetric(
        getattr(fairlearn.metrics, name),
        _direction(name),
        not name.startswith(_WITHOUT_POSITIVE_LABEL),
    )


def _direction(name):
    """Whether greater is fairer, by fairlearn's naming; None if the name tells not."""
    if name.endswith("_ratio"):
        return True
    return False if name.endswith("_difference") else None
