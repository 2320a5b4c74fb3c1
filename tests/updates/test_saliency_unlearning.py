"""Saliency unlearning against steps and trainings whose mask is written out."""

from copy import deepcopy

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.optimize import minimize
from sklearn.base import clone
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression

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
    InfluenceUpdate,
    NTKUpdate,
    Refit,
    SaliencyUnlearning,
    Scrub,
    SelectiveSynapticDampening,
    SparseFineTune,
)

pytestmark = [
    pytest.mark.filterwarnings(f"ignore::skswu.exceptions.{name}")
    for name in ("LinearizationWarning", "UtilityLossWarning")
]
N = 120
TIGHT = {"tol": 1e-10, "max_iter": 10_000}


class FullStep(InfluenceUpdate):
    """The whole step, wherever it leads."""

    def follow(self, move, step):
        return move.parameters + step, 1.0


def make_data(n_classes=2):
    return make_classification(
        N, 5, n_informative=3, n_classes=n_classes, flip_y=0.2, random_state=1
    )


@pytest.fixture
def epsilon(rng):
    return np.maximum(rng.normal(0.0, 0.5, N), -1.0)


def parameters_of(model):
    return np.asarray(make_model_view(model).parameters)


def slopes_of(model, X, y):
    """Softmax or sigmoid slopes, (n_samples, n_outputs)."""
    slopes = model.predict_proba(X)
    if len(model.classes_) == 2:
        return slopes[:, 1:] - y[:, None]
    slopes[np.arange(N), y] -= 1.0
    return slopes


def salient(model, X, y, taken, share):
    """The mask, by the size of the summed gradient of what is taken."""
    padded = np.column_stack([X, np.ones(N)])
    pull = abs(slopes_of(model, X, y).T @ (taken[:, None] * padded)).ravel()
    mask = np.zeros(len(pull), dtype=bool)
    mask[np.argsort(pull)[len(pull) - int(np.ceil(share * len(pull))) :]] = True
    return mask


def dense_newton(model, X, y, weight, mask):
    """The Newton step of the masked entries, from a written-out Hessian."""
    padded = np.column_stack([X, np.ones(N)])
    slopes = slopes_of(model, X, y)
    p = model.predict_proba(X)
    p = p[:, 1:] if p.shape[1] == 2 else p
    one = p.shape[1] == 1
    second = (
        (p * (1 - p))[:, :, None]
        if one
        else (p[:, :, None] * np.eye(p.shape[1]) - p[:, :, None] * p[:, None, :])
    )
    k, d = slopes.shape[1], padded.shape[1]
    hessian = np.einsum("n,nkl,ni,nj->kilj", weight, second, padded, padded)
    hessian = hessian.reshape(k * d, k * d)
    penalised = np.tile(np.arange(d) < d - 1, k)
    hessian += np.diag(1.0 * penalised)
    start = np.column_stack([model.coef_, model.intercept_]).ravel()
    gradient = (slopes.T @ (weight[:, None] * padded)).ravel() + penalised * start
    step = np.zeros(k * d)
    restricted = hessian[np.ix_(mask, mask)]
    step[mask] = -np.linalg.lstsq(restricted, gradient[mask], rcond=None)[0]
    return step


@pytest.mark.parametrize(
    "solver",
    [
        "direct",
        ConjugateGradient(tol=1e-12),
        Nystrom(rank=3, tol=1e-12, random_state=0),
    ],
    ids=["direct", "conjugate_gradient", "nystrom"],
)
@pytest.mark.parametrize("share", [0.3, 0.5, 1.0])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_a_step_is_that_of_a_model_with_the_salient_entries_alone(
    correct, epsilon, n_classes, share, solver
):
    X, y = make_data(n_classes)
    fitted = LogisticRegression(**TIGHT).fit(X, y)
    update = SaliencyUnlearning(FullStep(), share=share)
    model = correct(fitted, (X, y), update, epsilon, influence=Influence(solver=solver))
    mask = salient(fitted, X, y, np.clip(-epsilon, 0, 1), share)
    expected = dense_newton(fitted, X, y, 1.0 + epsilon, mask)
    found = parameters_of(model.estimator_) - parameters_of(fitted)
    assert_array_equal(found[~mask], 0.0)
    if share == 1.0 and n_classes == 3:  # up to a constant of all intercepts
        found, expected = (
            v.reshape(3, -1) - v.reshape(3, -1).mean(0) for v in (found, expected)
        )
    assert_allclose(found, expected, rtol=1e-6, atol=1e-9)


