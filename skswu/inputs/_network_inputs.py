"""Rows as networks take them beside tables: lists of inputs, data sets with labels."""

import numpy as np

from .._utils._compat import count_rows


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
    indices = getattr(dataset, "indices", None)
    if indices is not None and hasattr(dataset, "dataset"):
        return np.asarray(labels_of(dataset.dataset, name))[np.asarray(indices)]
    if hasattr(dataset, "X") and hasattr(dataset, "y"):  # of skorch
        labels = dataset.y
    elif len(getattr(dataset, "tensors", ())) == 2:  # a TensorDataset
        labels = dataset.tensors[1]
    else:
        labels = [_label(dataset[i], name) for i in range(len(dataset))]
    if labels is None:
        raise ValueError(f"{name} must be given: the data set holds no labels.")
    return labels


def _label(row, name):
    if not isinstance(row, (tuple, list)) or len(row) != 2:
        raise ValueError(
            f"{name} must be given: the data set does not return pairs of a row and "
            f"its label, but {type(row).__name__}."
        )
    label = row[1]
    return label.item() if hasattr(label, "item") else label
