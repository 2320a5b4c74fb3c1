"""The choice of the strength, against searches by hand and by scikit-learn."""

import pickle
import re
import warnings

import numpy as np
import pandas as pd
import pytest
from fairlearn import metrics as fairlearn_metrics
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.datasets import make_classification
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.metrics import accuracy_score, balanced_accuracy_score, log_loss
from sklearn.model_selection import FixedThresholdClassifier, KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from skswu import UnlearningClassifier, UnlearningClassifierCV
from skswu.exceptions import UnreachableBoundWarning, UnreachableTargetWarning
from skswu.inspection import TradeoffDisplay
from skswu.objectives import AdversarialRobustness, BoundedGroupLoss, DemographicParity
from skswu.updates import InfluenceUpdate, Refit
from skswu.weighting import SoftWeighting

STRENGTHS = [0.0, 0.3, 0.6, 0.9, 1.0]


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    group = rng.integers(0, 2, 600)
    X = rng.normal(size=(600, 5)) + 0.4 * group[:, None] * np.array([1, 0, 1, 0, 0])
    y = X @ [1.0, -0.5, 0.5, 0.5, 0.0] + rng.logistic(size=600) > 0
    group = np.where(group == 1, "a", "b")
    y = y.astype(int)
    return X, y, group


@pytest.fixture
def frame(data):
    X, y, group = data
    X = pd.DataFrame(X, columns=list("vwxyz")).assign(sex=(group == "a").astype(float))
    return X, y


@parametrize_with_checks(
    [
        UnlearningClassifierCV(
            LogisticRegression(),
            objective="target_utility",
            strengths=3,
            validation_fraction=None,
        ),
        UnlearningClassifierCV(
            RidgeClassifier(),
            objective="target_utility",
            strengths=3,
            cv=2,
            validation_fraction=None,
        ),
    ],
)
@pytest.mark.filterwarnings("ignore")
def test_scikit_learn_conventions(estimator, check):
    check(estimator)


