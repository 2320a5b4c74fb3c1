"""Predicted changes against those of actual retraining, on a small network.

The full study, on Adult, is examples/benchmarks/bench_torch_accuracy.py.
"""

from copy import deepcopy

import numpy as np
import pytest
import torch
from scipy.stats import pearsonr, spearmanr
from skorch import NeuralNetClassifier
from torch import nn
from torch.nn.functional import cross_entropy

from skswu import UnlearningClassifier
from skswu.influence import Influence
from skswu.inspection import influence_values
from skswu.objectives import DemographicParity
from skswu.updates import InfluenceUpdate
from skswu.weighting import HardWeighting

N_SAMPLES, DECAY = 400, 1e-3
TEMPERATURE = 0.5


class Perceptron(nn.Sequential):
    def __init__(self):
        super().__init__(nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 2))


def make_data(rng):
    group = rng.integers(0, 2, N_SAMPLES)
    X = rng.standard_normal((N_SAMPLES, 4))
    X[:, 0] += 0.8 * group
    margin = X[:, 0] + X[:, 1] * X[:, 2] + rng.standard_normal(N_SAMPLES)
    return X, (margin > 0.4).astype(np.int64), group


class Trained:
    """A network at a minimum of its training objective, and how to retrain it."""

    def __init__(self):
        rng = np.random.default_rng(1)
        self.X, self.y, self.group = make_data(rng)
        self.X_val, self.y_val, self.group_val = make_data(rng)
        torch.manual_seed(0)
        self.net = NeuralNetClassifier(
            Perceptron,
            criterion=nn.CrossEntropyLoss,
            optimizer=torch.optim.Adam,
            optimizer__weight_decay=DECAY,
            lr=0.02,
            max_epochs=20,
            train_split=None,
            verbose=0,
        ).fit(self.X, self.y)
        self.net.module_ = self.retrain(np.ones(N_SAMPLES), n_steps=500)
        self.net.initialize_optimizer()

    def retrain(self, weight, layers=slice(None), n_steps=200):
        """Minimise the reweighted objective over some layers, from the trained ones."""
        module = deepcopy(self.net.module_)
        parameters = [p for layer in list(module)[layers] for p in layer.parameters()]
        inputs, labels = torch.as_tensor(self.X), torch.as_tensor(self.y)
        optimizer = torch.optim.LBFGS(
            parameters,
            max_iter=n_steps,
            tolerance_grad=1e-10,
            tolerance_change=0,
            line_search_fn="strong_wolfe",
        )

        def closure():
            optimizer.zero_grad()
            losses = cross_entropy(module(inputs), labels, reduction="none")
            decay = sum((p**2).sum() for p in module.parameters())
            loss = torch.as_tensor(weight) @ losses / N_SAMPLES + 0.5 * DECAY * decay
            loss.backward()
            return loss

        optimizer.step(closure)
        return module

    def metrics(self, module):
        """Return the gap and the mean loss on the evaluation rows."""
        with torch.no_grad():
            logits = module(torch.as_tensor(self.X_val))
            p = torch.softmax(logits / TEMPERATURE, 1)[:, 1].numpy()
            loss = cross_entropy(logits, torch.as_tensor(self.y_val)).item()
        gap = p[self.group_val == 1].mean() - p[self.group_val == 0].mean()
        return np.array([gap, loss])

    def changes(self, removals, layers=slice(None)):
        """Return actual changes of gap and loss, (n_removals, 2)."""
        before = self.metrics(self.retrain(np.ones(N_SAMPLES), layers))
        changes = []
        for rows in removals:
            weight = np.ones(N_SAMPLES)
            weight[rows] = 0.0
            changes.append(self.metrics(self.retrain(weight, layers)) - before)
        return np.array(changes)

    def evaluation(self):
        return {
            "sensitive_features": self.group,
            "X_val": self.X_val,
            "y_val": self.y_val,
            "sensitive_features_val": self.group_val,
        }

    def influences(self, **options):
        values = influence_values(
            self.net,
            self.X,
            self.y,
            objective=DemographicParity(temperature=TEMPERATURE),
            influence=Influence(**options),
            **self.evaluation(),
        )
        return values.to_numpy()


@pytest.fixture(scope="module")
def trained():
    torch.set_default_dtype(torch.float64)
    yield Trained()
    torch.set_default_dtype(torch.float32)


def test_leaving_one_out_of_the_last_layer(trained, rng):
    chosen = rng.choice(N_SAMPLES, 30, replace=False)
    actual = trained.changes([[i] for i in chosen], layers=slice(-1, None))
    predicted = trained.influences(parameters="last_layer", damping=0.0)[chosen]
    for j in range(2):
        assert pearsonr(predicted[:, j], actual[:, j])[0] > 0.99
    assert predicted[:, 0] @ actual[:, 0] == pytest.approx(
        predicted[:, 0] @ predicted[:, 0], rel=0.1
    )


def test_leaving_groups_out_of_all_layers(trained, rng):
    groups = [rng.choice(N_SAMPLES, 8, replace=False) for _ in range(12)]
    actual = trained.changes(groups)
    influences = trained.influences()
    predicted = np.array([influences[group].sum(axis=0) for group in groups])
    for j in range(2):
        assert spearmanr(predicted[:, j], actual[:, j])[0] > 0.7


@pytest.mark.filterwarnings("ignore::skswu.exceptions.LinearizationWarning")
def test_reweighted_curvature_predicts_a_large_removal_better(trained):
    before = trained.metrics(trained.net.module_)[0]
    moved = {}
    for step in ("newton", "textbook"):
        model = UnlearningClassifier(
            trained.net,
            objective=DemographicParity(temperature=TEMPERATURE),
            weighting=HardWeighting(fraction=0.1),
            update=InfluenceUpdate(step=step),
        ).unlearn(trained.X, trained.y, **trained.evaluation())
        assert model.step_length_ == 1.0
        moved[step] = trained.metrics(model.estimator_.module_)[0] - before
    (actual,) = trained.changes([model.epsilon_ == -1.0])[:, 0]
    assert abs(moved["newton"] - actual) < 0.6 * abs(moved["textbook"] - actual)
