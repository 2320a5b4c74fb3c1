"""Dask collections give what arrays give, with two workers and without a client."""

import os
import pickle
import signal
import warnings

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import (
    LogisticRegression,
    RidgeClassifier,
    SGDClassifier,
)
from sklearn.model_selection import FixedThresholdClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skswu import UnlearningClassifier, UnlearningClassifierCV
from skswu.inspection import influence_values
from skswu.objectives import AdversarialRobustness, DemographicParity, ScoreMetrics
from skswu.objectives._base import BaseObjective
from skswu.updates import FineTune, InfluenceUpdate, Refit

dask = pytest.importorskip("dask")
da = pytest.importorskip("dask.array")
distributed = pytest.importorskip("distributed")

pytestmark = pytest.mark.filterwarnings(
    # Of sockets and event loops that distributed leaves to the collector.
    "default::ResourceWarning",
    "default::DeprecationWarning",
    "default::pytest.PytestUnraisableExceptionWarning",
)

N_ROWS, N_FEATURES, CHUNK = 900, 5, 250


def make_cluster(n_workers=2):
    return distributed.LocalCluster(
        n_workers=n_workers,
        threads_per_worker=1,
        dashboard_address=None,
        memory_limit=0,
    )


@pytest.fixture(scope="module")
def cluster():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with make_cluster() as cluster:
            yield cluster


@pytest.fixture(params=["in turn", "workers"])
def engine(request):
    """Have partitions read in turn, or by two workers."""
    if request.param == "in turn":
        yield
    else:
        with distributed.Client(request.getfixturevalue("cluster")):
            yield


@pytest.fixture
def workers(cluster):
    with distributed.Client(cluster) as client:
        yield client


@pytest.fixture
def data(rng):
    X = rng.normal(size=(N_ROWS, N_FEATURES))
    group = rng.choice(["a", "b"], N_ROWS)
    margin = X @ rng.normal(size=N_FEATURES) + 0.8 * (group == "b")
    y = np.where(margin + rng.logistic(size=N_ROWS) > 0, "yes", "no")
    return X, y, group, rng.uniform(0.5, 2.0, N_ROWS)


def arrays(*values):
    return [da.from_array(v, chunks=(CHUNK, -1)[: v.ndim]) for v in values]


def make(estimator, kind=UnlearningClassifier, **params):
    if kind is UnlearningClassifier and "weighting" not in params:
        params = {"weighting__strength": 0.3, **params}
    if kind is UnlearningClassifier:
        params = {"update": "one_step", **params}
    return kind(estimator).set_params(objective__pos_label="yes", **params)


def assert_same(model, local, atol=1e-9):
    coef, expected = (one.estimator_ for one in (model, local))
    if hasattr(coef, "steps"):
        coef, expected = coef[-1], expected[-1]
    if hasattr(coef, "threshold"):
        coef, expected = coef.estimator_, expected.estimator_
    assert_allclose(coef.coef_, expected.coef_, atol=atol)
    for name in ("epsilon_", "sample_weight_", "influence_", "utility_influence_"):
        found = getattr(model, name)
        assert isinstance(found, da.Array), name
        assert_allclose(found.compute(), getattr(local, name), atol=atol)
    assert_allclose(model.objective_before_, local.objective_before_, atol=atol)
    assert_allclose(model.objective_predicted_, local.objective_predicted_, atol=atol)
    assert_allclose(model.objective_after_, local.objective_after_, atol=atol)
    assert_allclose(model.utility_after_, local.utility_after_, atol=atol)
    assert (model.objective_estimate_ is None) == (local.objective_estimate_ is None)
    if local.objective_estimate_ is not None:
        estimate, expected = model.objective_estimate_, local.objective_estimate_
        assert_allclose(estimate, expected, atol=atol)
    assert_allclose(model.objective_se_, local.objective_se_, atol=atol)
    measured_on = model.correction_info_["measured_on"]
    assert measured_on == local.correction_info_["measured_on"]
    assert model.objective_names_ == local.objective_names_


