"""Corrections at many strengths, against each by itself and by the parts' hooks."""

import numpy as np
import pytest
import sklearn
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression, RidgeClassifier, SGDClassifier
from sklearn.svm import LinearSVC
from sklearn.utils.fixes import parse_version

from skswu import UnlearningClassifier, UnlearningClassifierCV
from skswu.correction import Corrector, Setting
from skswu.influence import ConjugateGradient, Influence, Nystrom
from skswu.inputs import Groups, LabeledData
from skswu.models import WrappedClassifier, make_model_view
from skswu.objectives import DemographicParity, TargetUtility
from skswu.rows import LocalBlocks
from skswu.updates import InfluenceUpdate, OneStep
from skswu.weighting import HardWeighting, SoftWeighting

# From version 1.8 on, l1_ratio alone says what the penalty is.
NAMES_PENALTY = parse_version(sklearn.__version__) < parse_version("1.8")
ELASTICNET = {"penalty": "elasticnet"} if NAMES_PENALTY else {}
STRENGTHS = [0.2, 0.45, 0.6]

ESTIMATORS = {
    "logistic": LogisticRegression(),
    "weighted classes": LogisticRegression(class_weight="balanced"),
    "no intercept": LogisticRegression(fit_intercept=False),
    "sparse support": LogisticRegression(
        solver="saga",
        l1_ratio=0.8,
        C=0.02,
        max_iter=5000,
        random_state=0,
        **ELASTICNET,
    ),
    "ridge": RidgeClassifier(),
    "svc": LinearSVC(),
    "huber": SGDClassifier(loss="modified_huber", random_state=0),
    "three classes": LogisticRegression(),
    "one against rest": SGDClassifier(
        loss="log_loss", class_weight={0: 2.0, 1: 1.0, 2: 0.5}, random_state=0
    ),
}
THREE_CLASSES = {"three classes", "one against rest"}

WAYS = {
    "newton": {},
    "damped": {"influence": Influence(damping=1e-2)},
    "textbook": {"update": InfluenceUpdate(step="textbook")},
    "iterative": {"influence": Influence(solver=ConjugateGradient(tol=1e-12))},
    "sketched": {"influence": Influence(solver=Nystrom(tol=1e-12, random_state=0))},
    "kept": {"influence": Influence(leftover_gradient="keep")},
}


class FollowedByHand(InfluenceUpdate):
    """Moves by the hooks, one strength after another."""

    def move(self, move):
        return super().move(move)


class InvertedByHand(Influence):
    """Solves by the hook, for each change of the weights."""

    def invert(self, view, rows, parameters, weight):
        return super().invert(view, rows, parameters, weight)


class WeighedByHand(SoftWeighting):
    """Weighs by the hook, one strength after another."""

    def _weigh(self, metrics):
        return super()._weigh(metrics)


def make_data(name, n=300, seed=0):
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, 2, n)
    X = rng.normal(size=(n, 4)) + 0.4 * codes[:, None] * np.array([1, 0, 1, 0])
    n_classes = 3 if name in THREE_CLASSES else 2
    scores = X @ rng.normal(size=(4, n_classes)) + rng.gumbel(size=(n, n_classes))
    weight = rng.integers(1, 4, n).astype(float)
    groups = Groups(codes.astype(np.int8), ["a", "b"])
    return LabeledData(X, scores.argmax(axis=1), groups, weight)


def correct(name, strengths, *, update=None, influence=None, weighting=None, own=False):
    """Return candidates, measured on other rows, or on their own."""
    data = make_data(name)
    fitted = clone(ESTIMATORS[name]).fit(data.X, data.y, sample_weight=data.weight)
    setting = Setting(
        WrappedClassifier(fitted),
        data,
        None if own else make_data(name, 200, 1),
        [DemographicParity(pos_label=1, temperature=1.0)],
        influence or Influence(),
    )
    update = update or OneStep()
    weighting = weighting or SoftWeighting()
    return Corrector(update.pose(setting), weighting, update).correct(strengths)


