"""Correcting skorch nets end to end."""

import pickle
import subprocess
import sys
import warnings
from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from skorch import NeuralNetBinaryClassifier, NeuralNetClassifier
from skorch.dataset import Dataset, ValidSplit
from skorch.helper import SliceDict
from torch import nn

from skswu import UnlearningClassifier, UnlearningClassifierCV
from skswu.influence import ConjugateGradient, Direct, Influence, Lissa, Nystrom
from skswu.metrics import make_fairness_scorer
from skswu.models import make_model_view
from skswu.models.torch._head import TorchHeadView
from skswu.models.torch._view import TorchModelView
from skswu.objectives import DemographicParity
from skswu.updates import InfluenceUpdate
from skswu.weighting import SoftWeighting

# On so few rows a whole repair is a long step; how long is not what is tested here.
pytestmark = [
    pytest.mark.filterwarnings("ignore::skswu.exceptions.LinearizationWarning"),
    pytest.mark.filterwarnings("ignore::skswu.exceptions.UtilityLossWarning"),
]

N_SAMPLES = 300


class Perceptron(nn.Sequential):
    def __init__(self, n_inputs=4, n_outputs=2, last=None):
        layers = [nn.Linear(n_inputs, 6), nn.Tanh(), nn.Linear(6, n_outputs)]
        layers += [last] if last is not None else []
        super().__init__(*layers)


class Logits(nn.Linear):
    def __init__(self, n_inputs=4):
        super().__init__(n_inputs, 2)


class TwoInputs(nn.Module):
    def __init__(self):
        super().__init__()
        self.token = nn.Embedding(5, 3)
        self.head = nn.Linear(3 + 4, 2)

    def forward(self, token, x):
        return self.head(torch.cat([torch.tanh(self.token(token)), x], 1))


class Tokens(nn.Module):
    """Integers alone."""

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(12, 5)
        self.head = nn.Linear(5, 2)

    def forward(self, tokens):
        return self.head(torch.tanh(self.embedding(tokens).mean(1)))


class Bags(Tokens):
    """With a layer that torch differentiates only once."""

    def __init__(self):
        super().__init__()
        self.embedding = nn.EmbeddingBag(12, 5)

    def forward(self, tokens):
        return self.head(torch.tanh(self.embedding(tokens)))


class SparseDataset(Dataset):
    """Rows of a sparse matrix as sparse tensors."""

    def __getitem__(self, index):
        X, y = super().__getitem__(index)
        return torch.as_tensor(X).to_sparse(), torch.as_tensor(y)


def stack_sparse(rows):
    inputs, labels = zip(*rows, strict=True)
    return torch.stack(inputs), torch.stack(labels)


class SparseLayer(nn.Module):
    """Takes sparse tensors."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(4, 6).normal_(std=0.5))
        self.head = nn.Linear(6, 2)

    def forward(self, x):
        return self.head(torch.tanh(torch.sparse.mm(x, self.weight)))


class Tied(nn.Module):
    """The last layer's weights are used twice."""

    def __init__(self):
        super().__init__()
        self.first = nn.Linear(4, 4)
        self.last = nn.Linear(4, 4)
        self.last.weight = self.first.weight

    def forward(self, x):
        return self.last(torch.tanh(self.first(x)))


