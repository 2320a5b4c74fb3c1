"""Updates of networks against training loops written out by hand."""

from copy import deepcopy

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from scipy.optimize import minimize
from sklearn.base import clone
from skorch import NeuralNetBinaryClassifier, NeuralNetClassifier
from skorch.dataset import Dataset
from torch import nn
from torch.nn.functional import cross_entropy, kl_div

from skswu import UnlearningClassifier
from skswu.influence import ConjugateGradient, Influence, Nystrom
from skswu.models import make_model_view
from skswu.updates import (
    BadTeacher,
    CatastrophicForgetting,
    ExactLastLayers,
    FineTune,
    FisherForgetting,
    GradientAscent,
    NTKUpdate,
    Refit,
    Scrub,
)
from skswu.weighting import BaseWeighting, Weights

pytestmark = [
    pytest.mark.filterwarnings("ignore::skswu.exceptions.LinearizationWarning"),
    # Weights that a test chose may cost what they will.
    pytest.mark.filterwarnings("ignore::skswu.exceptions.UtilityLossWarning"),
]

N = 60


class FixedWeighting(BaseWeighting):
    """Weights that a test chose."""

    _parameter_constraints = {}

    def __init__(self, epsilon):
        self.epsilon = epsilon

    def target(self, before):
        return 0.5 * before

    def _weigh(self, metrics):
        return Weights(self.epsilon, reachable=True, message="")


class Perceptron(nn.Module):
    def __init__(self, n_outputs=2, last=None, dropout=0.0, norm=False):
        super().__init__()
        self.body = nn.Linear(4, 5)
        self.norm = nn.BatchNorm1d(5) if norm else nn.Identity()
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(5, n_outputs)
        self.last = last if last is not None else nn.Identity()
        self.double()

    def forward(self, x):
        hidden = self.dropout(torch.tanh(self.norm(self.body(x))))
        return self.last(self.head(hidden))


class OneLogit(Perceptron):
    def __init__(self):
        super().__init__(n_outputs=1)

    def forward(self, x):
        return super().forward(x)[:, 0]


class Linear(nn.Linear):
    def __init__(self):
        super().__init__(4, 3)
        self.double()


@pytest.fixture
def data(rng):
    X = rng.normal(size=(N, 4))
    return X, (X @ [1.0, -1.0, 0.5, 0.0] + rng.normal(size=N) > 0).astype(int)


@pytest.fixture
def epsilon(rng):
    return np.maximum(rng.normal(0.0, 0.7, N), -1.0)


def make_net(module=Perceptron, net=NeuralNetClassifier, **options):
    """A net whose training is full-batch gradient descent."""
    defaults = {
        "criterion": nn.CrossEntropyLoss,
        "optimizer": torch.optim.SGD,
        "lr": 0.1,
        "max_epochs": 20,
        "batch_size": -1,
        "train_split": None,
        "verbose": 0,
        "optimizer__weight_decay": 0.01,
    }
    torch.manual_seed(0)
    return net(module, **{**defaults, **options})


def correct(net, data, update, epsilon, influence="auto", **options):
    X, y = data
    model = UnlearningClassifier(
        net,
        objective="target_utility",
        weighting=FixedWeighting(epsilon),
        influence=influence,
        update=update,
    )
    return model.unlearn(X, y, **options)


def descend(module, losses, lr=0.1, epochs=1, decay=0.01, parameters=None):
    """Gradient descent on the mean loss with weight decay, written out."""
    module = deepcopy(module)
    for _ in range(epochs):
        chosen = list((parameters or nn.Module.parameters)(module))
        gradients = torch.autograd.grad(losses(module).mean(), chosen)
        with torch.no_grad():
            for parameter, gradient in zip(chosen, gradients, strict=True):
                parameter -= lr * (gradient + decay * parameter)
    return module


def assert_same(module, expected, rtol=1e-9):
    pairs = zip(module.parameters(), expected.parameters(), strict=True)
    for found, wanted in pairs:
        assert_allclose(found.detach(), wanted.detach(), rtol=rtol, atol=1e-12)


