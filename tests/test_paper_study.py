"""The rerun of the paper's study measures, compares and resumes as it says."""

import io
import sys
from functools import partial

import numpy as np
import pandas as pd
import pytest
from fairlearn.metrics import (
    demographic_parity_difference,
    equal_opportunity_difference,
)
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

from skswu import UnlearningClassifier
from skswu.metrics import make_robustness_scorer
from skswu.objectives import (
    AdversarialRobustness,
    DemographicParity,
    EqualOpportunity,
)

pytest.importorskip("matplotlib")

import run_study
import summarize
from study import comparison, data_sets, figures, measures


@pytest.fixture
def fitted():
    """Return rows and a logistic regression fitted to others."""
    split = data_sets.split(*data_sets.generated(1000, 0), 0)
    classifier = LogisticRegression().fit(split.training.X, split.training.y)
    return split, classifier


def correct(split, classifier, objective, strength):
    model = UnlearningClassifier(classifier, objective=objective)
    model.set_params(weighting__strength=strength)
    rows = split.evaluation
    return model.unlearn(
        split.training.X,
        split.training.y,
        sensitive_features=split.training.groups,
        X_val=rows.X,
        y_val=rows.y,
        sensitive_features_val=rows.groups,
    )


@pytest.mark.parametrize("make_objective", [DemographicParity, EqualOpportunity])
def test_fairness_is_measured_as_fairlearn_does(fitted, make_objective):
    split, classifier = fitted
    objective, rows = make_objective(), split.evaluation
    measured = measures.Meter(rows, objective, classifier).measure(classifier)
    predicted = classifier.predict(rows.X)
    groups = {"sensitive_features": rows.groups}
    parity = demographic_parity_difference(rows.y, predicted, **groups)
    opportunity = equal_opportunity_difference(rows.y, predicted, **groups)
    assert measured["parity_difference"] == pytest.approx(parity)
    assert measured["opportunity_difference"] == pytest.approx(opportunity)
    is_parity = make_objective is DemographicParity
    assert measured["metric"] == pytest.approx(parity if is_parity else opportunity)
    assert measured["accuracy"] == pytest.approx(classifier.score(rows.X, rows.y))
    loss = log_loss(rows.y, classifier.predict_proba(rows.X))
    assert measured["log_loss"] == pytest.approx(loss)
    gap = correct(split, classifier, objective, 0.5).objective_before_[0]
    assert measured["surrogate"] == pytest.approx(abs(gap))


def test_robustness_is_measured_as_the_scorers_do(fitted):
    split, classifier = fitted
    rows = split.evaluation
    objective = AdversarialRobustness(attack="boundary", adaptive=False)
    model = correct(split, classifier, objective, 0.1)
    meter = measures.Meter(rows, objective, classifier)
    measured = meter.measure(model.estimator_)
    static = make_robustness_scorer(attack="boundary", adaptive=False)
    static = static(model, rows.X, rows.y)
    adaptive = make_robustness_scorer(epsilon=0.3)(model, rows.X, rows.y)
    assert measured["static_robust_accuracy"] == pytest.approx(static)
    assert measured["metric"] == pytest.approx(1.0 - static)
    assert measured["adaptive_robust_accuracy"] == pytest.approx(adaptive)
    assert measured["surrogate"] == pytest.approx(model.objective_after_[0])


def row(weighting, dose, metric, accuracy, seed=0):
    measures = {"metric": metric, "accuracy": accuracy}
    return {
        "data": "Adult",
        "model": "network",
        "objective": "demographic parity",
        "update": "none" if weighting == "none" else "influence",
        "weighting": weighting,
        "dose": dose,
        "seed": seed,
        **{f"evaluation_{name}": value for name, value in measures.items()},
        **{f"test_{name}": value for name, value in measures.items()},
    }


