"""Batches whose forward passes are kept for many products, as far as memory allows."""

from ._memory import is_out_of_memory

# Rows of the pass that tells how much memory a row takes.
_PROBED_ROWS = 64


class KeptBatches:
    """The batches of rows, and what a function makes of each.

    What is made of a batch, such as the graph of its forward pass, is kept and used
    again as long as all that is kept fits into the memory that is to spare; what does
    not fit is made anew each time.

    Parameters
    ----------
    rows : TorchRows
        Rows of data.
    make : callable
        Makes of a batch what is to be kept.
    measure : callable
        Returns how many bytes that takes, of a few rows.
    spare_bytes : int
        How much memory may be taken.

    Attributes
    ----------
    kept : dict of tuple to object
        What was made of batches, by the ends of their rows.
    """

    def __init__(self, rows, make, measure, spare_bytes):
        self.rows = rows
        self.make = make
        self.measure = measure
        self._spare_bytes = spare_bytes
        self._bytes_per_row = None
        self.kept = {}
        self._batches = None

    def __iter__(self):
        """Yield the batches; from memory where all of them are kept."""
        batches = []
        for batch in self._batches or self.rows.blocks:
            yield batch
            batches.append(batch if self._has(batch) else None)
        self._batches = batches if all(batches) else None

    def fill(self):
        """Make what is kept of the first batches, as many as there is room for."""
        for batch in self.rows.blocks:
            if not all(self._attempt(self._is_kept, batch)):
                return

    def _is_kept(self, batch):
        if not self._has(batch) and self._bytes_of(batch) <= self._spare_bytes:
            self._made(batch)
        return self._has(batch)

    def apply(self, function, batch):
        """Yield ``function(made)`` of a batch, or of its parts where it does not fit.

        What is kept is given up where the device runs out of memory.
        """
        yield from self._attempt(lambda batch: function(self._made(batch)), batch)

    def _attempt(self, function, batch):
        def attempt(batch):
            try:
                return function(batch)
            except (RuntimeError, MemoryError) as error:
                if is_out_of_memory(error):
                    self._give_up()
                raise

        yield from self.rows.attempt(attempt, batch)

    def _made(self, batch):
        if self._has(batch):
            return self.kept[_key(batch)]
        if not self._spare_bytes:
            return self.make(batch)
        n_bytes = self._bytes_of(batch)
        made = self.make(batch)
        if n_bytes <= self._spare_bytes:
            self._spare_bytes -= n_bytes
            self.kept[_key(batch)] = made
        return made

    def _has(self, batch):
        return _key(batch) in self.kept

    def _bytes_of(self, batch):
        """Return what is made of a batch takes, by the example of a few rows."""
        if self._bytes_per_row is None:
            part = batch.part(0, min(len(batch), _PROBED_ROWS))
            self._bytes_per_row = self.measure(part) / len(part)
        return int(self._bytes_per_row * len(batch))

    def _give_up(self):
        self.kept.clear()
        self.rows.jacobians.clear()
        self._batches = None
        self._spare_bytes = 0


def _key(batch):
    return batch.rows.start, batch.rows.stop
