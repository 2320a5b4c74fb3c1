"""CorrectionReport: tables by hand, sentences by the tables, the page by a parser."""

import json
import os
import pickle
import re
import subprocess
import sys
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import polars
import pytest
from numpy.testing import assert_allclose
from scipy.sparse import csr_array
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV

from skswu import UnlearningClassifier, UnlearningClassifierCV
from skswu.inspection import CorrectionReport
from skswu.inspection._report import _figures, _html
from skswu.inspection._report._correction_facts import TrainingRows
from skswu.inspection._report._fingerprints import fingerprint, rows_in
from skswu.inspection._report._inputs import LabelNames
from skswu.objectives import EqualizedOdds

KEYS = ["verdicts", "selection", "unknown", "measures", "errors", "changed"]
KEYS += ["weights", "checks", "provenance"]


class Decided(ClassifierMixin, BaseEstimator):
    """Predicts what a column of X says."""

    def __init__(self, column, classes=(0, 1)):
        self.column = column
        self.classes = classes

    @property
    def classes_(self):
        return np.array(list(self.classes))

    def predict(self, X):
        return np.asarray(X)[:, self.column]


def compare(before, after, y, groups, **options):
    """Return the report of decisions that are given."""
    X = np.column_stack([before, after])
    return CorrectionReport.from_estimator(
        Decided(1), X, y, sensitive_features=groups, original=Decided(0), **options
    )


def make_rows(n_rows, seed, n_groups=2):
    rng = np.random.default_rng(seed)
    group = rng.integers(0, n_groups, n_rows)
    X = rng.normal(size=(n_rows, 4))
    X[:, 0] += 0.8 * group
    X[:, 1] += group
    y = (X[:, 0] + X[:, 2] + rng.logistic(size=n_rows) > 0.7).astype(int)
    return X, y, group


@pytest.fixture(scope="module")
def training():
    return make_rows(1500, 0)


@pytest.fixture(scope="module")
def fresh_rows():
    return make_rows(1200, 1)


@pytest.fixture(scope="module")
def corrected(training):
    X, y, group = training
    model = LogisticRegression().fit(X, y)
    return UnlearningClassifier(model).unlearn(X, y, sensitive_features=group)


@pytest.fixture(scope="module")
def report(corrected, training, fresh_rows):
    X, y, group = fresh_rows
    return CorrectionReport.from_estimator(
        corrected, X, y, sensitive_features=group, training=training
    )


# Tables


def test_counts_are_those_that_one_makes_by_hand():
    group = list("aaaaaabbbbbb")
    y = [1, 1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0]
    before = [1, 1, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0]
    after = [1, 0, 1, 0, 0, 0, 1, 1, 1, 0, 0, 0]
    tables = compare(before, after, y, group).tables
    selection = tables["selection"].set_index("group")
    assert selection["rows"].tolist() == [6, 6]
    assert selection["selected_before"].tolist() == [3, 1]
    assert selection["selected_after"].tolist() == [2, 3]
    assert_allclose(selection["rate_after"], [2 / 6, 3 / 6])
    assert_allclose(selection["impact_ratio_before"], [1, 1 / 3])
    assert_allclose(selection["impact_ratio_after"], [2 / 3, 1])
    changed = tables["changed"].set_index(["group", "label"])
    assert changed["no_to_yes"].to_dict() == {
        ("a", "1"): 1,
        ("b", "1"): 1,
        ("a", "0"): 0,
        ("b", "0"): 1,
    }
    assert changed["yes_to_no"].to_dict() == {
        ("a", "1"): 1,
        ("b", "1"): 0,
        ("a", "0"): 1,
        ("b", "0"): 0,
    }
    assert changed["unchanged"].tolist() == [1, 1, 2, 3]
    measures = tables["measures"].set_index(["feature", "measure"])
    assert_allclose(measures.loc[("all rows", "accuracy"), "before"], 9 / 12)
    assert_allclose(measures.loc[("all rows", "accuracy"), "after"], 10 / 12)
    gap = measures.loc[("group", "selection_rate_gap")]
    assert gap["groups"] == "a \N{MINUS SIGN} b"
    assert_allclose(
        [gap["before"], gap["after"], gap["change"]], [1 / 3, -1 / 6, -1 / 6]
    )
    errors = tables["errors"].set_index(["measure", "group"])
    assert_allclose(errors.loc[("true_positive_rate", "a"), "before"], 2 / 3)
    assert_allclose(errors.loc[("false_positive_rate", "b"), "after"], 1 / 4)
    assert_allclose(errors.loc[("precision", "b"), "after"], 2 / 3)


