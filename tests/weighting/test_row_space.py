"""The span of a few rows, against dense linear algebra."""

import numpy as np
import pytest

from skswu.rows import LocalBlocks, _design
from skswu.weighting._row_space import RowSpace, TriangularFactor
from skswu.weighting._samples import Samples

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


def read(block):
    return block["rows"], -1.0, 1.0


def space_of(rows, **noted):
    blocks = LocalBlocks(np.empty((rows.shape[1], 0)), rows=rows, **noted)
    return RowSpace(Samples(blocks, len(rows), read))


def basis_of(space):
    parts = []

    def note(part):
        parts.append(space.basis @ part.rows)
        return ()

    space.samples.reduce(note)
    return np.hstack(parts)


@pytest.fixture(params=[7, 512], ids=["blocks", "one block"])
def block_length(request, monkeypatch):
    monkeypatch.setattr(_design, "_MIN_BLOCK_ROWS", request.param)
    monkeypatch.setattr(_design, "_BLOCK_ENTRIES", 1)


@pytest.mark.usefixtures("block_length")
@pytest.mark.parametrize("case", CASES)
def test_basis_is_orthonormal_and_spans_the_rows(case):
    rows, rank = CASES[case]
    space = space_of(rows)
    basis = basis_of(space)
    assert space.rank == rank
    # The basis of nearly parallel rows inherits their cancellation.
    tolerance = 1e-9 if case == "nearly parallel" else 1e-13
    np.testing.assert_allclose(basis @ basis.T, np.eye(rank), atol=tolerance)
    norms = np.linalg.norm(rows, axis=1)
    np.testing.assert_allclose(space.norms, norms, rtol=1e-13)
    unit_rows = rows / np.where(norms > 0, norms, 1)[:, None]
    np.testing.assert_allclose(space.coordinates @ basis, unit_rows, atol=1e-13)


@pytest.mark.usefixtures("block_length")
def test_space_inside_is_that_of_the_samples_at_no_side():
    outer, inner = np.ones((2, 50), dtype=np.int8)
    chosen = np.arange(0, 50, 3)
    outer[chosen] = 0
    inner[chosen[2:12]] = 0
    space = space_of(ROWS, outer=outer, inner=inner).inside("outer").inside("inner")
    columns = ROWS[:, chosen[2:12]]
    assert space.n == 10
    np.testing.assert_allclose(space.norms, np.linalg.norm(columns, axis=1))
    unit_rows = space.coordinates @ basis_of(space)
    np.testing.assert_allclose(unit_rows * space.norms[:, None], columns, atol=1e-13)


def test_space_of_no_samples_has_rank_zero():
    space = space_of(ROWS, sides=np.ones(50, dtype=np.int8)).inside("sides")
    assert (space.n, space.rank) == (0, 0)
    assert not space.norms.any()


def test_space_of_no_rows_has_rank_zero():
    space = space_of(ROWS[:0])
    assert (space.m, space.n, space.rank) == (0, 50, 0)


def test_triangular_factor_keeps_digits_that_the_product_loses():
    rows = np.vstack([ROWS[0], ROWS[0] + 1e-10 * ROWS[1]])
    factor = TriangularFactor(rows[:, :20].T) + TriangularFactor(rows[:, 20:].T)
    exact = np.linalg.svd(rows, compute_uv=False)
    found = np.linalg.svd(factor.triangle, compute_uv=False)
    np.testing.assert_allclose(found, exact, rtol=1e-4)
