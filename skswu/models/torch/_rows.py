"""Rows of data as a torch view reads them."""

from ...rows._block import Block
from ...rows._noted_blocks import NotedBlocks, as_table
from ._block import NetworkBlock, TorchBlock
from ._kept_jacobians import KeptJacobians
from ._noted_margins import NotedMargins

# Entries of margins that functions of them alone are computed of at a time.
_ENTRIES = 2**20


class TorchRows(NotedBlocks):
    """Rows of data, each batch of which is a block.

    What is noted beside rows is numpy, in memory. A batch that does not fit into the
    device's memory is halved, so that a call may be run again on parts of its block: it
    assigns what it notes, and adds nothing to it.

    Parameters
    ----------
    batches : Batches
        The inputs.
    targets : Tensor of shape (n_samples,)
        Labels as the loss takes them, on the device.
    **noted : ndarray of shape (..., n_samples) or None
        What is known of the rows. ``code`` are their labels as positions in the view's
        classes, ``weight`` is sample weight times class weight, of training rows.

    Attributes
    ----------
    n_rows : int
        Number of rows.
    mass : float or None
        Scale of the regulariser, see ``SampleLoss.mass``; None on evaluation rows.
    margins : NotedMargins
        What the network made of the rows last.
    jacobians : KeptJacobians
        What products left of the batches.
    """

    def __init__(self, batches, targets, **noted):
        self.batches = batches
        self.targets = targets
        self.n_rows = len(targets)
        self.mass = None
        self.margins = NotedMargins()
        self.jacobians = KeptJacobians()
        self._table = as_table(noted)

    def __len__(self):
        return self.n_rows

    @property
    def codes(self):
        """Labels as positions in the view's classes, shape (n_samples,)."""
        return self._table["code"]

    @property
    def weight(self):
        """Sample weight times class weight, (n_samples,); None on evaluation rows."""
        return self._table.get("weight")

    @weight.setter
    def weight(self, weight):
        self._table["weight"] = weight

    @property
    def source(self):
        """What the batches are read from."""
        return self.batches.source

    @property
    def limit(self):
        """Largest number of rows in a batch, once the device ran out of memory."""
        return self.batches.limit

    @limit.setter
    def limit(self, limit):
        self.batches.limit = limit

    @property
    def blocks(self):
        """The blocks in order, read anew each time."""
        for batch in self.batches:
            yield self._block(batch)

    def _block(self, batch):
        targets = self.targets[batch.rows]
        constants = self.batches.constants
        return TorchBlock(batch, targets, self._table, self.n_rows, constants)

    def beside(self, **noted):
        rows = TorchRows(self.batches, self.targets, **noted)
        rows.mass, rows.margins = self.mass, self.margins
        rows.jacobians = self.jacobians
        return rows

    def at(self, network, parameters, jacobians=None):
        """Return the same rows as a network sees them; notes are shared.

        Parameters
        ----------
        network : Network
            The network.
        parameters : Tensor of shape (n_parameters,)
            Its parameters.
        jacobians : dict or None, default=None
            Those of batches that are known, by the ends of their rows.

        Returns
        -------
        NetworkRows
        """
        return NetworkRows(self, self._table, network, parameters, jacobians or {})

    def bare_blocks(self, n_entries):
        """Yield blocks that know what is noted of rows, and nothing else.

        Parameters
        ----------
        n_entries : int
            Of a row, which bounds how many rows are worked on at a time.
        """
        step = max(_ENTRIES // max(n_entries, 1), 1)
        for start in range(0, self.n_rows, step):
            rows = slice(start, min(start + step, self.n_rows))
            yield Block(None, rows, self._table, self.n_rows)

    def each(self, function):
        """Yield what a function makes of each block, or of its parts.

        Parameters
        ----------
        function : callable
            Of a TorchBlock; it must not return None.
        """
        for block in self.blocks:
            yield from self.attempt(function, block)

    def attempt(self, function, block):
        """Yield what a function makes of a block, or of parts, see ``Batches``."""
        yield from self.batches.attempt(function, block)

    def _results(self, calls):
        yield from self.each(lambda block: [call(block) for call in calls])

    def first_rows(self, n_rows):
        """Return the first rows as a block; fewer where the first batch has fewer."""
        block = next(iter(self.blocks))
        return block.part(0, min(n_rows, len(block)))

    def of_first_rows(self, function, n_rows):
        """Return ``function(block)`` of the first rows."""
        return next(self.attempt(function, self.first_rows(n_rows)))


class NetworkRows(NotedBlocks):
    """Rows of data as a network at fixed parameters sees them.

    Parameters
    ----------
    rows : TorchRows
        The rows.
    table : dict of str to ndarray of shape (..., n_samples)
        What is noted of them.
    network : Network
        The network.
    parameters : Tensor of shape (n_parameters,)
        Its parameters.
    jacobians : dict of tuple to LayerJacobian
        Those of batches that are known, by the ends of their rows.
    """

    def __init__(self, rows, table, network, parameters, jacobians):
        self.rows = rows
        self.n_rows = rows.n_rows
        self.network = network
        self.parameters = parameters
        self.jacobians = jacobians
        self._table = table

    @property
    def blocks(self):
        """The blocks in order, read anew each time."""
        for block in self.rows.blocks:
            yield self._seen(block)

    def _seen(self, block):
        ends = block.rows.start, block.rows.stop
        return NetworkBlock(block, self.network, self.jacobians.get(ends))

    def beside(self, **noted):
        given = self.network, self.parameters, self.jacobians
        return self.rows.beside(**noted).at(*given)

    def _results(self, calls):
        def of_block(block):
            seen = self._seen(block)
            return [call(seen) for call in calls]

        self.network.load(self.parameters)
        yield from self.rows.each(of_block)
