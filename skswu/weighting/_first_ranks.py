"""The samples that come first in an order, found in passes over blocks of rows."""

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

# Bits of a number that a pass counts by, from the highest: a table of 16 kB.
_BITS = 11
_SHIFTS = range(55, -1, -_BITS)
# Above all positions of rows.
_BEHIND = np.uint64(1) << np.uint64(62)


@dataclass(frozen=True)
class FirstRanks:
    """The k samples of the largest values, the first ones of those that are equal.

    Attributes
    ----------
    value : str
        Under which rows know their values, float64.
    least : float
        Values up to this one, which is not negative, do not count.
    threshold : int
        The smallest value that counts, as the bits of a float.
    last : int
        Of rows with just this value, those after the last position do not count.
    """

    value: str
    least: float
    threshold: int
    last: int

    def of(self, block):
        """Say which rows of a block are among them, shape (n_rows,)."""
        ranks = _ranks(block, self.value, self.least)
        among = ranks > self.threshold
        if self.last < 0:
            return among
        is_last = ranks == self.threshold
        return among | (is_last & (block[POSITION] <= self.last))


#: Under which rows know their positions, where these are asked for.
POSITION = "position"


def first_ranks(rows, value, least, k):
    """Return the FirstRanks of rows.

    Parameters
    ----------
    rows : RowBlocks
        That know their values; where equal ones have to be parted, they know their
        positions afterwards.
    value : str
        Under which they know them.
    least : float
        Values up to this one, which is not negative, do not count.
    k : int
        The largest number of samples.
    """
    if k == 0:
        return FirstRanks(value, np.inf, 0, -1)
    ranks = partial(_ranks, value=value, least=least)
    found = _search(rows, ranks, k)
    if found is None:
        return FirstRanks(value, least, 0, -1)
    if found.n_inside == found.n_equal:
        return FirstRanks(value, least, found.rank - 1, -1)
    rows.number(POSITION)
    order = partial(_order_of_equal, ranks=ranks, rank=found.rank)
    last = _search(rows, order, found.n_inside)
    return FirstRanks(value, least, found.rank, int(_BEHIND) - last.rank)


@dataclass(frozen=True)
class _Rank:
    """The rank that the k-th row has, and how many of its rows are within the k."""

    rank: Any
    n_inside: int
    n_equal: int


def _search(rows, ranks, k):
    """Return the _Rank of the k-th row, None if fewer have a rank above zero."""
    rank, left = 0, k
    for shift in _SHIFTS:
        call = partial(_counts, ranks=ranks, rank=rank, shift=shift)
        ((counts,),) = rows.reduce(call)
        reached = counts[::-1].cumsum()
        if reached[-1] < left:
            return None
        position = int(np.searchsorted(reached, left))
        n_equal = int(counts[::-1][position])
        left -= int(reached[position]) - n_equal
        rank = (rank << _BITS) + len(counts) - 1 - position
    return _Rank(rank, left, n_equal)


def _counts(block, ranks, rank, shift):
    """Return how many rows of a block go on from a rank with each next few bits."""
    found = ranks(block)
    chosen = found > 0
    if shift + _BITS < 64:
        chosen &= found >> np.uint64(shift + _BITS) == np.uint64(rank)
    bits = (found[chosen] >> np.uint64(shift)) & np.uint64(2**_BITS - 1)
    return (np.bincount(bits.astype(np.intp), minlength=2**_BITS),)


def _ranks(block, value, least):
    """Return values as integers of the same order, 0 for those that do not count."""
    values = block[value]
    return np.where(values > least, values, 0.0).view(np.uint64)


def _order_of_equal(block, ranks, rank):
    """Return integers that fall along the rows of one rank, and 0 for others."""
    is_equal = ranks(block) == np.uint64(rank)
    order = _BEHIND - block[POSITION].astype(np.uint64)
    return np.where(is_equal, order, np.uint64(0))
