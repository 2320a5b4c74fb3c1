"""Layers that come before what is corrected are computed once for each batch."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from sklearn import config_context
from skorch import NeuralNetClassifier
from torch import nn

from skswu.models import make_model_view

N_SAMPLES = 40


class Counting(nn.Linear):
    """Counts its rows."""

    n_rows = 0

    def forward(self, X):
        self.n_rows += len(X)
        return super().forward(X)


class Chain(nn.Module):
    """Three layers one after another, the first of them read again if asked."""

    def __init__(self, reads_first=False, in_place=False):
        super().__init__()
        self.first, self.second = Counting(3, 4), Counting(4, 4)
        self.last = nn.Linear(4, 2)
        self.reads_first, self.in_place = reads_first, in_place

    def forward(self, X):
        first = self.first(X)
        second = self.second(first)
        if self.in_place:
            second.tanh_()
        return self.last(torch.tanh(second + first if self.reads_first else second))


class Around(nn.Module):
    """A layer that is used before and after the one that is corrected."""

    def __init__(self):
        super().__init__()
        self.twice, self.last = Counting(3, 3), nn.Linear(3, 3)
        self.out = nn.Linear(3, 2)

    def forward(self, X):
        return self.out(self.twice(self.last(self.twice(X))))


def make_view(rng, module, names, **options):
    torch.manual_seed(0)
    X = rng.standard_normal((N_SAMPLES, 3)).astype(np.float32)
    y = (X[:, 0] > 0).astype(int)
    net = NeuralNetClassifier(
        module,
        **options,
        criterion=nn.CrossEntropyLoss,
        max_epochs=1,
        train_split=None,
        verbose=0,
    )
    view = make_model_view(net.fit(X, y)).restricted_to(names, X)
    return view, view.training_rows(X, y)


def derivatives(view, rows, parameters):
    """Return losses, a gradient and a product at parameters."""
    operator = view.curvature(rows, parameters, rows.weight)
    return [
        view.losses(rows, parameters),
        view.loss_gradient(rows, parameters, rows.weight).numpy(),
        operator.product(torch.ones(len(parameters), 1)).numpy()[:, 0],
    ]


CASES = {
    "chain": (Chain, {}, ["last.*"], ["first", "second"]),
    "read again": (Chain, {"module__reads_first": True}, ["last.*"], ["first"]),
    "in place": (Chain, {"module__in_place": True}, ["last.*"], []),
    "around": (Around, {}, ["last.*"], []),
    "second layer": (Chain, {}, ["second.*"], ["first"]),
    "nothing before": (Chain, {}, ["first.*"], []),
}


@pytest.mark.parametrize("name", CASES)
def test_derivatives_are_those_of_the_whole_net(name, rng):
    module, options, names, frozen = CASES[name]
    view, rows = make_view(rng, module, names, **options)
    moved = view.parameters + 0.3
    found = derivatives(view, rows, moved)
    corrected = make_model_view(view.corrected(moved))
    everything = corrected.training_rows(rows.source, rows.codes)
    start = corrected.parameters
    operator = corrected.curvature(everything, start, everything.weight)
    at = [n in view.network.names for n in corrected.network.names]
    sizes = [t.numel() for t in corrected.network.tensors]
    mask = torch.as_tensor(np.repeat(at, sizes))
    expected = [
        corrected.losses(everything, start),
        corrected.loss_gradient(everything, start, everything.weight)[mask].numpy(),
        operator.product(mask[:, None].float())[mask, 0].numpy(),
    ]
    for one, other in zip(found, expected, strict=True):
        assert_allclose(one, other, rtol=1e-4, atol=1e-5)
    layers = dict(view.network.net.module_.named_modules())
    for layer in frozen:
        before = layers[layer].n_rows
        derivatives(view, rows, moved + 0.1)
        assert layers[layer].n_rows == before


def test_outputs_are_kept_as_far_as_memory_allows(rng):
    with config_context(working_memory=0.001):  # of which 131 bytes may be kept
        view, rows = make_view(rng, Chain, ["last.*"])
        expected = derivatives(view, rows, view.parameters)
        layer = view.network.net.module_.first
        before = layer.n_rows
        found = derivatives(view, rows, 1.0 * view.parameters)
        assert layer.n_rows > before
    for one, other in zip(found, expected, strict=True):
        assert_allclose(one, other, rtol=1e-6)
