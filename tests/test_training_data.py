"""Whether the rows given are those of the fit, and which rows a fit saw."""

import warnings

import numpy as np
import pandas as pd
import pytest
import sklearn
from numpy.testing import assert_allclose
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.compose import make_column_transformer
from sklearn.exceptions import ConvergenceWarning
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import (
    LogisticRegression,
    LogisticRegressionCV,
    RidgeClassifier,
    RidgeClassifierCV,
    SGDClassifier,
)
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler, TargetEncoder
from sklearn.svm import LinearSVC

from skswu import UnlearningClassifier, UnlearningClassifierCV
from skswu.exceptions import TrainingDataWarning
from skswu.influence import Influence
from skswu.inspection import influence_values
from skswu.weighting import SoftWeighting

CROSS_VALIDATED = LogisticRegressionCV(Cs=3, cv=3)
if hasattr(CROSS_VALIDATED, "use_legacy_attributes"):
    CROSS_VALIDATED.set_params(l1_ratios=(0.0,), use_legacy_attributes=False)
CLASSIFIERS = {
    "lbfgs": LogisticRegression(),
    "lbfgs, loose": LogisticRegression(tol=1e-2),
    "newton-cg": LogisticRegression(solver="newton-cg"),
    "newton-cholesky": LogisticRegression(solver="newton-cholesky"),
    "liblinear": LogisticRegression(solver="liblinear"),
    "sag": LogisticRegression(solver="sag"),
    "saga": LogisticRegression(solver="saga"),
    "l1": LogisticRegression(solver="saga", l1_ratio=1.0),
    "no penalty": LogisticRegression(C=np.inf),
    "balanced": LogisticRegression(class_weight="balanced"),
    "cross-validated": CROSS_VALIDATED,
    "ridge": RidgeClassifier(),
    "ridge, lsqr": RidgeClassifier(solver="lsqr"),
    "ridge, cross-validated": RidgeClassifierCV(),
    "svc": LinearSVC(),
    "svc, dual": LinearSVC(dual=True, random_state=0),
    "sgd": SGDClassifier(loss="log_loss", random_state=0),
    "sgd, hinge": SGDClassifier(loss="squared_hinge", random_state=0),
    "sgd, penalised": SGDClassifier(loss="log_loss", alpha=0.03, random_state=0),
}
UNFINISHED = {
    "lbfgs": LogisticRegression(max_iter=3),
    "sag": LogisticRegression(solver="sag", max_iter=2),
    "svc": LinearSVC(dual=True, max_iter=5, random_state=0),
    "sgd": SGDClassifier(loss="log_loss", max_iter=2, random_state=0),
}
TOLD = ["lbfgs", "newton-cholesky", "liblinear", "ridge", "svc", "sgd, penalised"]


@pytest.fixture
def data(rng):
    X = rng.normal(size=(400, 4))
    y = (X @ [1.0, 1.0, 0.5, 0.0] + rng.logistic(size=400) > 0.5).astype(int)
    return X, y, np.where(rng.random(400) + 0.2 * y > 0.6, "a", "b")


def unlearn(classifier, data, strength=0.0, **options):
    X, y, group = data
    model = UnlearningClassifier(
        classifier,
        weighting=SoftWeighting(strength=strength),
        validation_fraction=None,
    )
    return model.unlearn(X, y, sensitive_features=group, **options)


@pytest.mark.parametrize("name", CLASSIFIERS)
@pytest.mark.parametrize("scale", [1.0, 1e3])
def test_own_rows_are_not_warned_of(data, name, scale):
    X, y, group = data
    X = X * [1.0, scale, 1.0, 1 / scale] + [0.0, scale, 0.0, 0.0]
    fitted = clone(CLASSIFIERS[name])
    with warnings.catch_warnings():  # not all of them converge
        warnings.simplefilter("ignore")
        fitted.fit(X, y)
    with np.errstate(all="ignore"):
        unlearn(fitted, (X, y, group))


@pytest.mark.parametrize("name", UNFINISHED)
def test_rows_of_an_unfinished_fit_are_not_warned_of(data, name):
    X, y, _ = data
    with pytest.warns(ConvergenceWarning):
        fitted = clone(UNFINISHED[name]).fit(X, y)
    unlearn(fitted, data)


@pytest.mark.parametrize("name", TOLD)
def test_forgotten_weights_are_told(data, name):
    X, y, _ = data
    weight = np.where(y == 1, 10.0, 1.0)
    fitted = clone(CLASSIFIERS[name])
    if name == "sgd, penalised":
        weight /= 10.0
    fitted.fit(X, y, sample_weight=weight)
    unlearn(fitted, data, sample_weight=weight)
    with pytest.warns(TrainingDataWarning, match="sample_weight of the fit"):
        unlearn(fitted, data)


