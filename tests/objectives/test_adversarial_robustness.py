"""Adversarial inputs against brute force, and the objective against retraining."""

import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from scipy.optimize import LinearConstraint, minimize
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from skswu import UnlearningClassifier
from skswu.models import make_model_view
from skswu.objectives import AdversarialRobustness

BINARY = {
    "logistic": LogisticRegression(),
    "ridge": RidgeClassifier(),
    "svc": LinearSVC(random_state=0),
}


def problem(classifier, n_classes=2, n_samples=60):
    X, y = make_classification(
        n_samples,
        4,
        n_informative=4,
        n_redundant=0,
        n_classes=n_classes,
        n_clusters_per_class=1,
        random_state=3,
    )
    view = make_model_view(classifier.fit(X, y))
    return X, y, view, view.evaluation_rows(X, y)


def perturbed(view, rows, **options):
    attack = AdversarialRobustness(**options).make_attack()
    return view.adversarial_rows(rows, view.parameters, attack)


def sphere(rng, norm, radius, n, d):
    """Points of a ball's border, its corners among them."""
    points = rng.normal(size=(n, d))
    if norm == "l2":
        return radius * points / np.linalg.norm(points, axis=1, keepdims=True)
    return radius * np.sign(points)


@pytest.mark.parametrize("attack", ["fgsm", "pgd"])
@pytest.mark.parametrize("norm", ["l2", "linf"])
@pytest.mark.parametrize("name", BINARY)
def test_no_point_of_the_ball_is_worse_than_the_worst_case(rng, name, norm, attack):
    X, y, view, rows = problem(BINARY[name])
    found = perturbed(view, rows, attack=attack, norm=norm, epsilon=0.4)
    order = 2 if norm == "l2" else np.inf
    sizes = np.linalg.norm(found.blocks.X - X, order, axis=1)
    assert_allclose(sizes, 0.4)
    losses = view.losses(found, view.parameters)
    for step in sphere(rng, norm, 0.4, 300, X.shape[1]):
        other = view.evaluation_rows(X + step, y)
        assert np.all(view.losses(other, view.parameters) <= losses + 1e-12)


@pytest.mark.parametrize("norm", ["l2", "linf"])
def test_worst_case_within_a_range_is_that_of_an_optimiser(norm):
    X, y, view, rows = problem(LogisticRegression(), n_samples=12)
    low, high = np.full(4, -0.8), np.array([0.9, 1.0, 0.7, 1.5])
    X = np.clip(X, low, high)
    rows = view.evaluation_rows(X, y)
    found = perturbed(view, rows, norm=norm, epsilon=0.6, clip=(low, high)).blocks.X
    assert np.all((found >= low) & (found <= high))
    coef = view.estimator.coef_[0]
    for x, label, ours in zip(X, y, found, strict=True):
        sign = 1 if label else -1
        bounds = np.column_stack([low - x, high - x])
        if norm == "linf":
            bounds = np.clip(bounds, -0.6, 0.6)
        ball = [{"type": "ineq", "fun": lambda d: 0.36 - d @ d}]
        best = minimize(
            lambda d, sign=sign: sign * coef @ d,
            np.zeros(4),
            bounds=bounds,
            constraints=ball if norm == "l2" else (),
            method="SLSQP" if norm == "l2" else "L-BFGS-B",
            options={"ftol": 1e-12},
        )
        assert_allclose(sign * coef @ (ours - x), best.fun, atol=1e-5)


