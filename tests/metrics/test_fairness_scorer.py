import copy
import pickle

import fairlearn.metrics
import numpy as np
import pandas as pd
import polars as pl
import pytest
import sklearn
from scipy import sparse
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, make_scorer, recall_score
from sklearn.model_selection import (
    GridSearchCV,
    RandomizedSearchCV,
    StratifiedKFold,
    cross_validate,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from skswu.metrics import get_scorer, get_scorer_names, make_fairness_scorer

# of the objectives, see test_objective_scorers.py
OWN = [name for name in get_scorer_names() if not hasattr(fairlearn.metrics, name)]
NAMES = [name for name in get_scorer_names() if name not in OWN]
DIFFERENCES = [name for name in NAMES if name.endswith("_difference")]


def sign(name):
    return -1 if name.endswith("_difference") else 1


class Fixed:
    """A classifier that predicts what it is told, for counts by hand."""

    def __init__(self, predictions, classes=(0, 1)):
        self.predictions = np.asarray(predictions)
        self.classes_ = np.asarray(classes)

    def predict(self, X):
        return self.predictions


def make_census(n_rows=600, seed=0):
    """Rows whose label depends on the skill and, unfairly, on sex and race."""
    rng = np.random.default_rng(seed)
    sex = rng.choice(["Female", "Male"], n_rows)
    race = rng.choice(["Black", "Other", "White"], n_rows)
    skill = rng.normal(size=n_rows) + (sex == "Male") + 0.5 * (race == "White")
    y = (skill + rng.normal(size=n_rows) > 0.8).astype(int)
    return pd.DataFrame({"skill": skill, "sex": sex, "race": race}), y


def make_model(C=1.0):
    encode = make_column_transformer(
        (OneHotEncoder(), ["sex", "race"]), ("passthrough", ["skill"])
    )
    return make_pipeline(encode, LogisticRegression(C=C))


@pytest.fixture(scope="module")
def census():
    X, y = make_census()
    return X, y, make_model().fit(X, y)


@pytest.fixture
def routing():
    with sklearn.config_context(enable_metadata_routing=True):
        yield


def test_names_are_the_parity_metrics_of_fairlearn_and_of_objectives():
    exported = set(fairlearn.metrics.__all__)
    assert sorted(get_scorer_names()) == get_scorer_names()
    assert not [n for n in exported - set(NAMES) if "difference" in n or "ratio" in n]
    assert len(NAMES) == 20
    assert OWN == [
        "bounded_group_loss",
        "calibration_in_the_large_difference",
        "error_rate_parity_difference",
        "error_rate_parity_ratio",
        "false_positive_rate_parity_difference",
        "false_positive_rate_parity_ratio",
        "loss_parity_difference",
        "loss_parity_ratio",
        "minimum_accuracy",
        "minimum_group_rate",
        "minimum_true_negative_rate",
        "minimum_true_positive_rate",
    ]


@pytest.mark.parametrize("columns", ["sex", "race", ["sex", "race"]], ids=str)
@pytest.mark.parametrize("name", NAMES)
def test_scores_are_the_numbers_of_fairlearn(census, name, columns):
    X, y, model = census
    metric = getattr(fairlearn.metrics, name)
    expected = metric(y, model.predict(X), sensitive_features=X[columns])
    assert 0 < expected < 1
    score = get_scorer(name, sensitive_features=columns)(model, X, y)
    assert score == pytest.approx(sign(name) * expected, rel=1e-14)
    assert type(score) is float
    passed = make_fairness_scorer(metric)
    assert passed(model, X, y, sensitive_features=X[columns]) == score


@pytest.mark.parametrize("name", NAMES)
def test_weights_and_options_reach_fairlearn(census, name):
    X, y, model = census
    weights = np.random.default_rng(1).uniform(size=len(y))
    options = {"method": "to_overall"}
    if name.startswith("equalized_odds"):
        options["agg"] = "mean"
    expected = getattr(fairlearn.metrics, name)(
        y,
        model.predict(X),
        sensitive_features=X["race"],
        sample_weight=weights,
        **options,
    )
    scorer = make_fairness_scorer(name, sensitive_features="race", **options)
    for form in (
        weights,
        list(weights),
        pd.Series(weights, index=y),
        pl.Series(weights),
    ):
        score = scorer(model, X, y, sample_weight=form)
        assert score == pytest.approx(sign(name) * expected, rel=1e-14)
    assert score != scorer(model, X, y)


def test_counts_by_hand():
    sex = ["F", "F", "F", "F", "M", "M", "M", "M", "M", "M"]
    y = [1, 1, 0, 0, 1, 1, 1, 0, 0, 0]
    model = Fixed([1, 0, 1, 0, 1, 1, 1, 1, 0, 0])
    X = np.zeros((10, 1))

    def score(name, **options):
        scorer = make_fairness_scorer(name, **options)
        return scorer(model, X, y, sensitive_features=sex)

    # selected: 2 of 4 women, 4 of 6 men, 6 of 10 in all
    assert score("demographic_parity_difference") == pytest.approx(-(4 / 6 - 2 / 4))
    assert score("demographic_parity_ratio") == pytest.approx((2 / 4) / (4 / 6))
    to_overall = score("demographic_parity_difference", method="to_overall")
    assert to_overall == pytest.approx(-(6 / 10 - 2 / 4))
    # true positive rates 1/2 and 3/3, false positive rates 1/2 and 1/3
    assert score("equal_opportunity_difference") == pytest.approx(-1 / 2)
    assert score("equalized_odds_difference") == pytest.approx(-1 / 2)
    assert score("equalized_odds_ratio") == pytest.approx(1 / 2)
    mean = score("equalized_odds_difference", agg="mean")
    assert mean == pytest.approx(-(1 / 2 + 1 / 6) / 2)
    # right: 2 of 4 women, 5 of 6 men
    assert score("accuracy_score_difference") == pytest.approx(-(5 / 6 - 2 / 4))


def test_crossed_counts_by_hand():
    X = np.array([[0, 0], [0, 0], [0, 1], [0, 1], [1, 0], [1, 0], [1, 0], [1, 1]])
    model = Fixed([1, 1, 0, 1, 0, 0, 1, 1])
    y = np.ones(8)
    # selection rates 1, 1/2, 1/3 and 1
    crossed = make_fairness_scorer(
        "demographic_parity_ratio", sensitive_features=[0, 1]
    )
    assert crossed(model, X, y) == pytest.approx(1 / 3)
    first = make_fairness_scorer("demographic_parity_ratio", sensitive_features=0)
    assert first(model, X, y) == pytest.approx((1 / 2) / (3 / 4))


def test_every_kind_of_data_gives_the_same_score(census):
    X, y, model = census
    codes = X.assign(sex=X["sex"] == "Male", race=pd.factorize(X["race"], sort=True)[0])
    codes = codes.astype(float)
    model = LogisticRegression().fit(codes.to_numpy(), y)
    arrays = (codes.to_numpy(), sparse.csr_array(codes.to_numpy()))
    by_position = [
        get_scorer("equalized_odds_difference", sensitive_features=[1, 2])(model, A, y)
        for A in arrays
    ]
    model = LogisticRegression().fit(codes, y)
    by_name = get_scorer(
        "equalized_odds_difference", sensitive_features=["sex", "race"]
    )
    frames = (codes, pl.from_pandas(codes))
    labels = (pd.Series(y), pl.Series(y))
    scores = [by_name(model, *data) for data in zip(frames, labels, strict=True)]
    passed = get_scorer("equalized_odds_difference")
    for features in (
        X[["sex", "race"]],
        pl.from_pandas(X[["sex", "race"]]),
        X[["sex", "race"]].to_numpy(),
        X[["sex", "race"]].astype("category"),
    ):
        scores.append(passed(model, codes, y, sensitive_features=features))
    assert len({*scores, *by_position}) == 1
    assert -1 < scores[0] < 0


@pytest.mark.parametrize(
    "name",
    ["demographic_parity_difference", "equalized_odds_ratio", "zero_one_loss_ratio"],
)
@pytest.mark.parametrize(
    "labels",
    [["no", "yes"], [False, True], [-1, 1], [1, 2], [0.0, 1.0]],
    ids=str,
)
def test_kind_of_the_labels_does_not_matter(census, name, labels):
    X, y, model = census
    scorer = get_scorer(name, sensitive_features="race")
    expected = scorer(model, X, y)
    labels = np.array(labels)
    predictor = Fixed(labels[model.predict(X)], labels)
    for form in (np.asarray, list, pd.Series, pl.Series):
        assert scorer(predictor, X, form(labels[y])) == expected
    assert scorer(predictor, X, pd.Series(labels[y], dtype="category")) == expected


def test_pos_label_chooses_the_favourable_class(census):
    X, y, model = census
    flipped = make_fairness_scorer(
        "true_positive_rate_difference", sensitive_features="sex", pos_label=0
    )
    as_negative = get_scorer("true_negative_rate_difference", sensitive_features="sex")
    assert flipped(model, X, y) == as_negative(model, X, y)


def test_pos_label_is_known_where_a_fold_lacks_a_class():
    scorer = get_scorer("demographic_parity_difference")
    model = Fixed(["no", "no", "no", "no"], ["no", "yes"])
    X, sex = np.zeros((4, 1)), [0, 0, 1, 1]
    assert scorer(model, X, ["no"] * 4, sensitive_features=sex) == 0
    assert scorer(model, X, ["no", "yes"] * 2, sensitive_features=sex) == 0


def test_more_than_two_classes():
    rng = np.random.default_rng(0)
    y, predictions = rng.choice(["high", "low", "mid"], (2, 300))
    sex = rng.choice(["F", "M"], 300)
    model, X = Fixed(predictions, ["high", "low", "mid"]), np.zeros((300, 1))
    for name in ("accuracy_score_difference", "zero_one_loss_ratio"):
        expected = getattr(fairlearn.metrics, name)(
            y, predictions, sensitive_features=sex
        )
        score = get_scorer(name)(model, X, y, sensitive_features=sex)
        assert score == pytest.approx(sign(name) * expected, rel=1e-14)
    scorer = make_fairness_scorer("demographic_parity_difference", pos_label="high")
    women, men = (np.mean(predictions[sex == s] == "high") for s in ("F", "M"))
    score = scorer(model, X, y, sensitive_features=sex)
    assert score == pytest.approx(-abs(women - men))
    scorer = get_scorer("demographic_parity_difference")
    with pytest.raises(
        ValueError, match=r"\['high', 'low', 'mid'\]; got None.*default"
    ):
        scorer(model, X, y, sensitive_features=sex)


def selection_gap_difference(y_true, y_pred, *, sensitive_features):
    """A difference of the user's own, which sees the names of the groups."""
    women, men = (
        y_pred[sensitive_features == sex].mean() for sex in ("Female", "Male")
    )
    return abs(men - women)


def test_own_metric(census):
    X, y, model = census
    name = "demographic_parity_difference"
    expected = get_scorer(name, sensitive_features="sex")(model, X, y)
    own = make_fairness_scorer(selection_gap_difference, sensitive_features="sex")
    assert own(model, X, y) == pytest.approx(expected)
    derived = fairlearn.metrics.make_derived_metric(
        metric=recall_score, transform="group_min"
    )
    predictions = model.predict(X)
    lowest = min(recall_score(y[rows], predictions[rows]) for rows in rows_by_race(X))
    scorer = make_fairness_scorer(
        derived, sensitive_features="race", greater_is_better=True
    )
    assert scorer(model, X, y) == pytest.approx(lowest)


def rows_by_race(X):
    return [np.flatnonzero(X["race"] == race) for race in X["race"].unique()]


@pytest.mark.filterwarnings("ignore:max_disparity=.* bounds 1 less the ratio")
@pytest.mark.parametrize(
    ("name", "disparity"),
    [
        ("demographic_parity_difference", lambda value: value),
        ("demographic_parity_ratio", lambda value: 1 - value),
    ],
)
def test_bounded_score_is_the_utility_within_the_bound(census, name, disparity):
    X, y, model = census
    value = abs(get_scorer(name, sensitive_features="sex")(model, X, y))
    bound = disparity(value)

    def score(max_disparity, utility="accuracy"):
        scorer = make_fairness_scorer(
            name,
            sensitive_features="sex",
            utility=utility,
            max_disparity=max_disparity,
        )
        return scorer(model, X, y)

    accuracy = accuracy_score(y, model.predict(X))
    assert score(bound) == score(bound + 0.1) == accuracy
    assert score(bound + 0.01, "neg_log_loss") > -1
    assert score(bound - 0.02) < score(bound - 0.01)
    assert score(bound - 0.01) == pytest.approx(accuracy - 1000 * 1.01)
    assert score(bound - 1e-9) < -999
    assert score(0, lambda estimator, X, y: 900.0) < score(bound, lambda *_: -90.0)
    scorer = make_scorer(accuracy_score)
    assert score(bound, scorer) == accuracy


def test_bounded_score_ignores_rounding():
    y, sex = np.zeros(20), [0] * 10 + [1] * 10
    model = Fixed([1] * 10 + [1] * 7 + [0] * 3)
    assert 1 - 0.7 > 0.3
    for name in ("demographic_parity_difference", "demographic_parity_ratio"):
        scorer = make_fairness_scorer(name, utility=lambda *_: 0.5, max_disparity=0.3)
        assert scorer(model, np.zeros((20, 1)), y, sensitive_features=sex) == 0.5


def test_bounded_score_of_an_undefined_disparity_is_undefined():
    scorer = make_fairness_scorer(
        "demographic_parity_ratio", utility=lambda *_: 0.5, max_disparity=0.2
    )
    model = Fixed([0, 0, 0, 0])
    with pytest.warns(UserWarning, match="NaN: .* ratio of two rates of zero"):
        score = scorer(
            model, np.zeros((4, 1)), [0, 1, 0, 1], sensitive_features=[0, 0, 1, 1]
        )
    assert np.isnan(score)


def test_a_bound_meant_for_the_ratio_itself_is_told():
    with pytest.warns(UserWarning, match=r"allows a ratio of 0.2; .* it is 0.2"):
        make_fairness_scorer(
            "demographic_parity_ratio", utility="accuracy", max_disparity=0.8
        )


def test_weights_reach_the_utility(census):
    X, y, model = census
    weights = np.where(model.predict(X) == y, 2.0, 1.0)
    scorer = make_fairness_scorer(
        "demographic_parity_difference",
        sensitive_features="sex",
        utility="accuracy",
        max_disparity=1,
    )
    expected = accuracy_score(y, model.predict(X), sample_weight=weights)
    assert scorer(model, X, y, sample_weight=weights) == pytest.approx(expected)


# Searches and cross-validation


def expected_fold_scores(X, y, name, columns, cv, C=1.0):
    scores = []
    for train, test in cv.split(X, y):
        model = make_model(C).fit(X.iloc[train], y[train])
        predictions = model.predict(X.iloc[test])
        features = X[columns].iloc[test]
        metric = getattr(fairlearn.metrics, name)
        scores.append(metric(y[test], predictions, sensitive_features=features))
    return sign(name) * np.array(scores)


CV = StratifiedKFold(3)


@pytest.mark.parametrize("enabled", [False, True])
def test_cross_validate_with_a_named_column(enabled):
    X, y = make_census()
    scoring = {name: get_scorer(name, sensitive_features="sex") for name in DIFFERENCES}
    scoring["accuracy"] = "accuracy"
    with sklearn.config_context(enable_metadata_routing=enabled):
        # scikit-learn 1.6.0 takes no None here.
        results = cross_validate(make_model(), X, y, scoring=scoring, cv=CV, params={})
    for name in ("demographic_parity_difference", "equalized_odds_difference"):
        expected = expected_fold_scores(X, y, name, "sex", CV)
        np.testing.assert_allclose(results[f"test_{name}"], expected, rtol=1e-14)


@pytest.mark.usefixtures("routing")
def test_cross_validate_with_routing():
    X, y = make_census()
    names = ("demographic_parity_difference", "equalized_odds_ratio")
    scoring = {name: get_scorer(name) for name in names}
    # a scorer with a column of its own takes no part in the routing
    scoring["race"] = get_scorer(names[0], sensitive_features="race")
    results = cross_validate(
        make_model(),
        X,
        y,
        scoring=scoring,
        cv=CV,
        params={"sensitive_features": X["sex"].to_numpy()},
    )
    for name in names:
        expected = expected_fold_scores(X, y, name, "sex", CV)
        np.testing.assert_allclose(results[f"test_{name}"], expected, rtol=1e-14)
    expected = expected_fold_scores(X, y, names[0], "race", CV)
    np.testing.assert_allclose(results["test_race"], expected, rtol=1e-14)


@pytest.mark.usefixtures("routing")
def test_routing_of_weights_and_aliases():
    X, y = make_census()
    weights = np.random.default_rng(0).uniform(size=len(y))
    scorer = get_scorer("demographic_parity_difference").set_score_request(
        sensitive_features="groups_to_compare", sample_weight=True
    )
    params = {"groups_to_compare": X["sex"], "sample_weight": weights}
    model = LogisticRegression().set_fit_request(sample_weight=True)
    results = cross_validate(
        model, X[["skill"]], y, scoring=scorer, cv=CV, params=params
    )
    for score, (train, test) in zip(results["test_score"], CV.split(X, y), strict=True):
        model = LogisticRegression()
        model.fit(X[["skill"]].iloc[train], y[train], sample_weight=weights[train])
        expected = fairlearn.metrics.demographic_parity_difference(
            y[test],
            model.predict(X[["skill"]].iloc[test]),
            sensitive_features=X["sex"].iloc[test],
            sample_weight=weights[test],
        )
        assert score == pytest.approx(-expected, rel=1e-14)


@pytest.mark.usefixtures("routing")
def test_weights_that_were_not_requested_are_refused():
    X, y = make_census()
    scorer = get_scorer("demographic_parity_difference", sensitive_features="sex")
    model = LogisticRegression().set_fit_request(sample_weight=True)
    with pytest.raises(ValueError, match="sample_weight"):
        cross_validate(
            model, X, y, scoring=scorer, params={"sample_weight": np.ones(len(y))}
        )


def bounded(max_disparity, **options):
    return make_fairness_scorer(
        "demographic_parity_difference",
        utility="neg_log_loss",
        max_disparity=max_disparity,
        **options,
    )


GRID = {"logisticregression__C": [1e-4, 1e-3, 1e-2]}


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_grid_search_refits_the_best_candidate_within_the_bound(n_jobs):
    X, y = make_census()
    scoring = {
        "disparity": get_scorer(
            "demographic_parity_difference", sensitive_features="sex"
        ),
        "utility": "neg_log_loss",
        "bounded": bounded(0.2, sensitive_features="sex"),
    }
    search = GridSearchCV(
        make_model(), GRID, scoring=scoring, refit="bounded", cv=CV, n_jobs=n_jobs
    ).fit(X, y)
    folds = np.array(
        [search.cv_results_[f"split{fold}_test_disparity"] for fold in range(3)]
    )
    feasible = np.all(-folds <= 0.2, axis=0)
    assert feasible.tolist() == [True, True, False]
    scores = search.cv_results_["mean_test_bounded"]
    utility = search.cv_results_["mean_test_utility"]
    np.testing.assert_array_equal(scores[feasible], utility[feasible])
    assert max(scores[~feasible]) < min(scores[feasible])
    assert search.best_params_ == {"logisticregression__C": 1e-3}
    # the unbounded utility would choose otherwise
    assert np.argmax(utility) == 2


def test_grid_search_orders_infeasible_candidates_by_violation():
    X, y = make_census()
    scoring = {
        "disparity": get_scorer(
            "demographic_parity_difference", sensitive_features="sex"
        ),
        "utility": "neg_log_loss",
        "bounded": bounded(0.001, sensitive_features="sex"),
    }
    model = make_model()
    grid = {"logisticregression__C": [1.0, 1e-1, 1e-2]}
    search = GridSearchCV(model, grid, scoring=scoring, refit="bounded", cv=CV)
    results = search.fit(X, y).cv_results_
    violation = -results["mean_test_disparity"] - 0.001
    accuracy = results["mean_test_bounded"] + 1000 * (1 + violation)
    assert np.all((accuracy > -2) & (accuracy < 0))  # negative log losses
    order = np.argsort(results["mean_test_bounded"])
    np.testing.assert_array_equal(order, np.argsort(-violation))


@pytest.mark.usefixtures("routing")
def test_searches_with_routing():
    X, y = make_census()
    scoring = {"bounded": bounded(0.2), "accuracy": "accuracy"}
    named = GridSearchCV(
        make_model(),
        GRID,
        scoring={"bounded": bounded(0.2, sensitive_features="sex")},
        refit="bounded",
        cv=CV,
    ).fit(X, y)
    for search in (
        GridSearchCV(make_model(), GRID, scoring=scoring, refit="bounded", cv=CV),
        GridSearchCV(make_model(), GRID, scoring=bounded(0.2), cv=CV),
        RandomizedSearchCV(
            make_model(), GRID, n_iter=3, scoring=scoring, refit="bounded", cv=CV
        ),
    ):
        search.fit(X, y, sensitive_features=X["sex"].to_numpy())
        assert search.best_params_ == named.best_params_
        score = search.score(X, y, sensitive_features=X["sex"])
        assert score == named.score(X, y)


def test_grid_search_with_weights_and_without_routing():
    X, y = make_census()
    scoring = {
        "disparity": get_scorer(
            "demographic_parity_difference", sensitive_features="sex"
        ),
        "accuracy": "accuracy",
    }
    model = make_pipeline(
        make_column_transformer(("passthrough", ["skill"])), LogisticRegression()
    )
    search = GridSearchCV(model, GRID, scoring=scoring, refit="accuracy", cv=CV)
    search.fit(X, y, logisticregression__sample_weight=np.ones(len(y)))
    plain = GridSearchCV(model, GRID, scoring=scoring, refit="accuracy", cv=CV)
    plain.fit(X, y)
    np.testing.assert_array_equal(
        search.cv_results_["mean_test_disparity"],
        plain.cv_results_["mean_test_disparity"],
    )
    search = GridSearchCV(
        LogisticRegression(),
        {"C": [0.1, 1]},
        scoring={"disparity": get_scorer(DIFFERENCES[0], sensitive_features=1)},
        refit="disparity",
    )
    data = np.column_stack([X["skill"], X["sex"] == "Male"])
    search.fit(data, y, sample_weight=np.ones(len(y)))
    assert np.isfinite(search.best_score_)


# The object


@pytest.mark.parametrize(
    "copied",
    [clone, copy.deepcopy, lambda scorer: pickle.loads(pickle.dumps(scorer))],
    ids=["clone", "deepcopy", "pickle"],
)
def test_copies_score_and_route_alike(census, copied):
    X, y, model = census
    metric = fairlearn.metrics.true_positive_rate_difference
    routed = copied(make_fairness_scorer(metric, method="to_overall"))
    named = copied(
        make_fairness_scorer(metric, method="to_overall", sensitive_features="race")
    )
    expected = -metric(
        y, model.predict(X), sensitive_features=X["race"], method="to_overall"
    )
    assert named(model, X, y) == pytest.approx(expected)
    assert routed(model, X, y, sensitive_features=X["race"]) == named(model, X, y)
    requests = routed.get_metadata_routing().score.requests
    others = {"control_features": None, "sample_weight": None}
    assert requests == {"sensitive_features": True, **others}
    requests = named.get_metadata_routing().score.requests
    assert requests == {"sensitive_features": False, **others}


def test_repr_is_the_call_that_makes_the_scorer():
    scorer = make_fairness_scorer(
        fairlearn.metrics.equalized_odds_difference,
        sensitive_features=["sex", "race"],
        utility="accuracy",
        max_disparity=0.1,
        pos_label=False,
        agg="mean",
    )
    assert repr(scorer) == (
        "make_fairness_scorer('equalized_odds_difference', "
        "sensitive_features=['sex', 'race'], utility='accuracy', max_disparity=0.1, "
        "pos_label=False, agg='mean')"
    )
    assert repr(eval(repr(scorer))) == repr(scorer)
    default = make_fairness_scorer("selection_rate_ratio")
    assert repr(default) == "make_fairness_scorer('selection_rate_ratio')"
    assert "make_fairness_scorer" in default._repr_html_()


# Bad input


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"metric": "parity"}, r"'parity' is not .* names are accuracy_score_differ"),
        ({"metric": "accuracy"}, r"metric='accuracy' is not the name"),
        ({"metric": accuracy_score}, r"say with greater_is_better"),
        ({"utility": "accuracy"}, r"together .* max_disparity=None"),
        ({"max_disparity": 0.0}, r"together .* utility=None, max_disparity=0.0"),
        ({"utility": "accuracy", "max_disparity": -0.1}, r"at least 0; got -0.1"),
        ({"utility": "accuracy", "max_disparity": np.nan}, r"at least 0; got nan"),
        ({"utility": "accuracy", "max_disparity": "0.1"}, r"at least 0; got '0.1'"),
        ({"utility": "accuracy", "max_disparity": True}, r"at least 0; got True"),
        ({"utility": "acuracy", "max_disparity": 1}, r"utility='acuracy' is not the"),
        ({"utility": 1, "max_disparity": 0.1}, r"utility must be .* got 1"),
        ({"method": "max"}, r"method must be one of 'between_groups', .* got 'max'"),
        ({"agg": "sum"}, r"agg must be one of 'worst_case', 'mean'; got 'sum'"),
        ({"agg": "mean"}, r"agg='mean' is for the equalized odds metrics only"),
        ({"greater_is_better": True}, r"=True contradicts metric='demographic"),
    ],
)
def test_bad_arguments_are_refused_at_once(arguments, message):
    arguments = {"metric": "demographic_parity_difference", **arguments}
    with pytest.raises(ValueError, match=message):
        make_fairness_scorer(**arguments)


