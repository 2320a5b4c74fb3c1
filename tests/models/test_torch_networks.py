"""Networks as people have them, against finite differences of their own gradients."""

from collections import OrderedDict, namedtuple
from dataclasses import dataclass, fields

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from skorch import NeuralNetClassifier
from torch import nn
from torch.utils._pytree import register_pytree_node
from torch.utils.checkpoint import checkpoint

from skswu import UnlearningClassifier
from skswu.inspection import influence_values
from skswu.models import make_model_view
from skswu.objectives import AdversarialRobustness
from skswu.updates import (
    BadTeacher,
    CatastrophicForgetting,
    ExactLastLayers,
    FineTune,
    FisherForgetting,
    GradientAscent,
    InfluenceUpdate,
    NTKUpdate,
    Scrub,
)

pytestmark = [
    pytest.mark.filterwarnings("ignore::skswu.exceptions.LinearizationWarning"),
    pytest.mark.filterwarnings("ignore::skswu.exceptions.UtilityLossWarning"),
    # Features behind a normalisation add up to zero.
    pytest.mark.filterwarnings("ignore::skswu.exceptions.SingularCurvatureWarning"),
    pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor"),
    # Torch's own, of its encoder and of its compiler.
    pytest.mark.filterwarnings("ignore:enable_nested_tensor"),
    pytest.mark.filterwarnings("ignore:.*isinstance.treespec, LeafSpec"),
]

N_SAMPLES = 48


@pytest.fixture(autouse=True)
def double_precision():
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)
    yield
    torch.set_default_dtype(torch.float32)


class Perceptron(nn.Module):
    def __init__(self, wrap=lambda layer: layer):
        super().__init__()
        self.a, self.o = wrap(nn.Linear(4, 5)), nn.Linear(5, 2)

    def forward(self, X):
        return self.o(torch.tanh(self.a(X)))


class Encoder(nn.Module):
    """Positions whose first number is large are padding."""

    def __init__(self, masked=False, n_layers=1):
        super().__init__()
        layer = nn.TransformerEncoderLayer(4, 2, 6, batch_first=True)
        self.e, self.o, self.masked = nn.Linear(1, 4), nn.Linear(4, 2), masked
        self.t = nn.TransformerEncoder(layer, n_layers)

    def forward(self, X):
        padding = torch.zeros(X.shape, dtype=torch.bool)
        padding[:, -1] = X[:, 0] > 0.3
        mask = padding if self.masked else None
        hidden = self.t(self.e(X.unsqueeze(-1)), src_key_padding_mask=mask)
        return self.o(hidden.mean(1))


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.e, self.o = nn.Linear(1, 4), nn.Linear(4, 2)
        self.m = nn.MultiheadAttention(4, 2, batch_first=True)

    def forward(self, X):
        hidden = self.e(X.unsqueeze(-1))
        return self.o(self.m(hidden, hidden, hidden, need_weights=False)[0].mean(1))


class DotProducts(nn.Module):
    def __init__(self, again=False):
        super().__init__()
        self.e, self.o, self.again = nn.Linear(1, 4), nn.Linear(4, 2), again

    def attend(self, hidden):
        attend = nn.functional.scaled_dot_product_attention
        return attend(hidden, hidden, hidden, is_causal=True)

    def forward(self, X):
        hidden = self.e(X.unsqueeze(-1))
        if self.again:
            hidden = checkpoint(self.attend, hidden, use_reentrant=False)
        else:
            hidden = self.attend(hidden)
        return self.o(hidden.mean(1))


class CompiledParts(nn.Module):
    """A compiled layer, one compiled in place, and a compiled function."""

    def __init__(self):
        super().__init__()
        self.a = torch.compile(nn.Linear(4, 5), backend="aot_eager")
        self.b, self.o = nn.Linear(5, 5), nn.Linear(5, 2)
        self.b.compile(backend="aot_eager")

    @staticmethod
    @torch.compile(backend="aot_eager")
    def activate(X):
        return torch.tanh(X)

    def forward(self, X):
        return self.o(self.activate(self.b(self.activate(self.a(X)))))


class Lazy(nn.Sequential):
    def __init__(self):
        super().__init__(nn.LazyLinear(5), nn.Tanh(), nn.LazyLinear(2))