@pytest.mark.parametrize("name", TOLD)
def test_labels_and_rows_in_another_order_are_told(data, rng, name):
    X, y, group = data
    fitted = clone(CLASSIFIERS[name]).fit(X, y)
    for other in ((X, rng.permutation(y), group), (X[::-1].copy(), y, group)):
        with pytest.warns(TrainingDataWarning, match="another order"):
            unlearn(fitted, other)


STOCHASTIC = {
    "long steps": {"alpha": 1e-3},
    "penalised": {"alpha": 1e-2},
    "lasso": {"penalty": "l1", "alpha": 1e-3},
    "early stopping": {"early_stopping": True, "alpha": 1e-2},
    "constant": {"learning_rate": "constant", "eta0": 0.1},
    "adaptive": {"learning_rate": "adaptive", "eta0": 0.1},
}


@pytest.mark.parametrize("name", STOCHASTIC)
def test_stochastic_gradients_are_told_of_other_rows(data, rng, name):
    X, y, group = data
    fitted = SGDClassifier(loss="log_loss", random_state=0, **STOCHASTIC[name])
    fitted.fit(X, y)
    unlearn(fitted, data)
    for other in (rng.permutation(y), 1 - y):
        with pytest.warns(TrainingDataWarning):
            unlearn(fitted, (X, other, group))


@pytest.mark.parametrize(
    "options",
    [
        {"alpha": 10.0},
        {"learning_rate": "constant", "eta0": 1e-4},
        {"learning_rate": "adaptive", "eta0": 1e-4},
        {"loss": "squared_hinge", "alpha": 0.1},
        {"average": True},
        {"max_iter": 5, "alpha": 0.1},
    ],
    ids=str,
)
def test_stochastic_gradients_that_are_on_the_way_are_not_told(data, options):
    X, y, _ = data
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fitted = SGDClassifier(random_state=0, **{"loss": "log_loss", **options})
        fitted.fit(X, y, sample_weight=np.where(y == 1, 0.1, 0.01))
    unlearn(fitted, data, sample_weight=np.where(y == 1, 0.1, 0.01))


@pytest.mark.parametrize("alpha", [1e-4, 1e-3, 1e-2, 0.1])
def test_stochastic_gradients_may_have_nothing_to_learn(data, alpha):
    X, _, group = data
    y = np.arange(len(X)) // 3 % 2
    fitted = SGDClassifier(loss="log_loss", alpha=alpha, random_state=0)
    unlearn(fitted.fit(X[:, :2], y), (X[:, :2], y, group))


@pytest.mark.parametrize("solver", ["direct", "conjugate_gradient"])
def test_the_decrement_is_what_a_newton_step_lowers_the_quadratic_by(data, solver):
    X, y, group = data
    weight = np.linspace(0.5, 2.0, len(y))
    fitted = LogisticRegression(C=0.3, max_iter=2)
    with pytest.warns(ConvergenceWarning):
        fitted.fit(X, y, sample_weight=weight)
    model = UnlearningClassifier(
        fitted,
        influence=Influence(solver=solver),
        weighting=SoftWeighting(strength=0.0),
    ).unlearn(X, y, sensitive_features=group, sample_weight=weight)

    design = np.column_stack([X, np.ones(len(y))])
    theta = np.append(fitted.coef_, fitted.intercept_)
    penalty = np.append(np.full(4, 1 / 0.3), 0.0)
    p = 1 / (1 + np.exp(-design @ theta))
    gradient = design.T @ (weight * (p - y)) + penalty * theta
    hessian = (design.T * (weight * p * (1 - p))) @ design + np.diag(penalty)
    expected = 0.5 * gradient @ np.linalg.solve(hessian, gradient) / weight.sum()
    assert_allclose(model.training_decrement_, expected, rtol=1e-6)
    assert expected > 1e-4


def test_a_fit_that_is_exact_leaves_nothing(data):
    X, y, _ = data
    assert unlearn(RidgeClassifier().fit(X, y), data).training_decrement_ < 1e-20


def test_a_model_that_is_fitted_anew_has_no_decrement(data):
    X, y, group = data
    model = UnlearningClassifier(LogisticRegression(), update="refit")
    model.set_params(weighting__strength=0.1)
    model.fit(X, y, sensitive_features=group)
    assert np.isnan(model.training_decrement_)


def test_influence_values_tell_other_rows_too(data):
    X, y, group = data
    fitted = LogisticRegression().fit(X, y)
    with pytest.warns(TrainingDataWarning):
        influence_values(fitted, X, 1 - y, sensitive_features=group)