@pytest.mark.parametrize("n_classes", [2, 4])
def test_boundary_is_the_smallest_perturbation_to_another_class(n_classes):
    X, _, view, rows = problem(LogisticRegression(), n_classes, n_samples=80)
    model = view.estimator
    found = perturbed(view, rows, attack="boundary", overshoot=0.0).blocks.X
    coef, intercept = model.coef_, model.intercept_
    if n_classes == 2:
        coef, intercept = np.vstack([0 * coef, coef]), np.append(0.0, intercept)
    for x, ours in zip(X[:20], found[:20], strict=True):
        z = coef @ x + intercept
        top = z.argmax()
        sizes = []
        for other in set(range(n_classes)) - {top}:
            half = LinearConstraint(coef[other] - coef[top], lb=z[top] - z[other])
            nearest = minimize(lambda d: d @ d, np.zeros(4), constraints=half)
            sizes.append(np.sqrt(nearest.fun))
        assert_allclose(np.linalg.norm(ours - x), min(sizes), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("n_classes", [2, 4])
def test_boundary_turns_every_prediction_around(n_classes):
    X, _, view, rows = problem(LogisticRegression(), n_classes)
    near = perturbed(view, rows, attack="boundary", overshoot=1e-6).blocks.X
    far = perturbed(view, rows, attack="boundary", overshoot=0.3).blocks.X
    model = view.estimator
    assert np.all(model.predict(near) != model.predict(X))
    assert_allclose(far - X, 1.3 * (near - X), rtol=1e-5)


@pytest.mark.parametrize("norm", ["l2", "linf"])
def test_pgd_of_several_classes_is_worse_than_fgsm_and_stays_in_the_ball(norm):
    X, _, view, rows = problem(LogisticRegression(), 4)
    losses = {}
    for attack in ("fgsm", "pgd"):
        found = perturbed(view, rows, attack=attack, norm=norm, epsilon=1.0)
        step = found.blocks.X - X
        size = np.linalg.norm(step, 2 if norm == "l2" else np.inf, axis=1)
        assert np.all(size <= 1.0 + 1e-9)
        losses[attack] = view.losses(found, view.parameters).mean()
    assert losses["pgd"] >= losses["fgsm"] > view.losses(rows, view.parameters).mean()


def test_random_starts_are_drawn_from_the_seed():
    _, _, view, rows = problem(LogisticRegression(), 4)
    options = {"n_steps": 1, "step_size": 0.01, "epsilon": 1.0}
    one, same, other, none = (
        perturbed(view, rows, random_state=seed, **options).blocks.X
        for seed in (0, 0, 1, None)
    )
    assert_array_equal(one, same)
    assert np.abs(one - other).max() > 0.1
    assert np.abs(none - rows.blocks.X).max() <= 0.01 + 1e-12


@pytest.mark.parametrize("attack", ["fgsm", "pgd", "boundary"])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_gradient_is_that_at_fixed_points(attack, n_classes):
    _, y, view, rows = problem(LogisticRegression(), n_classes)
    weight = np.linspace(0.5, 2.0, len(y))
    objective = AdversarialRobustness(attack=attack, adaptive=False, epsilon=0.3)
    metrics = objective.bind(y, view.classes, None, weight)
    start = view.parameters
    gradient = metrics.parameter_gradient(view, rows, start)[:, 0]
    for index in range(len(start)):
        step = np.zeros_like(start)
        step[index] = 1e-6
        up = metrics.measure(view, rows, start + step)
        down = metrics.measure(view, rows, start - step)
        assert_allclose(gradient[index], (up - down) / 2e-6, rtol=1e-5, atol=1e-8)


@pytest.mark.parametrize("norm", ["l2", "linf"])
def test_gradient_is_that_of_the_worst_case(norm):
    """Danskin: the same as of the measure that attacks anew."""
    _, y, view, rows = problem(LogisticRegression())
    objective = AdversarialRobustness(norm=norm, epsilon=0.3)
    metrics = objective.bind(y, view.classes, None, np.ones(len(y)))
    start = view.parameters
    gradient = metrics.parameter_gradient(view, rows, start)[:, 0]
    direction = np.linspace(-1.0, 1.0, len(start))
    up = metrics.measure(view, rows, start + 1e-6 * direction)
    down = metrics.measure(view, rows, start - 1e-6 * direction)
    assert_allclose(gradient @ direction, (up - down) / 2e-6, rtol=1e-5)


def test_attacks_happen_in_the_space_of_the_last_step():
    X, y, _, _ = problem(LogisticRegression())
    X = X * [1.0, 100.0, 0.01, 1.0] + 5.0
    pipeline = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, y)
    bare = LogisticRegression().fit(StandardScaler().fit_transform(X), y)
    objective = AdversarialRobustness(epsilon=0.2)
    options = {"objective": objective, "weighting": "hard"}
    in_pipeline = UnlearningClassifier(pipeline, **options).unlearn(X, y)
    alone = UnlearningClassifier(bare, **options)
    alone.unlearn(StandardScaler().fit_transform(X), y)
    assert_allclose(in_pipeline.objective_before_, alone.objective_before_)
    assert_allclose(in_pipeline.objective_after_, alone.objective_after_)


@pytest.mark.filterwarnings("ignore::skswu.exceptions.LinearizationWarning")
def test_after_is_adaptive_unless_asked():
    X, y, view, _ = problem(LogisticRegression(), n_samples=300)
    options = {"update": "one_step", "random_state": 0}
    for adaptive in (True, False):
        objective = AdversarialRobustness(epsilon=0.3, adaptive=adaptive)
        model = UnlearningClassifier(view.estimator, objective=objective, **options)
        model.set_params(weighting__strength=0.05).unlearn(X, y)
        attacked = model.estimator_ if adaptive else view.estimator
        coef = attacked.coef_[0]
        away = np.where(y == 1, -1.0, 1.0)[:, None] * coef
        points = X + 0.3 * away / np.linalg.norm(coef)
        probability = model.predict_proba(points)[np.arange(len(y)), y]
        assert_allclose(model.objective_after_[0], -np.log(probability).mean())
        assert model.objective_after_[0] < model.objective_before_[0]


