"""Several steps of linear models end at the least change of the weights."""

import numpy as np
import pytest
import sklearn
from numpy.testing import assert_allclose
from scipy.optimize import NonlinearConstraint, minimize
from scipy.special import expit
from sklearn.datasets import load_wine
from sklearn.linear_model import (
    LogisticRegression,
    RidgeClassifier,
    SGDClassifier,
)
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC
from sklearn.utils.fixes import parse_version

from skswu import UnlearningClassifier
from skswu.exceptions import LinearizationWarning, UnreachableTargetWarning
from skswu.objectives import (
    DemographicParity,
    EqualizedOdds,
    EqualOpportunity,
    MinimumGroupRate,
)
from skswu.updates import InfluenceUpdate
from skswu.weighting import HardWeighting, SoftWeighting

pytestmark = [
    pytest.mark.filterwarnings("ignore::skswu.exceptions.UtilityLossWarning"),
    pytest.mark.filterwarnings("ignore::skswu.exceptions.SmallGroupWarning"),
]
# From version 1.8 of scikit-learn on, l1_ratio alone says what the penalty is.
NAMES_PENALTY = parse_version(sklearn.__version__) < parse_version("1.8")
ELASTICNET = {"penalty": "elasticnet"} if NAMES_PENALTY else {}
TIGHT = {"tol": 1e-10, "max_iter": 10_000}
STEPS = InfluenceUpdate(max_iter="auto")


def make_data(n=400, n_classes=2, seed=0):
    rng = np.random.default_rng(seed)
    group = (rng.random(n) < 0.4).astype(int)
    X = rng.normal(size=(n, 4))
    X[:, 0] += group
    scores = X @ rng.normal(size=(4, n_classes)) + rng.gumbel(size=(n, n_classes))
    scores[:, -1] += 0.8 * group
    weight = rng.integers(1, 4, n).astype(float)
    return X, scores.argmax(axis=1), group, weight


def unlearn(estimator, data, **options):
    X, y, group, weight = data
    model = UnlearningClassifier(
        estimator, **{"update": STEPS, "validation_fraction": None, **options}
    )
    return model.unlearn(X, y, sensitive_features=group, sample_weight=weight)


class Oracle:
    """A logistic regression refitted under any weights, and derivatives by adjoints."""

    def __init__(self, data, estimator, temperature):
        X, self.y, group, self.count = data
        self.X = np.column_stack([X, np.ones(len(X))])
        self.l2 = np.append(np.full(X.shape[1], 1.0 / estimator.C), 0.0)
        share = [self.count * (group == code) for code in (0, 1)]
        self.rates = share[1] / share[1].sum() - share[0] / share[0].sum()
        self.temperature = temperature
        self.fitted = np.append(estimator.coef_, estimator.intercept_)

    def refit(self, epsilon):
        weight, theta = self.count * (1.0 + epsilon), self.fitted.copy()
        for _ in range(50):
            probability = expit(self.X @ theta)
            gradient = (weight * (probability - self.y)) @ self.X + self.l2 * theta
            curved = weight * probability * (1.0 - probability)
            hessian = (self.X * curved[:, None]).T @ self.X + np.diag(self.l2)
            theta = theta - np.linalg.solve(hessian, gradient)
            if np.abs(gradient).max() < 1e-11:
                break
        return (
            theta,
            hessian,
            self.X * (self.count * (expit(self.X @ theta) - self.y))[:, None],
        )

    def gap(self, theta):
        return self.rates @ expit(self.X @ theta / self.temperature)

    def gap_gradient(self, theta):
        p = expit(self.X @ theta / self.temperature)
        return (self.rates * p * (1.0 - p) / self.temperature) @ self.X

    def loss(self, theta):
        z = self.X @ theta
        losses = np.logaddexp(0.0, z) - self.y * z
        return self.count @ losses + 0.5 * self.l2 @ theta**2

    def loss_gradient(self, theta):
        residual = self.count * (expit(self.X @ theta) - self.y)
        return residual @ self.X + self.l2 * theta

    def height(self, epsilon, c):
        theta, hessian, pulls = self.refit(epsilon)
        value = 0.5 * self.count @ epsilon**2
        value += c * (self.loss(theta) - self.loss(self.fitted))
        adjoint = np.linalg.solve(hessian, self.loss_gradient(theta))
        return value, self.count * epsilon - c * (pulls @ adjoint)

    def solve(self, target, c, start):
        def gap(epsilon):
            return self.gap(self.refit(epsilon)[0])

        def slope(epsilon):
            theta, hessian, pulls = self.refit(epsilon)
            return -pulls @ np.linalg.solve(hessian, self.gap_gradient(theta))

        return minimize(
            self.height,
            start,
            args=(c,),
            jac=True,
            method="SLSQP",
            bounds=[(-1.0, None)] * len(start),
            constraints=NonlinearConstraint(gap, target, target, jac=slope),
            options={"maxiter": 300, "ftol": 1e-12},
        )


