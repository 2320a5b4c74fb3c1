"""Rows with what is noted of them in memory, in one table for all blocks."""

from abc import ABC, abstractmethod

import numpy as np


class NotedBlocks(ABC):
    """Rows whose notes are in memory; subclasses say where their features are.

    Attributes
    ----------
    n_rows : int
        Number of rows.
    blocks : iterable of Block
        In order, on one table of notes.
    """

    n_rows: int

    @abstractmethod
    def beside(self, **noted):
        """Return the same rows with other notes, to be changed on their own.

        Parameters
        ----------
        **noted : ndarray of shape (..., n_rows) or None
            What is known of the rows.

        Returns
        -------
        rows : NotedBlocks
            With the same features.
        """

    def apart(self, *names, **renamed):
        """Return the same rows with the same notes, to be added to on their own.

        Notes of the same name and shape are shared as long as they are written into.

        Parameters
        ----------
        *names : str
            Which notes; none are all of them.
        **renamed : str
            Further notes under new names, by the names that they have here.

        Returns
        -------
        rows : NotedBlocks
            With the same features.
        """
        known = {name: name for name in names or self._table} | renamed
        return self.beside(**{new: self._table.get(old) for new, old in known.items()})

    def __contains__(self, name):
        return name in self._table

    def reduce(self, *calls):
        """Return the sums of what calls return, over all blocks.

        Parameters
        ----------
        *calls : callable
            Functions of a block.

        Returns
        -------
        list of tuple
            One a call.
        """
        totals = [None] * len(calls)
        for results in self._results(calls):
            totals = [add(*pair) for pair in zip(totals, results, strict=True)]
        return totals

    def _results(self, calls):
        """Yield what calls return of each block."""
        for block in self.blocks:
            yield [call(block) for call in calls]

    def collect(self, name):
        """Return what is noted beside all rows under a name, or None.

        Parameters
        ----------
        name : str
            Of what is noted.

        Returns
        -------
        ndarray of shape (..., n_rows) or None
        """
        return self._table.get(name)

    def hand_over(self, name):
        """Return what is noted as a user of the rows gets it: here, as an array.

        Parameters
        ----------
        name : str
            Of what is noted.

        Returns
        -------
        ndarray of shape (..., n_rows)
        """
        return self._table[name]

    def spread(self, name, values):
        """Note values beside the rows.

        Parameters
        ----------
        name : str
            Under which blocks find them.
        values : ndarray of shape (..., n_rows)
            Not copied.
        """
        self._table[name] = values

    def number(self, name, first=0):
        """Note the rows' positions.

        Parameters
        ----------
        name : str
            Under which blocks find them.
        first : int, default=0
            That of the first row.
        """
        self._table[name] = np.arange(first, first + self.n_rows)

    def forget(self, *names):
        """Let go of what is noted under some names.

        Parameters
        ----------
        *names : str
            Of what was noted, or was not.
        """
        for name in names:
            self._table.pop(name, None)


def as_table(noted):
    """Return notes that are not None as the table of blocks."""
    return {name: values for name, values in noted.items() if values is not None}


def add(total, sums):
    """Add a tuple of sums to a total, which may be None.

    The first sums become the total, and are added to in place where they are arrays.
    """
    if total is None:
        return tuple(sums)
    added = []
    for known, more in zip(total, sums, strict=True):
        known += more
        added.append(known)
    return tuple(added)