def test_there_is_a_table_for_each_section(report):
    assert list(report.tables) == [*KEYS, "implicit_guess"]
    assert all(isinstance(table, pd.DataFrame) for table in report.tables.values())


def test_each_feature_and_the_crossing_are_reported(corrected, fresh_rows):
    X, y, group = fresh_rows
    frame = pd.DataFrame({"sex": group, "age": np.arange(len(y)) % 3})
    tables = CorrectionReport.from_estimator(
        corrected, X, y, sensitive_features=frame
    ).tables
    for name in ("selection", "unknown", "errors", "changed"):
        assert tables[name]["feature"].unique().tolist() == ["sex", "age", "sex, age"]
    crossed = tables["selection"].query("feature == 'sex, age'")
    assert crossed["group"].tolist()[:2] == ["0, 0", "0, 1"]
    assert crossed["rows"].sum() == len(y)


def test_rows_of_unknown_group_are_counted_and_in_no_group(rng):
    y, before, after = rng.integers(0, 2, (3, 400))
    group = pd.Series(np.where(np.arange(400) % 2, "a", "b"), name="sex")
    group[:30] = None
    other = pd.Series(np.where(np.arange(400) % 3, "x", "y"))
    other[20:50] = np.nan
    report = compare(before, after, y, pd.DataFrame({"sex": group, "other": other}))
    unknown = report.tables["unknown"].set_index("feature")
    assert unknown["rows"].to_dict() == {"sex": 30, "other": 30, "sex, other": 50}
    assert unknown.loc["sex", "selected_after"] == after[:30].sum()
    selection = report.tables["selection"]
    assert selection.groupby("feature")["rows"].sum().to_dict() == {
        "sex": 370,
        "other": 370,
        "sex, other": 350,
    }
    accuracy = report.tables["measures"].iloc[0]
    assert_allclose(accuracy["after"], np.mean(after == y))
    assert any(
        "By sex, the group of 30 rows (7.5\N{NO-BREAK SPACE}%)" in text
        for text in report.cautions
    )


def test_small_groups_are_counted_without_a_ratio(rng):
    y, before, after = rng.integers(0, 2, (3, 600))
    group = np.array(["a", "b"])[np.arange(600) % 2].astype(object)
    group[:9] = "few"
    report = compare(before, after, y, group)
    selection = report.tables["selection"].set_index("group")
    assert selection["is_compared"].to_dict() == {"a": True, "b": True, "few": False}
    assert selection.loc["few", "rows"] == 9
    assert np.isnan(selection.loc["few", "impact_ratio_after"])
    assert selection.loc["few", "rate_after_low"] < selection.loc["few", "rate_after"]
    assert any("few (9 rows)" in text for text in report.cautions)
    gap = report.tables["measures"].query("measure == 'selection_rate_gap'")
    assert "few" not in gap["groups"].iloc[0]
    everybody = compare(before, after, y, group, min_share=0).tables["selection"]
    assert everybody["is_compared"].all()


def test_one_label_of_several_stands_against_the_others(rng):
    y, before, after = np.array(["a", "b", "c"])[rng.integers(0, 3, (3, 500))]
    group = rng.integers(0, 2, 500)
    X = np.column_stack([before, after])
    several, two = (
        CorrectionReport.from_estimator(
            Decided(1, classes),
            X == "b" if classes == (False, True) else X,
            y == "b" if classes == (False, True) else y,
            sensitive_features=group,
            original=Decided(0, classes),
            pos_label=label,
        )
        for classes, label in [(("a", "b", "c"), "b"), ((False, True), True)]
    )
    for name in ("selection", "measures", "errors"):
        pd.testing.assert_frame_equal(several.tables[name], two.tables[name])
    assert several.tables["changed"]["label"].unique().tolist() == ["b", "not b"]
    with pytest.raises(ValueError, match="pos_label must say which of the labels"):
        CorrectionReport.from_estimator(
            Decided(1, "abc"),
            X,
            y,
            sensitive_features=group,
            original=Decided(0, "abc"),
        )


def test_labels_are_called_as_they_are_named(corrected, fresh_rows, training):
    X, y, group = fresh_rows
    report = CorrectionReport.from_estimator(
        corrected,
        X,
        y,
        sensitive_features=group,
        training=training,
        label_names={0: "denied", np.int64(1): "approved"},
    )
    assert set(report.tables["changed"]["label"]) == {"denied", "approved"}
    assert set(report.tables["weights"]["label"]) == {"denied", "approved"}
    assert "Selected: predicted approved." in report.to_html()
    with pytest.raises(TypeError, match="label_names must be a dict"):
        CorrectionReport.from_estimator(
            corrected, X, y, sensitive_features=group, label_names=["denied"]
        )


