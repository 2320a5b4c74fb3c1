"""The command's job, run in this process on a small table."""

import re
import shlex
import sys
from pathlib import Path
from types import SimpleNamespace

import joblib
import numpy as np
import pandas as pd
import pytest
from fairlearn.metrics import demographic_parity_difference, demographic_parity_ratio
from sklearn.model_selection import train_test_split

from skswu import UnlearningClassifierCV
from skswu._command_line import main
from skswu._command_line._measures import Measures

ROOT = Path(__file__).parents[2]


@pytest.fixture
def saved(run, path, tmp_path):
    """Run the command and return the model that it saved."""

    def saved(**options):
        model = tmp_path / "model.joblib"
        run(path, save=model, **options)
        return joblib.load(model)

    return saved


@pytest.fixture
def table(path):
    """The people as pandas reads them."""
    return pd.read_csv(path, dtype={"zip": str})


@pytest.fixture
def parts(table):
    """The rows to evaluate and to test on, split as documented.

    By group and label, 30 % are to test, and a fifth of the others to evaluate.
    """
    cell = 2 * (table["sex"] == "Male") + (table["hired"] == "yes")
    train, test = train_test_split(table, test_size=0.3, stratify=cell, random_state=0)
    _, evaluation = train_test_split(
        train, test_size=0.2, stratify=cell[train.index], random_state=0
    )
    return evaluation, test


@pytest.fixture
def held_out(parts):
    return parts[1]


def test_tables(plain):
    result = plain
    original, hard, soft = result.cells("demographic parity difference")
    assert original > 0.1
    assert max(hard, soft) < original
    for label in ("accuracy", "log loss", "equalized odds difference"):
        assert len(result.cells(label)) == 3
    (before,) = result.cells("before")
    assert np.abs(result.cells("reached")).max() < before / 2
    assert result.cells("asked") == [0.0]
    assert len(result.cells("predicted")) == 2
    assert len(result.cells("fit")) == 1
    assert len(result.cells("unlearn, in all")) == 2
    assert "not trained on 'sex'" in result.output


def test_saved_model_is_the_soft_weighted_one(run, path, held_out, tmp_path):
    model = tmp_path / "model.joblib"
    shown = run(path, save=model).cells("demographic parity difference")[2]
    predicted = joblib.load(model).predict(held_out.drop(columns=["sex", "hired"]))
    expected = demographic_parity_difference(
        held_out["hired"] == "yes", predicted, sensitive_features=held_out["sex"]
    )
    assert shown == pytest.approx(expected, abs=5e-3)


def test_groups_have_their_counts_and_rates(run, path, held_out, tmp_path):
    model = tmp_path / "model.joblib"
    output = run(path, save=model).output
    predicted = joblib.load(model).predict(held_out.drop(columns=["sex", "hired"]))
    for sex in ("Female", "Male"):
        of_sex = (held_out["sex"] == sex).to_numpy()
        hired = (held_out["hired"] == "yes").to_numpy()
        lines = re.findall(rf"^  sex={sex} \((\d+) rows\) .* (\S+)$", output, re.M)
        for (n, rate), rows in zip(
            lines, (of_sex, of_sex & hired, of_sex & ~hired), strict=True
        ):
            assert int(n) == rows.sum()
            assert float(rate) == pytest.approx(predicted[rows].mean(), abs=6e-3)


def test_more_rows_show_more_digits(run, write, people, plain):
    few = run(write(people.head(300))).output
    many = plain.output
    assert re.search(r"accuracy  +0\.\d\d ", few)
    assert re.search(r"accuracy  +0\.\d\d ", many)
    assert re.search(r"accuracy  +0\.\d\d\d ", run(None, **ADULT).output)


#: The embedded data, with no roles given.
ADULT = {"target": None, "positive": None, "sensitive": None}