@pytest.mark.parametrize(
    "estimator",
    [
        LogisticRegression(class_weight="balanced"),
        RidgeClassifier(class_weight={"yes": 2.0, "no": 1.0}),
        make_pipeline(StandardScaler(), LogisticRegression()),
    ],
)
def test_a_correction_is_that_of_arrays(engine, data, estimator):
    X, y, group, weight = data
    last = {"sample_weight": weight}
    if hasattr(estimator, "steps"):
        last = {"logisticregression__sample_weight": weight}
    estimator.fit(X, y, **last)
    given = {"sensitive_features": group, "sample_weight": weight}
    local = make(estimator).unlearn(X, y, **given)
    X, y, group, weight = arrays(*data)
    given = {"sensitive_features": group, "sample_weight": weight}
    model = make(estimator).unlearn(X, y, **given)
    assert_same(model, local)
    margins = local.decision_function(data[0])
    assert_allclose(model.decision_function(X).compute(), margins)
    assert_array_equal(model.predict(X).compute(), local.predict(data[0]))
    assert_array_equal(model.train_indices_.compute(), local.train_indices_)


def test_dataframes_have_columns_and_partitions_of_unknown_sizes(engine, data):
    dd = pytest.importorskip("dask.dataframe")
    X, y, group, weight = data
    frame = pd.DataFrame(X, columns=list("pqrst"))
    estimator = LogisticRegression().fit(frame, y, sample_weight=weight)
    given = {"sensitive_features": group, "sample_weight": weight}
    local = make(estimator).unlearn(frame, y, **given)
    table = frame.assign(y=y, group=group, weight=weight)
    table = dd.from_pandas(table, npartitions=3)
    table = table[table["weight"] > 0]  # forgets how many rows there are
    given = {"sensitive_features": table["group"], "sample_weight": table["weight"]}
    model = make(estimator).unlearn(table[list("pqrst")], table["y"], **given)
    assert_same(model, local)
    assert list(model.feature_names_in_) == list("pqrst")
    predicted = model.predict(table[list("pqrst")])
    assert_array_equal(predicted.compute(), local.predict(frame))


def test_groups_may_be_columns_of_x(data):
    X, y, group, _ = data
    X = np.column_stack([X, group == "b"])
    estimator = LogisticRegression().fit(X, y)
    local = make(estimator, sensitive_features=5).unlearn(X, y)
    model = make(estimator, sensitive_features=5).unlearn(*arrays(X, y))
    assert_same(model, local)


def test_sparse_blocks_are_taken(data):
    X, y, group, _ = data
    X = X * (np.abs(X) > 0.5)
    estimator = LogisticRegression().fit(X, y)
    local = make(estimator).unlearn(X, y, sensitive_features=group)
    dX, dy, dgroup = arrays(X, y, group)
    dX = dX.map_blocks(sparse.csr_matrix, meta=sparse.csr_matrix((0, 0)))
    model = make(estimator).unlearn(dX, dy, sensitive_features=dgroup)
    assert_same(model, local)


def test_evaluation_rows_may_be_others(engine, data):
    X, y, group, weight = data
    estimator = LogisticRegression().fit(X[:600], y[:600])
    names = ("X_val", "y_val", "sensitive_features_val", "sample_weight_val")
    values = (X[600:], y[600:], group[600:], weight[600:])
    local = make(estimator).unlearn(
        X[:600],
        y[:600],
        sensitive_features=group[:600],
        **dict(zip(names, values, strict=True)),
    )
    dX, dy, dgroup = arrays(X[:600], y[:600], group[:600])
    model = make(estimator).unlearn(
        dX,
        dy,
        sensitive_features=dgroup,
        **dict(zip(names, arrays(*values), strict=True)),
    )
    assert_same(model, local)


