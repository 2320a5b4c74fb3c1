"""The span of a few rows, against dense linear algebra."""

import numpy as np
import pytest

from skswu.weighting import _row_space
from skswu.weighting._row_space import RowSpace, triangular_factor

ROWS = np.random.default_rng(0).normal(size=(4, 50))
CASES = {
    "independent": (ROWS, 4),
    "parallel": (ROWS[[0, 1, 0]] * [[1], [1], [-3]], 2),
    "dependent": (np.vstack([ROWS[:3], ROWS[:3].sum(axis=0)]), 3),
    "zero row": (ROWS * [[1], [0], [1], [1]], 3),
    "all zero": (0 * ROWS, 0),
    "badly scaled": (ROWS * [[1e9], [1e-9], [1], [1e3]], 4),
    "more rows than columns": (ROWS[:, :2], 2),
    "nearly parallel": (np.vstack([ROWS[:1], ROWS[:1] + 1e-6 * ROWS[1:2]]), 2),
    "parallel up to rounding": (np.vstack([ROWS[:1], ROWS[:1] + 1e-15 * ROWS[1]]), 1),
}


@pytest.fixture(params=[7, 32768], ids=["blocks", "one block"])
def block_length(request, monkeypatch):
    monkeypatch.setattr(_row_space, "BLOCK_LENGTH", request.param)


@pytest.mark.usefixtures("block_length")
@pytest.mark.parametrize("case", CASES)
def test_basis_is_orthonormal_and_spans_the_rows(case):
    rows, rank = CASES[case]
    space = RowSpace(rows)
    basis = np.hstack([block for _, block in space.blocks()])
    assert space.rank == rank
    # The basis of nearly parallel rows inherits their cancellation.
    tolerance = 1e-9 if case == "nearly parallel" else 1e-13
    np.testing.assert_allclose(basis @ basis.T, np.eye(rank), atol=tolerance)
    norms = np.linalg.norm(rows, axis=1)
    np.testing.assert_allclose(space.norms, norms, rtol=1e-13)
    unit_rows = rows / np.where(norms > 0, norms, 1)[:, None]
    np.testing.assert_allclose(space.coordinates @ basis, unit_rows, atol=1e-13)


@pytest.mark.usefixtures("block_length")
def test_blocks_cover_the_columns_in_order():
    columns = [columns for columns, _ in RowSpace(ROWS).blocks()]
    covered = np.concatenate([np.arange(50)[column] for column in columns])
    np.testing.assert_array_equal(covered, np.arange(50))


@pytest.mark.usefixtures("block_length")
def test_restricted_space_is_that_of_the_columns():
    chosen = np.arange(0, 50, 3)
    inner = RowSpace(ROWS).restricted(chosen).restricted(np.arange(2, 12))
    columns = ROWS[:, chosen[2:12]]
    basis = np.hstack([block for _, block in inner.blocks()])
    np.testing.assert_allclose(inner.norms, np.linalg.norm(columns, axis=1))
    unit_rows = inner.coordinates @ basis
    np.testing.assert_allclose(unit_rows * inner.norms[:, None], columns, atol=1e-13)
    vector = np.arange(10.0)
    np.testing.assert_allclose(inner.products(vector), columns @ vector)


def test_space_of_no_columns_has_rank_zero():
    inner = RowSpace(ROWS).restricted(np.arange(0))
    assert (inner.n, inner.rank) == (0, 0)
    assert not inner.norms.any()
    assert not inner.products(np.zeros(0)).any()


def test_rows_are_not_modified():
    rows = ROWS.copy()
    rows.setflags(write=False)
    list(RowSpace(rows).blocks())
    np.testing.assert_array_equal(rows, ROWS)


def test_triangular_factor_keeps_digits_that_the_product_loses():
    rows = np.vstack([ROWS[0], ROWS[0] + 1e-10 * ROWS[1]])
    factor = triangular_factor([rows[:, :20], rows[:, 20:]], 2)
    exact = np.linalg.svd(rows, compute_uv=False)
    found = np.linalg.svd(factor, compute_uv=False)
    np.testing.assert_allclose(found, exact, rtol=1e-4)
