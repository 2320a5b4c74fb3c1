"""Corrections in parallel, in several threads, and cut off half-way."""

import pickle
import sys
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from pathlib import Path
from threading import Barrier

import joblib
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import ThreadpoolController, threadpool_info, threadpool_limits

import skswu
from skswu import UnlearningClassifier, UnlearningClassifierCV
from skswu._utils._blas_threads import on_one_blas_thread
from skswu._utils._warnings import kept_warnings, warn
from skswu.exceptions import UnreachableTargetWarning
from skswu.updates import InfluenceUpdate, Refit
from skswu.weighting import HardWeighting, SoftWeighting

# Small tables whose gaps are repaired to the last: what that costs is no matter here.
pytestmark = pytest.mark.filterwarnings("ignore::skswu.exceptions.UtilityLossWarning")


@pytest.fixture
def data(rng):
    group = rng.integers(0, 2, 240)
    X = rng.normal(size=(240, 4)) + 0.5 * group[:, None]
    y = X @ [1.0, -0.5, 0.5, 0.0] + rng.logistic(size=240) > 0.5
    return X, y.astype(int), np.where(group == 1, "a", "b")


MODELS = [
    UnlearningClassifier(LogisticRegression(), random_state=0),
    UnlearningClassifier(
        make_pipeline(StandardScaler(), RidgeClassifier()),
        weighting=SoftWeighting(strength=0.6, upper=0.5),
        random_state=1,
    ),
    UnlearningClassifier(
        LogisticRegression(C=0.1),
        objective="equalized_odds",
        weighting=HardWeighting(fraction=0.1),
        update=InfluenceUpdate(max_iter=10),
        random_state=2,
    ),
    UnlearningClassifier(
        LogisticRegression(), update=Refit(max_refits=2), random_state=3
    ),
    UnlearningClassifierCV(LogisticRegression(), strengths=4, random_state=4),
]


def assert_same(one, other, X):
    # Other numbers of BLAS threads sum in another order.
    assert_allclose(one.epsilon_, other.epsilon_, rtol=1e-6, atol=1e-9)
    assert_allclose(one.objective_after_, other.objective_after_, rtol=1e-6, atol=1e-9)
    assert_allclose(one.decision_function(X), other.decision_function(X), rtol=1e-6)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("backend", ["loky", "threading"])
def test_corrections_in_parallel_are_those_in_a_row(data, backend):
    X, y, group = data
    found = joblib.Parallel(n_jobs=2, backend=backend)(
        joblib.delayed(clone(model).fit)(X, y, sensitive_features=group)
        for model in MODELS * 3
    )
    expected = [clone(model).fit(X, y, sensitive_features=group) for model in MODELS]
    for one, other in zip(found, expected * 3, strict=True):
        assert_same(one, other, X)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("model", MODELS)
def test_one_model_serves_several_threads(data, model):
    X, y, group = data
    model = clone(model).set_params(estimator=clone(model.estimator).fit(X, y))
    expected = deepcopy(model.unlearn(X, y, sensitive_features=group))
    margins = expected.decision_function(X)
    together = Barrier(4)

    def work(number):
        together.wait()
        for _ in range(3):
            if number % 2:
                model.unlearn(X, y, sensitive_features=group)
            assert_allclose(model.decision_function(X), margins, rtol=1e-6)

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(work, range(4)))
    assert_same(model, expected, X)
    assert set(vars(model)) == set(vars(expected))


@pytest.mark.filterwarnings("ignore::skswu.exceptions.LinearizationWarning")
def test_paths_in_threads_give_the_warning_filters_back(data):
    X, y, group = data
    fitted = LogisticRegression().fit(X, y)
    before, show = list(warnings.filters), warnings.showwarning

    def work(number):
        model = UnlearningClassifierCV(fitted, strengths=15)
        return model.unlearn(X, y, sensitive_features=group).strength_

    with ThreadPoolExecutor(4) as threads:
        assert len(set(threads.map(work, range(12)))) == 1
    assert warnings.filters == before
    assert warnings.showwarning is show


