"""Selective synaptic dampening against importances that are written out."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression, RidgeClassifier

from skswu import UnlearningClassifier
from skswu.influence import Influence
from skswu.models import make_model_view
from skswu.updates import SelectiveSynapticDampening

pytestmark = [
    pytest.mark.filterwarnings(f"ignore::skswu.exceptions.{name}")
    for name in ("LinearizationWarning", "UtilityLossWarning")
]
N = 120


def make_data(n_classes=2):
    return make_classification(
        N, 5, n_informative=3, n_classes=n_classes, flip_y=0.2, random_state=1
    )


@pytest.fixture
def epsilon(rng):
    return np.maximum(rng.normal(0.0, 0.7, N), -1.0)


def dampened(theta, gradients, weight, epsilon, selection, dampening):
    """The method, written out on the gradients (n_samples, n_parameters)."""
    taken = weight * np.clip(-epsilon, 0.0, 1.0)
    of_all = (weight[:, None] * gradients**2).sum(0) / weight.sum()
    of_forgotten = (taken[:, None] * gradients**2).sum(0) / taken.sum()
    share = (taken * np.clip(-epsilon, 0.0, 1.0)).sum() / taken.sum()
    result = theta.copy()
    for j in range(len(theta)):
        if of_forgotten[j] > selection * of_all[j]:
            beta = min(dampening * of_all[j] / of_forgotten[j], 1.0)
            result[j] -= share * (1.0 - beta) * theta[j]
    return result


def softmax_gradients(model, X, y):
    """Gradients of the log loss, in the order of the view's parameters."""
    slopes = model.predict_proba(X)
    if len(model.classes_) == 2:
        slopes = slopes[:, 1:] - y[:, None]
    else:
        slopes[np.arange(N), y] -= 1.0
    padded = np.column_stack([X, np.ones(N)])
    return (slopes[:, :, None] * padded[:, None, :]).reshape(N, -1)


@pytest.mark.parametrize(
    ("selection", "dampening"), [(1.0, 1.0), (0.5, 0.3), (1.02, 0)]
)
@pytest.mark.parametrize("n_classes", [2, 3])
def test_it_is_the_published_rule_on_exact_importances(
    correct, epsilon, n_classes, selection, dampening
):
    X, y = make_data(n_classes)
    weight = np.linspace(0.5, 1.5, N)
    fitted = LogisticRegression().fit(X, y, sample_weight=weight)
    update = SelectiveSynapticDampening(selection=selection, dampening=dampening)
    model = correct(fitted, (X, y), update, epsilon, weight)
    start = make_model_view(fitted).parameters
    gradients = softmax_gradients(fitted, X, y)
    expected = dampened(start, gradients, weight, epsilon, selection, dampening)
    found = make_model_view(model.estimator_).parameters
    assert_allclose(found, expected, rtol=1e-12)
    assert np.any(found != start)


def test_it_takes_a_squared_loss_and_class_weights(correct, epsilon):
    X, y = make_data()
    fitted = RidgeClassifier(class_weight={0: 2.0, 1: 1.0}).fit(X, y)
    model = correct(fitted, (X, y), SelectiveSynapticDampening(), epsilon)
    slopes = fitted.decision_function(X) - np.where(y == 1, 1.0, -1.0)
    gradients = slopes[:, None] * np.column_stack([X, np.ones(N)])
    weight = np.where(y == 0, 2.0, 1.0)
    expected = dampened(
        make_model_view(fitted).parameters, gradients, weight, epsilon, 1.0, 1.0
    )
    found = make_model_view(model.estimator_).parameters
    assert_allclose(found, expected, rtol=1e-12)


def test_weights_that_change_by_half_go_half_the_way(correct, epsilon):
    X, y = make_data()
    fitted = LogisticRegression().fit(X, y)
    start = make_model_view(fitted).parameters
    whole, half = (
        make_model_view(
            correct(
                fitted, (X, y), SelectiveSynapticDampening(), share * epsilon
            ).estimator_
        ).parameters
        - start
        for share in (1.0, 0.5)
    )
    assert_allclose(half, 0.5 * whole, rtol=1e-9)
    assert np.any(whole != 0)


def test_what_is_only_weighted_up_forgets_nothing(correct, epsilon):
    X, y = make_data()
    fitted = LogisticRegression().fit(X, y)
    with pytest.warns(UserWarning, match="No step"):
        model = correct(fitted, (X, y), SelectiveSynapticDampening(), abs(epsilon))
    assert_array_equal(model.estimator_.coef_, fitted.coef_)
    assert model.step_length_ == 0


@pytest.mark.parametrize("name", ["selection", "dampening", "batch_size"])
def test_parameters_out_of_range_are_named(correct, epsilon, name):
    update = SelectiveSynapticDampening(**{name: -1})
    with pytest.raises(ValueError, match=f"'{name}' parameter"):
        correct(LogisticRegression(), make_data(), update, epsilon)