def test_without_arguments_hard_removal_reaches_what_soft_weighting_reaches(capsys):
    assert main([]) == 0
    output = capsys.readouterr().out
    assert "26,048 to fit, 6,513 to evaluate the correction, 16,281 to test" in output
    assert "Soft weighting: strength 1." in output
    hard, soft = map(
        float,
        re.search(
            r"the least with which the demographic parity difference on the evaluation "
            r"rows \((\S+)\) is that of soft weighting \((\S+)\)",
            output,
        ).groups(),
    )
    assert soft - 0.01 <= hard <= soft


def test_fraction_that_is_found_is_measured_on_the_evaluation_rows(
    run, path, parts, tmp_path
):
    model = tmp_path / "model.joblib"
    output = run(path, fraction=None, save=model).output
    shown = float(re.search(r"soft weighting \((\S+)\)", output)[1])
    rows, _ = parts
    predicted = joblib.load(model).predict(rows.drop(columns=["sex", "hired"]))
    expected = demographic_parity_difference(
        rows["hired"] == "yes", predicted, sensitive_features=rows["sex"]
    )
    assert shown == pytest.approx(expected, abs=5e-3)


def test_figure(run, path, tmp_path):
    pytest.importorskip("matplotlib")
    figure = tmp_path / "models.PNG"
    assert f"Figure: {figure}" in run(path, plot=figure).output
    assert figure.read_bytes().startswith(b"\x89PNG")


def test_option_data_is_the_same_as_the_argument(run, path, plain):
    assert plain.tables == run(None, data=path).tables


def test_seed_chooses_the_split(run, path):
    tables = [run(path, random_state=seed).tables for seed in (1, 1, 2)]
    assert tables[0] == tables[1] != tables[2]


def test_strength_and_fraction_are_passed_on(run, path):
    weak = run(path, strength=0.5, fraction=0.02)
    strong = run(path, strength=1, fraction=0.1)
    for position in (0, 1):
        assert weak.cells("reached")[position] > strong.cells("reached")[position]
    before = weak.cells("before")[0]
    assert weak.cells("asked")[0] == pytest.approx(before / 2, abs=0.01)


@pytest.mark.parametrize(
    ("objective", "n_gaps"), [("equal_opportunity", 1), ("equalized_odds", 2)]
)
def test_objective_is_passed_on(run, path, objective, n_gaps):
    result = run(path, objective=objective)
    assert result.output.count(f"\n  {objective}") == n_gaps
    assert len(result.cells(f"{objective.replace('_', ' ')} difference")) == 3


def test_update_and_its_parts_are_passed_on(saved):
    assert saved(update="refit").update.get_params()["max_refits"] > 0
    model = saved(max_iter=7, temperature=0.5, objective="equal_opportunity")
    assert model.update.max_iter == 7
    assert model.objective.temperature == 0.5


def test_max_disparity_chooses_the_strength(saved, run, path):
    model = saved(max_disparity=0.1)
    assert isinstance(model, UnlearningClassifierCV)
    assert model.max_disparity == 0.1
    assert 0 < model.strength_ < 1
    output = run(path, max_disparity=0.1).output
    chosen = f"{model.strength_:.3g}, of those tried the most accurate with"
    assert f"strength {chosen} a disparity of at most 0.1." in output


def test_min_ratio_bounds_the_ratio(run, path, parts, tmp_path):
    file = tmp_path / "model.joblib"
    result = run(path, min_ratio=0.95, save=file)
    assert len(result.cells("demographic parity ratio")) == 3
    assert "with a demographic parity ratio of at least 0.95." in result.output
    rows, _ = parts
    X, model = rows.drop(columns=["sex", "hired"]), joblib.load(file)
    before, after = (
        demographic_parity_ratio(
            rows["hired"] == "yes", one.predict(X), sensitive_features=rows["sex"]
        )
        for one in (model.original_estimator_, model)
    )
    assert before < 0.95 <= after
    # A ratio counts as its distance from 1.
    within = model.path_["disparity"] <= 0.05 + 1e-9
    assert not within.all()
    assert (model.path_["feasible"] == within).all()