@pytest.mark.parametrize("norm", [False, True])
@pytest.mark.parametrize("parameters", ["all", "last_layer"])
def test_a_net_is_held_against_the_loss_that_it_recorded(data, norm, parameters, rng):
    torch = pytest.importorskip("torch")
    skorch = pytest.importorskip("skorch")
    X, y, group = data
    X, y = X.astype(np.float32), (X[:, 0] > 0).astype(np.int64)
    torch.manual_seed(0)
    middle = [torch.nn.BatchNorm1d(8)] if norm else []
    layers = [torch.nn.Linear(4, 8), *middle, torch.nn.Tanh(), torch.nn.Linear(8, 2)]
    net = skorch.NeuralNetClassifier(
        torch.nn.Sequential(*layers),
        criterion=torch.nn.CrossEntropyLoss,
        optimizer=torch.optim.Adam,
        lr=0.02,
        max_epochs=15,
        train_split=None,
        verbose=0,
    ).fit(X, y)
    model = UnlearningClassifier(
        net,
        influence=Influence(parameters=parameters),
        weighting=SoftWeighting(strength=0.0),
    )
    model.unlearn(X, y, sensitive_features=group)
    assert np.isnan(model.training_decrement_)
    with pytest.warns(TrainingDataWarning, match="recorded"):
        model.unlearn(X, rng.permutation(y), sensitive_features=group)
    net.history_.clear()
    model.unlearn(X, rng.permutation(y), sensitive_features=group)


def network(layers, **options):
    torch = pytest.importorskip("torch")
    skorch = pytest.importorskip("skorch")
    torch.manual_seed(0)
    defaults = {"optimizer": torch.optim.Adam, "lr": 0.02, "batch_size": 50}
    defaults |= {"train_split": None, "verbose": 0}
    make = {
        "plain": lambda: [
            torch.nn.Linear(4, 8),
            torch.nn.Tanh(),
            torch.nn.Linear(8, 2),
        ],
        "norm": lambda: (
            [torch.nn.Linear(4, 8), torch.nn.BatchNorm1d(8), torch.nn.ReLU()]
            + [torch.nn.BatchNorm1d(8), torch.nn.Linear(8, 2)]
        ),
        "dropout": lambda: (
            [torch.nn.Linear(4, 16), torch.nn.ReLU()]
            + [torch.nn.Dropout(0.8), torch.nn.Linear(16, 2)]
        ),
    }
    return skorch.NeuralNetClassifier(
        torch.nn.Sequential(*make[layers]()),
        criterion=torch.nn.CrossEntropyLoss,
        **{**defaults, **options},
    )


def is_told(net, data):
    with warnings.catch_warnings(record=True) as met:
        warnings.simplefilter("always")
        unlearn(net, data)
    return any(one.category is TrainingDataWarning for one in met)


@pytest.mark.parametrize("n_epochs", [8, 60])
def test_what_counts_is_the_loss_that_a_training_ended_with(data, rng, n_epochs):
    X, y, group = data
    X = X.astype(np.float32)
    net = network("plain", max_epochs=n_epochs).fit(X, y)
    assert not is_told(net, (X, y, group))
    assert is_told(net, (X, 1 - y, group))
    # The first epochs lost more than the labels would have to cost.
    first, last = (net.history[epoch]["train_loss"] for epoch in (0, -1))
    message = f"recorded {last:.3g} in the last"
    assert first > last + 0.1
    with pytest.warns(TrainingDataWarning, match=message):
        unlearn(net, (X, 1 - y, group))
    if n_epochs == 60:
        assert is_told(net, (X, rng.permutation(y), group))


@pytest.mark.parametrize("lr", [0.01, 0.1, 0.5])
@pytest.mark.parametrize("n_epochs", [1, 2, 4, 30])
@pytest.mark.parametrize("layers", ["plain", "norm", "dropout"])
def test_own_rows_of_a_net_are_not_told(data, layers, n_epochs, lr):
    X, y, group = data
    X = X.astype(np.float32)
    net = network(layers, max_epochs=n_epochs, lr=lr).fit(X, y)
    assert not is_told(net, (X, y, group))
    net.partial_fit(X, y)
    assert not is_told(net, (X, y, group))


