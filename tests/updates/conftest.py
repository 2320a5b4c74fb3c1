"""Corrections under weights that a test chose."""

import numpy as np
import pytest

from skswu import UnlearningClassifier
from skswu.weighting import BaseWeighting, Weights


class FixedWeighting(BaseWeighting):
    """Weights that a test chose."""

    _parameter_constraints = {}

    def __init__(self, epsilon):
        self.epsilon = epsilon

    def target(self, before):
        return 0.5 * before

    def _weigh(self, metrics):
        return Weights(self.epsilon, reachable=True, message="")


@pytest.fixture
def correct():
    """Return a function that corrects a classifier, fitted to X and y, by an update."""

    def correct(estimator, data, update, epsilon, sample_weight=None, **options):
        model = UnlearningClassifier(
            estimator,
            objective="target_utility",
            weighting=FixedWeighting(np.asarray(epsilon, dtype=float)),
            update=update,
            **options,
        )
        return model.unlearn(*data, sample_weight=sample_weight)

    return correct
