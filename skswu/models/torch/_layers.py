"""The Jacobian of a network's margins layer by layer, for many products."""

from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch.func import functional_call

from ..._utils._compat_torch import modules_of, tree_flatten, tree_unflatten
from ._linearization import Linearization
from ._memory import PROBED_ROWS, is_out_of_memory
from ._row_gradients import Gradients, OuterProducts

# Machine epsilons of the largest entry that count as nothing.
_ROUNDING = 256
# Slopes of more margins take more memory and time than they save.
_MOST_COLUMNS = 4
# What a pass may raise of layers that do not have the form; then the graph is kept.
_FAILURES = (
    AttributeError,
    IndexError,
    KeyError,
    RuntimeError,
    TypeError,
    ValueError,
)


class ParameterLayers:
    """The layers that hold the corrected parameters of a network.

    Most layers are linear in their parameters, and a row of their output is of a row of
    the data. A pass over a few rows tells whether those of this network are: the
    Jacobian by layers is compared with that of the graph.

    Parameters
    ----------
    network : Network
        At any parameters.
    """

    def __init__(self, network):
        self._network = network
        self._are_linear = None
        self._told_apart = None
        self._leaves = None
        positions = {id(tensor): k for k, tensor in enumerate(network.tensors)}
        self.positions = {}
        for module in modules_of(network.net).values():
            for layer in module.modules():
                own = layer.named_parameters(recurse=False, remove_duplicate=False)
                held = {name: positions.get(id(one)) for name, one in own}
                if any(position is not None for position in held.values()):
                    self.positions[layer] = held

    @property
    def leaves(self):
        """Tensors that stand for the parameters where they are differentiated.

        What a linear layer makes of its input has the same slope wherever they are, so
        that it does not matter where the network goes.
        """
        if self._leaves is None:
            self._leaves = [
                torch.zeros_like(tensor, requires_grad=True)
                for tensor in self._network.tensors
            ]
        return self._leaves

    def linearize(self, block, up_to_constants):
        """Return the margins of a block as a linear function of the parameters.

        Parameters
        ----------
        block : TorchBlock
            The rows.
        up_to_constants : bool
            Whether it is enough to know the margins of a row up to a constant.

        Returns
        -------
        LayerJacobian or Linearization
            The former where the layers have the form for it.
        """
        if self._are_linear is None:
            few = block.part(0, min(len(block), PROBED_ROWS))
            self._are_linear = self._agree(few)
        found = None
        if self._are_linear:
            found = self._tried(block, up_to_constants)
            self._are_linear = found is not None
        if found is None:
            return Linearization(self._network, self._network.margins(block))
        return found

    def _tried(self, block, up_to_constants):
        """Return the LayerJacobian of a block, None where layers do not allow it."""
        try:
            return LayerJacobian(self._network, self, block, up_to_constants)
        except _FAILURES as error:
            if is_out_of_memory(error):
                raise
            return None

    def _agree(self, block):
        """Say whether products are those of the graph."""
        network = self._network
        layers = self._tried(block, up_to_constants=False)
        if layers is None or layers.margins.shape[1] > _MOST_COLUMNS:
            return False
        direction = torch.cos(torch.arange(network.n_parameters)).to(layers.margins)
        factors = torch.sin(1.0 + torch.arange(layers.margins.numel()))
        factors = factors.reshape(layers.margins.shape).to(layers.margins)
        try:
            graph = Linearization(network, network.margins(block))
            pairs = [(layers.push(direction), graph.push(direction))]
            pulled = layers.pull(factors), graph.pull(factors)
        except _FAILURES as error:
            if is_out_of_memory(error):
                raise
            return False
        # A parameter that gradients hardly know is to be right, too.
        rounding = _ROUNDING * torch.finfo(pulled[1].dtype).eps
        least = rounding * float(pulled[1].abs().max())
        pairs += zip(*map(network.split, pulled), strict=True)
        return all(_are_close(*pair, least) for pair in pairs)

    def told_apart(self, jacobian):
        """Return the layers of which gradients of single rows are right.

        Parameters
        ----------
        jacobian : LayerJacobian
            Of a few rows.

        Returns
        -------
        set of Module
        """
        if self._told_apart is None:
            factors = torch.zeros_like(jacobian.margins)
            shape = len(factors), jacobian.n_columns
            numbers = torch.arange(1.0, 1.0 + shape[0] * shape[1]).reshape(shape)
            factors[:, : shape[1]] = torch.sin(numbers)
            expected = self._network.split(jacobian.pull(factors))
            self._told_apart = {
                layer
                for layer, gradients in jacobian.by_rows().items()
                if _are_rows_right(gradients, factors[:, : shape[1]], expected)
            }
        return self._told_apart

    @contextmanager
    def recorded(self, n_rows, calls):
        """Append the calls of the layers while within."""

        def note(layer, args, options, output):
            n_given = len(output)
            if not output.requires_grad or (n_given > 1 and n_given % n_rows):
                raise ValueError("The output has no row of its own for each row.")
            if n_given == 1:  # what all rows share has slopes of each row
                output = output.expand(n_rows, *output.shape[1:])
            calls.append(_Call(layer, self.positions[layer], args, options, output))
            return output

        with ExitStack() as stack:
            for layer in self.positions:
                hook = layer.register_forward_hook(note, with_kwargs=True)
                stack.callback(hook.remove)
            yield


