"""The estimate without each row's own pull, against what rows would do without it."""

import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.special import expit
from sklearn.base import clone
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression

from skswu import UnlearningClassifier
from skswu.correction import Corrector, Setting
from skswu.correction._own_pull import NAME, note_free, note_pull
from skswu.exceptions import SmallGroupWarning
from skswu.influence import ConjugateGradient, Influence
from skswu.inputs import Groups, LabeledData
from skswu.models import WrappedClassifier
from skswu.objectives import (
    AdversarialRobustness,
    DemographicParity,
    EqualizedOdds,
)
from skswu.updates import GradientAscent, InfluenceUpdate, Refit
from skswu.weighting import HardWeighting, LinearizedMetrics, SoftWeighting

EXACT = {"solver": "newton-cholesky", "tol": 1e-12}
TEMPERATURE = 0.25


def make_table(seed, n_rows, n_columns):
    rng = np.random.default_rng(seed)
    group = rng.integers(0, 2, n_rows)
    X = rng.normal(size=(n_rows, n_columns))
    X[:, 0] += 0.8 * group
    noise = rng.logistic(size=n_rows)
    y = (X[:, 0] + 0.5 * X[:, 1] + 0.3 * group + noise > 0.8).astype(int)
    return X, y, group


def shares(group):
    return np.where(group == 1, 1 / (group == 1).sum(), -1 / (group == 0).sum())


def quiet(call):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return call()


class Corrected:
    """A table, a correction by one step, and what is known of it by hand."""

    def __init__(self, n_columns=3, weight=None, strength=0.5):
        self.X, self.y, self.group = make_table(0, 150, n_columns)
        self.weight = np.ones(150) if weight is None else weight
        self.fitted = LogisticRegression(**EXACT).fit(self.X, self.y, weight)
        groups = Groups(self.group, ["a", "b"])
        data = LabeledData(self.X, self.y, groups, weight)
        setting = Setting(
            WrappedClassifier(self.fitted),
            data,
            None,
            [DemographicParity()],
            Influence(),
            leaves_out=True,
        )
        update = InfluenceUpdate(max_iter=1)
        self.problem = update.pose(setting)
        self.weighting = SoftWeighting(strength=strength)
        corrector = Corrector(self.problem, self.weighting, update)
        (self.candidate,) = quiet(corrector.correct)

        self.A = np.column_stack([self.X, np.ones(150)])
        z = self.fitted.decision_function(self.X)
        p = expit(z)
        self.g = self.A * (self.weight * (p - self.y))[:, None]
        curvature = self.weight * p * (1 - p)
        hessian = (self.A * curvature[:, None]).T @ self.A
        hessian += np.diag([*np.ones(n_columns), 0.0])
        self.inverse = np.linalg.inv(hessian)
        self.offset = self.problem.rows.blocks.collect("offset")[0]
        t = expit((z + self.offset) / TEMPERATURE)
        count = self.weight
        total = np.bincount(self.group, count)
        self.share = np.where(self.group == 1, count / total[1], -count / total[0])
        self.slope = self.share * t * (1 - t) / TEMPERATURE
        self.gradient = self.slope @ self.A

    def influence(self, gradient):
        return self.g @ self.inverse @ gradient

    def own_pull(self):
        """As the package has it."""
        kept, first = self.candidate.kept, self.candidate.first
        free = note_free(first.rows, kept, self.weighting)
        note_pull(self.problem, kept.state.model, free)
        return self.problem.rows.blocks.collect(NAME)[0] - self.offset


@pytest.mark.parametrize("has_weights", [False, True])
def test_pulls_are_what_the_rows_part_in_the_metric_does(rng, has_weights):
    weight = rng.uniform(0.5, 2.0, 150) if has_weights else None
    case = Corrected(weight=weight)
    epsilon = case.candidate.kept.epsilon
    (multiplier, _) = case.candidate.kept.changes.multipliers[0]

    def weights(gradient):
        return np.clip(multiplier * case.influence(gradient) / case.weight, -1, None)

    assert_allclose(weights(case.gradient), epsilon, atol=1e-9)
    assert (epsilon > -1).any()
    expected, step = np.empty(150), 1e-6
    for row in range(150):
        without = case.gradient - step * case.slope[row] * case.A[row]
        change = (weights(without) - epsilon) / step
        moved = -case.inverse @ (change @ case.g)
        expected[row] = case.A[row] @ moved
    assert_allclose(case.own_pull(), expected, rtol=1e-4, atol=1e-7)