def test_the_textbook_step_takes_the_masked_curvature_before(correct, epsilon):
    X, y = make_data()
    fitted = LogisticRegression(fit_intercept=False, **TIGHT).fit(X, y)
    update = SaliencyUnlearning(FullStep(step="textbook"))
    model = correct(fitted, (X, y), update, 0.1 * epsilon)
    p = fitted.predict_proba(X)[:, 1]
    pull = X.T @ (0.1 * epsilon * (p - y))
    taken = abs(X.T @ (0.1 * np.clip(-epsilon, 0, 1) * (p - y)))
    mask = taken >= np.sort(taken)[2]
    hessian = X.T @ (X * (p * (1 - p))[:, None]) + np.eye(5)
    step = -np.linalg.solve(hessian[np.ix_(mask, mask)], pull[mask])
    found = (model.estimator_.coef_ - fitted.coef_)[0]
    assert_allclose(found[mask], step, rtol=1e-6)
    assert_array_equal(found[~mask], 0.0)


@pytest.mark.parametrize("lr", [None, 1.0])
def test_fine_tuned_to_the_end_it_is_the_minimiser_over_the_salient(
    correct, epsilon, lr
):
    X, y = make_data()
    fitted = LogisticRegression(**TIGHT).fit(X, y)
    update = SaliencyUnlearning(FineTune(lr=lr, max_epochs=3000))
    model = correct(fitted, (X, y), update, epsilon)
    mask = salient(fitted, X, y, np.clip(-epsilon, 0, 1), 0.5)
    start = parameters_of(fitted)

    def objective(values):
        theta = start.copy()
        theta[mask] = values
        margins = X @ theta[:-1] + theta[-1]
        losses = np.logaddexp(0.0, np.where(y == 1, -margins, margins))
        return (1.0 + epsilon) @ losses + 0.5 * theta[:-1] @ theta[:-1]

    best = minimize(objective, start[mask], options={"gtol": 1e-8})
    found = parameters_of(model.estimator_)
    assert_allclose(found[mask], best.x, rtol=1e-4)
    assert_array_equal(found[~mask], start[~mask])


