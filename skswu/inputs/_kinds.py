"""Rows by their kind, label and groups, of which there are few however many rows.

What is asked of labels and groups is asked of kinds, so that nothing with an entry a
row is needed where the rows are not.
"""

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np


class Tally(dict):
    """Numbers of rows by kind, which can be added.

    Keys are tuples; values are number, weight, sum of squared weights, and least and
    largest weight of a row.
    """

    def __iadd__(self, other):
        for kind, (*sums, least, most) in other.items():
            known = self.get(kind)
            if known is not None:
                sums = [one + more for one, more in zip(known, sums, strict=False)]
                least, most = min(least, known[3]), max(most, known[4])
            self[kind] = *sums, least, most
        return self


@dataclass(frozen=True, eq=False)
class Kinds:
    """Kinds of rows, with how many rows there are of each.

    Attributes
    ----------
    codes : ndarray of int of shape (n_kinds,)
        Positions of their labels in the classes.
    groups : Groups or None
        Their groups.
    n : ndarray of shape (n_kinds,)
        Numbers of rows.
    weight : ndarray of shape (n_kinds,)
        Total sample weights.
    squares : ndarray of shape (n_kinds,)
        Sums of the squared sample weights.
    is_weighted : bool
        Whether rows have sample weights.
    weigh_alike : bool
        Whether all rows have the same one.
    """

    codes: np.ndarray
    groups: Any
    n: np.ndarray
    weight: np.ndarray
    squares: np.ndarray
    is_weighted: bool
    weigh_alike: bool


def tally_rows(rows, columns):
    """Return the Tally of rows by what is noted of them.

    Parameters
    ----------
    rows : RowBlocks
        The rows.
    columns : tuple of str
        Names of notes.
    """
    ((tally,),) = rows.reduce(partial(_tally, columns=columns))
    return tally


def note_kinds(rows, columns, kinds, codes):
    """Let rows know their ``kind`` and the ``code`` of their label.

    Parameters
    ----------
    rows : RowBlocks
        The rows.
    columns : tuple of str
        Names of notes, which are let go of.
    kinds : list of tuple
        In order.
    codes : ndarray of int of shape (n_kinds,)
        Positions of their labels.
    """
    kind = np.min_scalar_type(-len(kinds) - 1)
    positions = {one: position for position, one in enumerate(kinds)}
    codes = codes.astype(np.min_scalar_type(-int(codes.max(initial=0)) - 1))
    call = partial(
        _note_kinds, columns=columns, positions=positions, codes=codes, dtype=kind
    )
    rows.reduce(call)
    rows.forget(*columns)


class KindNotes:
    """Rows of which kinds are known here: what is spread over them is one a kind.

    Parameters
    ----------
    rows : RowBlocks
        That know their ``kind``.
    """

    def __init__(self, rows):
        self.rows = rows

    def spread(self, name, values):
        """Note values (..., n_kinds) beside the rows of each kind."""
        self.rows.reduce(partial(_note_of_kinds, name=name, values=values))


def _note_of_kinds(block, name, values):
    block[name] = values[..., block["kind"]]
    return ()


def _distinct(block, columns):
    """Return the kinds in a block, and the position of each row's among them."""
    import pandas as pd

    kinds, positions = [()], 0
    for name in columns:
        codes, values = pd.factorize(block[name], use_na_sentinel=False)
        values = [None if pd.isna(one) else one for one in values.tolist()]
        positions, found = pd.factorize(positions * len(values) + codes)
        pairs = [divmod(one, len(values)) for one in found.tolist()]
        kinds = [(*kinds[kind], values[code]) for kind, code in pairs]
    return kinds, positions


def _tally(block, columns):
    kinds, positions = _distinct(block, columns)
    n = np.bincount(positions, minlength=len(kinds))
    if np.ndim(block.count) == 0:
        values = [(m, m, m, 1.0, 1.0) for m in n.astype(float).tolist()]
        return (Tally(zip(kinds, values, strict=True)),)
    count = block.count
    weight = np.bincount(positions, count, len(kinds))
    least, most = np.full(len(kinds), np.inf), np.zeros(len(kinds))
    np.minimum.at(least, positions, count)
    np.maximum.at(most, positions, count)
    squares = np.bincount(positions, count**2, len(kinds))
    values = np.column_stack([n, weight, squares, least, most]).tolist()
    return (Tally(zip(kinds, values, strict=True)),)


def _note_kinds(block, columns, positions, codes, dtype):
    kinds, found = _distinct(block, columns)
    kind = np.array([positions[one] for one in kinds])[found]
    block["kind"] = kind.astype(dtype)
    block["code"] = codes[kind]
    return ()