class Tied(nn.Module):
    """The last layer's weights are those of the first, by another name."""

    def __init__(self):
        super().__init__()
        self.first, self.o = nn.Linear(4, 4, bias=False), nn.Linear(4, 4, bias=False)
        self.o.weight = self.first.weight

    def forward(self, X):
        return self.o(torch.tanh(self.first(X)))[:, :2]


class SparseGradients(nn.Module):
    def __init__(self):
        super().__init__()
        self.e, self.o = nn.Embedding(12, 3, sparse=True), nn.Linear(3, 2)

    def forward(self, tokens):
        return self.o(torch.tanh(self.e(tokens).mean(1)))


class Remembering(Perceptron):
    """Keeps what it computed last, with its history."""

    def forward(self, X):
        self.hidden = torch.tanh(self.a(X))
        return self.o(self.hidden)


Named = namedtuple("Named", ["logits", "hidden", "loss"])


@dataclass
class ModelOutput(OrderedDict):
    """As transformers return it: a dict without what is None, and a dataclass."""

    loss: torch.Tensor | None = None
    logits: torch.Tensor | None = None
    hidden_states: tuple | None = None

    def __post_init__(self):
        for field in fields(self):
            if getattr(self, field.name) is not None:
                self[field.name] = getattr(self, field.name)


register_pytree_node(
    ModelOutput,
    lambda output: (list(output.values()), list(output)),
    lambda values, names: ModelOutput(**dict(zip(names, values, strict=True))),
)


class Several(Perceptron):
    def __init__(self, kind=tuple):
        super().__init__()
        self.kind = kind

    def forward(self, X):
        hidden = torch.tanh(self.a(X))
        if self.kind is tuple:
            return self.o(hidden), hidden
        if self.kind is dict:
            return {"hidden": hidden, "logits": self.o(hidden), "step": 3}
        if self.kind is ModelOutput:
            return ModelOutput(logits=self.o(hidden), hidden_states=(X, hidden))
        return Named(self.o(hidden), hidden, None)


class ReadsSeveral(NeuralNetClassifier):
    def get_loss(self, y_pred, y_true, *args, **kwargs):
        kinds = {tuple: lambda: y_pred[0], dict: lambda: y_pred["logits"]}
        logits = kinds.get(type(y_pred), lambda: y_pred.logits)()
        return super().get_loss(logits, y_true, *args, **kwargs)


class Autocast(NeuralNetClassifier):
    def infer(self, x, **fit_params):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            return super().infer(x, **fit_params)


def reals(rng):
    return rng.standard_normal((N_SAMPLES, 4))


def tokens(rng):
    return rng.integers(0, 12, (N_SAMPLES, 3))


def wrapped(parametrization):
    return {"module__wrap": parametrization}


SGD = {"optimizer": torch.optim.SGD}
orthogonal = nn.utils.parametrizations.orthogonal
weight_norm = nn.utils.parametrizations.weight_norm
NETS = {
    "encoder": (Encoder, {}, reals),
    "encoder with padding": (Encoder, {"module__masked": True}, reals),
    "attention": (Attention, {}, reals),
    "dot products": (DotProducts, {}, reals),
    "checkpointed": (DotProducts, {"module__again": True}, reals),
    "compiled": (Perceptron, {"compile": True, "compile__backend": "aot_eager"}, reals),
    "compiled parts": (CompiledParts, {}, reals),
    "orthogonal": (Perceptron, wrapped(orthogonal), reals),
    "weight norm": (Perceptron, wrapped(weight_norm), reals),
    "lazy": (Lazy, {}, reals),
    "tied": (Tied, {}, reals),
    "sparse gradients": (SparseGradients, SGD, tokens),
    "remembering": (Remembering, {}, reals),
    "tuple": (Several, {"net": ReadsSeveral}, reals),
    "dict": (Several, {"net": ReadsSeveral, "module__kind": dict}, reals),
    "model output": (
        Several,
        {"net": ReadsSeveral, "module__kind": ModelOutput},
        reals,
    ),
    "named": (Several, {"net": ReadsSeveral, "module__kind": Named}, reals),
}


