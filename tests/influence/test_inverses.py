"""Inverses of a known matrix against a dense solve."""

import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.exceptions import ConvergenceWarning

from skswu.exceptions import SingularCurvatureWarning
from skswu.influence import (
    ConjugateGradient,
    ConjugateGradientInverse,
    CurvatureOperator,
    Direct,
    DirectInverse,
    Lissa,
    LissaInverse,
    Nystrom,
    NystromInverse,
    make_inverse_curvature,
)

N_PARAMETERS = 40


class MatrixOperator(CurvatureOperator):
    """A matrix that is the mean of those of several batches."""

    def __init__(self, matrix, noise=()):
        self.matrix = matrix
        self.noise = [*noise, -sum(noise)] if len(noise) else []
        self.n_parameters = len(matrix)
        self.n_columns = 0

    def product(self, vectors):
        self.n_columns += vectors.shape[1]
        return self.matrix @ vectors

    def batch_products(self):
        yield from super().batch_products() if not self.noise else ()
        for noise in self.noise:
            yield lambda vectors, noise=noise: (self.matrix + noise) @ vectors


def decaying_matrix(rng, smallest=1e-4):
    basis = np.linalg.qr(rng.standard_normal((N_PARAMETERS, N_PARAMETERS)))[0]
    return (basis * np.geomspace(1.0, smallest, N_PARAMETERS)) @ basis.T


@pytest.fixture
def right(rng):
    return rng.standard_normal((N_PARAMETERS, 3)) * [1.0, 1e-3, 1e3]


@pytest.mark.parametrize(
    "solver",
    [
        Direct(),
        ConjugateGradient(tol=1e-10),
        Nystrom(tol=1e-10, random_state=0),
        Lissa(tol=1e-10, random_state=0),
    ],
)
def test_solution(rng, right, solver):
    matrix = decaying_matrix(rng)
    inverse = make_inverse_curvature(solver, MatrixOperator(matrix), damping=0.05)
    solution = inverse.solve(right)
    expected = np.linalg.solve(matrix + 0.05 * np.eye(N_PARAMETERS), right)
    error = np.linalg.norm(solution.vectors - expected, axis=0)
    assert (error < 1e-6 * np.linalg.norm(expected, axis=0)).all()
    if isinstance(solver, Direct):
        assert solution.relative_residual is None
        assert solution.n_products == 0
    else:
        assert 0 < solution.relative_residual <= 1e-10
        assert solution.n_products > 0


@pytest.mark.parametrize(
    ("name", "kind", "least"),
    [
        ("direct", DirectInverse, 0.0),
        ("conjugate_gradient", ConjugateGradientInverse, 1e-7),
        ("nystrom", NystromInverse, 0.0),  # of full rank here, and exact at once
        ("lissa", LissaInverse, 1e-7),
    ],
)
def test_names_stand_for_solvers_at_the_tolerance_of_the_model(
    rng, right, name, kind, least
):
    operator = MatrixOperator(decaying_matrix(rng))
    inverse = make_inverse_curvature(name, operator, damping=0.05, default_tol=1e-3)
    assert type(inverse) is kind
    solution = inverse.solve(right)
    reached = np.linalg.norm(
        right - operator.matrix @ solution.vectors - 0.05 * solution.vectors, axis=0
    ) / np.linalg.norm(right, axis=0)
    assert least <= reached.max() <= 1e-3
    if name != "direct":
        told = solution.relative_residual
        assert told == pytest.approx(reached.max(), rel=1e-6, abs=1e-12)


@pytest.mark.parametrize("solver", [ConjugateGradient(), Nystrom(random_state=0)])
def test_zero_right_hand_side(rng, right, solver):
    right[:, 1] = 0.0
    operator = MatrixOperator(decaying_matrix(rng))
    inverse = make_inverse_curvature(solver, operator, damping=0.05)
    solution = inverse.solve(right).vectors
    assert (solution[:, 1] == 0).all()
    assert np.isfinite(solution).all()


def test_solved_right_hand_sides_are_multiplied_no_more(rng, right):
    operator = MatrixOperator(decaying_matrix(rng))
    # One eigenvector is solved in a step.
    right[:, 0] = np.linalg.eigh(operator.matrix)[1][:, -1]
    inverse = ConjugateGradientInverse(operator, damping=0.05, tol=1e-8)
    solution = inverse.solve(right)
    assert operator.n_columns <= 2 * solution.n_products + 1


def test_nystrom_needs_fewer_products(rng, right):
    matrix = decaying_matrix(rng, 1e-6)
    plain, sketched = (
        solver.prepare(MatrixOperator(matrix), damping=1e-4).solve(right)
        for solver in (ConjugateGradient(), Nystrom(rank=20, random_state=0))
    )
    assert_allclose(sketched.vectors, plain.vectors, rtol=1e-4)
    assert sketched.n_products < 0.7 * plain.n_products


def test_nystrom_of_full_rank_is_exact(rng, right):
    inverse = NystromInverse(
        MatrixOperator(decaying_matrix(rng)), damping=0.01, rank=100, random_state=0
    )
    assert inverse.solve(right).n_products <= 2


