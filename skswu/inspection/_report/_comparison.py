"""Two classifiers' decisions, counted by group and drawn anew."""

from dataclasses import dataclass

import numpy as np

from ._inputs import Decisions, Feature
from ._measures import SELECTION_RATE, difference, spread
from ._paired_counts import PairedCounts, by_decision, count_pairs, draw_counts
from ._wording import BETWEEN

ALL_ROWS = "all rows"

#: Groups to compare where none has enough rows.
_MOST_COMPARED = 50


@dataclass(frozen=True, eq=False)
class GroupCounts:
    """The counts of a feature's groups, and the draws of those that are compared.

    Attributes
    ----------
    feature : Feature
        The groups of the rows.
    counts : PairedCounts
        Of all groups.
    compared : ndarray of int of shape (n_compared,)
        Positions of the groups that are large enough to compare.
    draws : ndarray of shape (n_draws, n_compared, 2, 2, 2)
        Their counts, drawn anew.
    """

    feature: Feature
    counts: PairedCounts
    compared: np.ndarray
    draws: np.ndarray

    @property
    def compared_counts(self):
        """The PairedCounts of the groups that are compared."""
        return self.counts.take(self.compared)

    @property
    def compared_groups(self):
        """Names of the groups that are compared."""
        return [self.feature.groups[position] for position in self.compared]

    def sizes(self):
        """Return the numbers of rows of all groups."""
        return self.counts.rows.sum(axis=(1, 2, 3))

    def highest(self, when):
        """Return which of the compared groups has the highest selection rate."""
        counts = by_decision(self.compared_counts.weighted)[when]
        return int(np.nanargmax(SELECTION_RATE.rate(counts)))

    def gap(self, measure):
        """Return what is compared, and the statistic of the gap in a measure.

        Of two groups it is the one with the higher selection rate before, minus the
        other; of more, the highest minus the lowest.
        """
        if len(self.compared) > 2:
            n_groups = len(self.compared)
            return f"highest{BETWEEN}lowest of {n_groups} groups", spread(measure)
        first = self.highest(0)
        names = self.compared_groups
        label = f"{names[first]}{BETWEEN}{names[1 - first]}"
        return label, difference(measure, first, 1 - first)


@dataclass(frozen=True, eq=False)
class Comparison:
    """What the tables of a report are made from.

    Attributes
    ----------
    decisions : Decisions
        Of all rows.
    groups : list of GroupCounts
        One a feature.
    everyone : GroupCounts
        All rows as one group.
    level : float
        Of the intervals.
    min_ratio, min_share : float
        As :class:`CorrectionReport` takes them.
    n_boot : int
        Number of draws.
    random_state : RandomState
        Draws what else is drawn.
    """

    decisions: Decisions
    groups: list
    everyone: GroupCounts
    level: float
    min_ratio: float
    min_share: float
    n_boot: int
    random_state: np.random.RandomState

    def of(self, name):
        """Return the GroupCounts of the feature of that name."""
        return next(group for group in self.groups if group.feature.name == name)


def compare(decisions, features, *, random_state, **settings):
    """Return the Comparison of two classifiers' decisions."""

    def counted(feature, min_share):
        return _count_groups(
            decisions, feature, min_share, settings["n_boot"], random_state
        )

    everyone = Feature(ALL_ROWS, np.zeros(len(decisions), dtype=int), [ALL_ROWS])
    groups = [counted(feature, settings["min_share"]) for feature in features]
    for group in groups:
        _check_two_groups(group)
    return Comparison(
        decisions,
        groups,
        counted(everyone, 0.0),
        random_state=random_state,
        **settings,
    )


def _count_groups(decisions, feature, min_share, n_draws, random_state):
    counts = count_pairs(decisions, feature.codes, len(feature.groups))
    compared = _large_enough(counts, min_share * len(decisions))
    draws = draw_counts(decisions, feature.codes, compared, n_draws, random_state)
    return GroupCounts(feature, counts, compared, draws)


def _check_two_groups(groups):
    if len(groups.compared) < 2:
        raise ValueError(
            "Nothing can be compared: only one group of the sensitive feature "
            f"{groups.feature.name!r} has rows of positive sample_weight."
        )


def _large_enough(counts, min_rows):
    """Return the positions of the groups to compare: those with enough rows.

    Where there are fewer than two of them, the largest are compared.
    """
    sizes = counts.rows.sum(axis=(1, 2, 3))
    has_weight = counts.weighted.sum(axis=(1, 2, 3)) > 0
    large = has_weight & (sizes >= min_rows)
    if large.sum() >= min(2, has_weight.sum()):
        return np.flatnonzero(large)
    largest = np.argsort(-np.where(has_weight, sizes, -1), kind="stable")
    return np.sort(largest[: min(has_weight.sum(), _MOST_COMPARED)])
