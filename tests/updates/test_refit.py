"""Refits of any classifier under the weights that repair its metric."""

import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
import sklearn
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.ensemble import (
    BaggingClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.feature_selection import SelectFromModel
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import (
    FixedThresholdClassifier,
    GridSearchCV,
    RandomizedSearchCV,
)
from sklearn.multiclass import OneVsRestClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OrdinalEncoder, StandardScaler
from sklearn.tree import DecisionTreeClassifier

from skswu import UnlearningClassifier
from skswu.exceptions import NothingToCorrectWarning, UnreachableTargetWarning
from skswu.objectives import (
    AdversarialRobustness,
    DemographicParity,
    EqualizedOdds,
)
from skswu.updates import Refit
from skswu.weighting import HardWeighting, SoftWeighting

# Small tables whose gaps are repaired to the last: what that costs is no matter here.
pytestmark = pytest.mark.filterwarnings("ignore::skswu.exceptions.UtilityLossWarning")

EXACT = make_pipeline(
    StandardScaler(), LogisticRegression(solver="newton-cholesky", tol=1e-12)
)
NUMBERS = ["age", "education_num", "hours_per_week", "capital_gain"]
TREES = {
    "boosting": HistGradientBoostingClassifier(max_iter=20, random_state=0),
    "forest": RandomForestClassifier(20, min_samples_leaf=10, random_state=0),
    "gradient": GradientBoostingClassifier(n_estimators=10, random_state=0),
    "tree": DecisionTreeClassifier(max_depth=5, random_state=0),
}


@pytest.fixture(scope="module")
def people():
    from skswu.datasets import load_adult

    frame = load_adult(subset="train").frame.iloc[:2000]
    return frame[NUMBERS], frame["income"], frame["sex"]


def gap(probability, group):
    """Demographic parity at temperature 1."""
    return probability[group == "Male"].mean() - probability[group == "Female"].mean()


def correct(estimator, people, **options):
    X, y, sex = people
    options = {
        "objective": DemographicParity(temperature=1.0, pos_label=">50K"),
        **options,
    }
    model = UnlearningClassifier(estimator.fit(X, y), **options)
    return model.unlearn(X, y, sensitive_features=sex)


@pytest.mark.parametrize("strength", [0.5, 1.0])
@pytest.mark.parametrize("name", TREES)
def test_real_model_reaches_the_target(name, strength, people):
    X, _, sex = people
    weighting = SoftWeighting(strength=strength, utility_tolerance=None)
    update = Refit(max_refits=20)
    model = correct(clone(TREES[name]), people, update=update, weighting=weighting)
    before = gap(model.original_estimator_.predict_proba(X)[:, 1], sex)
    after = gap(model.predict_proba(X)[:, 1], sex)
    assert_allclose(model.objective_before_, before, rtol=1e-6)
    assert_allclose(model.objective_after_, after, rtol=1e-6, atol=1e-9)
    assert_allclose(after, (1 - strength) * before, atol=0.05 * abs(before))
    assert type(model.estimator_) is type(TREES[name])
    assert 1 <= model.n_iter_ <= 20
    assert np.isnan(model.stationarity_)
    assert weighting.strength == strength


@pytest.mark.parametrize("name", ["boosting", "forest"])
def test_model_is_the_estimator_fitted_under_sample_weight_(name, people):
    X, y, _ = people
    model = correct(clone(TREES[name]), people, update=Refit(max_refits=2, tol=0.5))
    refit = clone(TREES[name]).fit(X, y, sample_weight=model.sample_weight_)
    assert_allclose(model.predict_proba(X), refit.predict_proba(X))
    probability = refit.predict_proba(X)[np.arange(len(y)), (y == ">50K") * 1]
    utility = -np.log(np.maximum(probability, np.finfo(float).eps))
    assert_allclose(model.utility_after_, utility.mean())


def test_classifier_with_influences_needs_no_stand_in(people):
    X, y, sex = people
    linear = make_pipeline(StandardScaler(), LogisticRegression(tol=1e-10))
    options = {"objective": DemographicParity(temperature=1.0, pos_label=">50K")}
    refit = UnlearningClassifier(
        linear.fit(X, y), update=Refit(max_refits=1, tol=1.0), **options
    )
    newton = UnlearningClassifier(
        linear, validation_fraction=None, update="one_step", **options
    )
    for model in (refit, newton):
        model.unlearn(X, y, sensitive_features=sex)
    assert_allclose(refit.influence_, newton.influence_)
    assert_allclose(refit.epsilon_, newton.epsilon_, atol=1e-6)
    expected = clone(linear).fit(
        X, y, logisticregression__sample_weight=refit.sample_weight_
    )
    assert_allclose(refit.predict_proba(X), expected.predict_proba(X), atol=1e-7)


@pytest.mark.parametrize(
    ("objective", "strength"),
    [
        (DemographicParity(pos_label=">50K"), 1.0),
        (EqualizedOdds(pos_label=">50K"), 0.5),
    ],
)
def test_influences_under_the_new_weights_close_what_is_left(
    objective, strength, people
):
    """With its own influences a model nears the target as by Newton's method."""
    weighting = SoftWeighting(strength=strength, utility_tolerance=None)
    options = {"objective": objective, "weighting": weighting}
    model = correct(
        clone(EXACT), people, update=Refit(tol=1e-6, max_refits=12), **options
    )
    before, after = model.objective_before_, model.objective_after_
    size = np.linalg.norm(before)
    assert_allclose(after, (1 - strength) * before, atol=1e-6 * size)
    with pytest.warns(UnreachableTargetWarning):
        once = correct(clone(EXACT), people, update=Refit(max_refits=1), **options)
    assert np.linalg.norm(once.objective_after_ - (1 - strength) * before) > 0.05 * size


def test_model_that_moves_farther_than_predicted_is_led_in_smaller_steps(people):
    X, y, _ = people
    scaled = StandardScaler().fit_transform(X)
    stiff = FrozenEstimator(LogisticRegression(C=0.001).fit(scaled, y))
    weighting = SoftWeighting(strength=0.5)
    options = {"weighting": weighting, "update": Refit(stiff, tol=0.01)}
    model = correct(LogisticRegression(tol=1e-10), (scaled, y, people[2]), **options)
    before, after = model.objective_before_[0], model.objective_after_[0]
    assert_allclose(after, 0.5 * before, atol=0.01 * before)


def test_stand_in_may_be_given(people):
    X, y, _ = people
    linear = make_pipeline(StandardScaler(), LogisticRegression())
    given = correct(
        clone(TREES["boosting"]), people, update=Refit(linear, max_refits=1, tol=1.0)
    )
    frozen = FrozenEstimator(clone(linear).fit(X, y))
    kept = correct(
        clone(TREES["boosting"]), people, update=Refit(frozen, max_refits=1, tol=1.0)
    )
    alone = correct(clone(linear), people, validation_fraction=None)
    assert_allclose(given.influence_, alone.influence_)
    assert_allclose(kept.influence_, alone.influence_)
    assert not hasattr(linear, "classes_")


def test_hard_weights_are_one_refit_without_the_removed(people):
    X, y, _ = people
    model = correct(
        clone(TREES["tree"]),
        people,
        update="refit",
        weighting=HardWeighting(n_samples=50),
    )
    kept = model.epsilon_ == 0
    assert kept.sum() == len(y) - 50
    assert model.n_iter_ == 1
    refit = clone(TREES["tree"]).fit(X, y, sample_weight=kept * 1.0)
    assert_allclose(model.predict_proba(X), refit.predict_proba(X))


def test_sample_weights_and_held_out_rows_count(people):
    X, y, sex = people
    weight = np.linspace(0.5, 1.5, 1500)
    fitted = clone(TREES["boosting"]).fit(X[:1500], y[:1500], sample_weight=weight)
    model = UnlearningClassifier(
        fitted,
        update="refit",
        objective=DemographicParity(temperature=1.0, pos_label=">50K"),
    ).unlearn(
        X[:1500],
        y[:1500],
        sensitive_features=sex[:1500],
        sample_weight=weight,
        X_val=X[1500:],
        y_val=y[1500:],
        sensitive_features_val=sex[1500:],
    )
    assert_allclose(model.sample_weight_, weight * (1.0 + model.epsilon_))
    after = gap(model.predict_proba(X[1500:])[:, 1], sex[1500:])
    assert_allclose(model.objective_after_, after, atol=1e-9)


def test_missing_values_and_categories_reach_the_default_stand_in(people):
    X, y, sex = people
    X = X.assign(sex=sex.astype("category"))
    X.loc[X.index[::7], "age"] = np.nan
    boosting = HistGradientBoostingClassifier(
        max_iter=10, categorical_features="from_dtype", random_state=0
    )
    model = correct(boosting, (X, y, sex), update=Refit(tol=0.2))
    assert abs(model.objective_after_[0]) < 0.2 * abs(model.objective_before_[0])


def test_transformers_of_a_pipeline_stay(people):
    X, y, sex = people
    X = X.assign(sex=sex)
    encoder = make_column_transformer(
        (OrdinalEncoder(), ["sex"]), remainder="passthrough"
    )
    pipeline = make_pipeline(encoder, clone(TREES["tree"]))
    model = correct(pipeline, (X, y, sex), update=Refit(tol=0.5))
    expected = clone(pipeline).fit(
        X, y, decisiontreeclassifier__sample_weight=model.sample_weight_
    )
    assert_allclose(model.predict_proba(X), expected.predict_proba(X))


def test_fit_and_a_second_call(people):
    X, y, sex = people
    model = UnlearningClassifier(
        clone(TREES["boosting"]),
        objective=DemographicParity(pos_label=">50K"),
        update=Refit(tol=0.2),
        random_state=0,
    )
    model.fit(X, y, sensitive_features=sex)
    assert abs(model.objective_after_[0]) < 0.5 * abs(model.objective_before_[0])
    before = model.objective_before_
    rows, held = model.train_indices_, model.validation_indices_
    again = clone(model).set_params(estimator=model.original_estimator_)
    again.unlearn(
        X.iloc[rows],
        y.iloc[rows],
        sensitive_features=sex.iloc[rows],
        X_val=X.iloc[held],
        y_val=y.iloc[held],
        sensitive_features_val=sex.iloc[held],
    )
    assert_allclose(again.objective_before_, before)
    assert_allclose(again.objective_after_, model.objective_after_)


def test_shortfall_is_told(people):
    update = Refit(max_refits=1, tol=0.0)
    with pytest.warns(UnreachableTargetWarning, match="no nearer to the target"):
        correct(clone(TREES["tree"]), people, update=update)


def search():
    grid = {"max_depth": [2, 5]}
    return GridSearchCV(clone(TREES["tree"]), grid, cv=2)


IMPORTANCES = "best_estimator_.feature_importances_"
SEARCHES = {
    "grid": search(),
    "random": RandomizedSearchCV(
        clone(TREES["tree"]), {"max_depth": range(2, 6)}, n_iter=2, cv=2, random_state=0
    ),
    "pipeline": make_pipeline(StandardScaler(), search()),
    "bagging": BaggingClassifier(search(), 2, random_state=0),
    "threshold": FixedThresholdClassifier(search(), threshold=0.4),
    "preprocessor": make_pipeline(
        SelectFromModel(search(), importance_getter=IMPORTANCES),
        clone(TREES["tree"]),
    ),
}


@pytest.mark.parametrize("name", SEARCHES)
@pytest.mark.filterwarnings("ignore::skswu.exceptions.UnreachableTargetWarning")
def test_searches_are_refitted_and_stored(name, people):
    X, y, sex = (part.iloc[:400] for part in people)
    model = correct(clone(SEARCHES[name]), (X, y, sex), update=Refit(max_refits=1))
    assert model.n_iter_ == 1
    loaded = pickle.loads(pickle.dumps(model))
    assert_array_equal(loaded.predict_proba(X), model.predict_proba(X))
    again = loaded.unlearn(X, y, sensitive_features=sex)
    assert_allclose(again.epsilon_, model.epsilon_)
    loaded.fit(X, y, sensitive_features=sex)
    then = loaded.objective_before_
    # The estimator, fitted by itself since, is what unlearn corrects.
    loaded.estimator.fit(X[:200], y[:200])
    loaded.unlearn(X[:200], y[:200], sensitive_features=sex[:200])
    own = loaded.estimator.predict_proba(X)
    assert_allclose(loaded.original_estimator_.predict_proba(X), own)
    assert loaded.objective_before_ != then


def test_met_objective_leaves_the_model(people):
    X, y, _ = people
    sex = np.where(np.arange(len(y)) % 2, "Male", "Female")
    constant = DecisionTreeClassifier(min_samples_leaf=len(y))
    with pytest.warns(NothingToCorrectWarning):
        model = correct(constant, (X, y, sex), update="refit")
    assert model.n_iter_ == 0
    assert not model.epsilon_.any()


def test_nothing_asked_for_leaves_a_model_that_a_refit_would_change(people):
    forest = RandomForestClassifier(5, random_state=np.random.RandomState(0))
    model = correct(forest, people, update="refit", weighting=SoftWeighting(strength=0))
    assert model.n_iter_ == 0
    assert_allclose(model.objective_after_, model.objective_before_)


def test_classifier_without_sample_weights_is_refused(people):
    with pytest.raises(TypeError, match=r"KNeighborsClassifier\.fit does not"):
        correct(KNeighborsClassifier(), people, update="refit")


def test_a_fit_that_takes_weights_by_routing_alone_names_the_cure(people):
    def make(classifier):
        return make_pipeline(StandardScaler(), OneVsRestClassifier(classifier))

    X, y, sex = people
    plain, asking = LogisticRegression(), LogisticRegression()
    with sklearn.config_context(enable_metadata_routing=True):
        asking.set_fit_request(sample_weight=True)
    message = r"OneVsRestClassifier.fit takes sample_weight by .*set_fit_request\("
    with sklearn.config_context(enable_metadata_routing=False):
        with pytest.raises(TypeError, match=message):
            correct(make(plain), people, update="refit")
        model = UnlearningClassifier(OneVsRestClassifier(plain), update="refit")
        with pytest.raises(TypeError, match=message):
            model.fit(X, y, sensitive_features=sex, sample_weight=np.ones(len(y)))
    with sklearn.config_context(enable_metadata_routing=True):
        weighting = SoftWeighting(strength=0.2)
        model = correct(make(asking), people, update="refit", weighting=weighting)
    assert_allclose(model.objective_after_, 0.8 * model.objective_before_, rtol=0.05)


def test_negative_weights_are_refused(people):
    weighting = SoftWeighting(lower=None, strength=20.0, utility_tolerance=None)
    with pytest.raises(ValueError, match="lower >= -1"):
        correct(clone(TREES["tree"]), people, update="refit", weighting=weighting)


def test_stand_in_that_takes_no_weights_is_fitted_once(people):
    torch = pytest.importorskip("torch")
    skorch = pytest.importorskip("skorch")
    fits = []

    class CountedNet(skorch.NeuralNetClassifier):
        def fit(self, X, y, **options):
            fits.append(options)
            return super().fit(X, y, **options)

    X, y, sex = people
    scaled = StandardScaler().fit_transform(X).astype(np.float32)
    torch.manual_seed(0)
    net = CountedNet(
        torch.nn.Linear,
        module__in_features=len(NUMBERS),
        module__out_features=2,
        criterion=torch.nn.CrossEntropyLoss,
        max_epochs=5,
        train_split=None,
        verbose=0,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UnreachableTargetWarning)
        model = correct(
            clone(TREES["boosting"]),
            (scaled, (y == ">50K").astype(np.int64).to_numpy(), sex),
            objective=DemographicParity(temperature=1.0),
            update=Refit(net, tol=1e-6, max_refits=3),
            weighting=SoftWeighting(strength=0.8),
        )
    assert fits == [{}]
    assert model.n_iter_ == 3
    assert abs(model.objective_after_[0]) < 0.7 * abs(model.objective_before_[0])


@pytest.mark.parametrize("adaptive", [True, False])
def test_robustness_is_measured_on_the_adversarial_inputs_asked_for(adaptive, people):
    X, y, _ = people
    strength = 0.02 if adaptive else 0.2
    model = correct(
        clone(EXACT),
        people,
        objective=AdversarialRobustness(epsilon=0.3, adaptive=adaptive),
        weighting=SoftWeighting(strength=strength, utility_tolerance=None),
        update=Refit(tol=1e-8, max_refits=5),
    )
    attacked = model.estimator_ if adaptive else model.original_estimator_
    coef = attacked[-1].coef_[0]
    is_rich = (y == ">50K").to_numpy()
    away = np.where(is_rich, -1, 1)[:, None] * coef / np.linalg.norm(coef)
    points = attacked[0].transform(X) + 0.3 * away
    loss = log_loss(is_rich, model.estimator_[-1].predict_proba(points)[:, 1])
    assert_allclose(model.objective_after_, loss)
    before = model.objective_before_[0]
    assert_allclose(loss, (1 - strength) * before, atol=1e-8 * before)
    assert model.n_iter_ > 1


def test_robustness_of_trees_is_refused(people):
    with pytest.raises(
        TypeError, match="AdversarialRobustness needs a model with the method"
    ):
        correct(
            clone(TREES["tree"]),
            people,
            update="refit",
            objective="adversarial_robustness",
        )


@pytest.mark.parametrize("module", ["xgboost", "lightgbm"])
@pytest.mark.filterwarnings("ignore")
def test_other_libraries_through_their_classes(module, people):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        library = pytest.importorskip(module)
    X, y, sex = people
    y = pd.Series((y == ">50K").astype(int))
    name = {"xgboost": "XGBClassifier", "lightgbm": "LGBMClassifier"}[module]
    classifier = getattr(library, name)(n_estimators=20, random_state=0)
    weighting = SoftWeighting(strength=0.5)
    model = correct(classifier, (X, y, sex), update="refit", weighting=weighting)
    assert_allclose(model.objective_after_ / model.objective_before_, 0.5, atol=0.05)
