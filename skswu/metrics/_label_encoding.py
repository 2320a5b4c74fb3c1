"""Labels of any kind, encoded as the 0 and 1 that the parity metrics work on."""

from __future__ import annotations

import numpy as np
import pandas as pd


def encode_predictions(
    y, predictions, classes, pos_label=None, needs_positive_label=True
):
    """Encode labels and predictions alike.

    Parameters
    ----------
    y, predictions : ndarray of shape (n_samples,)
        True and predicted labels.
    classes : ndarray of shape (n_classes,)
        Classes that the classifier knows, in `y` or not.
    pos_label : label, optional
        The class that becomes 1; all others become 0. By default the greater of two.
    needs_positive_label : bool, default=True
        If False, more than two classes may do without `pos_label` and are numbered.

    Returns
    -------
    y, predictions : ndarray of int, shape (n_samples,)

    Raises
    ------
    ValueError
        If `pos_label` is no label, or is needed and not given.
    """
    labels = _sorted_labels(y, predictions, classes)
    if pos_label is None and len(labels) == 2:
        pos_label = labels[1]
    if pos_label is None and not needs_positive_label:
        codes, _ = pd.factorize(np.concatenate([y, predictions]))
        return codes[: len(y)], codes[len(y) :]
    if pos_label not in labels:
        raise ValueError(
            f"pos_label must be one of the labels {labels}; got {pos_label!r}."
            + (" It has no default unless there are two." if pos_label is None else "")
        )
    return (y == pos_label).astype(np.int8), (predictions == pos_label).astype(np.int8)


def _sorted_labels(y, predictions, classes):
    if pd.isna(y).any():
        raise ValueError(f"y has {pd.isna(y).sum()} missing labels.")
    labels = {
        _as_python(label)
        for part in (y, predictions, classes)
        for label in pd.unique(part)
    }
    try:
        return sorted(labels)
    except TypeError:
        raise ValueError(
            "y and the predictions must hold labels of one kind, numbers or strings; "
            f"got {sorted(labels, key=str)}."
        ) from None


def _as_python(label):
    """The label as messages should show it: 1, not np.int64(1)."""
    return label.item() if isinstance(label, np.generic) else label
