"""Batches of networks by memory, data sets that are collated once, random numbers."""

import gc
import pickle

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from sklearn import config_context
from skorch import NeuralNetClassifier
from torch import nn

from skswu import UnlearningClassifier
from skswu.influence import Influence, Nystrom, make_inverse_curvature
from skswu.models import make_model_view
from skswu.models.torch._noted_margins import NotedMargins
from skswu.updates import FineTune, Scrub

N_SAMPLES = 120


class Wide(nn.Sequential):
    """Saves far more of a row than the row itself is."""

    def __init__(self, dropout=0.0):
        super().__init__(nn.Linear(2, 4000), nn.Tanh(), nn.Dropout(dropout))
        self.append(nn.Linear(4000, 2))


class Counted(torch.utils.data.Dataset):
    """Counts how often a row is read."""

    def __init__(self, X, y):
        self.X, self.y, self.n_read = X, y, 0

    def __len__(self):
        return len(self.X)

    def __getitem__(self, position):
        self.n_read += 1
        return torch.as_tensor(self.X[position]), int(self.y[position])


@pytest.fixture
def data(rng):
    X = rng.standard_normal((N_SAMPLES, 2)).astype(np.float32)
    return X, (X[:, 0] > 0).astype(int), np.where(X[:, 1] > 0, "a", "b")


def fit(data, X=None, **options):
    torch.manual_seed(0)
    defaults = {"max_epochs": 1, "batch_size": 16, "train_split": None, "verbose": 0}
    options = {**defaults, "lr": 0.01, **options}
    net = NeuralNetClassifier(Wide, criterion=nn.CrossEntropyLoss, **options)
    return net.fit(data[0] if X is None else X, data[1])


def sizes_of(view, monkeypatch):
    whole, sizes = view.network.margins, []

    def margins(batch):
        sizes.append(len(batch))
        return whole(batch)

    monkeypatch.setattr(view.network, "margins", margins)
    return sizes


def losses_of(view, rows):
    """Return losses whose margins are not known yet."""
    rows.margins = NotedMargins()
    return view.losses(rows, view.parameters)


def test_the_budget_decides_how_many_rows_a_batch_has(data, monkeypatch):
    view = make_model_view(fit(data))
    expected = view.losses(view.training_rows(*data[:2]), view.parameters)
    with config_context(working_memory=16):  # of which a batch may save 0.5 MiB
        rows = view.training_rows(*data[:2])
        sizes = sizes_of(view, monkeypatch)
        losses = losses_of(view, rows)
    assert 16 <= max(sizes) <= 2**19 / (4000 * 4)
    assert sum(sizes) == N_SAMPLES
    assert_allclose(losses, expected, rtol=1e-4)


def test_a_batch_size_that_the_net_asks_for_is_taken(data, monkeypatch):
    view = make_model_view(fit(data, iterator_valid__batch_size=50))
    rows = view.training_rows(*data[:2])
    sizes = sizes_of(view, monkeypatch)
    losses_of(view, rows)
    assert sizes == [50, 50, 20]


def failing(view, monkeypatch, error):
    whole = view.network.margins

    def margins(batch):
        if len(batch) > 40:
            raise error
        return whole(batch)

    monkeypatch.setattr(view.network, "margins", margins)


def test_a_processor_out_of_memory_halves_the_batch(data, monkeypatch):
    view = make_model_view(fit(data))
    rows = view.training_rows(*data[:2])
    expected = view.losses(rows, view.parameters)
    told = RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to")
    failing(view, monkeypatch, told)
    with pytest.warns(RuntimeWarning, match="ran out of memory"):
        losses = losses_of(view, rows)
    assert_allclose(losses, expected, rtol=1e-5)


def test_other_errors_are_not_taken_for_it(data, monkeypatch):
    view = make_model_view(fit(data))
    rows = view.training_rows(*data[:2])
    failing(view, monkeypatch, RuntimeError("shapes do not fit"))
    with pytest.raises(RuntimeError, match="do not fit"):
        losses_of(view, rows)


@pytest.mark.parametrize(("budget", "is_kept"), [(1024, True), (0.001, False)])
def test_a_data_set_is_collated_once_if_it_fits(data, budget, is_kept):
    source = Counted(*data[:2])
    view = make_model_view(fit(data, source))
    with config_context(working_memory=budget):
        rows = view.training_rows(source, data[1])
        expected = view.losses(rows, view.parameters)
        source.n_read = 0
        losses = view.losses(rows, view.parameters)
    assert source.n_read == (0 if is_kept else N_SAMPLES)
    assert_allclose(losses, expected, rtol=1e-6)


def test_a_sketch_is_drawn_in_the_precision_of_the_net(data):
    view = make_model_view(fit(data))
    rows = view.training_rows(*data[:2])
    operator = view.curvature(rows, view.parameters, rows.weight)
    block = operator.random_block(np.random.RandomState(0), 3)
    assert block.dtype == torch.float32
    assert_allclose(block.T @ block, np.eye(3), atol=1e-5)
    inverse = make_inverse_curvature(
        Nystrom(rank=3, tol=1e-3, random_state=0), operator, damping=1.0
    )
    solution = inverse.solve(view.parameters[:, None])
    assert solution.relative_residual <= 1e-3


def trained_on(net, data, update):
    X, y, groups = data
    model = UnlearningClassifier(net, update=update)
    return model.unlearn(X, y, sensitive_features=groups)


