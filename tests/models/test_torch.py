"""The view of skorch nets against dense autodiff of the nets' own objectives."""

import pickle
import warnings
from contextlib import nullcontext

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from scipy import sparse
from sklearn.exceptions import NotFittedError
from skorch import NeuralNetBinaryClassifier, NeuralNetClassifier
from skorch.callbacks import Callback
from skorch.dataset import Dataset, ValidSplit
from skorch.helper import SliceDict
from skorch.utils import to_tensor
from torch import nn
from torch.func import functional_call

from skswu.influence import ConjugateGradientInverse, DirectInverse, LissaInverse
from skswu.models import make_model_view
from skswu.models._attack import Attack
from skswu.models.torch._head import TorchHeadView
from skswu.models.torch._memory import saved_bytes
from skswu.models.torch._noted_margins import NotedMargins

N_SAMPLES, N_FEATURES = 60, 4
CLASS_WEIGHT = [1.0, 3.0, 0.5]


class Perceptron(nn.Sequential):
    def __init__(self, n_outputs=2, last=None, activation=nn.Tanh, squeeze=False):
        layers = [nn.Linear(N_FEATURES, 5), activation(), nn.Dropout(0.5)]
        layers += [nn.Linear(5, n_outputs)]
        layers += [nn.Softmax(dim=1)] if last == "softmax" else []
        layers += [nn.Sigmoid()] if last == "sigmoid" else []
        layers += [nn.Flatten(0)] if squeeze else []
        super().__init__(*layers)


class Convolutional(nn.Sequential):
    def __init__(self):
        super().__init__(
            nn.Conv2d(1, 2, 2), nn.BatchNorm2d(2), nn.Softplus(), nn.Flatten()
        )
        self.append(nn.Linear(8, 3))


class Embedded(nn.Module):
    """Two named inputs, one of them integers."""

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(6, 2)
        self.hidden = nn.Linear(2 + N_FEATURES, 4)
        self.head = nn.Linear(4, 2)

    def forward(self, token, x):
        joined = torch.cat([self.embedding(token), x], 1)
        return self.head(torch.tanh(self.hidden(joined)))


class Branching(nn.Module):
    """Control flow that depends on the data: torch.func cannot take it."""

    def __init__(self):
        super().__init__()
        self.hidden = nn.Linear(N_FEATURES, 3)
        self.head = nn.Linear(3, 2)

    def forward(self, x):
        hidden = torch.tanh(self.hidden(x))
        if bool((x > -1e9).all()):
            hidden = 2.0 * hidden
        return self.head(hidden)


class Focal(nn.Module):
    """A criterion of the user's own, not among torch's."""

    def __init__(self, reduction="mean"):
        super().__init__()
        self.reduction = reduction

    def forward(self, output, target):
        log_p = torch.log_softmax(output, 1).gather(1, target[:, None])[:, 0]
        loss = -((1.0 - log_p.exp()) ** 2) * log_p
        return loss.mean() if self.reduction == "mean" else loss


def tabular(rng, n_classes):
    X = rng.standard_normal((N_SAMPLES, N_FEATURES))
    y = (X[:, 0] + X[:, 1] ** 2 + 0.5 * rng.standard_normal(N_SAMPLES) > 0.7) * 1
    y += (n_classes > 2) * (X[:, 2] > 0.5)
    return X, y.astype(np.int64)


def images(rng, n_classes):
    X, y = tabular(rng, n_classes)
    return rng.standard_normal((N_SAMPLES, 1, 3, 3)) + X[:, :1, None, None], y


def named_inputs(rng, n_classes):
    X, y = tabular(rng, n_classes)
    return SliceDict(token=rng.integers(0, 6, N_SAMPLES), x=X), y


def floats(rng, n_classes):
    X, y = tabular(rng, n_classes)
    return X, y.astype(np.float64)


def softmax(output):
    return torch.softmax(output, 1)


