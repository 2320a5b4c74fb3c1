"""Rows of a table, as they are trained and measured on."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from sklearn.model_selection import train_test_split

from ._groups import cross


@dataclass(frozen=True)
class Rows:
    """Some rows of a table.

    Parameters
    ----------
    X : DataFrame of shape (n_rows, n_features)
        What to train on.
    y : ndarray of int of shape (n_rows,)
        1 for the positive label, else 0.
    group_columns : DataFrame of shape (n_rows, n_columns) or None
        The row's group by each sensitive column, if they are known.
    """

    X: pd.DataFrame
    y: np.ndarray
    group_columns: pd.DataFrame | None

    def __len__(self):
        return len(self.y)

    @cached_property
    def groups(self):
        """The row's group by all of the columns, shape (n_rows,), or None."""
        return None if self.group_columns is None else cross(self.group_columns)

    def take(self, positions):
        """Return the rows at some positions, or of a slice."""
        groups = self.group_columns
        groups = None if groups is None else groups.iloc[positions]
        return Rows(self.X.iloc[positions], self.y[positions], groups)

    def split(self, share, random_state):
        """Return two parts, the second with a share of every group and label."""
        parts = train_test_split(
            np.arange(len(self)),
            test_size=share,
            stratify=self.y if self.groups is None else self._cells(),
            random_state=random_state,
        )
        return [self.take(positions) for positions in parts]

    def _cells(self):
        _, codes = np.unique(self.groups, return_inverse=True)
        return 2 * codes + self.y
