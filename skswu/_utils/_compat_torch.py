"""Private names of torch and skorch, used nowhere else."""

from torch.nn.modules.batchnorm import _BatchNorm

__all__ = [
    "KeepsBatchStatistics",
    "criteria_of",
    "modules_of",
    "optimizers_of",
    "predict_nonlinearity",
    "uncompiled",
]


def modules_of(net):
    """Return the modules of a skorch net, by name."""
    return _attributes(net, net._modules)


def criteria_of(net):
    """Return the criteria of a skorch net, by name."""
    return _attributes(net, net._criteria)


def optimizers_of(net):
    """Return the optimizers of a skorch net."""
    return list(_attributes(net, net._optimizers).values())


def uncompiled(module):
    """Return a module itself where it is wrapped by torch.compile."""
    return getattr(module, "_orig_mod", module)


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
