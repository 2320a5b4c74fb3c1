"""Adversarial inputs of networks against linear models, brute force and a library."""

import warnings

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression
from skorch import NeuralNetBinaryClassifier, NeuralNetClassifier
from skorch.helper import SliceDict
from torch import nn

from skswu import UnlearningClassifier
from skswu.metrics import make_robustness_scorer
from skswu.models import make_model_view
from skswu.objectives import AdversarialRobustness

ATTACKS = [
    {"attack": "boundary"},
    {"attack": "fgsm", "epsilon": 0.5},
    {"attack": "fgsm", "epsilon": 0.5, "norm": "linf"},
    {"attack": "pgd", "epsilon": 0.5, "n_steps": 20},
    {"attack": "pgd", "epsilon": 0.5, "norm": "linf", "n_steps": 20},
    {"attack": "pgd", "epsilon": 0.5, "norm": "linf", "clip": (-1.0, np.ones(4))},
]


def problem(n_classes=2):
    return make_classification(
        80,
        4,
        n_informative=4,
        n_redundant=0,
        n_classes=n_classes,
        n_clusters_per_class=1,
        random_state=3,
    )


def fit(module, X, y, net=NeuralNetClassifier, **options):
    torch.manual_seed(0)
    options = {"criterion": nn.CrossEntropyLoss, "max_epochs": 30, **options}
    options = {"lr": 0.1, "batch_size": -1, "train_split": None, **options}
    return net(module, verbose=0, **options).fit(X, y)


def perceptron(n_classes=2, n_inputs=4):
    layers = nn.Linear(n_inputs, 16), nn.Tanh(), nn.Linear(16, n_classes)
    return nn.Sequential(*layers).double()


def view_of(net, X, y):
    view = make_model_view(net)
    return view, view.evaluation_rows(X, y)


def perturbed(view, rows, **options):
    attack = AdversarialRobustness(**options).make_attack()
    return view.adversarial_rows(rows, view.parameters, attack)


def inputs_of(rows):
    return np.asarray(rows.source)


class Logit(nn.Linear):
    def __init__(self):
        super().__init__(4, 1)
        self.double()

    def forward(self, x):
        return super().forward(x)[:, 0]


def linear_pair(n_classes, X, y):
    """The same linear model as a skorch net and as a LogisticRegression."""
    linear = LogisticRegression().fit(X, y)
    if n_classes == 2:
        options = {"criterion": nn.BCEWithLogitsLoss, "max_epochs": 1}
        net = fit(Logit, X, y * 1.0, NeuralNetBinaryClassifier, **options)
    else:
        net = fit(nn.Linear(4, n_classes).double(), X, y, max_epochs=1)
    with torch.no_grad():
        net.module_.weight.copy_(torch.as_tensor(linear.coef_))
        net.module_.bias.copy_(torch.as_tensor(linear.intercept_))
    return net, linear


@pytest.mark.parametrize("options", ATTACKS)
@pytest.mark.parametrize("n_classes", [2, 3])
def test_linear_networks_are_attacked_as_linear_models(n_classes, options):
    X, y = problem(n_classes)
    X = np.clip(X, -1.0, 1.0) if "clip" in options else X
    net, linear = linear_pair(n_classes, X, y)
    found = perturbed(*view_of(net, X, y), **options)
    expected = perturbed(*view_of(linear, X, y), **options)
    assert_allclose(inputs_of(found), expected.blocks.X, rtol=1e-3, atol=1e-3)


def test_boundary_is_near_the_closest_point_of_another_class(rng):
    X, y = problem()
    net = fit(perceptron(), X, y)
    moved = inputs_of(perturbed(*view_of(net, X, y), attack="boundary", overshoot=0.01))
    predicted = net.predict(X)
    assert np.all(net.predict(moved) != predicted)
    directions = rng.normal(size=(400, 4))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    radii = np.linspace(0.05, 6.0, 120)
    steps = (radii[:, None, None] * directions).reshape(-1, 4)
    ratios = []
    for x, label, ours in zip(X[:20], predicted[:20], moved[:20], strict=True):
        with torch.no_grad():
            crossed = net.module_(torch.as_tensor(x + steps)).argmax(1).numpy() != label
        nearest = radii[crossed.reshape(len(radii), -1).any(axis=1)][0]
        ratios.append(np.linalg.norm(ours - x) / nearest)
    assert np.median(ratios) < 1.1
    assert max(ratios) < 2.0


def test_fgsm_steps_along_the_gradient_of_the_loss():
    X, y = problem()
    net = fit(perceptron(), X, y)
    view, rows = view_of(net, X, y)
    leaf = torch.as_tensor(X).requires_grad_()
    nn.functional.cross_entropy(net.module_(leaf), torch.as_tensor(y)).backward()
    slope = leaf.grad.numpy()
    found = perturbed(view, rows, attack="fgsm", norm="linf", epsilon=0.2)
    assert_allclose(inputs_of(found), X + 0.2 * np.sign(slope))
    found = perturbed(view, rows, attack="fgsm", epsilon=0.2)
    slope /= np.linalg.norm(slope, axis=1, keepdims=True)
    assert_allclose(inputs_of(found), X + 0.2 * slope)