def test_robustness_needs_no_groups(run, path, table, tmp_path):
    file = tmp_path / "model.joblib"
    options = {"objective": "adversarial_robustness", "save": file}
    result = run(path, sensitive=None, **options)
    assert "sex=" not in result.output
    assert "parity" not in result.output
    # A linear model is right on all of a ball if the margin exceeds its radius.
    model = joblib.load(file).estimator_
    y = table["hired"] == "yes"
    _, rows = train_test_split(table, test_size=0.3, stratify=y, random_state=0)
    inputs = model[:-1].transform(rows)
    sign = np.where(rows["hired"] == "yes", 1, -1)
    distance = sign * model[-1].decision_function(inputs)
    distance /= np.linalg.norm(model[-1].coef_)
    shown = result.cells("accuracy under attack")[2]
    assert shown == pytest.approx((distance > 0.1).mean(), abs=5e-3)
    assert shown > result.cells("accuracy under attack")[0]


def test_limits_that_are_kept_with_ease_are_no_shortfall():
    model = SimpleNamespace(objective_after_=np.array([0.03, -0.5, 0.04]))
    measures = Measures("bounded_group_loss", has_groups=True)
    assert measures.shortfall(model, None) == pytest.approx(0.05)


def test_crossed_groups_are_named_by_their_columns(run, path):
    output = run(path, "--sensitive=member").output
    assert "not trained on 'sex', 'member'" in output
    for sex in ("Female", "Male"):
        for member in ("False", "True"):
            assert f"sex={sex}, member={member} - overall" in output
            assert re.search(rf"  sex={sex}, member={member} \(\d+ rows\) ", output)


def test_dropped_columns_are_not_trained_on(saved):
    model = saved(drop="zip")
    assert "zip" not in model.feature_names_in_
    assert "hours" in model.feature_names_in_


def test_negative_label_may_be_the_positive_one(run, path, plain):
    assert run(path, positive="no").cells("before")[0] < 0
    assert plain.cells("before")[0] > 0


def test_one_label_against_the_rest(run, path, write, people):
    output = run(path, target="region", positive="west").output
    assert "Target: region = west against north, south." in output
    west = np.where(people["region"] == "west", "west", "elsewhere")
    expected = run(write(people.assign(region=west)), target="region", positive="west")
    assert output.split("\n", 1)[1].split("Seconds")[0] == expected.tables


@pytest.mark.parametrize(
    ("labels", "positive"),
    [
        ((0, 1), "1"),
        ((0.0, 1.0), "1"),
        ((False, True), "1"),
        ((False, True), "true"),
        (("no", "YES"), "yes"),
        (("00", "01"), "1"),
        (("0", "1.0"), "1"),
        (("None", "Some"), "Some"),
        (("no", " yes "), "yes"),
    ],
)
def test_positive_label_may_be_written_otherwise(
    run, write, people, labels, positive, plain
):
    coded = people.assign(hired=[labels[one == "yes"] for one in people["hired"]])
    result = run(write(coded), positive=positive)
    assert without_label(result.tables) == without_label(plain.tables)


def without_label(tables):
    """Leave out the positive label's name, and the room that it takes."""
    tables = re.sub(r"-{2,}", "--", " ".join(tables.split()))
    return re.sub(r"\[.*?\]", "[]", tables)


def test_positive_label_may_have_a_decimal_comma(run, write, people, plain):
    coded = people.assign(hired=np.where(people["hired"] == "yes", 1.0, 0.0))
    table = write(coded.to_csv(index=False, sep=";", decimal=","))
    result = run(table, positive="1")
    assert without_label(result.tables) == without_label(plain.tables)


def test_labels_of_other_spelling_are_told(run, write, people):
    hired = people["hired"].where(people.index % 7 > 0, people["hired"].str.title())
    notes = run(write(people.assign(hired=hired))).notes
    assert any("differ from 'yes' in their spelling" in note for note in notes)


