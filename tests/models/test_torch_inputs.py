"""Inputs of networks in every container that skorch takes, against plain arrays."""

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_allclose
from scipy import sparse
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from skorch import NeuralNetBinaryClassifier, NeuralNetClassifier
from skorch.dataset import Dataset
from skorch.helper import SliceDataset, SliceDict
from torch import nn
from torch.utils.data import ConcatDataset, Subset, TensorDataset

from skswu import UnlearningClassifier
from skswu.inspection import CorrectionReport, influence_values
from skswu.updates import FineTune

pytestmark = [
    pytest.mark.filterwarnings("ignore::skswu.exceptions.LinearizationWarning"),
    pytest.mark.filterwarnings("ignore::skswu.exceptions.UtilityLossWarning"),
    # Skorch's own, of the columns of a frame.
    pytest.mark.filterwarnings("ignore:The given NumPy array is not writable"),
]

N_SAMPLES = 90


class Joined(nn.Module):
    """Takes an array, two of them by name or in a list, or a column each."""

    def __init__(self):
        super().__init__()
        self.a, self.o = nn.Linear(4, 5), nn.Linear(5, 2)

    def forward(self, X=None, **named):
        parts = list(named.values()) if X is None else X
        X = torch.cat(list(parts), 1) if isinstance(parts, list) else parts
        return self.o(torch.tanh(self.a(X)))


class Streamed(torch.utils.data.Dataset):
    """Rows that are made one at a time; counts how many are held at once."""

    def __init__(self, X, y):
        self.X, self.y = X, y

    def __len__(self):
        return len(self.X)

    def __getitem__(self, position):
        if not isinstance(position, int | np.integer):
            raise TypeError("A row is read by its number.")
        return torch.as_tensor(self.X[position]), int(self.y[position])

    def __array__(self, *args, **kwargs):
        raise AssertionError("No array is made of a data set.")


@pytest.fixture
def data(rng):
    X = rng.standard_normal((N_SAMPLES, 4)).astype(np.float32)
    group = np.where(X[:, 0] + rng.standard_normal(N_SAMPLES) > 0, "a", "b")
    y = (X[:, 0] + X[:, 1] + 0.5 * rng.standard_normal(N_SAMPLES) > 0).astype(int)
    return X, y, group


def make_net(**options):
    torch.manual_seed(0)
    defaults = {"optimizer": torch.optim.Adam, "lr": 0.05, "max_epochs": 3}
    defaults |= {"batch_size": 32, "train_split": None, "verbose": 0}
    options = {**defaults, "iterator_train__shuffle": False, **options}
    return NeuralNetClassifier(Joined, criterion=nn.CrossEntropyLoss, **options)


def padded(rows):
    """Collate as the default does, by hand."""
    inputs, labels = zip(*rows, strict=True)
    return torch.stack(inputs), torch.as_tensor(labels)


# Name: what is passed for X and y, and options of the net.
CONTAINERS = {
    "dict": (lambda X, y: ({"l": X[:, :1], "r": X[:, 1:]}, y), {}),
    "dict of tensors": (
        lambda X, y: ({"l": torch.as_tensor(X[:, :3]), "r": X[:, 3:]}, y),
        {},
    ),
    "SliceDict": (lambda X, y: (SliceDict(l=X[:, :2], r=X[:, 2:]), y), {}),
    "list of inputs": (lambda X, y: ([X[:, :2], X[:, 2:]], y), {}),
    "tensor": (lambda X, y: (torch.as_tensor(X), y), {}),
    "sparse": (lambda X, y: (sparse.csr_matrix(X), y), {}),
    "frame": (lambda X, y: (pd.DataFrame(X, columns=list("abcd")), y), {}),
    "TensorDataset": (
        lambda X, y: (TensorDataset(torch.as_tensor(X), torch.as_tensor(y)), y),
        {},
    ),
    "TensorDataset, y=None": (
        lambda X, y: (TensorDataset(torch.as_tensor(X), torch.as_tensor(y)), None),
        {},
    ),
    "skorch's Dataset, y=None": (lambda X, y: (Dataset(X, y), None), {}),
    "Subset, y=None": (
        lambda X, y: (Subset(Dataset(X, y), np.arange(len(y))), None),
        {},
    ),
    "own data set": (lambda X, y: (Streamed(X, y), y), {}),
    "own data set, y=None": (lambda X, y: (Streamed(X, y), None), {"classes": [0, 1]}),
    "SliceDataset": (lambda X, y: (SliceDataset(Streamed(X, y)), y), {}),
    "collated": (
        lambda X, y: (Streamed(X, y), y),
        {
            "iterator_train__collate_fn": padded,
            "iterator_valid__collate_fn": padded,
        },
    ),
}


