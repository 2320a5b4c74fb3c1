"""The data of a call, checked and read."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.sparse import issparse
from sklearn.utils import indexable

from .._utils._array_api import as_numpy, is_foreign
from .._utils._compat import check_sample_weight
from .._utils._warnings import warn
from ._labeled_data import LabeledData
from ._labels import read_labels
from ._network_inputs import as_inputs, check_labels_of, labels_of
from ._rows_of_data import check_in_memory, count_rows, is_dataset
from ._sensitive_features import read_control_features, read_sensitive_features

_MANY_GROUPS = 100


@dataclass(frozen=True)
class DataReader:
    """Check and read what a call passes; X is passed on as it was given.

    What an estimator checks of X when it is fitted or asked is left to it, so that
    lists of texts, dicts of arrays and data sets reach it as they are.

    Attributes
    ----------
    column : str, int, list of them or None, default=None
        Columns of X to read the groups from where a call passes none.
    needed_by : str or None, default=None
        What cannot do without groups, for the message; None lets them be missing.
    missing_groups : {"error", "own"}, default="error"
        Whether missing values among the groups are refused, or are a group.
    control_column : str, int, list of them or None, default=None
        Columns of X to read the control features from where a call passes none.
    """

    column: Any = None
    needed_by: str | None = None
    missing_groups: str = "error"
    control_column: Any = None

    def read(
        self,
        X,
        y,
        *,
        sensitive_features=None,
        control_features=None,
        sample_weight=None,
    ):
        """Return the LabeledData of what ``fit`` takes."""
        X, y = self._check_rows(X, y)
        groups = self._read_groups(X, sensitive_features, control_features)
        return LabeledData(X, y, groups, _check_weight(sample_weight, y))

    def read_both(
        self,
        X,
        y,
        *,
        sensitive_features=None,
        control_features=None,
        sample_weight=None,
        X_val=None,
        y_val=None,
        sensitive_features_val=None,
        sample_weight_val=None,
        control_features_val=None,
    ):
        """Return the LabeledData of the training and of the evaluation rows, or None.

        All is as :meth:`~skswu.UnlearningClassifier.unlearn` takes it. Groups are
        needed of the rows that are measured; where the training rows have groups as
        well, those fix the codes.
        """
        given = {
            "sensitive_features": sensitive_features,
            "control_features": control_features,
            "sample_weight": sample_weight,
        }
        if X_val is None:
            check_alone(
                y_val=y_val,
                sensitive_features_val=sensitive_features_val,
                sample_weight_val=sample_weight_val,
                control_features_val=control_features_val,
            )
            return self.read(X, y, **given), None
        if y_val is None and not is_dataset(X_val):
            raise ValueError("y_val must be given with X_val; got None.")
        training = replace(self, needed_by=None).read(X, y, **given)
        X_val, y_val = self._check_rows(X_val, y_val, "_val")
        groups = self._read_groups(
            X_val, sensitive_features_val, control_features_val, "_val"
        )
        if training.groups is not None and groups is not None:
            groups = groups.aligned_to(training.groups)
        weight = _check_weight(sample_weight_val, y_val, "sample_weight_val")
        return training, LabeledData(X_val, y_val, groups, weight)

    def _check_rows(self, X, y, ending=""):
        """Check what an estimator does not: lengths and labels."""
        check_in_memory(X, f"X{ending}")
        is_of_data_set = y is None and is_dataset(X)
        if is_of_data_set:
            y = labels_of(X, f"y{ending}")
        if issparse(X) or not hasattr(X, "shape"):
            (X,) = indexable(X)
        y = read_labels(as_numpy(y), f"y{ending}")
        X = as_inputs(X, len(y))
        if count_rows(X) != len(y):
            raise ValueError(
                f"X{ending} and y{ending} have inconsistent numbers of samples: "
                f"{count_rows(X)} and {len(y)}."
            )
        if is_dataset(X) and not is_of_data_set:
            check_labels_of(X, y, f"y{ending}")
        return X, y

    def _read_groups(self, X, given, control, ending=""):
        """Read the groups of the rows, and insist on them where they are needed.

        Those of control features are the strata that they are compared within.
        """
        name = f"sensitive_features{ending}"
        if is_foreign(X):
            X, given, control = map(as_numpy, (X, given, control))
        groups = read_sensitive_features(
            given,
            X,
            self.column,
            count_rows(X),
            name,
            missing_groups=self.missing_groups,
        )
        if groups is None and self.needed_by is not None:
            raise ValueError(
                f"{self.needed_by} needs {name}: pass them to the call, or name a "
                "column of X by the constructor's sensitive_features."
            )
        strata = read_control_features(
            control,
            X,
            self.control_column,
            count_rows(X),
            f"control_features{ending}",
            missing_groups=self.missing_groups,
        )
        if groups is None:
            check_no_strata(strata, ending)
            return None
        _warn_of_many(groups, name)
        return groups.within(strata)


def check_no_strata(strata, ending):
    """Insist that there are no strata where no groups are compared in them."""
    if strata is not None:
        raise ValueError(
            f"control_features{ending} are strata to compare groups in: they need "
            f"sensitive_features{ending}, which are None."
        )


def _warn_of_many(groups, name):
    """Tell of a column whose values were hardly meant as groups."""
    if len(groups.names) > _MANY_GROUPS:
        warn(
            f"{name} has {len(groups.names)} groups, each of which is compared by "
            f"itself; the smallest has {groups.counts().min()} rows. Cut a feature of "
            "many values into intervals."
        )


def _check_weight(weight, y, name="sample_weight"):
    if weight is None:
        return None
    options = {"dtype": np.float64, "ensure_non_negative": True}
    try:
        return check_sample_weight(as_numpy(weight), y, **options)
    except ValueError as error:
        # scikit-learn calls them all by the name of the training rows' weights.
        raise ValueError(str(error).replace("sample_weight", name)) from None


def check_alone(**options):
    """Insist that options of the evaluation rows come with X_val."""
    for name, value in options.items():
        if value is not None:
            raise ValueError(f"{name} was given without X_val.")
