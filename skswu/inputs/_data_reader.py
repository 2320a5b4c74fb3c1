"""The data of a call, checked and read."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.sparse import issparse
from sklearn.utils import column_or_1d
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_consistent_length, validate_data

from .._utils._array_api import as_numpy, is_foreign
from .._utils._compat import check_sample_weight, count_rows
from ._labeled_data import LabeledData
from ._sensitive_features import read_sensitive_features


@dataclass(frozen=True)
class DataReader:
    """Check and read what a call passes; X is passed on as it was given.

    What an estimator checks of X when it is fitted or asked is left to it.

    Attributes
    ----------
    owner : estimator
        Remembers the number and the names of X's columns, and is named in messages.
    column : str, int, list of them or None, default=None
        Columns of X to read the groups from where a call passes none.
    needed_by : str or None, default=None
        What cannot do without groups, for the message; None lets them be missing.
    """

    owner: Any
    column: Any = None
    needed_by: str | None = None

    def read(self, X, y, *, sensitive_features=None, sample_weight=None):
        """Return the LabeledData of what :meth:`~skswu.UnlearningClassifier.fit` takes.

        The columns of X are remembered.
        """
        X, y = self._check_rows(X, y)
        groups = self._read_groups(X, sensitive_features)
        return LabeledData(X, y, groups, _check_weight(sample_weight, X))

    def read_both(
        self,
        X,
        y,
        *,
        sensitive_features=None,
        sample_weight=None,
        X_val=None,
        y_val=None,
        sensitive_features_val=None,
    ):
        """Return the LabeledData of the training and of the evaluation rows, or None.

        All is as :meth:`~skswu.UnlearningClassifier.unlearn` takes it. Groups are
        needed of the rows that are measured; where the training rows have groups as
        well, those fix the codes.
        """
        given = {
            "sensitive_features": sensitive_features,
            "sample_weight": sample_weight,
        }
        if X_val is None:
            check_alone(y_val=y_val, sensitive_features_val=sensitive_features_val)
            return self.read(X, y, **given), None
        if y_val is None:
            raise ValueError("y_val must be given with X_val; got None.")
        training = replace(self, needed_by=None).read(X, y, **given)
        X_val, y_val = self._check_rows(X_val, y_val, reset=False)
        groups = self._read_groups(
            X_val, sensitive_features_val, "sensitive_features_val"
        )
        if training.groups is not None and groups is not None:
            groups = groups.aligned_to(training.groups)
        return training, LabeledData(X_val, y_val, groups)

    def _check_rows(self, X, y, reset=True):
        """Check what an estimator does not: lengths and labels."""
        if issparse(X):
            X = X.tocsr()  # the only format whose rows can be picked fast
        elif not hasattr(X, "shape"):
            X = np.asarray(X)
        X, y = validate_data(self.owner, X, y, reset=reset, skip_check_array=True)
        y = as_numpy(column_or_1d(y, warn=True))
        check_consistent_length(X, y)
        check_classification_targets(y)
        return X, y

    def _read_groups(self, X, given, name="sensitive_features"):
        """Read the groups of the rows, and insist on them where they are needed."""
        column, n_rows = self.column, count_rows(X)
        if is_foreign(X) and given is None:
            X = as_numpy(X)
        groups = read_sensitive_features(as_numpy(given), X, column, n_rows, name)
        if groups is None and self.needed_by is not None:
            raise ValueError(
                f"{self.needed_by} needs {name}: pass them to the call, or name a "
                "column of X by the constructor's sensitive_features."
            )
        return groups


def _check_weight(weight, X):
    if weight is None:
        return None
    X = np.empty(count_rows(X))  # whose length alone counts
    return check_sample_weight(
        as_numpy(weight), X, dtype=np.float64, ensure_non_negative=True
    )


def check_alone(**options):
    """Insist that options of the evaluation rows come with X_val."""
    for name, value in options.items():
        if value is not None:
            raise ValueError(f"{name} was given without X_val.")