def test_options_of_a_function_are_checked_as_those_of_its_name():
    with pytest.raises(ValueError, match="equalized odds metrics only"):
        make_fairness_scorer(fairlearn.metrics.selection_rate_ratio, agg="mean")


def test_what_is_no_metric_is_refused():
    with pytest.raises(TypeError, match=r"its name; got 3 of type int"):
        make_fairness_scorer(3)
    with pytest.raises(ValueError, match=r"'roc_auc' is not the name"):
        get_scorer("roc_auc")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sensitive_features": None}, r"got no sensitive_features.*cross_validate"),
        ({"sensitive_features": [0, 0, 1]}, r"has 3 rows, but 6 are expected"),
        ({"sensitive_features": [0, 1, 1, 0, 1, None]}, r"1 missing values, at rows 5"),
        ({"sensitive_features": ["a"] * 6}, r"at least two groups"),
        ({"sensitive_features": list("abcdef")}, r"not a grouping: 6 distinct"),
        ({"sample_weight": [1, 1]}, r"inconsistent numbers of samples: \[6, 2\]"),
        ({"y": ["no", "yes", None, "no", "yes", "no"]}, r"y has 1 missing labels"),
        ({"y": [0, 1, 0, 1, 0, 1]}, r"one kind, .*got \[0, 1, 'no', 'yes'\]"),
        ({"y": ["no", "yes", "maybe", "no", "yes", "no"]}, r"\['maybe', 'no', 'yes'\]"),
        ({"y": np.zeros((6, 2))}, r"y should be a 1d array"),
    ],
)
def test_bad_data_are_refused(changes, message):
    data = {
        "X": np.zeros((6, 1)),
        "y": ["no", "yes", "no", "no", "yes", "no"],
        "sensitive_features": [0, 0, 0, 1, 1, 1],
        **changes,
    }
    model = Fixed(["no", "yes"] * 3, ["no", "yes"])
    with pytest.raises(ValueError, match=message):
        get_scorer("demographic_parity_difference")(model, **data)


