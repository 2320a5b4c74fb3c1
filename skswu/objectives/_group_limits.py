"""Limits that each group is to keep, whatever the others do."""

from abc import abstractmethod
from functools import partial
from numbers import Real

import numpy as np

from .._utils._compat import Interval, StrOptions
from ._base import BaseObjective, ScoreMetrics
from ._block_metrics import BlockMetrics
from ._comparisons import EachGroup
from ._error_rate_parity import ErrorRateParity
from ._group_gaps import DemographicParity, EqualOpportunity, FalsePositiveRateParity
from ._loss_parity import LossParity
from ._rate_disparity import MeasuredDisparity, RateDisparity, at_position

# What rows count for each rate, and whether that is to be low, as errors are.
_RATES = {
    "selection_rate": (DemographicParity, False),
    "true_positive_rate": (EqualOpportunity, False),
    "true_negative_rate": (FalsePositiveRateParity, True),
    "accuracy": (ErrorRateParity, True),
}


class FixedLimit:
    """A limit that is given.

    Parameters
    ----------
    limit : float
        The limit.
    """

    def __init__(self, limit):
        self.limit = limit

    def of(self, means):
        """Return the limit of the means of groups, whatever they are."""
        return self.limit


class OriginalMean:
    """The mean of all rows, of the first model that is measured: the original.

    Parameters
    ----------
    share : ndarray of shape (n_metrics, n_metrics)
        The share of each group's rows in those that its own are compared with.
    """

    def __init__(self, share):
        self.share = share
        self._limits = None

    def of(self, means):
        """Return the limits of the means of groups, the same for all models."""
        if self._limits is None:
            self._limits = self.share @ means.reshape(-1, len(self.share))[0]
        return self._limits


class LimitMetrics(ScoreMetrics):
    """By how much means of groups exceed a limit, or fall short of one.

    Parameters
    ----------
    means : CellMeanMetrics
        The mean of each group.
    limit : FixedLimit or OriginalMean
        The limit.
    sign : {-1.0, 1.0}
        1 where the limit is not to be exceeded, -1 where it is to be reached.
    """

    one_sided = True

    def __init__(self, means, limit, sign):
        self.names = means.names
        self.cell_sizes = means.cell_sizes
        self.means = means
        self.limit = limit
        self.sign = sign

    def values(self, scores):
        means = self.means.values(scores)
        return self.sign * (means - self.limit.of(means))

    def gradient(self, scores):
        gradient = self.means.gradient(scores)
        return lambda rows: self.sign * gradient(rows)

    def at_threshold(self, threshold):
        return LimitMetrics(self.means.at_threshold(threshold), self.limit, self.sign)

    def standard_errors(self, view, rows, parameters):
        return self.means.standard_errors(view, rows, parameters)

    def in_blocks(self):
        return LimitSums(self.means.in_blocks(), self.limit, self.sign)


class LimitSums(BlockMetrics):
    """The same as sums over blocks of rows.

    Parameters
    ----------
    means : BlockMetrics
        The mean of each group.
    limit, sign
        See :class:`LimitMetrics`.
    """

    def __init__(self, means, limit, sign):
        self.means = means
        self.limit = limit
        self.sign = sign
        self.needs_whole_arrays = means.needs_whole_arrays
        self.has_moments = means.has_moments

    def prepare(self, rows, loss, matrix, key):
        self.means.prepare(rows, loss, matrix, key)

    def sums(self, block, loss, z, losses):
        return self.means.sums(block, loss, z, losses)

    def slopes(self, block, loss, z, slope):
        return self.sign * self.means.slopes(block, loss, z, slope)

    def moments(self, block, loss, z):
        return self.means.moments(block, loss, z)

    def standard_errors(self, moments):
        return self.means.standard_errors(moments)

    def finish(self, rows, sums):
        means = self.means.finish(rows, sums)
        return self.sign * (means - self.limit.of(means))


class GroupLimitObjective(BaseObjective):
    """A limit on what the rows of each group count; subclasses say what they count.

    Attributes
    ----------
    name : str
        Of the metric, in front of the groups in ``objective_names_``.
    sign : {-1.0, 1.0}
        1 where the limit is not to be exceeded, -1 where it is to be reached.
    limit : float or None
        The limit; None is the mean of all evaluation rows, of the original model.
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
        counted.comparison = EachGroup()
        means = counted.bind(codes, classes, groups, weight)
        limit = self._make_limit(means, len(groups.names))
        return LimitMetrics(means, limit, self.sign)

    def _make_limit(self, means, n_groups):
        if self.limit is not None:
            return FixedLimit(self.limit)
        # A metric's cell is the one that it counts; cells are in order of comparisons.
        of_metric = means.of_cells.argmax(axis=1)
        comparison = of_metric // n_groups
        together = comparison[:, None] == comparison
        share = together * means.totals[of_metric]
        return OriginalMean(share / share.sum(axis=1, keepdims=True))

    def thresholded(self, classes):
        self._validate_params()
        counted = self.make_counted()
        rates = partial(counted.rates, positive=counted.find_positive(classes))
        return RateDisparity(rates, self._largest_excess)

    def _largest_excess(self, rates, before):
        """Return the MeasuredDisparity: by how much a group breaks the limit, or 0."""
        limit = self.limit
        if limit is None:
            share = before.weight / before.weight.sum(axis=-1, keepdims=True)
            limit = (share * before.value).sum(axis=-1, keepdims=True)
        excess = self.sign * (rates.value - limit)
        worst = excess.argmax(axis=-1)
        value, centre, variance = at_position(
            worst, excess, self.sign * (rates.centre - limit), rates.variance
        )
        return MeasuredDisparity(
            np.maximum(value, 0.0), centre, np.sqrt(variance), worst
        )


class BoundedGroupLoss(GroupLimitObjective):
    r"""A mean log loss of at most a bound, in every group.

    One metric a group, :math:`M_g = \bar\ell_g - \mathrm{bound}`; a group below the
    bound is left alone: its loss is neither lowered nor raised on purpose, but for not
    breaking the bound. A weighting's ``strength`` is the share of each excess to
    remove.

    Parameters
    ----------
    upper_bound : float or None, default=None
        The bound, at least 0; None is the mean loss of all evaluation rows under the
        original model.

    References
    ----------
    Agarwal, Dudik and Wu, "Fair Regression: Quantitative Definitions and
    Reduction-Based Algorithms", 2019.

    Examples
    --------
    >>> from skswu.objectives import BoundedGroupLoss
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
        The limit, between 0 and 1; None is the rate of all evaluation rows under the
        original model.
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
    >>> from skswu.objectives import MinimumGroupRate
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
