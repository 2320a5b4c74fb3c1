"""scikit-learn's callbacks see what a correction is doing."""

import warnings

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skswu import UnlearningClassifier, UnlearningClassifierCV
from skswu.metrics import make_fairness_scorer
from skswu.updates import InfluenceUpdate, Refit
from skswu.weighting import SoftWeighting

callback = pytest.importorskip("sklearn.callback")

pytestmark = [
    pytest.mark.filterwarnings("ignore::skswu.exceptions.LinearizationWarning"),
    pytest.mark.filterwarnings("ignore::skswu.exceptions.UtilityLossWarning"),
    pytest.mark.filterwarnings("ignore::skswu.exceptions.UnreachableTargetWarning"),
    pytest.mark.filterwarnings("ignore::skswu.exceptions.UnreachableBoundWarning"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]


class Diary:
    """Notes the tasks that begin and end, by their paths."""

    max_propagation_depth = None

    def __init__(self):
        self.begun, self.ended, self.open = [], [], False

    def setup(self, estimator, context):
        self.open = True

    def teardown(self, estimator, context):
        self.open = False

    def on_fit_task_begin(self, estimator, context):
        self.begun.append(path_of(context))

    def on_fit_task_end(self, estimator, context):
        self.ended.append(path_of(context))


class Keeping(Diary):
    """Keeps the estimator that comes of the fit."""

    max_propagation_depth = 0

    def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):
        super().on_fit_task_end(estimator, context)
        self.fitted = fitted_estimator


class Stopping(Diary):
    """Stops at the end of the first task of a name."""

    def __init__(self, name):
        super().__init__()
        self.name = name

    def on_fit_task_end(self, estimator, context):
        super().on_fit_task_end(estimator, context)
        return context.task_name == self.name


def path_of(context):
    names = []
    while context is not None:
        names.append(context.task_name)
        context = context.parent
    return "/".join(reversed(names))


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    group = rng.integers(0, 2, 200)
    X = rng.normal(size=(200, 3))
    X[:, 0] += group
    y = (X[:, 0] + X[:, 1] + rng.logistic(size=200) > 0.5).astype(int)
    return X, y, np.where(group == 1, "m", "f")


@pytest.fixture(autouse=True)
def _without_warnings_of_missing_support():
    with warnings.catch_warnings():
        message = "The estimator (Unl|_Rec).* does not support callbacks"
        warnings.filterwarnings("error", message)
        message = "The estimator (Log|SGD|Stan).* does not support callbacks"
        warnings.filterwarnings("ignore", message)
        yield


def test_steps_are_tasks(data):
    X, y, group = data
    diary = Diary()
    model = UnlearningClassifier(
        LogisticRegression(), update=InfluenceUpdate(max_iter=3)
    ).set_callbacks(diary)
    model.fit(X, y, sensitive_features=group)
    assert sorted(diary.begun) == sorted(diary.ended)
    assert not diary.open
    assert {"fit", "fit/correction", "fit/correction/influence"} <= set(diary.begun)
    assert any(path.endswith("strength/update") for path in diary.begun) == (
        model.n_iter_ > 1
    )
    assert diary.ended[-1] == "fit"


def test_refits_are_tasks(data):
    X, y, group = data
    diary = Diary()
    model = UnlearningClassifier(LogisticRegression(), update=Refit(max_refits=2))
    model.set_callbacks(diary).fit(X, y, sensitive_features=group)
    refits = [path for path in diary.ended if path.endswith("update/refit")]
    assert len(refits) == model.n_iter_


@pytest.mark.parametrize(
    ("name", "update"),
    [
        ("step", InfluenceUpdate(max_iter=6)),
        ("step", InfluenceUpdate(max_iter="auto")),
        ("refit", Refit(max_refits=6, tol=1e-6)),
        ("update", Refit(max_refits=6, tol=1e-6)),
    ],
)
def test_a_callback_ends_the_steps(data, name, update):
    X, y, group = data
    model = UnlearningClassifier(
        LogisticRegression(), update=update, weighting=SoftWeighting(strength=0.8)
    )
    free = model.fit(X, y, sensitive_features=group).n_iter_
    diary = Stopping(name)
    model.set_callbacks(diary).fit(X, y, sensitive_features=group)
    assert model.n_iter_ == 1 < free
    assert sorted(diary.begun) == sorted(diary.ended)
    assert abs(model.objective_after_[0]) < abs(model.objective_before_[0])


def test_a_callback_ends_the_steps_of_one_strength_alone(data):
    X, y, group = data
    model = UnlearningClassifierCV(
        LogisticRegression(), strengths=[0.3, 0.6], update=InfluenceUpdate(max_iter=6)
    )
    diary = Stopping("step")
    model.set_callbacks(diary).fit(X, y, sensitive_features=group)
    assert len([path for path in diary.ended if path.endswith("/step")]) == 2


def test_strengths_and_folds_are_tasks(data):
    X, y, group = data
    diary = Diary()
    model = UnlearningClassifierCV(LogisticRegression(), strengths=[0.3, 0.6], cv=2)
    model.set_callbacks(diary).fit(X, y, sensitive_features=group)
    folds = [path for path in diary.ended if path.endswith("cross-validation/split")]
    strengths = [path for path in diary.ended if path.endswith("split/strength")]
    assert (len(folds), len(strengths)) == (2, 4)


def test_a_callback_is_handed_the_fitted_estimator(data):
    X, y, group = data
    keeping = Keeping()
    model = UnlearningClassifier(LogisticRegression()).set_callbacks(keeping)
    model.fit(X, y, sensitive_features=group)
    np.testing.assert_array_equal(keeping.fitted.predict(X), model.predict(X))


def test_pipelines_and_searches_hand_their_callbacks_on(data):
    X, y, group = data
    frame = np.column_stack([X, group == "m"])
    diary = Diary()
    model = UnlearningClassifier(
        make_pipeline(StandardScaler(), SGDClassifier(loss="log_loss", max_iter=2)),
        weighting=SoftWeighting(),
        update="one_step",
        sensitive_features=3,
    )
    search = GridSearchCV(
        make_pipeline("passthrough", model),
        {"unlearningclassifier__weighting__strength": [0.2, 0.4]},
        scoring=make_fairness_scorer(
            "demographic_parity_difference", sensitive_features=3
        ),
        cv=2,
    ).set_callbacks(diary)
    search.fit(frame, y)
    corrections = [path for path in diary.ended if path.endswith("/correction")]
    assert len(corrections) == 5
    assert sorted(diary.begun) == sorted(diary.ended)


def test_a_failed_fit_closes_its_callbacks(data):
    X, y, _ = data
    diary = Diary()
    model = UnlearningClassifier(LogisticRegression()).set_callbacks(diary)
    with pytest.raises(ValueError, match="needs sensitive_features"):
        model.fit(X, y)
    assert not diary.open
    assert not hasattr(model, "_callback_fit_ctx")


def test_no_user_object_keeps_a_callback(data):
    X, y, group = data
    estimator = make_pipeline(StandardScaler(), LogisticRegression())
    model = UnlearningClassifier(estimator).set_callbacks(Diary())
    model.fit(X, y, sensitive_features=group)
    for one in (estimator, model.original_estimator_, model.estimator_):
        assert not hasattr(one, "_skl_callbacks")
        assert not hasattr(one, "_parent_callback_ctx")