def test_bad_pos_label_is_refused():
    scorer = make_fairness_scorer(
        "demographic_parity_difference", sensitive_features=0, pos_label="1"
    )
    X = np.array([[0], [0], [1], [1]])
    with pytest.raises(ValueError, match=r"one of the labels \[0, 1\]; got '1'\."):
        scorer(Fixed([0, 1, 0, 1]), X, [0, 1, 1, 0])
    scorer = get_scorer("demographic_parity_difference", sensitive_features=0)
    with pytest.raises(ValueError, match=r"labels \[1\]; got None\..*unless .* two"):
        scorer(Fixed([1, 1, 1, 1], [1]), X, [1, 1, 1, 1])


def test_column_that_X_lacks_is_named(census):
    X, y, model = census
    scorer = get_scorer("demographic_parity_difference", sensitive_features="gender")
    with pytest.raises(ValueError, match=r"'gender' is not a column of X, .*'sex'"):
        scorer(model, X, y)


def test_set_score_request_needs_routing():
    with pytest.raises(RuntimeError, match="enable_metadata_routing"):
        get_scorer(NAMES[0]).set_score_request(sample_weight=True)


@pytest.mark.usefixtures("routing")
def test_only_metadata_can_be_requested():
    with pytest.raises(TypeError, match=r"Unexpected args: {'estimator'}"):
        get_scorer(NAMES[0]).set_score_request(estimator=True)
