"""Groups compared within strata, against fairlearn's MetricFrame and counts by hand."""

import warnings

import numpy as np
import pandas as pd
import pytest
from fairlearn.metrics import MetricFrame, selection_rate, true_positive_rate
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import expit
from sklearn import config_context
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score

from skswu import UnlearningClassifier, UnlearningClassifierCV
from skswu.inspection import influence_values
from skswu.metrics import get_scorer, make_fairness_scorer
from skswu.objectives import DemographicParity, EqualOpportunity, MinimumGroupRate


@pytest.fixture
def data(rng):
    """Women apply where fewer are taken: no gap within, or another one."""
    sex = np.where(rng.random(1200) < 0.5, "f", "m")
    job = np.where(rng.random(1200) < np.where(sex == "f", 0.7, 0.3), "law", "tech")
    X = rng.normal(size=(1200, 3)) + 0.3 * (sex == "m")[:, None] * [1.0, 0.0, 0.0]
    X[:, 2] = (job == "tech") * 1.5 + 0.1 * X[:, 2]
    y = (X @ [1.0, -0.5, 1.0] + rng.logistic(size=1200) > 0.8).astype(int)
    return X, y, sex, job


def rates(rate, data, predicted, weight=None):
    _, y, sex, job = data
    return MetricFrame(
        metrics=rate,
        y_true=y,
        y_pred=predicted,
        sensitive_features=sex,
        control_features=job,
        sample_params={"sample_weight": weight},
    )


@pytest.mark.parametrize("strength", [0.5, 1.0])
def test_gaps_are_those_within_each_stratum_and_repaired_there(data, strength):
    X, y, sex, job = data
    fitted = LogisticRegression().fit(X, y)
    model = UnlearningClassifier(
        fitted,
        objective=DemographicParity(temperature=1.0),
        validation_fraction=None,
    )
    model.set_params(weighting__strength=strength, update__max_iter=10)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.unlearn(X, y, sensitive_features=sex, control_features=job)
    names = [f"demographic_parity[1] within {name}: m - f" for name in ("law", "tech")]
    assert model.objective_names_ == names

    def gaps(coef, intercept):
        chance = expit(X @ coef.ravel() + intercept)
        means = pd.Series(chance).groupby([job, sex]).mean().unstack()
        return (means["m"] - means["f"]).to_numpy()

    before = gaps(fitted.coef_, fitted.intercept_)
    assert_allclose(model.objective_before_, before)
    after = gaps(model.estimator_.coef_, model.estimator_.intercept_)
    assert_allclose(model.objective_after_, after, atol=1e-12)
    assert_allclose(after, (1 - strength) * before, atol=0.02 * np.abs(before).max())


