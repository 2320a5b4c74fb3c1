"""Parts that users register are known wherever their model goes."""

import pickle
import subprocess
import sys
from copy import copy
from pathlib import Path

import numpy as np
import pytest
from joblib import parallel_config
from joblib.externals.loky import get_reusable_executor
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV

from skswu import (
    UnlearningClassifier,
    UnlearningClassifierCV,
    register_objective,
    register_update,
    register_weighting,
)
from skswu.objectives import OBJECTIVES, DemographicParity
from skswu.updates import InfluenceUpdate
from skswu.weighting import SoftWeighting


class PlainParity(DemographicParity):
    """Registered below, by the main process alone."""

    def __init__(self, *, temperature=1.0, pos_label=None):
        super().__init__(temperature=temperature, pos_label=pos_label)


class GentleWeighting(SoftWeighting):
    """Another default."""

    def __init__(self, *, strength=0.25):
        super().__init__(strength=strength)


class DampedUpdate(InfluenceUpdate):
    """Another default."""

    def __init__(self, *, tol=1e-3):
        super().__init__(tol=tol)


@pytest.fixture
def data(rng):
    group = rng.integers(0, 2, 240)
    X = rng.normal(size=(240, 3)) + 0.5 * group[:, None]
    y = (X[:, 0] + rng.logistic(size=240) > 0).astype(int)
    return np.column_stack([X, group]), y


ROOT = Path(__file__).parents[1]


@pytest.fixture
def processes(monkeypatch):
    """Workers that know nothing of this process but what is sent to them.

    They import this module from the repository, wherever pytest was started.
    """
    monkeypatch.syspath_prepend(str(ROOT))
    get_reusable_executor().shutdown(wait=True)
    with parallel_config(backend="loky", n_jobs=2):
        yield
    get_reusable_executor().shutdown(wait=True)


@pytest.fixture
def by_name():
    """A model whose three parts are users' own."""
    register_objective("plain_parity", PlainParity)
    register_weighting("gentle", GentleWeighting)
    register_update("damped", DampedUpdate)
    return UnlearningClassifier(
        LogisticRegression(),
        objective=["plain_parity"],
        weighting="gentle",
        update="damped",
        sensitive_features=3,
        validation_fraction=None,
    )


def in_parts(model):
    return clone(model).set_params(
        objective=[PlainParity()], weighting=GentleWeighting(), update=DampedUpdate()
    )


def test_a_search_in_worker_processes_knows_them(data, by_name, processes):
    X, y = data
    grid = {"estimator__C": [0.1, 1.0]}
    found, expected = (
        GridSearchCV(model, grid, cv=2, error_score="raise").fit(X, y)
        for model in (by_name, in_parts(by_name))
    )
    for key in ("split0_test_score", "split1_test_score"):
        assert_array_equal(found.cv_results_[key], expected.cv_results_[key])


@pytest.mark.filterwarnings("ignore::skswu.exceptions.UtilityLossWarning")
def test_a_class_of_no_module_is_known_to_them_too(data, processes):
    class LocalParity(PlainParity):
        pass

    X, y = data
    register_objective("local_parity", LocalParity)
    model = UnlearningClassifier(
        LogisticRegression(), objective="local_parity", sensitive_features=3
    )
    grid = {"weighting__strength": [0.2, 0.4]}
    search = GridSearchCV(model, grid, cv=2, error_score="raise").fit(X, y)
    assert search.best_estimator_.objective == "local_parity"


def test_splits_in_worker_processes_know_them(data, processes):
    X, y = data
    register_objective("parity_of_splits", PlainParity)
    model = UnlearningClassifierCV(
        LogisticRegression(),
        objective="parity_of_splits",
        strengths=2,
        cv=3,
        sensitive_features=3,
        random_state=0,
        n_jobs=2,
    )
    by_instance = clone(model).set_params(objective=PlainParity())
    found, expected = model.fit(X, y).path_, by_instance.fit(X, y).path_
    assert_allclose(found.to_numpy(float), expected.to_numpy(float), rtol=1e-12)


def test_a_stored_model_is_corrected_again_by_another_process(data, by_name, tmp_path):
    X, y = data
    by_name.fit(X, y)
    stored = tmp_path / "model.pickle"
    stored.write_bytes(pickle.dumps((by_name, X, y)))
    code = (
        f"import pickle; model, X, y = pickle.load(open({str(stored)!r}, 'rb'))\n"
        "print(model.unlearn(X, y).estimator_.coef_[0, 0])"
    )
    printed = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert_allclose(float(printed), by_name.unlearn(X, y).estimator_.coef_[0, 0])


def test_skops_asks_for_trust_in_them(by_name):
    io = pytest.importorskip("skops.io")
    stored = io.dumps(by_name)
    untrusted = io.get_untrusted_types(data=stored)
    own = [f"{one.__module__}.{one.__qualname__}" for one in (PlainParity,)]
    assert set(own) < set(untrusted)
    assert repr(io.loads(stored, trusted=untrusted)) == repr(by_name)


def test_only_used_names_of_users_classes_are_stored(by_name):
    state = by_name.__getstate__()
    assert state["_registered_parts"] == {
        "objective": {"plain_parity": PlainParity},
        "weighting": {"gentle": GentleWeighting},
        "update": {"damped": DampedUpdate},
    }
    for usual in (in_parts(by_name), UnlearningClassifier(LogisticRegression())):
        assert "_registered_parts" not in usual.__getstate__()
    mixed = clone(by_name).set_params(
        objective=[DemographicParity(), "equalized_odds", "plain_parity"],
        weighting="no such name",
        update=3,
    )
    assert mixed.__getstate__()["_registered_parts"] == {
        "objective": {"plain_parity": PlainParity}
    }


def test_a_copy_has_no_attribute_of_them(by_name):
    for other in (copy(by_name), pickle.loads(pickle.dumps(by_name))):
        assert vars(other).keys() == vars(by_name).keys()
        assert repr(other) == repr(by_name)


def test_what_is_loaded_last_is_what_a_name_means(by_name):
    stored = pickle.dumps(by_name)
    register_objective("plain_parity", DemographicParity)
    pickle.loads(stored)
    assert OBJECTIVES["plain_parity"] is PlainParity