@pytest.mark.parametrize("kind", [UnlearningClassifier, UnlearningClassifierCV])
def test_groups_are_compared_within_strata(rng, data, kind):
    X, y, group, weight = data
    stratum = rng.choice(["s", "t", None], N_ROWS)
    params = {"kind": kind, "missing_groups": "own"}
    if kind is UnlearningClassifierCV:
        params["strengths"] = 3
    names = ("sensitive_features", "control_features", "sample_weight")
    values = group, stratum, weight
    estimator = LogisticRegression().fit(X, y, sample_weight=weight)
    local = make(estimator, **params)
    local.unlearn(X, y, **dict(zip(names, values, strict=True)))
    model, (X, y) = make(estimator, **params), arrays(X, y)
    model.unlearn(X, y, **dict(zip(names, arrays(*values), strict=True)))
    assert_same(model, local)
    strata = local.correction_info_["training_strata"]
    assert model.correction_info_["training_strata"] == strata
    assert len(model.objective_names_) == 3


@pytest.mark.parametrize("weighting", ["hard", "soft"])
def test_weights_without_multipliers_go_back_to_the_rows(engine, data, weighting):
    X, y, group, _ = data
    params = {"weighting": weighting}
    if weighting == "soft":  # a target that is out of reach
        params = {"weighting__upper": 0.01, "weighting__lower": -0.01}
    estimator = LogisticRegression().fit(X, y)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        local = make(estimator, **params).unlearn(X, y, sensitive_features=group)
        X, y, group = arrays(X, y, group)
        model = make(estimator, **params).unlearn(X, y, sensitive_features=group)
    assert_same(model, local)


STEPS = {
    "whole strength": {"weighting__strength": 0.4},
    "out of reach": {"weighting__upper": 0.1, "weighting__lower": -0.1},
}


@pytest.mark.filterwarnings("ignore::skswu.exceptions.UnreachableTargetWarning")
@pytest.mark.parametrize("case", STEPS)
def test_several_steps_are_those_of_arrays(workers, data, case):
    assert_several_steps_are_the_same(data, STEPS[case])


@pytest.mark.filterwarnings("ignore::skswu.exceptions.UnreachableTargetWarning")
def test_several_steps_read_partitions_in_turn(data):
    bounded = {"weighting__utility_tolerance": 1e-3}
    assert_several_steps_are_the_same([one[::4] for one in data], bounded)


def assert_several_steps_are_the_same(data, params):
    X, y, group, weight = data
    params = {"update": "influence", **params}
    estimator = LogisticRegression().fit(X, y, sample_weight=weight)
    given = {"sensitive_features": group, "sample_weight": weight}
    local = make(estimator, **params).unlearn(X, y, **given)
    X, y, group, weight = arrays(*data)
    given = {"sensitive_features": group, "sample_weight": weight}
    model = make(estimator, **params).unlearn(X, y, **given)
    assert_same(model, local, atol=1e-10)
    assert model.n_iter_ == local.n_iter_
    assert_allclose(model.optimality_, local.optimality_, atol=1e-6)
    assert_allclose(model.reachable_strength_, local.reachable_strength_)


@pytest.mark.parametrize("max_disparity", [None, 0.05])
@pytest.mark.parametrize("threshold", [None, 0.7])
def test_a_path_is_that_of_arrays(engine, data, max_disparity, threshold):
    X, y, group, weight = data
    estimator = LogisticRegression().fit(X, y, sample_weight=weight)
    if threshold:
        estimator = FixedThresholdClassifier(
            FrozenEstimator(estimator), threshold=threshold, pos_label="yes"
        ).fit(X, y)
    params = {
        "kind": UnlearningClassifierCV,
        "strengths": 6,
        "max_disparity": max_disparity,
    }
    given = {"sensitive_features": group, "sample_weight": weight}
    local = make(estimator, **params).unlearn(X, y, **given)
    X, y, group, weight = arrays(X, y, group, weight)
    given = {"sensitive_features": group, "sample_weight": weight}
    model = make(estimator, **params).unlearn(X, y, **given)
    assert_same(model, local)
    pd.testing.assert_frame_equal(model.path_, local.path_)