class LayerJacobian:
    r"""Products with the Jacobian J of a batch's margins, by layers.

    An output :math:`y_l` of a layer that is linear in its parameters moves by what the
    layer makes of its input under a change v of these, so that

    .. math:: (J v)_{ik} = \sum_l \frac{\partial z_{ik}}{\partial y_{li}} \cdot
              y_l(v)_i

    with slopes that are computed once. A product then takes two products of matrices a
    layer, and nothing of what lies between layers.

    Parameters
    ----------
    network : Network
        At its parameters.
    layers : ParameterLayers
        Of the network.
    block : TorchBlock
        The rows.
    up_to_constants : bool
        Whether :meth:`push` may be off by a constant a row, and the gradients of
        :meth:`pull` add up to zero in each row: one column less is computed.

    Attributes
    ----------
    margins : Tensor of shape (n_samples, n_outputs)
        Without a graph.
    """

    def __init__(self, network, layers, block, up_to_constants):
        self.network = network
        calls = []
        with torch.enable_grad():
            with layers.recorded(len(block), calls):
                margins = network.margins(block)
            columns = margins
            if up_to_constants and margins.shape[1] > 1:
                columns = margins[:, :-1] - margins[:, -1:]
            outputs = [call.output for call in calls]
            slopes = [
                torch.autograd.grad(
                    column.sum(), outputs, retain_graph=True, materialize_grads=True
                )
                for column in columns.unbind(1)
            ]
            self._layers = [
                _LinearizedLayer(call, len(margins), slope, layers.leaves)
                for call, slope in zip(calls, zip(*slopes, strict=True), strict=True)
            ]
        self.margins = margins.detach()
        self._leaves = layers.leaves
        self._n_columns = columns.shape[1]

    def push(self, direction):
        """Return J times a parameter vector, shaped as the margins."""
        pieces = self.network.split(direction)
        moved = torch.zeros_like(self.margins)
        with torch.no_grad():
            for layer in self._layers:
                moved[:, : self._n_columns] += layer.push(pieces)
        return moved

    def pull(self, gradient):
        """Return J transposed times an array shaped as the margins."""
        factors = gradient[:, : self._n_columns]
        with torch.no_grad():
            slopes = [layer.slope_of(factors) for layer in self._layers]
        outputs = [layer.output for layer in self._layers]
        pulled = torch.autograd.grad(
            outputs, self._leaves, slopes, retain_graph=True, materialize_grads=True
        )
        return self.network.flatten(pulled)

    def by_rows(self):
        """Return the Gradients of each layer, or its OuterProducts, by its module.

        Of layers that share parameters, or are called twice, there are none.
        """
        held = [place for layer in self._layers for place in layer.places]
        return {
            layer.module: layer.by_rows()
            for layer in self._layers
            if all(held.count(place) == 1 for place in layer.places)
        }

    @property
    def n_columns(self):
        """Of margins that are told apart."""
        return self._n_columns

    @property
    def n_bytes(self):
        """What is kept of the rows."""
        tensors = [tensor for layer in self._layers for tensor in layer.kept]
        return sum({one.data_ptr(): one.nbytes for one in tensors}.values())


@dataclass(frozen=True, eq=False)
class _Call:
    """A call of a layer, and where its parameters are among those corrected."""

    layer: Any
    positions: dict
    args: tuple
    options: dict
    output: torch.Tensor


