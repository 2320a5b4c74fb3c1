"""Labels of any form, their positions, and the weights that rows are measured with."""

import numpy as np
from sklearn.utils import column_or_1d
from sklearn.utils.multiclass import check_classification_targets

from .._utils._array_api import as_numpy

_MAX_LISTED = 10


def read_labels(y, name):
    """Return labels as an array.

    Parameters
    ----------
    y : array-like of shape (n_samples,)
        A list, array, tensor or Series.
    name : str
        What messages call them.

    Returns
    -------
    ndarray of shape (n_samples,)

    Raises
    ------
    ValueError
        If labels are missing, of several kinds, or numbers that are no labels.
    """
    if np.ma.is_masked(y):
        raise ValueError(f"{name} has {np.ma.count_masked(y)} missing labels.")
    if hasattr(y, "detach"):  # a tensor, which may lie on a device
        y = np.asarray(y.detach().cpu())
    y = column_or_1d(as_numpy(y), warn=True)
    if y.dtype == object:
        _check_objects(y, name)
    check_classification_targets(y)
    return y.astype(y.dtype.newbyteorder("="), copy=False)


def _check_objects(y, name):
    """Insist that an array of objects holds strings."""
    import pandas as pd

    missing = int(pd.isna(y).sum())
    if missing:
        raise ValueError(f"{name} has {missing} missing labels.")
    kinds = sorted({type(label).__name__ for label in y.tolist()})
    # other objects are left to scikit-learn's check of targets
    if kinds != ["str"] and not any(isinstance(label, (list, tuple)) for label in y):
        raise ValueError(
            f"Unknown label type: {name} is an array of objects of the kind "
            f"{', '.join(kinds)}. Pass labels as an array of one kind, numbers or "
            f"strings, as by {name}.astype(int) or {name}.astype(str)."
        )


def label_positions(y, classes, name):
    """Return the position of each label in the sorted classes.

    Parameters
    ----------
    y : ndarray of shape (n_samples,)
        Labels.
    classes : ndarray of shape (n_classes,)
        Sorted.
    name : str
        What messages call the labels.

    Returns
    -------
    ndarray of int of shape (n_samples,)
        The positions.

    Raises
    ------
    ValueError
        If a label is not one of the classes, or of another kind than they are; names
        the parameter.
    """
    if are_texts(y) != are_texts(classes):
        raise ValueError(
            f"{name} holds {_kind(y)}, {_first_labels(y)}, but the estimator was "
            f"fitted on {_kind(classes)}: its classes are {classes.tolist()}. Pass "
            "labels of the kind that it was fitted on."
        )
    codes = np.searchsorted(classes, y)
    codes = np.minimum(codes, len(classes) - 1)
    unknown = classes[codes] != y
    if np.any(unknown):
        raise ValueError(
            f"{name} holds labels {_first_labels(np.asarray(y)[unknown])} that the "
            f"estimator was not fitted on; its classes are {classes.tolist()}."
        )
    return codes


def are_texts(labels):
    """Say whether labels are strings, in an array of strings or of objects.

    Parameters
    ----------
    labels : array-like of shape (n_samples,)
        As :func:`read_labels` returns them.
    """
    labels = np.asarray(labels)
    if labels.dtype == object:
        return len(labels) > 0 and isinstance(labels[0], str)
    return labels.dtype.kind in "UST"


def _kind(labels):
    return "strings" if are_texts(labels) else "numbers"


def _first_labels(labels):
    """Return in words which labels there are, the first of many."""
    labels = np.unique(labels).tolist()
    if len(labels) <= _MAX_LISTED:
        return str(labels)
    shown = ", ".join(map(repr, labels[:_MAX_LISTED]))
    return f"[{shown}, ...]"


def check_total_weight(weight):
    """Insist that not all evaluation rows have the weight 0.

    Parameters
    ----------
    weight : ndarray of shape (n_samples,) or None
        Sample weights.
    """
    if weight is not None and not np.any(weight):
        raise ValueError(
            "Nothing can be measured: all evaluation rows have a sample_weight of 0."
        )
