"""Rows with their labels, groups and weights."""

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

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

    def take(self, indices):
        """Return the rows at ``indices``."""
        return LabeledData(
            rows_at(self.X, indices),
            rows_at(self.y, indices),
            None if self.groups is None else self.groups.take(indices),
            None if self.weight is None else self.weight[indices],
            None if self.as_fitted is None else rows_at(self.as_fitted, indices),
            self.metadata.take(indices, self.y),
        )
