"""The two classifiers that are corrected."""

import numpy as np
from sklearn.linear_model import LogisticRegression

#: What the inputs of each model are stored as.
DTYPES = {"logistic regression": np.float64, "network": np.float32}

#: Passes over the training rows that the network is fitted by.
N_EPOCHS = 6


def make_model(name, n_features, seed):
    """Return an unfitted classifier."""
    if name == "logistic regression":
        return LogisticRegression(max_iter=1000)
    return _make_network(n_features, seed)


def _make_network(n_features, seed):
    """Return a skorch net of two hidden layers, always initialised alike."""
    import torch
    from skorch import NeuralNetClassifier

    def make_module():
        torch.manual_seed(seed)
        return torch.nn.Sequential(
            torch.nn.Linear(n_features, 32),
            torch.nn.ReLU(),
            torch.nn.Linear(32, 16),
            torch.nn.ReLU(),
            torch.nn.Linear(16, 2),
        )

    return NeuralNetClassifier(
        make_module,
        criterion=torch.nn.CrossEntropyLoss,
        optimizer=torch.optim.Adam,
        optimizer__weight_decay=1e-3,
        lr=4e-3,
        batch_size=256,
        max_epochs=N_EPOCHS,
        train_split=None,
        verbose=0,
    )
