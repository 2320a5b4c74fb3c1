"""What is measured: shares of rows by label and decision."""

from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class Measure:
    """A share: the rows of some cells of label and decision among those of others.

    Measures of one name are equal, also after pickling.

    Attributes
    ----------
    name : str
        In tables.
    text : str
        In sentences.
    hits, cases : ndarray of bool of shape (2, 2)
        Which cells, by label and decision, are counted, and out of which.
    """

    name: str
    text: str
    hits: np.ndarray = field(compare=False)
    cases: np.ndarray = field(compare=False)

    def n_hits(self, counts):
        """Return how many of ``counts``, shape (..., 2, 2), are hits."""
        return np.sum(counts * self.hits, axis=(-2, -1))

    def n_cases(self, counts):
        """Return how many of ``counts``, shape (..., 2, 2), are cases."""
        return np.sum(counts * self.cases, axis=(-2, -1))

    def rate(self, counts):
        """Return the share of hits among the cases; NaN without a case."""
        hits, cases = self.n_hits(counts), self.n_cases(counts)
        unknown = np.full(np.shape(cases), np.nan)
        return np.divide(hits, cases, out=unknown, where=cases > 0)


def _measure(name, hits, cases):
    return Measure(name, name.replace("_", " "), np.array(hits), np.array(cases))


SELECTION_RATE = _measure("selection_rate", [[0, 1], [0, 1]], [[1, 1], [1, 1]])
TRUE_POSITIVE_RATE = _measure("true_positive_rate", [[0, 0], [0, 1]], [[0, 0], [1, 1]])
FALSE_POSITIVE_RATE = _measure(
    "false_positive_rate", [[0, 1], [0, 0]], [[1, 1], [0, 0]]
)
PRECISION = _measure("precision", [[0, 0], [0, 1]], [[0, 1], [0, 1]])
ACCURACY = _measure("accuracy", [[1, 0], [0, 1]], [[1, 1], [1, 1]])

ERRORS = (TRUE_POSITIVE_RATE, FALSE_POSITIVE_RATE, PRECISION, ACCURACY)
GAPS = (SELECTION_RATE, *ERRORS)

#: The measures whose gaps an objective closes, by the objective's name.
CORRECTED_BY = {
    "demographic_parity": (SELECTION_RATE,),
    "equal_opportunity": (TRUE_POSITIVE_RATE,),
    "equalized_odds": (TRUE_POSITIVE_RATE, FALSE_POSITIVE_RATE),
    "false_positive_rate_parity": (FALSE_POSITIVE_RATE,),
    "error_rate_parity": (ACCURACY,),
}


def overall(measure):
    """Return the statistic of the one group that is counted."""
    return lambda counts: measure.rate(counts)[..., 0]


def difference(measure, first, second):
    """Return the statistic of the gap between two groups, first minus second."""

    def gap(counts):
        rates = measure.rate(counts)
        return rates[..., first] - rates[..., second]

    return gap


def spread(measure):
    """Return the statistic of the gap between highest and lowest of several groups."""

    def gap(counts):
        rates = measure.rate(counts)
        absent = np.isnan(rates)
        highest = np.where(absent, -np.inf, rates).max(axis=-1)
        lowest = np.where(absent, np.inf, rates).min(axis=-1)
        return np.where(np.sum(~absent, axis=-1) < 2, np.nan, highest - lowest)

    return gap


def ratio(measure, group, reference):
    """Return the statistic of a group's rate over that of the reference."""

    def quotient(counts):
        rates = measure.rate(counts)
        below = rates[..., reference]
        unknown = np.full(np.shape(below), np.nan)
        return np.divide(rates[..., group], below, out=unknown, where=below > 0)

    return quotient


def change_of_size(before, after):
    """Return how much larger a gap is after than before, whatever its sign."""
    return np.abs(after) - np.abs(before)
