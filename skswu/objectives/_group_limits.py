"""Limits that each group is to keep, whatever the others do."""

from abc import abstractmethod
from functools import partial
from numbers import Real

import numpy as np

from .._utils._compat import Interval, StrOptions
from ._base import BaseObjective, ScoreMetrics
from ._comparisons import EachGroup, EachGroupLessOverall
from ._error_rate_parity import ErrorRateParity
from ._group_gaps import DemographicParity, EqualOpportunity, FalsePositiveRateParity
from ._loss_parity import LossParity
from ._rate_disparity import RateDisparity

# What rows count for each rate, and whether that is to be low, as errors are.
_RATES = {
    "selection_rate": (DemographicParity, False),
    "true_positive_rate": (EqualOpportunity, False),
    "true_negative_rate": (FalsePositiveRateParity, True),
    "accuracy": (ErrorRateParity, True),
}


class LimitMetrics(ScoreMetrics):
    """By how much metrics exceed a limit, or fall short of one.

    Parameters
    ----------
    metrics : ScoreMetrics
        What is limited.
    limit : float
        The limit.
    sign : {-1.0, 1.0}
        1 where the limit is not to be exceeded, -1 where it is to be reached.
    """

    one_sided = True

    def __init__(self, metrics, limit, sign):
        self.names = metrics.names
        self.cell_sizes = metrics.cell_sizes
        self.metrics = metrics
        self.limit = limit
        self.sign = sign

    def values(self, scores):
        return self.sign * (self.metrics.values(scores) - self.limit)

    def standard_errors(self, view, rows, parameters):
        return self.metrics.standard_errors(view, rows, parameters)

    def gradient(self, scores):
        gradient = self.metrics.gradient(scores)
        return lambda rows: self.sign * gradient(rows)


class GroupLimitObjective(BaseObjective):
    """A limit on what the rows of each group count; subclasses say what they count.

    Attributes
    ----------
    name : str
        Of the metric, in front of the groups in ``objective_names_``.
    sign : {-1.0, 1.0}
        1 where the limit is not to be exceeded, -1 where it is to be reached.
    limit : float or None
        The limit; None is the mean of all evaluation rows, of the model at hand.
    """

    needs_sensitive_features = True
    sign = 1.0

    @abstractmethod
    def make_counted(self):
        """Return a new GroupGapObjective that says what rows count."""

    def bind(self, codes, classes, groups, weight):
        self._validate_params()
        counted = self.make_counted()
        counted.name = self.name
        counted.comparison = (
            EachGroupLessOverall() if self.limit is None else EachGroup()
        )
        metrics = counted.bind(codes, classes, groups, weight)
        return LimitMetrics(metrics, self.limit or 0.0, self.sign)

    def thresholded(self, classes):
        self._validate_params()
        counted = self.make_counted()
        rates = partial(counted.rates, positive=counted.find_positive(classes))
        return RateDisparity(partial(self._excesses, rates), _largest)

    def _excesses(self, rates, counts):
        """Return by how much the rates of the groups break the limit."""
        limits = [self.limit] if self.limit is not None else _overall(rates, counts)
        return [
            self.sign * (rate - limit)
            for rate, limit in zip(rates(counts), limits, strict=True)
        ]


class BoundedGroupLoss(GroupLimitObjective):
    r"""A mean log loss of at most a bound, in every group.

    One metric a group, :math:`M_g = \bar\ell_g - \mathrm{bound}`; a group below the
    bound is left alone. A weighting's ``strength`` is the share of each excess to
    remove.

    Parameters
    ----------
    upper_bound : float or None, default=None
        The bound, at least 0; None is the mean loss of all evaluation rows.

    References
    ----------
    Agarwal, Dudik and Wu, "Fair Regression: Quantitative Definitions and
    Reduction-Based Algorithms", 2019.

    Examples
    --------
    >>> from skswu.objectives._group_limits import BoundedGroupLoss
    >>> BoundedGroupLoss(upper_bound=0.4)
    BoundedGroupLoss(upper_bound=0.4)
    """

    name = "bounded_group_loss"

    _parameter_constraints = {
        "upper_bound": [Interval(Real, 0, None, closed="left"), None]
    }

    def __init__(self, *, upper_bound=None):
        self.upper_bound = upper_bound

    @property
    def limit(self):
        return self.upper_bound

    def make_counted(self):
        return LossParity()

    def thresholded(self, classes):
        """Return None: a loss has no limit on rates that goes with it."""
        return None


class MinimumGroupRate(GroupLimitObjective):
    r"""A rate of at least a limit, in every group.

    One metric a group, its shortfall :math:`M_g = \mathrm{limit} - \bar r_g`, with
    :math:`\bar r_g` the mean tempered probability of what the rate counts; a group
    above the limit is left alone. Groups that are behind are raised, where closing a
    gap may as well lower the others. A weighting's ``strength`` is the share of each
    shortfall to remove.

    Parameters
    ----------
    rate : {"selection_rate", "true_positive_rate", "true_negative_rate", \
            "accuracy"}, default="selection_rate"
        What is to be high: the probability of the positive label, the same among those
        who hold it, that of another label among the others, or that of the true label.
    at_least : float or None, default=None
        The limit, between 0 and 1; None is the rate of all evaluation rows.
    temperature : float, default=0.25
        See :class:`DemographicParity`.
    pos_label : str, int, bool or None, default=None
        The label whose rate it is; None is the greater of two classes. Accuracy needs
        none.

    References
    ----------
    Mittelstadt, Wachter and Russell, "The Unfairness of Fair Machine Learning:
    Levelling Down and Strict Egalitarianism by Default", 2023.

    Examples
    --------
    >>> from skswu.objectives._group_limits import MinimumGroupRate
    >>> MinimumGroupRate(rate="true_positive_rate", at_least=0.8)
    MinimumGroupRate(at_least=0.8, rate='true_positive_rate')
    """

    _parameter_constraints = {
        "rate": [StrOptions(set(_RATES))],
        "at_least": [Interval(Real, 0, 1, closed="both"), None],
        "temperature": [Interval(Real, 0, None, closed="neither")],
        "pos_label": "no_validation",
    }

    def __init__(
        self,
        *,
        rate="selection_rate",
        at_least=None,
        temperature=0.25,
        pos_label=None,
    ):
        self.rate = rate
        self.at_least = at_least
        self.temperature = temperature
        self.pos_label = pos_label

    @property
    def name(self):
        """Of the metric, in front of the groups in ``objective_names_``."""
        return f"minimum_{self.rate}"

    @property
    def is_multiclass(self):
        return self.rate == "accuracy" or self.pos_label is not None

    @property
    def sign(self):
        """1 where rows count what is to be low, -1 where they count the rate itself."""
        return 1.0 if _RATES[self.rate][1] else -1.0

    @property
    def limit(self):
        """The limit on what rows count."""
        is_low = _RATES[self.rate][1] and self.at_least is not None
        return 1.0 - self.at_least if is_low else self.at_least

    def make_counted(self):
        kind, _ = _RATES[self.rate]
        taken = kind().get_params()
        return kind(**{name: getattr(self, name) for name in taken})


def _overall(rates, counts):
    """Return the rates of all groups together, each of shape (..., 1)."""
    return rates(counts.sum(axis=-3, keepdims=True))


def _largest(excesses):
    """Return the largest excess of a group, 0 if there is none."""
    return np.maximum(excesses, 0.0).max(axis=-1)