def test_nystrom_of_a_low_rank_matrix(rng):
    factor = rng.standard_normal((N_PARAMETERS, 5))
    matrix = factor @ factor.T
    right = rng.standard_normal((N_PARAMETERS, 2))
    inverse = NystromInverse(
        MatrixOperator(matrix), damping=0.1, rank=20, random_state=0
    )
    expected = np.linalg.solve(matrix + 0.1 * np.eye(N_PARAMETERS), right)
    assert_allclose(inverse.solve(right).vectors, expected, rtol=1e-6, atol=1e-6)


def test_same_random_state_same_solution(rng, right):
    matrix = decaying_matrix(rng)
    for solver in (Nystrom(tol=1e-3, random_state=7), Lissa(tol=1e-3, random_state=7)):
        first, second = (
            solver.prepare(MatrixOperator(matrix), damping=0.1).solve(right).vectors
            for _ in range(2)
        )
        assert (first == second).all()


def test_lissa_converges_although_batches_differ(rng, right):
    matrix = decaying_matrix(rng)
    noise = rng.standard_normal((4, N_PARAMETERS, N_PARAMETERS)) / 200.0
    operator = MatrixOperator(matrix, list(noise + noise.transpose(0, 2, 1)))
    inverse = LissaInverse(operator, damping=0.1, tol=1e-8, random_state=0)
    expected = np.linalg.solve(matrix + 0.1 * np.eye(N_PARAMETERS), right)
    assert_allclose(inverse.solve(right).vectors, expected, rtol=1e-5)


def test_lissa_that_diverges_says_so_and_returns_what_it_had(rng, right):
    matrix = decaying_matrix(rng)
    inverse = LissaInverse(MatrixOperator(matrix), damping=0.1, random_state=0)
    inverse.scale = 0.02  # far below the largest eigenvalue
    with pytest.warns(ConvergenceWarning, match="relative residual of"):
        solution = inverse.solve(right)
    assert np.isfinite(solution.vectors).all()
    assert np.isfinite(solution.relative_residual)


@pytest.mark.parametrize(
    "solver", [ConjugateGradient(max_iter=1), Lissa(max_iter=1, random_state=0)]
)
def test_too_few_iterations_are_told_with_the_residual(rng, right, solver):
    operator = MatrixOperator(decaying_matrix(rng))
    inverse = make_inverse_curvature(solver, operator, damping=1e-6)
    with pytest.warns(ConvergenceWarning, match="relative residual of"):
        solution = inverse.solve(right)
    vectors = solution.vectors
    left = right - operator.matrix @ vectors - 1e-6 * vectors
    reached = np.linalg.norm(left, axis=0) / np.linalg.norm(right, axis=0)
    assert solution.relative_residual == pytest.approx(reached.max(), rel=1e-6)


@pytest.mark.parametrize(
    "solver", [Direct(), ConjugateGradient(), Nystrom(random_state=0)]
)
def test_negative_curvature_is_told(rng, right, solver):
    matrix = decaying_matrix(rng) - 0.1 * np.eye(N_PARAMETERS)
    with pytest.warns(ConvergenceWarning, match="negative curvature"):
        make_inverse_curvature(solver, MatrixOperator(matrix)).solve(right)


@pytest.mark.parametrize("solver", ["direct", "conjugate_gradient"])
def test_no_step_follows_negative_curvature(rng, right, solver):
    """Both steps go down: along neither is the matrix's quadratic form negative."""
    matrix = decaying_matrix(rng) - 0.1 * np.eye(N_PARAMETERS)
    with pytest.warns(ConvergenceWarning, match="negative curvature"):
        found = make_inverse_curvature(solver, MatrixOperator(matrix)).solve(right)
    solution = found.vectors
    assert ((solution * (matrix @ solution)).sum(axis=0) >= 0).all()
    assert ((solution * right).sum(axis=0) > 0).all()


def test_negative_curvature_makes_lissa_say_so(rng, right):
    matrix = decaying_matrix(rng) - 0.1 * np.eye(N_PARAMETERS)
    inverse = LissaInverse(MatrixOperator(matrix), random_state=0)
    with pytest.warns(ConvergenceWarning, match="relative residual of"):
        inverse.solve(right)


def test_direct_solves_a_singular_matrix_in_its_range(rng):
    factor = rng.standard_normal((N_PARAMETERS, 5))
    matrix = factor @ factor.T
    right = matrix @ rng.standard_normal((N_PARAMETERS, 2))
    with pytest.warns(SingularCurvatureWarning, match="rank is 5 of 40"):
        inverse = DirectInverse(MatrixOperator(matrix))
    assert_allclose(matrix @ inverse.solve(right).vectors, right, atol=1e-8)


def test_auto_is_direct_up_to_the_operators_size(rng):
    operator = MatrixOperator(decaying_matrix(rng))
    assert isinstance(make_inverse_curvature("auto", operator), DirectInverse)
    operator.max_direct_size = N_PARAMETERS - 1
    inverse = make_inverse_curvature("auto", operator)
    assert isinstance(inverse, ConjugateGradientInverse)


def test_dense_block_is_made_of_products(rng):
    matrix = decaying_matrix(rng)
    ((indices, block),) = MatrixOperator(matrix).dense_blocks()
    assert_allclose(block, matrix[indices])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        DirectInverse(MatrixOperator(matrix))