CE, NLL, BCE = nn.CrossEntropyLoss, nn.NLLLoss, nn.BCEWithLogitsLoss
# Name: module, its options, criterion, its options, data, number of classes, net.
CASES = {
    "two classes": (Perceptron, {}, CE, {}, tabular, 2, NeuralNetClassifier),
    "relu": (
        Perceptron,
        {"activation": nn.ReLU},
        CE,
        {},
        tabular,
        2,
        NeuralNetClassifier,
    ),
    "three classes": (
        Perceptron,
        {"n_outputs": 3},
        CE,
        {"weight": CLASS_WEIGHT},
        tabular,
        3,
        NeuralNetClassifier,
    ),
    "label smoothing": (
        Perceptron,
        {"n_outputs": 3},
        CE,
        {"weight": CLASS_WEIGHT, "label_smoothing": 0.2},
        tabular,
        3,
        NeuralNetClassifier,
    ),
    "probabilities": (
        Perceptron,
        {"n_outputs": 3, "last": "softmax"},
        NLL,
        {"weight": CLASS_WEIGHT},
        tabular,
        3,
        NeuralNetClassifier,
    ),
    "one logit": (
        Perceptron,
        {"n_outputs": 1, "squeeze": True},
        BCE,
        {"pos_weight": 3.0},
        floats,
        2,
        NeuralNetBinaryClassifier,
    ),
    "one probability": (
        Perceptron,
        {"n_outputs": 1, "last": "sigmoid", "squeeze": True},
        nn.BCELoss,
        {},
        floats,
        2,
        NeuralNetBinaryClassifier,
    ),
    "convolution and batch norm": (
        Convolutional,
        {},
        CE,
        {},
        images,
        3,
        NeuralNetClassifier,
    ),
    "embedding": (Embedded, {}, CE, {}, named_inputs, 2, NeuralNetClassifier),
    "own criterion": (Perceptron, {}, Focal, {}, tabular, 2, NeuralNetClassifier),
    "branching": (Branching, {}, CE, {}, tabular, 2, NeuralNetClassifier),
}


def make_net(module, module_options, criterion, options, net, **more):
    if criterion is Focal:  # skorch does not know what makes its probabilities
        more = {"predict_nonlinearity": softmax} | more
    options = {
        f"criterion__{name}": torch.tensor(value)
        if name != "label_smoothing"
        else value
        for name, value in options.items()
    }
    options |= {f"module__{name}": value for name, value in module_options.items()}
    return net(
        module,
        criterion=criterion,
        train_split=None,
        verbose=0,
        **{
            "optimizer": torch.optim.Adam,
            "optimizer__weight_decay": 0.01,
            "lr": 0.01,
            "max_epochs": 20,
            "batch_size": 16,
            **options,
            **more,
        },
    )


@pytest.fixture(autouse=True)
def double_precision():
    """Modules are made in float64, so that derivatives can be compared closely."""
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)
    yield
    torch.set_default_dtype(torch.float32)


@pytest.fixture(params=CASES)
def case(request, rng):
    return fit_case(request.param, rng)


def fit_case(name, rng, **more):
    *recipe, data, n_classes, net = CASES[name]
    X, y = data(rng, n_classes)
    return make_net(*recipe, net, **more).fit(X, y), X, y


def flat_function(net, X):
    """The module's output as a function of one vector of its parameters."""
    module = net.module_.eval()
    parameters = dict(module.named_parameters())
    sizes = [p.numel() for p in parameters.values()]
    inputs = {k: torch.as_tensor(v) for k, v in X.items()} if isinstance(X, dict) else X
    inputs = inputs if isinstance(X, dict) else torch.as_tensor(X)

    def function(vector):
        pieces = [
            piece.reshape(p.shape)
            for piece, p in zip(vector.split(sizes), parameters.values(), strict=True)
        ]
        named = dict(zip(parameters, pieces, strict=True))
        if isinstance(inputs, dict):
            return functional_call(module, named, (), inputs)
        return functional_call(module, named, (inputs,))

    start = torch.cat([p.detach().reshape(-1) for p in parameters.values()])
    return function, start


def losses_of(net, output, y):
    """Per-sample losses times class weights, from the criterion's own formula."""
    y = torch.as_tensor(y)
    criterion = net.criterion_
    if isinstance(criterion, BCE):
        raw = nn.BCEWithLogitsLoss(reduction="none", pos_weight=criterion.pos_weight)
        return raw(output, y)
    if isinstance(criterion, nn.BCELoss):
        return nn.BCELoss(reduction="none")(output, y)
    if isinstance(criterion, Focal):
        return Focal(reduction="none")(output, y)
    if isinstance(criterion, NLL):
        output = torch.log(output)
    return nn.functional.cross_entropy(
        output,
        y,
        weight=criterion.weight,
        label_smoothing=getattr(criterion, "label_smoothing", 0.0),
        reduction="none",
    )


def dense_hessian(net, X, y, weight, mass):
    function, start = flat_function(net, X)
    weight = torch.as_tensor(weight)

    def objective(vector):
        losses = losses_of(net, function(vector), y)
        return weight @ losses + 0.5 * mass * 0.01 * vector @ vector

    return torch.autograd.functional.hessian(objective, start), objective, start


