"""Solves in one Krylov space of all right-hand sides, against dense ones."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.exceptions import ConvergenceWarning

from skswu.influence import (
    ConjugateGradient,
    CurvatureOperator,
    make_inverse_curvature,
)
from skswu.influence._block_conjugate_gradient import BlockConjugateGradientInverse

N_PARAMETERS = 60
DAMPING = 0.05


class KeptOperator(CurvatureOperator):
    """A matrix whose products are dear."""

    def __init__(self, matrix, n_kept=60):
        self.matrix = matrix
        self.n_parameters = len(matrix)
        self.n_kept_vectors = n_kept
        self.n_columns = 0

    def product(self, vectors):
        self.n_columns += vectors.shape[1]
        return self.matrix @ vectors


@pytest.fixture
def matrix(rng):
    basis = np.linalg.qr(rng.standard_normal((N_PARAMETERS, N_PARAMETERS)))[0]
    return (basis * np.geomspace(100.0, 1e-4, N_PARAMETERS)) @ basis.T


def solved(matrix, right, damping=DAMPING):
    return np.linalg.solve(matrix + damping * np.eye(len(matrix)), right)


def inverse_of(operator, tol=1e-9, **options):
    solver = ConjugateGradient(tol=tol, **options)
    inverse = make_inverse_curvature(solver, operator, damping=DAMPING)
    assert isinstance(inverse, BlockConjugateGradientInverse)
    return inverse


@pytest.mark.parametrize("n_kept", [12, 24, 60])
@pytest.mark.parametrize("scales", [[1.0], [1.0, 1e-3, 1e3], [1.0, 0.0]])
def test_solution(matrix, rng, n_kept, scales):
    right = rng.standard_normal((N_PARAMETERS, len(scales))) * scales
    solution = inverse_of(KeptOperator(matrix, n_kept)).solve(right)
    assert_allclose(solution.vectors, solved(matrix, right), atol=1e-6 * max(scales))
    left = right - (matrix + DAMPING * np.eye(len(matrix))) @ solution.vectors
    sizes = np.linalg.norm(left, axis=0) / np.where(np.array(scales) > 0, scales, 1.0)
    assert sizes.max() < 1e-7


def test_right_hand_sides_that_depend_on_each_other(matrix, rng):
    right = rng.standard_normal((N_PARAMETERS, 1)) * [1.0, -2.0]
    solution = inverse_of(KeptOperator(matrix)).solve(right)
    assert_allclose(solution.vectors, solved(matrix, right), atol=1e-7)


def test_a_shared_space_takes_fewer_products_than_two(matrix, rng):
    right = rng.standard_normal((N_PARAMETERS, 4))
    together, alone = KeptOperator(matrix), KeptOperator(matrix, n_kept=0)
    inverse_of(together, tol=1e-3).solve(right)
    solver = ConjugateGradient(tol=1e-3)
    make_inverse_curvature(solver, alone, damping=DAMPING).solve(right)
    assert together.n_columns < 0.75 * alone.n_columns


def test_a_solve_nearby_profits_from_an_earlier_one(matrix, rng):
    right, other = rng.standard_normal((2, N_PARAMETERS, 2))
    first = inverse_of(KeptOperator(matrix))
    first.solve(right)
    near = matrix + 0.05 * np.diag(np.diag(matrix))
    counts = {}
    for is_recycled in (False, True):
        operator = KeptOperator(near)
        inverse = inverse_of(operator, tol=1e-4)
        if is_recycled:
            inverse.recycle(first)
        solution = inverse.solve(other)
        counts[is_recycled] = operator.n_columns
        assert_allclose(solution.vectors, solved(near, other), atol=5e-2)
        assert solution.relative_residual <= 1e-4
        left = other - (near + DAMPING * np.eye(len(near))) @ solution.vectors
        sizes = np.linalg.norm(left, axis=0) / np.linalg.norm(other, axis=0)
        assert_allclose(sizes.max(), solution.relative_residual, rtol=1e-3)
    assert counts[True] < 0.7 * counts[False]
    third = inverse_of(KeptOperator(near))
    third.recycle(inverse)  # which hands on what it was given
    assert third.ritz_pairs() is not None


def test_negative_curvature_is_told(matrix, rng):
    matrix -= 1.0 * np.eye(N_PARAMETERS)
    right = rng.standard_normal((N_PARAMETERS, 2))
    with pytest.warns(ConvergenceWarning, match="negative curvature"):
        inverse_of(KeptOperator(matrix)).solve(right)


def test_a_limit_of_products_is_told(matrix, rng):
    right = rng.standard_normal((N_PARAMETERS, 1))
    with pytest.warns(ConvergenceWarning, match="in 3 products"):
        inverse_of(KeptOperator(matrix), max_iter=3).solve(right)