def test_images_keep_their_shape_and_range(rng):
    X = rng.uniform(size=(20, 1, 4, 4))
    y = np.arange(20) % 2
    module = nn.Sequential(
        nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Flatten(), nn.Linear(8, 2)
    ).double()
    net = fit(module, X, y)
    for attack in ("boundary", "fgsm", "pgd"):
        options = {"attack": attack, "epsilon": 0.3, "clip": (0.0, 1.0)}
        moved = inputs_of(perturbed(*view_of(net, X, y), **options))
        assert moved.shape == X.shape
        assert moved.min() >= 0.0
        assert moved.max() <= 1.0


def test_batches_do_not_matter_and_weights_stay():
    X, y = problem()
    net = fit(perceptron(), X, y)
    view = make_model_view(net)
    rows = view.training_rows(X, y, np.linspace(1.0, 2.0, 80))
    whole = perturbed(view, rows)
    rows.limit = 7
    parts = perturbed(view, rows)
    assert_allclose(inputs_of(parts), inputs_of(whole), rtol=1e-12)
    assert_array_equal(parts.weight, rows.weight)
    assert parts.mass == rows.mass


def test_network_is_corrected_and_scored():
    X, y = problem()
    net = fit(perceptron(), X, y)
    objective = AdversarialRobustness(epsilon=0.5)
    model = UnlearningClassifier(net, objective=objective)
    model.set_params(weighting__strength=0.05).unlearn(X, y)
    assert model.objective_after_[0] < model.objective_before_[0]
    view, rows = view_of(net, X, y)
    moved = inputs_of(perturbed(view, rows, epsilon=0.5))
    score = make_robustness_scorer(epsilon=0.5)(net, X, y)
    assert_allclose(score, np.mean(net.predict(moved) == y))
    static = make_robustness_scorer(epsilon=0.5, adaptive=False)
    assert_allclose(static(model, X, y), np.mean(model.predict(moved) == y))


class Lookup(nn.Module):
    def __init__(self):
        super().__init__()
        self.table = nn.Embedding(5, 2)

    def forward(self, x):
        return self.table(x[:, 0])


class Named(nn.Module):
    def __init__(self):
        super().__init__()
        self.head = nn.Linear(4, 2).double()

    def forward(self, x):
        return self.head(x)


@pytest.mark.parametrize("module", [Lookup, Named])
def test_inputs_that_are_no_numbers_are_refused(module):
    X, y = problem()
    X = np.arange(80)[:, None] % 5 if module is Lookup else SliceDict(x=X)
    net = fit(module, X, y)
    with pytest.raises(TypeError, match="one tensor of floating numbers"):
        perturbed(*view_of(net, X, y))


def import_art():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        attacks = pytest.importorskip("art.attacks.evasion")
        return attacks, pytest.importorskip("art.estimators.classification.pytorch")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("norm", ["l2", "linf"])
def test_pgd_agrees_with_an_attack_library(norm):
    attacks, estimators = import_art()
    X, y = problem(3)
    X = X.astype(np.float32)
    net = fit(perceptron(3).float(), X, y)
    classifier = estimators.PyTorchClassifier(
        net.module_, nn.CrossEntropyLoss(), (4,), 3, device_type="cpu"
    )
    attack = attacks.ProjectedGradientDescent(
        classifier,
        norm=2 if norm == "l2" else np.inf,
        eps=0.6,
        eps_step=0.1,
        max_iter=10,
        verbose=False,
    )
    theirs = attack.generate(X, y=np.eye(3)[y])
    options = {"norm": norm, "epsilon": 0.6, "step_size": 0.1, "n_steps": 10}
    ours = inputs_of(perturbed(*view_of(net, X, y), **options))
    assert_allclose(ours, theirs, atol=2e-3)
    score = make_robustness_scorer(**options)(net, X, y)
    accuracy = np.mean(net.predict(theirs.astype(np.float32)) == y)
    assert_allclose(score, accuracy, atol=1e-9)


@pytest.mark.filterwarnings("ignore")
def test_boundary_agrees_with_an_attack_library():
    attacks, estimators = import_art()
    X, y = problem(3)
    X = X.astype(np.float32)
    net = fit(perceptron(3).float(), X, y)
    classifier = estimators.PyTorchClassifier(
        net.module_, nn.CrossEntropyLoss(), (4,), 3, device_type="cpu"
    )
    attack = attacks.DeepFool(classifier, epsilon=0.02, nb_grads=3, verbose=False)
    theirs = np.linalg.norm(attack.generate(X) - X, axis=1)
    ours = inputs_of(perturbed(*view_of(net, X, y), attack="boundary", overshoot=0.02))
    ours = np.linalg.norm(ours - X, axis=1)
    # The library does not shorten a last step that went too far.
    assert np.all(ours < 1.01 * theirs)
    assert np.median(ours / theirs) > 0.9
