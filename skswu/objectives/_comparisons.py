"""How groups are compared: what is brought to zero, and how far it is from parity."""

import numpy as np

from ._rate_disparity import MeasuredDisparity, at_position


class BetweenGroups:
    """Groups with each other: their gaps, and the difference of their extremes."""

    def contrasts(self, totals):
        """Return the coefficients of the groups' means in each gap.

        Second minus first of two groups, or each of several against the overall mean.

        Parameters
        ----------
        totals : ndarray of shape (n_groups,)
            Weight of each group's rows.

        Returns
        -------
        ndarray of shape (n_gaps, n_groups)
            The coefficients.
        """
        if len(totals) == 2:
            return np.array([[-1.0, 1.0]])
        return np.eye(len(totals)) - totals / totals.sum()

    def names(self, groups):
        """Return the names of the gaps between groups of these names."""
        if len(groups) == 2:
            return [f"{groups[1]} - {groups[0]}"]
        return [f"{group} - overall" for group in groups]

    def disparity(self, rates, before):
        """Return how far rates are from parity.

        One group by itself is not at parity with any: it is NaN.

        Parameters
        ----------
        rates : GroupRates
            Of shape (..., n_groups).
        before : GroupRates
            Of the original model; parity does not depend on it.

        Returns
        -------
        MeasuredDisparity
        """
        low, high = rates.value.argmin(axis=-1), rates.value.argmax(axis=-1)
        of_low = at_position(low, rates.value, rates.centre, rates.variance)
        of_high = at_position(high, rates.value, rates.centre, rates.variance)
        value, centre, error = self._of_extremes(*of_low, *of_high)
        if rates.value.shape[-1] == 1:
            value = np.full_like(value, np.nan)
        return MeasuredDisparity(value, centre, error, low)

    def _of_extremes(self, low, low_centre, low_variance, high, centre, variance):
        """Return the difference of two rates, its centre and its standard error."""
        error = np.sqrt(low_variance + variance)
        return high - low, centre - low_centre, error


class RatioBetweenGroups(BetweenGroups):
    """Groups with each other: their gaps, and the ratio of their extremes."""

    def _of_extremes(self, low, low_centre, low_variance, high, centre, variance):
        with np.errstate(invalid="ignore", divide="ignore"):
            ratio, middle = low / high, low_centre / centre
            error = np.sqrt(low_variance + middle**2 * variance) / centre
        return 1.0 - ratio, 1.0 - middle, error


class EachGroup(BetweenGroups):
    """Each group by itself, with zero."""

    def contrasts(self, totals):
        return np.eye(len(totals))

    def names(self, groups):
        return list(groups)

    def disparity(self, rates, before):
        worst = np.abs(rates.value).argmax(axis=-1)
        value, centre, variance = at_position(
            worst, rates.value, rates.centre, rates.variance
        )
        return MeasuredDisparity(
            np.abs(value), np.abs(centre), np.sqrt(variance), worst
        )
