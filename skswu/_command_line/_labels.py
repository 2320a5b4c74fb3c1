"""The label to predict: one value of the target against all others."""

from dataclasses import dataclass

import numpy as np

from ._messages import UsageError, tell
from ._terminal import listed, quoted
from .reading import MISSING, as_number, describe_missing, read_values

_NUMBERS = {"true": 1.0, "false": 0.0}


@dataclass(frozen=True)
class Labels:
    """Which rows have the positive label.

    Parameters
    ----------
    y : ndarray of int of shape (n_rows,)
        1 for the positive label, else 0.
    positive : str
        The label's name in the table.
    others : list of str
        Those of the other labels.
    """

    y: np.ndarray
    positive: str
    others: list


def read_labels(column, positive, decimal):
    """Return the Labels of a column.

    Parameters
    ----------
    column : Series
        The target.
    positive : str or None
        The label that counts as 1, however it is written.
    decimal : {".", ","}
        What stands before decimals.

    Raises
    ------
    UsageError
        If some are missing, there are less than two, or the positive one is none.
    """
    # "None" beside one other value is a label.
    values = read_values(column, decimal)
    if len(values.names) < 2:
        values = read_values(column, decimal, MISSING & {""})
    name = quoted(column.name)
    if values.n_missing:
        raise UsageError(
            f"the target {name} has {describe_missing(column, values)}; fill them or "
            "drop the rows"
        )
    if len(values.names) < 2:
        raise UsageError(
            f"the target {name} must have two values or more; it has "
            f"{len(values.names)}: {listed(values.names)}"
        )
    label = find_label(values.names, positive, name)
    others = [other for other in values.names if other != label]
    _tell_of_other_spellings(label, others)
    y = (values.codes == values.names.index(label)).astype(int)
    return Labels(y, label, others)


def find_label(names, asked, target):
    """Return the one of the labels that is asked for, however it is written.

    Raises
    ------
    UsageError
        If there is not one.
    """
    if asked is None:
        raise UsageError(f"--positive is missing; {target} has {listed(names)}")
    if asked.strip() in names:
        return asked.strip()
    found = [name for name in names if _meaning(name) == _meaning(asked)]
    if len(found) != 1:
        problem = "is not a value" if not found else "may be one of several values"
        raise UsageError(
            f"--positive {quoted(asked)} {problem}; {target} has {listed(names)}"
        )
    return found[0]


def _meaning(text):
    """Return a text without its case, or the number that it stands for."""
    text = text.strip().casefold()
    number = _NUMBERS.get(text, as_number(text))
    return text if number is None else number


def _tell_of_other_spellings(label, others):
    alike = [other for other in others if _meaning(other) == _meaning(label)]
    if alike:
        tell(
            f"labels that differ from {quoted(label)} in their spelling count as "
            f"others: {listed(alike)}"
        )
