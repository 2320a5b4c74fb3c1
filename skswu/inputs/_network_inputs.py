"""Rows as networks take them beside tables: lists of inputs, data sets with labels."""

import numpy as np

from .._utils._array_api import as_numpy
from .._utils._compat import count_rows
from ._labels import are_texts, read_labels


class SeveralInputs(list):
    """A list of arrays that a module takes beside each other, with a row a sample."""

    @property
    def shape(self):
        return (count_rows(self[0]),)


def as_inputs(X, n_rows):
    """Return a list of arrays that hold a row a sample each as SeveralInputs.

    Parameters
    ----------
    X : object
        Rows; whatever else they are, they are returned as they are.
    n_rows : int
        Number of labels.
    """
    if not isinstance(X, (list, tuple)) or len(X) in (0, n_rows):
        return X
    if all(getattr(one, "shape", None) and len(one) == n_rows for one in X):
        return SeveralInputs(X)
    return X


def labels_of(dataset, name):
    """Return the labels that a data set of torch holds, without its rows where it can.

    Parameters
    ----------
    dataset : torch.utils.data.Dataset
        Of pairs of a row and its label.
    name : str
        What messages call the labels.

    Returns
    -------
    array-like of shape (n_samples,)

    Raises
    ------
    ValueError
        If it holds none.
    """
    within, indices = dataset, slice(None)
    while hasattr(within, "indices") and hasattr(within, "dataset"):  # a Subset
        indices = np.asarray(within.indices)[indices]
        within = within.dataset
    if hasattr(within, "X") and hasattr(within, "y"):  # of skorch
        labels = within.y
    elif len(getattr(within, "tensors", ())) == 2:  # a TensorDataset
        labels = within.tensors[1]
    else:
        return [_label(dataset[i], name) for i in range(len(dataset))]
    if labels is None:
        raise ValueError(f"{name} must be given: the data set holds no labels.")
    return labels if within is dataset else np.asarray(as_numpy(labels))[indices]


def check_labels_of(dataset, y, name):
    """Insist that labels are those that a data set of torch holds, if it holds any.

    It may hold the positions of the classes where labels are their names.

    Parameters
    ----------
    dataset : torch.utils.data.Dataset
        The rows.
    y : ndarray of shape (n_samples,)
        Their labels.
    name : str
        What messages call the labels.

    Raises
    ------
    ValueError
        If some differ.
    """
    try:
        own = labels_of(dataset, name)
        is_column = getattr(own, "shape", ())[1:] == (1,)
        own = read_labels(own[:, 0] if is_column else own, name)
    except (ValueError, RuntimeError):  # no labels of classes, soft ones for instance
        return
    n_other = int(np.sum(_are_others(own, np.asarray(y))))
    if n_other:
        raise ValueError(
            f"{name} differs from the labels that the data set itself holds in "
            f"{n_other} of {len(y)} rows. A network learns and is measured by the "
            f"pairs that a data set holds: pass {name} as it holds them (fit and "
            "unlearn read them if y is None), or a data set that holds these labels."
        )


def _are_others(own, y):
    """Mark the rows whose labels differ from those that a data set holds."""
    known, codes = np.unique(own, return_inverse=True)
    names, positions = np.unique(y, return_inverse=True)
    are_alike = are_texts(own) == are_texts(y)
    if are_alike and (len(known) == 1 or np.isin(known, names).all()):
        return own != y
    return codes != positions  # of the classes, which have other names


def _label(row, name):
    if not isinstance(row, (tuple, list)) or len(row) != 2:
        raise ValueError(
            f"{name} must be given: the data set does not return pairs of a row and "
            f"its label, but {type(row).__name__}."
        )
    label = row[1]
    return label.item() if hasattr(label, "item") else label