def dense_gauss_newton(net, X, y, weight, mass):
    """Sum of outer products of Jacobians about the Hessian in the logits."""
    function, start = flat_function(net, X)

    def logits(vector):
        output = function(vector)
        output = output.log() if isinstance(net.criterion_, NLL) else output
        output = output.logit() if isinstance(net.criterion_, nn.BCELoss) else output
        return output.reshape(len(y), -1)

    jacobian = torch.autograd.functional.jacobian(logits, start)
    matrix = mass * 0.01 * torch.eye(len(start))
    at = logits(start)
    for i in range(len(y)):

        def loss(row, i=i):
            if isinstance(net.criterion_, BCE | nn.BCELoss):
                row = row if isinstance(net.criterion_, BCE) else row.sigmoid()
                return losses_of(net, row, y[i : i + 1])[0]
            output = row.softmax(0) if isinstance(net.criterion_, NLL) else row
            return losses_of(net, output[None], y[i : i + 1])[0]

        inner = torch.autograd.functional.hessian(loss, at[i].detach())
        matrix += weight[i] * jacobian[i].T @ inner @ jacobian[i]
    return matrix


def expected_mass(net, y, weight):
    """What the mean of the criterion divides by."""
    criterion = net.criterion_
    if getattr(criterion, "weight", None) is None:
        return weight.sum()
    return weight @ criterion.weight.double().numpy()[y.astype(int)]


@pytest.fixture
def weight(rng):
    return rng.integers(0, 5, N_SAMPLES) / 2.0


def objective_of(view, rows):
    return lambda vector: view.objective_value(rows, vector, rows.weight)


def test_objective_and_gradient(case, weight):
    net, X, y = case
    view = make_model_view(net)
    rows = view.training_rows(X, y.astype(int), weight)
    mass = expected_mass(net, y, weight)
    _, objective, start = dense_hessian(net, X, y, weight, mass)
    assert_allclose(view.parameters, start, rtol=1e-12)
    value = view.objective_value(rows, view.parameters, rows.weight)
    assert value == pytest.approx(float(objective(start)), rel=1e-8)
    gradient = torch.func.grad(objective)(start)
    ours = view.objective_gradient(rows, view.parameters, rows.weight)
    assert_allclose(ours, gradient, rtol=1e-6, atol=1e-8 * float(gradient.abs().max()))


def test_mean_loss_is_the_nets_own(case):
    net, X, y = case
    view = make_model_view(net)
    rows = view.training_rows(X, y.astype(int))
    net.module_.eval()
    own = net.get_loss(net.infer(X), torch.as_tensor(y)).item()
    value = view.objective_value(rows, view.parameters, rows.weight)
    decay = 0.5 * 0.01 * float((view.parameters**2).sum())
    assert value / rows.mass == pytest.approx(own + decay, rel=1e-8)


@pytest.mark.parametrize("kind", ["hessian", "gauss_newton"])
def test_curvature(case, weight, kind, rng):
    net, X, y = case
    view = make_model_view(net)
    rows = view.training_rows(X, y.astype(int), weight)
    mass = expected_mass(net, y, weight)
    if kind == "hessian":
        expected = dense_hessian(net, X, y, weight, mass)[0]
    else:
        expected = dense_gauss_newton(net, X, y, weight, mass)
    operator = view.curvature(rows, view.parameters, rows.weight, kind)
    block = torch.as_tensor(rng.standard_normal((len(expected), 3)))
    error = (operator.product(block) - expected @ block).norm()
    assert error < 1e-6 * (expected @ block).norm()
    ((_, matrix),) = operator.dense_blocks()
    assert_allclose(matrix, expected, atol=1e-6 * float(expected.abs().max()))


@pytest.mark.parametrize("kind", ["hessian", "gauss_newton"])
def test_solvers_against_a_dense_solve(case, weight, kind, rng):
    net, X, y = case
    view = make_model_view(net)
    rows = view.training_rows(X, y.astype(int), weight)
    mass = expected_mass(net, y, weight)
    make = dense_hessian if kind == "hessian" else dense_gauss_newton
    dense = make(net, X, y, weight, mass)
    dense = dense[0] if kind == "hessian" else dense
    lowest = float(torch.linalg.eigvalsh(dense)[0])
    damping = max(0.0, -lowest) + 0.01 * weight.sum()
    right = torch.as_tensor(rng.standard_normal((len(dense), 3)))
    expected = torch.linalg.solve(dense + damping * torch.eye(len(dense)), right)
    operator = view.curvature(rows, view.parameters, rows.weight, kind)
    for inverse in (
        DirectInverse(operator, damping=damping),
        ConjugateGradientInverse(operator, damping=damping, tol=1e-10),
    ):
        error = (inverse.solve(right).vectors - expected).norm() / expected.norm()
        assert error < 1e-6


