"""Rows of a network as a row store: the protocol, and passes of linear models on it."""

from functools import partial

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from skorch import NeuralNetClassifier
from torch import nn

from skswu.linear import MultinomialLoss
from skswu.linear import _passes as passes
from skswu.models import make_model_view
from skswu.rows import RowBlocks
from skswu.weighting._changes import Changes

N_SAMPLES, N_CLASSES = 30, 3


@pytest.fixture(autouse=True)
def double_precision():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


@pytest.fixture
def fitted(rng):
    """A view of a net on a few rows, read in batches of seven."""
    torch.manual_seed(0)
    X, y = rng.standard_normal((N_SAMPLES, 4)), rng.integers(N_CLASSES, size=N_SAMPLES)
    module = nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, N_CLASSES))
    net = NeuralNetClassifier(
        module,
        criterion=nn.CrossEntropyLoss,
        train_split=None,
        verbose=0,
        max_epochs=2,
        iterator_valid__batch_size=7,
    ).fit(X, y)
    view = make_model_view(net)
    weight = rng.uniform(0.5, 2.0, N_SAMPLES)
    return view, view.training_rows(X, y, weight), X, y


def dense(view, X, y):
    """Return margins, losses and the Jacobian (n, K, P) of the margins, by autodiff."""
    network, inputs = view.network, torch.as_tensor(X)
    names, module = network.names, network.net.module_

    def margins(vector):
        pieces = dict(zip(names, network.split(vector), strict=True))
        return torch.func.functional_call(module, pieces, (inputs,))

    z = margins(view.parameters)
    jacobian = torch.func.jacrev(margins)(view.parameters)
    losses = nn.functional.cross_entropy(z, torch.as_tensor(y), reduction="none")
    return z.detach().numpy(), losses.detach().numpy(), jacobian.detach().numpy()


def slopes_of(z, y):
    probability = np.exp(z - z.max(1, keepdims=True))
    probability /= probability.sum(1, keepdims=True)
    return probability - np.eye(N_CLASSES)[y], probability


def test_rows_of_a_network_keep_to_the_protocol(fitted):
    view, rows, _, y = fitted
    for store in (rows, rows.at(view.network, view.parameters)):
        assert isinstance(store, RowBlocks)
        assert store.n_rows == N_SAMPLES
        assert_array_equal(store.hand_over("code"), y)
        assert "given" not in store
        assert store.collect("given") is None
        store.spread("given", np.arange(2.0 * N_SAMPLES).reshape(2, -1))
        ((total,),) = store.reduce(lambda block: (block["given"].sum(axis=1),))
        assert_allclose(total, store.collect("given").sum(axis=1))
        beside = store.beside(given=np.ones(N_SAMPLES), left_out=None)
        assert "left_out" not in beside
        assert "code" not in beside
        ((total,),) = beside.reduce(lambda block: (block["given"].sum(),))
        assert total == N_SAMPLES
        beside.spread("more", np.zeros(N_SAMPLES))
        assert "more" not in store
        apart = store.apart("code", kept="given")
        assert_array_equal(apart.collect("kept"), store.collect("given"))
        assert "weight" in store.apart()
        store.forget("given", "unknown")
        assert "given" not in store


def test_blocks_share_out_the_rows_with_their_weights(fitted):
    _, rows, X, _ = fitted
    seen = []

    def call(block):
        seen.append(block.n_rows)
        assert_allclose(block.inputs, X[block.rows])
        block["double"] = 2.0 * block.weight
        return (block.weight.sum(), block.count)

    ((total, n_blocks),) = rows.reduce(call)
    assert seen == [7, 7, 7, 7, 2]
    assert n_blocks == 5
    assert_allclose(total, rows.weight.sum())
    assert_allclose(rows.collect("double"), 2.0 * rows.weight)


def test_blocks_multiply_with_the_jacobian(fitted, rng):
    view, rows, X, y = fitted
    at = rows.at(view.network, view.parameters)
    jacobian = dense(view, X, y)[2]
    vectors = rng.standard_normal((2, len(view.parameters)))
    factors = rng.standard_normal((2, N_CLASSES, N_SAMPLES))

    def call(block):
        block["moved"] = block.margins(torch.as_tensor(vectors))
        return (
            block.sums(factors[..., block.rows]),
            block.sums(factors[0][:, block.rows]),
        )

    ((many, one),) = at.reduce(call)
    assert_allclose(
        rows.collect("moved"), np.einsum("nkp,mp->mkn", jacobian, vectors), atol=1e-12
    )
    expected = np.einsum("nkp,mkn->mp", jacobian, factors)
    assert_allclose(many, expected, atol=1e-12)
    assert_allclose(one, expected[0], atol=1e-12)


