"""The command, run in this process on a small table."""

import re
import sys

import joblib
import numpy as np
import pandas as pd
import pytest
import skops.io
from fairlearn.metrics import demographic_parity_difference
from sklearn.model_selection import train_test_split

from skswu._command_line import main

N_ROWS = 3_000


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    """People among whom men have the better label more often than women."""
    rng = np.random.default_rng(0)
    sex = rng.choice(["Female", "Male"], N_ROWS)
    age = rng.integers(18, 70, N_ROWS).astype(float)
    hours = rng.normal(38, 5, N_ROWS) + 4 * (sex == "Male")
    margin = 0.05 * (age - 44) + 0.12 * (hours - 40) + rng.logistic(size=N_ROWS)
    employer = rng.choice(["Private", "State", ""], N_ROWS)
    age[rng.random(N_ROWS) < 0.05] = np.nan
    people = pd.DataFrame(
        {
            "age": age,
            "employer": employer,
            "hours": hours,
            "member": rng.random(N_ROWS) < 0.5,
            "region": rng.choice(["north", "south", "west"], N_ROWS),
            "sex": sex,
            "hired": np.where(margin > 0, "yes", "no"),
        }
    )
    path = tmp_path_factory.mktemp("data") / "people.csv"
    people.to_csv(path, index=False)
    return path


@pytest.fixture
def table(path):
    return pd.read_csv(path)


@pytest.fixture
def arguments(path):
    return [str(path), "--target=hired", "--positive=yes", "--sensitive=sex"]


def cells(output, label):
    """The numbers of the first row of the tables that starts with a label."""
    line = re.search(rf"^ *{label} .*$", output, re.MULTILINE).group()
    return [float(cell) for cell in line.split(label)[1].split()]


def error_of(arguments, capsys):
    """The one line on the standard error stream of a command that is refused."""
    with pytest.raises(SystemExit) as end:
        main(arguments)
    assert end.value.code == 2
    captured = capsys.readouterr()
    assert captured.err.startswith("skswu: error: ")
    assert captured.err.count("\n") == 1
    return captured.err


def test_tables(arguments, capsys):
    assert main(arguments) == 0
    output = capsys.readouterr().out
    original, hard, soft = cells(output, "demographic parity difference")
    assert original > 0.1
    assert max(hard, soft) < original
    for label in ("accuracy", "log loss", "equalized odds difference"):
        assert len(cells(output, label)) == 3
    before, *after = cells(output, "gap")
    assert np.abs(after).max() < before / 2
    reached = cells(output, "reached change")
    np.testing.assert_allclose(reached, np.array(after) - before, atol=2e-4)
    assert len(cells(output, "predicted change")) == 2
    assert len(cells(output, "fit")) == 1
    assert len(cells(output, "unlearn, in all")) == 2
    assert "not trained on sex" in output


def test_adult(capsys):
    assert main([]) == 0
    output = capsys.readouterr().out
    assert "26,048 to fit, 6,513 to evaluate the correction, 16,281 to test" in output
    original, hard, soft = cells(output, "demographic parity difference")
    assert max(hard, soft) < original / 2


def test_saved_model_is_the_soft_weighted_one(arguments, table, tmp_path, capsys):
    path = tmp_path / "model.joblib"
    assert main([*arguments, f"--save={path}"]) == 0
    shown = cells(capsys.readouterr().out, "demographic parity difference")[2]
    # The held-out rows, split as documented: 30 % by group and label.
    y = (table["hired"] == "yes").astype(int)
    cell = 2 * (table["sex"] == "Male") + y
    X = table.drop(columns=["sex", "hired"])
    _, X_test, _, y_test, _, sex_test = train_test_split(
        X, y, table["sex"], test_size=0.3, stratify=cell, random_state=0
    )
    predicted = joblib.load(path).predict(X_test)
    assert shown == pytest.approx(
        demographic_parity_difference(y_test, predicted, sensitive_features=sex_test),
        abs=5e-5,
    )