def test_scores_are_the_nets_probabilities(case):
    net, X, y = case
    view = make_model_view(net)
    rows = view.evaluation_rows(X, y.astype(int))
    scores = view.scores(rows, view.parameters)
    scores -= np.log(np.exp(scores).sum(axis=1, keepdims=True))
    assert_allclose(np.exp(scores), net.predict_proba(X), rtol=1e-6)
    assert scores.dtype == np.float64


def test_pulled_back_scores(case, rng):
    net, X, y = case
    view = make_model_view(net)
    rows = view.evaluation_rows(X, y.astype(int))
    factor = rng.standard_normal((2, N_SAMPLES, len(view.classes)))
    gradient = view.pull_back_scores(rows, view.parameters, lambda c: factor[:, c])
    direction = torch.as_tensor(rng.standard_normal(len(view.parameters)))
    step = 1e-5 * direction

    def metrics(sign):
        scores = view.scores(rows, view.parameters + sign * step)
        return (factor * scores).sum(axis=(1, 2))

    numeric = (metrics(1) - metrics(-1)) / 2e-5
    assert_allclose(gradient.T @ direction, numeric, rtol=1e-5, atol=1e-6)


def test_loss_derivatives(case, rng):
    net, X, y = case
    view = make_model_view(net)
    rows = view.training_rows(X, y.astype(int))
    directions = torch.as_tensor(rng.standard_normal((len(view.parameters), 2)))
    derivatives = view.loss_derivatives(rows, view.parameters, directions)
    for j in range(2):
        step = 1e-5 * directions[:, j]
        numeric = view.losses(rows, view.parameters + step)
        numeric = (numeric - view.losses(rows, view.parameters - step)) / 2e-5
        assert_allclose(derivatives[j], numeric, rtol=1e-5, atol=1e-7)


def test_batches_do_not_matter(rng, monkeypatch):
    net, X, y = fit_case("three classes", rng)
    weight = np.ones(N_SAMPLES)

    def gradient():
        view = make_model_view(net)
        rows = view.training_rows(X, y, weight)
        return view.objective_gradient(rows, view.parameters, weight)

    whole = gradient()
    monkeypatch.setattr(
        "skswu.models.torch._batches._batch_rows", lambda source, net: 7
    )
    assert_allclose(gradient(), whole, rtol=1e-10)


def test_lissa_over_several_batches(rng, monkeypatch):
    monkeypatch.setattr(
        "skswu.models.torch._batches._batch_rows", lambda source, net: 20
    )
    net, X, y = fit_case("three classes", rng)
    view = make_model_view(net)
    rows = view.training_rows(X, y)
    operator = view.curvature(rows, view.parameters, rows.weight)
    assert len(list(operator.batch_products())) == 3
    right = torch.as_tensor(rng.standard_normal((len(view.parameters), 2)))
    inverse = LissaInverse(operator, damping=20.0, tol=1e-8, random_state=0)
    expected = DirectInverse(operator, damping=20.0).solve(right).vectors
    assert_allclose(inverse.solve(right).vectors, expected, rtol=1e-5, atol=1e-9)


class Shifted(Dataset):
    """Data that only the user's own data set can read."""

    def transform(self, X, y):
        X, y = super().transform(X, y)
        return X + 0.25, y


def test_own_data_set_is_streamed_through_the_nets_iterator(rng):
    net, X, y = fit_case("three classes", rng, dataset=Shifted)
    plain, *_ = fit_case("three classes", rng)
    plain.module_.load_state_dict(net.module_.state_dict())
    view, expected = make_model_view(net), make_model_view(plain)
    rows = view.training_rows(X, y)
    losses = view.losses(rows, view.parameters)
    shifted = expected.training_rows(X + 0.25, y)
    assert_allclose(losses, expected.losses(shifted, expected.parameters), rtol=1e-12)


def test_a_shuffling_iterator_is_refused(rng):
    net, X, y = fit_case("two classes", rng, dataset=Shifted)
    net.iterator_valid__shuffle = True
    with pytest.raises(ValueError, match="iterator_valid shuffles"):
        make_model_view(net).training_rows(X, y)


@pytest.mark.parametrize("make", [sparse.csr_matrix, sparse.csr_array, torch.as_tensor])
def test_other_containers(rng, make):
    net, X, y = fit_case("two classes", rng)
    view = make_model_view(net)
    expected = view.losses(view.training_rows(X, y), view.parameters)
    rows = view.training_rows(make(X), y)
    assert_allclose(view.losses(rows, view.parameters), expected, rtol=1e-12)


def test_read_only_input(rng):
    net, X, y = fit_case("two classes", rng)
    X.setflags(write=False)
    view = make_model_view(net)
    view.losses(view.training_rows(X, y), view.parameters)