def softmax_losses(data, weight):
    X, y = map(torch.as_tensor, data)
    weight = torch.as_tensor(weight)
    return lambda module: weight * cross_entropy(module(X), y, reduction="none")


@pytest.mark.parametrize(("update", "slope"), [(FineTune, 1.0), (GradientAscent, 2.0)])
def test_training_on_is_descent_under_the_weights(data, epsilon, update, slope):
    net = make_net().fit(*data)
    model = correct(net, data, update(max_epochs=3), epsilon)
    losses = softmax_losses(data, 1.0 + slope * epsilon)
    assert_same(model.estimator_.module_, descend(net.module_, losses, epochs=3))


def test_learning_rate_and_sample_weights_count(data, epsilon):
    net = make_net().fit(*data)
    weight = np.linspace(0.5, 2.0, N)
    update = FineTune(lr=0.3, max_epochs=2)
    model = correct(net, data, update, epsilon, sample_weight=weight)
    losses = softmax_losses(data, weight * (1.0 + epsilon) * N / weight.sum())
    expected = descend(net.module_, losses, lr=0.3, epochs=2)
    assert_same(model.estimator_.module_, expected)


def test_batch_normalisation_keeps_its_statistics(data, epsilon):
    net = make_net(module__norm=True).fit(*data)
    model = correct(net, data, FineTune(max_epochs=3), epsilon)
    losses = softmax_losses(data, 1.0 + epsilon)
    expected = descend(net.module_.eval(), losses, epochs=3)
    assert_same(model.estimator_.module_, expected)


def test_one_logit_and_log_probabilities(data, epsilon):
    X, y = data
    binary = make_net(
        OneLogit, NeuralNetBinaryClassifier, criterion=nn.BCEWithLogitsLoss
    ).fit(X, y.astype(float))
    model = correct(binary, data, FineTune(max_epochs=2), epsilon)
    weight, target = torch.as_tensor(1.0 + epsilon), torch.as_tensor(y).double()
    expected = descend(
        binary.module_,
        lambda module: (
            weight
            * nn.functional.binary_cross_entropy_with_logits(
                module(torch.as_tensor(X)), target, reduction="none"
            )
        ),
        epochs=2,
    )
    assert_same(model.estimator_.module_, expected)
    net = make_net(criterion=nn.NLLLoss, module__last=nn.Softmax(-1)).fit(X, y)
    model = correct(net, data, FineTune(max_epochs=2), epsilon)
    expected = descend(
        net.module_,
        lambda module: -weight * torch.log(module(torch.as_tensor(X)))[np.arange(N), y],
        epochs=2,
    )
    assert_same(model.estimator_.module_, expected, rtol=1e-6)


def test_hard_weights_train_on_the_rest(data):
    X, y = data
    removed = np.arange(N) < 20
    net = make_net(optimizer__weight_decay=0.0).fit(X, y)
    model = correct(net, data, FineTune(max_epochs=2, lr=0.1), -1.0 * removed)
    rest = softmax_losses((X[~removed], y[~removed]), np.ones(40))
    # The mean is over all rows, as the regulariser's scale is the original fit's.
    expected = descend(net.module_, rest, lr=0.1 * 40 / N, epochs=2, decay=0.0)
    assert_same(model.estimator_.module_, expected)


def test_frozen_layers_stay(data, epsilon):
    net = make_net().fit(*data)
    model = correct(net, data, CatastrophicForgetting(1, max_epochs=3), epsilon)
    expected = descend(
        net.module_,
        softmax_losses(data, 1.0 + epsilon),
        epochs=3,
        parameters=lambda module: module.head.parameters(),
    )
    assert_same(model.estimator_.module_, expected)
    both = correct(net, data, CatastrophicForgetting(2, max_epochs=3), epsilon)
    whole = correct(net, data, FineTune(max_epochs=3), epsilon)
    assert_same(both.estimator_.module_, whole.estimator_.module_)
    with pytest.raises(ValueError, match="at most the net's 2 layers"):
        correct(net, data, CatastrophicForgetting(3), epsilon)


