"""Solves that a sample of the rows preconditions, against dense ones."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from sklearn import config_context
from skorch import NeuralNetBinaryClassifier, NeuralNetClassifier
from torch import nn

from skswu import UnlearningClassifier
from skswu.influence import ConjugateGradient, make_inverse_curvature
from skswu.models import make_model_view
from skswu.models.torch import _sampled_curvature
from skswu.models.torch._curvature import GaussNewtonCurvature
from skswu.models.torch._network import Network
from skswu.models.torch._sampled_curvature import systematic_sample

N_SAMPLES = 40


@pytest.fixture(autouse=True)
def double_precision():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


class Perceptron(nn.Sequential):
    def __init__(self, n_outputs=2, width=12):
        super().__init__(nn.Linear(4, width), nn.ELU(), nn.Linear(width, width))
        self.extend([nn.ELU(), nn.Linear(width, n_outputs)])


class Normalised(nn.Sequential):
    """Layers of other forms hold few parameters."""

    def __init__(self):
        super().__init__(nn.Linear(4, 20), nn.LayerNorm(20), nn.ELU())
        self.extend([nn.Linear(20, 20), nn.Unflatten(1, (2, 10)), nn.BatchNorm1d(2)])
        self.extend([nn.ELU(), nn.Flatten(), nn.Linear(20, 2)])


class Mixed(nn.Module):
    """Features that are looked up, moved by a layer that all rows share."""

    def __init__(self):
        super().__init__()
        self.a, self.b, self.o = nn.Linear(4, 20), nn.Linear(20, 20), nn.Linear(20, 2)
        self.signs, self.all = nn.Embedding(2, 3), nn.Embedding(1, 3)
        self.c = nn.Linear(3, 20, bias=False)

    def forward(self, X):
        found = self.signs((X[:, 0] > 0).long()) + self.all(torch.zeros(1).long())
        return self.o(torch.tanh(self.b(torch.tanh(self.a(X) + self.c(found)))))


class Twice(nn.Module):
    """A layer is called two times, and its rows are not told apart."""

    def __init__(self):
        super().__init__()
        self.a, self.b, self.o = nn.Linear(4, 20), nn.Linear(20, 20), nn.Linear(20, 2)
        self.c = nn.Linear(2, 2)

    def forward(self, X):
        h = self.o(torch.tanh(self.b(torch.tanh(self.a(X)))))
        return self.c(torch.tanh(self.c(torch.tanh(h)))) + h


class Convolutions(nn.Sequential):
    def __init__(self):
        super().__init__(nn.Unflatten(1, (1, 2, 2)), nn.Conv2d(1, 6, 2, padding=1))
        self.extend([nn.ELU(), nn.Flatten(), nn.Linear(54, 2)])


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.up, self.query, self.key = (
            nn.Linear(*s) for s in [(1, 8), (8, 8), (8, 8)]
        )
        self.norm, self.o = nn.LayerNorm(8), nn.Linear(8, 2)

    def forward(self, X):
        h = self.up(X[:, :, None])
        weights = torch.softmax(self.query(h) @ self.key(h).transpose(1, 2), 2)
        return self.o(self.norm(h + weights @ h).mean(1))


# Whether the sample knows all layers, some, or too few to be made.
MODULES = {
    "perceptron": (Perceptron, "all"),
    "three outputs": (lambda: Perceptron(3), "all"),
    "norms": (Normalised, "all"),
    "embeddings": (Mixed, "all"),
    "called twice": (Twice, "some"),
    "convolution": (Convolutions, "none"),
    "attention": (Attention, "none"),
}


def fitted(make, X, y, binary=False, **options):
    class Module(nn.Module):
        def __init__(self):
            super().__init__()
            torch.manual_seed(0)
            self.net = make()

        def forward(self, X):
            out = self.net(X)
            return out.squeeze(1) if binary else out

    kind = NeuralNetBinaryClassifier if binary else NeuralNetClassifier
    given = {"optimizer__weight_decay": 1e-3, "max_epochs": 3, "lr": 0.3, **options}
    given = {"train_split": None, "verbose": 0, **given}
    if not binary:
        given["criterion"] = nn.CrossEntropyLoss
    return kind(Module, **given).fit(X, y)


def data(rng, n_classes=2, n_samples=N_SAMPLES):
    X = rng.standard_normal((n_samples, 4))
    y = np.digitize(X[:, 0] + 0.5 * X[:, 1] ** 2, np.linspace(0, 1, n_classes - 1))
    return X, y.astype(np.int64)


def curvature_of(net, X, y, rng):
    view = make_model_view(net)
    rows = view.training_rows(X, y)
    weight = rows.weight * rng.uniform(0.0, 3.0, len(y))
    weight[:3] = 0.0
    return view.curvature(rows, view.parameters, weight)


def dense(operator, damping):
    ((_, matrix),) = operator.dense_blocks()
    return matrix + damping * np.eye(len(matrix))


@pytest.fixture(params=MODULES)
def problem(request, rng):
    make, known = MODULES[request.param]
    X, y = data(rng, 3 if request.param == "three outputs" else 2)
    return curvature_of(fitted(make, X, y), X, y, rng), known


@pytest.fixture
def all_rows(monkeypatch):
    """A sample takes as many rows as there are."""
    monkeypatch.setattr(_sampled_curvature, "_PRODUCTS", np.inf)
    monkeypatch.setattr(_sampled_curvature, "_STEP", 16)


def approximate_inverse(operator, damping):
    unit = torch.eye(operator.n_parameters)
    return operator.preconditioner(damping)(unit).numpy()


def assert_close(found, expected, rtol=1e-8):
    assert np.abs(found - expected).max() <= rtol * np.abs(expected).max()


@pytest.mark.usefixtures("all_rows")
@pytest.mark.parametrize("damping", [1e-3, 0.1, 10.0])
def test_a_sample_of_all_rows_is_the_inverse(problem, damping):
    operator, known = problem
    if known == "none":
        assert operator.preconditioner(damping) is None
        return
    found = approximate_inverse(operator, damping)
    expected = dense(operator, damping)
    assert_close(found, found.T)
    assert np.linalg.eigvalsh(found).min() > 0
    if known == "some":  # the layer that is not known counts as its diagonal
        expected[:, -6:] = expected[-6:] = 0.0
        np.fill_diagonal(expected[-6:, -6:], damping + float(operator.penalty[0]))
    assert_close(found, np.linalg.inv(expected))


def test_a_sample_is_the_inverse_of_what_was_drawn(rng, monkeypatch):
    X, y = data(rng, n_samples=400)
    net = fitted(Perceptron, X, y, iterator_valid__batch_size=150)
    operator = curvature_of(net, X, y, rng)
    drawn = []

    def noting(*args):
        drawn.append(systematic_sample(*args))
        return drawn[-1]

    monkeypatch.setattr(_sampled_curvature, "systematic_sample", noting)
    found = approximate_inverse(operator, 0.1)
    ((rows, probabilities),) = drawn
    assert 20 < len(rows) < 200
    assert len(np.unique(probabilities)) > 10
    weight = np.zeros(400)
    weight[rows] = operator.weight[rows].numpy() / probabilities
    operator.weight = torch.as_tensor(weight)
    assert_close(found, np.linalg.inv(dense(operator, 0.1)))


@pytest.mark.usefixtures("all_rows")
def test_one_output(rng):
    X, y = data(rng)
    net = fitted(lambda: Perceptron(1), X, y.astype(float), binary=True)
    operator = curvature_of(net, X, y, rng)
    expected = np.linalg.inv(dense(operator, 0.1))
    assert_close(approximate_inverse(operator, 0.1), expected)


@pytest.mark.usefixtures("all_rows")
def test_part_of_the_layers_is_corrected(rng):
    X, y = data(rng)
    view = make_model_view(fitted(Perceptron, X, y))
    view = view.restricted_to(["net.2.*", "net.4.weight", "net.0.bias"], X)
    rows = view.training_rows(X, y)
    operator = view.curvature(rows, view.parameters, rows.weight)
    expected = np.linalg.inv(dense(operator, 0.1))
    assert_close(approximate_inverse(operator, 0.1), expected)


@pytest.mark.parametrize("megabytes", [1024, 0.1])  # bases of many vectors, and none
@pytest.mark.parametrize("damping", [1e-2, 1.0])
def test_solutions_are_those_of_a_dense_solve(problem, damping, megabytes, rng):
    operator, _ = problem
    right = rng.standard_normal((operator.n_parameters, 2)) * [1.0, 1e3]
    with config_context(working_memory=megabytes):
        solver = ConjugateGradient(tol=1e-10)
        inverse = make_inverse_curvature(solver, operator, damping=damping)
        solution = inverse.solve(torch.as_tensor(right))
    expected = np.linalg.solve(dense(operator, damping), right)
    for found, column in zip(solution.vectors.numpy().T, expected.T, strict=True):
        assert_close(found, column)
    assert solution.relative_residual <= 1e-10


def test_fewer_products_where_few_rows_are_sampled(rng, monkeypatch):
    X, y = data(rng, n_samples=500)
    net = fitted(lambda: Perceptron(width=64), X, y, max_epochs=20)
    operator = curvature_of(net, X, y, rng)
    right = torch.as_tensor(rng.standard_normal((operator.n_parameters, 2)))
    sizes, counts = noted_sizes(monkeypatch), []
    for _ in range(2):
        solver = ConjugateGradient(tol=1e-6)
        inverse = make_inverse_curvature(solver, operator, damping=1e-3)
        solution = inverse.solve(right)
        counts.append(solution.n_products)
        left = operator.product(solution.vectors) + 1e-3 * solution.vectors - right
        assert float((left.norm(dim=0) / right.norm(dim=0)).max()) <= 2e-6
        monkeypatch.setattr(GaussNewtonCurvature, "preconditioner", lambda *args: None)
    assert len(sizes) == 1  # of the first
    assert sizes[0] < 300
    assert counts[0] < 0.6 * counts[1], counts


def noted_sizes(monkeypatch):
    """Return a list to which the numbers of sampled rows are appended."""
    sizes, draw = [], systematic_sample

    def noting(*args):
        chosen, probabilities = draw(*args)
        sizes.append(len(chosen))
        return chosen, probabilities

    monkeypatch.setattr(_sampled_curvature, "systematic_sample", noting)
    return sizes


def test_the_sample_keeps_to_the_memory(rng, monkeypatch):
    X, y = data(rng, n_samples=300)
    operator = curvature_of(fitted(Perceptron, X, y), X, y, rng)
    sizes = noted_sizes(monkeypatch)
    for megabytes in (1024, 0.3, 0.05):
        with config_context(working_memory=megabytes):
            operator.preconditioner(0.1)
            entries = megabytes * 2**20 / 16 / 8
            n_sampled = sizes[-1] - 1  # give or take one
            assert n_sampled * (2 * n_sampled + 54) <= entries
    assert sizes[0] > 50 > sizes[1] > sizes[2] > 3


def test_rows_that_do_not_fit_at_once(rng):
    X, y = data(rng, n_samples=100)
    net = fitted(Perceptron, X, y, iterator_valid__batch_size=7)
    operator = curvature_of(net, X, y, rng)
    whole = curvature_of(fitted(Perceptron, X, y), X, y, rng)
    whole.weight = operator.weight
    found, expected = (approximate_inverse(one, 0.5) for one in (operator, whole))
    assert_close(found, expected)


def test_no_sample(rng):
    X, y = data(rng)
    net = fitted(Perceptron, X, y, optimizer__weight_decay=0.0)
    view = make_model_view(net)
    rows = view.training_rows(X, y)
    without = view.curvature(rows, view.parameters, 0.0 * rows.weight)
    assert without.preconditioner(0.1) is None  # there is nothing to sample
    operator = view.curvature(rows, view.parameters, rows.weight)
    assert operator.preconditioner(0.0) is None  # nothing is added
    assert operator.preconditioner(1e-30) is None  # steeper than the precision
    hessian = view.curvature(rows, view.parameters, rows.weight, "hessian")
    assert hessian.preconditioner(0.1) is None


def test_no_memory_for_a_sample(rng, monkeypatch):
    X, y = data(rng)
    operator = curvature_of(fitted(Perceptron, X, y), X, y, rng)

    def fail(matrix):
        raise torch.OutOfMemoryError("no memory")

    monkeypatch.setattr(torch.linalg, "cholesky", fail)
    assert operator.preconditioner(0.1) is None
    right = torch.as_tensor(rng.standard_normal((operator.n_parameters, 1)))
    solver = ConjugateGradient(tol=1e-8)
    solution = make_inverse_curvature(solver, operator, damping=1.0).solve(right)
    assert solution.relative_residual <= 1e-8


@pytest.mark.parametrize("n_sampled", [1, 7, 60, 100])
def test_systematic_sample(n_sampled, rng):
    sizes = rng.lognormal(sigma=2.0, size=100)
    sizes[:10] = 0.0
    chosen, probabilities = systematic_sample(sizes, n_sampled)
    assert (np.diff(chosen) > 0).all()
    assert sizes[chosen].min() > 0
    assert abs(len(chosen) - min(n_sampled, 90)) <= 1
    assert probabilities.max() <= 1.0 + 1e-12
    uncertain = probabilities < 1.0
    ratios = sizes[chosen][uncertain] / probabilities[uncertain]
    if len(ratios):
        assert_allclose(ratios, ratios[0])
        assert sizes[chosen][~uncertain].min(initial=np.inf) >= ratios[0] * (1 - 1e-9)
        total = (sizes[chosen] / probabilities).sum()
        assert abs(total - sizes.sum()) <= 1.01 * ratios[0]
    if n_sampled == 100:
        assert_allclose(probabilities, 1.0)


def test_nothing_to_draw():
    chosen, probabilities = systematic_sample(np.zeros(4), 2)
    assert len(chosen) == len(probabilities) == 0


def test_gradients_after_passes_are_kept(rng, monkeypatch):
    X, y = data(rng)
    view = make_model_view(fitted(Perceptron, X, y))
    rows = view.training_rows(X, y)
    weight = rows.weight * rng.uniform(0.0, 3.0, len(y))
    expected = view.loss_gradient(rows, view.parameters, weight)
    operator = view.curvature(rows, view.parameters, weight)
    operator.keep_passes()
    monkeypatch.setattr(Network, "margins", None)
    found = view.loss_gradient(rows, view.parameters, weight)
    assert_allclose(found, expected, atol=1e-12 * float(expected.abs().max()))
    make_inverse_curvature("conjugate_gradient", operator, damping=1.0)


def test_passes_are_kept_as_far_as_memory_allows(rng):
    X, y = data(rng, n_samples=100)
    net = fitted(Perceptron, X, y, iterator_valid__batch_size=10)
    view = make_model_view(net)
    rows = view.training_rows(X, y)
    operator = view.curvature(rows, view.parameters, rows.weight)
    with config_context(working_memory=0.1):
        operator.keep_passes()
    kept = rows.jacobians.at(view.parameters)
    assert 0 < len(kept) < 10
    assert sorted(kept) == [(10 * k, 10 * k + 10) for k in range(len(kept))]


def test_passes_of_a_graph_are_not_kept(rng, monkeypatch):
    class Bare(nn.Module):
        def __init__(self):
            super().__init__()
            self.scale, self.o = nn.Parameter(torch.ones(4)), nn.Linear(4, 2)

        def forward(self, X):
            return self.o(torch.tanh(self.scale * X))

    X, y = data(rng)
    operator = curvature_of(fitted(Bare, X, y), X, y, rng)
    operator.keep_passes()
    assert not operator.rows.jacobians.at(operator.parameters)
    assert operator.preconditioner(0.1) is None


def test_unlearn_ends_where_it_did(rng, monkeypatch):
    X, y = data(rng, n_samples=120)
    group = np.where(X[:, 1] > 0, "a", "b")
    net = fitted(Perceptron, X, y, max_epochs=10)
    solver = ConjugateGradient(tol=1e-9)

    def correct():
        model = UnlearningClassifier(net).set_params(influence__solver=solver)
        return model.unlearn(X, y, sensitive_features=group)

    found = correct()
    monkeypatch.setattr(GaussNewtonCurvature, "preconditioner", lambda *args: None)
    expected = correct()
    assert_allclose(found.epsilon_, expected.epsilon_, atol=1e-6)
    assert_allclose(found.predict_proba(X), expected.predict_proba(X), atol=1e-6)
