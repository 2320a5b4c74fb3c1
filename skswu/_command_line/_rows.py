"""The rows that the command works on, from the embedded data or a CSV file."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.model_selection import train_test_split

from ..datasets import load_adult
from ..datasets._adult import SUBSETS
from ..inputs._sensitive_features import read_sensitive_features
from ._usage_error import UsageError

ADULT = "adult"
ADULT_COLUMNS = {"target": "income", "positive": ">50K", "sensitive": ["sex"]}
TEST_SHARE = 0.3
# Enough that fitting, evaluating and testing each get some rows of the cell.
SMALLEST_CELL = 10
MOST_LISTED = 20


@dataclass(frozen=True)
class Rows:
    """Some rows of a table.

    Parameters
    ----------
    X : DataFrame of shape (n_rows, n_features)
        What to train on.
    y : ndarray of int of shape (n_rows,)
        1 for the positive label, else 0.
    groups : ndarray of str of shape (n_rows,)
        Name of the row's group.
    """

    X: pd.DataFrame
    y: np.ndarray
    groups: np.ndarray

    def __len__(self):
        return len(self.y)

    def take(self, positions):
        """Return the rows at some positions, or of a slice."""
        return Rows(self.X.iloc[positions], self.y[positions], self.groups[positions])

    def split(self, share, random_state):
        """Return two parts, the second with a share of every group and label."""
        _, codes = np.unique(self.groups, return_inverse=True)
        parts = train_test_split(
            np.arange(len(self)),
            test_size=share,
            stratify=2 * codes + self.y,
            random_state=random_state,
        )
        return [self.take(positions) for positions in parts]


@dataclass(frozen=True)
class Problem:
    """Training and test rows, and what they are called."""

    source: str
    target: str
    positive: str
    sensitive: str
    train: Rows
    test: Rows


def read_problem(options):
    """Return the Problem that the command's options describe.

    Raises
    ------
    UsageError
        If a file cannot be read or a column cannot serve.
    """
    source = options.file or options.data
    columns = {name: getattr(options, name) for name in ADULT_COLUMNS}
    if source == ADULT:
        columns = {k: v or ADULT_COLUMNS[k] for k, v in columns.items()}
        rows = _rows(load_adult().frame, source, **columns)
        train, test = rows.take(SUBSETS["train"]), rows.take(SUBSETS["test"])
    else:
        rows = _rows(_read_csv(source), source, **columns)
        train, test = rows.split(TEST_SHARE, options.random_state)
    columns["sensitive"] = " and ".join(columns["sensitive"])
    return Problem(source=source, train=train, test=test, **columns)


def _read_csv(path):
    if not Path(path).is_file():
        raise UsageError(f"there is no file {path!r}; give a CSV file or {ADULT!r}")
    try:
        return pd.read_csv(path, low_memory=False)
    except (OSError, ValueError) as error:
        raise UsageError(f"cannot read {path!r} as CSV: {error}") from error


def _rows(frame, source, target, positive, sensitive):
    _check_column("--target", target, frame, source)
    for column in sensitive or [None]:
        _check_column("--sensitive", column, frame, source)
    if target in sensitive:
        raise UsageError(f"--target and --sensitive both name {target!r}")
    X = frame.drop(columns=[target, *sensitive])
    if X.shape[1] == 0:
        raise UsageError(f"{source} has no column left to train on")
    y = _labels(frame[target], positive)
    groups = _group_names(frame, sensitive)
    _check_cells(groups, frame[target], " and ".join(sensitive))
    return Rows(X, y, groups)


def _check_column(option, column, frame, source):
    if column not in frame:
        problem = "is missing" if column is None else f"{column!r} is not a column"
        raise UsageError(f"{option} {problem}; {source} has {_listed(frame.columns)}")


def _labels(column, positive):
    if column.isna().any():
        raise UsageError(
            f"the target {column.name!r} has {column.isna().sum()} missing values; "
            "fill them or drop the rows"
        )
    values = column.astype(str).to_numpy()
    labels = np.unique(values).tolist()
    if len(labels) != 2:
        raise UsageError(
            f"the target {column.name!r} must have two values; it has {len(labels)}: "
            f"{_listed(labels)}"
        )
    if positive not in labels:
        problem = "is missing" if positive is None else f"{positive!r} is not a value"
        raise UsageError(f"--positive {problem}; {column.name!r} has {_listed(labels)}")
    return (values == positive).astype(int)


def _group_names(frame, sensitive):
    name = f"--sensitive {' --sensitive '.join(sensitive)}"
    try:
        groups = read_sensitive_features(frame[sensitive], None, None, len(frame), name)
    except ValueError as error:
        raise UsageError(str(error)) from error
    return np.array(groups.names)[groups.codes]


def _check_cells(groups, target, sensitive):
    counts = pd.crosstab(groups, target.to_numpy()).stack()
    if counts.min() < SMALLEST_CELL:
        group, label = counts.idxmin()
        raise UsageError(
            f"only {counts.min()} rows have {sensitive} = {group} and "
            f"{target.name} = {label}; at least {SMALLEST_CELL} are needed: merge "
            "small groups or drop their rows"
        )


def _listed(names):
    shown = ", ".join(repr(str(name)) for name in names[:MOST_LISTED])
    return shown + (", ..." if len(names) > MOST_LISTED else "")
