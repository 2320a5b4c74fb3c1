"""How groups are compared: what is brought to zero, and how far it is from parity."""

import numpy as np


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

    def disparity(self, rates):
        """Return how far rates of shape (..., n_groups) are from parity, 0 at best.

        One group by itself is not at parity with any: it is NaN.
        """
        return _of_several(rates, rates.max(axis=-1) - rates.min(axis=-1))


class RatioBetweenGroups(BetweenGroups):
    """Groups with each other: their gaps, and the ratio of their extremes."""

    def disparity(self, rates):
        with np.errstate(invalid="ignore"):
            ratio = rates.min(axis=-1) / rates.max(axis=-1)
        return _of_several(rates, 1.0 - ratio)


class EachGroup(BetweenGroups):
    """Each group by itself, with zero."""

    def contrasts(self, totals):
        return np.eye(len(totals))

    def names(self, groups):
        return list(groups)

    def disparity(self, rates):
        return np.abs(rates).max(axis=-1)


class EachGroupLessOverall(EachGroup):
    """Each group by itself, with the mean of all rows."""

    def contrasts(self, totals):
        return np.eye(len(totals)) - totals / totals.sum()


def _of_several(rates, disparity):
    """Return the disparity of several groups, and NaN for one."""
    return disparity if rates.shape[-1] > 1 else np.full_like(disparity, np.nan)
