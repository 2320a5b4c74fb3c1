"""Influences against pyDVL's exact ones on the same networks."""

import warnings

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from skorch import NeuralNetClassifier
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from skswu.influence import DirectInverse
from skswu.models import make_model_view

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    pydvl = pytest.importorskip("pydvl.influence.torch")

N_SAMPLES, N_FEATURES = 50, 4


class Perceptron(nn.Sequential):
    def __init__(self, n_outputs=2):
        super().__init__(nn.Linear(N_FEATURES, 5), nn.Tanh(), nn.Linear(5, n_outputs))


class Convolutional(nn.Sequential):
    def __init__(self):
        super().__init__(nn.Conv2d(1, 2, 2), nn.Tanh(), nn.Flatten(), nn.Linear(8, 3))


class Normalised(nn.Sequential):
    def __init__(self):
        super().__init__(
            nn.Linear(N_FEATURES, 5), nn.BatchNorm1d(5), nn.Tanh(), nn.Linear(5, 2)
        )


class Embedded(nn.Sequential):
    def __init__(self):
        super().__init__(nn.Embedding(6, 3), nn.Flatten(), nn.Linear(6, 2))


def reals(rng):
    return rng.standard_normal((N_SAMPLES, N_FEATURES))


CASES = {
    "perceptron": (Perceptron, {}, reals, 2),
    "multiclass": (Perceptron, {"module__n_outputs": 3}, reals, 3),
    "convolution": (Convolutional, {}, lambda rng: reals(rng).repeat(3, 1)[:, :9], 3),
    "batch norm": (Normalised, {}, reals, 2),
    "embedding": (Embedded, {}, lambda rng: rng.integers(0, 6, (N_SAMPLES, 2)), 2),
}


@pytest.fixture(autouse=True)
def double_precision():
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)
    yield
    torch.set_default_dtype(torch.float32)


@pytest.mark.filterwarnings("ignore")  # pyDVL's own, of functions of torch it uses
@pytest.mark.parametrize("name", CASES)
def test_influence_on_the_loss_of_test_rows(name, rng):
    module, options, draw, n_classes = CASES[name]
    X = draw(rng)
    X = X.reshape(-1, 1, 3, 3) if name == "convolution" else X
    y = rng.integers(0, n_classes, N_SAMPLES)
    net = NeuralNetClassifier(
        module,
        criterion=nn.CrossEntropyLoss,
        lr=0.1,
        max_epochs=5,
        train_split=None,
        verbose=0,
        **options,
    ).fit(X, y)
    view = make_model_view(net)
    rows = view.training_rows(X, y)
    operator = view.curvature(rows, view.parameters, rows.weight, "hessian")
    lowest = np.linalg.eigvalsh(operator.dense_blocks()[0][1])[0]
    damping = max(0.0, -2.0 * lowest / N_SAMPLES) + 0.01
    first = (np.arange(N_SAMPLES) < 3).astype(float)
    gradient = torch.stack(
        [
            view.loss_gradient(
                rows, view.parameters, first * (np.arange(N_SAMPLES) == i)
            )
            for i in range(3)
        ],
        dim=1,
    )
    inverse = DirectInverse(operator, damping=damping * N_SAMPLES)
    directions = inverse.solve(gradient).vectors
    ours = view.loss_derivatives(rows, view.parameters, directions)

    inputs, labels = torch.as_tensor(X), torch.as_tensor(y)
    model = pydvl.DirectInfluence(
        net.module_.eval(), nn.functional.cross_entropy, regularization=damping
    )
    # One batch: pyDVL averages batches without regard to their sizes.
    model.fit(DataLoader(TensorDataset(inputs, labels), batch_size=N_SAMPLES))
    theirs = model.influences(inputs[:3], labels[:3], inputs, labels).detach()
    assert_allclose(ours, theirs / N_SAMPLES, rtol=1e-6, atol=1e-9)
