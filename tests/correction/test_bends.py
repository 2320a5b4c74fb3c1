"""The curvature of the Lagrangian that steps of a linear model are told."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC

from skswu import UnlearningClassifier
from skswu.correction._reweighted_model import ReweightedModel
from skswu.objectives import DemographicParity
from skswu.updates import InfluenceUpdate
from skswu.weighting import SoftWeighting
from skswu.weighting._objective_programme import Bend

TIGHT = {"tol": 1e-10, "max_iter": 10_000}


def make_data(n_classes, n=300):
    rng = np.random.default_rng(0)
    group = (rng.random(n) < 0.4).astype(int)
    X = rng.normal(size=(n, 3))
    X[:, 0] += group
    scores = X @ rng.normal(size=(3, n_classes)) + rng.gumbel(size=(n, n_classes))
    scores[:, -1] += 0.8 * group
    return X, scores.argmax(axis=1), group


def lagrangian_slope(model, parameters, multipliers, along, c):
    """Return the gradient of the Lagrangian by what is tested elsewhere."""
    own, gradients = model.linearize(parameters)
    factor, _, _ = model.factor(parameters, "epsilon")
    return c * own + multipliers @ gradients - factor.hessian @ along


def differences(function, at, move=1e-4):
    moves = move * np.eye(len(at))
    rises = [function(at + one) - function(at - one) for one in moves]
    return np.array(rises) / (2.0 * move)


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("is_held_out", [False, True])
def test_bends_are_differences_of_the_lagrangians_slope(
    monkeypatch, n_classes, is_held_out
):
    X, y, group = make_data(n_classes)
    seen, bends = [], ReweightedModel.bends

    def checked(model, parameters, multipliers, along, objective_weight):
        found = bends(model, parameters, multipliers, along, objective_weight)
        given = multipliers, along, objective_weight
        expected = differences(
            lambda at: lagrangian_slope(model, at, *given), parameters
        )
        model.linearize(parameters)
        seen.append((found, expected))
        return found

    monkeypatch.setattr(ReweightedModel, "bends", checked)
    fitted = LogisticRegression(**TIGHT).fit(X[:200], y[:200])
    held_out = {"X_val": X[200:], "y_val": y[200:]}
    held_out["sensitive_features_val"] = group[200:]
    rows = {"X": X[:200], "y": y[:200], "sensitive_features": group[:200]}
    model = UnlearningClassifier(
        fitted,
        objective=DemographicParity(pos_label=1),
        weighting=SoftWeighting(strength=0.7),
        update=InfluenceUpdate(max_iter="auto"),
    )
    model.unlearn(**rows, **(held_out if is_held_out else {}))
    assert seen
    for found, expected in seen:
        assert_allclose(found, expected, atol=2e-3 * np.abs(expected).max())


@pytest.mark.parametrize("n_null", [0, 1])
def test_a_bend_is_the_closest_convex_one_and_its_dual(n_null):
    rng = np.random.default_rng(1)
    root, some = rng.normal(size=(8, 20)), rng.normal(size=(8, 8))
    inside = np.eye(8)
    inside[:n_null, :n_null] = 0.0
    hessian = inside @ root @ root.T @ inside
    curvature = inside @ (some + some.T) @ inside
    slope = inside @ rng.normal(size=8)
    bend = Bend.convex(curvature, slope, hessian)
    kept = slice(n_null, None)
    H, W = hessian[kept, kept], bend.curvature[kept, kept]
    assert_allclose(bend.dual[kept, kept], H @ np.linalg.solve(W, H), rtol=1e-8)
    assert_allclose(bend.rest[kept], H @ np.linalg.solve(W, slope[kept]), rtol=1e-7)
    root = np.linalg.cholesky(H)
    unit = np.linalg.solve(root, np.linalg.solve(root, curvature[kept, kept]).T)
    values, vectors = np.linalg.eigh(unit)
    assert values[0] < -0.01
    expected = root @ (vectors * values.clip(1e-3)) @ vectors.T @ root.T
    assert_allclose(W, expected, atol=1e-9 * np.abs(expected).max())
    step = inside @ rng.normal(size=8)
    assert_allclose(bend.along(step), step @ bend.curvature @ step)


def test_losses_with_kinks_end_at_the_least_change():
    X, y, group = make_data(2)
    fitted = LinearSVC().fit(X, y)
    model = UnlearningClassifier(fitted, weighting=SoftWeighting(strength=0.7))
    model.unlearn(X, y, sensitive_features=group)
    assert model.optimality_ <= 3e-2