def test_the_filters_of_the_process_are_left_alone():
    package = Path(skswu.__file__).parent
    names = "catch_warnings", "simplefilter", "filterwarnings"
    changing = {
        path.relative_to(package).parts[0]
        for path in package.rglob("*.py")
        if any(f".{name}(" in path.read_text(encoding="utf-8") for name in names)
    }
    # The command line is a process of its own.
    assert changing == {"_command_line"}


def test_warnings_are_kept_for_the_thread_that_asked():
    with kept_warnings() as kept, ThreadPoolExecutor(1) as threads:
        warn("mine", UserWarning)
        with pytest.warns(UserWarning, match="another's"):
            threads.submit(warn, "another's", UserWarning).result()
    assert kept == [("mine", UserWarning)]
    with pytest.warns(UserWarning, match="mine"):
        warn(*kept[0])


def test_warnings_point_to_the_line_that_called(data):
    X, y, group = data
    weighting = SoftWeighting(lower=-0.01, upper=0.01)
    model = UnlearningClassifier(LogisticRegression().fit(X, y), weighting=weighting)
    for method in (model.fit, model.unlearn):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            method(X, y, sensitive_features=group)
        assert UnreachableTargetWarning in {one.category for one in caught}
        assert {one.filename for one in caught} == {__file__}


def blas_threads():
    return {
        library["filepath"]: library["num_threads"]
        for library in threadpool_info()
        if library["user_api"] == "blas"
    }


def clear_controlling_thread():
    """Have threadpoolctl let the next thread that asks set limits."""
    for library in ThreadpoolController().lib_controllers:
        if hasattr(library, "clear_controlling_thread"):
            library.clear_controlling_thread(force=True)


@pytest.fixture
def two_blas_threads():
    """Two BLAS threads, which a test is to leave."""
    with threadpool_limits(2, user_api="blas"):
        before = blas_threads()
        if 2 not in before.values():
            pytest.skip("this BLAS has no threads")
        yield
        assert blas_threads() == before


@pytest.mark.parametrize("first_to_leave", [0, 1])
@pytest.mark.usefixtures("two_blas_threads")
def test_calls_that_overlap_give_the_blas_threads_back(first_to_leave):
    before = blas_threads()
    is_in, may_leave = ([threading.Event(), threading.Event()] for _ in range(2))
    seen = []

    def work(position):
        seen.append(set(blas_threads().values()))
        is_in[position].set()
        may_leave[position].wait(10)

    # What limits BLAS is the thread that does so first: it must not be this one.
    clear_controlling_thread()
    threads = [
        threading.Thread(target=on_one_blas_thread, args=[work, position])
        for position in (0, 1)
    ]
    for position in (0, 1):
        threads[position].start()
        is_in[position].wait(10)
    for position in (first_to_leave, 1 - first_to_leave):
        may_leave[position].set()
        threads[position].join()
    assert seen == [{1}, {1}]
    assert blas_threads() == before


@pytest.mark.usefixtures("two_blas_threads")
def test_an_error_inside_gives_the_blas_threads_back():
    def fail():
        raise RuntimeError("inside")

    with pytest.raises(RuntimeError, match="inside"):
        on_one_blas_thread(fail)


@pytest.mark.usefixtures("two_blas_threads")
def test_an_interrupt_at_any_moment_gives_the_blas_threads_back():
    on_one_blas_thread(int)  # which libraries there are is looked for once
    before = blas_threads()
    moments = 0
    while _is_interrupted(on_one_blas_thread, moments):
        assert blas_threads() == before, moments
        moments += 1
    assert moments > 10