def unlearn(net, X, y, group, **options):
    return UnlearningClassifier(net, **options).unlearn(X, y, sensitive_features=group)


@pytest.mark.parametrize("name", CONTAINERS)
def test_corrected_as_from_an_array(name, data):
    X, y, group = data
    pack, options = CONTAINERS[name]
    given, labels = pack(X, y)
    net = make_net(**options).fit(given, labels)
    plain = make_net().fit(X, y)
    expected = unlearn(plain, X, y, group)
    model = unlearn(net, given, labels, group)
    assert_allclose(model.influence_, expected.influence_, rtol=1e-3, atol=1e-6)
    assert_allclose(model.epsilon_, expected.epsilon_, rtol=1e-2, atol=1e-3)
    proba = expected.predict_proba(X)
    assert_allclose(model.predict_proba(given), proba, rtol=1e-3, atol=1e-4)
    values = influence_values(net, given, labels, sensitive_features=group)
    assert_allclose(values.iloc[:, 0], model.influence_[0], rtol=1e-6)


@pytest.mark.parametrize("name", CONTAINERS)
def test_fitted_measured_elsewhere_and_trained_on(name, data):
    X, y, group = data
    pack, options = CONTAINERS[name]
    given, labels = pack(X, y)
    model = UnlearningClassifier(make_net(**options), random_state=0)
    model.fit(given, labels, sensitive_features=group)
    expected = UnlearningClassifier(make_net(), random_state=0)
    expected.fit(X, y, sensitive_features=group)
    assert_allclose(model.influence_, expected.influence_, rtol=1e-3, atol=1e-6)
    others, other_labels = pack(X[:60], y[:60])
    options = {"sensitive_features": group}
    elsewhere = {"sensitive_features_val": group[:60]}
    net = make_net(**CONTAINERS[name][1]).fit(given, labels)
    plain = make_net().fit(X, y)
    update = FineTune(max_epochs=1, random_state=0)
    model = UnlearningClassifier(net, update=update).unlearn(
        given, labels, X_val=others, y_val=other_labels, **options, **elsewhere
    )
    expected = UnlearningClassifier(plain, update=update).unlearn(
        X, y, X_val=X[:60], y_val=y[:60], **options, **elsewhere
    )
    proba = expected.predict_proba(X)
    assert_allclose(model.predict_proba(given), proba, rtol=1e-3, atol=1e-4)


def test_groups_are_named_inputs_but_no_columns_of_a_data_set(data):
    X, y, _ = data
    named = SliceDict(l=X[:, :1], r=X[:, 1:])
    net = make_net().fit(named, y)
    model = UnlearningClassifier(net, sensitive_features="group")
    with pytest.raises(ValueError, match=r"'group' is not a column of X.*'l', 'r'"):
        model.unlearn(named, y)
    with pytest.raises(ValueError, match="'group' names a column, but X has no"):
        model.unlearn(Streamed(X, y), y)


def test_labels_that_a_data_set_does_not_hold_are_asked_for(data):
    X, y, group = data
    net = make_net().fit(X, y)
    with pytest.raises(ValueError, match="y must be given"):
        unlearn(net, Dataset(X), None, group)


def test_a_net_fitted_without_y_is_asked_for_its_classes(data):
    X, y, group = data
    rows = ConcatDataset([Streamed(X, y)])
    net = make_net().fit(rows, None)
    cure = r"set_params\(classes=\[0, 1\]\)"
    for within in (net, make_pipeline(FunctionTransformer(), net)):
        with pytest.raises(TypeError, match=f"NeuralNetClassifier .* y .* {cure}"):
            unlearn(within, rows, y, group)
    with pytest.raises(NotFittedError, match=f"was fitted without y. .* {cure}"):
        influence_values(net, rows, y, sensitive_features=group)
    model = unlearn(net.set_params(classes=[0, 1]), rows, y, group)
    expected = unlearn(make_net().fit(rows, y), rows, y, group)
    assert_allclose(model.epsilon_, expected.epsilon_)


