"""Where the inputs of rows come from: in batches, always in the same order."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from scipy.sparse import issparse
from skorch.dataset import Dataset, unpack_data
from skorch.utils import is_pandas_ndframe, to_tensor
from torch.utils.data import DataLoader, SequentialSampler

from ..._utils._warnings import warn
from ._frozen_layers import KeptConstants
from ._memory import (
    PROBED_ROWS,
    batch_bytes,
    data_bytes,
    is_out_of_memory,
    saved_bytes_per_row,
)
from ._plain_operations import plain_operations

# Rows of a batch that is cut from arrays in memory: enough that the time goes into the
# products rather than into their overhead, and few enough that activations stay small.
_MAX_ROWS = {"cpu": 16_384, "cuda": 65_536}
_MAX_ENTRIES = {"cpu": 2**21, "cuda": 2**24}


@dataclass(frozen=True, eq=False)
class Batch:
    """Inputs of consecutive rows.

    Attributes
    ----------
    rows : slice
        Which.
    inputs : Tensor, or dict or list of them
        What the module takes.
    """

    rows: slice
    inputs: Any

    def __len__(self):
        return self.rows.stop - self.rows.start

    def part(self, start, stop):
        """Return the rows from ``start`` to ``stop``, counted from the batch's own."""
        if stop - start == len(self):
            return self
        chosen, offset = slice(start, stop), self.rows.start
        inputs = _apply(self.inputs, lambda inputs: _select(inputs, chosen))
        return Batch(slice(offset + start, offset + stop), inputs)


class Batches:
    """The inputs of rows, streamed in batches.

    Arrays in memory are cut into batches directly; any other data set goes through the
    net's own iterator, once where what it collates fits into the memory budget. A batch
    is as large as the ``batch_size`` of the net's ``iterator_valid``, or else as the
    budget allows for what its forward pass saves.

    Parameters
    ----------
    net : skorch net
        Knows the data set, the iterator and the device.
    X : data
        As the net takes it.
    labels : ndarray of shape (n_samples,)
        Labels, for data sets of the user's own.

    Attributes
    ----------
    limit : int or None
        Largest number of rows in a batch, once the device ran out of memory.
    source : nested arrays or torch.utils.data.Dataset
        What batches are cut from, or what goes through the net's iterator.
    constants : KeptConstants
        What layers that do not change make of the batches.
    """

    def __init__(self, net, X, labels):
        self.net = net
        self.n_rows = len(labels)
        self.limit = None
        self.constants = KeptConstants(torch.device(net.device or "cpu"))
        self._rows_in_memory = None
        self._collated = None
        dataset = net.get_dataset(X, labels)
        in_memory = _is_plain(net, dataset)
        self._read = self._cut if in_memory else self._stream
        self.source = _leaves(dataset.X, net) if in_memory else dataset

    def __iter__(self):
        """Yield the batches, with their inputs on the device."""
        return self._read()

    def attempt(self, function, batch):
        """Yield what a function makes of a batch, or of its parts if it does not fit.

        A batch that does not fit into the device's memory is halved with a warning,
        and so are those that follow.

        Parameters
        ----------
        function : callable
            Of the batch, which knows its length and its parts. It may have been run on
            the whole before it is run on parts.
        batch : Batch or TorchBlock
            Of these rows.

        Raises
        ------
        torch.OutOfMemoryError
            If a single row does not fit into the device's memory.
        """
        try:
            with plain_operations(self.net):
                result = function(batch)
        except (RuntimeError, MemoryError) as error:
            if len(batch) == 1 or not is_out_of_memory(error):
                raise
            result = None
        if result is not None:
            yield result
            return
        self._halve(len(batch))
        for part in self._limited(batch):
            yield from self.attempt(function, part)

    def _halve(self, n_rows):
        self.limit = (n_rows + 1) // 2
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        warn(
            f"The device ran out of memory on a batch of {n_rows} rows; batches of "
            f"{self.limit} are used from here on.",
            RuntimeWarning,
        )

    def _cut(self):
        """Yield batches cut from arrays."""
        size = _batch_rows(self.source, self.net)
        size, start = min(size, self._fitting_rows(self._slice)), 0
        while start < self.n_rows:
            batch = self._slice(start, start + (self.limit or size))
            yield from self._on_device(batch)
            start = batch.rows.stop

    def _slice(self, start, stop):
        rows = slice(start, min(stop, self.n_rows))
        return Batch(rows, _cut_leaves(self.source, rows))

    def _fitting_rows(self, first):
        """Return how many rows the memory budget allows for in a batch.

        Parameters
        ----------
        first : callable
            ``first(start, stop)`` returns a batch of those rows.
        """
        if self._rows_in_memory is None:
            asked = self.net.get_params_for("iterator_valid").get("batch_size")
            self._rows_in_memory = asked or self._probe(first(0, PROBED_ROWS))
        return self._rows_in_memory

    def _probe(self, batch):
        device = torch.device(self.net.device or "cpu")
        (batch,) = self._on_device(batch)

        def forward(part):
            with torch.enable_grad():
                self.net.infer(part.inputs)

        with plain_operations(self.net):
            n_bytes = saved_bytes_per_row(forward, batch)
        return max(int(batch_bytes(device) / max(n_bytes, 1)), 1)

    def _stream(self):
        """Yield batches as the net's own iterator collates them."""
        start = 0
        for batch in self._collated or self._collate():
            for part in self._limited(batch):
                yield from self._on_device(part)
            start = batch.rows.stop
        self._check_count(start)

    def _collate(self):
        """Yield batches from the iterator, and keep them if all of them fit."""
        kept, left, start = [], data_bytes(), 0
        for data in _iterate(self.net.get_iterator(self.source)):
            inputs = unpack_data(data)[0]
            rows = slice(start, start + len(_first_leaf(inputs)))
            batch = Batch(rows, inputs)
            left -= sum(_n_bytes(leaf) for leaf in _list_leaves(inputs))
            kept = [*kept, batch] if left >= 0 else []
            yield batch
            start = rows.stop
        self._collated = kept if left >= 0 and start == self.n_rows else None

    def _check_count(self, start):
        if start != self.n_rows:
            raise ValueError(
                f"The net's iterator gave {start} rows for {self.n_rows} labels. Each "
                "row is needed, in order: set iterator_valid__drop_last to False, and "
                "leave out samplers."
            )

    def _on_device(self, batch):
        """Yield a batch with its inputs on the device, in parts if it does not fit."""

        def move(batch):
            inputs = to_tensor(batch.inputs, device=self.net.device)
            return replace(batch, inputs=inputs)

        yield from self.attempt(move, batch)

    def _limited(self, batch):
        start = 0
        while start < len(batch):
            stop = min(start + (self.limit or len(batch)), len(batch))
            yield batch.part(start, stop)
            start = stop


