"""What updates that train a model on have in common."""

from numbers import Integral, Real

import numpy as np

from .._utils._compat import Interval
from ._base import BaseUpdate


class TrainingUpdate(BaseUpdate):
    """An update that trains the model on."""

    needs = {"train": "linear models and skorch's nets"}

    _parameter_constraints = {
        "lr": [Interval(Real, 0, None, closed="neither"), None],
        "max_epochs": [Interval(Integral, 1, None, closed="left")],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    def __init__(self, *, lr=None, max_epochs=10, random_state=None, verbose=0):
        self.lr = lr
        self.max_epochs = max_epochs
        self.random_state = random_state
        self.verbose = verbose

    def _train(self, move, start, weight, **options):
        """Return the parameters after training on from others, and the whole step."""
        options = {**self._options(), **options}
        parameters = move.view.train(
            move.rows, start, weight, max_epochs=self.max_epochs, **options
        )
        return parameters, 1.0

    def _options(self):
        return {
            "lr": self.lr,
            "random_state": self.random_state,
            "verbose": self.verbose,
        }


class NetworkUpdate(TrainingUpdate):
    """An update for networks alone."""

    needs = {
        "start_training": "skorch's NeuralNetClassifier and NeuralNetBinaryClassifier"
    }


def retained(epsilon):
    r"""Return :math:`\max(1 + \varepsilon, 0)`, what is left of each sample."""
    return np.maximum(1.0 + epsilon, 0.0)


def forgotten(epsilon):
    r"""Return :math:`\min(\max(-\varepsilon, 0), 1)`, what is taken of each sample."""
    return np.clip(-epsilon, 0.0, 1.0)


def raised(epsilon):
    r"""Return :math:`\max(\varepsilon, 0)`, what is added to each sample."""
    return np.maximum(epsilon, 0.0)


def share_taken(weight, epsilon):
    r"""Return the share that is taken of a sample, as a mean over what is taken.

    With f what is :func:`forgotten` of each sample it is :math:`\sum_i w_i f_i^2 /
    \sum_i w_i f_i`: 1 where samples are removed, however many, half of it where half as
    much is taken of each, and 0 where nothing is.
    """
    taken = forgotten(epsilon)
    total = float(weight @ taken)
    return float(weight @ taken**2) / total if total > 0 else 0.0
