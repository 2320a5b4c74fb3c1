"""Memory maps give what arrays give, and are not copied."""

import tracemalloc

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression, RidgeClassifier, SGDClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from skswu import UnlearningClassifier, UnlearningClassifierCV
from skswu.exceptions import CopiedRowsWarning
from skswu.inspection import influence_values, leave_one_out
from skswu.rows import BroughtBlocks, BroughtRows, LocalBlocks, RowBlocks, _design

N_ROWS, N_FEATURES = 5_000, 100


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch):
    monkeypatch.setattr(_design, "_BLOCK_ENTRIES", 2**14)
    monkeypatch.setattr(_design, "_MIN_BLOCK_ROWS", 64)


def mapped(array, path):
    array.tofile(path)
    return np.memmap(path, array.dtype, "r", shape=array.shape)


@pytest.fixture(params=["float64", "sparse"])
def pair(request, rng, tmp_path):
    """An X in memory, and the same in memory maps."""
    X = rng.normal(size=(N_ROWS, N_FEATURES))
    if request.param == "float64":
        return X, mapped(X, tmp_path / "X")
    X = sparse.csr_array(X * (rng.uniform(size=X.shape) < 0.5))
    parts = [mapped(getattr(X, k), tmp_path / k) for k in ("data", "indices", "indptr")]
    return X, sparse.csr_array(tuple(parts), shape=X.shape)


@pytest.fixture
def labels(pair, rng):
    X = pair[0]
    group = rng.integers(0, 2, N_ROWS)
    margin = X @ rng.normal(size=N_FEATURES) * 0.1 + 0.5 * group
    return (margin + rng.logistic(size=N_ROWS) > 0).astype(int), group


def size(X):
    return X.data.nbytes + X.indices.nbytes if sparse.issparse(X) else X.nbytes


def assert_same(model, expected, atol=1e-9):
    assert_allclose(model.estimator_.coef_, expected.estimator_.coef_, atol=atol)
    assert_allclose(model.epsilon_, expected.epsilon_, atol=atol)
    assert_array_equal(model.train_indices_, expected.train_indices_)


@pytest.mark.parametrize("kind", [UnlearningClassifier, UnlearningClassifierCV])
def test_unlearn_gives_what_it_gives_in_memory(pair, labels, kind):
    (X, on_disk), (y, group) = pair, labels
    model = kind(LogisticRegression().fit(X, y))
    if kind is UnlearningClassifierCV:
        model.set_params(strengths=5)
    expected = (
        clone(model)
        .set_params(estimator=model.estimator)
        .unlearn(X, y, sensitive_features=group)
    )
    assert_same(model.unlearn(on_disk, y, sensitive_features=group), expected)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("estimator", [LogisticRegression(tol=1e-8), RidgeClassifier()])
def test_rows_are_held_out_where_they_lie(pair, labels, rng, estimator, weighted):
    (X, on_disk), (y, group) = pair, labels
    weight = rng.uniform(size=N_ROWS) if weighted else None
    given = {"sensitive_features": group, "sample_weight": weight}
    # These few rows are one block, of which several steps take a copy.
    options = {"validation_fraction": 0.2, "random_state": 0, "update": "one_step"}
    expected = UnlearningClassifier(estimator, **options).fit(X, y, **given)
    model = UnlearningClassifier(estimator, **options)
    tracemalloc.start()
    model.fit(on_disk, y, **given)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert_same(model, expected, atol=1e-5)
    assert_allclose(model.objective_after_, expected.objective_after_, atol=1e-4)
    if isinstance(estimator, LogisticRegression):  # which copies nothing itself
        assert peak < 0.8 * size(X)


def test_folds_are_read_where_they_lie(pair, labels):
    (X, on_disk), (y, group) = pair, labels
    given = {"cv": 2, "strengths": 3, "random_state": 0}
    estimator = LogisticRegression(tol=1e-8)
    expected = UnlearningClassifierCV(estimator, **given)
    expected.fit(X, y, sensitive_features=group)
    model = UnlearningClassifierCV(estimator, **given)
    tracemalloc.start()
    model.fit(on_disk, y, sensitive_features=group)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 0.9 * size(X)
    assert_allclose(model.path_["disparity"], expected.path_["disparity"], atol=1e-3)


