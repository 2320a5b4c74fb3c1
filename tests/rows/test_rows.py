"""Rows in blocks against products of the whole matrix."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse

from skswu.linear import LogisticLoss, MultinomialLoss
from skswu.rows import LocalBlocks, RowBlocks, _design

N_ROWS, N_FEATURES = 700, 9


def dense(rng):
    return rng.normal(size=(N_ROWS, N_FEATURES))


def thin(rng):
    X = sparse.random(N_ROWS, N_FEATURES, density=0.3, format="csr", random_state=0)
    return X * 2.0


KINDS = {
    "dense": dense,
    "float32": lambda rng: dense(rng).astype(np.float32),
    "Fortran": lambda rng: np.asfortranarray(dense(rng)),
    "strided": lambda rng: rng.normal(size=(N_ROWS, 2 * N_FEATURES))[:, ::2],
    "sparse": thin,
    "very sparse": lambda rng: sparse.random(
        N_ROWS, N_FEATURES, density=0.005, format="csr", random_state=0
    ),
    "sparse float32": lambda rng: thin(rng).astype(np.float32),
    "wide": lambda rng: rng.normal(size=(N_ROWS, 230)),
}


@pytest.fixture(params=[None, 64])
def small_blocks(request, monkeypatch):
    """Cut the rows into many blocks, or into one."""
    if request.param:
        monkeypatch.setattr(_design, "_MIN_BLOCK_ROWS", request.param)
        monkeypatch.setattr(_design, "_BLOCK_ENTRIES", 1)
        monkeypatch.setattr(_design, "_ENTRIES_PER_COLUMN", 1)


def whole(X, intercept):
    X = X.toarray() if sparse.issparse(X) else X
    X = X.astype(np.float64)
    return np.column_stack([X, np.ones(len(X))]) if intercept else X


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("n_vectors", [1, 3, 7])
def test_products_are_those_of_the_whole(rng, kind, intercept, n_vectors, small_blocks):
    X = KINDS[kind](rng)
    A = whole(X, intercept)
    vectors = rng.normal(size=(n_vectors, A.shape[1]))
    factors = rng.normal(size=(n_vectors, N_ROWS))
    rows = LocalBlocks(X, intercept, factor=factors)

    def products(block):
        block["margin"] = block.margins(vectors)
        return (block.sums(block["factor"]), block.design.squares(block["factor"]))

    ((sums, squares),) = rows.reduce(products)
    assert_allclose(rows.collect("margin"), vectors @ A.T, rtol=1e-10, atol=1e-10)
    assert_allclose(sums, factors @ A, rtol=1e-10, atol=1e-10)
    assert_allclose(squares, factors @ A**2, rtol=1e-6, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("sign", ["positive", "negative", "both"])
def test_grams_take_weights_of_any_sign(rng, kind, intercept, sign, small_blocks):
    X = KINDS[kind](rng)
    A = whole(X, intercept)
    weight = rng.normal(size=N_ROWS)
    weight = {"positive": abs(weight), "negative": -abs(weight), "both": weight}[sign]
    rows = LocalBlocks(X, intercept, weight=weight)
    ((gram,),) = rows.reduce(lambda block: (block.design.gram(block.weight),))
    assert_allclose(_design.mirrored(gram), (A.T * weight) @ A, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("shape", ["lower", "upper", "full", "flat"])
def test_lengths_are_those_of_products(rng, kind, intercept, shape, small_blocks):
    X = KINDS[kind](rng)
    A = whole(X, intercept)
    root = rng.normal(size=(A.shape[1],) * 2)
    root = {"lower": np.tril(root), "upper": np.triu(root), "flat": root[:3]}.get(
        shape, root
    )
    rows = LocalBlocks(X, intercept)

    def note(block):
        block["length"] = block.design.squared_lengths(root)
        return ()

    rows.reduce(note)
    expected = np.sum((A @ root.T) ** 2, axis=1)
    assert_allclose(rows.collect("length"), expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("kind", ["dense", "float32", "sparse"])
def test_sums_of_pairs_are_grams(rng, kind, small_blocks):
    X = KINDS[kind](rng)
    A = whole(X, True)
    factors = rng.normal(size=(4, N_ROWS))
    rows = LocalBlocks(X, factor=factors)
    ((sums,),) = rows.reduce(lambda block: (block.design.pair_sums(block["factor"]),))
    row, column = np.tril_indices(A.shape[1])
    for factor, found in zip(factors, sums, strict=True):
        expected = (A.T * factor) @ A
        assert_allclose(found, expected[row, column], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("kind", ["dense", "float32", "strided"])
def test_dense_rows_are_not_copied(rng, kind, small_blocks):
    X = KINDS[kind](rng)
    for block in LocalBlocks(X).blocks:
        assert np.shares_memory(block.design.X, X)


@pytest.mark.parametrize("kind", ["sparse", "sparse float32"])
def test_sparse_rows_are_not_copied(rng, kind, small_blocks):
    X = KINDS[kind](rng)
    for block in LocalBlocks(X).blocks:
        assert np.shares_memory(block.design.X.data, X.data)
        assert np.shares_memory(block.design.X.indices, X.indices)


def test_a_memory_map_is_read_where_it_lies(rng, tmp_path, small_blocks):
    X = dense(rng)
    X.tofile(tmp_path / "rows")
    mapped = np.memmap(tmp_path / "rows", np.float64, "r", shape=X.shape)
    rows = LocalBlocks(mapped)
    assert all(isinstance(block.design.X, np.memmap) for block in rows.blocks)
    ((sums,),) = rows.reduce(lambda block: (block.sums(np.ones((1, block.n_rows))),))
    assert_allclose(sums[0, :-1], X.sum(axis=0))


def test_notes_stay_beside_their_rows(rng, small_blocks):
    rows = LocalBlocks(dense(rng))
    values = rng.normal(size=(2, N_ROWS))
    rows.spread("given", values)

    def double(block):
        block["doubled"] = 2.0 * block["given"]
        return ()

    assert rows.reduce(double) == [()]
    assert_array_equal(rows.collect("doubled"), 2.0 * values)
    assert rows.collect("nothing") is None
    beside = rows.beside(given=-values)
    beside.reduce(double)
    assert_array_equal(rows.collect("doubled"), 2.0 * values)
    assert_array_equal(beside.collect("doubled"), -2.0 * values)


def test_rows_without_weights_count_once(rng):
    (block,) = LocalBlocks(dense(rng)).blocks
    assert block.weight == block.count == 1.0
    weight = rng.uniform(size=N_ROWS)
    (block,) = LocalBlocks(dense(rng), weight=weight).blocks
    assert_array_equal(block.weight, weight)


def test_calls_of_one_pass_share_a_reading(rng, small_blocks):
    rows = LocalBlocks(dense(rng))
    order = []
    calls = [
        lambda block, k=k: order.append((block.rows.start, k)) or (1,) for k in "ab"
    ]
    assert rows.reduce(*calls) == [(len(rows.blocks),)] * 2
    assert order == sorted(order)


def test_local_rows_are_what_the_protocol_asks(rng):
    assert isinstance(LocalBlocks(dense(rng)), RowBlocks)


@pytest.mark.parametrize("n_classes", [3, 6])
def test_hessians_of_many_classes_are_the_sums_over_rows(rng, n_classes, small_blocks):
    X, codes = dense(rng), rng.integers(0, n_classes, N_ROWS)
    A, loss = whole(X, True), MultinomialLoss()
    weight = rng.uniform(size=N_ROWS)
    z = rng.normal(size=(n_classes, N_ROWS))
    _, _, p = loss.derivatives(codes, z)
    rows = LocalBlocks(X, p=p, weight=weight)
    ((hessian,),) = rows.reduce(
        lambda block: (loss.hessian(block.design, block["p"], block.weight),)
    )
    in_margins = p[:, None] * (np.eye(n_classes)[:, :, None] - p[None])
    expected = np.einsum("kjn,n,na,nb->kajb", in_margins, weight, A, A)
    assert_allclose(hessian, expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("shape", [(1, 50), (3, 50), (4, 1, 50), (4, 3, 50)])
@pytest.mark.parametrize("loss", [LogisticLoss(), MultinomialLoss()])
def test_losses_of_many_models_are_those_of_each(rng, shape, loss):
    if shape[-2] == 1 and not loss.separable:
        pytest.skip("several classes have several margins")
    codes = rng.integers(0, max(shape[-2], 2), 50)
    z = 3.0 * rng.normal(size=shape)
    many = loss.derivatives(codes, z)
    for index in np.ndindex(shape[:-2]):
        for all_of, one in zip(many, loss.derivatives(codes, z[index]), strict=True):
            assert_allclose(all_of[index], one, rtol=1e-14, atol=1e-16)


def test_what_the_logistic_loss_shares_is_what_it_has_apart(rng):
    m = np.append(20.0 * rng.normal(size=200), [-800.0, 0.0, 800.0])
    loss = LogisticLoss()
    together = loss.all_of_margin(m)
    apart = loss.of_margin(m), loss.first_of_margin(m), loss.second_of_margin(m)
    for one, other in zip(together, apart, strict=True):
        assert_allclose(one, other, rtol=1e-13, atol=1e-15)
