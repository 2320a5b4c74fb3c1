"""A small table of people, and ways to run the command on it in this process."""

import io
import re
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest

from skswu._command_line import main

N_ROWS = 2_000


@dataclass(frozen=True)
class Result:
    """What a run of the command printed."""

    output: str
    notes: list

    def cells(self, label):
        """The numbers of the first row of the tables that starts with a label."""
        line = re.search(rf"^ *{label} .*$", self.output, re.MULTILINE).group()
        return [float(cell) for cell in line.split(label)[1].split()]

    @property
    def tables(self):
        """All but the first line, which names the file, and the seconds."""
        return self.output.split("\n", 1)[1].split("Seconds")[0]


@pytest.fixture(scope="session")
def people():
    """People among whom men have the better label more often than women."""
    rng = np.random.default_rng(0)
    sex = rng.choice(["Female", "Male"], N_ROWS)
    age = rng.integers(18, 70, N_ROWS).astype(float)
    hours = (rng.normal(38, 5, N_ROWS) + 4 * (sex == "Male")).round(2)
    margin = 0.05 * (age - 44) + 0.12 * (hours - 40) + rng.logistic(size=N_ROWS)
    employer = rng.choice(["Private", "State", ""], N_ROWS)
    age[rng.random(N_ROWS) < 0.05] = np.nan
    return pd.DataFrame(
        {
            "age": age,
            "employer": employer,
            "hours": hours,
            "member": rng.random(N_ROWS) < 0.5,
            "region": rng.choice(["north", "south", "west"], N_ROWS),
            "sex": sex,
            "zip": [f"{code:05d}" for code in 997 * rng.integers(1, 60, N_ROWS)],
            "hired": np.where(margin > 0, "yes", "no"),
        }
    )


@pytest.fixture(scope="session")
def path(people, tmp_path_factory):
    """The people in a CSV file."""
    path = tmp_path_factory.mktemp("data") / "people.csv"
    people.to_csv(path, index=False)
    return path


@pytest.fixture
def write(tmp_path):
    """Write a table, or what is in a file, and return its path."""

    def write(content, name="table.csv"):
        path = tmp_path / name
        if isinstance(content, pd.DataFrame):
            content = content.to_csv(index=False)
        if isinstance(content, str):
            content = content.encode()
        path.write_bytes(content)
        return path

    return write


ROLES = {"--target": "hired", "--positive": "yes", "--sensitive": "sex"}


def _arguments(path, options):
    given = {**ROLES, "--fraction": "0.1", **options}
    return [
        *([str(path)] if path else []),
        *(f"{name}={value}" for name, value in given.items() if value is not None),
    ]


@pytest.fixture(scope="session")
def plain(path):
    """What the command says of the people in a plain file."""
    output, notes = io.StringIO(), io.StringIO()
    with redirect_stdout(output), redirect_stderr(notes):
        assert main(_arguments(path, {})) == 0
    return Result(output.getvalue(), notes.getvalue().splitlines())


@pytest.fixture
def run(capsys):
    """Run the command on a file; options of the people's table may be changed."""

    def run(path, *arguments, **options):
        options = {f"--{name.replace('_', '-')}": v for name, v in options.items()}
        assert main([*_arguments(path, options), *arguments]) == 0
        captured = capsys.readouterr()
        return Result(captured.out, captured.err.splitlines())

    return run


@pytest.fixture
def refusal(capsys):
    """Run the command, which is refused, and return its one line of error."""

    def refusal(path, *arguments, code=2, **options):
        options = {f"--{name.replace('_', '-')}": v for name, v in options.items()}
        with pytest.raises(SystemExit) as end:
            main([*_arguments(path, options), *arguments])
        assert end.value.code == code
        error = capsys.readouterr().err
        assert error.startswith("skswu: error: ")
        assert error.count("\n") == 1
        return error

    return refusal