def test_the_net_is_left_as_it_was(rng):
    net, X, y = fit_case("convolution and batch norm", rng)
    net.module_.train()
    before = pickle.dumps(net.module_.state_dict())
    gradients = [p.grad.clone() for p in net.module_.parameters()]
    random_state = torch.get_rng_state()
    view = make_model_view(net)
    rows = view.training_rows(X, y)
    direction = view.loss_gradient(rows, view.parameters, rows.weight)
    view.curvature(rows, view.parameters, rows.weight).product(direction[:, None])
    view.corrected(view.parameters + 1.0)
    assert net.module_.training
    assert pickle.dumps(net.module_.state_dict()) == before
    for parameter, gradient in zip(net.module_.parameters(), gradients, strict=True):
        assert torch.equal(parameter.grad, gradient)
    assert torch.equal(torch.get_rng_state(), random_state)


def test_streaming_draws_no_random_numbers(rng):
    net, X, y = fit_case("two classes", rng, dataset=Shifted)
    state = torch.get_rng_state()
    view = make_model_view(net)
    view.losses(view.training_rows(X, y), view.parameters)
    assert torch.equal(torch.get_rng_state(), state)


def test_corrected_net_works(case, tmp_path):
    net, X, y = case
    view = make_model_view(net)
    moved = view.parameters + 0.1
    corrected = view.corrected(moved)
    assert_allclose(make_model_view(corrected).parameters, moved)
    assert_allclose(make_model_view(net).parameters, view.parameters)
    proba = corrected.predict_proba(X)
    assert not np.allclose(proba, net.predict_proba(X))
    restored = pickle.loads(pickle.dumps(corrected))
    assert_allclose(restored.predict_proba(X), proba)
    corrected.save_params(f_params=str(tmp_path / "net.pt"))
    corrected.partial_fit(X, y)
    assert not np.allclose(corrected.predict_proba(X), proba)
    corrected.load_params(f_params=str(tmp_path / "net.pt"))
    assert_allclose(corrected.predict_proba(X), proba)


class Freeze(Callback):
    def on_train_begin(self, net, **kwargs):
        net.module_[0].requires_grad_(False)


def test_frozen_parameters_stay(rng):
    net, *_ = fit_case("two classes", rng, callbacks=[Freeze()])
    view = make_model_view(net)
    assert view.network.names == ["3.weight", "3.bias"]
    corrected = view.corrected(view.parameters + 1.0)
    assert torch.equal(corrected.module_[0].weight, net.module_[0].weight)


def test_weight_decay_by_parameter_group(rng):
    groups = [
        ("0.*", {"weight_decay": 0.3}),
        ("3.bias", {"weight_decay": 0.0}),
    ]
    net, X, y = fit_case(
        "two classes",
        rng,
        optimizer=torch.optim.AdamW,
        optimizer__param_groups=groups,
    )
    view = make_model_view(net)
    rows = view.training_rows(X, y)
    decay = torch.cat([torch.full((25,), 0.3), torch.full((10,), 0.01), torch.zeros(2)])
    gradient = view.penalty_gradient(rows, view.parameters)
    assert_allclose(gradient, N_SAMPLES * decay * view.parameters)


def test_sum_reduction_weighs_the_penalty_by_batches(rng):
    net, X, y = fit_case("two classes", rng, criterion__reduction="sum")
    rows = make_model_view(net).training_rows(X, y)
    assert rows.mass == N_SAMPLES / 16


def test_rows_held_out_by_the_net_carry_no_weight(rng):
    X, y = tabular(rng, 2)
    net = make_net(Perceptron, {}, CE, {}, NeuralNetClassifier)
    net.set_params(train_split=ValidSplit(4, stratified=True)).fit(X, y)
    rows = make_model_view(net).training_rows(X, y)
    _, held_out = net.get_split_datasets(X, y)
    assert (rows.weight[held_out.indices] == 0).all()
    assert rows.weight.sum() == rows.mass == N_SAMPLES - len(held_out)


def test_rows_without_those_held_out_all_count(rng):
    X, y = tabular(rng, 2)
    net = make_net(Perceptron, {}, CE, {}, NeuralNetClassifier)
    net.set_params(train_split=ValidSplit(4, stratified=True)).fit(X, y)
    trained = net.get_split_datasets(X, y)[0].indices
    rows = make_model_view(net).training_rows(X[trained], y[trained])
    assert (rows.weight == 1).all()


def test_other_rows_than_those_of_the_fit_are_told(rng):
    X, y = tabular(rng, 2)
    net = make_net(Perceptron, {}, CE, {}, NeuralNetClassifier)
    net.set_params(train_split=ValidSplit(4, stratified=True)).fit(X, y)
    with pytest.warns(UserWarning, match="trained on 45 rows.*15 more, but 30 rows"):
        rows = make_model_view(net).training_rows(X[:30], y[:30])
    assert (rows.weight == 1).all()


