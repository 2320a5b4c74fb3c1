"""The last layer of a network alone, as a linear model of what comes before it."""

from contextlib import contextmanager
from copy import deepcopy
from types import SimpleNamespace

import numpy as np
import torch
from scipy.special import logsumexp, softmax
from torch import nn

from ..._utils._compat import count_rows
from ...linear._losses import LogisticLoss, MultinomialLoss
from ...rows._design import make_design
from .._base import ModelView
from .._linear import LinearModelView, LinearRows
from ._loss import SigmoidLoss, SoftmaxLoss, deep_copy
from ._network import named_modules, named_parameters, to_numpy

_TRACED_ROWS = 64


def restrict_to_last_layer(view, X):
    """Return a view of the layer of a net that is computed last.

    Where that is a linear layer that nothing but a softmax or a sigmoid follows, the
    view is that of a linear model on the features before it, computed once.

    Parameters
    ----------
    view : TorchModelView
        Of the whole net.
    X : data
        Rows as the net was fitted on; a few are traced.
    """
    codes = np.zeros(count_rows(X), dtype=np.intp)
    batch = view.evaluation_rows(X, codes).first_rows(_TRACED_ROWS)
    trace = Trace(view.network, batch)
    if trace.is_linear_head():
        return TorchHeadView(view, trace.name)
    return view.with_names(trace.parameter_names)


class Trace:
    """Which layer with trained parameters a network computes last.

    Parameters
    ----------
    network : Network
        What is traced.
    batch : Batch
        With what.

    Attributes
    ----------
    name : str
        The layer's name.
    parameter_names : list of str
        Its own trained parameters.
    """

    def __init__(self, network, batch):
        self.network = network
        self.calls = []
        layers = {name: self._trained(name) for name, _ in named_modules(network.net)}
        with torch.no_grad(), _hooks(network.net, layers, self._record):
            self.margins = network.margins(batch)
        self.name, self.layer, self.output = self.calls[-1]
        self.parameter_names = layers[self.name]

    def _trained(self, layer):
        prefix = f"{layer}." if layer else ""
        return [
            name
            for name in self.network.names
            if name.rpartition(".")[0] + "." * bool(prefix) == prefix
        ]

    def _record(self, name):
        def hook(module, inputs, output):
            self.calls.append((name, module, output))

        return hook

    def is_linear_head(self):
        """Whether the layer is linear and its output is the network's margins."""
        layer, loss = self.layer, self.network.loss
        own = dict(layer.named_parameters())
        once = [name for name, _, _ in self.calls].count(self.name) == 1
        if type(layer) is not nn.Linear or not once or self._is_tied():
            return False
        if len(own) != len(self.parameter_names) or self.output.dim() > 2:
            return False
        if not isinstance(loss, SoftmaxLoss | SigmoidLoss):
            return False
        scores = loss.scores(self.margins)
        expected = loss.scores(self.output.reshape(self.margins.shape))
        tolerance = 1e3 * torch.finfo(scores.dtype).eps
        return torch.allclose(scores, expected, rtol=tolerance, atol=tolerance)

    def _is_tied(self):
        modules = [
            getattr(self.network.net, f"{m}_") for m in self.network.net._modules
        ]
        uses = [
            parameter is self.layer.weight
            for module in modules
            for _, parameter in module.named_parameters(remove_duplicate=False)
        ]
        return sum(uses) > 1


class TorchHeadView(LinearModelView):
    r"""The linear last layer of a skorch net, the layers before it held fixed.

    A linear classifier in the features that the net computes, under the net's own loss
    and weight decay; its curvature is exact.

    Parameters
    ----------
    view : TorchModelView
        Of the whole net.
    name : str
        The layer's name.
    """

    follows_leftover_gradient = False

    def __init__(self, view, name):
        self.view = view
        self.name = name
        self._mass = 1.0
        self._layer = dict(named_modules(view.network.net))[name]
        super().__init__(self._as_classifier())

    def _as_classifier(self):
        """Return the layer with the attributes of a linear classifier."""
        bias = self._layer.bias
        return SimpleNamespace(
            coef_=to_numpy(self._layer.weight),
            intercept_=None if bias is None else to_numpy(bias),
            fit_intercept=bias is not None,
            n_features_in_=self._layer.in_features,
            classes_=self.view.classes,
        )

    def _check_outputs(self, n_outputs):
        """Two logits for two classes are fine here; the net's scores are checked."""

    def loss_function(self):
        loss = self.view.network.loss
        if isinstance(loss, SigmoidLoss):
            return LogisticLoss()
        if loss.soft_targets is None:
            return MultinomialLoss()
        return SoftTargetLoss(to_numpy(loss.soft_targets))

    def penalty_strengths(self, n_samples):
        decay = self.view.weight_decay
        bias = self._mass * decay.get(self._parameter_name("bias"), 0.0)
        return 0.0, self._mass * decay[self._parameter_name("weight")], 0.0, bias

    def _parameter_name(self, kind):
        return f"{self.name}.{kind}" if self.name else kind

    def training_rows(self, X, codes, sample_weight=None):
        whole = self.view.training_rows(X, codes, sample_weight)
        rows = self._rows(whole)
        rows.weight, self._mass = whole.weight, whole.mass
        return rows

    def evaluation_rows(self, X, codes):
        return self._rows(self.view.evaluation_rows(X, codes))

    def _rows(self, whole):
        """Compute the features of rows of the whole net."""
        network = self.view.network
        network.load(self.view.parameters)

        def compute(batch):
            seen = []
            handle = self._layer.register_forward_pre_hook(
                lambda module, inputs: seen.append(inputs[0])
            )
            try:
                with torch.no_grad():
                    network.margins(batch)
            finally:
                handle.remove()
            return seen[0].reshape(len(batch), -1).cpu()

        features = torch.cat([features for _, features in whole.map(compute)]).numpy()
        design = make_design(features, self.estimator.fit_intercept)
        return LinearRows(design, whole.codes, self.loss)

    def corrected(self, parameters):
        layer = deepcopy(self.estimator)
        self.write_parameters(layer, parameters)
        net = deep_copy(self.view.estimator)
        written = named_parameters(net)
        with torch.no_grad():
            weight = torch.as_tensor(layer.coef_)
            written[self._parameter_name("weight")].copy_(weight)
            if layer.fit_intercept:
                bias = torch.as_tensor(layer.intercept_)
                written[self._parameter_name("bias")].copy_(bias)
        return net

    # An attack perturbs the net's inputs, which the features do not tell.
    adversarial_rows = ModelView.adversarial_rows


class SoftTargetLoss(MultinomialLoss):
    r"""Softmax cross-entropy against a distribution over the classes.

    Parameters
    ----------
    targets : ndarray of shape (n_classes, n_classes)
        The distribution that each label stands for.
    """

    def __init__(self, targets):
        self.targets = targets

    def values(self, codes, z):
        return logsumexp(z, axis=1) - (self.targets[codes] * z).sum(axis=1)

    def gradient(self, codes, z):
        return softmax(z, axis=1) - self.targets[codes]


@contextmanager
def _hooks(net, layers, record):
    """Call ``record(name)`` after every layer that has trained parameters."""
    handles = [
        module.register_forward_hook(record(name))
        for name, module in named_modules(net)
        if layers[name]
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