def test_passes_of_linear_models_run_on_a_network(fitted, rng):
    """At fixed parameters they are linearised in the same words."""
    view, rows, X, y = fitted
    at, loss = rows.at(view.network, view.parameters), MultinomialLoss()
    z, losses, jacobian = dense(view, X, y)
    slope, probability = slopes_of(z, y)

    def derivatives(block):
        values, slopes, second = loss.derivatives(block["code"], block.z)
        block["loss"], block["slope"], block["second"] = values, slopes, second
        return ()

    directions = torch.as_tensor(rng.standard_normal((2, len(view.parameters))))
    at.reduce(derivatives, partial(passes.influences, directions=directions))
    per_row = np.einsum("nkp,nk->np", jacobian, slope) * rows.weight[:, None]
    influence = directions.numpy() @ per_row.T
    assert_allclose(rows.collect("influence"), influence, rtol=1e-10, atol=1e-12)

    multipliers = rng.standard_normal((3, 2))
    changes = Changes(
        multipliers, -1.0, 1.0, np.full(3, -1), np.ones(3), np.ones(3), (None,) * 3
    )
    epsilon = np.clip(multipliers @ influence, -1.0, 1.0)
    ((added, gradient, weight, _),) = at.reduce(
        partial(passes.gradients_under, changes=changes)
    )
    assert_allclose(added, epsilon @ (rows.weight * losses), rtol=1e-10)
    assert_allclose(gradient, epsilon @ per_row, rtol=1e-10, atol=1e-12)
    assert_allclose(weight, epsilon @ rows.weight, rtol=1e-10)

    second = np.einsum("nk,kl->nkl", probability, np.eye(N_CLASSES))
    second -= np.einsum("nk,nl->nkl", probability, probability)
    ((moved,),) = at.reduce(
        partial(
            passes.hessian_products,
            loss=loss,
            matrices=directions,
            changes=changes.take([0, 1]),
        )
    )
    for position, direction in enumerate(directions.numpy()):
        changed = rows.weight * (1.0 + epsilon[position])
        expected = np.einsum(
            "n,nkp,nkl,nlq,q->p", changed, jacobian, second, jacobian, direction
        )
        assert_allclose(moved[position], expected, rtol=1e-10, atol=1e-12)


def test_what_a_view_asks_of_rows_is_that_of_dense_algebra(fitted, rng):
    view, rows, X, y = fitted
    parameters = view.parameters
    z, losses, jacobian = dense(view, X, y)
    slope, probability = slopes_of(z, y)
    close = partial(assert_allclose, rtol=1e-10, atol=1e-12)
    close(view.margins(rows, parameters), z.T)
    close(view.losses(rows, parameters), losses)
    close(view.scores(rows, parameters), np.log(probability))
    weight = rng.standard_normal(N_SAMPLES)
    per_row = np.einsum("nkp,nk->np", jacobian, slope)
    close(view.loss_gradient(rows, parameters, weight), weight @ per_row)
    directions = torch.as_tensor(rng.standard_normal((len(parameters), 2)))
    derivatives = view.loss_derivatives(rows, parameters, directions)
    close(derivatives, (per_row @ directions.numpy()).T)
    factors = rng.standard_normal((2, N_SAMPLES, N_CLASSES))
    pulled = view.pull_back_scores(rows, parameters, lambda rows: factors[:, rows])
    of_margins = factors - factors.sum(2, keepdims=True) * probability
    close(pulled, np.einsum("nkp,mnk->pm", jacobian, of_margins))


@pytest.mark.filterwarnings("ignore:The device ran out of memory")
def test_calls_run_again_on_parts_of_a_block(fitted):
    """The first call has run on the whole before the second one fails."""
    view, rows, *_ = fitted
    ran = []

    def first(block):
        ran.append(block.n_rows)
        block["z"] = block.z
        return (block.weight.sum(), block.z.sum(axis=1))

    def second(block):
        if block.n_rows > 3:
            raise torch.OutOfMemoryError("out of memory")
        return (block.n_rows, block.sums(np.ones((N_CLASSES, block.n_rows))))

    at = rows.at(view.network, view.parameters)
    expected = view.margins(rows, view.parameters)
    (sums, counted) = at.reduce(first, second)
    assert ran[:4] == [7, 4, 2, 2]
    assert rows.limit == 2
    assert_allclose(sums[0], rows.weight.sum())
    assert_allclose(sums[1], expected.sum(axis=1))
    assert_allclose(rows.collect("z"), expected)
    assert counted[0] == N_SAMPLES
    ((whole,),) = at.reduce(lambda block: (block.sums(np.ones_like(block.z)),))
    assert_allclose(counted[1], whole)