def test_running_statistics_that_lag_behind_are_no_other_rows(data):
    X, y, group = data
    X = X.astype(np.float32) + 30
    net = network("norm", max_epochs=4, lr=0.1)
    for layer in net.module:
        if hasattr(layer, "momentum"):
            layer.momentum = 1e-3
    net.fit(X, y)
    state = {name: one.clone() for name, one in net.module_.state_dict().items()}
    recorded = net.history[-1]["train_loss"]
    probability = net.predict_proba(X)
    probability = np.exp(probability) / np.exp(probability).sum(1, keepdims=True)
    loss = -np.log(probability[np.arange(len(y)), y]).mean()
    assert loss > recorded + 0.5 * np.log(2)
    assert not is_told(net, (X, y, group))
    assert is_told(net, (X, 1 - y, group))
    # The net is as it was, running statistics included.
    for name, one in net.module_.state_dict().items():
        assert (one == state[name]).all()


def test_a_net_that_diverged_tells_nothing(data):
    torch = pytest.importorskip("torch")
    X, y, group = data
    X = X.astype(np.float32)
    options = {"optimizer": torch.optim.SGD, "lr": 8.0, "max_epochs": 3}
    net = network("dropout", **options).fit(X, y)
    assert net.history[-1]["train_loss"] > 1.2 * np.log(2)
    assert not is_told(net, (X, y, group))


def test_a_net_whose_loss_jumps_may_have_jumped_last(data):
    X, y, group = data
    X = X.astype(np.float32)
    net = network("plain", max_epochs=60).fit(X, y)
    other = X, 1 - y, group
    assert is_told(net, other)
    net.history_[-3]["train_loss"] += 5.0
    assert not is_told(net, other)
    net.history_[-3]["train_loss"] -= 5.0
    net.history_[-30]["train_loss"] += 5.0
    assert is_told(net, other)


def test_a_net_may_be_back_at_its_best_epoch(data):
    pytest.importorskip("skorch")
    from skorch.callbacks import EarlyStopping
    from skorch.dataset import ValidSplit

    X, y, group = data
    X = X.astype(np.float32)
    net = network(
        "plain",
        lr=0.1,
        max_epochs=200,
        train_split=ValidSplit(5),
        callbacks=[EarlyStopping(patience=60, load_best=True)],
    ).fit(X, y)
    assert not is_told(net, (X, y, group))
    assert is_told(net, (X, 1 - y, group))


# What the last step of a Pipeline saw


class Noisy(TransformerMixin, BaseEstimator):
    """Gives other rows to what is fitted behind it than it transforms to."""

    def fit(self, X, y=None, sample_weight=None):
        self.sum_ = np.sum(sample_weight) if sample_weight is not None else len(X)
        return self

    def fit_transform(self, X, y, sample_weight=None):
        self.fit(X, y, sample_weight)
        return np.asarray(X) + 0.5 * (np.arange(len(X)) % 3)[:, None] / self.sum_ * 400

    def transform(self, X):
        return np.asarray(X)


def make(**options):
    last = LogisticRegression(tol=1e-10, max_iter=1000)
    return Pipeline(
        [("noise", Noisy()), ("scale", StandardScaler()), ("last", last)], **options
    )


@pytest.mark.parametrize("nested", [False, True])
def test_fit_starts_from_the_rows_that_the_classifier_saw(data, nested, tmp_path):
    X, y, group = data
    pipeline = make(memory=str(tmp_path))
    if nested:
        pipeline = make_pipeline(StandardScaler(), pipeline)
    model = UnlearningClassifier(
        pipeline, validation_fraction=None, weighting=SoftWeighting(strength=0.3)
    )
    model.fit(X, y, sensitive_features=group)
    assert model.training_decrement_ < 1e-12

    # By hand: the bare classifier on what each step's fit_transform returns.
    seen = StandardScaler().fit_transform(X) if nested else X
    seen = StandardScaler().fit_transform(Noisy().fit_transform(seen, y))
    bare = LogisticRegression(tol=1e-10, max_iter=1000).fit(seen, y)
    by_hand = UnlearningClassifier(
        bare, validation_fraction=None, weighting=SoftWeighting(strength=0.3)
    )
    by_hand.unlearn(seen, y, sensitive_features=group)
    assert_allclose(model.epsilon_, by_hand.epsilon_, atol=1e-9)
    last = model.estimator_
    while hasattr(last, "steps"):
        last = last[-1]
    assert_allclose(last.coef_, by_hand.estimator_.coef_, atol=1e-9)


def test_a_path_and_held_out_rows_start_from_them_too(data):
    X, y, group = data
    model = UnlearningClassifierCV(
        make(), strengths=[0.0, 0.2], validation_fraction=0.2, random_state=0
    )
    model.fit(X, y, sensitive_features=group)
    assert model.training_decrement_ < 1e-12
    # Rows that were not trained on are transformed.
    held_out = model.validation_indices_
    predicted = model.original_estimator_.predict_proba(X[held_out])[:, 1]
    loss = -np.log(np.where(y[held_out] == 1, predicted, 1 - predicted)).mean()
    assert_allclose(model.utility_before_, loss, rtol=1e-9)