def test_split_of_a_net_without_a_history(rng):
    X, y = tabular(rng, 2)
    net = make_net(Perceptron, {}, CE, {}, NeuralNetClassifier)
    net.set_params(train_split=ValidSplit(4, stratified=True)).fit(X, y)
    net.history_.clear()
    rows = make_model_view(net).training_rows(X, y)
    assert rows.weight.sum() == 45


@pytest.mark.parametrize("optimizer", [torch.optim.Adam, torch.optim.AdamW])
def test_decoupled_weight_decay_counts_as_coupled(rng, optimizer):
    net, X, y = fit_case("two classes", rng, optimizer=optimizer)
    view = make_model_view(net)
    rows = view.training_rows(X, y)
    penalty = view.penalty(rows, view.parameters)
    expected = 0.5 * 0.01 * N_SAMPLES * float((view.parameters**2).sum())
    assert penalty == pytest.approx(expected)


def test_random_split_is_told(rng):
    X, y = tabular(rng, 2)
    net = make_net(Perceptron, {}, CE, {}, NeuralNetClassifier)
    net.set_params(train_split=ValidSplit(0.25)).fit(X, y)
    with pytest.warns(UserWarning, match="held out rows at random"):
        rows = make_model_view(net).training_rows(X, y)
    assert rows.weight.sum() == N_SAMPLES


def test_single_precision(rng):
    torch.set_default_dtype(torch.float32)
    X, y = tabular(rng, 2)
    X = X.astype(np.float32)
    net = make_net(Perceptron, {}, CE, {}, NeuralNetClassifier).fit(X, y)
    view = make_model_view(net)
    assert view.parameters.dtype == torch.float32
    rows = view.training_rows(X, y)
    gradient = view.objective_gradient(rows, view.parameters, rows.weight)
    operator = view.curvature(rows, view.parameters, rows.weight)
    for inverse in (
        DirectInverse(operator, damping=0.6),
        ConjugateGradientInverse(operator, damping=0.6, tol=1e-5),
    ):
        solution = inverse.solve(gradient[:, None]).vectors
        assert solution.dtype == torch.float32
        back = operator.product(solution) + 0.6 * solution
        assert_allclose(back[:, 0], gradient, atol=1e-4 * float(gradient.norm()))


def test_half_precision_is_refused(rng):
    net, *_ = fit_case("two classes", rng)
    net.module_.half()
    with pytest.raises(TypeError, match="float16"):
        make_model_view(net)


def limit_memory(view, monkeypatch, n_rows):
    """Let the device run out of memory on more rows than these, and count passes."""
    whole, sizes = view.network.margins, []

    def margins(batch):
        sizes.append(len(batch))
        if len(batch) > n_rows:
            raise torch.OutOfMemoryError("out of memory")
        return whole(batch)

    monkeypatch.setattr(view.network, "margins", margins)
    return sizes


def one_direction(view):
    return torch.linspace(-1.0, 1.0, len(view.parameters))[:, None]


def product_of(kind, repeated=False):
    def product(view, rows):
        operator = view.curvature(rows, view.parameters, rows.weight, kind)
        vectors = one_direction(view)
        with operator.repeated_products() if repeated else nullcontext():
            for _ in range(1 + repeated):
                moved = operator.product(vectors)
        return moved

    return product


def batch_estimates(view, rows):
    operator = view.curvature(rows, view.parameters, rows.weight)
    return next(f(one_direction(view)) for f in operator.batch_products())


def adversarial_inputs(view, rows):
    attack = Attack(kind="boundary", n_steps=2)
    moved = view.adversarial_rows(rows, view.parameters, attack)
    return view.losses(moved, view.parameters)


def anew(pass_of, view, rows):
    """Make a pass whose margins are not known yet."""
    rows.margins = NotedMargins()
    return pass_of(rows, view.parameters)


# Name: what is computed of a view and its rows.
PASSES = {
    "losses": lambda view, rows: anew(view.losses, view, rows),
    "scores": lambda view, rows: anew(view.scores, view, rows),
    "metric gradients": lambda view, rows: view.pull_back_scores(
        rows, view.parameters, lambda chunk: np.ones((2, N_SAMPLES, 3))[:, chunk]
    ),
    "loss gradient": lambda view, rows: view.loss_gradient(
        rows, view.parameters, rows.weight
    ),
    "influences": lambda view, rows: view.loss_derivatives(
        rows, view.parameters, one_direction(view)
    ),
    "gauss_newton": product_of("gauss_newton"),
    "hessian": product_of("hessian"),
    "gauss_newton, kept": product_of("gauss_newton", repeated=True),
    "hessian, kept": product_of("hessian", repeated=True),
    "batch estimates": batch_estimates,
    "linearized": lambda view, rows: view.linearized(
        view.parameters
    ).objective_gradient(rows, view.parameters + 0.1, rows.weight),
    "last layer": lambda view, rows: TorchHeadView(view, "3").features(rows),
    "adversarial inputs": adversarial_inputs,
}