def test_pulls_tell_what_solving_and_training_anew_does():
    case = Corrected(n_columns=15)
    epsilon, kept = case.candidate.kept.epsilon, case.candidate.kept
    before = case.problem.before
    original = clone(case.fitted).fit(case.X, case.y, 1 + epsilon)
    pull, rows = case.own_pull(), np.arange(0, 150, 5)
    actual = []
    for row in rows:
        without = case.gradient - case.slope[row] * case.A[row]
        metrics = LinearizedMetrics(
            influence=case.influence(without)[None],
            constant=before,
            before=before,
            utility_influence=np.zeros(150),
            utility_constant=0.5,
            utility_before=0.5,
        )
        again = case.weighting.weigh(metrics).epsilon
        model = clone(case.fitted).fit(case.X, case.y, 1 + again)
        change = model.decision_function(case.X[[row]])
        actual.append(change[0] - original.decision_function(case.X[[row]])[0])
    assert np.corrcoef(actual, pull[rows])[0, 1] > 0.9
    assert 0.5 < np.dot(actual, pull[rows]) / np.dot(pull[rows], pull[rows]) < 1.5
    assert kept.state.step_length == 1.0


@pytest.mark.parametrize("objective", ["demographic_parity", "equalized_odds"])
def test_the_estimate_is_near_what_fresh_rows_tell(objective):
    plain, honest = [], []
    for seed in range(8):
        X, y, group = make_table(seed, 300, 20)
        fresh, labels, groups = make_table(1000 + seed, 20_000, 20)
        fitted = LogisticRegression(**EXACT).fit(X, y)
        model = UnlearningClassifier(
            fitted, objective=objective, update=InfluenceUpdate(max_iter=1)
        )
        quiet(lambda m=model, a=X, b=y, c=group: m.unlearn(a, b, sensitive_features=c))
        bind = {
            "demographic_parity": DemographicParity,
            "equalized_odds": EqualizedOdds,
        }
        metric = bind[objective]().bind(
            labels, np.array([0, 1]), Groups(groups, ["0", "1"]), np.ones(20_000)
        )
        z = model.decision_function(fresh)
        test = metric.values(np.column_stack([np.zeros_like(z), z]))
        sign = np.sign(model.objective_before_)
        plain.append(sign * (model.objective_after_ - test))
        honest.append(sign * (model.objective_estimate_ - test))
    assert np.mean(plain) < -0.06
    assert abs(np.mean(honest)) < 0.03
    assert np.sqrt(np.mean(np.square(honest))) < np.sqrt(np.mean(np.square(plain)))


def test_several_classes_have_estimates(rng):
    X, y, group = make_table(0, 300, 4)
    y = y + (X[:, 3] > 0.5)
    for classifier in (LogisticRegression(**EXACT), LogisticRegression(C=0.1)):
        model = UnlearningClassifier(
            classifier.fit(X, y), objective=DemographicParity(pos_label=2)
        ).set_params(weighting__strength=0.5)
        quiet(lambda m=model: m.unlearn(X, y, sensitive_features=group))
        shift = model.objective_estimate_ - model.objective_after_
        assert 0 < shift * np.sign(model.objective_before_) < 0.2


def test_there_is_none_where_it_has_no_meaning():
    X, y, group = make_table(0, 300, 4)
    fitted = LogisticRegression().fit(X, y)
    forest = RandomForestClassifier(5, random_state=0).fit(X, y)
    val = {"X_val": X, "y_val": y, "sensitive_features_val": group}
    for estimator, parts, given in (
        (fitted, {}, val),
        (fitted, {"validation_fraction": None}, {}),
        (fitted, {"update": GradientAscent()}, {}),
        (fitted, {"update": InfluenceUpdate(step="textbook")}, {}),
        (fitted, {"weighting": HardWeighting()}, {}),
        (fitted, {"influence": Influence(solver=ConjugateGradient())}, {}),
        (forest, {"update": Refit(max_refits=1)}, {}),
    ):
        model = UnlearningClassifier(estimator, **parts)
        quiet(lambda m=model, g=given: m.unlearn(X, y, sensitive_features=group, **g))
        assert model.objective_estimate_ is None
        assert model.objective_se_.shape == (1,)
        assert model.objective_se_ > 0


def test_metrics_of_no_scores_have_no_estimate():
    X, y, group = make_table(0, 300, 4)
    fitted = LogisticRegression().fit(X, y)
    objective = [DemographicParity(), AdversarialRobustness(epsilon=0.05)]
    model = UnlearningClassifier(fitted, objective=objective, update="one_step")
    model.set_params(weighting__strength=0.1)
    quiet(lambda: model.unlearn(X, y, sensitive_features=group))
    assert np.isnan(model.objective_estimate_).tolist() == [False, True]
    assert (model.objective_se_ > 0).all()


class Scores:
    """A view whose rows are their scores."""

    def scores(self, rows, parameters):
        return rows