def unlearned(strength, fitted, rows, update="one_step", **options):
    """What a correction at one strength alone gives."""
    model = UnlearningClassifier(
        fitted, weighting=SoftWeighting(strength=strength), update=update, **options
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return model.unlearn(**rows)


def as_rows(data, train=slice(0, 400), held_out=slice(400, None)):
    X, y, group = data
    return {
        "X": X[train],
        "y": y[train],
        "sensitive_features": group[train],
        "X_val": X[held_out],
        "y_val": y[held_out],
        "sensitive_features_val": group[held_out],
    }


@pytest.mark.parametrize(
    "estimator",
    [
        LogisticRegression(),
        LogisticRegression(class_weight="balanced", fit_intercept=False),
        RidgeClassifier(),
        make_pipeline(StandardScaler(), LogisticRegression(C=0.1)),
    ],
)
def test_each_row_of_the_path_is_a_correction_of_its_own(data, estimator):
    rows = as_rows(data)
    fitted = clone(estimator).fit(rows["X"], rows["y"])
    model = UnlearningClassifierCV(fitted, strengths=STRENGTHS).unlearn(**rows)
    original = accuracy_score(rows["y_val"], fitted.predict(rows["X_val"]))
    for row in model.path_.to_dict("records"):
        alone = unlearned(row["strength"], fitted, rows)
        predicted = alone.predict(rows["X_val"])
        disparity = fairlearn_metrics.demographic_parity_difference(
            rows["y_val"],
            predicted,
            sensitive_features=rows["sensitive_features_val"],
        )
        assert_allclose(row["disparity"], disparity, atol=1e-14)
        assert row["utility"] == accuracy_score(rows["y_val"], predicted)
        assert_allclose(row["utility_loss"], original - row["utility"], atol=1e-14)
        gap = row[model.objective_names_[0]]
        assert_allclose(gap, alone.objective_after_[0], rtol=1e-7, atol=1e-10)
        assert_allclose(row["loss"], alone.utility_after_, rtol=1e-7)
        assert_allclose(row["stationarity"], alone.stationarity_, rtol=1e-5, atol=1e-10)
        assert row["step_length"] == alone.step_length_
        size = alone.sample_weight_.sum() ** 2 / (alone.sample_weight_**2).sum()
        assert_allclose(row["effective_sample_size"], size, rtol=1e-7)
        assert row["feasible"] == (row["utility_loss"] <= 0.01 + 1e-12)


@pytest.mark.parametrize("bound", [{"max_disparity": 0.1}, {"max_utility_loss": 0.02}])
def test_the_chosen_model_is_that_of_its_strength(data, bound):
    rows = as_rows(data)
    fitted = LogisticRegression().fit(rows["X"], rows["y"])
    model = UnlearningClassifierCV(fitted, strengths=STRENGTHS, **bound).unlearn(**rows)
    alone = unlearned(model.strength_, fitted, rows)
    assert_allclose(model.estimator_.coef_, alone.estimator_.coef_, rtol=1e-8)
    assert_allclose(model.epsilon_, alone.epsilon_, rtol=1e-8, atol=1e-10)
    assert_allclose(model.influence_, alone.influence_, rtol=1e-12)
    assert_array_equal(model.predict(rows["X"]), alone.predict(rows["X"]))
    assert model.path_["strength"][model.best_index_] == model.strength_


def test_the_rules_choose_what_a_search_by_hand_finds(data):
    X, y, group = data
    model = UnlearningClassifierCV(LogisticRegression(), random_state=0)
    model.fit(X, y, sensitive_features=group)
    path = model.path_
    assert_allclose(path["strength"], np.linspace(0, 2, 51))
    allowed = path[path["utility_loss"] <= 0.01 + 1e-12]
    equal = allowed[allowed["disparity"] <= allowed["disparity"].min() + 1e-12]
    assert model.best_index_ == equal[model.objective_names_[0]].abs().idxmin()
    for bound in (0.05, 0.12, 0.2):
        model.set_params(max_disparity=bound).fit(X, y, sensitive_features=group)
        allowed = model.path_[model.path_["disparity"] <= bound + 1e-12]
        assert_array_equal(model.path_.index[model.path_["feasible"]], allowed.index)
        equal = allowed[allowed["utility"] == allowed["utility"].max()]
        assert model.best_index_ == equal[model.objective_names_[0]].abs().idxmin()


def folds_by_hand(X, y, group, cv, strength, **options):
    """Accuracies of the folds, and the predictions of all together."""
    accuracies, predicted, order = [], [], []
    for train, test in cv.split(X, y):
        model = UnlearningClassifier(
            LogisticRegression(),
            weighting=SoftWeighting(strength=strength),
            update="one_step",
            **options,
        ).fit(X[train], y[train], sensitive_features=group[train])
        predicted.append(model.predict(X[test]))
        accuracies.append(accuracy_score(y[test], predicted[-1]))
        order.append(test)
    return accuracies, np.concatenate(predicted), np.concatenate(order)


@pytest.mark.parametrize("bound", [0.0, 0.1, 0.2])
def test_folds_are_pooled(data, bound):
    X, y, group = data
    cv = KFold(3, shuffle=True, random_state=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = UnlearningClassifierCV(
            LogisticRegression(),
            strengths=STRENGTHS,
            max_disparity=bound,
            cv=cv,
            random_state=0,
        ).fit(X, y, sensitive_features=group)
        by_hand = [
            folds_by_hand(X, y, group, cv, strength, random_state=0)
            for strength in STRENGTHS
        ]
    expected = []
    for row, (accuracies, predicted, order) in zip(
        model.path_.to_dict("records"), by_hand, strict=True
    ):
        disparity = fairlearn_metrics.demographic_parity_difference(
            y[order], predicted, sensitive_features=group[order]
        )
        assert_allclose(row["disparity"], disparity, atol=1e-12)
        assert_allclose(row["utility"], np.mean(accuracies))
        expected.append((disparity <= bound, np.mean(accuracies), disparity))
    feasible = [row for row in expected if row[0]]
    if feasible:
        assert expected[model.best_index_][1] == max(row[1] for row in feasible)
    else:
        assert expected[model.best_index_][2] == min(row[2] for row in expected)


def test_folds_of_one_group_each_are_compared_together(data):
    X, y, group = data
    order = np.argsort(group, kind="stable")
    half = np.searchsorted(group[order], "b")
    splits = [
        (np.r_[half // 2 : len(y)], np.r_[: half // 2]),
        (np.r_[: half + 100], np.r_[half + 100 : len(y)]),
    ]
    model = UnlearningClassifierCV(
        LogisticRegression(), strengths=[0.0], cv=splits, validation_fraction=None
    ).fit(X[order], y[order], sensitive_features=group[order])
    rates = [
        LogisticRegression()
        .fit(X[order][train], y[order][train])
        .predict(X[order][test])
        .mean()
        for train, test in splits
    ]
    assert_allclose(model.path_["disparity"], abs(rates[0] - rates[1]))


def test_a_group_that_no_fold_scores_is_an_error_in_words(data):
    X, y, group = data
    splits = [(np.arange(600), np.flatnonzero(group == "a"))]
    model = UnlearningClassifierCV(
        LogisticRegression(), strengths=3, cv=splits, validation_fraction=None
    )
    with pytest.raises(ValueError, match=r"3 of 3 strengths .* none .* let \['b'\]"):
        model.fit(X, y, sensitive_features=group)


def test_a_fold_without_a_label_is_an_error_in_words(data):
    X, y, group = data
    y = np.where(np.arange(600) < 20, 2, y)
    splits = [(np.arange(20, 600), np.arange(40, 600)), (np.arange(600),) * 2]
    model = UnlearningClassifierCV(
        LogisticRegression(),
        objective="error_rate_parity",
        strengths=3,
        cv=splits,
        validation_fraction=None,
    )
    with pytest.raises(ValueError, match=r"split 0 .* no row with .* \[2\]"):
        model.fit(X, y, sensitive_features=group)


def test_splits_may_be_masks(data):
    X, y, group = data
    model = UnlearningClassifierCV(LogisticRegression(), strengths=3, random_state=0)
    splits = list(KFold(3).split(X))
    masks = [tuple(np.isin(np.arange(600), part) for part in one) for one in splits]
    paths = [
        clone(model).set_params(cv=cv).fit(X, y, sensitive_features=group).path_
        for cv in (splits, masks)
    ]
    pd.testing.assert_frame_equal(*paths)


def test_parallel_splits_give_the_same(frame):
    X, y = frame
    model = UnlearningClassifierCV(
        LogisticRegression(), strengths=4, cv=2, sensitive_features="sex"
    )
    one = clone(model).set_params(random_state=0).fit(X, y)
    two = clone(model).set_params(random_state=0, n_jobs=2).fit(X, y)
    pd.testing.assert_frame_equal(one.path_, two.path_)
    assert (one.cv, one.strengths) == (2, 4)


def test_a_split_without_a_group_says_so(data):
    X, y, group = data
    group = np.where(np.arange(len(y)) < 40, "c", group)
    model = UnlearningClassifierCV(LogisticRegression(), strengths=2, cv=KFold(4))
    message = (
        r"splits of cv .* compare \['c'\] by: left out are split 0, as the training "
        r"rows hold no row \(of positive weight\) of 'c'. Give splits"
    )
    with pytest.raises(ValueError, match=message):
        model.fit(X, y, sensitive_features=group)


def test_splits_fitted_on_one_group_each_say_so(data):
    X, y, group = data
    a, b = np.flatnonzero(group == "a"), np.flatnonzero(group == "b")
    model = UnlearningClassifierCV(LogisticRegression(), cv=[(b, a), (a, b)])
    message = "No split of cv can be measured: split 0, as .* of 'a'; split 1, as .*'b'"
    with pytest.raises(ValueError, match=message):
        model.fit(X, y, sensitive_features=group)


@pytest.mark.parametrize("scored", ["with the group", "without it"])
@pytest.mark.parametrize("n_jobs", [None, 2])
def test_a_split_fitted_without_a_group_is_left_out(data, scored, n_jobs):
    X, y, group = data
    group = np.where(np.arange(600) < 40, "c", group)
    folds = list(KFold(3, shuffle=True, random_state=0).split(X))
    rows = np.arange(40 if scored == "without it" else 0, 300)
    lacking = (np.arange(300, 600), rows)
    model = UnlearningClassifierCV(
        LogisticRegression(), strengths=3, n_jobs=n_jobs, random_state=0
    )
    expected = clone(model).set_params(cv=folds)
    expected.fit(X, y, sensitive_features=group)
    model.set_params(cv=[*folds[:1], lacking, *folds[1:]])
    with pytest.warns(UserWarning, match=r"Left out .* cv: split 1, as .* of 'c'"):
        model.fit(X, y, sensitive_features=group)
    known = ["disparity", "utility"]
    pd.testing.assert_frame_equal(model.path_[known], expected.path_[known])


def test_a_split_that_scores_no_row_of_a_group_is_pooled_with_the_others(data):
    X, y, group = data
    group = np.where(np.arange(600) < 40, "c", group)
    thirds = np.arange(0, 40), np.arange(40, 300), np.arange(300, 600)
    test = [np.r_[thirds[0][:20], thirds[1]], np.r_[thirds[0][20:]], thirds[2]]
    model = UnlearningClassifierCV(
        LogisticRegression(),
        strengths=[0.0],
        cv=[(np.setdiff1d(np.arange(600), one), one) for one in test],
    ).fit(X, y, sensitive_features=group)
    predicted = np.empty(600)
    for one in test:
        rest = np.setdiff1d(np.arange(600), one)
        fitted = LogisticRegression().fit(X[rest], y[rest])
        predicted[one] = fitted.predict(X[one])
    rates = [predicted[group == name].mean() for name in "abc"]
    assert_allclose(model.path_["disparity"], max(rates) - min(rates))


def test_gaps_of_scores_leave_out_a_split_that_scores_no_row_of_a_group(data):
    X, y, group = data
    splits = [
        (np.arange(600), np.flatnonzero(group == "a")),
        (np.arange(600), np.arange(600)),
    ]
    model = UnlearningClassifierCV(
        LogisticRegression(),
        objective=BoundedGroupLoss(upper_bound=0.5),
        strengths=3,
        max_disparity=9.0,
    )
    with pytest.warns(UserWarning, match="split 0, as the rows that it scores .* 'b'"):
        model.set_params(cv=splits).fit(X, y, sensitive_features=group)
    expected = clone(model).set_params(cv=splits[1:])
    expected.fit(X, y, sensitive_features=group)
    pd.testing.assert_series_equal(
        model.path_["disparity"], expected.path_["disparity"]
    )


METRICS = [
    f"{rate}_{comparison}"
    for rate in ("demographic_parity", "equal_opportunity", "equalized_odds")
    for comparison in ("difference", "ratio")
]


@pytest.mark.parametrize("metric", [*METRICS, "false_positive_rate_difference"])
@pytest.mark.parametrize("n_groups", [2, 3])
def test_disparities_are_fairlearns(data, metric, n_groups):
    X, y, _ = data
    rng = np.random.default_rng(1)
    group = rng.integers(0, n_groups, len(y)) + (X[:, 0] > 0)
    weight = rng.integers(1, 4, len(y)).astype(float)
    fitted = LogisticRegression().fit(X, y, sample_weight=weight)
    model = UnlearningClassifierCV(
        fitted, strengths=[0.0, 0.5], disparity=metric, validation_fraction=None
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.unlearn(X, y, sensitive_features=group, sample_weight=weight)
    value = getattr(fairlearn_metrics, metric)(
        y, fitted.predict(X), sensitive_features=group, sample_weight=weight
    )
    expected = 1 - value if metric.endswith("ratio") else value
    assert_allclose(model.path_["disparity"][0], expected, rtol=1e-12)
    expected = accuracy_score(y, fitted.predict(X), sample_weight=weight)
    assert_allclose(model.path_["utility"][0], expected, rtol=1e-12)


def test_a_group_without_positive_rows_has_no_true_positive_rate(data):
    X, y, group = data
    group = np.where(y == 1, "a", group)
    fitted = LogisticRegression().fit(X, y)
    model = UnlearningClassifierCV(
        fitted,
        strengths=[0.0],
        disparity="equalized_odds_difference",
        validation_fraction=None,
    )
    with pytest.raises(ValueError, match="disparity is NaN, as a group"):
        model.unlearn(X, y, sensitive_features=group)


def test_auto_takes_the_largest_of_the_objectives_own_metrics(data):
    X, y, group = data
    fitted = LogisticRegression().fit(X, y)
    names = ["demographic_parity", "equalized_odds"]
    model = UnlearningClassifierCV(
        fitted, strengths=[0.0], objective=names, validation_fraction=None
    )
    model.unlearn(X, y, sensitive_features=group)
    expected = max(
        getattr(fairlearn_metrics, f"{name}_difference")(
            y, fitted.predict(X), sensitive_features=group
        )
        for name in names
    )
    assert_allclose(model.path_["disparity"][0], expected, rtol=1e-12)


def test_a_positive_label_of_several(data):
    X, y = make_classification(
        600, 8, n_classes=3, n_informative=5, flip_y=0.3, random_state=0
    )
    group = data[2]
    objective = DemographicParity(pos_label=0)
    model = UnlearningClassifierCV(
        LogisticRegression(),
        strengths=3,
        objective=objective,
        validation_fraction=0.2,
        random_state=0,
    ).fit(X, y, sensitive_features=group)
    held_out = model.validation_indices_
    selected = model.original_estimator_.predict(X[held_out]) == 0
    rates = [selected[group[held_out] == name].mean() for name in "ab"]
    assert_allclose(model.path_["disparity"][0], abs(rates[0] - rates[1]))


def test_other_utilities_and_metrics(data):
    rows = as_rows(data)
    fitted = LogisticRegression().fit(rows["X"], rows["y"])

    def spread_of_accuracy_difference(y_true, y_pred, *, sensitive_features):
        right = pd.Series(y_true == y_pred).groupby(sensitive_features).mean()
        return right.max() - right.min()

    model = UnlearningClassifierCV(
        fitted,
        strengths=STRENGTHS,
        utility="balanced_accuracy",
        disparity=spread_of_accuracy_difference,
    ).unlearn(**rows)
    predicted = fitted.predict(rows["X_val"])
    assert_allclose(
        model.path_["utility"][0], balanced_accuracy_score(rows["y_val"], predicted)
    )
    expected = spread_of_accuracy_difference(
        rows["y_val"], predicted, sensitive_features=rows["sensitive_features_val"]
    )
    assert_allclose(model.path_["disparity"][0], expected)


def test_a_bound_out_of_reach_warns_and_comes_closest(data):
    X, y, group = data
    model = UnlearningClassifierCV(
        LogisticRegression(), strengths=[0.0, 0.2, 0.1], max_disparity=0.0
    )
    message = re.escape("No strength has a disparity of at most max_disparity=0.0")
    with pytest.warns(UnreachableBoundWarning, match=message):
        model.set_params(random_state=0).fit(X, y, sensitive_features=group)
    assert model.best_index_ == model.path_["disparity"].argmin()
    assert not model.path_["feasible"].any()


@pytest.mark.parametrize("cv", [None, 3])
@pytest.mark.parametrize("method", ["fit", "unlearn"])
def test_a_bound_out_of_reach_warns_once_and_where_the_user_called(data, cv, method):
    X, y, group = data
    model = UnlearningClassifierCV(
        LogisticRegression().fit(X, y), strengths=[0.0, 0.1], max_disparity=0.0, cv=cv
    ).set_params(random_state=0)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        getattr(model, method)(X, y, sensitive_features=group)
    (one,) = (w for w in caught if w.category is UnreachableBoundWarning)
    assert one.filename == __file__


def test_only_the_chosen_strength_warns(data):
    rows = as_rows(data)
    fitted = LogisticRegression().fit(rows["X"], rows["y"])
    model = UnlearningClassifierCV(
        fitted,
        strengths=[0.0, 1.0],
        weighting=SoftWeighting(lower=-0.02, upper=0.02),
        max_disparity=1.0,
    )
    model.unlearn(**rows)
    assert model.strength_ == 0.0
    model.set_params(strengths=[1.0])
    with pytest.warns(UnreachableTargetWarning, match="out of reach") as caught:
        model.unlearn(**rows)
    assert caught[0].filename == __file__
    assert model.strength_ == 1.0


@pytest.mark.parametrize(
    "estimator",
    [
        LogisticRegression(),
        RidgeClassifier(),
        HistGradientBoostingClassifier(max_iter=5),
    ],
)
def test_a_tuned_threshold_obeys_the_rule_and_needs_no_groups(data, estimator):
    X, y, group = data
    options = {
        "strengths": 3,
        "max_disparity": 0.1,
        "validation_fraction": 0.2,
        "random_state": 0,
    }
    if isinstance(estimator, HistGradientBoostingClassifier):
        options["update"] = Refit(max_refits=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        plain = UnlearningClassifierCV(estimator, **options)
        plain.fit(X, y, sensitive_features=group)
        tuned = UnlearningClassifierCV(estimator, tune_threshold=True, **options)
        tuned.fit(X, y, sensitive_features=group)
    assert tuned.threshold_ is not None
    assert plain.threshold_ is None
    assert isinstance(tuned.estimator_, FixedThresholdClassifier)
    before = plain.path_.loc[plain.best_index_]
    after = tuned.path_.loc[tuned.best_index_]
    assert after["disparity"] <= 0.1 + 1e-12
    assert after["utility"] > before["utility"] or not before["feasible"]
    held_out = tuned.validation_indices_
    predicted = tuned.predict(X[held_out])
    assert after["utility"] == accuracy_score(y[held_out], predicted)
    disparity = fairlearn_metrics.demographic_parity_difference(
        y[held_out], predicted, sensitive_features=group[held_out]
    )
    assert_allclose(after["disparity"], disparity, atol=1e-12)
    loaded = pickle.loads(pickle.dumps(tuned))
    assert_array_equal(loaded.predict(X), tuned.predict(X))


@pytest.mark.parametrize("most", [0, 1])
def test_a_bound_that_only_constants_keep_gives_the_frequent_label(most):
    rng = np.random.default_rng(0)
    group = rng.integers(0, 2, 4000)
    X = rng.normal(size=(4000, 2)) + 2.0 * group[:, None]
    y = np.where(rng.random(4000) < 0.7, most, X[:, 0] > 1)
    model = UnlearningClassifierCV(
        LogisticRegression().fit(X, y),
        strengths=[0],
        max_disparity=0.001,
        tune_threshold=True,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.unlearn(X, y, sensitive_features=group)
    assert (model.predict(X) == most).mean() > 0.99


def test_thresholds_with_string_labels_weights_and_a_lesser_positive_label(data):
    X, y, group = data
    y = np.array(["no", "yes"])[y]
    weight = np.random.default_rng(0).integers(1, 4, len(y)).astype(float)
    model = UnlearningClassifierCV(
        LogisticRegression(),
        objective=DemographicParity(pos_label="no"),
        strengths=2,
        max_disparity=0.05,
        tune_threshold=True,
        validation_fraction=None,
    ).fit(X, y, sensitive_features=group, sample_weight=weight)
    best = model.path_.loc[model.best_index_]
    expected = fairlearn_metrics.demographic_parity_difference(
        y == "no",
        model.predict(X) == "no",
        sensitive_features=group,
        sample_weight=weight,
    )
    assert model.threshold_ is not None
    assert_allclose(best["disparity"], expected, atol=1e-12)
    utility = accuracy_score(y, model.predict(X), sample_weight=weight)
    assert_allclose(best["utility"], utility)


def test_cross_validation_tunes_the_threshold_of_the_last_fit(frame):
    X, y = frame
    model = UnlearningClassifierCV(
        LogisticRegression(),
        strengths=3,
        cv=2,
        max_disparity=0.05,
        tune_threshold=True,
        sensitive_features="sex",
        random_state=0,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UnreachableBoundWarning)
        model.fit(X, y)
    assert len(model.path_) == 3
    assert model.threshold_ is not None
    assert isinstance(model.estimator_, FixedThresholdClassifier)


@pytest.mark.filterwarnings("ignore::skswu.exceptions.NothingToCorrectWarning")
# Coefficients that a test wrote are no fit of any rows.
@pytest.mark.filterwarnings("ignore::skswu.exceptions.TrainingDataWarning")
def test_a_classifier_that_tells_no_rows_apart_has_no_threshold(data):
    X, y, group = data
    fitted = LogisticRegression().fit(X, y)
    fitted.coef_[:] = 0.0
    model = UnlearningClassifierCV(
        fitted, strengths=2, tune_threshold=True, validation_fraction=None
    )
    model.unlearn(X, y, sensitive_features=group)
    assert model.threshold_ is None
    assert (model.path_["disparity"] == 0.0).all()


def test_refits_and_several_steps_have_paths(data):
    rows = as_rows(data)
    fitted = LogisticRegression().fit(rows["X"], rows["y"])
    for update in (Refit(max_refits=1), InfluenceUpdate(max_iter=3, tol=1e-2)):
        model = UnlearningClassifierCV(fitted, strengths=[0.0, 0.8], update=update)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model.set_params(max_utility_loss=1.0).unlearn(**rows)
        alone = unlearned(0.8, fitted, rows, update=update)
        assert_allclose(model.estimator_.coef_, alone.estimator_.coef_, rtol=1e-8)


def test_frozen_estimators_and_a_second_unlearn(data):
    X, y, group = data
    fitted = LogisticRegression().fit(X, y)
    model = UnlearningClassifierCV(FrozenEstimator(fitted), strengths=3)
    coef = model.fit(X, y, sensitive_features=group).estimator_.coef_
    assert_array_equal(model.original_estimator_.estimator.coef_, fitted.coef_)
    again = model.unlearn(X, y, sensitive_features=group)
    assert_allclose(again.estimator_.coef_, coef)


def test_clone_pickle_and_nested_parameters(data):
    X, y, group = data
    model = UnlearningClassifierCV(LogisticRegression(), strengths=3, random_state=0)
    model.set_params(weighting__upper=2.0, influence__damping=1e-6)
    model.fit(X, y, sensitive_features=group)
    assert clone(model).get_params()["weighting__upper"] == 2.0
    assert not hasattr(clone(model), "path_")
    loaded = pickle.loads(pickle.dumps(model))
    assert_array_equal(loaded.predict_proba(X), model.predict_proba(X))
    pd.testing.assert_frame_equal(loaded.path_, model.path_)
    assert "UnlearningClassifierCV" in model._repr_html_()


def test_a_failed_call_changes_nothing(data):
    X, y, group = data
    model = UnlearningClassifierCV(LogisticRegression(), strengths=3, cv=2)
    model.fit(X, y, sensitive_features=group)
    before = pickle.dumps(vars(model))
    with pytest.raises(ValueError, match="sensitive_features"):
        model.fit(X[:100], y[:100], sensitive_features=group[:99])
    assert pickle.dumps(vars(model)) == before


BAD = {
    "both bounds": ({"max_disparity": 0.1, "max_utility_loss": 0.1}, "Only one of"),
    "two bounds": (
        {"max_disparity": 0.1, "min_ratio": 0.8},
        "got max_disparity=0.1, min_ratio=0.8",
    ),
    "ratio": ({"min_ratio": 1.2}, "'min_ratio' parameter"),
    "no ratio": (
        {"min_ratio": 0.8, "objective": "calibration_in_the_large"},
        "compare rates between groups",
    ),
    "ratio of a difference": (
        {"min_ratio": 0.8, "disparity": "demographic_parity_difference"},
        "or disparity be a ratio",
    ),
    "sure of nothing": ({"confidence": 0.95}, "needs max_disparity or min_ratio"),
    "unlikely": ({"confidence": 0.3, "max_disparity": 0.1}, "'confidence' parameter"),
    "unsure": (
        {
            "confidence": 0.95,
            "max_disparity": 0.1,
            "disparity": "true_negative_rate_difference",
        },
        "needs a disparity with a standard error",
    ),
    "no strength": ({"strengths": []}, "'strengths' parameter"),
    "negative": ({"strengths": [-0.1]}, "'strengths' parameter"),
    "hard": ({"weighting": "hard"}, "must have a strength"),
    "bound": ({"max_disparity": -1.0}, "'max_disparity' parameter"),
    "metric": ({"disparity": "fairness"}, "not the name of a parity metric"),
    "utility": ({"utility": "usefulness"}, "usefulness"),
    "cv": ({"cv": "many"}, "'cv' parameter"),
    "no split": ({"cv": []}, r"'cv' parameter must give one split .* \[\] gives none"),
    "a split that scores nothing": (
        {"cv": [(range(600), range(9)), (range(600), [])]},
        "'cv' parameter .* split 1 has 600 and 0",
    ),
    "rows that are not there": (
        {"cv": [(range(600), [600])]},
        r"'cv' parameter .* from 0 to 599, .*; got array\(\[600\]\)",
    ),
    "a short mask": ({"cv": [(np.ones(9, bool), range(9))]}, "mask of 600 rows"),
    "positions between rows": ({"cv": [(range(600), [0.5])]}, "'cv' parameter"),
    "threshold": (
        {"tune_threshold": True, "utility": "balanced_accuracy"},
        "tune_threshold=True needs",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_parameters_are_named(data, case):
    X, y, group = data
    parameters, message = BAD[case]
    model = UnlearningClassifierCV(LogisticRegression()).set_params(**parameters)
    with pytest.raises(ValueError, match=message):
        model.fit(X, y, sensitive_features=group)
    assert not hasattr(model, "estimator_")


def test_a_disparity_of_groups_needs_groups(data):
    X, y, _ = data
    model = UnlearningClassifierCV(
        LogisticRegression(),
        objective="target_utility",
        disparity="demographic_parity_difference",
    )
    with pytest.raises(ValueError, match="needs sensitive_features"):
        model.fit(X, y)


def test_the_path_is_what_the_display_draws(data):
    plt = pytest.importorskip("matplotlib.pyplot")
    X, y, group = data
    model = UnlearningClassifierCV(LogisticRegression(), strengths=3)
    path = model.fit(X, y, sensitive_features=group).path_
    display = TradeoffDisplay.from_values(path["disparity"], path["utility"])
    assert_array_equal(display.line_.get_ydata(), path["utility"])
    plt.close("all")


@pytest.mark.filterwarnings("ignore::skswu.exceptions.LinearizationWarning")
def test_static_adversarial_inputs_stay_those_of_the_original(data):
    X, y, _ = data
    objective = AdversarialRobustness(epsilon=0.3, adaptive=False)
    model = UnlearningClassifierCV(
        LogisticRegression().fit(X, y),
        objective=objective,
        weighting=SoftWeighting(utility_tolerance=None),
        strengths=[0.05, 0.1],
        max_utility_loss=1.0,
    ).unlearn(X, y)
    coef = model.original_estimator_.coef_
    points = X - 0.3 * np.where(y == 1, 1, -1)[:, None] * coef / np.linalg.norm(coef)
    before, after = (
        log_loss(y, one.predict_proba(points)[:, 1])
        for one in (model.original_estimator_, model.estimator_)
    )
    assert after < 0.95 * before
    assert_allclose(model.path_["disparity"].iloc[model.best_index_], after)