def test_dropped_rows_are_told_in_words(data):
    X, y, group = data
    net = make_net(iterator_valid__drop_last=True).fit(X, y)
    with pytest.raises(ValueError, match=r"64 rows for 90 labels.*drop_last to False"):
        unlearn(net, X, y, group)
    trained = make_net(iterator_train__drop_last=True).fit(X, y)
    unlearn(trained, X, y, group)


# Labels of the call beside those of a data set

DATA_SETS = {
    "TensorDataset": lambda X, y: TensorDataset(torch.as_tensor(X), torch.as_tensor(y)),
    "skorch's": Dataset,
    "own": Streamed,
    "Subset": lambda X, y: Subset(Dataset(X, y), np.arange(len(y))),
    "Subset of own": lambda X, y: Subset(Streamed(X, y), np.arange(len(y))),
    "split at random": lambda X, y: torch.utils.data.random_split(
        Dataset(X, y), [len(y)], generator=torch.Generator().manual_seed(0)
    )[0],
}


@pytest.mark.parametrize("name", DATA_SETS)
def test_labels_other_than_those_of_the_data_set_are_refused(name, data):
    X, y, group = data
    given = DATA_SETS[name](X, y)
    own = np.array([int(given[i][1]) for i in range(len(given))])
    other = own.copy()
    other[[3, 5, 8]] = 1 - other[[3, 5, 8]]
    net = make_net(classes=[0, 1]).fit(given, None)
    values = unlearn(net, given, own, group).epsilon_
    assert_allclose(unlearn(net, given, None, group).epsilon_, values)
    options = {"sensitive_features": group}
    elsewhere = {"X_val": given, "y_val": other, "sensitive_features_val": group}
    message = "differs from the labels that the data set itself holds in 3 of 90 rows"
    for call in (
        lambda: unlearn(net, given, other, group),
        lambda: influence_values(net, given, other, **options),
        lambda: UnlearningClassifier(net).fit(given, other, **options),
        lambda: CorrectionReport.from_estimator(
            net, given, other, original=net, **options
        ),
    ):
        with pytest.raises(ValueError, match=rf"y(_test)? {message}"):
            call()
    with pytest.raises(ValueError, match=f"y_val {message}"):
        UnlearningClassifier(net).unlearn(given, own, **options, **elsewhere)


@pytest.mark.filterwarnings("ignore:'yes' was taken for the positive label")
@pytest.mark.parametrize("classes", [["no", "yes"], [1, 2], [0, 2]])
def test_a_data_set_may_hold_the_positions_of_the_classes(classes, data):
    X, y, group = data
    given, names = (
        TensorDataset(torch.as_tensor(X), torch.as_tensor(y)),
        np.array(classes),
    )
    net = make_net(classes=classes).fit(given, None)
    plain = make_net(classes=[0, 1]).fit(given, None)
    expected = unlearn(plain, given, y, group)
    assert_allclose(unlearn(net, given, names[y], group).epsilon_, expected.epsilon_)
    with pytest.raises(ValueError, match="holds in 90 of 90 rows"):
        unlearn(net, given, names[1 - y], group)


def test_labels_of_a_data_set_are_compared_as_numbers(data):
    X, y, group = data
    given = TensorDataset(torch.as_tensor(X), torch.as_tensor(y).float())
    net = NeuralNetBinaryClassifier(
        nn.Linear(4, 1), train_split=None, verbose=0, max_epochs=3
    ).fit(given, None)
    unlearn(net, given, y, group)
    with pytest.raises(ValueError, match="holds in 90 of 90 rows"):
        unlearn(net, given, 1 - y, group)
    # Of one label, positions cannot be told from names.
    with pytest.raises(ValueError, match="holds in 4 of 4 rows"):
        UnlearningClassifier(net).unlearn(
            given,
            y,
            sensitive_features=group,
            X_val=Subset(given, np.flatnonzero(y == 0)[:4]),
            y_val=np.ones(4, dtype=int),
            sensitive_features_val=["a", "b", "a", "b"],
        )


def test_a_data_set_without_labels_takes_those_of_the_call(data):
    X, y, group = data
    net = make_net().fit(X, y)
    expected = unlearn(net, X, y, group)
    assert_allclose(unlearn(net, Dataset(X), y, group).epsilon_, expected.epsilon_)