@pytest.mark.parametrize("c", [0.0, 1.0, 4.0])
@pytest.mark.parametrize("seed", [0, 1])
def test_no_smaller_change_is_found_by_a_general_solver(c, seed):
    data = make_data(n=80, seed=seed)
    X, y, _, weight = data
    estimator = LogisticRegression(**TIGHT).fit(X, y, sample_weight=weight)
    model = unlearn(
        estimator,
        data,
        objective=DemographicParity(temperature=0.5),
        weighting=SoftWeighting(objective_weight=c),
        update=InfluenceUpdate(max_iter="auto", tol=1e-2, target_tol=1e-5),
    )
    oracle = Oracle(data, estimator, 0.5)
    assert_allclose(oracle.gap(oracle.fitted), model.objective_before_[0], rtol=1e-9)
    found = oracle.solve(0.0, c, model.epsilon_)
    assert found.success
    height = oracle.height(model.epsilon_, c)[0]
    assert height <= found.fun * (1.0 + 2e-3)
    assert abs(oracle.gap(oracle.refit(model.epsilon_)[0])) < 1e-4
    assert model.optimality_ <= 1e-2


ESTIMATORS = {
    "logistic": LogisticRegression(**TIGHT),
    "weighted classes": LogisticRegression(class_weight="balanced", **TIGHT),
    "sparse support": LogisticRegression(
        solver="saga", l1_ratio=1.0, C=0.2, random_state=0, **ELASTICNET, **TIGHT
    ),
    "ridge": RidgeClassifier(),
    "svc": LinearSVC(),
    "three classes": LogisticRegression(**TIGHT),
    "one against rest": SGDClassifier(loss="log_loss", alpha=1e-2, random_state=0),
}


@pytest.mark.parametrize("name", ESTIMATORS)
@pytest.mark.parametrize("make", [DemographicParity, EqualOpportunity, EqualizedOdds])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_targets_are_met_by_the_minimiser_under_the_new_weights(name, make):
    data = make_data(
        n_classes=3 if name in {"three classes", "one against rest"} else 2
    )
    X, y, _, weight = data
    estimator = ESTIMATORS[name].fit(X, y, sample_weight=weight)
    model = unlearn(
        estimator,
        data,
        objective=make(pos_label=1),
        weighting=SoftWeighting(strength=0.5),
    )
    size = np.linalg.norm(model.objective_before_)
    target = 0.5 * model.objective_before_
    assert_allclose(model.objective_target_, target)
    assert np.linalg.norm(model.objective_after_ - target) <= 1e-3 * size
    assert model.optimality_ <= 3e-2
    assert model.reachable_strength_ == 0.5
    assert model.stationarity_ < 1e-6


def make_l1(name):
    tight = {"tol": 1e-10, "max_iter": 50_000}
    if name == "svc":
        return LinearSVC(penalty="l1", dual=False, C=0.1, **tight)
    ratio = 1.0 if name == "lasso" else 0.5
    return LogisticRegression(
        solver="saga", C=0.3, l1_ratio=ratio, random_state=0, **ELASTICNET, **tight
    )


# Where a coefficient stops, the least change may lie at a kink.
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("name", ["lasso", "elastic net", "svc"])
def test_an_l1_norm_stops_coefficients_at_zero_and_lets_them_through(name):
    ends = set()
    for seed in range(6):
        rng = np.random.default_rng(seed)
        group = rng.integers(0, 2, 400)
        X = rng.normal(size=(400, 2)) + group[:, None] * np.array([1.0, 0.3])
        noise = 0.7 * rng.normal(size=400)
        y = (X[:, 0] + 0.3 * X[:, 1] + noise > 0.5).astype(int)
        fitted = make_l1(name).fit(X, y)
        model = unlearn(fitted, (X, y, group, np.ones(400)))
        refit = make_l1(name).fit(X, y, sample_weight=model.sample_weight_)
        coef = model.estimator_.coef_
        assert_allclose(coef, refit.coef_, atol=1e-5)
        # saga lets go of the intercept before it is there.
        assert_allclose(model.estimator_.intercept_, refit.intercept_, atol=1e-2)
        assert model.stationarity_ < 1e-6
        ends |= set(np.sign(coef * fitted.coef_).ravel())
    assert {0.0, -1.0} <= ends


