"""Predicted influence against 300 actual leave-one-out refits on Adult."""

import numpy as np
import pytest
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from skswu import UnlearningClassifier
from skswu.datasets import load_adult
from skswu.objectives import DemographicParity, EqualOpportunity

N_TRAIN, N_LEFT_OUT = 32_561, 300


@pytest.fixture(scope="module")
def leave_one_out():
    """Predicted and actual changes of utility, parity and opportunity."""
    frame = load_adult().frame
    y = (frame["income"] == ">50K").to_numpy()
    group = frame["sex"].to_numpy()
    columns = ["age", "education_num", "hours_per_week", "relationship", "race"]
    encode = make_column_transformer(
        (StandardScaler(), make_column_selector(dtype_include="number")),
        (
            OneHotEncoder(sparse_output=False),
            make_column_selector(dtype_exclude="number"),
        ),
        sparse_threshold=0,
    )
    X = encode.fit_transform(frame[columns])
    train, held_out = slice(0, N_TRAIN), slice(N_TRAIN, None)
    estimator = LogisticRegression(solver="newton-cholesky", tol=1e-12)
    fitted = estimator.fit(X[train], y[train])
    objectives = [DemographicParity(), EqualOpportunity()]
    model = UnlearningClassifier(
        fitted, objective=objectives, update="one_step"
    ).unlearn(
        X[train],
        y[train],
        sensitive_features=group[train],
        X_val=X[held_out],
        y_val=y[held_out],
        sensitive_features_val=group[held_out],
    )
    predicted = np.vstack([model.influence_, model.utility_influence_])

    def measure(fit):
        """Both gaps and the log loss, from the probabilities and by hand."""
        probability = fit.predict_proba(X[held_out])[:, 1]
        odds = (probability / (1 - probability)) ** (1 / objectives[0].temperature)
        tempered = odds / (1 + odds)
        men, positive = group[held_out] == "Male", y[held_out]
        right = np.where(positive, probability, 1 - probability)
        return np.array(
            [
                tempered[men].mean() - tempered[~men].mean(),
                tempered[men & positive].mean() - tempered[~men & positive].mean(),
                -np.log(right).mean(),
            ]
        )

    before = measure(fitted)
    left_out = np.random.default_rng(0).choice(N_TRAIN, N_LEFT_OUT, replace=False)
    actual = np.empty((3, N_LEFT_OUT))
    for position, sample in enumerate(left_out):
        weight = np.ones(N_TRAIN)
        weight[sample] = 0.0
        refit = LogisticRegression(solver="newton-cholesky", tol=1e-12)
        refit.fit(X[train], y[train], sample_weight=weight)
        actual[:, position] = measure(refit) - before
    return predicted[:, left_out], actual


@pytest.mark.parametrize(
    ("row", "metric"), [(0, "demographic parity"), (1, "opportunity"), (2, "utility")]
)
def test_influence_correlates_with_retraining(leave_one_out, row, metric):
    predicted, actual = leave_one_out
    assert np.corrcoef(predicted[row], actual[row])[0, 1] >= 0.999
    assert np.polyfit(actual[row], predicted[row], 1)[0] == pytest.approx(1, abs=0.03)
