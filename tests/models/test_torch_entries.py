"""Some entries of a network's parameters, solved for as all of them are."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from skorch import NeuralNetClassifier
from torch import nn

from skswu.influence import ConjugateGradient, Nystrom
from skswu.influence._block_conjugate_gradient import BlockConjugateGradientInverse
from skswu.models import make_model_view

N_SAMPLES = 40


@pytest.fixture
def problem(rng):
    """The curvature of some entries, a dense one, and which entries."""
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)
    X, y = rng.standard_normal((N_SAMPLES, 3)), rng.integers(2, size=N_SAMPLES)
    module = nn.Sequential(nn.Linear(3, 6), nn.Tanh(), nn.Linear(6, 2))
    net = NeuralNetClassifier(
        module, criterion=nn.CrossEntropyLoss, train_split=None, verbose=0, max_epochs=2
    )
    view = make_model_view(net.fit(X, y))
    rows = view.training_rows(X, y)
    entries = torch.as_tensor(rng.uniform(size=len(view.parameters)) < 0.7)
    some = view.of_entries(entries, view.parameters)
    ((_, dense),) = view.curvature(rows, view.parameters, rows.weight).dense_blocks()
    yield some.curvature(rows, some.parameters, rows.weight), dense, entries.numpy()
    torch.set_default_dtype(torch.float32)


@pytest.mark.parametrize("solver", [ConjugateGradient(1e-12), Nystrom(4, 1e-12)])
def test_solutions_are_those_of_a_dense_matrix(problem, solver, rng):
    operator, dense, entries = problem
    right = rng.standard_normal((entries.sum(), 2))
    inverse = solver.prepare(operator, damping=0.5)
    found = inverse.solve(torch.as_tensor(right)).vectors
    damped = dense[np.ix_(entries, entries)] + 0.5 * np.eye(entries.sum())
    assert_allclose(found, np.linalg.solve(damped, right), rtol=1e-8, atol=1e-10)


def test_entries_share_one_space_that_later_solves_recycle(problem, rng):
    operator, _, entries = problem
    right = torch.as_tensor(rng.standard_normal((entries.sum(), 2)))
    first = ConjugateGradient(1e-8).prepare(operator, damping=0.5)
    assert isinstance(first, BlockConjugateGradientInverse)
    n_products = first.solve(right).n_products
    again = ConjugateGradient(1e-8).prepare(operator, damping=0.5)
    again.recycle(first)
    assert again.solve(right).n_products < n_products


def test_a_random_block_is_orthonormal(problem):
    operator, _, entries = problem
    block = operator.random_block(np.random.RandomState(0), 4)
    assert block.shape == (entries.sum(), 4)
    assert_allclose(block.T @ block, np.eye(4), atol=1e-12)