def fit(name, rng, **more):
    module, options, draw = NETS[name] if isinstance(name, str) else name
    options = {**options, **more}
    X = draw(rng)
    X = X.astype(np.float32) if torch.get_default_dtype() == torch.float32 else X
    y = (X[:, 0] + 0.3 * rng.standard_normal(N_SAMPLES) > X[:, 0].mean()).astype(int)
    net = options.pop("net", NeuralNetClassifier)
    defaults = {"criterion": nn.CrossEntropyLoss, "optimizer": torch.optim.Adam}
    defaults |= {"lr": 0.05, "max_epochs": 3, "batch_size": 16, "train_split": None}
    return net(module, verbose=0, **{**defaults, **options}).fit(X, y), X, y


def groups_of(X):
    return np.where(X[:, 1] > np.median(X[:, 1]), "a", "b")


def own_gradient(net, view, X, y, parameters):
    """The gradient of the net's own loss, by one backward pass of its own copy."""
    copied = view.corrected(parameters)
    copied.module_.eval()
    loss = copied.get_loss(copied.infer(torch.as_tensor(X)), torch.as_tensor(y))
    copied.module_.zero_grad()
    loss.backward()
    named = {
        name.replace("_orig_mod.", ""): parameter.grad
        for name, parameter in copied.module_.named_parameters()
    }
    dense = [named[name].to_dense().reshape(-1) for name in view.network.names]
    return len(y) * torch.cat(dense)


@pytest.mark.parametrize("name", NETS)
def test_derivatives_are_those_of_the_nets_own_loss(name, rng):
    net, X, y = fit(name, rng)
    view = make_model_view(net)
    rows = view.training_rows(X, y)
    gradient = view.loss_gradient(rows, view.parameters, rows.weight)
    own = own_gradient(net, view, X, y, view.parameters)
    assert_allclose(gradient, own, rtol=1e-7, atol=1e-9 * float(own.abs().max()))
    # Some entries of an orthogonal parametrization are signs, which no step moves.
    direction = torch.as_tensor(rng.standard_normal(len(own))) * (own != 0)
    step = 1e-5 * direction
    numeric = own_gradient(net, view, X, y, view.parameters + step)
    numeric -= own_gradient(net, view, X, y, view.parameters - step)
    operator = view.curvature(rows, view.parameters, rows.weight, "hessian")
    moved = operator.product(direction[:, None])[:, 0]
    scale = float(moved.abs().max())
    assert_allclose(moved, numeric / 2e-5, rtol=1e-5, atol=1e-6 * scale)


SHOWN = ["encoder with padding", "compiled", "orthogonal", "lazy", "tied", "dict"]
SHOWN += ["model output"]


@pytest.mark.parametrize("name", [*SHOWN, "sparse gradients", "tuple"])
def test_corrected_and_shown(name, rng):
    net, X, y = fit(name, rng)
    groups = groups_of(X)
    model = UnlearningClassifier(net).unlearn(X, y, sensitive_features=groups)
    before, after = model.objective_before_, model.objective_after_
    assert abs(after[0]) < abs(before[0])
    values = influence_values(net, X, y, sensitive_features=groups)
    assert_allclose(values.iloc[:, 0], model.influence_[0])
    for parameters in ("last_layer", ["2.*" if name == "lazy" else "o.*"]):
        model.set_params(influence__parameters=parameters)
        model.unlearn(X, y, sensitive_features=groups)
        assert abs(model.objective_after_[0]) < abs(before[0])


UPDATES = [
    InfluenceUpdate(max_iter=2),
    InfluenceUpdate(step="textbook"),
    FineTune(max_epochs=1, random_state=0),
    GradientAscent(max_epochs=1, random_state=0),
    NTKUpdate(max_steps=1),
    FisherForgetting(random_state=0),
    Scrub(max_epochs=1, random_state=0),
    BadTeacher(max_epochs=1, random_state=0),
    CatastrophicForgetting(max_epochs=1, random_state=0),
    ExactLastLayers(max_epochs=1, random_state=0),
]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("update", UPDATES, ids=lambda update: type(update).__name__)
def test_every_update_takes_them(update, rng):
    for name in ("attention", "orthogonal", "lazy", "tuple", "model output"):
        net, X, y = fit(name, rng)
        model = UnlearningClassifier(net, update=update)
        model.unlearn(X, y, sensitive_features=groups_of(X))
        assert np.isfinite(model.objective_after_).all()


