"""Rows with their labels, groups and weights."""

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ..rows._memory_maps import in_memory, take_rows
from ._metadata import Metadata
from ._rows_of_data import rows_at


@dataclass(frozen=True)
class LabeledData:
    """Checked rows as a call gave them.

    Attributes
    ----------
    X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
        As the classifier takes it.
    y : ndarray of shape (n_samples,)
        Labels.
    groups : Groups or None
        The rows' groups.
    weight : ndarray of shape (n_samples,) or None
        Sample weights.
    as_fitted : {array-like, sparse matrix, DataFrame} or None
        X as the bare classifier was fitted on; None is what the transformers before it
        make of X.
    metadata : Metadata
        What else the call passes, for other objects.
    """

    X: Any
    y: np.ndarray
    groups: Any = None
    weight: np.ndarray | None = None
    as_fitted: Any = None
    metadata: Metadata = field(default_factory=Metadata)

    def seen_by(self, wrapped):
        """Return the rows as a WrappedClassifier's bare one sees them."""
        X = self.as_fitted
        X = wrapped.transform(self.X) if X is None else X
        return replace(self, X=X, as_fitted=None)

    @property
    def n_rows(self):
        """Number of rows."""
        return len(self.y)

    def group_sizes(self):
        """Return the number of rows of each group; empty where none are known."""
        return {} if self.groups is None else _sizes(self.groups)

    def stratum_sizes(self):
        """Return the number of rows of each stratum; empty where there are none."""
        if self.groups is None or self.groups.strata is None:
            return {}
        return _sizes(self.groups.strata)

    def positions(self, epsilon):
        """Return the positions of the rows, given a change of their weights."""
        return np.arange(len(epsilon))

    def reweighted(self, epsilon):
        """Return the sample weights under a change of them, shape (n_samples,)."""
        weight = 1.0 + epsilon
        if self.weight is not None:
            weight *= self.weight
        return weight

    def in_memory(self, needed_by):
        """Return the same rows in memory; a copy of a memory map is told."""
        return replace(self, X=in_memory(self.X, needed_by))

    def take(self, indices):
        """Return the rows at ``indices``."""
        return LabeledData(
            take_rows(self.X, indices, rows_at),
            rows_at(self.y, indices),
            None if self.groups is None else self.groups.take(indices),
            None if self.weight is None else self.weight[indices],
            None if self.as_fitted is None else rows_at(self.as_fitted, indices),
            self.metadata.take(indices, self.y),
        )


def _sizes(groups):
    return dict(zip(map(str, groups.names), groups.counts().tolist(), strict=True))
