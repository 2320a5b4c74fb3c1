"""Standard errors as sums over blocks, against those of whole arrays."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.linear_model import LogisticRegression

from skswu.correction import Corrector, Setting
from skswu.influence import Influence
from skswu.inputs import Groups, LabeledData
from skswu.models import WrappedClassifier
from skswu.objectives import (
    AdversarialRobustness,
    BoundedGroupLoss,
    CalibrationInTheLarge,
    DemographicParity,
    ErrorRateParity,
    LossParity,
    TargetUtility,
)
from skswu.updates import OneStep
from skswu.weighting import SoftWeighting

OBJECTIVES = [
    DemographicParity(pos_label=1),
    CalibrationInTheLarge(pos_label=1),
    ErrorRateParity(),
    LossParity(),
    BoundedGroupLoss(),
    TargetUtility(),
    AdversarialRobustness(),
]


@pytest.mark.parametrize("leaves_out", [False, True])
@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("objective", OBJECTIVES, ids=lambda one: type(one).__name__)
def test_they_are_those_of_whole_arrays(rng, objective, n_classes, leaves_out):
    X, weight = rng.normal(size=(90, 3)), rng.uniform(0.5, 2.0, 90)
    y = np.digitize(X[:, 0] + rng.logistic(size=90), [0.0, 1.0][: n_classes - 1])
    groups = Groups(rng.integers(0, 3, 90), ["a", "b", "c"])
    wrapped = WrappedClassifier(LogisticRegression().fit(X, y, weight))
    data, update = LabeledData(X, y, groups, weight), OneStep()
    parts = [objective], Influence(), leaves_out
    problem = update.pose(Setting(wrapped, data, None, *parts))
    corrector = Corrector(problem, SoftWeighting(), update)
    candidates = corrector.correct([0.1, 0.2])
    corrector.note_standard_errors(candidates)
    for candidate in candidates:
        expected = problem.evaluation.standard_errors(candidate.state.model)
        assert (expected > 0).all()
        assert_allclose(candidate.standard_errors, expected, rtol=1e-9)