@pytest.mark.parametrize("name", ["encoder with padding", "compiled", "tuple"])
def test_adversarial_inputs_of_them(name, rng):
    net, X, y = fit(name, rng)
    objective = AdversarialRobustness(epsilon=0.2, n_steps=2)
    model = UnlearningClassifier(net, objective=objective)
    model.set_params(weighting__strength=0.05).unlearn(X, y)
    assert model.objective_after_[0] < model.objective_before_[0]


def test_single_precision_attention_under_autocast(rng):
    torch.set_default_dtype(torch.float32)
    net, X, y = fit("encoder", rng, net=Autocast)
    groups = groups_of(X)
    for parameters in ("all", "last_layer", ["o.*"]):
        model = UnlearningClassifier(net).set_params(influence__parameters=parameters)
        model.unlearn(X, y, sensitive_features=groups)
        assert abs(model.objective_after_[0]) < abs(model.objective_before_[0])


def test_switches_of_torch_are_as_before(rng):
    net, X, y = fit("encoder", rng)
    UnlearningClassifier(net).unlearn(X, y, sensitive_features=groups_of(X))
    assert torch.backends.mha.get_fastpath_enabled()
    assert torch.backends.cuda.flash_sdp_enabled()
    assert torch.backends.cuda.mem_efficient_sdp_enabled()


def test_a_tied_weight_has_each_of_its_names(rng):
    net, X, _ = fit("tied", rng)
    view = make_model_view(net)
    for parameters in ("all", "last_layer", ["o.*"], ["first.*"]):
        assert view.restricted_to(parameters, X).network.names == ["first.weight"]


def test_parameters_are_named_as_in_the_module_that_was_compiled(rng):
    for name in ("compiled", "compiled parts"):
        net, X, _ = fit(name, rng)
        view = make_model_view(net).restricted_to(["a.*"], X)
        assert view.network.names == ["a.weight", "a.bias"]


def test_a_parametrized_last_layer_is_found_with_all_its_parts(rng):
    class Head(Perceptron):
        def __init__(self):
            super().__init__()
            self.o = weight_norm(self.o)

    net, X, _ = fit((Head, {}, reals), rng)
    names = make_model_view(net).restricted_to("last_layer", X).network.names
    assert {name.partition(".")[0] for name in names} == {"o"}
    assert len(names) == 3


class Penalised(NeuralNetClassifier):
    def get_loss(self, y_pred, y_true, X=None, training=False):
        loss = super().get_loss(y_pred, y_true, X=X, training=training)
        penalty = sum(p.abs().sum() for p in self.module_.parameters())
        return loss + 1e-2 * penalty if training else loss


class Contrastive(NeuralNetClassifier):
    def get_loss(self, y_pred, y_true, X=None, training=False):
        loss = super().get_loss(y_pred, y_true, X=X, training=training)
        return loss + (y_pred - y_pred.mean(0)).square().sum(1)


class Rescaled(NeuralNetClassifier):
    def get_loss(self, y_pred, y_true, X=None, training=False):
        return 2.0 * super().get_loss(y_pred / 3.0, y_true, X=X, training=training)


def test_losses_that_are_not_of_rows_are_refused(rng):
    for net, told in ((Penalised, "adds a function of"), (Contrastive, "other rows")):
        fitted, X, y = fit("remembering", rng, net=Rescaled)
        make_model_view(fitted).training_rows(X, y)
        fitted.__class__ = net
        with pytest.raises(TypeError, match=told):
            make_model_view(fitted).training_rows(X, y)


def test_modules_spread_over_devices_are_refused(rng):
    net, *_ = fit("remembering", rng)
    net.module_ = nn.DataParallel(net.module_)
    with pytest.raises(TypeError, match=r"wrapped in DataParallel.*module_\.module"):
        make_model_view(net)


def test_half_precision_is_refused_by_name_but_may_stay_frozen(rng):
    torch.set_default_dtype(torch.float32)

    class Half(Perceptron):
        def forward(self, X):
            return self.o(torch.tanh(self.a(X.bfloat16())).float())

    net, X, y = fit("remembering", rng)
    net.module_.a.bfloat16()
    net.module_.__class__ = Half
    with pytest.raises(TypeError, match=r"'a\.weight' is torch\.bfloat16"):
        make_model_view(net)
    net.module_.a.requires_grad_(False)
    model = UnlearningClassifier(net)
    model.unlearn(X, y, sensitive_features=groups_of(X))
    assert torch.equal(model.estimator_.module_.a.weight, net.module_.a.weight)