def test_warnings_become_one_line_each_and_name_the_model(run, path):
    # So little smoothing is more than a linear step can follow.
    notes = run(path, temperature=0.001).notes
    assert all(note.startswith("skswu: note: ") for note in notes)
    assert any(note.startswith("skswu: note: hard removal: ") for note in notes)
    assert any(note.startswith("skswu: note: soft weighting: ") for note in notes)


def test_constant_predictions_are_told(run, write, people):
    rare = people.assign(hired=np.where(people.index % 20, "no", "yes"))
    notes = run(write(rare)).notes
    assert any("original predicts not hired = yes for all 600" in n for n in notes)


@pytest.mark.parametrize(
    "revealing",
    [
        lambda hired: np.where(hired == "yes", "letter sent", "-"),
        lambda hired: np.where(hired == "yes", "2300.5", ""),
        lambda hired: np.arange(len(hired)) % 7 + 10 * (hired == "yes"),
    ],
    ids=["text", "missing", "number"],
)
def test_column_that_gives_the_label_away_is_told(run, write, people, revealing):
    notes = run(write(people.assign(offer=revealing(people["hired"])))).notes
    (told,) = [note for note in notes if "stands in" in note]
    assert "nearly all that is to know of 'hired' stands in 'offer'" in told


def test_ordinary_columns_give_nothing_away(plain):
    assert not [note for note in plain.notes if "stands in" in note]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"target": None}, "--target is missing; .* has 'age', 'employer', 'hours'"),
        ({"target": "job"}, "--target 'job' is not a column; .* has 'age'"),
        ({"target": "employer"}, "'employer' has .* missing values; fill them"),
        ({"target": "sex", "positive": "Male"}, "both name 'sex'"),
        ({"positive": None}, "--positive is missing; 'hired' has 'no', 'yes'"),
        ({"positive": "1"}, "--positive '1' is not a value; 'hired' has 'no', 'yes'"),
        ({"sensitive": None}, "--sensitive is missing; .* has 'age', 'employer'"),
        ({"sensitive": "gender"}, "--sensitive 'gender' is not a column; .* 'sex'"),
        (
            {"sensitive": "employer"},
            "--sensitive employer has .* missing .*own",
        ),
        ({"sensitive": "hours"}, "--sensitive hours is not a grouping: .* different"),
        ({"drop": "sex"}, "--sensitive and --drop both name 'sex'"),
        ({"drop": "hired"}, "--target and --drop both name 'hired'"),
        ({"drop": "gender"}, "--drop 'gender' is not a column"),
        ({"objective": "justice"}, "invalid choice: 'justice'.*demographic_parity"),
        ({"update": "magic"}, "invalid choice: 'magic'.*influence"),
        ({"update": "scrub"}, "the model cannot be corrected: Scrub needs a model"),
        ({"update": "refit", "max_iter": 3}, "--max-iter does not go with refit"),
        (
            {"objective": "adversarial_robustness", "temperature": 1},
            "--temperature does not go with adversarial_robustness",
        ),
        (
            {"objective": "adversarial_robustness", "min_ratio": 0.8},
            "--min-ratio: there is no ratio for adversarial_robustness",
        ),
        ({"strength": "much"}, "--strength: invalid float value: 'much'"),
        ({"strength": "-1"}, "--strength: -1 is not a number of at least 0"),
        ({"strength": "nan"}, "--strength: nan is not a number of at least 0"),
        ({"strength": "inf"}, "--strength: inf is not a number of at least 0"),
        (
            {"strength": 1, "min_ratio": 0.8},
            "--min-ratio: not allowed with",
        ),
        ({"max_disparity": "nan"}, "--max-disparity: nan is not a number"),
        ({"min_ratio": 2}, "--min-ratio: 2 is not a number above 0 and at most 1"),
        ({"min_ratio": 0}, "--min-ratio: 0 is not a number above 0 and at most 1"),
        ({"fraction": 2}, "--fraction: 2 is not a number of at least 0 and at most 1"),
        (
            {"fraction": "nan"},
            "--fraction: nan is not a number of at least 0 and at most 1",
        ),
        ({"temperature": 0}, "--temperature: 0 is not a number above 0"),
        ({"max_iter": 0}, "--max-iter: 0 is not a number of at least 1"),
        ({"max_iter": 1.5}, "--max-iter: invalid int value: '1.5'"),
        ({"random_state": -1}, "--random-state: -1 is not a number of at least 0 and"),
        ({"random_state": "x"}, "--random-state: invalid"),
        ({"missing_groups": "drop"}, "--missing-groups: invalid choice: 'drop'"),
        ({"separator": ";;"}, "--separator: ';;' is neither a character"),
        ({"decimal": ";"}, "--decimal: invalid choice"),
        ({"encoding": "utf-99"}, "--encoding: 'utf-99' is not an encoding"),
        ({"colour": "red"}, "unrecognized arguments: --colour"),
    ],
)
def test_refusals(refusal, path, changes, message):
    assert re.search(message, refusal(path, **changes))