@pytest.mark.parametrize(
    "update",
    [
        GradientAscent(max_epochs=3),
        FisherForgetting(random_state=0),
        NTKUpdate(),
        SparseFineTune(l1=0.01),
        SelectiveSynapticDampening(),
        SaliencyUnlearning(FineTune(), share=0.6),
        InfluenceUpdate(max_iter=4),
    ],
    ids=lambda update: type(update).__name__,
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_every_update_of_linear_models_is_masked(correct, epsilon, update):
    X, y = make_data(3)
    fitted = LogisticRegression().fit(X, y)
    model = correct(fitted, (X, y), SaliencyUnlearning(update, share=0.4), epsilon)
    moved = parameters_of(model.estimator_) != parameters_of(fitted)
    assert moved.sum() > 0
    if update.max_iter == 1:
        mask = salient(fitted, X, y, np.clip(-epsilon, 0, 1), 0.4)
        assert_array_equal(moved & ~mask, False)


def test_all_entries_are_the_update_itself(correct, epsilon):
    X, y = make_data()
    fitted = LogisticRegression().fit(X, y)
    alone, masked = (
        parameters_of(correct(fitted, (X, y), update, epsilon).estimator_)
        for update in (FineTune(), SaliencyUnlearning(share=1.0))
    )
    assert_allclose(masked, alone, rtol=1e-9)


def test_weights_that_change_by_half_have_less_effect(correct, epsilon):
    X, y = make_data()
    fitted = LogisticRegression(**TIGHT).fit(X, y)
    update = SaliencyUnlearning(FineTune(max_epochs=500))
    whole, half = (
        parameters_of(correct(fitted, (X, y), update, share * epsilon).estimator_)
        - parameters_of(fitted)
        for share in (0.4, 0.2)
    )
    assert_array_equal(half != 0, whole != 0)
    assert 0.35 < np.linalg.norm(half) / np.linalg.norm(whole) < 0.65


def test_what_is_only_weighted_up_has_no_salient_entries(correct, epsilon):
    X, y = make_data()
    fitted = LogisticRegression().fit(X, y)
    with pytest.warns(UserWarning, match="No step"):
        model = correct(fitted, (X, y), SaliencyUnlearning(), abs(epsilon))
    assert_array_equal(model.estimator_.coef_, fitted.coef_)


@pytest.mark.parametrize(
    ("update", "parameter"),
    [
        (SaliencyUnlearning(share=0.0), "share"),
        (SaliencyUnlearning("fine_tune"), "update"),
        (SaliencyUnlearning(Refit()), "update"),
        (SaliencyUnlearning(FineTune(max_epochs=0)), "max_epochs"),
    ],
)
def test_parameters_out_of_range_are_named(correct, epsilon, update, parameter):
    with pytest.raises(ValueError, match=f"'{parameter}' parameter"):
        correct(LogisticRegression(), make_data(), update, epsilon)


def test_an_update_for_networks_is_refused_on_linear_models(correct, epsilon):
    fitted = LogisticRegression().fit(*make_data())
    with pytest.raises(TypeError, match=r"SaliencyUnlearning needs .*start_training"):
        correct(fitted, make_data(), SaliencyUnlearning(Scrub()), epsilon)


def test_parameters_of_the_update_within_are_reached_and_cloned():
    model = UnlearningClassifier(
        LogisticRegression(), update=SaliencyUnlearning(FineTune())
    )
    model.set_params(update__update__max_epochs=3, update__share=0.2)
    assert clone(model).update.update.max_epochs == 3


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
            torch.nn.Linear(5, 4),
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

    @staticmethod
    def salient(net, taken, share=0.5):
        """The mask, tensor by tensor."""
        import torch

        X, y = map(torch.as_tensor, make_data())
        losses = torch.nn.functional.cross_entropy(net.module_(X), y, reduction="none")
        parameters = list(net.module_.parameters())
        pulls = torch.autograd.grad(torch.as_tensor(taken) @ losses, parameters)
        sizes = torch.cat([pull.abs().reshape(-1) for pull in pulls]).sort().values
        least = sizes[-int(np.ceil(share * len(sizes)))]
        # Of two outputs, the entries are pulled alike, but for rounding.
        return [pull.abs() >= (1.0 - 1e-5) * least for pull in pulls]

    @pytest.mark.parametrize("name", ["SGD", "Adam"])
    def test_training_moves_the_salient_entries_alone(self, correct, epsilon, name):
        import torch

        optimizer = getattr(torch.optim, name)
        net = self.make_net(optimizer=optimizer)
        update = SaliencyUnlearning(FineTune(max_epochs=3))
        model = correct(net, make_data(), update, epsilon)
        masks = self.salient(net, np.clip(-epsilon, 0, 1))
        X, y = map(torch.as_tensor, make_data())
        module = deepcopy(net.module_)
        parameters = list(module.parameters())
        origin = [p.detach().clone() for p in parameters]
        descent = optimizer(parameters, lr=0.1, weight_decay=0.01)
        for _ in range(3):
            losses = torch.nn.functional.cross_entropy(module(X), y, reduction="none")
            descent.zero_grad()
            (torch.as_tensor(1.0 + epsilon) * losses).mean().backward()
            descent.step()
            with torch.no_grad():
                for p, start, mask in zip(parameters, origin, masks, strict=True):
                    p[~mask] = start[~mask]
        for found, expected, start, mask in zip(
            model.estimator_.module_.parameters(),
            parameters,
            origin,
            masks,
            strict=True,
        ):
            assert_allclose(found.detach(), expected.detach(), rtol=1e-9)
            assert torch.equal(found[~mask], start[~mask])
            assert torch.all(found[mask] != start[mask])

    def test_a_step_solves_with_the_masked_gauss_newton_matrix(self, correct, epsilon):
        import torch

        net = self.make_net()
        epsilon = 0.1 * epsilon
        influence = Influence(damping=0.05, solver=ConjugateGradient(tol=1e-10))
        for solver in ("direct", ConjugateGradient(tol=1e-10)):
            influence.set_params(solver=solver)
            update = SaliencyUnlearning(FullStep(), share=0.4)
            model = correct(net, make_data(), update, epsilon, influence=influence)
            masks = self.salient(net, np.clip(-epsilon, 0, 1), 0.4)
            mask = torch.cat([m.reshape(-1) for m in masks]).numpy()
            X, y = map(torch.as_tensor, make_data())
            named = {k: v.detach() for k, v in net.module_.named_parameters()}

            def logits(parameters, X=X, module=net.module_):
                return torch.func.functional_call(module, parameters, (X,))

            jacobian = torch.func.jacrev(logits)(named)
            J = torch.cat([jacobian[k].reshape(N, 2, -1) for k in named], 2)
            p = logits(named).softmax(1)
            second = torch.diag_embed(p) - p[:, :, None] * p[:, None, :]
            weight = torch.as_tensor(1.0 + epsilon)
            matrix = torch.einsum("n,nka,nkl,nlb->ab", weight, J, second, J).numpy()
            matrix += (N * 0.01 + 0.05 * weight.sum().item()) * np.eye(len(matrix))
            slope = p - torch.nn.functional.one_hot(y, 2)
            added = torch.einsum("n,nk,nka->a", weight - 1.0, slope, J).numpy()
            step = np.zeros(len(mask))
            step[mask] = -np.linalg.solve(matrix[np.ix_(mask, mask)], added[mask])
            found = parameters_of(model.estimator_) - parameters_of(net)
            assert_allclose(found, step, rtol=1e-5, atol=1e-10)

    @pytest.mark.parametrize(
        "update",
        [
            Scrub(max_epochs=2, random_state=0),
            BadTeacher(max_epochs=1, random_state=0),
            CatastrophicForgetting(max_epochs=1, random_state=0),
            ExactLastLayers(2, max_epochs=1, random_state=0),
            FisherForgetting(random_state=0),
            NTKUpdate(max_steps=2),
            SparseFineTune(l1=0.01, random_state=0),
            SelectiveSynapticDampening(random_state=0),
            GradientAscent(max_epochs=1, random_state=0),
        ],
        ids=lambda update: type(update).__name__,
    )
    def test_every_update_of_networks_is_masked_and_seeded(
        self, correct, epsilon, update
    ):
        import torch

        net = self.make_net(
            dropout=0.3, batch_size=16, optimizer=torch.optim.Adam, lr=0.01
        )
        start = parameters_of(net)
        first, second = (
            parameters_of(
                correct(
                    net, make_data(), SaliencyUnlearning(clone(update)), epsilon
                ).estimator_
            )
            for _ in range(2)
        )
        assert_array_equal(first, second)
        assert_array_equal(parameters_of(net), start)
        moved = first != start
        if hasattr(update, "k"):
            # Half of them, and one that is pulled like the last of these.
            assert 0 < moved.sum() <= len(start) / 2 + 1
        else:
            masks = self.salient(self.make_net_in_eval(net), np.clip(-epsilon, 0, 1))
            mask = np.concatenate([m.reshape(-1).numpy() for m in masks])
            assert_array_equal(moved & ~mask, False)
            assert moved.sum() > 0

    @staticmethod
    def make_net_in_eval(net):
        copied = deepcopy(net)
        copied.module_.eval()
        return copied
