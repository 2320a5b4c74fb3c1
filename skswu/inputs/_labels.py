"""Labels as positions, and the weights that rows are measured with."""

import numpy as np


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
        If a label is not one of the classes; names the parameter.
    """
    codes = np.searchsorted(classes, y)
    codes = np.minimum(codes, len(classes) - 1)
    unknown = classes[codes] != y
    if np.any(unknown):
        labels = np.unique(np.asarray(y)[unknown]).tolist()
        raise ValueError(
            f"{name} holds labels {labels} that the estimator was not fitted on; its "
            f"classes are {classes.tolist()}."
        )
    return codes


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
