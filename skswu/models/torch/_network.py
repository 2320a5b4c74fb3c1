"""A private copy of a net's modules, evaluated and differentiated at any parameters."""

import numpy as np
import torch

from ..._utils._compat_torch import (
    criteria_of,
    make_weight_norms_plain,
    modules_of,
    optimizers_of,
    uncompiled,
    without_wrappers,
)
from ._copies import copied_module, shallow_copy
from ._frozen_layers import FrozenLayers
from ._layers import ParameterLayers
from ._linearization import explained
from ._loss import make_sample_loss

# Under this name a layer keeps what its parametrized tensors are made of.
_PARAMETRIZATIONS = "parametrizations"


class Network:
    r"""Margins of a skorch net as a function of a vector of its parameters.

    The modules are copied and set to evaluation mode: dropout is off, the statistics of
    batch normalisation are fixed, and the user's net is never touched.

    Parameters
    ----------
    net : skorch net
        Initialised.

    Attributes
    ----------
    loss : SampleLoss
        The training loss of a sample.
    names : list of str
        The parameters that a vector holds, in order.
    """

    def __init__(self, net):
        self.net = shallow_copy(net)
        for name, part in {**modules_of(net), **criteria_of(net)}.items():
            module = copied_module(part).eval()
            module.zero_grad(set_to_none=True)
            _make_dense(module)
            make_weight_norms_plain(module)
            vars(self.net)[name + "_"] = module
        self.loss = make_sample_loss(self.net)
        everything = named_parameters(self.net)
        self.select([name for name, p in everything.items() if p.requires_grad])

    def select(self, names):
        """Say which parameters a vector holds; the others are constants."""
        everything = named_parameters(self.net)
        for name, parameter in everything.items():
            parameter.requires_grad_(name in names)
        self.names = names
        self._tensors = [everything[name] for name in names]
        self._loaded = None
        self._shapes = [tensor.shape for tensor in self._tensors]
        self._sizes = [tensor.numel() for tensor in self._tensors]
        self._frozen = FrozenLayers(self)
        self.layers = ParameterLayers(self)

    @property
    def tensors(self):
        """The parameters that a vector holds."""
        return self._tensors

    def copy(self):
        """Return an independent network with the same parameters selected."""
        copied = Network(self.net)
        copied.select(self.names)
        return copied

    @property
    def n_parameters(self):
        """Length of a parameter vector."""
        return sum(self._sizes)

    def vector(self):
        """Return the parameters as one vector, a copy."""
        return self.flatten([tensor.detach() for tensor in self._tensors])

    def flatten(self, tensors):
        """Return tensors shaped as the parameters as one new vector."""
        return torch.cat([tensor.reshape(-1) for tensor in tensors])

    def split(self, vector):
        """Return a vector as tensors shaped as the parameters."""
        pieces = vector.split(self._sizes)
        return [
            piece.reshape(shape)
            for piece, shape in zip(pieces, self._shapes, strict=True)
        ]

    def per_parameter(self, values):
        """Return a vector that has one value for all entries of a parameter."""
        sizes = torch.as_tensor(self._sizes)
        values = torch.as_tensor([values[name] for name in self.names])
        return torch.repeat_interleave(values, sizes).to(self._tensors[0])

    def load(self, parameters):
        """Evaluate at a parameter vector from here on."""
        # What graphs have saved is not to be written to, not even the same values.
        if self._loaded is not None and torch.equal(self._loaded, parameters):
            return
        with torch.no_grad():
            for tensor, piece in zip(
                self._tensors, self.split(parameters), strict=True
            ):
                tensor.copy_(piece)
        self._loaded = parameters.detach().clone()

    def margins(self, batch):
        """Return the margins of a batch, in single precision or better."""
        return self._margins_of(self._frozen.infer(batch))

    def _margins_of(self, output):
        margins = self.loss.margins(output)
        # Of autocast, or of frozen layers in half precision.
        return margins.float() if margins.dtype.itemsize < 4 else margins

    def score(self, batch):
        """Return the margins of a batch anew, whatever is kept of frozen layers."""
        with torch.no_grad():
            return self._margins_of(self.net.infer(batch.inputs))

    def check_loss(self, batch):
        """Insist that the loss of a row is a function of what the module makes of it.

        Parameters
        ----------
        batch : Batch
            A few rows.

        Returns
        -------
        Tensor of shape (n_samples, n_outputs)
            Their margins.
        """
        with torch.no_grad():
            output = self.net.infer(batch.inputs)
        self.loss.check(output, batch.targets, self._tensors)
        return self._margins_of(output)

    def pull_back(self, outputs, gradients, keep=False):
        """Return the parameter gradient of ``(outputs * gradients).sum()``."""
        slopes = torch.autograd.grad(
            outputs,
            self._tensors,
            gradients,
            retain_graph=keep,
            materialize_grads=True,
        )
        return self.flatten(slopes)

    def differentiable_gradient(self, value):
        """Return the gradients of a scalar, and the graph behind them."""
        return torch.autograd.grad(
            value, self._tensors, create_graph=True, materialize_grads=True
        )

    def directional(self, gradients, direction):
        """Return the gradient along a direction of differentiable gradients."""
        pairs = [
            (gradient, piece)
            for gradient, piece in zip(gradients, self.split(direction), strict=True)
            if gradient.requires_grad
        ]
        if not pairs:
            return torch.zeros_like(direction)
        with explained():
            slopes = torch.autograd.grad(
                [gradient for gradient, _ in pairs],
                self._tensors,
                [piece for _, piece in pairs],
                retain_graph=True,
                materialize_grads=True,
            )
        return self.flatten(slopes)