def test_errors_are_those_of_independent_means(rng):
    scores = rng.normal(size=(90, 2))
    codes, classes = rng.integers(0, 2, 90), np.array([0, 1])
    groups = Groups(np.repeat([0, 1, 2], 30), ["a", "b", "c"])
    count = rng.integers(1, 4, 90)

    def errors(scores, codes, groups, weight):
        metric = EqualizedOdds(temperature=1.0).bind(codes, classes, groups, weight)
        return metric.standard_errors(Scores(), scores, None)

    found = errors(scores, codes, groups, np.ones(90))
    probability = expit(scores[:, 1] - scores[:, 0])
    expected = []
    for label in (0, 1):
        rows = [(codes == label) & (groups.codes == g) for g in range(3)]
        share = np.array([r.sum() for r in rows]) / (codes == label).sum()
        variances = [probability[r].var(ddof=1) / r.sum() for r in rows]
        for g in range(3):
            coefficient = (np.arange(3) == g) - share
            expected.append(np.sqrt(coefficient**2 @ variances))
    assert_allclose(found, expected, rtol=1e-9)
    # Equal weights of any size are none.
    assert_allclose(errors(scores, codes, groups, np.full(90, 7.0)), found)
    # Weights are worth fewer rows than they count.
    uneven = errors(scores, codes, groups, count.astype(float))
    assert np.isfinite(uneven).all()


def test_errors_are_the_spread_of_gaps_over_samples():
    X, y, group = make_table(5, 40_000, 3)
    z = LogisticRegression().fit(X, y).decision_function(X)
    scores = np.column_stack([np.zeros_like(z), z])
    gaps, errors = [], []
    for start in range(0, 40_000, 200):
        rows = slice(start, start + 200)
        groups = Groups(group[rows], ["a", "b"])
        metric = DemographicParity().bind(
            y[rows], np.array([0, 1]), groups, np.ones(200)
        )
        gaps.append(metric.values(scores[rows])[0])
        errors.append(metric.standard_errors(Scores(), scores[rows], None)[0])
    assert_allclose(np.mean(errors), np.std(gaps, ddof=1), rtol=0.1)


def told(call):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        call()
    return [str(w.message) for w in caught if w.category is SmallGroupWarning]


def test_small_groups_are_told_with_what_may_be_noise():
    X, y, group = make_table(0, 300, 4)
    few = np.where((y == 1) & (np.cumsum(y) > 12), 0, group)
    fitted = LogisticRegression().fit(X, y)
    model = UnlearningClassifier(fitted, objective="equalized_odds")
    model.set_params(weighting__strength=0.1)
    (message,) = told(lambda: model.unlearn(X, y, sensitive_features=few))
    n_rows = ((y == 1) & (few == 1)).sum()
    assert n_rows < 20
    cell = f"'1' within the positive class ({n_rows})"
    assert message.startswith(f"Fewer than 20 evaluation rows are of {cell}:")
    names = [name for name in model.objective_names_ if name in message]
    # The errors of the original, at the same scores.
    model.set_params(weighting__strength=0.0)
    quiet(lambda: model.unlearn(X, y, sensitive_features=few))
    unsure = np.abs(model.objective_before_) < 1.96 * model.objective_se_
    assert names == np.array(model.objective_names_)[unsure].tolist()
    model.set_params(weighting__strength=0.1)
    assert told(lambda: model.unlearn(X, y, sensitive_features=group)) == []


def test_evaluation_rows_have_weights():
    X, y, group = make_table(0, 400, 3)
    train, held_out = slice(0, 250), slice(250, None)
    count = np.random.default_rng(1).integers(0, 4, 150)
    fitted = LogisticRegression().fit(X[train], y[train])
    repeated = np.repeat(np.arange(250, 400), count)
    models = []
    for rows, weight in ((np.arange(250, 400), count), (repeated, None)):
        model = UnlearningClassifier(fitted).set_params(weighting__strength=0.5)
        given = {
            "X_val": X[rows],
            "y_val": y[rows],
            "sensitive_features_val": group[rows],
            "sample_weight_val": weight,
        }
        quiet(
            lambda m=model, g=given: m.unlearn(
                X[train], y[train], sensitive_features=group[train], **g
            )
        )
        models.append(model)
    weighted, plain = models
    for name in ("objective_before_", "objective_after_", "utility_after_", "epsilon_"):
        assert_allclose(getattr(weighted, name), getattr(plain, name), rtol=1e-8)
    with pytest.raises(ValueError, match="sample_weight_val was given without X_val"):
        weighted.unlearn(
            X, y, sensitive_features=group, sample_weight_val=np.ones(len(y))
        )
    given = {
        "X_val": X[held_out],
        "y_val": y[held_out],
        "sensitive_features_val": group[held_out],
    }
    with pytest.raises(ValueError, match=r"sample_weight_val.shape == \(3,\)"):
        weighted.unlearn(
            X, y, sensitive_features=group, sample_weight_val=np.ones(3), **given
        )
    with pytest.raises(ValueError, match=r"Negative values .* `sample_weight_val`"):
        weighted.unlearn(
            X, y, sensitive_features=group, sample_weight_val=-np.ones(150), **given
        )
