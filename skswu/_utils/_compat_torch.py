"""Private names of torch and skorch, used nowhere else."""

import sys
from contextlib import nullcontext

import torch
from torch import norm_except_dim
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.utils.parametrizations import _WeightNorm
from torch.nn.utils.weight_norm import WeightNorm
from torch.utils._pytree import tree_flatten, tree_unflatten

__all__ = [
    "KeepsBatchStatistics",
    "criteria_of",
    "eager",
    "make_weight_norms_plain",
    "modules_of",
    "optimizers_of",
    "predict_nonlinearity",
    "tree_flatten",
    "tree_unflatten",
    "uncompiled",
    "without_wrappers",
]

# Of a module that torch.compile wraps, in the names of its parameters.
_WRAPPED = "_orig_mod."


def modules_of(net):
    """Return the modules of a skorch net, by name, not compiled."""
    modules = _attributes(net, net._modules)
    return {name: uncompiled(module) for name, module in modules.items()}


def criteria_of(net):
    """Return the criteria of a skorch net, by name."""
    return _attributes(net, net._criteria)


def optimizers_of(net):
    """Return the optimizers of a skorch net."""
    return list(_attributes(net, net._optimizers).values())


def uncompiled(module):
    """Return a module itself where it is wrapped by torch.compile."""
    return getattr(module, "_orig_mod", module)


def without_wrappers(name):
    """Return the name of a parameter without the parts that torch.compile puts in."""
    return name.replace(_WRAPPED, "")


def eager():
    """Return a context in which compiled functions run as they were written.

    Where nothing was compiled so far, the compiler is not imported for it.
    """
    if "torch._dynamo" not in sys.modules:
        return nullcontext()
    return torch.compiler.set_stance("force_eager")


class _PlainParametrization(_WeightNorm):
    def forward(self, weight_g, weight_v):
        return weight_v * (weight_g / norm_except_dim(weight_v, 2, self.dim))


class _PlainHook(WeightNorm):
    def compute_weight(self, module):
        g, v = getattr(module, self.name + "_g"), getattr(module, self.name + "_v")
        return v * (g / norm_except_dim(v, 2, self.dim))


def make_weight_norms_plain(module):
    """Have weights normalised by plain operations.

    The second derivative that torch gives its fused one is not that of the function.
    """
    for layer in module.modules():
        hooks = layer._forward_pre_hooks.values()
        for part in (layer, *hooks):
            for fused, plain in (
                (_WeightNorm, _PlainParametrization),
                (WeightNorm, _PlainHook),
            ):
                if type(part) is fused:
                    part.__class__ = plain


def predict_nonlinearity(net):
    """Return what a skorch net makes probabilities of its output with."""
    return net._get_predict_nonlinearity()


class KeepsBatchStatistics:
    """What a skorch net is extended by to train on with fixed batch statistics."""

    def _set_training(self, training=True):
        super()._set_training(training)
        for part in modules_of(self).values():
            for module in part.modules():
                if isinstance(module, _BatchNorm):
                    module.eval()


def _attributes(net, names):
    return {name: getattr(net, f"{name}_") for name in names}