class Reused(nn.Module):
    """The last layer is called twice."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(4, 4)

    def forward(self, x):
        return self.layer(torch.tanh(self.layer(x)))


def make_data(n_classes=2):
    rng = np.random.default_rng(3)
    group = rng.integers(0, 2, N_SAMPLES)
    X = rng.standard_normal((N_SAMPLES, 4)) + group[:, None] * [0.8, 0, 0, 0]
    margin = X[:, 0] + X[:, 1] * X[:, 2] + 0.5 * rng.standard_normal(N_SAMPLES)
    y = np.digitize(margin, [0.4, 1.5][: n_classes - 1])
    return X.astype(np.float32), y.astype(np.int64), group


def make_net(module=Perceptron, net=NeuralNetClassifier, **options):
    defaults = {
        "criterion": nn.CrossEntropyLoss,
        "optimizer": torch.optim.Adam,
        "optimizer__weight_decay": 1e-3,
        "lr": 0.02,
        "max_epochs": 15,
        "batch_size": 64,
        "train_split": None,
        "verbose": 0,
    }
    torch.manual_seed(0)
    return net(module, **{**defaults, **options})


def shrinks(model, share=0.6):
    before, after = model.objective_before_, model.objective_after_
    return np.linalg.norm(after) < share * np.linalg.norm(before)


def test_prefit_net_is_corrected_and_left_alone():
    X, y, group = make_data()
    net = make_net().fit(X, y)
    before = pickle.dumps(net.module_.state_dict())
    model = UnlearningClassifier(net).unlearn(X, y, sensitive_features=group)
    assert shrinks(model)
    assert pickle.dumps(net.module_.state_dict()) == before
    assert isinstance(model.estimator_, NeuralNetClassifier)
    assert_allclose(model.predict_proba(X), model.estimator_.predict_proba(X))
    assert model.influence_.shape == (1, N_SAMPLES)
    assert model.influence_.dtype == np.float64
    first = model.predict_proba(X)
    assert_allclose(
        model.unlearn(X, y, sensitive_features=group).predict_proba(X), first
    )


class AnyMetric:
    """A goal that all metrics meet."""

    allowed_distance = 0.0

    def distance(self, values):
        return 0.0

    def overshoots(self, values):
        return False


@pytest.mark.parametrize("leftover", ["keep", "remove"])
def test_no_step_is_so_long_that_the_training_objective_rises(leftover):
    X, y, group = make_data()
    followed = []

    class LongStep(InfluenceUpdate):
        """Steps that are far too long, to metrics that all are as good."""

        def follow(self, move, step):
            move = replace(move, goal=AnyMetric())
            found = super().follow(move, 1e4 * step)
            followed.append((move, step, *found))
            return found

    influence = Influence(leftover_gradient=leftover)
    net = make_net().fit(X, y)
    model = UnlearningClassifier(net, influence=influence, update=LongStep())
    model.unlearn(X, y, sensitive_features=group)
    ((move, step, parameters, length),) = followed

    def rise(parameters):
        change = parameters - move.parameters
        start, end = (
            move.view.objective_value(move.rows, point, move.weight)
            for point in (move.parameters, parameters)
        )
        return end - start - float(move.tilt @ change)

    assert rise(move.parameters + 1e4 * step) > 0
    assert 0 < length < 1
    assert model.step_length_ == length
    assert rise(parameters) <= 1e-4


def test_rows_that_skorch_held_out_keep_their_weight():
    X, y, group = make_data()
    net = make_net(train_split=ValidSplit(5, stratified=True)).fit(X, y)
    model = UnlearningClassifier(net).unlearn(X, y, sensitive_features=group)
    held_out = net.get_split_datasets(X, y)[1].indices
    assert (model.epsilon_[held_out] == 0).all()
    assert (model.influence_[:, held_out] == 0).all()
    assert shrinks(model)


@pytest.mark.parametrize("objective", ["equalized_odds", "equal_opportunity"])
@pytest.mark.parametrize("weighting", ["soft", "hard"])
def test_objectives_and_weightings(objective, weighting):
    X, y, group = make_data()
    model = UnlearningClassifier(
        make_net().fit(X, y), objective=objective, weighting=weighting
    )
    model.unlearn(X, y, sensitive_features=group)
    assert shrinks(model, 0.9)


def test_multiclass():
    X, y, group = make_data(3)
    net = make_net(module__n_outputs=3).fit(X, y)
    model = UnlearningClassifier(net, objective=DemographicParity(pos_label=2))
    assert shrinks(model.unlearn(X, y, sensitive_features=group))
    assert model.predict_proba(X).shape == (N_SAMPLES, 3)


def test_binary_net():
    X, y, group = make_data()
    y = y.astype(np.float32)
    net = make_net(
        net=NeuralNetBinaryClassifier,
        criterion=nn.BCEWithLogitsLoss,
        module__n_outputs=1,
    )
    model = UnlearningClassifier(net.fit(X, y))
    assert shrinks(model.unlearn(X, y, sensitive_features=group))
    fitted = UnlearningClassifier(net).fit(X, y, sensitive_features=group)
    assert set(fitted.predict(X)) <= {0, 1}


def test_named_inputs():
    X, y, group = make_data()
    inputs = SliceDict(token=np.arange(N_SAMPLES) % 5, x=X)
    net = make_net(TwoInputs)
    model = UnlearningClassifier(net, random_state=0)
    model.fit(inputs, y, sensitive_features=group)
    assert len(model.train_indices_) == 0.8 * N_SAMPLES
    assert shrinks(model)


def as_fitted(model, X, y, group):
    """Correct a net that was fitted on all rows."""
    return model.unlearn(X, y, sensitive_features=group)


def as_meta_estimator(model, X, y, group):
    """Fit, hold out a validation share, and correct."""
    model.set_params(random_state=0)
    return model.fit(X, y, sensitive_features=group)


@pytest.mark.parametrize("run", [as_fitted, as_meta_estimator])
def test_integer_inputs(run):
    X, y, group = make_data()
    tokens = np.digitize(X, [-0.7, 0.5]) + 3 * np.arange(4)
    net = make_net(Tokens, max_epochs=30)
    net = net.fit(tokens, y) if run is as_fitted else net
    model = run(UnlearningClassifier(net), tokens, y, group)
    assert shrinks(model, 0.8)
    assert set(model.predict(tokens)) <= {0, 1}


@pytest.mark.parametrize("curvature", ["gauss_newton", "hessian"])
def test_layer_that_is_differentiable_once(curvature):
    X, y, group = make_data()
    tokens = np.digitize(X, [-0.7, 0.5]) + 3 * np.arange(4)
    net = make_net(Bags, max_epochs=30).fit(tokens, y)
    model = UnlearningClassifier(net, influence=Influence(curvature=curvature))
    with pytest.raises(NotImplementedError, match=r"twice.*EmbeddingBag.*'parameters'"):
        model.unlearn(tokens, y, sensitive_features=group)
    model.set_params(influence__parameters=["head.*"])
    assert shrinks(model.unlearn(tokens, y, sensitive_features=group), 0.9)


@pytest.mark.parametrize("run", [as_fitted, as_meta_estimator])
def test_sparse_matrices(run):
    X, y, group = make_data()
    X[np.abs(X) < 0.3] = 0.0
    models = []
    for inputs in (X, sparse.csr_matrix(X)):
        net = make_net()
        net = net.fit(inputs, y) if run is as_fitted else net
        torch.manual_seed(0)
        models.append(run(UnlearningClassifier(net), inputs, y, group))
    dense, fed_sparse = models
    assert shrinks(fed_sparse)
    assert_allclose(fed_sparse.influence_, dense.influence_, rtol=1e-3, atol=1e-6)
    assert_allclose(
        fed_sparse.predict_proba(sparse.csr_matrix(X)),
        dense.predict_proba(X),
        atol=1e-4,
    )


SPARSE_TENSORS = {
    "dataset": SparseDataset,
    "iterator_train__collate_fn": stack_sparse,
    "iterator_valid__collate_fn": stack_sparse,
}


@pytest.mark.parametrize(
    "solver", [Direct(), ConjugateGradient(), Lissa(random_state=0)]
)
def test_sparse_tensors(solver):
    X, y, group = make_data()
    X[np.abs(X) < 0.3] = 0.0
    net = make_net(SparseLayer, **SPARSE_TENSORS).fit(sparse.csr_matrix(X), y)
    influence = Influence(solver=solver, damping=0.1)
    model = UnlearningClassifier(net, influence=influence)
    model.unlearn(sparse.csr_matrix(X), y, sensitive_features=group)
    assert shrinks(model)
    assert_allclose(
        model.predict_proba(sparse.csr_matrix(X)),
        model.estimator_.predict_proba(sparse.csr_matrix(X)),
    )


def test_batches_of_sparse_tensors_are_cut():
    X, y, _ = make_data()
    X = sparse.csr_matrix(np.where(np.abs(X) < 0.3, 0.0, X))
    view = make_model_view(make_net(SparseLayer, **SPARSE_TENSORS).fit(X, y))
    rows = view.training_rows(X, y)
    expected = view.losses(rows, view.parameters)
    rows.limit = 20
    assert_allclose(view.losses(rows, view.parameters), expected, rtol=1e-5)


def test_pipeline_and_frozen_pipeline():
    X, y, group = make_data()
    pipeline = make_pipeline(StandardScaler(), make_net())
    model = UnlearningClassifier(pipeline, random_state=0, validation_fraction=None)
    model.fit(X, y, sensitive_features=group)
    assert shrinks(model)
    torch.manual_seed(0)
    fitted = make_pipeline(StandardScaler(), make_net()).fit(X, y)
    frozen = UnlearningClassifier(FrozenEstimator(fitted))
    frozen.fit(X, y, sensitive_features=group)
    prefit = UnlearningClassifier(fitted).unlearn(X, y, sensitive_features=group)
    assert_allclose(frozen.predict_proba(X), prefit.predict_proba(X))


def test_grid_search_over_strength_and_damping():
    X, y, group = make_data()
    X = np.column_stack([X, group]).astype(np.float32)
    net = make_net(module__n_inputs=5)
    model = UnlearningClassifier(net, sensitive_features=4, random_state=0)
    search = GridSearchCV(
        model,
        {"weighting__strength": [0.0, 1.0], "influence__damping": [0.01, 0.1]},
        scoring=make_fairness_scorer(
            "demographic_parity_difference", sensitive_features=4
        ),
        cv=2,
        error_score="raise",
    )
    search.fit(X, y)
    assert search.best_params_["weighting__strength"] == 1.0
    restored = pickle.loads(pickle.dumps(search.best_estimator_))
    assert_allclose(restored.predict_proba(X), search.predict_proba(X))


def test_linear_net_agrees_with_logistic_regression():
    """One linear layer with two logits is a logistic regression on their difference."""
    torch.set_default_dtype(torch.float64)
    try:
        X, y, group = make_data()
        X = X.astype(np.float64)
        reference = LogisticRegression(C=0.1, tol=1e-12, max_iter=10_000).fit(X, y)
        # The same difference of logits at half the decay's cost: w/2 in each row.
        decay = 2.0 / (0.1 * N_SAMPLES)
        net = make_net(Logits, optimizer__weight_decay=decay, max_epochs=1).fit(X, y)
        with torch.no_grad():
            coef = torch.as_tensor(reference.coef_[0])
            net.module_.weight.copy_(torch.stack([-coef, coef]) / 2.0)
            bias = float(reference.intercept_[0])
            net.module_.bias.copy_(torch.tensor([-bias, bias]) / 2.0)
        net.optimizer_.param_groups[0]["params"] = [net.module_.weight]
        net.optimizer_.add_param_group(
            {"params": [net.module_.bias], "weight_decay": 0.0}
        )
        models = [
            UnlearningClassifier(
                estimator,
                influence=Influence(damping=damping, leftover_gradient="remove"),
                update="one_step",
                validation_fraction=None,
            ).unlearn(X, y, sensitive_features=group)
            for estimator, damping in [(reference, 0.0), (net, 1e-10)]
        ]
        assert_allclose(
            models[1].influence_, models[0].influence_, rtol=1e-5, atol=1e-12
        )
        assert_allclose(models[1].epsilon_, models[0].epsilon_, rtol=1e-4, atol=1e-8)
        assert_allclose(
            models[1].predict_proba(X), models[0].predict_proba(X), atol=1e-6
        )
    finally:
        torch.set_default_dtype(torch.float32)


# Name: module options, criterion, its options, net.
HEADS = {
    "softmax": ({}, nn.CrossEntropyLoss, {}, NeuralNetClassifier),
    "class weights": (
        {"n_outputs": 3},
        nn.CrossEntropyLoss,
        {"weight": [1.0, 2.0, 0.5], "label_smoothing": 0.1},
        NeuralNetClassifier,
    ),
    "probabilities": (
        {"last": nn.Softmax(dim=1)},
        nn.NLLLoss,
        {},
        NeuralNetClassifier,
    ),
    "one logit": (
        {"n_outputs": 1},
        nn.BCEWithLogitsLoss,
        {"pos_weight": 2.0},
        NeuralNetBinaryClassifier,
    ),
}


def make_head(name, dtype=np.float32, **more):
    """Return an unfitted net with one of the HEADS, and its data."""
    module, criterion, options, cls = HEADS[name]
    options = {
        f"criterion__{key}": torch.tensor(value) if "weight" in key else value
        for key, value in options.items()
    }
    options |= {f"module__{key}": value for key, value in module.items()}
    X, y, group = make_data(3 if name == "class weights" else 2)
    y = y.astype(dtype) if cls is NeuralNetBinaryClassifier else y
    net = make_net(net=cls, criterion=criterion, **options, **more)
    return net, X.astype(dtype), y, group


@pytest.fixture
def double_precision():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


@pytest.mark.parametrize("name", HEADS)
def test_last_layer_is_served_by_the_linear_view(name):
    net, X, y, group = make_head(name)
    net.fit(X, y)
    view = make_model_view(net).restricted_to("last_layer", X)
    assert isinstance(view, TorchHeadView)
    objective = DemographicParity(pos_label=1)
    corrected = []
    for parameters in ("last_layer", ["2.*"]):
        model = UnlearningClassifier(
            net,
            objective=objective,
            influence=Influence(parameters=parameters, damping=0.01, solver="direct"),
            update="one_step",
        )
        corrected.append(model.unlearn(X, y, sensitive_features=group))
    exact, general = corrected
    scale = np.abs(general.influence_).max()
    assert_allclose(exact.influence_, general.influence_, atol=1e-4 * scale)
    assert_allclose(exact.epsilon_, general.epsilon_, atol=1e-3)
    assert_allclose(exact.predict_proba(X), general.predict_proba(X), atol=1e-4)
    for model in corrected:
        assert torch.equal(model.estimator_.module_[0].weight, net.module_[0].weight)


@pytest.mark.parametrize("measured", ["training rows", "other rows"])
@pytest.mark.parametrize("name", HEADS)
def test_last_layer_counts_rows_classes_and_decay(name, measured, double_precision):
    net, X, y, group = make_head(
        name,
        np.float64,
        train_split=ValidSplit(5, stratified=True),
        optimizer__param_groups=[
            ("2.weight", {"weight_decay": 0.3}),
            ("2.bias", {"weight_decay": 0.0}),
        ],
    )
    net.fit(X, y)
    options = {"sensitive_features": group, "sample_weight": np.arange(N_SAMPLES) % 4}
    if measured == "other rows":
        options["X_val"], options["y_val"] = X[::2] + 0.2, y[::2]
        options["sensitive_features_val"] = group[::2]
    exact, general = (
        UnlearningClassifier(
            net,
            objective=DemographicParity(pos_label=1),
            influence=Influence(parameters=parameters, damping=1e-3, solver="direct"),
            update="one_step",
        ).unlearn(X, y, **options)
        for parameters in ("last_layer", ["2.*"])
    )
    scale = np.abs(general.influence_).max()
    assert_allclose(exact.influence_, general.influence_, atol=1e-8 * scale)
    assert_allclose(exact.epsilon_, general.epsilon_, rtol=1e-6, atol=1e-9)
    assert exact.utility_after_ == pytest.approx(general.utility_after_, rel=1e-8)
    assert exact.stationarity_ == pytest.approx(general.stationarity_, rel=1e-6)
    assert_allclose(exact.predict_proba(X), general.predict_proba(X), atol=1e-8)


@pytest.mark.parametrize("name", ["softmax", "one logit", "class weights"])
def test_a_path_of_a_linear_last_layer_is_its_corrections(name, double_precision):
    net, X, y, group = make_head(name, np.float64)
    options = {
        "objective": DemographicParity(pos_label=1),
        "influence": Influence(parameters="last_layer", damping=0.01),
        "update": "one_step",
    }
    net.fit(X, y)
    strengths = [0.0, 0.2, 0.5, 0.8]
    path = UnlearningClassifierCV(net, strengths=strengths, **options)
    path.unlearn(X, y, sensitive_features=group)
    for strength, row in zip(strengths, path.path_.itertuples(), strict=True):
        weighting = SoftWeighting(strength=strength)
        model = UnlearningClassifier(net, weighting=weighting, **options)
        model.unlearn(X, y, sensitive_features=group)
        assert row.loss == pytest.approx(model.utility_after_, rel=1e-8)
        assert row.utility == pytest.approx(model.score(X, y))
        weight = 1.0 + model.epsilon_
        size = weight.sum() ** 2 / (weight**2).sum()
        assert row.effective_sample_size == pytest.approx(size, rel=1e-8)


@pytest.mark.parametrize("module", [Tied, Reused])
def test_last_layer_that_is_no_linear_head(module):
    X, y, _ = make_data()
    net = make_net(module, classes=[0, 1, 2, 3]).fit(X, y)
    view = make_model_view(net).restricted_to("last_layer", X)
    assert type(view) is TorchModelView


def test_patterns_of_names():
    X, y, _ = make_data()
    view = make_model_view(make_net().fit(X, y))
    assert view.restricted_to(["0.*", "2.bias"], X).network.names == [
        "0.weight",
        "0.bias",
        "2.bias",
    ]
    assert view.network.names == ["0.weight", "0.bias", "2.weight", "2.bias"]
    with pytest.raises(ValueError, match=r"'body.\*' matches no trained.*'0.weight'"):
        view.restricted_to(["0.*", "body.*"], X)


def test_linear_models_are_corrected_as_a_whole():
    X, y, group = make_data()
    model = UnlearningClassifier(
        LogisticRegression().fit(X, y), influence=Influence(parameters="last_layer")
    )
    with pytest.raises(TypeError, match="parameters='last_layer' is for networks"):
        model.unlearn(X, y, sensitive_features=group)


@pytest.mark.parametrize(
    "solver",
    [
        ConjugateGradient(tol=1e-5),
        Nystrom(tol=1e-5, random_state=0),
        Lissa(tol=1e-5, random_state=0),
    ],
)
def test_solvers_agree(solver):
    X, y, group = make_data()
    net = make_net().fit(X, y)
    models = [
        UnlearningClassifier(
            net, influence=Influence(solver=solver, damping=0.1)
        ).unlearn(X, y, sensitive_features=group)
        for solver in ("direct", solver)
    ]
    scale = np.abs(models[0].influence_).max()
    assert_allclose(models[1].influence_, models[0].influence_, atol=1e-3 * scale)


def test_negative_curvature_is_told():
    X, y, group = make_data()
    net = make_net(max_epochs=2).fit(X, y)
    for solver in ("conjugate_gradient", "direct"):
        influence = Influence(curvature="hessian", damping=0.0, solver=solver)
        model = UnlearningClassifier(net, influence=influence)
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            model.unlearn(X, y, sensitive_features=group)
        assert any(
            issubclass(warning.category, ConvergenceWarning)
            and "negative curvature" in str(warning.message)
            for warning in told
        )


def test_residuals_are_told():
    X, y, group = make_data()
    net = make_net().fit(X, y)
    tols = {"influence": 1e-3, "update": 1e-3}
    solver = ConjugateGradient(tol=1e-3)
    model = UnlearningClassifier(net, influence=Influence(solver=solver))
    model.unlearn(X, y, sensitive_features=group)
    assert set(model.solver_residuals_) == set(tols)
    assert all(0 < value <= 1e-3 for value in model.solver_residuals_.values())
    model.set_params(influence__solver="direct")
    model.unlearn(X, y, sensitive_features=group)
    assert model.solver_residuals_ == {}


def test_progress_is_shown_and_taken_away(capsys):
    pytest.importorskip("tqdm")
    X, y, group = make_data()
    influence = Influence(solver="conjugate_gradient")
    model = UnlearningClassifier(make_net().fit(X, y), influence=influence)
    model.unlearn(X, y, sensitive_features=group)
    assert capsys.readouterr() == ("", "")
    model.set_params(verbose=1).unlearn(X, y, sensitive_features=group)
    shown = capsys.readouterr().err
    assert "influence: " in shown
    assert "residual=" in shown
    assert shown.endswith("\r")  # the line is blank again


def on_cuda(net):
    """Return a copy of a fitted net on the GPU, in double precision."""
    moved = pickle.loads(pickle.dumps(net)).set_params(device="cuda")
    moved.module_.to("cuda").double()
    moved.criterion_.to("cuda")
    moved.initialize_optimizer()
    return moved


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("make", [np.asarray, sparse.csr_matrix])
@pytest.mark.parametrize("parameters", ["all", "last_layer", ["0.*"]])
def test_cuda_agrees_with_the_processor(parameters, make):
    X, y, group = make_data()
    X = make(X.astype(np.float64))
    net = make_net().fit(X.astype(np.float32), y)
    net.module_.double()
    net.initialize_optimizer()
    influence = Influence(parameters=parameters)
    models = [
        UnlearningClassifier(each, influence=influence).unlearn(
            X, y, sensitive_features=group
        )
        for each in (net, on_cuda(net))
    ]
    assert next(models[1].estimator_.module_.parameters()).is_cuda
    scale = np.abs(models[0].influence_).max()
    assert_allclose(models[1].influence_, models[0].influence_, atol=1e-6 * scale)
    assert_allclose(models[1].predict_proba(X), models[0].predict_proba(X), atol=1e-6)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize(
    "solver",
    [
        Direct(),
        ConjugateGradient(),
        Nystrom(random_state=0),
        Lissa(random_state=0),
    ],
)
def test_solvers_on_cuda(solver):
    X, y, group = make_data()
    net = make_net(device="cuda").fit(X, y)
    influence = Influence(solver=solver, damping=0.1)
    model = UnlearningClassifier(net, influence=influence)
    assert shrinks(model.unlearn(X, y, sensitive_features=group))


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_memory_on_cuda_is_given_back():
    X, y, group = make_data()
    net = make_net(device="cuda").fit(X, y)
    influence = Influence(solver="conjugate_gradient")
    model = UnlearningClassifier(net, influence=influence)
    model.unlearn(X, y, sensitive_features=group)
    held = torch.cuda.memory_allocated()
    model.unlearn(X, y, sensitive_features=group)
    assert torch.cuda.memory_allocated() <= held


def test_unfitted_net():
    X, y, group = make_data()
    with pytest.raises(NotFittedError):
        UnlearningClassifier(make_net()).unlearn(X, y, sensitive_features=group)


def test_import_of_the_package_does_not_import_torch():
    code = "import sys, skswu; print('torch' in sys.modules, 'skorch' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["False", "False"]