@pytest.mark.parametrize("scale", [1e-6, 1e3, 1e6])
def test_the_unit_of_sample_weights_does_not_matter(scale):
    X, y, group, weight = make_data()
    found = []
    for unit in (1.0, scale):
        data = X, y, group, unit * weight
        estimator = LogisticRegression(C=1.0 / unit, **TIGHT)
        fitted = estimator.fit(X, y, sample_weight=data[3])
        found.append(unlearn(fitted, data, weighting=SoftWeighting(strength=0.9)))
    one, other = found
    assert other.reachable_strength_ == one.reachable_strength_ == 0.9
    assert_allclose(other.epsilon_, one.epsilon_, atol=1e-3)


def test_a_first_step_that_leads_nowhere_is_no_target_out_of_reach():
    X, y = load_wine(return_X_y=True)
    group, X = (X[:, 0] > np.median(X[:, 0])).astype(int), X[:, 1:]
    X, _, y, _, group, _ = train_test_split(X, y, group, random_state=0, test_size=0.4)
    X = StandardScaler().fit_transform(X)
    fitted = LogisticRegression(tol=1e-8, max_iter=5000).fit(X, y)
    for strength in (0.25, 0.9, 1.0, 1.1):
        model = unlearn(
            fitted,
            (X, y, group, np.ones(len(y))),
            objective=DemographicParity(pos_label=2),
            weighting=SoftWeighting(strength=strength),
        )
        assert model.reachable_strength_ == strength
        assert model.stationarity_ < 1e-6
        assert model.epsilon_.max() < 1.0


def test_rows_that_were_held_out_are_measured():
    X, y, group, _ = make_data(n=800)
    train, test = slice(0, 500), slice(500, None)
    fitted = LogisticRegression().fit(X[train], y[train])
    model = UnlearningClassifier(fitted, update=STEPS).unlearn(
        X[train],
        y[train],
        sensitive_features=group[train],
        X_val=X[test],
        y_val=y[test],
        sensitive_features_val=group[test],
    )
    assert abs(model.objective_after_[0]) <= 1e-3 * abs(model.objective_before_[0])


def test_the_original_objective_is_part_of_what_is_least():
    data = make_data(n=300)
    X, y, _, weight = data
    fitted = LogisticRegression(**TIGHT).fit(X, y, sample_weight=weight)
    losses = [
        unlearn(
            fitted, data, weighting=SoftWeighting(strength=0.5, objective_weight=c)
        ).utility_after_
        for c in (0.0, 1.0, 10.0)
    ]
    assert losses[0] > losses[1] > losses[2]


def test_what_is_out_of_reach_is_corrected_as_far_as_it_goes():
    data = make_data()
    X, y, _, weight = data
    fitted = LogisticRegression(**TIGHT).fit(X, y, sample_weight=weight)
    with pytest.warns(UnreachableTargetWarning, match="of strength=1, 0"):
        model = unlearn(fitted, data, weighting=SoftWeighting(lower=-0.1, upper=0.1))
    reached = model.reachable_strength_
    assert 0.0 < reached < 1.0
    expected = (1.0 - reached) * model.objective_before_
    assert_allclose(model.objective_after_, expected, rtol=2e-2)
    assert np.abs(model.epsilon_).max() <= 0.1 + 1e-12
    within = unlearn(
        fitted,
        data,
        weighting=SoftWeighting(strength=0.9 * reached, lower=-0.1, upper=0.1),
    )
    assert within.reachable_strength_ == 0.9 * reached


@pytest.mark.parametrize("update", [InfluenceUpdate(), STEPS], ids=["one", "several"])
@pytest.mark.parametrize("tolerance", [0.0, 0.005])
@pytest.mark.parametrize("is_held_out", [False, True])
@pytest.mark.filterwarnings("ignore::skswu.exceptions.LinearizationWarning")
@pytest.mark.filterwarnings("ignore::skswu.exceptions.UnreachableTargetWarning")
def test_a_tolerance_bounds_the_measured_rise(update, tolerance, is_held_out):
    X, y, group, _ = make_data(n=300)
    n = 200
    estimator = LogisticRegression(**TIGHT).fit(X[:n], y[:n])
    held_out = {"X_val": X[n:], "y_val": y[n:], "sensitive_features_val": group[n:]}
    model = UnlearningClassifier(
        estimator,
        update=update,
        validation_fraction=None,
        weighting=SoftWeighting(utility_tolerance=tolerance),
    ).unlearn(
        X[:n],
        y[:n],
        sensitive_features=group[:n],
        **(held_out if is_held_out else {}),
    )
    if is_held_out:
        rise = model.utility_after_ - model.utility_before_
    else:
        rise = objective(model.estimator_, X[:n], y[:n])
        rise -= objective(estimator, X[:n], y[:n])
    assert rise <= tolerance + 1e-6
    if tolerance == 0.0 and not is_held_out:
        assert_allclose(model.estimator_.coef_, estimator.coef_, atol=1e-2)
    elif not is_held_out:
        assert 0.0 < model.reachable_strength_ < 1.0
        assert rise > 0.5 * tolerance


