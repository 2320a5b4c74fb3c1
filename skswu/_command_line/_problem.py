"""What the command works on: columns in their roles, rows in their parts."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ..datasets._adult import SUBSETS
from ._arguments import ADULT
from ._groups import cross, read_groups
from ._labels import read_labels
from ._messages import UsageError
from ._rows import Rows
from ._terminal import count, listed, printable, quoted
from .reading import ReadCall, read_table

_ADULT_COLUMNS = {"target": "income", "positive": ">50K", "sensitive": ["sex"]}
_TEST_SHARE = 0.3
_EVALUATION_SHARE = 0.2
# Enough that fitting, evaluating and testing each get some rows of the cell.
_SMALLEST_CELL = 10
# Each is a column for each of its values.
_MOST_TEXTS = 5_000


@dataclass(frozen=True)
class Problem:
    """The rows in their parts, and what they are called.

    Parameters
    ----------
    source, notation : str
        The file, and what is unusual about it.
    target, positive : str
        The column to predict, and its value that counts as 1.
    others : list of str
        Its other values.
    left_out : list of str
        Columns that are not trained on.
    call : ReadCall
        Reads a table like this one.
    fitting, evaluation, test : Rows
        What to fit, to measure the correction and to compare the models on.
    """

    source: str
    notation: str
    target: str
    positive: str
    others: list
    left_out: list
    call: ReadCall
    fitting: Rows
    evaluation: Rows
    test: Rows


def read_problem(options, needs_groups):
    """Return the Problem that the command's options describe.

    Raises
    ------
    UsageError
        If a file cannot be read or a column cannot serve.
    """
    table = read_table(options)
    roles = {name: getattr(options, name) for name in _ADULT_COLUMNS}
    if table.source == ADULT:
        roles = {name: role or _ADULT_COLUMNS[name] for name, role in roles.items()}
    target, sensitive = roles["target"], roles["sensitive"] or []
    left_out = [*sensitive, *options.drop]
    _check_roles(table, target, sensitive, options.drop, needs_groups)
    frame = table.frame
    labels = read_labels(frame[target], roles["positive"], table.decimal)
    groups = None
    if sensitive:
        groups = read_groups(frame, sensitive, options.missing_groups, table.decimal)
    _check_cells(None if groups is None else cross(groups), labels, target)
    features = [name for name in frame if name not in {target, *left_out}]
    if not features:
        raise UsageError(f"{printable(table.source)} has no column left to train on")
    X, call = table.features(features)
    _check_texts(X)
    fitting, evaluation, test = _split(Rows(X, labels.y, groups), table, options)
    return Problem(
        source=table.source,
        notation=table.notation,
        target=target,
        positive=labels.positive,
        others=labels.others,
        left_out=left_out,
        call=call,
        fitting=fitting,
        evaluation=evaluation,
        test=test,
    )


def _check_roles(table, target, sensitive, dropped, needs_groups):
    _check_column("--target", target, table)
    for column in sensitive or ([None] if needs_groups else []):
        _check_column("--sensitive", column, table)
    for column in dropped:
        _check_column("--drop", column, table)
    roles = {"--target": [target], "--sensitive": sensitive, "--drop": dropped}
    taken = {}
    for option, columns in roles.items():
        for column in columns:
            if column in taken:
                raise UsageError(
                    f"{taken[column]} and {option} both name {quoted(column)}"
                )
            taken[column] = option


def _check_column(option, column, table):
    if column not in table.frame:
        problem = "is missing"
        if column is not None:
            problem = f"{quoted(column)} is not a column"
        names = listed(table.frame.columns)
        raise UsageError(f"{option} {problem}; {printable(table.source)} has {names}")


def _check_texts(X):
    n_texts = sum(dtype.kind not in "iuf" for dtype in X.dtypes)
    if n_texts > _MOST_TEXTS:
        raise UsageError(
            f"{n_texts:,} columns hold texts, and at most {_MOST_TEXTS:,} can be "
            "encoded; leave some out before"
        )


def _check_cells(groups, labels, target):
    names = np.full(len(labels.y), "all") if groups is None else groups
    counts = pd.crosstab(names, labels.y).stack()
    if counts.min() >= _SMALLEST_CELL:
        return
    group, positive = counts.idxmin()
    others = labels.others if len(labels.others) == 1 else [f"not {labels.positive}"]
    label = labels.positive if positive else others[0]
    where = "" if groups is None else f"{group} and "
    raise UsageError(
        f"only {count(int(counts.min()), 'row')} with {where}{target} = {label}; at "
        f"least {_SMALLEST_CELL} are needed: merge small groups or drop their rows"
    )


def _split(rows, table, options):
    """Return the rows to fit, to evaluate and to test on."""
    if table.source == ADULT:
        train, test = rows.take(SUBSETS["train"]), rows.take(SUBSETS["test"])
    else:
        train, test = rows.split(_TEST_SHARE, options.random_state)
    return *train.split(_EVALUATION_SHARE, options.random_state), test