@pytest.mark.parametrize("parameters", ["last_layer", ["head.*"]])
@pytest.mark.parametrize("update", [CatastrophicForgetting, ExactLastLayers])
def test_layers_are_not_chosen_twice(data, epsilon, update, parameters):
    influence = Influence(parameters=parameters)
    with pytest.raises(ValueError, match=rf"{update.__name__} chooses.*parameters="):
        correct(make_net().fit(*data), data, update(1), epsilon, influence=influence)


def test_parameters_that_the_influence_names_are_trained_on(data, epsilon):
    net = make_net().fit(*data)
    influence = Influence(parameters=["head.*"])
    named = correct(net, data, FineTune(max_epochs=3), epsilon, influence=influence)
    last = correct(net, data, CatastrophicForgetting(1, max_epochs=3), epsilon)
    assert_same(named.estimator_.module_, last.estimator_.module_)


@pytest.mark.parametrize("lr", [None, 1.0])
def test_a_linear_last_layer_is_trained_on_as_a_linear_model(data, epsilon, lr):
    X, y = data
    net = make_net(optimizer__weight_decay=0.05).fit(X, y)
    influence = Influence(parameters="last_layer")
    update = FineTune(max_epochs=500, lr=lr)
    model = correct(net, data, update, epsilon, influence=influence)
    module, weight = model.estimator_.module_, torch.as_tensor(1.0 + epsilon)
    assert torch.equal(module.body.weight, net.module_.body.weight)
    losses = cross_entropy(
        module(torch.as_tensor(X)), torch.as_tensor(y), reduction="none"
    )
    decay = sum((p**2).sum() for p in module.parameters())
    objective = weight @ losses / N + 0.5 * 0.05 * decay
    slopes = torch.autograd.grad(objective, list(module.head.parameters()))
    # The minimiser of the reweighted objective over the last layer.
    assert max(slope.abs().max() for slope in slopes) < 1e-7


def test_a_linear_last_layer_has_no_training_of_networks_or_inputs(data, epsilon):
    net, influence = make_net().fit(*data), Influence(parameters="last_layer")
    with pytest.raises(TypeError, match=r"Scrub needs .*'start_training'.*HeadView"):
        correct(net, data, Scrub(), epsilon, influence=influence)
    model = UnlearningClassifier(
        net, objective="adversarial_robustness", influence=influence
    )
    with pytest.raises(TypeError, match=r"AdversarialRobustness needs .*_rows'"):
        model.unlearn(*data)


def test_last_layers_are_trained_from_scratch(data, epsilon):
    X, y = data
    net = make_net().fit(X, y)
    update = ExactLastLayers(1, max_epochs=30, lr=1.0, random_state=0)
    model = correct(net, data, update, np.where(y == 1, -1.0, 0.0))
    assert_array_equal(
        model.estimator_.module_.body.weight.detach(), net.module_.body.weight.detach()
    )
    assert np.all(model.predict(X) == 0)
    heads = [
        correct(
            net, data, ExactLastLayers(1, max_epochs=1, random_state=seed), epsilon
        ).estimator_.module_.head.weight.detach()
        for seed in (0, 0, 1)
    ]
    assert_array_equal(heads[0], heads[1])
    assert (heads[0] - heads[2]).abs().max() > 0.05
    assert (heads[0] - net.module_.head.weight).abs().max() > 0.05


def test_scrubbing_climbs_then_descends(data, epsilon):
    X, y = map(torch.as_tensor, data)
    net = make_net().fit(*data)
    update = Scrub(alpha=0.7, ascent_epochs=2, max_epochs=2)
    model = correct(net, data, update, epsilon)
    teacher = net.module_(X).softmax(1).detach()
    keep = torch.as_tensor(1.0 + epsilon)
    forget = torch.as_tensor(np.maximum(-epsilon, 0.0))
    forget = forget * keep.sum() / (forget > 0).sum()

    def distance(module):
        student = module(X).log_softmax(1)
        return kl_div(student, teacher, reduction="none").sum(1)

    def climb(module):
        return -forget * distance(module)

    def follow(module):
        losses = cross_entropy(module(X), y, reduction="none")
        return keep * (losses + 0.7 * distance(module))

    expected = net.module_
    for losses in (climb, follow, climb, follow):
        expected = descend(expected, losses)
    assert_same(model.estimator_.module_, expected)


