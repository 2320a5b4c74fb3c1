"""Sparse fine-tuning against penalised refits and loops that are written out."""

from copy import deepcopy

import numpy as np
import pytest
import sklearn
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression
from sklearn.utils.fixes import parse_version

from skswu.influence import Influence
from skswu.models import make_model_view
from skswu.updates import FineTune, SparseFineTune

# From version 1.8 of scikit-learn on, l1_ratio alone says what the penalty is.
NAMES_PENALTY = parse_version(sklearn.__version__) < parse_version("1.8")
ELASTICNET = {"penalty": "elasticnet"} if NAMES_PENALTY else {}

pytestmark = [
    pytest.mark.filterwarnings(f"ignore::skswu.exceptions.{name}")
    for name in ("LinearizationWarning", "UtilityLossWarning")
]
N = 120


def make_data(n_classes=2):
    return make_classification(
        N, 6, n_informative=3, n_classes=n_classes, flip_y=0.2, random_state=1
    )


@pytest.fixture
def epsilon(rng):
    return np.maximum(rng.normal(0.0, 0.7, N), -1.0)


def share_of(weight, epsilon):
    taken = np.clip(-epsilon, 0.0, 1.0)
    return weight @ taken**2 / (weight @ taken)


@pytest.mark.parametrize("lr", [None, 1.0])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_trained_to_the_end_it_is_the_elastic_net_under_the_weights(
    correct, epsilon, n_classes, lr
):
    X, y = make_data(n_classes)
    weight = np.linspace(0.5, 1.5, N)
    options = {"fit_intercept": False, "tol": 1e-10, "max_iter": 100_000}
    fitted = LogisticRegression(**options).fit(X, y, sample_weight=weight)
    update = SparseFineTune(l1=0.15, lr=lr, max_epochs=3000)
    model = correct(fitted, (X, y), update, epsilon, weight)
    # Its penalty is (ratio |c| + (1 - ratio) c² / 2) / C; that of the fit is c² / 2.
    l1 = 0.15 * share_of(weight, epsilon) * weight.sum()
    refit = LogisticRegression(
        solver="saga",
        l1_ratio=l1 / (l1 + 1.0),
        C=1.0 / (l1 + 1.0),
        **ELASTICNET,
        **options,
    ).fit(X, y, sample_weight=weight * (1.0 + epsilon))
    assert_allclose(model.estimator_.coef_, refit.coef_, rtol=1e-4, atol=1e-5)
    zero = refit.coef_ == 0
    assert zero.any()
    assert_array_equal(model.estimator_.coef_[zero], 0.0)


def test_without_penalty_it_is_fine_tuning(correct, epsilon):
    X, y = make_data()
    fitted = LogisticRegression().fit(X, y)
    plain, sparse = (
        correct(fitted, (X, y), update, epsilon).estimator_.coef_
        for update in (FineTune(), SparseFineTune(l1=0.0))
    )
    assert_array_equal(plain, sparse)


def test_weights_that_change_by_half_have_less_effect(correct, epsilon):
    X, y = make_data()
    fitted = LogisticRegression(tol=1e-10).fit(X, y)
    whole, half = (
        correct(
            fitted, (X, y), SparseFineTune(l1=0.005, max_epochs=500), share * epsilon
        ).estimator_.coef_
        - fitted.coef_
        for share in (0.5, 0.25)
    )
    assert 0.3 < np.linalg.norm(half) / np.linalg.norm(whole) < 0.7


def test_parameters_out_of_range_are_named(correct, epsilon):
    with pytest.raises(ValueError, match="'l1' parameter"):
        correct(LogisticRegression(), make_data(), SparseFineTune(l1=-1.0), epsilon)


class TestNetworks:
    @pytest.fixture(autouse=True)
    def _torch(self):
        pytest.importorskip("skorch")

    @staticmethod
    def make_net(dropout=0.0, **options):
        import torch
        from skorch import NeuralNetClassifier

        torch.manual_seed(0)
        module = torch.nn.Sequential(
            torch.nn.Linear(6, 4),
            torch.nn.Tanh(),
            torch.nn.Dropout(dropout),
            torch.nn.Linear(4, 2),
        ).double()
        defaults = {
            "criterion": torch.nn.CrossEntropyLoss,
            "optimizer": torch.optim.SGD,
            "optimizer__weight_decay": 0.01,
            "batch_size": -1,
            "max_epochs": 5,
            "lr": 0.1,
            "train_split": None,
            "verbose": 0,
        }
        net = NeuralNetClassifier(module, **{**defaults, **options})
        return net.fit(*make_data())

    @pytest.mark.parametrize("frozen", [False, True])
    def test_the_penalty_falls_to_zero_beside_the_mean_loss(
        self, correct, epsilon, frozen
    ):
        import torch

        net = self.make_net()
        influence = Influence(parameters=["3.*"] if frozen else "all")
        update = SparseFineTune(l1=0.05, max_epochs=3)
        model = correct(net, make_data(), update, epsilon, influence=influence)
        X, y = map(torch.as_tensor, make_data())
        module = deepcopy(net.module_)
        moved = list((module[3] if frozen else module).parameters())
        descent = torch.optim.SGD(moved, lr=0.1, weight_decay=0.01)
        strength = 0.05 * share_of(np.ones(N), epsilon)
        for epoch in range(3):
            losses = torch.nn.functional.cross_entropy(module(X), y, reduction="none")
            loss = (torch.as_tensor(1.0 + epsilon) * losses).mean()
            norm = sum(p.abs().sum() for p in moved)
            descent.zero_grad()
            (loss + strength * (1 - epoch / 3) * norm).backward()
            descent.step()
        for found, expected in zip(
            model.estimator_.module_.parameters(), module.parameters(), strict=True
        ):
            assert_allclose(found.detach(), expected.detach(), rtol=1e-9)

    def test_it_shrinks_and_is_drawn_from_the_seed(self, correct, epsilon):
        import torch

        net = self.make_net(dropout=0.3, batch_size=16, optimizer=torch.optim.Adam)
        state = torch.get_rng_state()
        first, same, other, plain = (
            make_model_view(
                correct(
                    net,
                    make_data(),
                    SparseFineTune(l1=l1, random_state=seed, max_epochs=5),
                    epsilon,
                ).estimator_
            ).parameters
            for l1, seed in ((0.05, 0), (0.05, 0), (0.05, 1), (0.0, 0))
        )
        assert torch.equal(state, torch.get_rng_state())
        assert torch.equal(first, same)
        assert not torch.equal(first, other)
        assert first.abs().sum() < plain.abs().sum()

    def test_a_last_layer_is_a_linear_model(self, correct, epsilon):
        import torch

        net = self.make_net()
        update = SparseFineTune(l1=0.05, max_epochs=2000)
        influence = Influence(parameters="last_layer")
        model = correct(net, make_data(), update, epsilon, influence=influence)
        module = model.estimator_.module_
        X, y = map(torch.as_tensor, make_data())
        losses = torch.nn.functional.cross_entropy(module(X), y, reduction="none")
        objective = torch.as_tensor(1.0 + epsilon) @ losses / N
        objective = objective + 0.005 * sum(
            (p**2).sum() for p in module[3].parameters()
        )
        slopes = torch.autograd.grad(objective, list(module[3].parameters()))
        strength = 0.05 * share_of(np.ones(N), epsilon)
        # The optimality conditions of the penalised objective.
        for p, slope in zip(module[3].parameters(), slopes, strict=True):
            off = p != 0
            assert_allclose(slope[off], -strength * p[off].sign().detach(), atol=1e-6)
            assert (slope[~off].abs() <= strength + 1e-6).all()