def test_sample_weights_weigh_the_rates(rng):
    y, before, after = rng.integers(0, 2, (3, 300))
    group, weight = rng.integers(0, 2, 300), rng.gamma(1.0, size=300)
    tables = compare(before, after, y, group, sample_weight=weight, n_boot=50).tables
    expected = [
        np.average(after[group == code], weights=weight[group == code])
        for code in (0, 1)
    ]
    assert_allclose(tables["selection"]["rate_after"], expected)
    assert_allclose(
        tables["measures"].iloc[0]["after"], np.average(after == y, weights=weight)
    )
    assert tables["selection"]["selected_after"].sum() == after.sum()


def test_log_loss_is_that_of_scikit_learn(corrected, report, fresh_rows):
    X, y, _ = fresh_rows
    row = report.tables["measures"].query("measure == 'log_loss'").iloc[0]
    models = corrected.original_estimator_, corrected
    before, after = (log_loss(y, model.predict_proba(X)) for model in models)
    assert_allclose([row["before"], row["after"]], [before, after])
    assert row["change_low"] < after - before < row["change_high"]


# The summary


def test_findings_follow_the_intervals(report):
    table = report.tables["verdicts"]
    row = table.iloc[0]
    assert row["measure"] == "selection_rate_gap"
    assert row["change_high"] < 0
    assert row["finding"] == "yes"
    assert set(report.verdicts.values()) <= {"yes", "no", "undecided"}
    assert (
        report.verdicts["gap in selection rate by group: narrower than before"] == "yes"
    )
    accuracy = table[table["measure"] == "accuracy"].iloc[0]
    assert accuracy["finding"] == ("no" if accuracy["change_high"] < 0 else "undecided")


def test_four_fifths_is_asked_of_every_group(rng):
    n_rows = 4000
    group = np.arange(n_rows) % 3
    y = rng.integers(0, 2, n_rows)

    def selected(rates):
        return (rng.random(n_rows) < np.array(rates)[group]).astype(int)

    question = "lowest impact ratio by group: at least 0.80 in every group"
    even, uneven = selected([0.5, 0.5, 0.52]), selected([0.5, 0.25, 0.5])
    assert compare(uneven, even, y, group).verdicts[question] == "yes"
    assert compare(even, uneven, y, group).verdicts[question] == "no"
    close = selected([0.5, 0.4, 0.5])
    assert compare(even, close, y, group).verdicts[question] == "undecided"
    lenient = compare(even, close, y, group, min_ratio=0.5).verdicts
    assert lenient[question.replace("0.80", "0.50")] == "yes"


def test_a_classifier_beside_itself_is_no_worse_and_no_better(fresh_rows):
    X, y, group = fresh_rows
    model = LogisticRegression().fit(X, y)
    verdicts = CorrectionReport.from_estimator(
        model, X, y, sensitive_features=group, original=model
    ).verdicts
    assert verdicts["gap in selection rate by group: narrower than before"] == "no"
    assert verdicts["gap in precision by group: no wider than before"] == "yes"
    assert verdicts["accuracy: at least as high as before"] == "yes"


def test_the_summary_has_gaps_in_points_and_shares_in_per_cent(report):
    lines = dict(
        re.findall(r"<th scope=\"row\">([^<]*)</th><td[^>]*>([^<]*)<", report.to_html())
    )
    (gap,) = [
        text
        for name, text in lines.items()
        if name.startswith("Gap in selection rate by")
    ]
    assert re.fullmatch(r"\N{MINUS SIGN}?\d+\.\d", gap)
    assert re.fullmatch(r"\d+\.\d\N{NO-BREAK SPACE}%", lines["Accuracy"])


def test_few_rows_decide_nothing(rng):
    y, before = rng.integers(0, 2, (2, 24))
    group = np.arange(24) % 2
    verdicts = compare(group, 1 - before, y, group).verdicts
    gaps = {finding for question, finding in verdicts.items() if "gap" in question}
    assert gaps == {"undecided"}


def test_the_summary_begins_with_what_was_corrected(training, fresh_rows):
    X, y, group = training
    model = LogisticRegression().fit(X, y)
    odds = UnlearningClassifier(model, objective=EqualizedOdds())
    odds.set_params(weighting__strength=0.5).unlearn(X, y, sensitive_features=group)
    X_test, y_test, group_test = fresh_rows
    report = CorrectionReport.from_estimator(
        odds, X_test, y_test, sensitive_features=group_test
    )
    found = report.tables["verdicts"]["measure"].tolist()[:4]
    assert found == [
        "true_positive_rate_gap",
        "removed_share_of_true_positive_rate_gap",
        "false_positive_rate_gap",
        "removed_share_of_false_positive_rate_gap",
    ]
    assert report.title == "Report of a correction: equalized odds by group"
    assert "implicit_guess" not in report.tables
    assert report.tables["verdicts"]["question"][1] == "at least the asked 50 %"