def random_teacher(net, data, seed):
    """Scores of the network that BadTeacher draws."""
    view = make_model_view(net)
    rows = view.training_rows(*data)
    training = view.start_training(rows, None, random_state=seed)
    return torch.as_tensor(view.scores(rows, training.parameters)).softmax(1)


def test_bad_teacher_is_learnt_from_where_samples_are_taken(data):
    X, _ = data
    net = make_net(optimizer__weight_decay=0.0).fit(*data)
    epsilon = np.where(np.arange(N) < 30, -0.6, 0.3)
    model = correct(net, data, BadTeacher(max_epochs=3, random_state=0), epsilon)
    inputs = torch.as_tensor(X)
    good = net.module_(inputs).softmax(1).detach()
    bad = random_teacher(net, data, 0)
    y, more = torch.as_tensor(data[1]), torch.as_tensor(np.maximum(epsilon, 0.0))
    forget = torch.as_tensor(np.maximum(-epsilon, 0.0))

    def losses(module):
        student = module(inputs).log_softmax(1)
        from_good = kl_div(student, good, reduction="none").sum(1)
        from_bad = kl_div(student, bad, reduction="none").sum(1)
        own = cross_entropy(module(inputs), y, reduction="none")
        return (1.0 - forget) * from_good + forget * from_bad + more * own

    expected = descend(net.module_, losses, epochs=3, decay=0.0)
    assert_same(model.estimator_.module_, expected)


def test_tangent_kernel_minimises_the_linearised_objective(data, epsilon):
    net = make_net(optimizer__weight_decay=0.05).fit(*data)
    model = correct(net, data, NTKUpdate(tol=1e-9), epsilon)
    start, z0, J = tangent(net, data)
    y, weight = torch.as_tensor(data[1]), torch.as_tensor(1.0 + epsilon)

    def loss(change, weight):
        z = z0 + J @ change
        losses = weight @ cross_entropy(z, y, reduction="none")
        return losses + 0.5 * N * 0.05 * ((start + change) ** 2).sum()

    def with_gradient(change, weight):
        leaf = torch.as_tensor(change).requires_grad_()
        value = loss(leaf, weight)
        return value.item(), torch.autograd.grad(value, leaf)[0].numpy()

    # What the fit left of its own gradient stays.
    left = with_gradient(np.zeros(len(start)), torch.ones(N).double())[1]

    def objective(change):
        value, gradient = with_gradient(change, weight)
        return value - left @ change, gradient - left

    options = {"gtol": 1e-8, "ftol": 0.0, "maxiter": 5000}
    found = minimize(
        objective, np.zeros(len(start)), jac=True, method="L-BFGS-B", options=options
    )
    assert_allclose(moved_by(model, net), found.x, rtol=2e-3, atol=2e-5)


def test_tangent_kernel_of_a_linear_module_is_the_model_itself(rng, epsilon):
    X = rng.normal(size=(N, 4))
    y = np.arange(N) % 3
    net = make_net(Linear, optimizer__weight_decay=0.1, lr=0.5, max_epochs=500).fit(
        X, y
    )
    model = correct(net, (X, y), NTKUpdate(tol=1e-9), epsilon)
    assert model.stationarity_ < 1e-5


def test_fisher_noise_of_a_network_follows_its_information(data):
    epsilon = np.where(np.arange(N) < 10, 8.0, -0.9)
    net = make_net().fit(*data)
    still = correct(net, data, FisherForgetting(noise=0.0), epsilon)
    update = FisherForgetting(noise=0.1, random_state=np.random.RandomState(0))
    views = [correct(net, data, update, epsilon) for _ in range(60)]
    start = make_model_view(still.estimator_).parameters
    draws = [make_model_view(one.estimator_).parameters - start for one in views]
    spread = torch.stack(draws).std(0).numpy()
    view = make_model_view(net)
    rows = view.training_rows(*data)
    operator = view.curvature(rows, view.parameters, 1.0 + epsilon)
    information = np.diag(operator.dense_blocks()[0][1]) / (1.0 + epsilon).sum()
    assert_allclose(spread, 0.1 * information**-0.25, rtol=0.5)


