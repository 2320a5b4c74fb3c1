"""The last layer of a network alone, as a linear model of what comes before it."""

from contextlib import contextmanager

import numpy as np
import torch
from torch import nn

from ..._utils._compat_torch import modules_of
from ...inputs import count_rows
from ...rows import LocalBlocks
from .._decision import DecidesLikeItsView
from .._linear_view import LinearRows, LinearView
from ._copies import deep_copy
from ._network import named_modules, named_parameters, own_parameters, to_numpy

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
    rows = view.evaluation_rows(X, codes)
    trace = rows.of_first_rows(lambda batch: Trace(view.network, batch), _TRACED_ROWS)
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
        known = named_parameters(network.net)
        names = {id(known[name]): name for name in network.names}
        layers = {
            name: [names[id(p)] for p in own_parameters(layer) if id(p) in names]
            for name, layer in named_modules(network.net)
        }
        with torch.no_grad(), _hooks(network.net, layers, self._record):
            self.margins = network.margins(batch)
        self.name, self.layer, self.output = self.calls[-1]
        self.parameter_names = layers[self.name]

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
        if loss.of_linear_layer() is None:
            return False
        scores = loss.scores(self.margins)
        output = self.output.reshape(self.margins.shape)
        expected = loss.scores(output.to(self.margins.dtype))
        tolerance = 1e3 * torch.finfo(scores.dtype).eps
        return torch.allclose(scores, expected, rtol=tolerance, atol=tolerance)

    def _is_tied(self):
        uses = [
            parameter is self.layer.weight
            for module in modules_of(self.network.net).values()
            for _, parameter in module.named_parameters(remove_duplicate=False)
        ]
        return sum(uses) > 1


class HeadRows(LinearRows):
    """Rows as the last layer of a network sees them.

    Attributes
    ----------
    mass : float or None
        Scale of the regulariser, see ``SampleLoss.mass``; None on evaluation rows.
    whole : TorchRows or None
        The same training rows as the whole network sees them.
    """

    mass = None
    whole = None


class TorchHeadView(DecidesLikeItsView, LinearView):
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
    # The layers before it have seen the rows, too.
    may_leave_out = False

    def __init__(self, view, name):
        self.view = view
        self._prefix = f"{name}." if name else ""
        self._layer = dict(named_modules(view.network.net))[name]
        self._has_bias = self._layer.bias is not None
        columns = self._layer.in_features + self._has_bias
        matrix = np.empty((self._layer.out_features, columns))
        for name, part in self._parts(matrix).items():
            part[...] = to_numpy(named_parameters(view.network.net)[name])
        free = np.ones(matrix.shape, dtype=bool)
        loss = view.network.loss.of_linear_layer()
        super().__init__(view.estimator, matrix, free, loss)

    def _parts(self, matrix):
        """Return the parts of a matrix that are parameters of the net, by name."""
        n_features = self._layer.in_features
        parts = {f"{self._prefix}weight": matrix[:, :n_features]}
        if self._has_bias:
            parts[f"{self._prefix}bias"] = matrix[:, n_features]
        return parts

    def strengths(self, rows):
        decay = np.empty_like(self._matrix)
        for name, part in self._parts(decay).items():
            part[...] = rows.mass * self.view.weight_decay[name]
        return np.zeros_like(self.parameters), decay[self._free]

    def training_rows(self, X, codes, sample_weight=None):
        whole = self.view.evaluation_rows(X, codes)
        # Which notes the margins, too, so that the loss is checked without a pass.
        rows = self._rows(whole)
        self.view.weigh(whole, X, sample_weight)
        rows.weight, rows.mass = whole.weight, whole.mass
        rows.whole = whole
        rows.blocks.spread("weight", rows.weight)
        if sample_weight is not None:
            rows.blocks.spread("count", sample_weight)
        return rows

    def check_training_rows(self, rows):
        self.view.check_training_rows(rows.whole)

    def evaluation_rows(self, X, codes):
        return self._rows(self.view.evaluation_rows(X, codes))

    def _rows(self, whole):
        blocks = LocalBlocks(self.features(whole), self._has_bias, code=whole.codes)
        return HeadRows(blocks, whole.codes, self.loss)

    def features(self, rows):
        """Return what the layer is given of rows, and let them note their margins.

        Parameters
        ----------
        rows : TorchRows
            Rows of the whole net.

        Returns
        -------
        ndarray of shape (n_samples, n_features)
        """
        view, seen = self.view, []
        given = torch.empty(
            (len(rows), self._layer.in_features), dtype=view.parameters.dtype
        )

        def note(block):
            block["z"] = block.z
            given[block.rows] = seen.pop().reshape(len(block), -1).to(given)
            return ()

        handle = self._layer.register_forward_pre_hook(
            lambda module, inputs: seen.append(inputs[0])
        )
        try:
            with torch.no_grad():
                rows.at(view.network, view.parameters).reduce(note)
        finally:
            handle.remove()
        rows.margins.note(view.parameters, rows.collect("z"))
        rows.forget("z")
        return given.numpy()

    @staticmethod
    def copied(estimator):
        return deep_copy(estimator)

    def write_parameters(self, estimator, parameters):
        written = named_parameters(estimator)
        with torch.no_grad():
            for name, values in self._parts(self._unpack(parameters)).items():
                written[name].copy_(torch.as_tensor(values))


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