def test_the_feature_that_was_corrected_leads(corrected, fresh_rows):
    X, y, group = fresh_rows
    frame = pd.DataFrame({"third": np.arange(len(y)) % 3, "group": group})
    report = CorrectionReport.from_estimator(corrected, X, y, sensitive_features=frame)
    assert report.tables["verdicts"]["feature"][0] == "group"


def test_chance_is_told_where_groups_are_several(rng):
    y, before, after = rng.integers(0, 2, (3, 800))
    report = compare(before, after, y, np.arange(800) % 5)
    gap = report.tables["measures"].query("measure == 'selection_rate_gap'").iloc[0]
    assert gap["groups"] == "highest \N{MINUS SIGN} lowest of 5 groups"
    assert 0 < gap["chance_after"] < gap["chance_after_high"]
    assert any(
        "5 groups with equal selection rates" in text for text in report.cautions
    )
    assert any("no clear gap in selection rate" in text for text in report.cautions)


def test_the_largest_groups_are_compared_where_all_are_small(rng):
    y, before, after = rng.integers(0, 2, (3, 3000))
    table = compare(before, after, y, np.arange(3000) % 70, n_boot=20).tables
    assert table["selection"]["is_compared"].sum() == 50
    rare = np.where(np.arange(3000) < 10, "rare", "common")
    table = compare(before, after, y, rare, n_boot=20).tables
    assert table["selection"]["is_compared"].all()


def test_taking_is_told_from_giving(rng):
    group, y = np.arange(2000) % 2, rng.integers(0, 2, 2000)
    luck = rng.random(2000)
    wide = (luck < np.where(group, 0.6, 0.2)).astype(int)
    taken = (luck < np.where(group, 0.3, 0.25)).astype(int)
    given = (luck < np.where(group, 0.6, 0.5)).astype(int)

    def is_told(before, after):
        cautions = compare(before, after, y, group).cautions
        return any("by taking than by giving" in text for text in cautions)

    assert is_told(wide, taken)
    assert not is_told(wide, given)
    lower = np.where(luck < 0.02, 0, wide)
    assert not is_told(wide, lower), "the gap is as wide as before"


# What the correction tells


def test_weights_are_told_by_label_and_group(corrected, report, training):
    _, y, group = training
    expected = pd.DataFrame({"label": y, "group": group, "w": 1 + corrected.epsilon_})
    expected = expected.groupby(["label", "group"])["w"]
    weights = report.tables["weights"]
    assert_allclose(weights["rows"], expected.size())
    assert_allclose(weights["mean"], expected.mean())
    assert_allclose(weights["lowest"], expected.min())
    lowered = expected.agg(lambda values: (values < 1).mean())
    assert_allclose(weights["share_lowered"], lowered)


def test_without_training_rows_the_weights_are_told_together(corrected, fresh_rows):
    X, y, group = fresh_rows
    report = CorrectionReport.from_estimator(corrected, X, y, sensitive_features=group)
    weights = report.tables["weights"]
    assert weights[["label", "group"]].to_numpy().tolist() == [["all", "all"]]
    assert weights["rows"].iloc[0] == len(corrected.epsilon_)
    assert "fingerprint" not in " ".join(report.tables["provenance"]["item"])
    assert any("was not checked" in text for text in report.cautions)


def test_checks_are_the_fitted_attributes(corrected, report):
    checks = report.tables["checks"].set_index("check")
    gap = checks.loc[corrected.objective_names_[0]]
    assert_allclose(gap["before"], corrected.objective_before_[0])
    asked = corrected.correction_info_["metrics"][0]["asked"]
    assert_allclose(gap["asked"], asked)
    assert_allclose(gap["predicted"], corrected.objective_predicted_[0])
    assert_allclose(gap["value"], corrected.objective_after_[0])
    stationarity = checks.loc["distance from an exact refit (stationarity_)", "value"]
    assert_allclose(stationarity, corrected.stationarity_)


def test_what_a_correction_recorded_is_shown(corrected, fresh_rows):
    X, y, group = fresh_rows
    told = pickle.loads(pickle.dumps(corrected))
    told.correction_info_ = {
        "measured_on": "training rows",
        "groups": {"0": 7, "1": 8},
        "warnings": ["LinearizationWarning: far off"],
    }
    told.optimality_ = 0.0123
    report = CorrectionReport.from_estimator(told, X, y, sensitive_features=group)
    provenance = report.tables["provenance"].set_index("item")["value"]
    assert provenance["recorded: measured on"] == "training rows"
    assert provenance["recorded: groups"] == "0: 7; 1: 8"
    assert "LinearizationWarning: far off" in report.to_html()
    assert any("met 1 warning" in text for text in report.cautions)
    assert 0.0123 in report.tables["checks"]["value"].tolist()