def test_several_classes_and_outputs(rng, data):
    X, _, group, _ = data
    y = rng.integers(0, 3, N_ROWS)
    estimator = LogisticRegression().fit(X, y)
    params = {"objective__pos_label": 2}
    local = UnlearningClassifier(estimator)
    local.set_params(**params)
    local.unlearn(X, y, sensitive_features=group)
    X, y, group = arrays(X, y, group)
    model = UnlearningClassifier(estimator).set_params(**params)
    assert_same(model.unlearn(X, y, sensitive_features=group), local)


TRAFFIC = {
    "soft": {},
    "steps": {"update": "influence"},
    "hard": {"weighting": "hard"},
    "out of reach": {"weighting__upper": 0.01, "weighting__lower": -0.01},
    "bounded utility": {
        "weighting__strength": 1.0,
        "weighting__utility_tolerance": 0.0,
    },
    "extreme": {"weighting__strength": 1e4, "weighting__lower": None},
}


def longest(values):
    """Return the length of the longest array among values."""
    if isinstance(values, np.ndarray):
        return max(values.shape, default=1)
    if isinstance(values, (list, tuple)):
        return max(map(longest, values), default=0)
    return 1


@pytest.mark.parametrize(
    ("case", "kind", "weighted"),
    [
        ("soft", UnlearningClassifier, True),
        ("steps", UnlearningClassifier, True),
        ("hard", UnlearningClassifier, True),
        ("out of reach", UnlearningClassifier, True),
        ("out of reach", UnlearningClassifierCV, False),
        ("bounded utility", UnlearningClassifier, True),
        ("extreme", UnlearningClassifier, False),
    ],
)
def test_nothing_with_an_entry_a_row_passes_the_client(
    workers, rng, monkeypatch, case, kind, weighted
):
    from skswu.rows import _dask

    params = TRAFFIC[case]
    if kind is UnlearningClassifierCV:
        params = {"strengths": 3, **params}
    n = 6000
    X = rng.normal(size=(n, 3))
    group = rng.choice(["a", "b"], n)
    y = np.where(X[:, 0] + (group == "b") + rng.logistic(size=n) > 0, "yes", "no")
    weight = rng.uniform(0.5, 2.0, n) if weighted else None
    estimator = LogisticRegression().fit(X, y, sample_weight=weight)
    local = make(estimator, kind, **params)
    model = make(estimator, kind, **params)
    told, answered, ask = [], [], _dask.DaskBlocks._ask

    def note(self, *given, each=None):
        told.append(longest([*given, each]))
        answers = ask(self, *given, each=each)
        answered.append(longest(answers))
        return answers

    monkeypatch.setattr(_dask.DaskBlocks, "_ask", note)
    dX, dy, dgroup, dweight = (
        one if one is None else da.from_array(one, chunks=(3000, -1)[: one.ndim])
        for one in (X, y, group, weight)
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        local.unlearn(X, y, sensitive_features=group, sample_weight=weight)
        model.unlearn(dX, dy, sensitive_features=dgroup, sample_weight=dweight)
    assert max(told) < 3000
    assert max(answered) <= 2**11  # of which hard weights count
    assert_same(model, local, atol=1e-8)


@pytest.mark.parametrize("kept", [slice(100, 120), slice(300, None), slice(0, 250)])
def test_partitions_may_have_no_rows(engine, data, kept):
    mask = np.zeros(N_ROWS, dtype=bool)
    mask[kept] = mask[-200:] = True
    X, y, group, weight = (one[mask] for one in data)
    estimator = LogisticRegression().fit(X, y, sample_weight=weight)
    given = {"sensitive_features": group, "sample_weight": weight}
    local = make(estimator).unlearn(X, y, **given)
    dX, dy, *others = (one[arrays(mask)[0]] for one in arrays(*data))
    given = dict(zip(given, others, strict=True))
    model = make(estimator).unlearn(dX, dy, **given)
    assert_same(model, local)
    assert_array_equal(model.predict(dX).compute(), local.predict(X))
    assert_allclose(model.score(dX, dy), local.score(X, y))
    nothing = arrays(np.zeros(N_ROWS, dtype=bool))[0]
    empty, labels, groups, _ = (one[nothing] for one in arrays(*data))
    with pytest.raises(ValueError, match="X has no rows"):
        model.unlearn(empty, labels, sensitive_features=groups)


@pytest.mark.parametrize("weighted", [False, True])
def test_accuracy_is_that_of_arrays(engine, data, weighted):
    X, y, group, weight = data
    estimator = LogisticRegression().fit(X, y)
    model = make(estimator).unlearn(X, y, sensitive_features=group)
    expected = model.score(X, y, weight if weighted else None)
    dX, dy, _, dweight = arrays(*data)
    found = model.score(dX, dy, dweight if weighted else None)
    assert_allclose(found, expected)


@pytest.mark.parametrize("objective", ["bounded_group_loss", "target_utility"])
def test_a_path_may_be_measured_by_the_objective_itself(data, objective):
    X, y, group, _ = data
    estimator = LogisticRegression().fit(X, y)
    given = {"objective": objective, "strengths": [0.0, 0.01, 0.02]}
    local = UnlearningClassifierCV(estimator, **given)
    local.unlearn(X, y, sensitive_features=group)
    model = UnlearningClassifierCV(estimator, **given)
    X, y, group = arrays(X, y, group)
    assert_same(model.unlearn(X, y, sensitive_features=group), local)
    pd.testing.assert_frame_equal(model.path_, local.path_)


@pytest.mark.parametrize(("update", "n_most"), [("one_step", 25), ("influence", 100)])
def test_messages_are_one_a_pass_and_worker(workers, data, monkeypatch, update, n_most):
    from skswu.rows import _dask

    asked = []
    ask = _dask.DaskBlocks._ask

    def note(self, method, *given, **options):
        asked.append(method)
        return ask(self, method, *given, **options)

    monkeypatch.setattr(_dask.DaskBlocks, "_ask", note)
    monkeypatch.setattr(_dask.DaskBlocks, "collect", None)  # nothing comes to here
    X, y, group, _ = data
    estimator = LogisticRegression().fit(X, y)
    X, y, group = arrays(X, y, group)
    make(estimator, update=update).unlearn(X, y, sensitive_features=group)
    assert asked.count("spread") == 0
    assert asked.count("reduce") <= n_most


def test_saved_models_hold_arrays(workers, data):
    X, y, group, _ = data
    estimator = LogisticRegression().fit(X, y)
    dX, dy, dgroup = arrays(X, y, group)
    model = make(estimator).unlearn(dX, dy, sensitive_features=dgroup)
    loaded = pickle.loads(pickle.dumps(model))
    assert_array_equal(loaded.epsilon_, model.epsilon_.compute())
    assert type(loaded.epsilon_) is np.ndarray
    assert isinstance(model.epsilon_, da.Array)
    assert model.correction_info_["n_training_rows"] == N_ROWS
    assert model.correction_info_["training_groups"] == {
        name: int((group == name).sum()) for name in "ab"
    }


def refused(match, model, data, error=TypeError):
    X, y, group, _ = data
    with pytest.raises(error, match=match):
        model.unlearn(*arrays(X, y), sensitive_features=arrays(group)[0])
    assert not hasattr(model, "estimator_")


class OwnObjective(BaseObjective):
    """A user's metric of whole arrays."""

    def bind(self, codes, classes, groups, weight):
        return OwnMetrics()


class OwnMetrics(ScoreMetrics):
    names = ["own"]

    def values(self, scores):
        return scores.mean(axis=0)[1:]

    def gradient(self, scores):
        raise NotImplementedError


@pytest.mark.parametrize(
    ("params", "match"),
    [
        ({"update": Refit()}, "Refit fits the classifier anew"),
        ({"update": FineTune()}, "FineTune moves parameters by itself"),
        (
            {
                "update": InfluenceUpdate(max_iter=3),
                "weighting": "hard",
                "objective": DemographicParity(pos_label="yes"),
            },
            "max_iter=1 takes one",
        ),
        ({"objective": AdversarialRobustness()}, "AdversarialRobustness needs"),
        ({"objective": OwnObjective()}, "OwnObjective needs .*in_blocks"),
    ],
)
def test_what_needs_whole_arrays_is_refused_in_words(data, params, match):
    X, y, *_ = data
    model = UnlearningClassifier(LogisticRegression().fit(X, y), **params)
    refused(match, model, data)


def test_bad_collections_are_refused_in_words(data):
    X, y, group, _ = data
    model = make(LogisticRegression().fit(X, y))
    dX, dy, dgroup = arrays(X, y, group)
    with pytest.raises(TypeError, match="fit takes rows in memory; got a dask Array"):
        model.fit(dX, dy, sensitive_features=dgroup)
    with pytest.raises(ValueError, match="needs sensitive_features"):
        model.unlearn(dX, dy)
    missing = group.astype(object)
    missing[[3, 700]] = None
    with pytest.raises(ValueError, match="2 missing values"):
        model.unlearn(dX, dy, sensitive_features=arrays(missing)[0])
    with pytest.raises(ValueError, match=r"y holds labels .*perhaps"):
        model.unlearn(dX, arrays(np.r_[y[:-1], ["perhaps"]])[0], sensitive_features=dX)
    with pytest.raises(ValueError, match="two groups; all 900 rows are in '0'"):
        model.unlearn(dX, dy, sensitive_features=arrays(np.zeros(N_ROWS))[0])
    many = arrays(np.arange(N_ROWS) // 1.5)[0]
    for features in ({"sensitive_features": many}, {"control_features": many}):
        with pytest.raises(ValueError, match="600 distinct values in 900 rows"):
            model.unlearn(dX, dy, **{"sensitive_features": dgroup, **features})
    bad = X.copy()
    bad[500, 1] = np.nan
    with pytest.raises(ValueError, match="contains NaN"):
        model.unlearn(arrays(bad)[0], dy, sensitive_features=dgroup)
    with pytest.raises(ValueError, match=r"[Nn]egative"):
        model.unlearn(
            dX, dy, sensitive_features=dgroup, sample_weight=arrays(-np.ones(N_ROWS))[0]
        )
    with pytest.raises(ValueError, match=r"X has 4 features"):
        model.unlearn(dX[:, :4], dy, sensitive_features=dgroup)
    with pytest.raises(ValueError, match="control_features=7 is not a column"):
        make(model.estimator, control_features=7).unlearn(
            dX, dy, sensitive_features=dgroup
        )
    with pytest.raises(ValueError, match="y must have a row for each of X; got 800"):
        model.unlearn(dX, dy[:800], sensitive_features=dgroup)
    with pytest.raises(TypeError, match="is for networks"):
        make(model.estimator, influence__parameters="last_layer").unlearn(
            dX, dy, sensitive_features=dgroup
        )
    with pytest.raises(TypeError, match="influence_ stays a dask array"):
        influence_values(model.estimator, dX, dy, sensitive_features=dgroup)
    assert not hasattr(model, "estimator_")


def test_errors_of_workers_are_those_of_the_rows(workers, data):
    X, y, group, _ = data
    bad = X.copy()
    bad[500, 1] = np.nan
    model = make(LogisticRegression().fit(X, y))
    dX, dy, dgroup = arrays(bad, y, group)
    with pytest.raises(ValueError, match="contains NaN"):
        model.unlearn(dX, dy, sensitive_features=dgroup)
    assert not hasattr(model, "estimator_")


def test_rows_of_another_fit_are_told_as_in_memory(data):
    X, y, group, _ = data
    estimator = SGDClassifier(loss="log_loss", alpha=0.01, random_state=0).fit(X, y)
    local = make(estimator).unlearn(X, y, sensitive_features=group)
    X, y, group = arrays(X, y, group)
    model = make(estimator).unlearn(X, y, sensitive_features=group)
    assert_allclose(model.training_decrement_, local.training_decrement_, rtol=1e-6)


def test_slow_workers_are_not_taken_for_lost(workers, data, monkeypatch):
    from skswu.rows import _dask

    # The client's own refresh of it knows no workers.
    info = {"workers": {}}
    monkeypatch.setattr(distributed.Client, "scheduler_info", lambda *_, **__: info)
    ask = _dask.DaskBlocks._ask

    def looking(self, *given, **options):
        self._check_workers()  # as after a long wait
        return ask(self, *given, **options)

    monkeypatch.setattr(_dask.DaskBlocks, "_ask", looking)
    X, y, group, _ = data
    estimator = LogisticRegression().fit(X, y)
    local = make(estimator).unlearn(X, y, sensitive_features=group)
    X, y, group = arrays(X, y, group)
    assert_same(make(estimator).unlearn(X, y, sensitive_features=group), local)


def kill(pid):
    os.kill(pid, signal.SIGKILL)


@pytest.fixture
def own_cluster():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with make_cluster() as cluster, distributed.Client(cluster) as client:
            yield client


def test_a_worker_that_dies_fails_the_call_and_nothing_else(
    own_cluster, data, monkeypatch
):
    from skswu.rows import _dask

    X, y, group, _ = data
    estimator = LogisticRegression().fit(X, y)
    dX, dy, dgroup = arrays(X, y, group)
    model = make(estimator)
    reduce, passes = _dask.DaskBlocks.reduce, []

    def dying(self, *calls):
        passes.append(calls)
        if len(passes) == 4:
            kill(next(iter(own_cluster.run(os.getpid).values())))
        return reduce(self, *calls)

    with monkeypatch.context() as patch:
        patch.setattr(_dask.DaskBlocks, "reduce", dying)
        with pytest.raises(_dask.WorkerLostError, match="call again"):
            model.unlearn(dX, dy, sensitive_features=dgroup)
    assert not hasattr(model, "estimator_")
    model.unlearn(dX, dy, sensitive_features=dgroup)
    local = make(estimator).unlearn(X, y, sensitive_features=group)
    assert_same(model, local)


def test_a_full_disk_leaves_rows_in_memory(data):
    X, y, group, _ = data

    # Local, so that it goes to the worker by value: the tests cannot be imported there.
    def fill_the_disk(dask_worker):
        import errno

        import zict

        def full(self, key, value):
            raise OSError(errno.ENOSPC, "No space left on device")

        zict.File.__setitem__ = full
        return type(dask_worker.memory_manager.data).__name__

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        settings = {
            "distributed.worker.memory.target": 1e-6,
            "distributed.worker.memory.spill": 1e-6,
            "distributed.worker.memory.pause": False,
            "distributed.worker.memory.terminate": False,
        }
        with (
            dask.config.set(settings),
            distributed.LocalCluster(
                n_workers=1,
                threads_per_worker=1,
                dashboard_address=None,
                memory_limit="2GiB",
            ) as cluster,
            distributed.Client(cluster) as client,
        ):
            assert set(client.run(fill_the_disk).values()) == {"SpillBuffer"}
            estimator = LogisticRegression().fit(X, y)
            local = make(estimator).unlearn(X, y, sensitive_features=group)
            dX, dy, dgroup = arrays(X, y, group)
            model = make(estimator).unlearn(dX, dy, sensitive_features=dgroup)
            assert_same(model, local)
