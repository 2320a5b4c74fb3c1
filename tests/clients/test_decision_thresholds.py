"""A model that decides at a threshold of its own is corrected and measured at it."""

from copy import deepcopy

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import expit, logit
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, RidgeClassifier, SGDClassifier
from sklearn.model_selection import (
    FixedThresholdClassifier,
    TunedThresholdClassifierCV,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, TargetEncoder

from skswu import UnlearningClassifier, UnlearningClassifierCV
from skswu.exceptions import NothingToCorrectWarning
from skswu.inspection import influence_values
from skswu.metrics import make_robustness_scorer
from skswu.objectives import DemographicParity, MinimumGroupRate

pytestmark = [
    pytest.mark.filterwarnings("ignore::skswu.exceptions.LinearizationWarning"),
    pytest.mark.filterwarnings("ignore::skswu.exceptions.UtilityLossWarning"),
]

LINEAR = LogisticRegression(tol=1e-8, solver="newton-cholesky")
N_ROWS = 400


@pytest.fixture
def data(rng):
    group = rng.integers(0, 2, N_ROWS)
    X = rng.normal(size=(N_ROWS, 3))
    X[:, 0] += group
    y = (X[:, 0] + X[:, 1] + rng.logistic(size=N_ROWS) > 0.5).astype(int)
    return X, y, group


def fixed(estimator=LINEAR, threshold=0.7, **options):
    return FixedThresholdClassifier(estimator, threshold=threshold, **options)


def tuned(**options):
    return TunedThresholdClassifierCV(LINEAR, cv=2, thresholds=20, **options)


def at_the_end(estimator):
    return estimator.steps[-1][1] if hasattr(estimator, "steps") else estimator


def decided(estimator, X):
    """Return whether rows are of the second class, from the responses alone."""
    last = at_the_end(estimator)
    threshold = getattr(last, "best_threshold_", None) or last.threshold
    method = last.response_method
    pos_label = getattr(last, "pos_label", None)
    sign = -1.0 if pos_label == 0 else 1.0
    if method == "decision_function" or not hasattr(last, "predict_proba"):
        is_of_label = sign * estimator.decision_function(X) >= threshold
    else:
        column = 0 if pos_label == 0 else 1
        is_of_label = estimator.predict_proba(X)[:, column] >= threshold
    return is_of_label if sign > 0 else ~is_of_label


# The threshold and, in units of the margin, where it is.
MODELS = {
    "probability": fixed(),
    "margin": fixed(response_method="decision_function"),
    "of the first class": fixed(pos_label=0),
    "margin of the first class": fixed(
        threshold=0.4, pos_label=0, response_method="decision_function"
    ),
    "tuned": tuned(scoring="f1"),
    "tuned margin": tuned(scoring="f1", response_method="decision_function"),
    "around a pipeline": fixed(make_pipeline(StandardScaler(), LINEAR), 0.3),
    "in a pipeline": make_pipeline(StandardScaler(), fixed(threshold=0.3)),
    "both": make_pipeline(
        StandardScaler(), fixed(make_pipeline(StandardScaler(), LINEAR), 0.3)
    ),
    "twice": fixed(fixed(threshold=0.1), 0.3),
    "ridge": fixed(RidgeClassifier(), 0.2),
}


@pytest.mark.parametrize("case", MODELS)
def test_the_threshold_is_kept_and_the_gap_measured_there(data, case):
    X, y, group = data
    given = MODELS[case].fit(X, y)
    before = given.predict(X)
    options = {"X_val": X, "y_val": y, "sensitive_features_val": group}
    model = UnlearningClassifierCV(given, strengths=[0.0, 0.5])
    model.unlearn(X, y, sensitive_features=group, **options)
    corrected = model.estimator_
    assert type(corrected) is type(given)
    assert type(at_the_end(corrected)) is type(at_the_end(given))
    assert_array_equal(given.predict(X), before)
    assert_array_equal(corrected.predict(X) == 1, decided(corrected, X))
    # As it counts, and as the labels say.
    counted = [decided(given, X), None]
    half = UnlearningClassifier(given, update="one_step")
    half.set_params(weighting__strength=0.5)
    half.unlearn(X, y, sensitive_features=group, **options)
    counted[1] = half.predict(X) == 1
    gaps = [abs(one[group == 1].mean() - one[group == 0].mean()) for one in counted]
    assert_allclose(model.path_["disparity"], gaps, atol=1e-12)
    sharp = UnlearningClassifier(given, objective=DemographicParity(temperature=1e-4))
    sharp.set_params(weighting__strength=0.0)
    sharp.unlearn(X, y, sensitive_features=group, **options)
    assert abs(abs(sharp.objective_before_[0]) - gaps[0]) < 2e-2


@pytest.mark.parametrize("threshold", [0.3, 0.8])
def test_it_is_the_model_with_another_intercept(data, threshold):
    X, y, group = data
    options = {"X_val": X, "y_val": y, "sensitive_features_val": group}
    model = UnlearningClassifier(fixed(threshold=threshold).fit(X, y))
    model.unlearn(X, y, sensitive_features=group, **options)
    for version in ("original", "corrected"):
        whole = model.original_estimator_
        gap = model.objective_before_
        if version == "corrected":
            whole, gap = model.estimator_, model.objective_after_
        shifted = deepcopy(whole.estimator_)
        shifted.intercept_ -= logit(threshold)
        assert_array_equal(shifted.predict(X), whole.predict(X))
        probability = expit(shifted.decision_function(X) / 0.25)
        expected = probability[group == 1].mean() - probability[group == 0].mean()
        assert_allclose(gap, expected, rtol=1e-9)


def test_influences_are_those_of_refits_measured_there(data):
    X, y, group = data
    X_val, y_val = X[:200], y[:200]
    given = fixed().fit(X, y)
    found = influence_values(
        given,
        X,
        y,
        sensitive_features=group,
        X_val=X_val,
        y_val=y_val,
        sensitive_features_val=group[:200],
    )

    def gap(weight):
        margin = LINEAR.fit(X, y, sample_weight=weight).decision_function(X_val)
        probability = expit((margin - logit(0.7)) / 0.25)
        return probability @ np.where(group[:200] == 1, *counts)

    counts = [1 / (group[:200] == 1).sum(), -1 / (group[:200] == 0).sum()]
    for row in range(3):
        change = 1e-3 * (np.arange(N_ROWS) == row)
        slope = (gap(1.0 - change) - gap(1.0 + change)) / 2e-3
        assert_allclose(found.iloc[row, 0], slope, rtol=1e-3)


@pytest.mark.parametrize("objective", ["equalized_odds", "error_rate_parity"])
def test_each_objective_follows_the_decisions(data, objective):
    X, y, group = data
    model = UnlearningClassifier(fixed(), objective=objective)
    model.set_params(objective__temperature=1e-3, weighting__strength=0.0)
    model.fit(X, y, sensitive_features=group)
    counted = (
        model.predict(X) if objective == "equalized_odds" else model.predict(X) != y
    )
    among = [y == 0, y == 1] if objective == "equalized_odds" else [y >= 0]
    gaps = [
        counted[rows & (group == 1)].mean() - counted[rows & (group == 0)].mean()
        for rows in among
    ]
    assert_allclose(model.objective_before_, gaps, atol=0.03)


def test_what_follows_probabilities_stays_as_it_is(data):
    X, y, group = data
    for objective in ("loss_parity", "calibration_in_the_large", "bounded_group_loss"):
        models = [
            UnlearningClassifier(one, objective=objective, update="one_step").fit(
                X, y, sensitive_features=group
            )
            for one in (LINEAR, fixed())
        ]
        plain, cut = models
        assert_array_equal(plain.objective_before_, cut.objective_before_)
        assert_array_equal(plain.utility_after_, cut.utility_after_)


def test_a_minimum_rate_is_one_of_decisions(data):
    X, y, group = data
    objective = MinimumGroupRate(at_least=0.3, temperature=1e-3)
    model = UnlearningClassifier(fixed(), objective=objective)
    model.set_params(weighting__strength=0.0).fit(X, y, sensitive_features=group)
    rates = [model.predict(X)[group == one].mean() for one in (0, 1)]
    assert_allclose(model.objective_before_, 0.3 - np.array(rates), atol=0.02)


def test_a_margin_that_is_no_log_odds(data):
    X, y, group = data
    descent = SGDClassifier("modified_huber", max_iter=2000, tol=1e-6, random_state=0)
    model = UnlearningClassifierCV(fixed(descent, 0.6).fit(X, y), strengths=[0.2])
    model.set_params(objective__temperature=1.0)
    model.unlearn(X, y, sensitive_features=group)
    assert_array_equal(model.predict(X), model.predict_proba(X)[:, 1] >= 0.6)
    measured = UnlearningClassifierCV(model.estimator_, strengths=[0.0])
    measured.unlearn(
        X, y, sensitive_features=group, X_val=X, y_val=y, sensitive_features_val=group
    )
    rates = [model.predict(X)[group == one].mean() for one in (0, 1)]
    assert_allclose(measured.path_["disparity"], abs(rates[1] - rates[0]))


@pytest.mark.parametrize("threshold", [0.0, 1.0, 7.0])
def test_one_that_nobody_or_everybody_passes_leaves_nothing_to_do(data, threshold):
    X, y, group = data
    model = UnlearningClassifier(fixed(threshold=threshold))
    with pytest.warns(NothingToCorrectWarning):
        model.fit(X, y, sensitive_features=group)
    assert (model.predict(X) == (threshold == 0.0)).all()


def test_a_prefit_one_takes_the_corrected_classifier_for_its_own(data):
    X, y, group = data
    prefit = TunedThresholdClassifierCV(LINEAR.fit(X, y), cv="prefit", refit=False)
    for given in (prefit, fixed(FrozenEstimator(LINEAR))):
        model = UnlearningClassifier(given.fit(X, y))
        corrected = model.unlearn(X, y, sensitive_features=group).estimator_
        assert corrected.estimator is corrected.estimator_
        assert given.estimator is not corrected.estimator


@pytest.mark.filterwarnings("ignore::FutureWarning")  # of random_state, in 1.9
@pytest.mark.parametrize("around", [True, False])
def test_rows_are_those_that_the_classifier_within_saw(data, around, rng):
    _, y, group = data
    rows = np.column_stack([rng.integers(0, 40, N_ROWS), group]).astype(str)
    encoder = TargetEncoder(random_state=0)
    given = make_pipeline(encoder, LINEAR if around else fixed(threshold=0.3))
    model = UnlearningClassifier(fixed(given, 0.3) if around else given)
    model.fit(rows, y, sensitive_features=group)
    assert model.training_decrement_ < 1e-6
    found = influence_values(model, rows, y, sensitive_features=group)
    assert_allclose(found.iloc[:, 0], model.influence_[0])


def test_a_refit_keeps_it_for_any_classifier(data):
    X, y, group = data
    given = fixed(GradientBoostingClassifier(n_estimators=5), 0.6).fit(X, y)
    model = UnlearningClassifier(given, update="refit").set_params(
        weighting__strength=0.5
    )
    model.unlearn(X, y, sensitive_features=group)
    assert_array_equal(model.predict(X), model.predict_proba(X)[:, 1] >= 0.6)
    log_odds = logit(given.predict_proba(X)[:, 1]) - logit(0.6)
    means = [expit(log_odds[group == one] / 0.25).mean() for one in (0, 1)]
    assert_allclose(model.objective_before_, means[1] - means[0])
    assert abs(model.objective_after_[0]) < 0.7 * abs(model.objective_before_[0])
    margins = fixed(
        GradientBoostingClassifier(n_estimators=5),
        0.6,
        response_method="decision_function",
    )
    with pytest.raises(TypeError, match='response_method="predict_proba"'):
        model.set_params(estimator=margins.fit(X, y)).unlearn(
            X, y, sensitive_features=group
        )


def test_another_threshold_may_be_tuned_around_it(data):
    X, y, group = data
    model = UnlearningClassifierCV(
        fixed(threshold=0.9), strengths=[0.5], tune_threshold=True
    )
    model.fit(X, y, sensitive_features=group)
    expected = model.decision_function(X) >= model.threshold_
    assert_array_equal(model.predict(X), expected)


def test_an_attack_is_answered_at_it(data):
    X, y, _ = data
    for threshold in (0.3, 0.6):
        given = fixed(threshold=threshold).fit(X, y)
        within = given.estimator_
        # The worst end of each row's interval of margins, by its label.
        reach = 0.2 * np.linalg.norm(within.coef_)
        margin = within.decision_function(X) - reach * (2 * y - 1)
        right = (expit(margin) >= threshold) == y
        score = make_robustness_scorer(epsilon=0.2)(given, X, y)
        assert_allclose(score, right.mean())


def net(kind, n_outputs, **options):
    torch = pytest.importorskip("torch")
    skorch = pytest.importorskip("skorch")
    torch.manual_seed(0)
    layers = [torch.nn.Linear(3, 3), torch.nn.Tanh(), torch.nn.Linear(3, n_outputs)]
    if n_outputs == 1:
        layers.append(torch.nn.Flatten(0))
    else:
        options["criterion"] = torch.nn.CrossEntropyLoss
    return getattr(skorch, kind)(
        torch.nn.Sequential(*layers),
        max_epochs=20,
        lr=0.1,
        train_split=None,
        verbose=0,
        **options,
    )


@pytest.mark.parametrize("parameters", ["all", "last_layer"])
@pytest.mark.parametrize("case", ["two outputs", "one output", "its own"])
def test_networks_keep_theirs(data, case, parameters):
    X, y, group = data
    X, y = X.astype(np.float32), y.astype(np.float32)
    if case == "two outputs":
        y = y.astype(np.int64)
        given = fixed(net("NeuralNetClassifier", 2), 0.6)
    elif case == "one output":
        given = fixed(net("NeuralNetBinaryClassifier", 1), 0.6)
    else:
        given = net("NeuralNetBinaryClassifier", 1, threshold=0.6)
    given.fit(X, y)
    model = UnlearningClassifierCV(given, strengths=[0.0, 0.5])
    model.set_params(influence__parameters=parameters)
    model.unlearn(X, y, sensitive_features=group)
    log_odds = logit(given.predict_proba(X)[:, 1].astype(float)) - logit(0.6)
    means = [expit(log_odds[group == one] / 0.25).mean() for one in (0, 1)]
    assert_allclose(model.objective_before_, means[1] - means[0], rtol=1e-3)
    rates = [(log_odds[group == one] > 0).mean() for one in (0, 1)]
    assert_allclose(model.path_["disparity"][0], abs(rates[1] - rates[0]))
    expected = model.predict_proba(X)[:, 1] > 0.6
    assert_array_equal(model.predict(X) == 1, expected)