def test_strata_of_the_correction_are_told(training, fresh_rows):
    X, y, group = training
    strata = np.where(X[:, 0] > 0, "north", "south")
    model = UnlearningClassifier(LogisticRegression().fit(X, y))
    model.set_params(weighting__strength=0.5)
    model.unlearn(X, y, sensitive_features=group, control_features=strata)
    assert set(model.correction_info_["training_strata"]) == {"north", "south"}
    X, y, group = fresh_rows
    report = CorrectionReport.from_estimator(model, X, y, sensitive_features=group)
    (caution,) = [text for text in report.cautions if "within strata" in text]
    assert "north and south" in caution


def test_a_guess_of_the_group_is_found_where_there_is_one(rng):
    n_rows = 2000
    group = rng.integers(0, 2, n_rows)
    X = rng.normal(size=(n_rows, 2)) + np.column_stack([1.5 * group, 0 * group])
    y = rng.integers(0, 2, n_rows)
    original = LogisticRegression().fit(X, y)
    # It goes with the group already; only what is added to that counts.
    original.coef_ = np.array([[3.0, 0.0]])
    along, across = (LogisticRegression().fit(X, y) for _ in range(2))
    along.coef_ = original.coef_ + [[2.0, 0.0]]
    across.coef_ = original.coef_ + [[0.0, 2.0]]

    def told(model):
        report = CorrectionReport.from_estimator(
            model, X, y, sensitive_features=group, original=original
        )
        text = next(text for text in report.cautions if "guess of the group" in text)
        return float(re.search(r"sees, is ([\d.]+)", text)[1]), report

    assert told(along)[0] > 0.99
    correlation, report = told(across)
    assert correlation < 0.1
    guess = report.tables["implicit_guess"]
    assert guess["rows"].sum() == n_rows
    assert set(zip(guess["group"], guess["looks_like"], strict=True)) == {
        ("0", "0"),
        ("0", "1"),
        ("1", "0"),
        ("1", "1"),
    }
    wrong = guess[guess["group"] != guess["looks_like"]]["rows"].sum() / n_rows
    assert 0.15 < wrong < 0.3  # the best guess errs on 22.7 %


def test_test_rows_that_are_training_rows_are_told(corrected, training, fresh_rows):
    X, y, group = (
        np.concatenate([part[:400], other[:100]])
        for part, other in zip(fresh_rows, training, strict=True)
    )
    report = CorrectionReport.from_estimator(
        corrected, X, y, sensitive_features=group, training=training
    )
    provenance = report.tables["provenance"].set_index("item")["value"]
    assert provenance["test rows that equal one of them"] == "100"
    assert "100 test rows of 500 (20.0\N{NO-BREAK SPACE}%)" in report.cautions[0]
    assert "Beware: 20.0" in report.to_markdown()


def test_rows_are_recognised_in_any_container(training):
    X, y, _ = training
    X = np.round(X, 1)
    X[X < 0] = 0
    frame = pd.DataFrame(X, columns=list("abcd"))
    for made in (
        lambda rows: X[rows],
        lambda rows: csr_array(X[rows]),
        lambda rows: frame.iloc[rows],
        lambda rows: polars.from_pandas(frame.iloc[rows]),
        lambda rows: frame.iloc[rows].assign(text=["é"] * len(rows)),
    ):
        first, others = np.arange(50), np.arange(25, 1000)
        found = rows_in((made(first), y[first]), (made(others), y[others]))
        known = {(*row, label) for row, label in zip(X[others], y[others], strict=True)}
        expected = [(*X[row], y[row]) in known for row in first]
        assert found.tolist() == expected
    assert rows_in((np.ones((2, 1), dtype=int),), (np.ones((1, 1)),)).all()


def test_fingerprints_tell_rows_apart_and_nothing_else(training):
    X, y, _ = training
    frame = pd.DataFrame(X).assign(word=np.where(y, "yes", "no"))
    known = fingerprint(frame, y)
    assert re.fullmatch("[0-9a-f]{64}", known)
    assert fingerprint(frame.rename(columns=str), y.astype(float)) == known
    assert fingerprint(polars.from_pandas(frame.rename(columns=str)), y) == known
    for changed in (
        frame.assign(word="yes"),
        frame.iloc[::-1],
        frame.iloc[:, ::-1],
        frame.iloc[:-1],
    ):
        assert fingerprint(changed, y) != known
    assert fingerprint(frame, 1 - y) != known
    assert fingerprint(csr_array(X)) != fingerprint(csr_array(X + 1e-9))