@pytest.mark.parametrize("dataset", [Dataset, Shifted])
@pytest.mark.parametrize("name", PASSES)
def test_out_of_memory_halves_the_batch(name, dataset, rng, monkeypatch):
    net, X, y = fit_case("three classes", rng, dataset=dataset, batch_size=N_SAMPLES)
    view = make_model_view(net)
    rows = view.training_rows(X, y)
    expected = PASSES[name](view, view.training_rows(X, y))
    limit_memory(view, monkeypatch, 20)
    with pytest.warns(RuntimeWarning, match="ran out of memory") as told:
        result = PASSES[name](view, rows)
    assert len(told) == 2  # 60 rows, then 30; what follows is cut at once
    assert_allclose(result, expected, rtol=1e-10, atol=1e-12)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        view.losses(rows, view.parameters)


def test_out_of_memory_while_moving_rows_to_the_device(rng, monkeypatch):
    net, X, y = fit_case("two classes", rng)
    view = make_model_view(net)
    rows = view.training_rows(X, y)
    expected = view.losses(rows, view.parameters)

    def move(inputs, device):
        if len(inputs) > 20:
            raise torch.OutOfMemoryError("out of memory")
        return to_tensor(inputs, device=device)

    monkeypatch.setattr("skswu.models.torch._batches.to_tensor", move)
    with pytest.warns(RuntimeWarning, match="ran out of memory"):
        losses = anew(view.losses, view, rows)
    assert_allclose(losses, expected)


def test_a_row_that_does_not_fit_is_an_error(rng, monkeypatch):
    net, X, y = fit_case("two classes", rng)
    view = make_model_view(net)
    rows = view.training_rows(X, y)
    limit_memory(view, monkeypatch, 0)
    with (
        pytest.warns(RuntimeWarning, match="ran out of memory"),
        pytest.raises(torch.OutOfMemoryError),
    ):
        anew(view.losses, view, rows)


@pytest.mark.parametrize("kind", ["hessian", "gauss_newton"])
@pytest.mark.parametrize("dataset", [Dataset, Shifted])
def test_repeated_products_share_the_forward_pass(kind, dataset, rng, monkeypatch):
    monkeypatch.setattr(
        "skswu.models.torch._batches._batch_rows", lambda source, net: 20
    )
    net, X, y = fit_case("three classes", rng, dataset=dataset)
    view = make_model_view(net)
    rows = view.training_rows(X, y)
    operator = view.curvature(rows, view.parameters, rows.weight, kind)
    vectors = torch.as_tensor(rng.standard_normal((len(view.parameters), 2)))
    expected = operator.product(vectors)
    sizes = limit_memory(view, monkeypatch, N_SAMPLES)
    with operator.repeated_products():
        first = operator.product(vectors)
        passes = len(sizes)
        again = operator.product(vectors)
        assert len(sizes) == passes
    assert torch.equal(first, expected)
    assert torch.equal(again, expected)
    elsewhere = view.curvature(rows, 1.1 * view.parameters, rows.weight, kind)
    with elsewhere.repeated_products():
        elsewhere.product(vectors)
        passes = len(sizes)
    operator.product(vectors)
    assert len(sizes) > passes


@pytest.mark.parametrize(("spare_batches", "n_kept"), [(0.0, 0), (1.5, 1), (9.0, 3)])
def test_kept_passes_are_bounded_in_memory(spare_batches, n_kept, rng, monkeypatch):
    monkeypatch.setattr(
        "skswu.models.torch._batches._batch_rows", lambda source, net: 20
    )
    net, X, y = fit_case("three classes", rng)
    view = make_model_view(net)
    rows = view.training_rows(X, y)
    operator = view.curvature(rows, view.parameters, rows.weight)
    n_bytes = saved_bytes(operator._batch_product, rows.first_rows(20))
    monkeypatch.setattr(
        "skswu.models.torch._curvature.kept_bytes",
        lambda device: int(spare_batches * n_bytes),
    )
    sizes = limit_memory(view, monkeypatch, N_SAMPLES)
    with operator.repeated_products():
        expected = operator.product(one_direction(view))
        sizes.clear()
        again = operator.product(one_direction(view))
    assert sizes == [20] * (3 - n_kept)
    assert torch.equal(again, expected)