def test_skops_and_joblib_hold_the_same_model(arguments, table, tmp_path):
    for name in ("model.skops", "model.joblib"):
        assert main([*arguments, f"--save={tmp_path / name}"]) == 0
    trusted = skops.io.get_untrusted_types(file=tmp_path / "model.skops")
    loaded = skops.io.load(tmp_path / "model.skops", trusted=trusted)
    X = table.drop(columns=["sex", "hired"])
    np.testing.assert_array_equal(
        loaded.predict_proba(X),
        joblib.load(tmp_path / "model.joblib").predict_proba(X),
    )


def test_figure(arguments, tmp_path):
    path = tmp_path / "models.png"
    assert main([*arguments, f"--plot={path}"]) == 0
    assert path.read_bytes().startswith(b"\x89PNG")


def test_option_data_is_the_same_as_the_argument(arguments, capsys):
    path, *others = arguments
    outputs = []
    for source in ([path], ["--data", path]):
        assert main([*source, *others]) == 0
        outputs.append(capsys.readouterr().out.split("Seconds")[0])
    assert outputs[0] == outputs[1]


def test_seed_chooses_the_split(arguments, capsys):
    outputs = []
    for seed in ("1", "1", "2"):
        assert main([*arguments, "--random-state", seed]) == 0
        outputs.append(capsys.readouterr().out.split("Seconds")[0])
    assert outputs[0] == outputs[1] != outputs[2]


def test_strength_and_fraction_are_passed_on(arguments, capsys):
    assert main([*arguments, "--strength=0.5", "--fraction=0.02"]) == 0
    weak = capsys.readouterr().out
    assert main([*arguments, "--strength=1", "--fraction=0.1"]) == 0
    strong = capsys.readouterr().out
    for position in (1, 2):
        gaps = [cells(output, "gap")[position] for output in (weak, strong)]
        assert gaps[0] > gaps[1]


@pytest.mark.parametrize(
    ("objective", "n_gaps"), [("equal_opportunity", 1), ("equalized_odds", 2)]
)
def test_objective_is_passed_on(arguments, objective, n_gaps, capsys):
    assert main([*arguments, "--objective", objective]) == 0
    assert capsys.readouterr().out.count(f"\n{objective}") == n_gaps


def test_crossed_groups(arguments, capsys):
    assert main([*arguments, "--sensitive=member"]) == 0
    output = capsys.readouterr().out
    for name in ("Female, False", "Female, True", "Male, False", "Male, True"):
        assert f"{name} - overall" in output


def test_negative_label_may_be_the_positive_one(arguments, capsys):
    assert main(arguments) == 0
    yes = capsys.readouterr().out
    assert main([*arguments, "--positive=no"]) == 0
    no = capsys.readouterr().out
    assert cells(no, "gap")[0] < 0 < cells(yes, "gap")[0]


def test_numeric_labels_and_groups(table, tmp_path, capsys):
    path = tmp_path / "coded.csv"
    coded = table.assign(hired=table["hired"] == "yes", sex=table["sex"] == "Male")
    coded.astype({"hired": int, "sex": int}).to_csv(path, index=False)
    assert main([str(path), "--target=hired", "--positive=1", "--sensitive=sex"]) == 0
    assert "demographic_parity: 1 - 0" in capsys.readouterr().out