def test_influence_values_after_fit_are_on_the_same_rows(data):
    X, y, group = data
    model = UnlearningClassifier(make(), random_state=0)
    model.set_params(weighting__strength=0.3)
    model.fit(X, y, sensitive_features=group)
    values = influence_values(model, X, y, sensitive_features=group)
    assert_allclose(values.iloc[:, 0], model.influence_[0], rtol=1e-9, atol=1e-15)


def test_weights_are_routed_to_the_steps_that_ask(data):
    X, y, group = data
    weight = np.where(y == 1, 2.0, 1.0)
    with sklearn.config_context(enable_metadata_routing=True):
        pipeline = make()
        pipeline.set_params(
            noise=Noisy().set_fit_request(sample_weight=True),
            scale=StandardScaler().set_fit_request(sample_weight=False),
            last=pipeline[-1].set_fit_request(sample_weight=True),
        )
        model = UnlearningClassifier(pipeline, validation_fraction=None)
        model.set_params(weighting__strength=0.1)
        model.fit(X, y, sensitive_features=group, sample_weight=weight)
    assert model.training_decrement_ < 1e-12
    assert model.estimator_["noise"].sum_ == weight.sum()


@pytest.fixture
def coded(rng):
    n = 600
    number = rng.normal(size=n)
    frame = pd.DataFrame({"a": number, "code": rng.integers(0, 60, n).astype(str)})
    y = (number + rng.normal(size=n) > 0.5).astype(int)
    return frame, y, np.where(rng.random(n) + 0.2 * y > 0.6, "a", "b")


def encoded():
    encoder = TargetEncoder(random_state=0)
    encode = make_column_transformer((encoder, ["code"]), remainder="passthrough")
    return make_pipeline(encode, LogisticRegression(tol=1e-8))


@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_a_target_encoder_is_right_in_fit_and_told_in_unlearn(coded):
    X, y, group = coded
    model = UnlearningClassifier(encoded(), validation_fraction=None)
    model.set_params(weighting__strength=0.2)
    model.fit(X, y, sensitive_features=group)
    assert model.training_decrement_ < 1e-8
    fitted = encoded().fit(X, y)
    with pytest.warns(TrainingDataWarning, match="TargetEncoder"):
        unlearn(fitted, coded)


class Resampler(BaseEstimator):
    """What imbalanced-learn's samplers look like."""

    def fit(self, X, y):
        return self

    def transform(self, X):
        return X

    def fit_resample(self, X, y):
        return X, y


def test_samplers_inside_are_refused_with_the_cure(data):
    X, y, group = data
    pipeline = make_pipeline(StandardScaler(), Resampler(), LogisticRegression())
    fitted = clone(pipeline).fit(X, y)
    nested = make_pipeline(StandardScaler(), pipeline)
    for call in (
        lambda: UnlearningClassifier(pipeline).fit(X, y, sensitive_features=group),
        lambda: UnlearningClassifier(nested).fit(X, y, sensitive_features=group),
        lambda: unlearn(fitted, data),
        lambda: unlearn(FrozenEstimator(fitted), data),
        lambda: influence_values(fitted, X, y, sensitive_features=group),
    ):
        with pytest.raises(TypeError, match="Put the sampler around"):
            call()


# The wrapped object, fitted anew


@pytest.mark.filterwarnings("ignore::skswu.exceptions.LinearizationWarning")
def test_unlearn_after_fit_corrects_what_was_refitted_since(data):
    X, y, group = data
    classifier = LogisticRegression(tol=1e-8)
    model = UnlearningClassifier(classifier, random_state=0)
    model.set_params(weighting__strength=0.3)
    model.fit(X, y, sensitive_features=group)
    of_fit = model.original_estimator_.coef_
    train = model.train_indices_
    model.unlearn(X[train], y[train], sensitive_features=group[train])
    assert_allclose(model.original_estimator_.coef_, of_fit)

    model.fit(X, y, sensitive_features=group)
    classifier.set_params(C=0.01).fit(X, y)
    model.unlearn(X, y, sensitive_features=group)
    assert_allclose(model.original_estimator_.coef_, classifier.coef_)

    model.fit(X, y, sensitive_features=group)
    classifier.set_params(C=1.0).fit(X[:200], y[:200])
    model.unlearn(X[:200], y[:200], sensitive_features=group[:200])
    assert_allclose(model.original_estimator_.coef_, classifier.coef_)