def objective(estimator, X, y):
    z = estimator.decision_function(X)
    losses = np.logaddexp(0.0, z) - y * z
    return (losses.sum() + 0.5 * (estimator.coef_**2).sum()) / len(y)


def test_no_tolerance_leaves_the_training_loss_alone_by_default():
    data = make_data()
    X, y, _, weight = data
    gaps = []
    for C in (1.0, 1e3, 1e6, 1e9):
        fitted = LogisticRegression(C=C, **TIGHT).fit(X, y, sample_weight=weight)
        model = unlearn(
            fitted,
            data,
            update="influence",
            weighting=SoftWeighting(strength=0.1),
        )
        gaps.append(model.objective_after_[0])
    assert np.ptp(gaps) < 2e-3


def test_a_bounded_number_of_steps_is_kept_to_and_told_only_if_it_misses():
    data = make_data()
    X, y, _, weight = data
    fitted = LogisticRegression(**TIGHT).fit(X, y, sample_weight=weight)
    model = unlearn(fitted, data, update=InfluenceUpdate(max_iter=30))
    assert 1 < model.n_iter_ <= 30
    two = InfluenceUpdate(max_iter=2, target_tol=1e-9)
    with pytest.warns(UserWarning, match=r"after 2 steps \(max_iter=2\)"):
        assert unlearn(fitted, data, update=two).n_iter_ == 2


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("n_columns", "takes_several"), [(499, True), (500, False)])
def test_wide_models_take_several_steps_if_these_are_asked_for(
    n_columns, takes_several
):
    rng = np.random.default_rng(0)
    group = rng.integers(0, 2, 60)
    X = 0.1 * rng.normal(size=(60, n_columns)) + 0.1 * group[:, None]
    y = (X.sum(axis=1) + rng.logistic(size=60) > np.median(X.sum(axis=1))).astype(int)
    fitted = LogisticRegression(C=0.1, **TIGHT).fit(X, y)
    weighting = SoftWeighting(strength=0.3)
    counts = []
    for max_iter in ("auto", 4):
        update = InfluenceUpdate(max_iter=max_iter, target_tol=1e-8)
        model = UnlearningClassifier(fitted, weighting=weighting, update=update)
        model.unlearn(X, y, sensitive_features=group)
        counts.append(model.n_iter_)
    assert (counts[0] > 1) == takes_several
    assert counts[1] > 1


def test_a_miss_of_a_single_step_is_told():
    data = make_data()
    X, y, _, weight = data
    fitted = LogisticRegression(**TIGHT).fit(X, y, sample_weight=weight)
    weighting = SoftWeighting(strength=3.0)
    with pytest.warns(LinearizationWarning, match="predicted"):
        one = unlearn(fitted, data, update="one_step", weighting=weighting)
    assert_allclose(one.objective_target_, -2.0 * one.objective_before_)
    assert_allclose(one.objective_predicted_, one.objective_target_, rtol=1e-6)


def test_limits_of_groups_that_are_kept_are_left_alone():
    data = make_data()
    X, y, _, weight = data
    fitted = LogisticRegression(**TIGHT).fit(X, y, sample_weight=weight)
    rate = MinimumGroupRate(at_least=0.55, pos_label=1)
    model = unlearn(fitted, data, objective=rate)
    assert (model.objective_after_ <= 1e-3).all()
    assert (model.objective_before_ > 0).any()


def test_removal_is_followed_to_its_minimiser():
    data = make_data()
    X, y, _, weight = data
    fitted = LogisticRegression(**TIGHT).fit(X, y, sample_weight=weight)
    model = unlearn(
        fitted,
        data,
        weighting=HardWeighting(fraction=0.05),
        update=InfluenceUpdate(max_iter=20),
    )
    refit = LogisticRegression(**TIGHT).fit(X, y, sample_weight=model.sample_weight_)
    assert_allclose(model.estimator_.coef_, refit.coef_, atol=1e-3)


def test_nothing_is_left_beside_the_rows():
    data = make_data()
    X, y, _, weight = data
    fitted = LogisticRegression(**TIGHT).fit(X, y, sample_weight=weight)
    model = unlearn(fitted, data)
    assert model.sample_weight_.shape == y.shape
    assert_allclose(model.sample_weight_, weight * (1.0 + model.epsilon_))