def test_warnings_become_one_line_each(arguments, capsys):
    # Twelve gaps at once are more than soft weighting can close here.
    several = ["--sensitive=region", "--objective=equalized_odds"]
    assert main([*arguments, *several]) == 0
    notes = capsys.readouterr().err.splitlines()
    assert notes
    assert all(note.startswith("skswu: note: ") for note in notes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"--target": None}, "--target is missing; .* has 'age', 'employer', 'hours'"),
        ({"--target": "job"}, "--target 'job' is not a column; .* has 'age'"),
        ({"--target": "region"}, "'region' must have two values; it has 3: 'north', "),
        ({"--target": "employer"}, "'employer' has .* missing values; fill them"),
        ({"--target": "sex", "--positive": "Male"}, "both name 'sex'"),
        ({"--positive": None}, "--positive is missing; 'hired' has 'no', 'yes'"),
        ({"--positive": "1"}, "--positive '1' is not a value; 'hired' has 'no', 'yes'"),
        ({"--sensitive": None}, "--sensitive is missing; .* has 'age', 'employer'"),
        ({"--sensitive": "gender"}, "--sensitive 'gender' is not a column; .* 'sex'"),
        ({"--sensitive": "employer"}, "--sensitive employer has .* missing values"),
        ({"--sensitive": "hours"}, "--sensitive hours is not a grouping"),
        ({"--objective": "justice"}, "invalid choice: 'justice'.*demographic_parity"),
        ({"--strength": "much"}, "--strength: invalid float value: 'much'"),
        ({"--strength": "-1"}, "strength"),
        ({"--fraction": "2"}, "fraction"),
        ({"--random-state": "-1"}, "--random-state: -1 is not between 0 and"),
        ({"--random-state": "x"}, "--random-state: invalid"),
        ({"--save": "model.pkl"}, r"model.pkl: .* must end in one of .skops, .joblib"),
        ({"--save": "nowhere/model.skops"}, "there is no folder nowhere"),
        ({"--plot": "picture.xyz"}, "picture.xyz: .* must end in one of .*png"),
        ({"--plot": "nowhere/picture.png"}, "there is no folder nowhere"),
        ({"--colour": "red"}, "unrecognized arguments: --colour"),
    ],
)
def test_refusals(path, changes, message, capsys):
    options = {"--target": "hired", "--positive": "yes", "--sensitive": "sex"} | changes
    given = [f"{name}={value}" for name, value in options.items() if value is not None]
    assert re.search(message, error_of([str(path), *given], capsys))


def test_no_such_file(capsys):
    error = error_of(["--data", "peple.csv"], capsys)
    assert "there is no file 'peple.csv'; give a CSV file or 'adult'" in error


@pytest.mark.parametrize(
    "content", [b"", b"a,b\n1,2,3\n4\n1,2,3,4,5\n", b"\xff\xfe\x00"]
)
def test_not_a_table(tmp_path, content, capsys):
    path = tmp_path / "broken.csv"
    path.write_bytes(content)
    assert "as CSV: " in error_of([str(path), "--target=a"], capsys)


def test_one_group(table, tmp_path, capsys):
    path = tmp_path / "women.csv"
    table[table["sex"] == "Female"].to_csv(path, index=False)
    error = error_of(
        [str(path), "--target=hired", "--positive=yes", "--sensitive=sex"], capsys
    )
    assert "--sensitive sex must hold at least two groups" in error


def test_group_that_is_too_small(table, tmp_path, capsys):
    path = tmp_path / "rare.csv"
    rare = table.copy()
    hired = rare.index[rare["hired"] == "yes"]
    rare.loc[hired[:9], "region"] = "island"
    rare.to_csv(path, index=False)
    error = error_of(
        [str(path), "--target=hired", "--positive=yes", "--sensitive=region"], capsys
    )
    assert "only 0 rows have region = island and hired = no; at least 10" in error


def test_nothing_to_train_on(table, tmp_path, capsys):
    path = tmp_path / "narrow.csv"
    table[["sex", "hired"]].to_csv(path, index=False)
    error = error_of(
        [str(path), "--target=hired", "--positive=yes", "--sensitive=sex"], capsys
    )
    assert "has no column left to train on" in error


def test_infinite_feature(table, tmp_path, capsys):
    path = tmp_path / "infinite.csv"
    table.assign(hours=np.inf).to_csv(path, index=False)
    error = error_of(
        [str(path), "--target=hired", "--positive=yes", "--sensitive=sex"], capsys
    )
    assert "the model cannot be fitted: Input X contains infinity" in error


@pytest.mark.parametrize(
    ("module", "option", "message"),
    [
        ("matplotlib", "--plot=a.png", 'matplotlib: pip install "skswu[plot]"'),
        ("skops", "--save=a.skops", "skops: pip install skops"),
    ],
)
def test_missing_module(arguments, module, option, message, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, module, None)
    assert message in error_of([*arguments, option], capsys)


def test_data_and_file_exclude_each_other(arguments, capsys):
    assert "not allowed with argument" in error_of([*arguments, "--data=adult"], capsys)


def test_help_names_every_option(capsys):
    with pytest.raises(SystemExit) as end:
        main(["--help"])
    assert end.value.code == 0
    shown = capsys.readouterr().out
    for option in ("--target", "--positive", "--sensitive", "--save", "--plot"):
        assert option in shown
