"""Models that are stored and loaded again."""

import pickle
import re
from io import BytesIO
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest
import sklearn.exceptions
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.frozen import FrozenEstimator
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, RidgeClassifier, SGDClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import KBinsDiscretizer, StandardScaler

import skswu
from skswu import UnlearningClassifier, UnlearningClassifierCV
from skswu.exceptions import InconsistentVersionWarning
from skswu.objectives import OBJECTIVES, EqualizedOdds, TargetUtility
from skswu.updates import UPDATES, FineTune, InfluenceUpdate, Refit
from skswu.updates._training import NetworkUpdate
from skswu.weighting import WEIGHTINGS, HardWeighting, SoftWeighting

PAGE = Path(__file__).parents[1] / "docs" / "guide" / "saving.rst"
LISTED = re.findall(r'^\.\.\. +"([\w.]+)",$', PAGE.read_text(encoding="utf-8"), re.M)
# Of scikit-learn's transformers, beside this package's own classes.
OF_TRANSFORMERS = {
    "numpy.dtype",
    "sklearn.compose._column_transformer.make_column_selector",
}

MODELS = {
    "by names": UnlearningClassifier(LogisticRegression()),
    "by instances": UnlearningClassifier(
        make_pipeline(StandardScaler(), RidgeClassifier()),
        objective=[EqualizedOdds(), TargetUtility()],
        weighting=SoftWeighting(strength=0.5),
        update=InfluenceUpdate(max_iter=2),
        random_state=1,
    ),
    "hard": UnlearningClassifier(
        SGDClassifier(loss="log_loss", random_state=0),
        weighting=HardWeighting(n_samples=5),
        update=FineTune(random_state=0),
    ),
    "refit": UnlearningClassifier(LogisticRegression(), update=Refit(max_refits=1)),
    "mixed columns": UnlearningClassifier(
        make_pipeline(
            make_column_transformer(
                (SimpleImputer(), ["v", "w"]), (KBinsDiscretizer(3), ["x"])
            ),
            LogisticRegression(),
        )
    ),
    "frozen": UnlearningClassifier(FrozenEstimator(LogisticRegression())),
    "path": UnlearningClassifierCV(LogisticRegression(), strengths=3),
    "path of splits": UnlearningClassifierCV(LogisticRegression(), strengths=3, cv=2),
    "threshold": UnlearningClassifierCV(
        LogisticRegression(), strengths=3, max_disparity=0.1, tune_threshold=True
    ),
}


@pytest.fixture
def data(rng):
    group = rng.integers(0, 2, 200)
    X = rng.normal(size=(200, 3)) + 0.5 * group[:, None]
    y = np.array(["no", "yes"])[(X[:, 0] + rng.logistic(size=200) > 0).astype(int)]
    return (
        pd.DataFrame(X, columns=list("vwx")),
        pd.Series(y),
        np.array(list("ab"))[group],
    )


def joblib_dumps(model):
    buffer = BytesIO()
    joblib.dump(model, buffer)
    return buffer.getvalue()


def skops_dumps(model):
    return pytest.importorskip("skops.io").dumps(model)


def skops_loads(stored):
    return pytest.importorskip("skops.io").loads(stored, trusted=LISTED)


# How to store a model as bytes, and how to load it.
STORES = {
    "pickle": (pickle.dumps, pickle.loads),
    "joblib": (joblib_dumps, lambda stored: joblib.load(BytesIO(stored))),
    "skops": (skops_dumps, skops_loads),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("store", STORES)
@pytest.mark.parametrize("name", MODELS)
def test_a_loaded_model_is_the_stored_one(data, name, store):
    X, y, group = data
    model = clone(MODELS[name])
    if name == "frozen":
        model.estimator.estimator.fit(X, y)
    model.fit(X, y, sensitive_features=group)
    dumps, loads = STORES[store]
    loaded = loads(dumps(model))
    assert_array_equal(loaded.predict(X), model.predict(X))
    assert_array_equal(loaded.decision_function(X), model.decision_function(X))
    assert set(vars(loaded)) == set(vars(model))
    for attribute in ("epsilon_", "sample_weight_", "influence_", "objective_after_"):
        assert_array_equal(getattr(loaded, attribute), getattr(model, attribute))
    assert repr(loaded) == repr(model)
    if hasattr(model, "path_"):
        pd.testing.assert_frame_equal(loaded.path_, model.path_)
    again = [one.unlearn(X, y, sensitive_features=group) for one in (loaded, model)]
    assert_array_equal(again[0].predict(X), again[1].predict(X))


@pytest.mark.parametrize("store", STORES)
def test_a_model_that_is_not_fitted_is_stored_too(store):
    dumps, loads = STORES[store]
    loaded = loads(dumps(MODELS["by instances"]))
    assert repr(loaded) == repr(MODELS["by instances"])
    assert not hasattr(loaded, "estimator_")


@pytest.mark.filterwarnings("ignore")
def test_a_pipeline_that_selects_columns_is_stored_without_pickles(data):
    X, y, group = data
    by_kind = make_column_transformer(
        (SimpleImputer(), make_column_selector(dtype_include="number"))
    )
    model = UnlearningClassifier(make_pipeline(by_kind, LogisticRegression()))
    model.fit(X, y, sensitive_features=group)
    loaded = skops_loads(skops_dumps(model))
    assert_array_equal(loaded.predict(X), model.predict(X))


def test_the_page_lists_every_part_of_a_linear_model():
    parts = {
        f"{part.__module__}.{part.__qualname__}"
        for registry in (OBJECTIVES, WEIGHTINGS, UPDATES)
        for part in map(registry.__getitem__, registry.names())
        if part.__module__.startswith("skswu.") and not issubclass(part, NetworkUpdate)
    }
    models = {f"{m.__module__}.{m.__qualname__}" for m in map(type, MODELS.values())}
    assert set(LISTED) == parts | models | OF_TRANSFORMERS


@pytest.mark.parametrize("store", STORES)
@pytest.mark.parametrize("name", ["by names", "path"])
def test_another_version_warns(monkeypatch, name, store):
    dumps, loads = STORES[store]
    model = MODELS[name]
    with monkeypatch.context() as patch:
        patch.setattr(skswu, "__version__", "0.0.9")
        stored = dumps(model)
    message = f"{type(model).__name__} was saved with skswu 0.0.9 and is loaded with"
    with pytest.warns(InconsistentVersionWarning, match=message) as caught:
        loaded = loads(stored)
    assert repr(loaded) == repr(model)
    assert issubclass(caught[0].category, sklearn.exceptions.InconsistentVersionWarning)


def test_a_model_stored_without_a_version_warns():
    model = UnlearningClassifier(LogisticRegression())
    with pytest.warns(InconsistentVersionWarning, match="of unknown version"):
        model.__setstate__(dict(vars(model)))