def tangent(net, data):
    """Parameters, logits, and the Jacobian of the logits in the parameters."""
    names = dict(net.module_.named_parameters())
    X = torch.as_tensor(data[0])
    origin = {name: value.detach() for name, value in names.items()}

    def outputs(parameters):
        return torch.func.functional_call(net.module_, parameters, (X,))

    jacobian = torch.func.jacrev(outputs)(origin)
    J = torch.cat([jacobian[name].reshape(N, 2, -1) for name in names], 2)
    start = torch.cat([value.reshape(-1) for value in origin.values()])
    return start, outputs(origin), J


def dense_system(net, data, epsilon, decay=0.01):
    """The Gauss-Newton matrix under the weights, and what they add to the gradient."""
    start, z, J = tangent(net, data)
    y, epsilon = torch.as_tensor(data[1]), torch.as_tensor(epsilon)
    p = z.softmax(1)
    second = torch.diag_embed(p) - p[:, :, None] * p[:, None, :]
    matrix = torch.einsum("n,nka,nkl,nlb->ab", 1.0 + epsilon, J, second, J)
    matrix += N * decay * torch.eye(len(start))
    slope = p - nn.functional.one_hot(y, 2)
    return matrix.numpy(), torch.einsum("n,nk,nka->a", epsilon, slope, J).numpy()


def moved_by(model, net):
    start, end = (
        torch.cat([p.detach().reshape(-1) for p in each.module_.parameters()])
        for each in (net, model.estimator_)
    )
    return (end - start).numpy()


# From the original parameters, a step of both solves with the same matrix.
STEPS = [FisherForgetting(noise=0.0), NTKUpdate(max_steps=1)]


@pytest.mark.parametrize("damping", [0.003, 0.3])
@pytest.mark.parametrize(
    "solver",
    [
        "direct",
        ConjugateGradient(tol=1e-10),
        Nystrom(tol=1e-10, rank=20, random_state=0),
    ],
)
@pytest.mark.parametrize("update", STEPS, ids=lambda update: type(update).__name__)
def test_steps_follow_the_damping_and_the_solver(
    data, epsilon, update, solver, damping
):
    net = make_net().fit(*data)
    influence = Influence(damping=damping, solver=solver)
    model = correct(net, data, clone(update), epsilon, influence=influence)
    matrix, gradient = dense_system(net, data, epsilon)
    damped = matrix + damping * (1.0 + epsilon).sum() * np.eye(len(matrix))
    expected = -np.linalg.solve(damped, gradient)
    assert_allclose(moved_by(model, net), expected, rtol=1e-6, atol=1e-9)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("update", STEPS, ids=lambda update: type(update).__name__)
def test_residual_of_a_step_is_the_solvers(data, epsilon, update):
    net = make_net().fit(*data)
    model = UnlearningClassifier(
        net,
        objective="target_utility",
        weighting=FixedWeighting(epsilon),
        update=clone(update),
    )
    model.set_params(
        influence__damping=0.01, influence__solver=ConjugateGradient(max_iter=2)
    )
    model.unlearn(*data)
    matrix, gradient = dense_system(net, data, epsilon)
    damped = matrix + 0.01 * (1.0 + epsilon).sum() * np.eye(len(matrix))
    left = damped @ moved_by(model, net) + gradient
    told = model.solver_residuals_["update"]
    assert told == pytest.approx(np.linalg.norm(left) / np.linalg.norm(gradient))
    assert told > 0.01


