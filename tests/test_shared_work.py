"""What corrections at many strengths share, against what each finds alone."""

import numpy as np
import pytest
import sklearn
from numpy.testing import assert_allclose
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression, RidgeClassifier, SGDClassifier
from sklearn.svm import LinearSVC
from sklearn.utils.fixes import parse_version

from skswu.correction import _shared_work
from skswu.correction._correction import Corrector
from skswu.correction._problem import make_problem
from skswu.correction._shared_work import SharedWork
from skswu.inputs import LabeledData
from skswu.inputs._sensitive_features import Groups
from skswu.models import WrappedClassifier
from skswu.objectives import DemographicParity
from skswu.updates import InfluenceUpdate
from skswu.weighting import SoftWeighting

# From version 1.8 on, l1_ratio alone says what the penalty is.
NAMES_PENALTY = parse_version(sklearn.__version__) < parse_version("1.8")
ELASTICNET = {"penalty": "elasticnet"} if NAMES_PENALTY else {}

ESTIMATORS = {
    "logistic": LogisticRegression(),
    "weighted classes": LogisticRegression(class_weight="balanced"),
    "no intercept": LogisticRegression(fit_intercept=False),
    "sparse support": LogisticRegression(
        solver="saga",
        l1_ratio=0.8,
        C=0.02,
        max_iter=5000,
        random_state=0,
        **ELASTICNET,
    ),
    "ridge": RidgeClassifier(),
    "svc": LinearSVC(),
    "huber": SGDClassifier(loss="modified_huber", random_state=0),
    "three classes": LogisticRegression(),
    "one against rest": SGDClassifier(loss="log_loss", random_state=0),
}
THREE_CLASSES = {"three classes", "one against rest"}


def make_data(name, n=300, seed=0):
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, 2, n)
    X = rng.normal(size=(n, 4)) + 0.4 * codes[:, None] * np.array([1, 0, 1, 0])
    n_classes = 3 if name in THREE_CLASSES else 2
    scores = X @ rng.normal(size=(4, n_classes)) + rng.gumbel(size=(n, n_classes))
    weight = rng.integers(1, 4, n).astype(float)
    groups = Groups(codes.astype(np.int8), ["a", "b"])
    return LabeledData(X, scores.argmax(axis=1), groups, weight)


def make_corrector(name, update=None):
    data = make_data(name)
    fitted = clone(ESTIMATORS[name]).fit(data.X, data.y, sample_weight=data.weight)
    update = InfluenceUpdate() if update is None else update
    wrapped, held_out = WrappedClassifier(fitted), make_data(name, 200, 1)
    objectives = [DemographicParity(pos_label=1, temperature=1.0)]
    problem = make_problem(wrapped, data, held_out, objectives, update)
    return Corrector(problem, SoftWeighting(), update)


UPDATES = {
    "newton": {},
    "damped": {"damping": 1e-2},
    "textbook": {"step": "textbook"},
    "cg": {"solver": "cg", "solver_tol": 1e-12},
    "steps": {"max_iter": 3, "tol": 1e-3},
}


@pytest.mark.parametrize("name", ESTIMATORS)
@pytest.mark.parametrize("options", UPDATES)
@pytest.mark.parametrize("bounds", [{}, {"lower": -0.3, "upper": 0.4}])
@pytest.mark.parametrize("block", [2**23, 700])
@pytest.mark.filterwarnings("ignore")
def test_shared_corrections_are_those_found_alone(
    name, options, bounds, block, monkeypatch
):
    monkeypatch.setattr(_shared_work, "_BLOCK_ENTRIES", block)
    update = InfluenceUpdate(**UPDATES[options])
    weightings = [
        SoftWeighting(strength=strength, **bounds) for strength in (0.2, 0.5, 0.6)
    ]
    shared = SharedWork(make_corrector(name, update))
    for weighting, one in zip(weightings, shared.correctors(weightings), strict=True):
        found = one.correct_from(shared.first, shared.inverse)
        alone = make_corrector(name, update)
        alone.weighting = weighting
        alone = alone.correct()
        assert_allclose(found.epsilon, alone.epsilon, rtol=0, atol=1e-9)
        assert_allclose(found.parameters, alone.parameters, rtol=1e-7, atol=1e-9)
        assert_allclose(found.after, alone.after, rtol=1e-6, atol=1e-10)
        assert_allclose(found.utility_after, alone.utility_after, rtol=1e-9)
        assert_allclose(found.stationarity, alone.stationarity, rtol=1e-5, atol=1e-9)
        assert found.step_length == alone.step_length


def test_curvatures_are_added_up_not_computed_again(monkeypatch):
    corrector = make_corrector("logistic")
    view, shared = corrector.view, SharedWork(corrector)
    asked = []
    curvature = type(view).curvature

    def count(self, rows, *args):
        asked.append(len(rows))
        return curvature(self, rows, *args)

    monkeypatch.setattr(type(view), "curvature", count)
    weightings = [
        SoftWeighting(strength=s, lower=-0.3) for s in np.linspace(0.1, 1, 20)
    ]
    for one in shared.correctors(weightings):
        one.correct_from(shared.first, shared.inverse)
    whole = [n for n in asked if n == len(corrector.rows)]
    assert 1 <= len(whole) <= 2  # along the metric, and the utility if it binds
    assert all(n < len(corrector.rows) / 4 for n in asked if n not in whole)


@pytest.mark.parametrize("name", ["logistic", "three classes", "ridge"])
def test_newton_steps_that_are_said_to_descend_do(name):
    corrector = make_corrector(name)
    view, rows = corrector.view, corrector.rows
    rng = np.random.default_rng(0)
    answers = []
    for size in np.geomspace(1e-3, 30, 60):
        weight = rows.weight * rng.exponential(size=len(rows)) ** 2
        start = view.parameters + size * rng.normal(size=view.parameters.shape)
        inverse = InfluenceUpdate().invert(view, rows, start, weight)
        gradient = view.objective_gradient(rows, start, weight)
        step = -inverse.solve(gradient[:, None])[:, 0]
        end = start + rng.choice([1.0, 0.5, 0.1]) * step
        answers.append(view.newton_steps_descend(rows, start, end))
        before = view.objective_value(rows, start, weight)
        if answers[-1]:
            rise = view.objective_value(rows, end, weight) - before
            assert rise <= 1e-10 * abs(before)
    assert any(answers)
    assert name == "ridge" or not all(answers)
