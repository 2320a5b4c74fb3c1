"""Copies of nets and of their modules."""

from copy import deepcopy

import torch

from ..._utils._compat_torch import criteria_of, modules_of


def shallow_copy(net):
    """Return another net with the same attributes, not initialised anew."""
    copied = object.__new__(type(net))
    vars(copied).update(vars(net))
    return copied


def deep_copy(net):
    """Return an independent net; unlike pickling, this takes classes made anywhere."""
    copied = object.__new__(type(net))
    known = {id(net): copied}
    for module in [*modules_of(net).values(), *criteria_of(net).values()]:
        known.update(_computed_tensors(module))
    vars(copied).update(deepcopy(vars(net), known))
    return copied


def copied_module(module):
    """Return an independent module."""
    return deepcopy(module, _computed_tensors(module))


def _computed_tensors(module):
    """Return detached copies of tensors that a module keeps of its last pass, by id.

    Torch copies none that have a history; the next pass makes them anew.
    """
    return {
        id(value): value.detach().clone()
        for part in module.modules()
        for value in vars(part).values()
        if torch.is_tensor(value) and not value.is_leaf
    }
