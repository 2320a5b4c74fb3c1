"""The perceptron that is corrected."""

import numpy as np
import torch
from skorch import NeuralNetClassifier

HIDDEN = 32


def make_net(n_features, seed):
    """Return an unfitted net."""
    return WeightedNet(
        Perceptron,
        module__n_features=n_features,
        module__seed=seed,
        criterion=torch.nn.CrossEntropyLoss,
        optimizer=torch.optim.Adam,
        optimizer__weight_decay=1e-3,
        lr=0.01,
        max_epochs=5,
        batch_size=500,
        iterator_train__shuffle=True,
        train_split=None,
        verbose=0,
    )


class Perceptron(torch.nn.Module):
    """One hidden layer, which starts alike whenever it is made."""

    def __init__(self, n_features, seed):
        super().__init__()
        torch.manual_seed(seed)
        self.hidden = torch.nn.Linear(n_features, HIDDEN)
        self.output = torch.nn.Linear(HIDDEN, 2)

    def forward(self, X, sample_weight=None):
        """Return the logits; the weights, which ``get_loss`` reads, pass by."""
        return self.output(torch.relu(self.hidden(X)))


class WeightedNet(NeuralNetClassifier):
    """A net whose ``fit`` takes sample weights, as the reductions need it to."""

    def fit(self, X, y, sample_weight=None):
        """Fit, with weights of mean one if any."""
        X, y = np.asarray(X, dtype=np.float32), np.asarray(y, dtype=np.int64)
        if sample_weight is None:
            return super().fit(X, y)
        weight = np.asarray(sample_weight, dtype=np.float32)
        return super().fit({"X": X, "sample_weight": weight / weight.mean()}, y)

    def predict_proba(self, X):
        """Return probabilities of the type that fairlearn's thresholds need."""
        return super().predict_proba(X).astype(np.float64)

    def get_loss(self, y_pred, y_true, X=None, training=False):
        """Return the weighted mean loss of a batch."""
        if not isinstance(X, dict):
            return super().get_loss(y_pred, y_true, X, training)
        losses = torch.nn.functional.cross_entropy(y_pred, y_true, reduction="none")
        return (X["sample_weight"] * losses).mean()
