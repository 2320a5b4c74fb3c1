"""The disparity of predicted labels, from counts of cells of rows."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class RateDisparity:
    """A disparity between groups in rates of predicted labels.

    Attributes
    ----------
    rates : callable
        Maps counts of shape (..., n_groups, n_classes, n_classes), by true and by
        predicted label, to a list of rates of shape (..., n_groups).
    compare : callable
        Maps rates to their distance from parity, shape (...).
    """

    rates: Callable
    compare: Callable

    def of_counts(self, counts):
        """Return the largest disparity of all rates.

        Parameters
        ----------
        counts : ndarray of shape (..., n_groups, n_classes, n_classes)
            Weight of the rows of each group, true and predicted label.

        Returns
        -------
        ndarray of shape (...)
            The disparity; 0 is parity. Groups without rows are left out.
        """
        n_groups = counts.shape[-3]
        present = counts.sum(axis=(-2, -1)).reshape(-1, n_groups).any(axis=0)
        rates = self.rates(counts[..., present, :, :])
        return np.max([self.compare(rate) for rate in rates], axis=0)
