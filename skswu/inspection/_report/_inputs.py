"""What a report is made from: decisions of two classifiers, labels and groups."""

from collections.abc import Mapping
from dataclasses import dataclass

import narwhals.stable.v1 as nw
import numpy as np
import pandas as pd
from sklearn.utils import column_or_1d

from ..._utils._warnings import warn
from ...inputs._columns import columns_of, columns_of_X, is_column
from ...inputs._sensitive_features import read_sensitive_features
from ...metrics._label_encoding import encode_predictions

UNKNOWN = -1


@dataclass(frozen=True, eq=False)
class Feature:
    """A sensitive feature of all rows.

    Attributes
    ----------
    name : str
        What it is called.
    codes : ndarray of int of shape (n_rows,)
        Position of each row's group in ``groups``; -1 where it is unknown.
    groups : list of str
        Names of the groups.
    """

    name: str
    codes: np.ndarray
    groups: list

    def named(self):
        """Return the name of each row's group; "unknown" where it is."""
        return np.array([*self.groups, "unknown"], dtype=object)[self.codes]


@dataclass(frozen=True, eq=False)
class Decisions:
    """Labels, and what two classifiers decided.

    Attributes
    ----------
    truth, before, after : ndarray of bool of shape (n_rows,)
        Whether the recorded label, the original's and the corrected classifier's
        decision is the favourable one.
    weight : ndarray of shape (n_rows,) or None
        Sample weights.
    favourable, other : str
        What the favourable label and its opposite are called.
    """

    truth: np.ndarray
    before: np.ndarray
    after: np.ndarray
    weight: np.ndarray | None
    favourable: str
    other: str

    def __len__(self):
        return len(self.truth)


class LabelNames:
    """What labels are called.

    Parameters
    ----------
    names : dict of label to str, or None
        Labels that are not in it are called as they are.
    """

    def __init__(self, names):
        if names is not None and not isinstance(names, dict):
            raise TypeError(
                "label_names must be a dict of label to name; got "
                f"{type(names).__name__}."
            )
        self.names = {} if names is None else names

    def of(self, label):
        """Return the name of a label."""
        label = label.item() if isinstance(label, np.generic) else label
        return str(self.names.get(label, label))

    def of_all(self, labels):
        """Return the names of an array of labels, as objects."""
        found, codes = np.unique(labels, return_inverse=True)
        return np.array([self.of(label) for label in found], dtype=object)[codes]


def read_decisions(models, X, y, pos_label, sample_weight, names):
    """Return the Decisions of the original and the corrected classifier."""
    y = column_or_1d(y)
    before, after = (np.asarray(model.predict(X)) for model in models)
    classes = np.concatenate([_classes(model, before) for model in models])
    _, before = encode_predictions(y, before, classes, pos_label)
    truth, after = encode_predictions(y, after, classes, pos_label)
    return Decisions(
        truth.astype(bool),
        before.astype(bool),
        after.astype(bool),
        read_weight(sample_weight, len(y)),
        names.of(pos_label),
        _name_of_others(y, classes, pos_label, names),
    )


def _classes(model, predictions):
    return np.asarray(getattr(model, "classes_", np.unique(predictions)))


def _name_of_others(y, classes, pos_label, names):
    labels = pd.unique(np.concatenate([classes, y]))
    others = [label for label in labels if label != pos_label]
    return names.of(others[0]) if len(others) == 1 else f"not {names.of(pos_label)}"


def favourable_label(pos_label, estimator, models, y):
    """Return the label that counts as favourable: given, the correction's, or greater.

    Raises
    ------
    ValueError
        If there are more than two and none is given.
    """
    if pd.isna(column_or_1d(y)).any():
        raise ValueError(f"y_test has {pd.isna(y).sum()} missing labels.")
    if pos_label is None:
        pos_label = getattr(getattr(estimator, "objective", None), "pos_label", None)
    if pos_label is not None:
        return pos_label
    labels = _labels(y, models)
    if len(labels) != 2:
        raise ValueError(
            f"pos_label must say which of the labels {labels} is the favourable one; "
            "got None, which has a meaning for two labels only."
        )
    if isinstance(labels[1], str):
        warn(
            f"pos_label was not given: {labels[1]!r} counts as the favourable label, "
            f"because it comes after {labels[0]!r} in the alphabet. Pass pos_label."
        )
    return labels[1]


