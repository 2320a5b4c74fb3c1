"""Modules whose parameters can be corrected."""

import sys

import torch

from ..._utils._compat_torch import modules_of
from ._network import named_parameters

# What spreads a module over devices, by class.
_SPREADING = (
    "DataParallel",
    "DistributedDataParallel",
    "FullyShardedDataParallel",
    "FSDPModule",
)


def check_modules(net):
    """Refuse a net that is spread over devices.

    Parameters
    ----------
    net : skorch net
        Initialised.

    Raises
    ------
    TypeError
        If a module is a replica's or a shard's, or parameters are on several devices.
    """
    for module in modules_of(net).values():
        for layer in module.modules():
            spread = {base.__name__ for base in type(layer).__mro__}
            spread = spread.intersection(_SPREADING)
            if spread:
                _refuse(net, f"is wrapped in {min(spread)}")
    parameters = named_parameters(net).values()
    if any(_is_sharded(parameter) for parameter in parameters):
        _refuse(net, "holds shards of its parameters (DTensor)")
    devices = {str(parameter.device) for parameter in parameters}
    if len(devices) > 1:
        _refuse(net, f"has its parameters on several devices, {sorted(devices)}")


def check_parameters(parameters, names):
    """Refuse to correct parameters in which curvature has no digit to spare, or none.

    Parameters
    ----------
    parameters : dict of str to Tensor
        All of the net.
    names : list of str
        Those that are corrected.

    Raises
    ------
    TypeError
        If one is neither float32 nor float64.
    ValueError
        If one holds NaN or infinity.
    """
    for name in names:
        values = parameters[name].detach()
        if values.dtype not in (torch.float32, torch.float64):
            raise TypeError(
                f"The net's parameter {name!r} is {values.dtype}; curvature "
                "needs float32 or float64. Convert the module first, for instance with "
                "module_.float(), or leave it out by the influence's 'parameters'."
            )
        n_bad = int((~torch.isfinite(values)).sum())
        if n_bad:
            raise ValueError(
                f"The net's parameter {name!r} holds NaN or infinity, {n_bad} of "
                f"{values.numel()} values: the fit diverged, and there is no model to "
                "correct."
            )


def _refuse(net, how):
    raise TypeError(
        f"The module of this {type(net).__name__} {how}, and a correction needs it "
        "whole, on one device: put the bare module in its place (module_.module of a "
        "wrapper; gather shards first)."
    )


def _is_sharded(parameter):
    distributed = sys.modules.get("torch.distributed.tensor")
    return distributed is not None and isinstance(parameter, distributed.DTensor)
