"""The rules by which one of several corrections is chosen."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property

from scipy.stats import norm

from ..metrics._bounded_score import bounded_score, is_kept


class Rule(ABC):
    """What is to be as large as possible, and within which bound."""

    @abstractmethod
    def excess(self, disparity, utility_loss):
        """Return by how much the bound is exceeded, if above 0.

        Parameters
        ----------
        disparity : MeasuredDisparity
            Of shape (...).
        utility_loss : float or ndarray of shape (...)
            By how much the utility is below the original's.
        """

    @abstractmethod
    def describe(self):
        """Return the bound in words."""

    def value(self, disparity, utility):
        """Return what is to be as large as possible."""
        return utility

    def feasible(self, disparity, utility_loss):
        """Say whether the bound holds."""
        return is_kept(self.excess(disparity, utility_loss))

    def score(self, disparity, utility, utility_loss):
        """Return the value, far less of it beyond the bound; NaN is not chosen."""
        excess = self.excess(disparity, utility_loss)
        return bounded_score(self.value(disparity, utility), excess)

    def columns(self, disparity, pooled):
        """Return what else the table tells of a MeasuredDisparity."""
        return {}

    def describe_row(self, row):
        """Return in words what a row of the table has."""
        return f"disparity {row['disparity']:.3g}"


@dataclass(frozen=True)
class HighestUtility(Rule):
    """The highest utility with a disparity of at most a bound.

    Attributes
    ----------
    max_disparity : float
        The bound.
    confidence : float or None
        How sure it is to be that the disparity keeps it; None takes it as it is.
    """

    max_disparity: float
    confidence: float | None = None

    @cached_property
    def _deviations(self):
        return norm.ppf(self.confidence)

    def excess(self, disparity, utility_loss):
        if self.confidence is None:
            return disparity.value - self.max_disparity
        return disparity.upper_limit(self._deviations) - self.max_disparity

    def describe(self):
        limit = "" if self.confidence is None else "n upper limit of the"
        return (
            f"a{limit} disparity of at most max_disparity={self.max_disparity}"
            f"{self._how_sure()}"
        )

    def _how_sure(self):
        return "" if self.confidence is None else f" (confidence={self.confidence})"


@dataclass(frozen=True)
class HighestUtilityByRatio(HighestUtility):
    """The highest utility with a ratio of rates of at least a bound.

    Attributes
    ----------
    max_disparity : float
        One less the bound on the ratio.
    min_ratio : float
        The bound.
    """

    min_ratio: float = 1.0

    @classmethod
    def of(cls, min_ratio, confidence):
        """Return the rule of a bound on the ratio."""
        return cls(1.0 - min_ratio, confidence, min_ratio)

    def columns(self, disparity, pooled):
        ratio = 1.0 - disparity.value.item()
        return {"ratio": ratio, "lowest_group": pooled.group_name(disparity.group)}

    def describe(self):
        limit = "" if self.confidence is None else "lower limit of the "
        return (
            f"a {limit}ratio of rates of at least min_ratio={self.min_ratio}"
            f"{self._how_sure()}"
        )

    def describe_row(self, row):
        of_group = row["lowest_group"] and f", set by the group {row['lowest_group']!r}"
        return f"ratio {row['ratio']:.3g}{of_group}"


@dataclass(frozen=True)
class SmallestDisparity(Rule):
    """The smallest disparity with a loss of utility of at most a bound.

    Attributes
    ----------
    max_utility_loss : float
        The bound.
    """

    max_utility_loss: float

    def excess(self, disparity, utility_loss):
        return utility_loss - self.max_utility_loss

    def value(self, disparity, utility):
        return -disparity.value

    def describe(self):
        return f"a loss of utility of at most max_utility_loss={self.max_utility_loss}"
