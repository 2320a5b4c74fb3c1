"""Products by layers are those of the graph; nets of another form keep the graph."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from skorch import NeuralNetBinaryClassifier, NeuralNetClassifier
from torch import nn

from skswu.models import make_model_view
from skswu.models.torch._layers import LayerJacobian
from skswu.models.torch._linearization import Linearization
from skswu.models.torch._noted_margins import NotedMargins

N_SAMPLES = 30


@pytest.fixture(autouse=True)
def double_precision():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


class Perceptron(nn.Sequential):
    def __init__(self, n_outputs=2, inplace=False):
        super().__init__(nn.Linear(4, 6), nn.ReLU(inplace=inplace))
        self.append(nn.Linear(6, n_outputs))


class Twice(nn.Module):
    """One layer is called two times."""

    def __init__(self):
        super().__init__()
        self.a, self.b, self.o = nn.Linear(4, 5), nn.Linear(5, 5), nn.Linear(5, 2)

    def forward(self, X):
        return self.o(torch.tanh(self.b(torch.tanh(self.b(torch.tanh(self.a(X)))))))


class Convolutions(nn.Sequential):
    def __init__(self):
        super().__init__(nn.Unflatten(1, (1, 2, 2)), nn.Conv2d(1, 3, 2, padding=1))
        self.extend([nn.BatchNorm2d(3), nn.ELU(), nn.Flatten(), nn.LazyLinear(3)])


class Tokens(nn.Module):
    """Positions are the same for all rows, and tokens are flattened on the way."""

    def __init__(self):
        super().__init__()
        self.tokens, self.positions = nn.Embedding(9, 4), nn.Embedding(3, 4)
        self.norm, self.mix, self.o = nn.LayerNorm(4), nn.Linear(4, 4), nn.Linear(4, 2)

    def forward(self, X):
        h = self.norm(self.tokens(X) + self.positions(torch.arange(3)[None]))
        query = self.mix(h.reshape(-1, 4)).reshape(h.shape)
        return self.o((torch.softmax(query @ h.transpose(1, 2), 2) @ h).mean(1))


class Tied(nn.Module):
    """A weight is read beside its layer."""

    def __init__(self):
        super().__init__()
        self.a, self.o = nn.Linear(4, 4), nn.Linear(4, 2)

    def forward(self, X):
        return self.o(torch.tanh(self.a(X)) @ self.a.weight)


class Bare(nn.Module):
    """A parameter of no layer."""

    def __init__(self):
        super().__init__()
        self.scale, self.o = nn.Parameter(torch.ones(4)), nn.Linear(4, 2)

    def forward(self, X):
        return self.o(torch.tanh(self.scale * X))


class Scaled(nn.Linear):
    """A layer that is not linear in its parameters."""

    def forward(self, X):
        return super().forward(X) * self.weight.square().mean()


class NonLinear(nn.Sequential):
    def __init__(self):
        super().__init__(Scaled(4, 5), nn.Tanh(), nn.Linear(5, 2))


class Sideways(nn.Module):
    """Rows are not in front."""

    def __init__(self):
        super().__init__()
        self.a, self.o = nn.Linear(1, 3), nn.Linear(3, 2)

    def forward(self, X):
        return self.o(torch.tanh(self.a(X.T.unsqueeze(-1))).mean(0))


class Faint(nn.Module):
    """A parameter of no layer that hardly matters."""

    def __init__(self):
        super().__init__()
        self.inner, self.o = Bare(), nn.Linear(4, 2)

    def forward(self, X):
        return self.o(X) + 1e-5 * self.inner(X)


# Name: module, whether its products go by layers.
MODULES = {
    "perceptron": (Perceptron, True),
    "one output": (lambda: Perceptron(1), True),
    "in place": (lambda: Perceptron(2, inplace=True), None),
    "twice": (Twice, True),
    "convolutions": (Convolutions, True),
    "tokens": (Tokens, True),
    "tied": (Tied, False),
    "bare parameter": (Bare, False),
    "hardly seen": (Faint, False),
    "not linear": (NonLinear, False),
    "rows not in front": (Sideways, False),
    "many outputs": (lambda: Perceptron(7), False),
}


def fit(name, rng, **more):
    torch.manual_seed(0)
    module = MODULES[name][0]()
    X = rng.standard_normal((N_SAMPLES, 4))
    if name == "tokens":
        X = rng.integers(9, size=(N_SAMPLES, 3))
    n_classes = {"many outputs": 7, "convolutions": 3}.get(name, 2)
    y = np.arange(N_SAMPLES) % n_classes
    options = {"max_epochs": 2, "lr": 0.1, "train_split": None, "verbose": 0}
    options |= more
    if name == "one output":
        return NeuralNetBinaryClassifier(module, **options).fit(X, y.astype(float)), X
    net = NeuralNetClassifier(module, criterion=nn.CrossEntropyLoss, **options)
    return net.fit(X, y), X


def linearized(view, X, up_to_constants):
    block = view.evaluation_rows(X, np.zeros(N_SAMPLES, dtype=int)).first_rows(20)
    view.network.load(view.parameters)
    graph = Linearization(view.network, view.network.margins(block))
    return view.network.layers.linearize(block, up_to_constants), graph


@pytest.mark.parametrize("up_to_constants", [False, True])
@pytest.mark.parametrize("name", MODULES)
def test_products_are_those_of_the_graph(name, up_to_constants, rng):
    net, X = fit(name, rng)
    view = make_model_view(net)
    found, graph = linearized(view, X, up_to_constants)
    goes_by_layers = MODULES[name][1]
    if goes_by_layers is not None:
        assert isinstance(found, LayerJacobian if goes_by_layers else Linearization)
    assert_allclose(found.margins.detach(), graph.margins.detach(), rtol=1e-12)
    direction = torch.as_tensor(rng.standard_normal(len(view.parameters)))
    factors = torch.as_tensor(rng.standard_normal(graph.margins.shape))
    moved, expected = found.push(direction), graph.push(direction)
    if up_to_constants and moved.shape[1] > 1:
        moved, expected = moved - moved[:, -1:], expected - expected[:, -1:]
        factors = factors - factors.mean(1, keepdim=True)
    assert_allclose(moved, expected, rtol=1e-10, atol=1e-12)
    pulled = graph.pull(factors)
    assert_allclose(found.pull(factors), pulled, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("names", [["0.bias", "2.weight"], ["2.*"], ["0.weight"]])
def test_some_parameters_of_layers_stay(names, rng):
    net, X = fit("perceptron", rng)
    view = make_model_view(net).restricted_to(names, X)
    found, graph = linearized(view, X, False)
    assert isinstance(found, LayerJacobian)
    direction = torch.as_tensor(rng.standard_normal(len(view.parameters)))
    assert_allclose(found.push(direction), graph.push(direction), atol=1e-12)
    factors = torch.as_tensor(rng.standard_normal(graph.margins.shape))
    assert_allclose(found.pull(factors), graph.pull(factors), atol=1e-12)


def test_what_is_kept_is_counted(rng):
    net, X = fit("perceptron", rng)
    found = linearized(make_model_view(net), X, True)[0]
    # Inputs of four and six numbers, slopes of six and two, of each of twenty rows.
    assert found.n_bytes == 20 * 8 * (4 + 6 + 6 + 2)


def passes_of(view, monkeypatch):
    """Return a list that grows with each pass of the network."""
    whole, passes = view.network.margins, []

    def margins(block):
        passes.append(len(block))
        return whole(block)

    monkeypatch.setattr(view.network, "margins", margins)
    return passes


def asked_of(view, rows, parameters, rng):
    """Return what is asked of rows at parameters, beside products."""
    rows.margins = NotedMargins()
    weight = rng.standard_normal(N_SAMPLES)
    directions = torch.as_tensor(rng.standard_normal((len(parameters), 2)))
    factors = rng.standard_normal((2, N_SAMPLES, 2))
    return [
        view.losses(rows, parameters),
        view.loss_gradient(rows, parameters, weight),
        view.loss_derivatives(rows, parameters, directions),
        view.pull_back_scores(rows, parameters, lambda rows: factors[:, rows]),
    ]


@pytest.mark.parametrize("name", ["perceptron", "one output", "tokens"])
def test_what_products_kept_serves_what_else_is_asked_there(name, rng, monkeypatch):
    net, X = fit(name, rng, iterator_valid__batch_size=8)
    view = make_model_view(net)
    rows = view.training_rows(X, np.arange(N_SAMPLES) % 2)
    here, seed = view.parameters, rng.integers(100)
    there = 1.1 * here
    expected = asked_of(view, rows, here, np.random.default_rng(seed))
    changed = asked_of(view, rows, there, np.random.default_rng(seed))
    operator = view.curvature(rows, here, rows.weight)
    with operator.repeated_products():
        product = operator.product(here[:, None])
    passes = passes_of(view, monkeypatch)
    view.network.load(there)  # what is kept does not go with it
    found = asked_of(view, rows, here, np.random.default_rng(seed))
    for one, other in zip(found, expected, strict=True):
        assert_allclose(one, other, rtol=1e-10, atol=1e-12)
    again = view.curvature(rows, here, 2.0 * rows.weight)
    with again.repeated_products():
        twice = again.product(here[:, None]) - again.penalty[:, None] * here[:, None]
    once = product - operator.penalty[:, None] * here[:, None]
    assert_allclose(twice, 2.0 * once, rtol=1e-10, atol=1e-12)
    assert not passes
    found = asked_of(view, rows, there, np.random.default_rng(seed))
    for one, other in zip(found, changed, strict=True):
        assert_allclose(one, other, rtol=1e-10, atol=1e-12)
    assert passes