def _labels(y, models):
    """Return the sorted labels that are recorded or that a model knows."""
    known = [np.asarray(getattr(model, "classes_", ())).tolist() for model in models]
    labels = set(column_or_1d(y).tolist()).union(*known)
    try:
        return sorted(labels)
    except TypeError:
        raise ValueError(
            "y_test must hold labels of the kind that the classifiers know, numbers or "
            f"strings; together they are {sorted(labels, key=str)}."
        ) from None


def read_weight(sample_weight, n_rows):
    """Return checked sample weights, or None."""
    if sample_weight is None:
        return None
    weight = np.asarray(sample_weight, dtype=np.float64)
    if weight.shape != (n_rows,) or not np.all(np.isfinite(weight) & (weight >= 0)):
        raise ValueError(
            f"sample_weight must hold {n_rows} finite numbers that are not negative; "
            f"got an array of shape {weight.shape}."
        )
    if not weight.any():
        raise ValueError("sample_weight must not be 0 on all rows.")
    return weight


def read_features(sensitive_features, X, columns, n_rows, name="sensitive_features"):
    """Return each sensitive feature and, of several, their crossing, as Features.

    Parameters
    ----------
    sensitive_features : array-like, Series, DataFrame, str or None
        Of the rows, or the name of a column of X.
    X : array-like of shape (n_rows, n_columns)
        The rows.
    columns : str, int, list of them or None
        The columns of X to read if ``sensitive_features`` is None.
    n_rows : int
        Expected number of rows.
    name : str, default="sensitive_features"
        What messages call the parameter.
    """
    if is_column(sensitive_features, X, n_rows):
        columns, sensitive_features = sensitive_features, None
    if sensitive_features is None and columns is None:
        raise ValueError(
            f"{name} must be given: the groups of the rows, a table of several "
            "features, or the name of a column of X."
        )
    if sensitive_features is None:
        values = _by_name(columns_of_X(X, columns, name))
    else:
        values = _by_name(columns_of(sensitive_features, name, n_rows))
        if isinstance(sensitive_features, Mapping):
            values = dict(
                zip(map(str, sensitive_features), values.values(), strict=False)
            )
    for column in values.values():
        if len(column) != n_rows:
            raise ValueError(
                f"{name} has {len(column)} rows, but {n_rows} are expected."
            )
    features = [_read_feature(key, [values[key]], f"{name}[{key!r}]") for key in values]
    if len(values) > 1:
        features.append(_read_feature(", ".join(values), list(values.values()), name))
    return features


def _read_feature(key, columns, name):
    """Return the Feature of a column or of the crossing of several."""
    is_known = ~np.any([pd.isna(column) for column in columns], axis=0)
    known = [column[is_known] for column in columns]
    table = (
        known[0]
        if len(known) == 1
        else pd.DataFrame({str(i): column for i, column in enumerate(known)})
    )
    groups = read_sensitive_features(
        table, None, None, len(table), name, max_groups_per_row=1.0
    )
    codes = np.full(len(is_known), UNKNOWN)
    codes[is_known] = groups.codes
    return Feature(key, codes, groups.names)


def _by_name(columns):
    """Return columns as object arrays, by their names or else numbered."""
    numbered = ["group"]
    if len(columns) > 1:
        numbered = [f"feature {position + 1}" for position in range(len(columns))]
    names = [getattr(column, "name", None) for column in columns]
    return {
        number if name in (None, "") else str(name): as_objects(column)
        for number, name, column in zip(numbered, names, columns, strict=True)
    }


def as_objects(column):
    """Return a column as an object array, a narwhals Series as well as an array."""
    if isinstance(column, nw.Series):
        column = column.to_numpy()
    return np.asarray(column, dtype=object)