def _make_dense(module):
    """Let embeddings have dense gradients; torch differentiates those of them alone."""
    for layer in module.modules():
        if getattr(layer, "sparse", None) is True:
            layer.sparse = False


def named_modules(net):
    """Return the layers of a net's modules with their names, in order.

    A parametrization is a part of its layer, and no layer.
    """
    modules = modules_of(net)
    return [
        (_named(modules, module, name), layer)
        for module, part in modules.items()
        for name, layer in part.named_modules()
        if _PARAMETRIZATIONS not in name.split(".") and uncompiled(layer) is layer
    ]


def named_parameters(net):
    """Return the parameters of a net's modules by name, tied ones once."""
    named = {}
    for name, parameter in _all_parameters(net):
        named.setdefault(id(parameter), (name, parameter))
    return dict(named.values())


def parameter_aliases(net):
    """Return the names of all uses of parameters, with that by which each is known."""
    known = {id(parameter): name for name, parameter in named_parameters(net).items()}
    return {name: known[id(parameter)] for name, parameter in _all_parameters(net)}


def layer_of(name):
    """Return the name of the layer that a parameter belongs to."""
    layer, _, parametrized = name.partition(f"{_PARAMETRIZATIONS}.")
    return layer.rstrip(".") if parametrized else name.rpartition(".")[0]


def own_parameters(layer):
    """Return the parameters of a layer itself, those of layers within left out."""
    own = list(layer.parameters(recurse=False))
    parametrizations = getattr(layer, _PARAMETRIZATIONS, None)
    return own + list(parametrizations.parameters() if parametrizations else [])


def _all_parameters(net):
    """Yield names and parameters, those of tied ones each time."""
    modules = modules_of(net)
    for module, part in modules.items():
        for name, parameter in part.named_parameters(remove_duplicate=False):
            yield _named(modules, module, name), parameter


def _named(modules, module, name):
    """Return the name of a part of a module, the module's before it if it needs one."""
    name = f"{module}.{name}".rstrip(".") if len(modules) > 1 else name
    return without_wrappers(name)


def weight_decay(net):
    """Return the weight decay of each parameter, by name; 0 where there is none."""
    strengths = {
        id(parameter): float(group.get("weight_decay", 0.0))
        for optimizer in optimizers_of(net)
        for group in optimizer.param_groups
        for parameter in group["params"]
    }
    return {
        name: strengths.get(id(parameter), 0.0)
        for name, parameter in named_parameters(net).items()
    }


def like(values, tensor):
    """Return values as a tensor of another one's precision, on its device."""
    # In this order, as not every device has double precision.
    return torch.as_tensor(values).to(tensor.dtype).to(tensor.device)


def to_numpy(tensor):
    """Return a tensor as float64 numpy."""
    return tensor.detach().cpu().double().numpy().astype(np.float64, copy=False)