def test_fingerprints_are_made_for_training_rows_only(report, training):
    provenance = report.tables["provenance"].set_index("item")["value"]
    X, y, group = training
    expected = fingerprint(X, y, group.astype(str).astype(object))
    assert provenance["fingerprint of the training rows"] == expected


# Who may be reported


def test_rows_that_fit_held_out_are_not_counted_as_trained_on(training, fresh_rows):
    X, y, group = training
    model = UnlearningClassifier(LogisticRegression(), random_state=0)
    model.set_params(validation_fraction=0.2, weighting__strength=0.5)
    model.fit(X, y, sensitive_features=group)
    X_test, y_test, group_test = fresh_rows
    report = CorrectionReport.from_estimator(
        model, X_test, y_test, sensitive_features=group_test, training=training
    )
    assert report.tables["weights"]["rows"].sum() == len(model.train_indices_) < len(y)


def test_searches_frames_and_columns_of_X_are_read(training, fresh_rows):
    (X, y, group), (X_test, y_test, group_test) = training, fresh_rows
    frame, frame_test = (
        pd.DataFrame(part, columns=list("abcd")).assign(g=codes)
        for part, codes in [(X, group), (X_test, group_test)]
    )
    search = GridSearchCV(
        UnlearningClassifier(LogisticRegression(), sensitive_features="g"),
        {"weighting__strength": [0.5]},
        cv=2,
    ).fit(frame, y)
    by_default, by_name, by_value = (
        CorrectionReport.from_estimator(
            search, frame_test, y_test, sensitive_features=s
        )
        for s in (None, "g", frame_test["g"])
    )
    assert by_default.verdicts == by_name.verdicts == by_value.verdicts
    in_polars = CorrectionReport.from_estimator(
        search,
        polars.from_pandas(frame_test),
        polars.Series(y_test),
        sensitive_features=polars.Series("g", group_test),
    )
    assert in_polars.verdicts == by_value.verdicts


def test_the_chosen_strength_is_what_was_asked(training, fresh_rows):
    X, y, group = training
    model = UnlearningClassifierCV(LogisticRegression(), max_disparity=0.1)
    model.fit(X, y, sensitive_features=group)
    X_test, y_test, group_test = fresh_rows
    report = CorrectionReport.from_estimator(
        model, X_test, y_test, sensitive_features=group_test
    )
    questions = report.tables["verdicts"]["question"]
    assert questions[1] == f"at least the asked {100 * model.strength_:.4g} %"


def test_bad_input_is_named(corrected, fresh_rows):
    X, y, group = fresh_rows

    def make(estimator=corrected, **options):
        options = {"sensitive_features": group} | options
        return CorrectionReport.from_estimator(estimator, X, y, **options)

    with pytest.raises(ValueError, match="original must be the classifier"):
        make(LogisticRegression().fit(X, y))
    with pytest.raises(NotFittedError):
        make(LogisticRegression())
    with pytest.raises(ValueError, match="sensitive_features has 5 rows, but 1200"):
        make(sensitive_features=group[:5])
    with pytest.raises(ValueError, match="sensitive_features must be given"):
        make(sensitive_features=None)
    with pytest.raises(ValueError, match="without column names"):
        make(sensitive_features="sex")
    with pytest.raises(ValueError, match=r"level must be a number in \(0, 1\); got 95"):
        make(level=95)
    with pytest.raises(ValueError, match="min_ratio must be a number in"):
        make(min_ratio=80)
    with pytest.raises(ValueError, match="n_boot must be an integer of at least 2"):
        make(n_boot=0)
    with pytest.raises(ValueError, match="sample_weight must hold 1200 finite numbers"):
        make(sample_weight=-np.ones(len(y)))
    with pytest.raises(ValueError, match="only one group of the sensitive feature"):
        make(sample_weight=(group == 1).astype(float))
    with pytest.raises(ValueError, match="training has 1200 rows, but the correction"):
        make(training=(X, y, group))
    with pytest.raises(TypeError, match="training must be a tuple"):
        make(training=[X, y])
    with pytest.raises(ValueError, match="pos_label must be one of the labels"):
        make(pos_label="yes")


def test_labels_without_a_favourable_one_are_told(rng):
    y, before, after = np.array(["no", "yes"])[rng.integers(0, 2, (3, 200))]
    X = np.column_stack([before, after])
    models = [Decided(column, ("no", "yes")) for column in (1, 0)]
    groups = rng.integers(0, 2, 200)
    with pytest.warns(UserWarning, match="'yes' counts as the favourable label"):
        CorrectionReport.from_estimator(
            models[0], X, y, sensitive_features=groups, original=models[1]
        )
    y = y.astype(object)
    y[3] = None
    with pytest.raises(ValueError, match="y_test has 1 missing labels"):
        CorrectionReport.from_estimator(
            models[0], X, y, sensitive_features=groups, original=models[1]
        )