def assert_same(found, expected, rtol=1e-7):
    assert_allclose(found.state.model, expected.state.model, rtol=rtol, atol=1e-9)
    assert_allclose(found.state.values, expected.state.values, rtol=rtol, atol=1e-10)
    assert_allclose(
        found.state.stationarity, expected.state.stationarity, rtol=1e-5, atol=1e-9
    )
    assert found.state.step_length == expected.state.step_length
    one, other = found.finish(), expected.finish()
    assert_allclose(one.epsilon, other.epsilon, rtol=0, atol=1e-9)
    assert_allclose(one.influence, other.influence, rtol=rtol, atol=1e-12)
    assert_allclose(one.predicted, other.predicted, rtol=rtol, atol=1e-10)
    assert one.n_iter == other.n_iter
    assert [kind for _, kind in found.warnings] == [
        kind for _, kind in expected.warnings
    ]


@pytest.mark.parametrize("name", ESTIMATORS)
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("bounds", [{}, {"lower": -0.3, "upper": 0.4}])
@pytest.mark.filterwarnings("ignore")
def test_a_path_is_what_is_found_at_each_strength(name, way, bounds):
    weighting = SoftWeighting(**bounds)
    path = correct(name, STRENGTHS, weighting=weighting, **WAYS[way])
    for strength, found in zip(STRENGTHS, path, strict=True):
        alone = weighting.at(strength)
        (expected,) = correct(name, [None], weighting=alone, **WAYS[way])
        assert_same(found, expected)


@pytest.mark.parametrize("name", ESTIMATORS)
@pytest.mark.parametrize("own", [False, True])
@pytest.mark.parametrize(
    "hooks",
    [
        {"update": FollowedByHand()},
        {"influence": InvertedByHand()},
        {"weighting": WeighedByHand()},
    ],
    ids=["update", "influence", "weighting"],
)
@pytest.mark.filterwarnings("ignore")
def test_a_path_is_what_the_hooks_make_of_it(name, own, hooks):
    shared = correct(name, STRENGTHS, own=own)
    by_hand = correct(name, STRENGTHS, own=own, **hooks)
    for found, expected in zip(shared, by_hand, strict=True):
        assert_same(found, expected)


@pytest.mark.parametrize("step", ["newton", "textbook"])
@pytest.mark.filterwarnings("ignore")
def test_steps_that_are_too_long_are_halved_as_by_the_hooks(step):
    weighting = SoftWeighting(utility_tolerance=None)
    options = {"weighting": weighting, "own": True}
    strengths = [0.5, 1.5, 2.0]
    shared = correct(
        "logistic", strengths, update=InfluenceUpdate(step=step), **options
    )
    by_hand = correct(
        "logistic", strengths, update=FollowedByHand(step=step), **options
    )
    assert min(one.state.step_length for one in shared) < 1
    for found, expected in zip(shared, by_hand, strict=True):
        assert_same(found, expected)


def counted(base, hook, calls):
    """Return a subclass that counts the calls of a hook."""

    def count(self, *args):
        calls.append(hook)
        return getattr(base, hook)(self, *args)

    return type("Counted", (base,), {hook: count, "__init__": base.__init__})


@pytest.mark.parametrize("hook", ["move", "full_step", "follow"])
def test_hooks_of_an_update_are_called_for_each_strength(hook):
    calls = []
    correct("logistic", STRENGTHS, update=counted(InfluenceUpdate, hook, calls)())
    assert len(calls) == len(STRENGTHS)


def test_the_hook_of_an_influence_is_called_for_each_strength():
    calls = []
    influence = counted(Influence, "invert", calls)()
    correct("logistic", STRENGTHS, influence=influence)
    assert len(calls) == 1 + len(STRENGTHS)


@pytest.mark.parametrize("hook", ["_weigh", "target"])
def test_hooks_of_a_weighting_are_called_for_each_strength(hook):
    calls = []
    weighting = counted(SoftWeighting, hook, calls)()
    correct("logistic", STRENGTHS, weighting=weighting)
    assert len(calls) >= len(STRENGTHS)


@pytest.mark.filterwarnings("ignore::skswu.exceptions.LinearizationWarning")
def test_an_overridden_move_has_its_say_in_both_estimators():
    class Cautious(InfluenceUpdate):
        def move(self, move):
            parameters, length = super().move(move)
            return 0.5 * (parameters + move.parameters), 0.5 * length

    data = make_data("logistic")
    fitted = LogisticRegression().fit(data.X, data.y)
    one = UnlearningClassifier(
        fitted, update=Cautious(), weighting=SoftWeighting(strength=0.5)
    ).unlearn(data.X, data.y, sensitive_features=data.groups.codes)
    path = UnlearningClassifierCV(
        fitted, update=Cautious(), strengths=[0.5], max_disparity=1.0
    ).unlearn(data.X, data.y, sensitive_features=data.groups.codes)
    assert one.step_length_ == path.step_length_ < 1
    assert_allclose(path.objective_after_, one.objective_after_, rtol=1e-12)