@pytest.mark.filterwarnings("ignore::skswu.exceptions.UtilityLossWarning")
@pytest.mark.filterwarnings("ignore::skswu.exceptions.LinearizationWarning")
@pytest.mark.parametrize("kind", [FineTune, Scrub])
@pytest.mark.parametrize(
    "device",
    [
        "cpu",
        pytest.param(
            "cuda",
            marks=[
                pytest.mark.gpu,
                pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA"),
            ],
        ),
    ],
)
def test_dropout_is_drawn_again_from_a_seed_and_from_no_other_stream(
    data, device, kind
):
    net = fit(data, module__dropout=0.5, device=device)
    update = kind(max_epochs=1, random_state=0)
    read = torch.cuda.get_rng_state if device == "cuda" else torch.get_rng_state
    before = read()
    model = trained_on(net, data, update)
    assert torch.equal(read(), before)
    first = model.predict_proba(data[0])
    torch.rand(3, device=device)
    again = trained_on(net, data, update).predict_proba(data[0])
    assert_allclose(again, first, rtol=1e-5)
    update.set_params(random_state=1)
    other = trained_on(net, data, update).predict_proba(data[0])
    assert not np.allclose(other, first, rtol=1e-5)


def test_solvers_stop_earlier_where_parameters_are_many(data):
    view = make_model_view(fit(data))
    assert view.default_solver_tol == 1e-3
    view.__dict__["_parameters"] = torch.zeros(100_001)
    assert view.default_solver_tol == 1e-2


def test_the_last_margins_are_not_computed_again(data, monkeypatch):
    view = make_model_view(fit(data))
    rows, start = view.training_rows(*data[:2]), view.parameters
    sizes = sizes_of(view, monkeypatch)
    for parameters in (start, 1.1 * start, 1.0 * start):
        view.scores(rows, parameters)
        view.losses(rows, parameters)
    assert sizes == [N_SAMPLES]  # at the original parameters they were known
    view.scores(rows, 1.2 * start)
    view.scores(rows, 1.1 * start)
    view.scores(rows, start)  # of three, what was asked for first is forgotten
    assert sizes == [N_SAMPLES] * 4


@pytest.mark.filterwarnings("ignore::skswu.exceptions.LinearizationWarning")
def test_a_pickle_holds_the_original_net_once_beside_the_corrected(data):
    net = fit(data, optimizer=torch.optim.Adam)
    X, y, groups = data
    model = UnlearningClassifier(net).unlearn(X, y, sensitive_features=groups)
    size = len(pickle.dumps(net))
    assert len(pickle.dumps(model.estimator_)) < 1.2 * size
    whole = pickle.dumps(model)
    assert len(whole) < 2.2 * size
    loaded = pickle.loads(whole)
    assert_allclose(loaded.predict_proba(X), model.predict_proba(X))
    original = loaded.original_estimator_
    assert_allclose(original.predict_proba(X), net.predict_proba(X))
    assert original is not loaded.estimator
    net.partial_fit(X, y)  # so that the two differ
    loaded = pickle.loads(pickle.dumps(model))
    expected = model.original_estimator_.predict_proba(X)
    assert_allclose(loaded.original_estimator_.predict_proba(X), expected)
    assert not np.allclose(loaded.estimator.predict_proba(X), expected, atol=1e-6)


@pytest.mark.filterwarnings("ignore::skswu.exceptions.LinearizationWarning")
@pytest.mark.filterwarnings("ignore::skswu.exceptions.UtilityLossWarning")
def test_a_pickle_leaves_out_what_a_net_had_learnt_before_its_fit(data):
    net = fit(data, optimizer=torch.optim.Adam)
    X, y, groups = data
    model = UnlearningClassifier(net).fit(X, y, sensitive_features=groups)
    whole = pickle.dumps(model)
    assert len(whole) < 2.2 * len(pickle.dumps(net))
    loaded = pickle.loads(whole)
    assert_allclose(loaded.predict_proba(X), model.predict_proba(X))
    original = loaded.original_estimator_
    expected = model.original_estimator_.predict_proba(X)
    assert_allclose(original.predict_proba(X), expected)
    rows = model.train_indices_
    again = X[rows], y[rows]
    for one in (model, loaded):  # from the original that fit had left
        one.unlearn(*again, sensitive_features=groups[rows])
    assert_allclose(loaded.predict_proba(X), model.predict_proba(X), rtol=1e-5)
    net.partial_fit(X, y)  # which is the one to be corrected from here on
    model = UnlearningClassifier(net).fit(X, y, sensitive_features=groups)
    net.partial_fit(X, y)
    loaded = pickle.loads(pickle.dumps(model))
    assert_allclose(loaded.estimator.predict_proba(X), net.predict_proba(X))


def live_tensors():
    gc.collect()
    return sum(issubclass(type(one), torch.Tensor) for one in gc.get_objects())


@pytest.mark.parametrize(
    ("update", "parameters"),
    [
        ("influence", "all"),
        ("influence", "last_layer"),
        ("ntk", "all"),
        (Scrub(max_epochs=1), "all"),
    ],
)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_nothing_of_a_correction_is_held_when_it_is_let_go_of(data, update, parameters):
    X, y, group = data
    module = nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 2))
    net = NeuralNetClassifier(
        module, criterion=nn.CrossEntropyLoss, train_split=None, verbose=0
    ).fit(X, y)
    before = None
    for _ in range(3):
        model = UnlearningClassifier(
            net, update=update, influence=Influence(parameters=parameters)
        )
        model.unlearn(X, y, sensitive_features=group)
        del model
        # What the first correction of a process makes for all.
        before = live_tensors() if before is None else before
    assert live_tensors() == before