def test_curvature_of_a_step_is_that_of_the_influence(data, epsilon):
    net = make_net().fit(*data)
    influence = Influence(damping=0.5, curvature="hessian")
    fisher, kernel = (
        correct(net, data, clone(update), epsilon, influence=influence)
        for update in STEPS
    )
    matrix, gradient = dense_system(net, data, epsilon)
    damping = 0.5 * (1.0 + epsilon).sum() * np.eye(len(matrix))
    # The linearised network has no other Hessian.
    step = -np.linalg.solve(matrix + damping, gradient)
    assert_allclose(moved_by(kernel, net), step, rtol=1e-6, atol=1e-9)
    X, y = map(torch.as_tensor, data)
    names = list(dict(net.module_.named_parameters()))
    shapes = [p.shape for p in net.module_.parameters()]
    sizes = [p.numel() for p in net.module_.parameters()]

    def objective(vector):
        pieces = zip(vector.split(sizes), shapes, strict=True)
        named = dict(zip(names, [v.reshape(s) for v, s in pieces], strict=True))
        z = torch.func.functional_call(net.module_, named, (X,))
        losses = torch.as_tensor(1.0 + epsilon) @ cross_entropy(z, y, reduction="none")
        return losses + 0.5 * N * 0.01 * vector @ vector

    hessian = torch.autograd.functional.hessian(objective, tangent(net, data)[0])
    step = -np.linalg.solve(hessian.numpy() + damping, gradient)
    assert_allclose(moved_by(fisher, net), step, rtol=1e-6, atol=1e-9)


UPDATES = [
    FineTune(max_epochs=2, random_state=0),
    GradientAscent(max_epochs=1, random_state=0),
    FisherForgetting(random_state=0),
    NTKUpdate(max_steps=2),
    CatastrophicForgetting(max_epochs=2, random_state=0),
    ExactLastLayers(max_epochs=2, random_state=0),
    Scrub(max_epochs=2, random_state=0),
    BadTeacher(max_epochs=2, random_state=0),
]


@pytest.mark.parametrize("update", UPDATES, ids=lambda update: type(update).__name__)
def test_seeded_with_dropout_and_batches_and_without_side_effects(
    data, epsilon, update
):
    net = make_net(
        module__dropout=0.3,
        module__norm=True,
        batch_size=16,
        iterator_train__shuffle=True,
        optimizer=torch.optim.Adam,
        lr=0.01,
    ).fit(*data)
    before = deepcopy(net.module_.state_dict())
    state = torch.get_rng_state()
    first, second = (correct(net, data, clone(update), epsilon) for _ in range(2))
    assert torch.equal(state, torch.get_rng_state())
    assert_same(first.estimator_.module_, second.estimator_.module_)
    moved = first.estimator_.module_.state_dict()
    for name, value in net.module_.state_dict().items():
        assert torch.equal(value, before[name])
        if "running" in name or "tracked" in name:
            assert torch.equal(value, moved[name])
    assert not torch.equal(moved["head.weight"], before["head.weight"])
    assert first.estimator_.history == net.history


def test_other_seeds_drop_out_otherwise(data, epsilon):
    net = make_net(module__dropout=0.5).fit(*data)
    one, other = (
        correct(net, data, FineTune(max_epochs=2, random_state=seed), epsilon)
        for seed in (0, 1)
    )
    gap = one.estimator_.module_.head.weight - other.estimator_.module_.head.weight
    assert gap.abs().max() > 1e-4


def test_epochs_are_shown_when_asked(data, epsilon, capsys):
    net = make_net().fit(*data)
    correct(net, data, FineTune(max_epochs=2), epsilon)
    assert "train_loss" not in capsys.readouterr().out
    correct(net, data, FineTune(max_epochs=2, verbose=1), epsilon)
    assert "train_loss" in capsys.readouterr().out


class Rows(Dataset):
    """A data set class of the user's own."""


def test_data_sets_of_ones_own_and_callbacks_are_no_hindrance(data, epsilon):
    from skorch.callbacks import EarlyStopping

    plain = make_net().fit(*data)
    special = make_net(
        dataset=Rows, callbacks=[("stop", EarlyStopping("train_loss"))]
    ).fit(*data)
    found, expected = (
        correct(net, data, FineTune(max_epochs=2), epsilon) for net in (special, plain)
    )
    assert_same(found.estimator_.module_, expected.estimator_.module_)


def test_refit_of_a_net_names_what_is_missing(data, epsilon):
    with pytest.raises(TypeError, match=r"NeuralNetClassifier\.fit does not"):
        correct(make_net().fit(*data), data, Refit(), epsilon)