def readings_of(X, y, group, strengths, monkeypatch):
    """Return how often a correction reads X, without its block's gathers."""
    passes, reduce = [], LocalBlocks.reduce

    def count(self, *calls):
        if self.X.shape[1]:
            passes.append(calls)
        return reduce(self, *calls)

    fitted = LogisticRegression().fit(X, y)
    monkeypatch.setattr(LocalBlocks, "reduce", count)
    path = UnlearningClassifierCV(
        fitted,
        strengths=strengths,
        max_disparity=1.0,
        objective=DemographicParity(temperature=1.0),
    )
    path.unlearn(X, y, sensitive_features=group)
    reading = {"start", "influences", "gradients_under", "hessian_under"}
    reading |= {"hessians_along", "hessian_products", "outcomes"}
    names = [getattr(calls[0], "func", calls[0]).__name__ for calls in passes]
    return sum(name in reading for name in names)


@pytest.mark.filterwarnings("ignore")
def test_features_are_read_six_times_however_many_strengths(monkeypatch):
    data = make_data("logistic")
    for strengths in ([0.5], np.linspace(0.02, 0.6, 30)):
        with monkeypatch.context() as patched:
            n_readings = readings_of(
                data.X, data.y, data.groups.codes, strengths, patched
            )
        assert n_readings <= 6  # the last of them for standard errors


def test_a_path_keeps_a_few_numbers_a_row():
    path = correct("logistic", np.linspace(0.02, 0.6, 30))
    kept = {
        name: path[0].first.rows.collect(name)
        for name in ("influence", "slope", "second", "loss", "given", "epsilon")
    }
    n_numbers = sum(one.size for one in kept.values() if one is not None)
    assert n_numbers <= 6 * path[0].first.rows.n_rows


def test_the_weights_of_a_candidate_are_the_size_that_the_table_tells():
    (found,) = correct("logistic", [0.5])
    weight = make_data("logistic").weight * (1 + found.finish().epsilon)
    size = weight.sum() ** 2 / (weight @ weight)
    assert found.effective_sample_size() == pytest.approx(size, rel=1e-12)


def test_hard_weights_are_taken_as_they_are():
    (found,) = correct("logistic", [None], weighting=HardWeighting(n_samples=7))
    assert_array_equal(np.unique(found.finish().epsilon), [-1.0, 0.0])


@pytest.mark.parametrize("objective", [TargetUtility(), DemographicParity()])
def test_labels_of_a_path_are_those_that_the_classifiers_predict(objective):
    data = make_data("logistic")
    fitted = LogisticRegression().fit(data.X, data.y, data.weight)
    setting = Setting(WrappedClassifier(fitted), data, None, [objective], Influence())
    update = InfluenceUpdate()
    corrector = Corrector(update.pose(setting), SoftWeighting(), update)
    path = corrector.correct([0.05, 0.1])
    for candidate, found in zip(path, corrector.predicted(path), strict=True):
        assert_array_equal(found, candidate.classifier.predict(data.X))


@pytest.mark.parametrize("name", ["logistic", "three classes", "ridge"])
def test_newton_steps_that_are_said_to_descend_do(name):
    data = make_data(name)
    fitted = clone(ESTIMATORS[name]).fit(data.X, data.y)
    view = make_model_view(fitted)
    rows = view.training_rows(data.X, data.y, data.weight)
    rng = np.random.default_rng(0)
    answers = []
    for size in np.geomspace(1e-3, 30, 60):
        weight = rows.weight * rng.exponential(size=len(rows)) ** 2
        start = view.parameters + size * rng.normal(size=view.parameters.shape)
        inverse = Influence().invert(view, rows, start, weight)
        gradient = view.objective_gradient(rows, start, weight)
        step = -inverse.solve(gradient[:, None]).vectors[:, 0]
        end = start + rng.choice([1.0, 0.5, 0.1]) * step
        answers.append(view.newton_steps_descend(rows, start, end))
        before = view.objective_value(rows, start, weight)
        if answers[-1]:
            rise = view.objective_value(rows, end, weight) - before
            assert rise <= 1e-10 * abs(before)
    assert any(answers)
    assert name == "ridge" or not all(answers)
