"""Updates of linear models against refits, dense algebra and sampling."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.svm import LinearSVC

from skswu import UnlearningClassifier, register_update
from skswu.models import make_model_view
from skswu.updates import (
    UPDATES,
    BadTeacher,
    BaseUpdate,
    CatastrophicForgetting,
    ExactLastLayers,
    FineTune,
    FisherForgetting,
    GradientAscent,
    ModelUpdate,
    NTKUpdate,
    Scrub,
)
from skswu.weighting import BaseWeighting, Weights

pytestmark = pytest.mark.filterwarnings("ignore::skswu.exceptions.LinearizationWarning")

TIGHT = {"tol": 1e-10, "max_iter": 10_000}
MODELS = {
    "logistic": (LogisticRegression(**TIGHT), 2),
    "logistic class weight": (LogisticRegression(class_weight={0: 3.0}, **TIGHT), 2),
    "multinomial": (LogisticRegression(**TIGHT), 3),
    "ridge": (RidgeClassifier(), 2),
    "ridge three classes": (RidgeClassifier(), 3),
}


class FixedWeighting(BaseWeighting):
    """Weights that a test chose."""

    _parameter_constraints = {}

    def __init__(self, epsilon):
        self.epsilon = epsilon

    def target(self, before):
        return 0.5 * before

    def _weigh(self, metrics):
        return Weights(self.epsilon, reachable=True, message="")


@pytest.fixture
def epsilon(rng):
    return np.maximum(rng.normal(0.0, 0.5, 200), -1.0)


def corrected(estimator, n_classes, update, epsilon, sample_weight=None):
    X, y = data(n_classes)
    fitted = clone(estimator).fit(X, y, sample_weight=sample_weight)
    model = UnlearningClassifier(
        fitted,
        objective="target_utility",
        weighting=FixedWeighting(epsilon),
        update=update,
    )
    return model.unlearn(X, y, sample_weight=sample_weight)


def data(n_classes):
    return make_classification(
        200, 5, n_informative=3, n_classes=n_classes, flip_y=0.2, random_state=1
    )


def assert_refitted(model, estimator, n_classes, weight, rtol=1e-5):
    X, y = data(n_classes)
    refit = clone(estimator).fit(X, y, sample_weight=weight)
    found = make_model_view(model.estimator_).parameters
    view = make_model_view(refit)
    # A softmax does not see a constant that all its intercepts share.
    rows = view.evaluation_rows(X, y)
    scores = view.scores(rows, found), view.scores(rows, view.parameters)
    assert_allclose(*scores, rtol=rtol, atol=rtol)
    assert_allclose(model.sample_weight_, weight)


@pytest.mark.parametrize("update", [FineTune(max_epochs=2000), NTKUpdate(tol=1e-10)])
@pytest.mark.parametrize("name", MODELS)
def test_trained_to_the_end_is_the_weighted_refit(name, update, epsilon):
    estimator, n_classes = MODELS[name]
    weight = np.linspace(0.5, 1.5, 200)
    model = corrected(estimator, n_classes, update, epsilon, weight)
    assert_refitted(model, estimator, n_classes, weight * (1.0 + epsilon))
    assert model.stationarity_ < 1e-5


def test_hard_weights_are_the_refit_without_the_removed(epsilon):
    estimator, n_classes = MODELS["logistic"]
    removed = epsilon < 0
    model = corrected(estimator, n_classes, FineTune(max_epochs=2000), -1.0 * removed)
    X, y = data(n_classes)
    refit = clone(estimator).fit(X[~removed], y[~removed])
    assert_allclose(model.estimator_.coef_, refit.coef_, rtol=1e-4)


@pytest.mark.parametrize("name", ["ridge", "ridge three classes"])
def test_one_step_of_the_tangent_kernel_is_the_refit_of_ridge(name, epsilon):
    estimator, n_classes = MODELS[name]
    model = corrected(estimator, n_classes, NTKUpdate(max_steps=1), epsilon)
    assert_refitted(model, estimator, n_classes, 1.0 + epsilon, rtol=1e-9)


def test_fine_tuning_with_a_learning_rate_arrives_as_well(epsilon):
    estimator, n_classes = MODELS["logistic"]
    update = FineTune(lr=1.0, max_epochs=3000)
    model = corrected(estimator, n_classes, update, epsilon)
    assert_refitted(model, estimator, n_classes, 1.0 + epsilon, rtol=1e-3)


def test_more_epochs_come_closer(epsilon):
    estimator, n_classes = MODELS["logistic"]
    left = [
        corrected(estimator, n_classes, FineTune(max_epochs=n), epsilon).stationarity_
        for n in (1, 5, 25)
    ]
    assert left[0] > left[1] > left[2]


@pytest.mark.parametrize("ascent", [0.0, 0.5, 1.0])
def test_gradient_ascent_steps_by_the_largest_curvature(epsilon, ascent):
    estimator = LogisticRegression(fit_intercept=False, **TIGHT)
    update = GradientAscent(ascent=ascent, lr=0.7, max_epochs=2)
    model = corrected(estimator, 2, update, epsilon)
    X, y = data(2)
    coef = model.original_estimator_.coef_[0]
    p = 1.0 / (1.0 + np.exp(-X @ coef))
    curvature = X.T @ (X * (p * (1.0 - p))[:, None]) + np.eye(5)
    step = 0.7 / np.linalg.eigvalsh(curvature)[-1]
    for _ in range(2):
        p = 1.0 / (1.0 + np.exp(-X @ coef))
        coef = coef - step * (X.T @ ((1.0 + (1.0 + ascent) * epsilon) * (p - y)) + coef)
    assert_allclose(model.estimator_.coef_[0], coef, rtol=2e-2, atol=1e-3)


def test_gradient_ascent_forgets_what_is_removed():
    X, y = data(2)
    removed = np.arange(200) < 20
    model = corrected(LogisticRegression(), 2, GradientAscent(), -1.0 * removed)
    rows = np.flatnonzero(removed)
    kept = model.original_estimator_.predict_proba(X)[rows, y[rows]]
    forgotten = model.predict_proba(X)[rows, y[rows]]
    assert np.log(forgotten).mean() < np.log(kept).mean()


def test_fisher_without_noise_is_the_newton_step(epsilon):
    estimator = LogisticRegression(fit_intercept=False, **TIGHT)
    model = corrected(estimator, 2, FisherForgetting(noise=0.0), epsilon)
    X, y = data(2)
    coef, weight = model.original_estimator_.coef_[0], 1.0 + epsilon
    p = 1.0 / (1.0 + np.exp(-X @ coef))
    gradient = X.T @ (weight * (p - y)) + coef
    curvature = X.T @ (X * (weight * p * (1.0 - p))[:, None]) + np.eye(5)
    expected = coef - np.linalg.solve(curvature, gradient)
    assert_allclose(model.estimator_.coef_[0], expected, rtol=1e-6)


def test_fisher_noise_has_the_covariance_that_is_documented(epsilon):
    estimator, noise = LogisticRegression(**TIGHT), 0.1
    still = corrected(estimator, 2, FisherForgetting(noise=0.0), epsilon)
    X, y = data(2)
    view = make_model_view(still.original_estimator_)
    rows = view.training_rows(X, y)
    weight = 1.0 + epsilon
    information = view.curvature(rows, view.parameters, weight).dense_blocks()[0][1]
    information = np.diag(information) / weight.sum()
    update = FisherForgetting(noise=noise, random_state=np.random.RandomState(0))
    draws = [
        make_model_view(corrected(estimator, 2, update, epsilon).estimator_).parameters
        for _ in range(300)
    ]
    draws = np.array(draws) - make_model_view(still.estimator_).parameters
    covariance = np.cov(draws.T)
    variance = noise**2 / np.sqrt(information)
    assert_allclose(np.diag(covariance), variance, rtol=0.3)
    correlation = covariance / np.sqrt(np.outer(variance, variance))
    assert_allclose(correlation - np.diag(np.diag(correlation)), 0.0, atol=0.2)


def test_fisher_is_drawn_from_the_seed(epsilon):
    first, same, other = (
        corrected(LogisticRegression(), 2, FisherForgetting(random_state=seed), epsilon)
        for seed in (0, 0, 1)
    )
    assert_array_equal(first.estimator_.coef_, same.estimator_.coef_)
    assert np.any(first.estimator_.coef_ != other.estimator_.coef_)


@pytest.mark.parametrize(
    "update", [CatastrophicForgetting(), ExactLastLayers(), Scrub(), BadTeacher()]
)
def test_methods_for_networks_refuse_linear_models(update, epsilon):
    message = f"{type(update).__name__} needs a model with the method 'start_training'"
    with pytest.raises(TypeError, match=message):
        corrected(LogisticRegression(), 2, update, epsilon)


@pytest.mark.parametrize("name", UPDATES.names())
def test_every_update_is_known_by_name_and_has_plain_parameters(name):
    update = UPDATES[name]()
    assert isinstance(update, ModelUpdate)
    assert clone(update).get_params().keys() == update.get_params().keys()
    update.check_params()
    model = UnlearningClassifier(LogisticRegression(), update=name)
    for parameter, value in update.get_params().items():
        model.set_params(**{f"update__{parameter}": value})


@pytest.mark.parametrize(
    ("update", "parameter"),
    [
        (FineTune(max_epochs=0), "max_epochs"),
        (GradientAscent(ascent=-1.0), "ascent"),
        (FineTune(lr=0.0), "lr"),
        (FisherForgetting(noise=-1.0), "noise"),
        (NTKUpdate(max_steps=0), "max_steps"),
        (CatastrophicForgetting(0), "k"),
        (Scrub(alpha=-1.0), "alpha"),
    ],
)
def test_parameters_out_of_range_are_named(update, parameter, epsilon):
    with pytest.raises(ValueError, match=f"'{parameter}' parameter"):
        corrected(LogisticRegression(), 2, update, epsilon)


def test_other_linear_models_are_moved_as_well(epsilon):
    estimator = LinearSVC(random_state=0)
    model = corrected(estimator, 2, FineTune(max_epochs=100), epsilon)
    assert model.stationarity_ < 0.05


# [example] An unlearning method of one's own: go a way along the gradient of the
# samples to be forgotten, projected off that of the samples to be kept.
class ProjectedAscent(BaseUpdate):
    """Climb the loss of what is taken away where the rest does not notice."""

    def __init__(self, *, length=1.0):
        self.length = length

    def move(self, move):
        view, weight = move.view, move.rows.weight
        taken = weight * np.maximum(-move.epsilon, 0.0)
        up = view.loss_gradient(move.rows, move.parameters, taken)
        rest = view.loss_gradient(move.rows, move.parameters, weight - taken)
        up = up - rest * (up @ rest) / (rest @ rest)
        return move.parameters + self.length * move.solve_before(up), 1


register_update("projected_ascent", ProjectedAscent)
# [end of the example]


def test_own_method_is_used_by_name(epsilon):
    model = corrected(LogisticRegression(), 2, "projected_ascent", epsilon)
    X, y = data(2)
    taken = np.maximum(-epsilon, 0.0)
    rows = np.arange(200)
    before, after = (
        -np.log(one.predict_proba(X)[rows, y]) @ taken
        for one in (model.original_estimator_, model)
    )
    assert after > before
    model.set_params(update__length=0.5)
    assert model.update.length == 0.5