@pytest.mark.parametrize(
    ("accuracy_of_soft", "won", "lost"), [(0.78, True, False), (0.66, False, True)]
)
def test_the_weighting_on_the_better_front_wins(accuracy_of_soft, won, lost):
    table = pd.DataFrame(
        [row("none", 0.0, 0.2, 0.80), row("none", 0.0, 0.2, 0.82, seed=1)]
        + [row("hard", 0.2, 0.0, 0.70, seed) for seed in (0, 1)]
        + [row("soft", 1.0, 0.0, accuracy_of_soft, seed) for seed in (0, 1)]
    )
    standing = comparison.chosen(comparison.interpolated(table))
    # Half of the metric is removed half-way to the only fraction that was run.
    np.testing.assert_allclose(standing["hard", "dose"], 0.1)
    np.testing.assert_allclose(standing["hard", "test_accuracy"], [0.75, 0.76])
    np.testing.assert_allclose(standing["soft for the utility", "dose"], 0.5)
    found = comparison.advantages(standing)
    assert comparison.wins(found).to_numpy().tolist() == [[won] * 3]
    assert comparison.losses(found).to_numpy().tolist() == [[lost] * 3]


@pytest.fixture
def table():
    """Return what one cell of a study measures."""
    rows = [row("none", 0.0, 0.2, 0.80), row("hard", 0.2, 0.0, 0.70)]
    table = pd.DataFrame([*rows, row("soft", 1.0, 0.0, 0.78)])
    for part in ("evaluation", "test"):
        table[f"{part}_log_loss"] = 1.0 - table[f"{part}_accuracy"]
        table[f"{part}_surrogate"] = table[f"{part}_metric"]
        for kind in ("static", "adaptive"):
            table[f"{part}_{kind}_robust_accuracy"] = 0.5
    return table


def test_a_study_without_adult_or_networks_is_summarised(
    table, monkeypatch, tmp_path, capsys
):
    pytest.importorskip("matplotlib").use("Agg")
    # These take rows of Adult themselves, few of them here.
    for name, sizes in (("draw_over_unlearning", (400, 20)), ("draw_weights", (400,))):
        monkeypatch.setattr(figures, name, partial(getattr(figures, name), *sizes))
    table = table.assign(data="generated", model="logistic regression")
    table.to_csv(tmp_path / "study.csv")
    arguments = [str(tmp_path / "study.csv"), "--out", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", ["summarize.py", *arguments])
    summarize.main()
    cell = "| generated | logistic regression | demographic parity | influence |"
    assert cell in capsys.readouterr().out
    pictures = {path.name for path in tmp_path.glob("*.png")}
    names = ("fronts", "over_unlearning", "scatter", "weights")
    assert pictures == {f"paper_{name}.png" for name in names}


@pytest.mark.parametrize("has_networks", [False, True])
def test_fronts_are_those_of_networks_on_adult_if_there_are_any(table, has_networks):
    plt = pytest.importorskip("matplotlib.pyplot")
    other = table.assign(data="generated", test_metric=0.1)
    figure = figures.draw_fronts(pd.concat([other, table]) if has_networks else other)
    assert (
        figure.texts[0].get_text().startswith("Adult" if has_networks else "generated")
    )
    _, soft, original = figure.axes[0].get_lines()
    gaps = [0.2, 0.0] if has_networks else [0.1, 0.1]
    assert soft.get_xdata().tolist() == gaps
    assert original.get_xdata().tolist() == gaps[:1]
    plt.close(figure)


def run(monkeypatch, folder):
    monkeypatch.setattr(run_study, "N_ROWS_QUICK", 300)
    options = ["--quick", "--data", "generated", "--models", "logistic regression"]
    arguments = ["run_study.py", "--out", str(folder), *options]
    monkeypatch.setattr(sys, "argv", arguments)
    run_study.main()
    return folder / "quick.csv"


def test_an_interrupted_study_is_resumed(monkeypatch, tmp_path, capsys):
    path = run(monkeypatch, tmp_path)
    whole = path.read_text()
    lines = whole.splitlines(keepends=True)
    path.write_text("".join(lines[:-2]) + lines[-2][:40])
    run(monkeypatch, tmp_path)
    table, before = pd.read_csv(path), pd.read_csv(io.StringIO(whole))
    pd.testing.assert_frame_equal(
        table.drop(columns="seconds"), before.drop(columns="seconds")
    )
    finished = path.read_text()
    run(monkeypatch, tmp_path)
    assert path.read_text() == finished
