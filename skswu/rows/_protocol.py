"""What an algorithm may ask of rows, wherever they lie."""

from typing import Protocol, runtime_checkable


@runtime_checkable
class RowBlocks(Protocol):
    """Rows in blocks, each with all that is known of its rows.

    An algorithm asks for no more than these methods, so that rows may lie in
    memory, in a file or on other machines. A *call* is a function of a
    :class:`~skswu.rows.Block` that returns a tuple of small arrays or numbers, or of
    whatever else is small and can be added. It may note values beside the block's own
    rows, and changes nothing else; where rows lie in other processes it is pickled, so
    that it has to be a function of a module, or a :func:`functools.partial` of one.

    Attributes
    ----------
    n_rows : int
        Number of rows.
    """

    n_rows: int

    def reduce(self, *calls):
        """Return the sums of what calls return, over all blocks.

        Parameters
        ----------
        *calls : callable
            They share a single reading of the features.

        Returns
        -------
        list of tuple
            One a call.
        """

    def collect(self, name):
        """Return what is noted beside all rows under a name.

        Parameters
        ----------
        name : str
            As a block was given it.

        Returns
        -------
        ndarray of shape (..., n_rows) or None
            None if nothing is.
        """

    def hand_over(self, name):
        """Return what is noted as a user of the rows gets it.

        Parameters
        ----------
        name : str
            As a block was given it.

        Returns
        -------
        ndarray or dask array of shape (..., n_rows)
            Rows in memory give arrays; those of a cluster leave it where it is.
        """

    def __contains__(self, name):
        """Say whether something is noted under a name."""

    def spread(self, name, values):
        """Note values beside the rows.

        Parameters
        ----------
        name : str
            Under which blocks find them.
        values : ndarray of shape (..., n_rows)
            The values.
        """

    def number(self, name):
        """Note the rows' positions, from 0 on.

        Parameters
        ----------
        name : str
            Under which blocks find them.
        """

    def forget(self, *names):
        """Let go of what is noted under some names.

        Parameters
        ----------
        *names : str
            Of what was noted, or was not.
        """

    def beside(self, **noted):
        """Return the same rows with other notes, to be changed on their own.

        Parameters
        ----------
        **noted : ndarray of shape (..., n_rows) or None
            What is known of the rows; None is left out.

        Returns
        -------
        RowBlocks
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
        RowBlocks
        """