class _LinearizedLayer:
    """A call of a layer as a linear function of its parameters.

    Parameters
    ----------
    call : _Call
        The call.
    n_rows : int
        Rows of the data.
    slopes : list of Tensor shaped as the output
        The derivatives of the margins, one a column, in it.
    leaves : list of Tensor
        Stand for the network's parameters.

    Attributes
    ----------
    output : Tensor
        With a graph that ends at the layer's input.
    """

    def __init__(self, call, n_rows, slopes, leaves):
        self._layer, self._positions = call.layer, call.positions
        self._given = _detached((call.args, call.options))
        self._slopes = [slope.reshape(n_rows, -1) for slope in slopes]
        own = dict(call.layer.named_parameters(recurse=False, remove_duplicate=False))
        self._still = {
            name: own[name].new_zeros(()).expand(own[name].shape)
            for name, position in call.positions.items()
            if position is None
        }

        self.output = self._made_with(leaves)
        self._shared = len(self.output) == 1 < n_rows

    def _made_with(self, values):
        """Return the output with others in the place of all parameters."""
        changed = {
            name: self._still[name] if position is None else values[position]
            for name, position in self._positions.items()
        }
        return functional_call(self._layer, changed, *self._given)

    @property
    def kept(self):
        """The tensors that are held."""
        leaves = tree_flatten(self._given)[0]
        return [one for one in leaves if torch.is_tensor(one)] + self._slopes

    def push(self, pieces):
        """Return what the layer's output moves margins by, (n_rows, n_columns)."""
        moved = self._made_with(pieces)
        moved = moved.reshape(1 if self._shared else len(self._slopes[0]), -1)
        return torch.stack([(slope * moved).sum(1) for slope in self._slopes], 1)

    @property
    def module(self):
        """The layer that was called."""
        return self._layer

    @property
    def places(self):
        """Where its parameters are that are corrected."""
        return [place for place in self._positions.values() if place is not None]

    def by_rows(self):
        """Return the OuterProducts of the call if it looks like those, or Gradients."""
        (args, options), places = self._given, self._positions
        own = dict(self._layer.named_parameters(recurse=False, remove_duplicate=False))
        shapes = {name: one.shape for name, one in own.items()}
        weights = [name for name in own if own[name].ndim == 2]
        others = [name for name in own if own[name].ndim != 2]
        expected = len(self._slopes[0]), *(shapes[weights[0]][1:] if weights else ())
        is_product = len(args) == len(weights) == 1 >= len(others) and not options
        if is_product and args[0].shape == expected:
            weight, bias = weights[0], (*others, None)[0]
            found = places.get(weight), places.get(bias)
            return OuterProducts(args[0], self._slopes, *found)
        values = {
            name: self._still.get(name, torch.zeros_like(own[name])) for name in own
        }
        corrected = {name: one for name, one in places.items() if one is not None}
        n_given = len(self.output)
        given = self._layer, values, corrected, self._given
        return Gradients(*given, self._slopes, n_given)

    def slope_of(self, factors):
        """Return the derivative of the margins times factors in the output."""
        pairs = zip(factors.unbind(1), self._slopes, strict=True)
        slope = sum(factor[:, None] * one for factor, one in pairs)
        slope = slope.sum(0) if self._shared else slope
        return slope.reshape(self.output.shape)


def _detached(nested):
    leaves, structure = tree_flatten(nested)
    leaves = [leaf.detach() if torch.is_tensor(leaf) else leaf for leaf in leaves]
    return tree_unflatten(leaves, structure)


def _are_rows_right(gradients, factors, expected):
    """Compare the sum of rows, times factors, with what it should be."""
    rows = torch.arange(len(factors), device=factors.device)
    found = [torch.zeros_like(piece) for piece in expected]
    try:
        gradients.take(rows, factors).pull(torch.ones_like(factors[:, 0]), found)
    except _FAILURES as error:
        if is_out_of_memory(error):
            raise
        return False
    largest = max(float(piece.abs().max()) for piece in expected)
    least = _ROUNDING * torch.finfo(factors.dtype).eps * largest
    places = gradients.places
    return all(_are_close(found[k], expected[k], least) for k in places)


def _are_close(found, expected, least):
    off = float((found - expected).abs().max())
    return off <= max(1e-3 * float(expected.abs().max()), least)