class TestNetworks:
    @pytest.fixture(autouse=True)
    def _torch(self):
        pytest.importorskip("skorch")

    @pytest.fixture
    def net(self):
        import torch
        from skorch import NeuralNetClassifier

        torch.manual_seed(0)
        module = torch.nn.Sequential(
            torch.nn.Linear(5, 4),
            torch.nn.BatchNorm1d(4),
            torch.nn.Tanh(),
            torch.nn.Dropout(0.3),
            torch.nn.Linear(4, 2),
        ).double()
        net = NeuralNetClassifier(
            module,
            criterion=torch.nn.CrossEntropyLoss,
            max_epochs=5,
            lr=0.1,
            train_split=None,
            verbose=0,
        )
        return net.fit(*make_data())

    @staticmethod
    def gradients(net):
        """Gradients of each sample's loss, by as many backward passes."""
        import torch

        X, y = map(torch.as_tensor, make_data())
        module = net.module_.eval()
        losses = torch.nn.functional.cross_entropy(module(X), y, reduction="none")
        parameters = list(module.parameters())
        rows = [
            torch.cat(
                [
                    g.reshape(-1)
                    for g in torch.autograd.grad(one, parameters, None, True)
                ]
            )
            for one in losses
        ]
        return torch.stack(rows).numpy()

    def test_single_rows_give_the_published_rule(self, correct, net, epsilon):
        update = SelectiveSynapticDampening(selection=0.9, batch_size=1)
        weight = np.linspace(0.5, 1.5, N)
        model = correct(net, make_data(), update, epsilon, weight)
        start = make_model_view(net).parameters.numpy()
        expected = dampened(start, self.gradients(net), weight, epsilon, 0.9, 1.0)
        found = make_model_view(model.estimator_).parameters.numpy()
        assert_allclose(found, expected, rtol=1e-9)
        assert np.any(found != start)

    def test_groups_of_rows_are_right_on_average(self, net, rng):
        view = make_model_view(net)
        rows = view.training_rows(*make_data())
        weights = rng.uniform(size=(2, N))
        exact = weights @ self.gradients(net) ** 2
        draws = np.random.RandomState(0)
        estimates = [
            view.squared_gradients(
                rows, view.parameters, weights, batch_size=7, random_state=draws
            ).numpy()
            for _ in range(60)
        ]
        error = np.std(estimates, axis=0) / np.sqrt(60)
        assert np.all(abs(np.mean(estimates, axis=0) - exact) <= 5 * error + 1e-12)
        assert np.median(np.std(estimates, axis=0) / (exact + 1e-12)) < 0.4

    def test_no_array_of_samples_times_parameters_is_made(self, net):
        import torch
        from torch.utils._python_dispatch import TorchDispatchMode

        sizes = []

        class Watch(TorchDispatchMode):
            def __torch_dispatch__(self, function, types, args=(), kwargs=None):
                result = function(*args, **(kwargs or {}))
                if isinstance(result, torch.Tensor):
                    sizes.append(result.numel())
                return result

        view = make_model_view(net)
        rows = view.training_rows(*make_data())
        weights = np.ones((2, N))
        with Watch():
            view.squared_gradients(
                rows, view.parameters, weights, batch_size=4, random_state=0
            )
        assert max(sizes) <= max(N * 5, 2 * len(view.parameters))

    def test_it_is_drawn_from_the_seed_alone(self, correct, net, epsilon):
        import torch

        state = torch.get_rng_state()
        first, same, other = (
            make_model_view(
                correct(
                    net,
                    make_data(),
                    SelectiveSynapticDampening(random_state=seed),
                    epsilon,
                ).estimator_
            ).parameters.numpy()
            for seed in (0, 0, 1)
        )
        assert_array_equal(first, same)
        assert np.any(first != other)
        assert torch.equal(state, torch.get_rng_state())

    def test_a_last_layer_is_a_linear_model(self, correct, net, epsilon):
        model = correct(
            net,
            make_data(),
            SelectiveSynapticDampening(),
            epsilon,
            influence=Influence(parameters="last_layer"),
        )
        start = make_model_view(net).parameters.numpy()
        expected = dampened(start, self.gradients(net), np.ones(N), epsilon, 1.0, 1.0)
        expected[:-10] = start[:-10]
        found = make_model_view(model.estimator_).parameters.numpy()
        assert_allclose(found, expected, rtol=1e-5)


def test_a_model_without_the_method_is_refused_in_words(correct, epsilon, monkeypatch):
    X, y = make_data()
    fitted = LogisticRegression().fit(X, y)
    monkeypatch.delattr("skswu.models.LinearView.squared_gradients")
    message = "SelectiveSynapticDampening needs a model with .*'squared_gradients'"
    with pytest.raises(TypeError, match=message):
        correct(fitted, (X, y), SelectiveSynapticDampening(), epsilon)
    assert isinstance(
        UnlearningClassifier(fitted, update="selective_synaptic_dampening"),
        UnlearningClassifier,
    )