def _is_interrupted(function, moment):
    """Call a function with an interrupt where Python looks for one the n-th time.

    It looks for one where a function begins and where one in C has returned.
    """
    left = moment

    def interrupt(frame, event, argument):
        nonlocal left
        if event not in ("call", "c_return") or argument is sys.setprofile:
            return
        left -= 1
        if left < 0:
            sys.setprofile(None)
            raise KeyboardInterrupt

    try:
        sys.setprofile(interrupt)
        function(int)
        sys.setprofile(None)
    except KeyboardInterrupt:
        return True
    return False


class Interrupted(SoftWeighting):
    """Raises a KeyboardInterrupt when it weighs for the n-th time, or along a path."""

    def __init__(self, *, strength=1.0, after=0):
        super().__init__(strength=strength)
        self.after = after
        self.left = [after]

    def __sklearn_clone__(self):
        return self

    def weigh(self, metrics):
        self.left[0] -= 1
        if self.left[0] < 0:
            raise KeyboardInterrupt
        return super().weigh(metrics)


STAGES = {
    "the first strength": {"after": 0},
    "a later strength": {"after": 1},
    "a split": {"after": 0, "cv": 2},
    "the fit on all rows": {"after": 4, "cv": 2},
}


def interrupted(stage):
    options = dict(STAGES[stage])
    weighting = Interrupted(after=options.pop("after"))
    return UnlearningClassifierCV(
        LogisticRegression(),
        weighting=weighting,
        strengths=3,
        max_utility_loss=1.0,
        random_state=0,
        **options,
    )


@pytest.mark.filterwarnings("ignore::skswu.exceptions.LinearizationWarning")
@pytest.mark.parametrize("stage", STAGES)
def test_an_interrupted_first_fit_leaves_nothing_behind(data, stage):
    X, y, group = data
    model = interrupted(stage)
    before = dict(vars(model))
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, y, sensitive_features=group)
    assert vars(model) == before


# Rows other than those of the fit are given on purpose.
@pytest.mark.filterwarnings("ignore::skswu.exceptions.TrainingDataWarning")
@pytest.mark.filterwarnings("ignore::skswu.exceptions.LinearizationWarning")
@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("method", ["fit", "unlearn"])
def test_an_interrupted_correction_leaves_the_last_one(data, stage, method):
    X, y, group = data
    model = interrupted(stage).set_params(weighting="soft")
    model.fit(X, y, sensitive_features=group)
    model.set_params(weighting=interrupted(stage).weighting)
    if method == "unlearn":
        # It corrects once, whatever the splits of a fit.
        model.weighting.left[0] = min(model.weighting.left[0], 1)
    before = pickle.dumps({**vars(model), "weighting": None})
    predicted = model.predict(X)
    rows, columns = slice(200), slice(3 if method == "fit" else 4)
    with pytest.raises(KeyboardInterrupt):
        getattr(model, method)(
            X[rows, columns], y[rows], sensitive_features=group[rows]
        )
    assert pickle.dumps({**vars(model), "weighting": None}) == before
    assert_array_equal(model.predict(X), predicted)


# Rows other than those of the fit are given on purpose.
@pytest.mark.filterwarnings("ignore::skswu.exceptions.TrainingDataWarning")
@pytest.mark.filterwarnings("ignore::skswu.exceptions.LinearizationWarning")
@pytest.mark.parametrize(
    "place",
    [
        "skswu.estimators._unlearning_classifier_cv.PathTable",
        "skswu.estimators._unlearning_classifier_cv.make_point",
        "skswu.selection._decision_threshold.ThresholdSearch.curve",
        "skswu.estimators._unlearning_classifier_cv.with_threshold",
    ],
)
def test_an_interrupt_between_the_steps_leaves_the_last_correction(
    data, monkeypatch, place
):
    X, y, group = data
    model = UnlearningClassifierCV(
        LogisticRegression(), strengths=3, tune_threshold=True, max_disparity=0.2
    ).fit(X, y, sensitive_features=group)
    before = pickle.dumps(vars(model))

    def interrupt(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(place, interrupt)
    with pytest.raises(KeyboardInterrupt):
        model.unlearn(X, y, sensitive_features=group)
    assert pickle.dumps(vars(model)) == before