def test_numbers_are_refused_before_the_file_is_read(refusal):
    assert "--strength" in refusal("no such file", strength="nan")


def test_no_such_file(refusal):
    error = refusal(None, data="peple.csv")
    assert "there is no file 'peple.csv'; give a CSV file or 'adult'" in error


def test_one_group(refusal, write, people):
    error = refusal(write(people[people["sex"] == "Female"]))
    assert "--sensitive sex must hold at least two groups" in error


def test_group_that_is_too_small(refusal, write, people):
    rare = people.copy()
    hired = rare.index[rare["hired"] == "yes"]
    rare.loc[hired[:9], "region"] = "island"
    error = refusal(write(rare), sensitive="region")
    assert "only 0 rows with region=island and hired = no; at least 10" in error


def test_nothing_to_train_on(refusal, write, people):
    error = refusal(write(people[["sex", "hired"]]))
    assert "has no column left to train on" in error


@pytest.mark.parametrize(
    ("module", "option", "message"),
    [
        ("matplotlib", "plot", 'matplotlib: pip install "skswu[plot]"'),
        ("skops", "save", "skops: pip install skops"),
    ],
)
def test_missing_module(refusal, path, module, option, message, monkeypatch):
    monkeypatch.setitem(sys.modules, module, None)
    name = {"plot": "a.png", "save": "a.skops"}[option]
    assert message in refusal(path, **{option: name})


def test_data_and_file_exclude_each_other(refusal, path):
    assert "not allowed with argument" in refusal(path, data="adult")


def test_memory_that_does_not_suffice(refusal, path, monkeypatch):
    def exhaust(*args, **kwargs):
        raise MemoryError

    monkeypatch.setattr("skswu._command_line._main.compare", exhaust)
    assert "the memory does not suffice: --drop columns" in refusal(path)


def test_help_names_every_option(capsys):
    with pytest.raises(SystemExit) as end:
        main(["--help"])
    assert end.value.code == 0
    shown = capsys.readouterr().out
    for option in ("target", "positive", "sensitive", "drop", "missing-groups", "save"):
        assert f"--{option}" in shown
    for option in ("separator", "decimal", "encoding", "update", "max-iter", "plot"):
        assert f"--{option}" in shown
    for option in ("temperature", "max-disparity", "min-ratio", "strength", "fraction"):
        assert f"--{option}" in shown


@pytest.mark.parametrize("page", ["README.md", "docs/guide/command_line.rst"])
def test_commands_of_the_documentation_run(page, write, people, monkeypatch, capsys):
    pytest.importorskip("matplotlib")
    pytest.importorskip("skops")
    monkeypatch.chdir(write(people, "people.csv").parent)
    text = (ROOT / page).read_text(encoding="utf-8").replace("\\\n", " ")
    commands = re.findall(r"^ *python -m skswu (people\.csv .*)$", text, re.MULTILINE)
    assert commands
    for command in commands:
        assert main(shlex.split(command)) == 0
        assert "On 600 test rows" in capsys.readouterr().out
