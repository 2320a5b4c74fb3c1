"""What a correction records of itself."""

import json
import warnings
from datetime import datetime, timedelta, timezone

import numpy as np
import pytest
import sklearn
from sklearn.linear_model import LogisticRegression

import skswu
from skswu import UnlearningClassifier, UnlearningClassifierCV
from skswu.exceptions import UnreachableTargetWarning
from skswu.objectives import DemographicParity, LossParity
from skswu.weighting import HardWeighting, SoftWeighting


def make_rows(n_rows=300, seed=0, labels=("no", "yes")):
    rng = np.random.default_rng(seed)
    group = np.array(["a", "b"])[(rng.random(n_rows) < 0.4).astype(int)]
    X = rng.normal(size=(n_rows, 3)) + 0.7 * (group == "a")[:, None]
    y = np.array(labels)[(X.sum(axis=1) + rng.normal(size=n_rows) > 0.5).astype(int)]
    return X, y, group


def corrected(rows, wrapper=UnlearningClassifier, **options):
    X, y, group = rows
    gentle = {"weighting": SoftWeighting(strength=0.02)}
    options = {"objective": DemographicParity(pos_label="yes"), **gentle, **options}
    classifier = LogisticRegression().fit(X, y)
    return wrapper(classifier, **options).unlearn(X, y, sensitive_features=group)


@pytest.fixture(scope="module")
def rows():
    return make_rows()


def test_it_is_made_of_plain_types_that_json_takes(rows):
    info = corrected(rows).correction_info_
    assert json.loads(json.dumps(info)) == info


def test_it_says_what_was_corrected_by_what(rows):
    model = corrected(rows, weighting=SoftWeighting(strength=0.3))
    info = model.correction_info_
    assert info["objectives"] == [
        "DemographicParity(pos_label='yes', temperature=0.25)"
    ]
    assert info["pos_labels"] == ["yes"]
    assert "strength=0.3" in info["weighting"]
    assert info["influence"].startswith("Influence(")
    assert info["update"].startswith("InfluenceUpdate(")
    assert info["versions"]["skswu"] == skswu.__version__
    assert info["versions"]["scikit-learn"] == sklearn.__version__
    age = datetime.now(timezone.utc) - datetime.fromisoformat(info["date"])
    assert timedelta() - timedelta(seconds=2) < age < timedelta(minutes=5)


@pytest.mark.parametrize(
    ("options", "counted"),
    [
        ({}, 1.0),
        ({"weighting": SoftWeighting(strength=0.02, objective_weight=2)}, 2.0),
        ({"update": "one_step"}, 0.0),
        ({"weighting": HardWeighting(fraction=0.02)}, 0.0),
    ],
)
def test_it_says_how_much_the_objective_counted(rows, options, counted):
    assert corrected(rows, **options).correction_info_["objective_weight"] == counted


def test_it_counts_rows_and_groups(rows):
    X, y, group = rows
    model = UnlearningClassifier(
        LogisticRegression(),
        objective=DemographicParity(pos_label="yes"),
        validation_fraction=0.2,
        update="one_step",
    ).fit(X, y, sensitive_features=group)
    info = model.correction_info_
    training, held_out = group[model.train_indices_], group[model.validation_indices_]
    assert info["measured_on"] == "held-out rows"
    assert info["n_training_rows"] == len(training)
    assert info["n_evaluation_rows"] == len(held_out)
    for part, counted in [(training, "training"), (held_out, "evaluation")]:
        names, sizes = np.unique(part, return_counts=True)
        expected = dict(zip(names.tolist(), sizes.tolist(), strict=True))
        assert info[f"{counted}_groups"] == expected


def test_it_says_which_rows_the_metrics_were_measured_on(rows):
    X, y, group = rows
    X_val, y_val, group_val = make_rows(seed=1)
    model = corrected(rows)
    assert model.correction_info_["n_evaluation_rows"] == len(y)
    left_out = "training rows, each left out by approximation"
    assert model.correction_info_["measured_on"] == left_out
    model.set_params(validation_fraction=None)
    model.unlearn(X, y, sensitive_features=group)
    assert model.correction_info_["measured_on"] == "training rows"
    model.unlearn(
        X,
        y,
        sensitive_features=group,
        X_val=X_val[:100],
        y_val=y_val[:100],
        sensitive_features_val=group_val[:100],
    )
    assert model.correction_info_["measured_on"] == "evaluation rows that were given"
    assert model.correction_info_["n_evaluation_rows"] == 100


def test_it_has_what_was_asked_predicted_and_reached(rows):
    model = corrected(rows, weighting=SoftWeighting(strength=0.3))
    (metric,) = model.correction_info_["metrics"]
    assert metric["metric"] == model.objective_names_[0]
    assert metric["before"] == model.objective_before_[0]
    assert metric["asked"] == pytest.approx(0.7 * model.objective_before_[0])
    assert metric["predicted"] == model.objective_predicted_[0]
    assert metric["reached"] == model.objective_after_[0]


def test_hard_removal_asks_for_nothing(rows):
    model = corrected(rows, weighting=HardWeighting(fraction=0.05))
    assert model.correction_info_["metrics"][0]["asked"] is None


def test_the_chosen_strength_is_the_one_that_is_recorded(rows):
    model = corrected(
        rows, UnlearningClassifierCV, strengths=[0.2, 0.6], max_disparity=0.9
    )
    info = model.correction_info_
    assert f"strength={model.strength_!r}" in info["weighting"]
    asked = (1 - model.strength_) * model.objective_before_[0]
    assert info["metrics"][0]["asked"] == pytest.approx(asked)


def test_labels_are_plain_whatever_they_were():
    rows = make_rows(labels=(0, 1))
    objective = ["demographic_parity", LossParity()]
    model = corrected(rows, objective=objective, weighting=SoftWeighting(strength=0.1))
    labels = model.correction_info_["pos_labels"]
    assert labels == [1, None]
    assert type(labels[0]) is int


def test_warnings_are_recorded_and_still_raised(rows):
    weighting = SoftWeighting(strength=3.0, upper=0.01, lower=-0.01)
    with pytest.warns(UnreachableTargetWarning):
        model = corrected(rows, weighting=weighting)
    found = model.correction_info_["warnings"]
    assert any(text.startswith("UnreachableTargetWarning: ") for text in found)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        X, y, group = rows
        model.set_params(weighting=SoftWeighting(strength=0.02))
        model.unlearn(X, y, sensitive_features=group)
    assert model.correction_info_["warnings"] == []


def test_a_guessed_label_is_told_in_the_warnings(rows):
    with pytest.warns(UserWarning, match="taken for the positive label"):
        model = corrected(rows, objective="demographic_parity")
    (text,) = model.correction_info_["warnings"]
    assert text.startswith("UserWarning: 'yes' was taken for the positive label")


def test_a_failed_correction_leaves_the_old_record(rows):
    X, y, group = rows
    model = corrected(rows)
    info = model.correction_info_
    with pytest.raises(ValueError, match="sensitive_features"):
        model.unlearn(X, y, sensitive_features=group[:10])
    assert model.correction_info_ is info


def test_skops_needs_no_trust_in_it(rows):
    io = pytest.importorskip("skops.io")
    stored = io.dumps(corrected(rows).correction_info_)
    assert io.get_untrusted_types(data=stored) == []
