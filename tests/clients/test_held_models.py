"""Models that people hold already: corrected, or told in words what to pass."""

import numpy as np
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import (
    RandomForestClassifier,
    StackingClassifier,
    VotingClassifier,
)
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import (
    FixedThresholdClassifier,
    GridSearchCV,
)
from sklearn.multiclass import OneVsRestClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.svm import SVC

from skswu import UnlearningClassifier

pytestmark = [
    pytest.mark.filterwarnings("ignore::skswu.exceptions.LinearizationWarning"),
    pytest.mark.filterwarnings("ignore::skswu.exceptions.UtilityLossWarning"),
    pytest.mark.filterwarnings("ignore::skswu.exceptions.UnreachableTargetWarning"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    group = rng.integers(0, 2, 300)
    X = rng.normal(size=(300, 3))
    X[:, 0] += group
    y = (X[:, 0] + X[:, 1] + rng.logistic(size=300) > 0.5).astype(int)
    return X, y, group


LINEAR = LogisticRegression()
REFUSED = {
    "search": (GridSearchCV(LINEAR, {"C": [0.1, 1.0]}, cv=2), "best_estimator_"),
    "threshold": (
        FixedThresholdClassifier(RandomForestClassifier(2)),
        r'RandomForestClassifier .* update="refit" fits it anew',
    ),
    "one against the rest": (OneVsRestClassifier(LINEAR), r"in its \.estimator;"),
    "calibrated": (CalibratedClassifierCV(LINEAR, cv=2), r"in its \.estimator;"),
    "voting": (VotingClassifier([("l", LINEAR)], voting="soft"), r"its \.estimators;"),
    "stacking": (StackingClassifier([("l", LINEAR)], cv=2), 'update="refit"'),
    "forest": (RandomForestClassifier(2), r'around. update="refit" fits it anew'),
    "bayes": (GaussianNB(), 'update="refit" fits it anew'),
    "network": (MLPClassifier((2,), max_iter=2), r"update=\"refit\"|takes no weights"),
    "kernel": (SVC(), "put it into a CalibratedClassifierCV"),
    "neighbours": (KNeighborsClassifier(), "takes no weights"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_not_corrected_names_the_way_out(data, case):
    X, y, group = data
    estimator, message = REFUSED[case]
    model = UnlearningClassifier(estimator.fit(X, y))
    with pytest.raises(TypeError, match=message):
        model.unlearn(X, y, sensitive_features=group)


def test_a_corrected_model_is_not_corrected_twice(data):
    X, y, group = data
    once = UnlearningClassifier(LogisticRegression().fit(X, y))
    once.unlearn(X, y, sensitive_features=group)
    with pytest.raises(TypeError, match=r"corrected already.*\.original_estimator_"):
        UnlearningClassifier(once).unlearn(X, y, sensitive_features=group)
    again = UnlearningClassifier(once.original_estimator_)
    again.unlearn(X, y, sensitive_features=group)
    np.testing.assert_array_equal(again.epsilon_, once.epsilon_)


def test_the_best_estimator_of_a_search_is_corrected(data):
    X, y, group = data
    search = GridSearchCV(LogisticRegression(), {"C": [0.1, 1.0]}, cv=2).fit(X, y)
    model = UnlearningClassifier(search.best_estimator_)
    model.unlearn(X, y, sensitive_features=group)
    assert abs(model.objective_after_[0]) < 0.3 * abs(model.objective_before_[0])