def test_training_rows_need_no_correction(training, fresh_rows):
    X, y, _ = training
    rows = TrainingRows(training, LogisticRegression().fit(X, y), None, LabelNames({}))
    assert len(rows) == len(y)
    assert not rows.holds(*fresh_rows[:2]).any()


# The page


class Page(HTMLParser):
    """Collects what a page is made of."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.ids, self.text, self.headings = [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.tags.append((tag, attrs))
        if "id" in attrs:
            self.ids.append(attrs["id"])
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))

    def handle_data(self, data):
        self.text.append(data)

    def all(self, name):
        return [attrs for tag, attrs in self.tags if tag == name]


@pytest.fixture(scope="module")
def page(report):
    pytest.importorskip("matplotlib")
    return Page(report.to_html())


def test_the_page_is_one_file_that_loads_nothing(report, page):
    text = report.to_html()
    assert len(text.encode()) < 300_000
    assert not {"script", "link", "img", "iframe", "object"} & {t for t, _ in page.tags}
    for _, attrs in page.tags:
        assert not [name for name in attrs if name.startswith("on")]
        for name in ("src", "href"):
            assert attrs.get(name, "#").startswith("#")
    assert "@import" not in text
    assert not re.search(r"url\((?!#)", text)


def test_the_page_can_be_read_without_eyes(page):
    assert page.all("html")[0]["lang"] == "en"
    assert page.headings.count(1) == 1
    assert max(np.diff(page.headings)) <= 1
    assert len(page.all("table")) == len(page.all("caption")) > 5
    assert all(attrs.get("scope") in {"col", "row"} for attrs in page.all("th"))
    assert len(page.ids) == len(set(page.ids))
    figures = page.all("svg")
    assert len(figures) == 2
    assert all(attrs["role"] == "img" for attrs in figures)
    targets = {attrs["href"].lstrip("#") for attrs in page.all("a")}
    assert targets <= set(page.ids)


def luminance(colour):
    parts = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    linear = np.where(parts <= 0.03928, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    return linear @ [0.2126, 0.7152, 0.0722]


def test_text_stands_out_from_the_page():
    colours = set(re.findall(r"[{;]\s*color:(#[0-9a-f]{6})", _html._STYLE))
    assert colours
    for colour in colours:
        assert 1.05 / (luminance(colour) + 0.05) > 7, colour


def test_figures_have_their_numbers_in_words(report, page):
    labels = [attrs["aria-label"] for attrs in page.all("svg")]
    row = report.tables["selection"].iloc[0]
    assert f"{100 * row['rate_after']:.1f}\N{NO-BREAK SPACE}% after" in labels[0]
    row = report.tables["changed"].iloc[0]
    assert f"{row['no_to_yes']} from no to yes" in labels[1]
    drawn = " ".join(page.text)
    assert f"before {100 * report.tables['selection']['rate_before'][1]:.1f}" in drawn


def test_sentences_come_from_the_tables(report):
    other = pickle.loads(pickle.dumps(report))
    is_gap = (other.tables["measures"]["measure"] == "selection_rate_gap").to_numpy()
    other.tables["measures"].loc[is_gap, "after"] = 0.4321
    other.tables["unknown"].loc[0, ["rows", "share"]] = [17, 0.5]
    other.tables["measures"].loc[0, "reads"] = "higher"
    text = other.to_markdown()
    assert "to 43.2 percentage points" in text
    assert "Accuracy rose" in text
    assert "the group of 17 rows" in text
    assert "to 43.2 percentage points" not in report.to_markdown()


def test_nothing_that_is_passed_in_becomes_markup(rng):
    y, before, after = rng.integers(0, 2, (3, 100))
    evil = "</svg><script>alert(1)</script> & \"'|*x*"
    group = np.array([evil, "b"])[np.arange(100) % 2]
    report = compare(
        before, after, y, pd.DataFrame({evil: group}), title=f"{evil} $title ${{title}}"
    )
    for text in (report.to_html(), report._repr_html_(), report.to_markdown()):
        assert "<script" not in text
    found = Page(report.to_html())
    assert evil in " ".join(found.text)
    assert "$title ${title}" in " ".join(found.text)
    assert "\\|\\*x\\*" in report.to_markdown()


def test_names_in_any_script_are_drawn_as_they_are(rng):
    pytest.importorskip("matplotlib")
    names = [
        "\N{CJK UNIFIED IDEOGRAPH-7537}\N{CJK UNIFIED IDEOGRAPH-6027}",
        "$x_1$ & <y>",
    ]
    y, before, after = rng.integers(0, 2, (3, 100))
    figures = re.findall(
        "<svg.*?</svg>",
        compare(before, after, y, np.array(names)[np.arange(100) % 2]).to_html(),
        re.DOTALL,
    )
    for figure in figures:
        drawn = [text.strip() for text in Page(figure).text]
        assert set(names) <= set(drawn)


def test_a_part_of_another_page_leaves_that_page_alone(report):
    text = report._repr_html_()
    assert "<html" not in text
    assert "<body" not in text
    style = re.search(r"<style>(.*?)</style>", text, re.DOTALL)[1]
    rules = re.sub(r"@media[^{]*\{", "", style)
    selectors = ",".join(re.findall(r"([^{}]+)\{[^{}]*\}", rules)).split(",")
    assert len(selectors) > 20
    assert all(part.strip().startswith(".skswu-report") for part in selectors)


def test_rows_do_not_take_the_dark_stripes_of_another_page(report):
    style = report._repr_html_().partition("</style>")[0]
    assert re.search(r"\.skswu-report tr[^}]*background:none!important", style)


def test_markdown_has_all_sections_and_whole_tables(report):
    text = report.to_markdown()
    assert len(re.findall(r"^## \d\. ", text, re.MULTILINE)) == 7
    for table in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
        widths = {len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()}
        assert len(widths) == 1


def test_the_dictionary_is_json(report):
    found = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    assert found["verdicts"] == report.verdicts
    assert found["cautions"] == report.cautions
    row = report.tables["selection"].iloc[0]
    assert found["tables"]["selection"][0]["rows"] == row["rows"]
    assert found["tables"]["verdicts"][1]["before"] is None
    assert list(found["tables"]) == list(report.tables)


def test_many_groups_fit_on_a_page(rng):
    n_rows = 4000
    y, before, after = rng.integers(0, 2, (3, n_rows))
    report = compare(before, after, y, np.arange(n_rows) % 300, min_share=0, n_boot=50)
    assert len(report.tables["selection"]) == 300
    text = report.to_html()
    assert "260 smaller groups more" in text
    assert len(text.encode()) < 300_000


def test_without_matplotlib_a_line_stands_for_the_figures(report, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    text = report.to_html()
    assert "<svg" not in text
    assert text.count(_figures.MISSING) == 2
    assert text.count("from no to yes") >= 3


def test_figures_are_the_same_each_time_and_leave_no_setting(report):
    matplotlib = pytest.importorskip("matplotlib")
    before = dict(matplotlib.rcParams)
    assert report.to_html() == report.to_html()
    assert dict(matplotlib.rcParams) == before


def test_matplotlib_is_imported_for_the_figures_only():
    code = "import skswu.inspection, sys; print('matplotlib' in sys.modules)"
    run = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    )
    assert run.stdout == "False\n"


# Files


def test_a_report_is_written_as_it_is_returned(report, tmp_path):
    path = tmp_path / "report.html"
    assert report.to_html(path) is None
    assert path.read_text(encoding="utf-8") == report.to_html()
    assert [entry.name for entry in tmp_path.iterdir()] == ["report.html"]


def test_a_failed_write_leaves_the_old_file(report, tmp_path, monkeypatch):
    path = tmp_path / "report.html"
    path.write_text("old")

    def fail(*args):
        raise OSError("the disk is full")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="the disk is full"):
        report.to_html(path)
    assert path.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["report.html"]
    with pytest.raises(OSError, match="No such file or directory"):
        report.to_html(tmp_path / "missing" / "report.html")


def test_links_and_permissions_of_an_old_file_stay(report, tmp_path):
    target, link = tmp_path / "target.html", tmp_path / "link.html"
    target.write_text("old")
    target.chmod(0o640)
    link.symlink_to(target)
    report.to_html(link)
    assert link.is_symlink()
    assert target.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert target.stat().st_mode & 0o777 == 0o640


def test_a_report_is_reproducible_and_can_be_pickled(corrected, fresh_rows, report):
    X, y, group = fresh_rows
    first, second = (
        CorrectionReport.from_estimator(corrected, X, y, sensitive_features=group)
        for _ in range(2)
    )
    for name in KEYS[:-1]:
        pd.testing.assert_frame_equal(first.tables[name], second.tables[name])
    other = CorrectionReport.from_estimator(
        corrected, X, y, sensitive_features=group, random_state=1
    )
    assert not other.tables["measures"].equals(first.tables["measures"])
    copied = pickle.loads(pickle.dumps(report))
    assert copied.to_html() == report.to_html()
    assert repr(copied).startswith("CorrectionReport: Report of a correction")
