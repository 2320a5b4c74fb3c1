"""What updates that train a model on have in common."""

from numbers import Integral, Real

import numpy as np

from .._utils._compat import Interval
from ._base import BaseUpdate


class LocalUpdate(BaseUpdate):
    """An update that starts from where the fit ended, optimum or not."""

    def tilt(self, view, rows):
        if view.follows_leftover_gradient:
            return super().tilt(view, rows)
        return view.objective_gradient(rows, view.parameters, rows.weight)


class TrainingUpdate(LocalUpdate):
    """An update that trains the model on."""

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

    def restrict(self, view, X):
        if not view.trains_in_epochs:
            raise TypeError(
                f"{type(self).__name__} trains a network: it corrects skorch's "
                "NeuralNetClassifier and NeuralNetBinaryClassifier; got "
                f"{type(view.estimator).__name__}. InfluenceUpdate, GradientAscent, "
                "FineTune, FisherForgetting, NTKUpdate and Refit correct it."
            )
        return view


def retained(epsilon):
    r"""Return :math:`\max(1 + \varepsilon, 0)`, what is left of each sample."""
    return np.maximum(1.0 + epsilon, 0.0)


def forgotten(epsilon):
    r"""Return :math:`\min(\max(-\varepsilon, 0), 1)`, what is taken of each sample."""
    return np.clip(-epsilon, 0.0, 1.0)
