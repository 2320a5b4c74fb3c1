"""Layers that no corrected parameter comes before: computed once for each batch."""

from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

import torch

from ..._utils._compat_torch import modules_of, tree_flatten, tree_unflatten
from ._memory import PROBED_ROWS, constants_bytes, is_out_of_memory

# What a pass without the layers may raise; then they are computed anew each time.
_FAILURES = (
    AssertionError,
    AttributeError,
    IndexError,
    RuntimeError,
    TypeError,
    ValueError,
)


class KeptConstants:
    """What frozen layers make of batches, as far as memory allows.

    Parameters
    ----------
    device : torch.device
        Where it is kept.
    """

    def __init__(self, device):
        self._spare_bytes = constants_bytes(device)
        self._kept = {}

    def of(self, rows):
        """Return the Constants of a batch of these rows, None if they are not kept."""
        return self._kept.get((rows.start, rows.stop))

    def keep(self, rows, constants):
        """Keep the Constants of a batch, if they fit."""
        n_bytes = constants.n_bytes()
        if n_bytes <= self._spare_bytes:
            self._spare_bytes -= n_bytes
            self._kept[rows.start, rows.stop] = constants


@dataclass(frozen=True, eq=False)
class Constants:
    """The outputs of layers for one batch, in the order of their calls.

    Attributes
    ----------
    outputs : dict of Module to list
        Nested tensors, one a call.
    """

    outputs: dict = field(default_factory=dict)

    def n_bytes(self):
        """Return what they take."""
        leaves = [leaf for calls in self.outputs.values() for leaf in _tensors(calls)]
        kept = {leaf.data_ptr(): leaf.untyped_storage().nbytes() for leaf in leaves}
        return sum(kept.values())


class FrozenLayers:
    """The outermost layers of a network that are constant in its parameters.

    They hold no parameter that is corrected, and none comes before them. Which they
    are, a pass over a few rows tells; a second one, at other parameters, whether the
    network is the same without them. What only layers read that are left out, too, is
    not kept.

    Parameters
    ----------
    network : Network
        At any parameters.
    """

    def __init__(self, network):
        self._network = network
        self._layers = None
        self._read_by_none = set()

    def infer(self, batch):
        """Return what the module makes of a batch."""
        infer = self._network.net.infer
        if batch.constants is None or not self._found(batch):
            return infer(batch.inputs)
        known = batch.constants.of(batch.rows)
        if known is not None:
            with self._left_out(known):
                return infer(batch.inputs)
        known = Constants()
        with self._noted(known):
            output = infer(batch.inputs)
        batch.constants.keep(batch.rows, known)
        return output

    def _found(self, batch):
        """Return the layers, found by the first rows of a batch at first."""
        if self._layers is None:
            self._layers = self._candidates()
            if self._layers:
                inputs = batch.part(0, min(len(batch), PROBED_ROWS)).inputs
                self._choose(inputs)
        return self._layers

    def _candidates(self):
        """Return the outermost layers with parameters of which none is corrected."""
        corrected = {id(tensor) for tensor in self._network.tensors}
        found, within = [], set()
        for module in modules_of(self._network.net).values():
            for layer in module.modules():
                parameters = list(layer.parameters())
                if layer in within or not parameters:
                    continue
                if not any(id(one) in corrected for one in parameters):
                    found.append(layer)
                    within.update(layer.modules())
        return found

    def _choose(self, inputs):
        """Keep those candidates that are constant, if the network is the same."""
        calls = self._calls(inputs)
        chosen = [
            layer
            for layer in self._layers
            if calls[layer] and all(call.is_constant for call in calls[layer])
        ]
        read = {
            id(leaf)
            for layer in chosen
            for call in calls[layer]
            for leaf in call.inputs
        }
        silent = {
            layer
            for layer in chosen
            if all(id(leaf) in read for call in calls[layer] for leaf in call.outputs)
        }
        for self._read_by_none in (silent, set()):
            self._layers = chosen
            if chosen and self._is_the_same(inputs):
                return
        self._layers = []

    def _calls(self, inputs):
        """Return the calls of each candidate in a pass."""
        calls = {layer: [] for layer in self._layers}

        def note(layer, args, options, output):
            calls[layer].append(_Call(_tensors((args, options)), _tensors(output)))

        with ExitStack() as stack, torch.enable_grad():
            for layer in self._layers:
                hook = layer.register_forward_hook(note, with_kwargs=True)
                stack.callback(hook.remove)
            self._network.net.infer(inputs)
        return calls

    def _is_the_same(self, inputs):
        """Say whether a pass at other parameters may take what was noted at these."""
        network, known = self._network, Constants()

        def margins():
            return network.loss.margins(network.net.infer(inputs))

        with torch.no_grad():
            with self._noted(known):
                margins()
            copies = [leaf.clone() for leaf in _tensors(list(known.outputs.values()))]
            before = [tensor.clone() for tensor in network.tensors]
            try:
                for tensor in network.tensors:
                    tensor.mul_(1.05).add_(1e-3)
                expected = margins()
                with self._left_out(known):
                    found = margins()
            except _FAILURES as error:
                if is_out_of_memory(error):
                    raise
                return False
            finally:
                for tensor, value in zip(network.tensors, before, strict=True):
                    tensor.copy_(value)
        leaves = _tensors(list(known.outputs.values()))
        is_kept = all(
            torch.equal(leaf.nan_to_num(), copied.nan_to_num())
            for leaf, copied in zip(leaves, copies, strict=True)
        )
        return is_kept and torch.allclose(found, expected, rtol=1e-4, atol=1e-6)

    @contextmanager
    def _noted(self, constants):
        """Note what the layers return while within."""

        def note(layer, args, output):
            kept = _blank(output) if layer in self._read_by_none else output
            constants.outputs.setdefault(layer, []).append(_detached(kept))

        with ExitStack() as stack:
            for layer in self._layers:
                stack.callback(layer.register_forward_hook(note).remove)
            yield

    @contextmanager
    def _left_out(self, constants):
        """Let the layers return what was noted while within."""
        with ExitStack() as stack:
            for layer, outputs in constants.outputs.items():
                own = vars(layer).get("forward")
                vars(layer)["forward"] = _replay(iter(outputs), layer.forward)
                stack.callback(_restore, layer, own)
            yield


@dataclass(frozen=True, eq=False)
class _Call:
    """A call of a layer, with the tensors that went in and came out."""

    inputs: list
    outputs: list
    has_graph: bool = field(default_factory=torch.is_grad_enabled)

    @property
    def is_constant(self):
        """Whether no corrected parameter had a part in it, as far as a graph tells."""
        leaves = [*self.inputs, *self.outputs]
        return self.has_graph and not any(leaf.requires_grad for leaf in leaves)


def _replay(outputs, forward):
    def replay(*args, **options):
        for output in outputs:
            return output
        return forward(*args, **options)

    return replay


def _restore(layer, own):
    del vars(layer)["forward"]
    if own is not None:
        vars(layer)["forward"] = own


def _tensors(nested):
    return [leaf for leaf in tree_flatten(nested)[0] if torch.is_tensor(leaf)]


def _map(function, nested):
    leaves, structure = tree_flatten(nested)
    mapped = [function(leaf) if torch.is_tensor(leaf) else leaf for leaf in leaves]
    return tree_unflatten(mapped, structure)


def _detached(output):
    return _map(torch.Tensor.detach, output)


def _blank(output):
    """Return what shows in the margins if anything reads it."""

    def of_one(leaf):
        value = torch.nan if leaf.is_floating_point() else 0
        return leaf.new_full((), value).expand(leaf.shape)

    return _map(of_one, output)