@pytest.mark.parametrize("cv", [None, 3])
def test_the_path_counts_the_largest_difference_of_the_strata(data, cv):
    X, y, sex, job = data
    weight = np.random.default_rng(0).integers(1, 3, len(y)).astype(float)
    model = UnlearningClassifierCV(
        LogisticRegression(),
        objective=EqualOpportunity(pos_label=1),
        strengths=[0.0, 0.5],
        validation_fraction=None,
        cv=cv,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(
            X, y, sensitive_features=sex, control_features=job, sample_weight=weight
        )
    if cv is None:
        predicted = LogisticRegression().fit(X, y, weight).predict(X)
        frame = rates(true_positive_rate, data, predicted, weight)
        assert_allclose(model.path_["disparity"][0], frame.difference().max())
    assert len(model.path_) == 2
    assert (model.path_["disparity_se"] > 0).all()


def test_a_stratum_of_one_group_is_left_out_and_told(data):
    X, y, sex, job = data
    job = np.where((job == "law") & (sex == "m"), "tech", job)
    job = np.where((job == "tech") & (X[:, 1] > 1), "art", job)
    fitted = LogisticRegression().fit(X, y)
    model = UnlearningClassifier(fitted, objective=DemographicParity(pos_label=1))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.unlearn(X, y, sensitive_features=sex, control_features=job)
    told = [str(one.message) for one in caught if "one group only" in str(one.message)]
    assert told == [
        "DemographicParity leaves out strata of the control features that hold rows of "
        "one group only: within law."
    ]
    assert [name.split(":")[0] for name in model.objective_names_] == [
        "demographic_parity[1] within art",
        "demographic_parity[1] within tech",
    ]
    with pytest.warns(UserWarning, match=r"one group only: the strata \['law'\]"):
        score = get_scorer("demographic_parity_difference")(
            fitted, X, y, sensitive_features=sex, control_features=job
        )
    frame = rates(selection_rate, (X, y, sex, job), fitted.predict(X))
    assert_allclose(score, -frame.difference()[["art", "tech"]].max())


def test_a_group_that_is_nowhere_beside_another_is_an_error_in_words(data):
    X, y, sex, _ = data
    model = UnlearningClassifier(LogisticRegression().fit(X, y))
    message = "no row .* of 'f' in a stratum beside another group"
    with pytest.raises(ValueError, match=message):
        model.unlearn(X, y, sensitive_features=sex, control_features=sex)
    scorer = get_scorer("demographic_parity_difference")
    with pytest.raises(ValueError, match="no stratum with rows of two groups"):
        scorer(model.estimator, X, y, sensitive_features=sex, control_features=sex)


@pytest.mark.parametrize("ending", ["difference", "ratio"])
def test_scorers_take_the_stratum_that_is_farthest_from_parity(data, ending):
    X, y, sex, job = data
    fitted = LogisticRegression().fit(X, y)
    frame = rates(selection_rate, data, fitted.predict(X))
    expected = {
        "difference": -frame.difference().max(),
        "ratio": frame.ratio().min(),
    }[ending]
    scorer = get_scorer(f"demographic_parity_{ending}")
    given = {"sensitive_features": sex, "control_features": job}
    assert_allclose(scorer(fitted, X, y, **given), expected)
    table = pd.DataFrame(X, columns=list("abc")).assign(sex=sex, job=job)
    named = make_fairness_scorer(
        f"demographic_parity_{ending}", sensitive_features="sex", control_features="job"
    )

    class OfColumns(LogisticRegression):
        def predict(self, X):
            return super().predict(X[list("abc")].to_numpy())

    fitted.__class__ = OfColumns
    assert_allclose(named(fitted, table, y), expected)


def test_columns_calls_evaluation_rows_and_influences_agree(data):
    X, y, sex, job = data
    table = pd.DataFrame(X, columns=list("abc"))
    table = table.assign(sex=(sex == "m") * 1.0, job=(job == "tech") * 1.0)
    fitted = LogisticRegression().fit(table, y)
    by_name = UnlearningClassifier(
        fitted,
        sensitive_features="sex",
        control_features="job",
        validation_fraction=None,
    )
    by_call = UnlearningClassifier(fitted)
    given = {"sensitive_features": table["sex"], "control_features": table["job"]}
    rows = {f"{name}_val": values for name, values in given.items()}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        by_name.unlearn(table, y)
        by_call.unlearn(table, y, X_val=table, y_val=y, **given, **rows)
        values = influence_values(by_name, table, y)
    assert_allclose(by_call.epsilon_, by_name.epsilon_, atol=1e-10)
    assert_allclose(values.iloc[:, :2].to_numpy().T, by_name.influence_, atol=1e-12)
    assert clone(by_name).control_features == "job"


def test_limits_are_kept_in_every_stratum(data):
    X, y, sex, job = data
    model = UnlearningClassifier(
        LogisticRegression().fit(X, y),
        objective=MinimumGroupRate(rate="accuracy", temperature=1.0),
        validation_fraction=None,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.unlearn(X, y, sensitive_features=sex, control_features=job)
    own = model.original_estimator_.predict_proba(X)[np.arange(len(y)), y]
    shortfalls = [
        own[job == name].mean() - own[(job == name) & (sex == one)].mean()
        for name in ("law", "tech")
        for one in "fm"
    ]
    assert_allclose(model.objective_before_, shortfalls, atol=1e-12)


def test_routing_brings_control_features_to_fit_and_to_scorers(data):
    X, y, sex, job = data
    given = {"sensitive_features": sex, "control_features": job}
    with config_context(enable_metadata_routing=True), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = UnlearningClassifier(LogisticRegression(), validation_fraction=None)
        model.set_fit_request(sensitive_features=True, control_features=True)
        scorer = get_scorer("demographic_parity_difference")
        scorer.set_score_request(sensitive_features=True, control_features=True)
        scores = cross_val_score(model, X, y, cv=2, scoring=scorer, params=given)
    assert scores.shape == (2,)
    assert np.isfinite(scores).all()


def test_bad_control_features_are_refused(data):
    X, y, sex, job = data
    model = UnlearningClassifier(LogisticRegression().fit(X, y))
    with pytest.raises(ValueError, match="control_features has 10 rows"):
        model.unlearn(X, y, sensitive_features=sex, control_features=job[:10])
    with pytest.raises(ValueError, match="control_features_val was given without"):
        model.unlearn(X, y, sensitive_features=sex, control_features_val=job)
    free = UnlearningClassifier(model.estimator, objective="target_utility")
    with pytest.raises(ValueError, match="need sensitive_features, which are None"):
        free.unlearn(X, y, control_features=job)
    with pytest.raises(ValueError, match="'region' names a column"):
        model.set_params(control_features="region").unlearn(
            X, y, sensitive_features=sex
        )
    assert_array_equal(model.get_params()["control_features"], "region")