def test_target_is_what_is_left_out_and_no_less_than_all():
    _, y, view, rows = problem(LogisticRegression())
    measured = [
        AdversarialRobustness(target=target)
        .bind(y, view.classes, None, np.ones(len(y)))
        .measure(view, rows, view.parameters)[0]
        for target in (0.0, 0.1, 0.5)
    ]
    assert_allclose(measured[0] - measured[1], 0.1)
    assert_allclose(measured[0] - measured[2], 0.5)
    assert measured[2] < 0


def test_sparse_rows_are_refused():
    X, y, view, _ = problem(LogisticRegression())
    model = UnlearningClassifier(view.estimator, objective="adversarial_robustness")
    with pytest.raises(ValueError, match=r"sparse matrix of shape \(60, 4\)"):
        model.unlearn(sparse.csr_array(X), y)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"attack": "cw"}, "'attack' parameter"),
        ({"epsilon": 0.0}, "'epsilon' parameter"),
        ({"norm": "l1"}, "'norm' parameter"),
        ({"clip": (0.0, 1.0, 2.0)}, "3 entries"),
        ({"clip": (1.0, 0.0)}, "low <= high"),
        ({"clip": (np.zeros(3), np.ones(3))}, "4 features"),
    ],
)
def test_parameters_out_of_range_are_named(options, message):
    X, y, view, _ = problem(LogisticRegression())
    objective = AdversarialRobustness(**options)
    with pytest.raises(ValueError, match=message):
        UnlearningClassifier(view.estimator, objective=objective).unlearn(X, y)


def import_art(module):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        attacks = pytest.importorskip("art.attacks.evasion")
        return attacks, pytest.importorskip(f"art.estimators.classification.{module}")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("norm", ["l2", "linf"])
def test_fgsm_agrees_with_an_attack_library(norm, n_classes):
    attacks, estimators = import_art("scikitlearn")
    X, y, view, rows = problem(LogisticRegression(), n_classes)
    classifier = estimators.ScikitlearnLogisticRegression(view.estimator)
    order = 2 if norm == "l2" else np.inf
    attack = attacks.FastGradientMethod(classifier, norm=order, eps=0.3)
    theirs = attack.generate(X, y=np.eye(n_classes)[y])
    ours = perturbed(view, rows, attack="fgsm", norm=norm, epsilon=0.3).blocks.X
    assert_allclose(ours, theirs, atol=1e-5)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("norm", ["l2", "linf"])
def test_pgd_agrees_with_an_attack_library(norm):
    attacks, estimators = import_art("scikitlearn")
    X, y, view, rows = problem(LogisticRegression(), 3)
    classifier = estimators.ScikitlearnLogisticRegression(view.estimator)
    attack = attacks.ProjectedGradientDescent(
        classifier,
        norm=2 if norm == "l2" else np.inf,
        eps=0.5,
        eps_step=0.1,
        max_iter=8,
        verbose=False,
    )
    theirs = attack.generate(X, y=np.eye(3)[y])
    options = {"norm": norm, "epsilon": 0.5, "step_size": 0.1, "n_steps": 8}
    assert_allclose(perturbed(view, rows, **options).blocks.X, theirs, atol=1e-4)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("n_classes", [2, 3])
def test_boundary_agrees_with_an_attack_library(n_classes):
    """Of logits: the library linearises what it is given, and misses with more."""
    torch = pytest.importorskip("torch")
    attacks, estimators = import_art("pytorch")
    X, _, view, rows = problem(LogisticRegression(), n_classes)
    coef, intercept = view.estimator.coef_, view.estimator.intercept_
    if n_classes == 2:
        coef, intercept = np.vstack([0 * coef, coef]), np.append(0.0, intercept)
    module = torch.nn.Linear(4, n_classes)
    with torch.no_grad():
        module.weight.copy_(torch.as_tensor(coef))
        module.bias.copy_(torch.as_tensor(intercept))
    classifier = estimators.PyTorchClassifier(
        module, torch.nn.CrossEntropyLoss(), (4,), n_classes, device_type="cpu"
    )
    attack = attacks.DeepFool(
        classifier, max_iter=1, epsilon=0.3, nb_grads=n_classes, verbose=False
    )
    theirs = attack.generate(X.astype(np.float32))
    ours = perturbed(view, rows, attack="boundary").blocks.X
    assert_allclose(ours, theirs, atol=1e-4)
