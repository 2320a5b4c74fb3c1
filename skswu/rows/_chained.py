"""Rows in several parts, one after the other."""

from copy import copy

import numpy as np

from ._noted_blocks import add


class ChainedBlocks:
    """Rows of several row stores, one after the other.

    Parameters
    ----------
    parts : list of RowBlocks
        In order.

    Attributes
    ----------
    parts : list of RowBlocks
        In order.
    n_rows : int
        Number of rows of all of them.
    """

    def __init__(self, parts):
        self.parts = list(parts)
        self.n_rows = sum(part.n_rows for part in self.parts)

    def reduce(self, *calls):
        """Return the sums of what calls return, over all parts."""
        totals = [None] * len(calls)
        for part in self.parts:
            totals = list(map(add, totals, part.reduce(*calls)))
        return totals

    def __contains__(self, name):
        return name in self.parts[0]

    def collect(self, name):
        """Return what is noted beside all rows under a name, or None."""
        if name not in self:
            return None
        return np.concatenate([part.collect(name) for part in self.parts], axis=-1)

    def hand_over(self, name):
        """Return what is noted as an array."""
        return self.collect(name)

    def spread(self, name, values):
        """Note values beside the rows."""
        for part, own in zip(self.parts, self.cut(values), strict=True):
            part.spread(name, own)

    def number(self, name, first=0):
        """Note the rows' positions, from that of the first row on."""
        for part in self.parts:
            part.number(name, first)
            first += part.n_rows

    def forget(self, *names):
        """Let go of what is noted under some names."""
        for part in self.parts:
            part.forget(*names)

    def beside(self, **noted):
        """Return the same rows with other notes."""
        cut = {k: self.cut(v) for k, v in noted.items() if v is not None}
        return self._made_of(
            part.beside(**{name: values[k] for name, values in cut.items()})
            for k, part in enumerate(self.parts)
        )

    def apart(self, *names, **renamed):
        """Return the same rows with the same notes, to be added to on their own."""
        return self._made_of(part.apart(*names, **renamed) for part in self.parts)

    def _made_of(self, parts):
        rows = copy(self)
        rows.parts = list(parts)
        return rows

    def cut(self, values):
        """Return the views of each part's values, of (..., n_rows)."""
        ends = np.cumsum([part.n_rows for part in self.parts])[:-1]
        return np.split(values, ends, axis=-1)