def test_nan_loss_is_refused(rng):
    net, X, y = fit_case("two classes", rng)
    X[3, 0] = np.nan
    with pytest.raises(ValueError, match=r"not finite for 1 of 60 rows.*row 3"):
        make_model_view(net).training_rows(X, y)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_parameters_that_are_no_numbers_are_refused(rng, value):
    net, _, _ = fit_case("two classes", rng)
    with torch.no_grad():
        net.module_[3].weight[1, 2] = value
    message = r"parameter '3.weight' holds NaN or infinity, 1 of 10 values"
    with pytest.raises(ValueError, match=message):
        make_model_view(net)


class Unlike(Perceptron):
    """Gives rows scores that are not their own."""

    def __init__(self, change):
        super().__init__()
        self.change = change

    def forward(self, X):
        return super().forward(self.change(X))


UNLIKE = {
    "random": (lambda X: nn.functional.dropout(X), "each time"),
    "a little random": (lambda X: X + 0.05 * torch.randn_like(X), "each time"),
    "centred": (lambda X: X - X.mean(0), "beside other rows"),
    "normalised": (lambda X: nn.functional.batch_norm(X, None, None, training=True),)
    + ("beside other rows",),
}


@pytest.mark.parametrize("parameters", ["all", "last_layer"])
@pytest.mark.parametrize("case", UNLIKE)
def test_scores_that_are_not_of_the_row_alone_are_told(rng, case, parameters):
    _, X, y = fit_case("two classes", rng)
    change, when = UNLIKE[case]
    net = make_net(Unlike, {"change": change}, CE, {}, NeuralNetClassifier).fit(X, y)
    view = make_model_view(net).restricted_to(parameters, X)
    with pytest.warns(UserWarning, match=f"Unlike gives a row other scores {when}"):
        view.training_rows(X, y)


@pytest.mark.parametrize("initialized", [False, True])
def test_unfitted_net(initialized):
    net = make_net(Perceptron, {}, CE, {}, NeuralNetClassifier)
    net = net.initialize() if initialized else net
    with pytest.raises(NotFittedError):
        make_model_view(net)


def test_own_criterion_needs_probabilities(rng):
    net, X, y = fit_case("own criterion", rng, predict_nonlinearity="auto")
    with pytest.raises(ValueError, match="predict_nonlinearity"):
        make_model_view(net).training_rows(X, y)


class Opaque(nn.Module):
    def forward(self, output, target):
        return nn.functional.cross_entropy(output, target)


def test_criterion_that_is_not_per_sample(rng):
    X, y = tabular(rng, 2)
    net = make_net(Perceptron, {}, Opaque, {}, NeuralNetClassifier).fit(X, y)
    with pytest.raises(TypeError, match=r"Opaque cannot be made per-sample.*Cross"):
        make_model_view(net)


class Several(Perceptron):
    def forward(self, x):
        output = super().forward(x)
        return output, output.sum()


class FirstOutput(NeuralNetClassifier):
    def get_loss(self, y_pred, y_true, *args, **kwargs):
        return super().get_loss(y_pred[0], y_true, *args, **kwargs)


def test_several_outputs_are_refused_where_the_loss_is_not_the_nets_own(rng):
    X, y = tabular(rng, 2)
    net = make_net(Several, {}, CE, {}, FirstOutput).fit(X, y)
    net.__class__ = NeuralNetClassifier
    with pytest.raises(TypeError, match="Several returns several outputs"):
        make_model_view(net).training_rows(X, y)


def test_more_outputs_than_classes(rng):
    X, y = tabular(rng, 2)
    net = make_net(Perceptron, {"n_outputs": 3}, CE, {}, NeuralNetClassifier).fit(X, y)
    with pytest.raises(ValueError, match=r"3 scores a row.*'classes'"):
        make_model_view(net).training_rows(X, y)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_cuda_agrees_with_the_processor(rng):
    net, X, y = fit_case("three classes", rng)
    gpu = pickle.loads(pickle.dumps(net)).set_params(device="cuda")
    gpu.module_.to("cuda")
    gpu.criterion_.to("cuda")
    results = []
    for each in (net, gpu):
        view = make_model_view(each)
        rows = view.training_rows(X, y)
        gradient = view.objective_gradient(rows, view.parameters, rows.weight)
        operator = view.curvature(rows, view.parameters, rows.weight)
        inverse = ConjugateGradientInverse(operator, damping=1.0, tol=1e-10)
        results.append(view.to_numpy(inverse.solve(gradient[:, None]).vectors))
    assert_allclose(results[1], results[0], rtol=1e-6, atol=1e-9)