def _n_bytes(leaf):
    """Return what a part of collated rows takes; more than there is if unknown."""
    if torch.is_tensor(leaf) and leaf.layout != torch.strided:
        return leaf.element_size() * leaf.numel()
    return getattr(leaf, "nbytes", 2**60)


def _select(inputs, chosen):
    """Return a slice of the rows of an array, or of a dense or sparse tensor."""
    if not torch.is_tensor(inputs) or inputs.layout == torch.strided:
        return inputs[chosen]
    index = torch.arange(chosen.start, chosen.stop, device=inputs.device)
    selected = inputs.to_sparse_coo().index_select(0, index)
    return selected.to_sparse(layout=inputs.layout)


def _iterate(iterator):
    """Iterate over a loader without drawing from the global random numbers."""
    if isinstance(iterator, DataLoader) and not isinstance(
        iterator.sampler, SequentialSampler | None
    ):
        raise ValueError(
            "The net's iterator_valid shuffles or samples the rows, so that losses "
            "cannot be told apart by row; use a sequential one."
        )
    state = torch.get_rng_state()
    started = iter(iterator)
    torch.set_rng_state(state)
    return started


def _is_plain(net, dataset):
    """Whether batches of a data set are just slices of its arrays."""
    if type(dataset) is not Dataset or net.iterator_valid is not DataLoader:
        return False
    options = set(net.get_params_for("iterator_valid"))
    if options - {"batch_size", "num_workers", "pin_memory"}:
        return False
    return all(_is_array(leaf) for leaf in _list_leaves(dataset.X))


def _is_array(leaf):
    if torch.is_tensor(leaf):
        return leaf.layout == torch.strided
    return isinstance(leaf, np.ndarray) or issparse(leaf) or is_pandas_ndframe(leaf)


def _apply(data, function):
    """Apply a function to the arrays of nested dicts and lists."""
    if isinstance(data, Mapping):
        return {key: _apply(value, function) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [_apply(value, function) for value in data]
    return function(data)


def _list_leaves(data):
    leaves = []
    _apply(data, leaves.append)
    return leaves


def _first_leaf(data):
    return _list_leaves(data)[0]


def _leaves(X, net):
    """Return the arrays of X, as tensors on the device where that is cheap."""
    if is_pandas_ndframe(X):  # skorch makes one input of each column
        X = {name: X[name].to_numpy().reshape(-1, 1) for name in X}
    dense = [leaf for leaf in _list_leaves(X) if not issparse(leaf)]
    n_bytes = sum(leaf.nbytes for leaf in dense)
    device = torch.device(net.device or "cpu")
    if device.type == "cpu" or n_bytes > _spare_bytes(device):
        return _apply(X, lambda leaf: leaf)
    return _apply(
        X, lambda leaf: leaf if issparse(leaf) else to_tensor(leaf, device=device)
    )


def _spare_bytes(device):
    """Return what data may take of a device's memory to stay on it."""
    return torch.cuda.mem_get_info(device)[0] // 4 if device.type == "cuda" else 0


def _cut_leaves(data, rows):
    def cut(leaf):
        if issparse(leaf):
            return leaf[rows].toarray()
        leaf = leaf[rows]
        # Torch warns of arrays that it could not write to.
        read_only = isinstance(leaf, np.ndarray) and not leaf.flags.writeable
        return leaf.copy() if read_only else leaf

    return _apply(data, cut)


def _batch_rows(source, net):
    """Return the rows of a batch, by the entries of a row and the device."""
    asked = net.get_params_for("iterator_valid").get("batch_size")
    if asked:
        return asked
    entries = sum(int(np.prod(leaf.shape[1:])) for leaf in _list_leaves(source))
    kind = "cuda" if torch.device(net.device or "cpu").type == "cuda" else "cpu"
    fitting = _MAX_ENTRIES[kind] // max(entries, 1)
    return max(min(fitting, _MAX_ROWS[kind]), min(max(net.batch_size, 1), 512))