def test_a_tuned_threshold_reads_a_memory_map(pair, labels):
    (_, on_disk), (y, group) = pair, labels
    model = UnlearningClassifierCV(
        LogisticRegression(), strengths=3, tune_threshold=True, random_state=0
    )
    model.fit(on_disk, y, sensitive_features=group)
    assert model.predict(on_disk[:10]).shape == (10,)


def test_transformers_are_applied_by_blocks(pair, labels):
    (X, on_disk), (y, group) = pair, labels
    scaler = StandardScaler(with_mean=not sparse.issparse(X))
    pipeline = make_pipeline(scaler, LogisticRegression()).fit(X, y)
    expected = UnlearningClassifier(pipeline, update="one_step")
    expected.unlearn(X, y, sensitive_features=group)
    model = UnlearningClassifier(pipeline, update="one_step")
    tracemalloc.start()
    model.unlearn(on_disk, y, sensitive_features=group)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    last, wanted = model.estimator_[-1], expected.estimator_[-1]
    assert_allclose(last.coef_, wanted.coef_, atol=1e-6)
    assert_allclose(model.epsilon_, expected.epsilon_, atol=1e-6)
    assert peak < 0.8 * size(X)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"tune_threshold": True},
        {"disparity": "calibration_in_the_large_difference"},
    ],
)
def test_rows_that_are_left_out_are_asked_together(pair, labels, options):
    (X, on_disk), (y, group) = pair, labels
    scaler = StandardScaler(with_mean=not sparse.issparse(X))
    pipeline = make_pipeline(scaler, LogisticRegression()).fit(X, y)
    given = {"strengths": [0.0, 0.1], "validation_fraction": "auto", **options}
    found, expected = (
        UnlearningClassifierCV(pipeline, **given).unlearn(
            rows, y, sensitive_features=group
        )
        for rows in (on_disk, X)
    )
    assert_allclose(found.path_["disparity"], expected.path_["disparity"], atol=1e-9)
    assert_allclose(found.path_["utility"], expected.path_["utility"], atol=1e-9)


def test_transformers_that_may_look_around_are_told(pair, labels):
    (_, on_disk), (y, group) = pair, labels
    pipeline = make_pipeline(FunctionTransformer(), LogisticRegression())
    model = UnlearningClassifier(pipeline.fit(on_disk, y))
    with pytest.warns(CopiedRowsWarning, match=f"FunctionTransformer.* {N_ROWS} rows"):
        model.unlearn(on_disk, y, sensitive_features=group)


def test_estimators_that_need_copies_are_told(pair, labels):
    (_, on_disk), (y, group) = pair, labels
    estimator = SGDClassifier(loss="log_loss", alpha=1e-2, random_state=0)
    model = UnlearningClassifier(estimator, validation_fraction=0.2, random_state=0)
    with pytest.warns(CopiedRowsWarning, match="The fit of a SGDClassifier"):
        model.fit(on_disk, y, sensitive_features=group)


def test_questions_about_samples_take_a_memory_map(pair, labels):
    (X, on_disk), (y, group) = pair, labels
    model = UnlearningClassifier(LogisticRegression(tol=1e-10), random_state=0)
    model.fit(on_disk, y, sensitive_features=group)
    found = [
        influence_values(model, rows, y, sensitive_features=group)
        for rows in (on_disk, X)
    ]
    assert_allclose(found[0], found[1], atol=1e-9)
    found = [
        leave_one_out(model, rows, y, sensitive_features=group, indices=[1, 5])
        for rows in (on_disk, X)
    ]
    assert_allclose(found[0], found[1], atol=1e-7)


def test_brought_rows_are_what_the_protocol_asks(pair, rng):
    X, on_disk = pair
    some = np.flatnonzero(rng.uniform(size=N_ROWS) < 0.5)
    rows = BroughtBlocks(BroughtRows(on_disk, some), True)
    assert isinstance(rows, RowBlocks)
    local = LocalBlocks(X[some], True)
    vectors = rng.normal(size=(2, N_FEATURES + 1))

    def products(block):
        block["margin"] = block.margins(vectors)
        return (block.design.gram(np.ones(block.n_rows)),)

    ((gram,),), ((expected,),) = rows.reduce(products), local.reduce(products)
    assert_allclose(gram, expected)
    assert_allclose(rows.collect("margin"), local.collect("margin"))
    assert_allclose(rows.dense_rows([3, 7]), local.dense_rows([3, 7]))
