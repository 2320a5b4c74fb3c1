"""The parity metrics: which there are, which way they point, what they need."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import fairlearn.metrics

# these compare labels with predictions and give no class a special role
_WITHOUT_POSITIVE_LABEL = ("accuracy_score_", "zero_one_loss_")
_WITH_AGG = ("equalized_odds_",)


@dataclass(frozen=True)
class ParityMetric:
    """A disparity (smaller is fairer) or a ratio (larger is fairer) between groups."""

    function: Callable
    greater_is_better: bool
    needs_positive_label: bool = True

    def score(self, value: float) -> float:
        """The value with scikit-learn's sign: greater is better."""
        return value if self.greater_is_better else -value

    def disparity(self, value: float) -> float:
        """The distance from parity, at least 0."""
        return 1.0 - value if self.greater_is_better else value


def parity_metric_names() -> list[str]:
    """Names of the differences and ratios that fairlearn exports, sorted."""
    return sorted(
        name
        for name in fairlearn.metrics.__all__
        if name.endswith(("_difference", "_ratio"))
    )


def name_of_exported(metric):
    """The name of a metric function that fairlearn exports, or `metric` itself."""
    name = getattr(metric, "__name__", None)
    exported = name in parity_metric_names()
    is_same = exported and getattr(fairlearn.metrics, name) is metric
    return name if is_same else metric


def find_parity_metric(metric, greater_is_better=None, agg=None) -> ParityMetric:
    """Look up a metric by name, or take a callable whose direction is known.

    Raises
    ------
    ValueError
        For an unknown name, a direction that contradicts the name or cannot be
        known, or an `agg` that the metric does not take.
    TypeError
        If `metric` is neither a name nor a callable.
    """
    if isinstance(metric, str):
        return _find_by_name(metric, greater_is_better, agg)
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


def _find_by_name(name, greater_is_better, agg) -> ParityMetric:
    names = parity_metric_names()
    if name not in names:
        raise ValueError(
            f"metric={name!r} is not the name of a parity metric of fairlearn; the "
            f"names are {', '.join(names)}."
        )
    if greater_is_better not in (None, _direction(name)):
        raise ValueError(
            f"greater_is_better={greater_is_better!r} contradicts metric={name!r}; "
            "leave it out for a metric given by name."
        )
    if agg is not None and not name.startswith(_WITH_AGG):
        raise ValueError(
            f"agg={agg!r} is for the equalized odds metrics only; metric={name!r} "
            "does not take it."
        )
    return ParityMetric(
        getattr(fairlearn.metrics, name),
        _direction(name),
        not name.startswith(_WITHOUT_POSITIVE_LABEL),
    )


def _direction(name: str) -> bool | None:
    """Whether greater is fairer, by fairlearn's naming; None if the name tells not."""
    if name.endswith("_ratio"):
        return True
    return False if name.endswith("_difference") else None
