"""Very long vectors, one entry a sample, that are read in passes over blocks."""

from dataclasses import dataclass, field, replace
from functools import partial
from itertools import count
from typing import Any

import numpy as np


class Part:
    """The samples of a block that count, as a call of a pass sees them.

    Parameters
    ----------
    block : Block
        The rows.
    rows : ndarray of shape (m, n)
        What constrains the samples, a row of the programme each.
    lower, upper : float or ndarray of shape (n,)
        The samples' bounds.
    which : ndarray of int of shape (n,) or None, default=None
        Their positions in the block; None is all of it.

    Attributes
    ----------
    block : Block
        The rows of the block, those that do not count as well.
    n : int
        Number of samples.
    """

    def __init__(self, block, rows, lower, upper, which=None):
        self.block, self._which = block, which
        self.rows, self.lower, self.upper = rows, lower, upper
        self.n = rows.shape[1]

    def __getitem__(self, name):
        """Return what is noted of the samples under a name."""
        noted = self.block[name]
        return noted if self._which is None else noted[self._which]

    def __setitem__(self, name, values):
        """Note values of the samples, and zeros of the rest of the block."""
        if self._which is not None:
            whole = np.zeros(self.block.n_rows, values.dtype)
            whole[self._which] = values
            values = whole
        self.block[name] = values

    def clip(self, values):
        """Return values within the bounds."""
        return np.clip(values, self.lower, self.upper)

    def inside(self, sides):
        """Return the part of the samples that are at no side.

        Parameters
        ----------
        sides : str
            Under which the sides are noted: 0 of those that count.
        """
        chosen = np.flatnonzero(self[sides] == 0)
        which = chosen if self._which is None else self._which[chosen]
        lower, upper = (
            bound if np.ndim(bound) == 0 else bound[chosen]
            for bound in (self.lower, self.upper)
        )
        return Part(self.block, self.rows[:, chosen], lower, upper, which)

    def at_sides(self, sides):
        """Return bounds for samples at their sides, 0 for others."""
        upper = np.where(sides > 0, self.upper, 0.0)
        return np.where(sides < 0, self.lower, upper)


@dataclass(frozen=True, eq=False)
class Samples:
    """The samples that a programme is about, and what constrains them.

    Attributes
    ----------
    blocks : RowBlocks
        The rows that they are of.
    m : int
        Number of constraint rows.
    read : callable
        Returns those of a block, (m, n_rows), and its lower and upper bounds.
    chosen : ndarray of int or None, default=None
        Which of the constraint rows; None is all.
    outside : tuple of str, default=()
        Notes of the sides at which samples no longer count.
    numbers : iterator of int
        Of the notes that are made of these samples, and of parts of them.
    known : set of str
        Names of those that are not forgotten.
    """

    blocks: Any
    m: int
    read: Any
    chosen: Any = None
    outside: tuple = ()
    numbers: Any = field(default_factory=count)
    known: set = field(default_factory=set)

    def reduce(self, call):
        """Return the sums of what a call returns, a function of a :class:`Part`."""
        call = partial(
            _of_part,
            call=call,
            read=self.read,
            chosen=self.chosen,
            outside=self.outside,
        )
        return self.blocks.reduce(call)[0]

    def inside(self, sides):
        """Return the samples that are at no side, by the name of a note."""
        return replace(self, outside=(*self.outside, sides))

    def with_rows(self, which):
        """Return the same samples with some of the constraint rows, by positions."""
        chosen = which if self.chosen is None else self.chosen[which]
        return replace(self, m=len(which), chosen=chosen)

    def new_name(self):
        """Return a name that no other note of these samples has."""
        name = f"sides {next(self.numbers)}"
        self.known.add(name)
        return name

    def forget(self, name):
        """Let go of a note."""
        self.known.discard(name)
        self.blocks.forget(name)

    def forget_all(self):
        """Let go of all notes that were made of these samples and parts of them."""
        self.blocks.forget(*self.known)
        self.known.clear()


def _of_part(block, call, read, chosen, outside):
    rows, lower, upper = read(block)
    part = Part(block, rows if chosen is None else rows[chosen], lower, upper)
    for sides in outside:
        part = part.inside(sides)
    return call(part)
