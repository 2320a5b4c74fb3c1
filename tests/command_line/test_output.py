"""What reaches the terminal, and files that are whole or not written at all."""

import io
import os
import subprocess
import sys

import numpy as np
import pytest

from skswu._command_line import _output_files
from skswu._command_line._messages import UsageError
from skswu._command_line._output_files import replacing

CONTROL = "\x1b[31m\x07\x9b\r\n\u202e"


def is_safe(text):
    return all(character.isprintable() or character == "\n" for character in text)


def test_control_characters_of_names_do_not_reach_the_terminal(run, write, people):
    column = f"s{CONTROL}ex"
    named = people.rename(columns={"sex": column, "zip": f"z{CONTROL}ip"})
    named[column] = np.where(named[column] == "Male", f"M{CONTROL}", f"F{CONTROL}")
    named["hired"] += CONTROL
    quoted = named.to_csv(index=False, quoting=1)
    # Lines end as they do in texts.
    column, hired = (t.replace("\r\n", "\n") for t in (column, f"yes{CONTROL}"))
    result = run(write(quoted.replace("\r\n", "\n")), sensitive=column, positive=hired)
    assert "\\x1b[31m\\x07\\x9b\\n\\u202e" in result.output
    assert is_safe(result.output)
    assert result.notes
    assert all(is_safe(note) for note in result.notes)


@pytest.mark.parametrize(
    "changes",
    [
        {"sensitive": f"sex{CONTROL}"},
        {"target": f"hired{CONTROL}"},
        {"positive": f"yes{CONTROL}"},
        {"drop": f"zip{CONTROL}"},
        {"strength": CONTROL},
        {"encoding": CONTROL},
        {"separator": CONTROL},
        {"save": f"{CONTROL}.pickle"},
        {"save": f"nowhere{CONTROL}/m.skops"},
        {f"op{CONTROL}tion": "a"},
    ],
)
def test_control_characters_of_arguments_do_not_reach_it_either(refusal, path, changes):
    error = refusal(path, **changes)
    assert is_safe(error)
    assert "x1b" in error


def test_file_names_with_control_characters(refusal):
    assert is_safe(refusal(f"no{CONTROL}.csv"))


def test_letters_that_the_terminal_has_not_are_escaped(
    path, write, people, monkeypatch
):
    from skswu._command_line import main

    named = people.assign(sex=people["sex"].str.replace("Male", "Männlich"))
    bytes_shown = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(bytes_shown, "ascii"))
    roles = ["--target=hired", "--positive=yes", "--sensitive=sex", "--fraction=0.1"]
    assert main([str(write(named)), *roles]) == 0
    sys.stdout.flush()
    assert b"sex=M\\xe4nnlich" in bytes_shown.getvalue()


def test_output_that_nobody_reads_ends_the_command_in_silence(path):
    command = [sys.executable, "-m", "skswu", str(path), "--fraction=0.1"]
    command += ["--target=hired", "--positive=yes", "--sensitive=sex"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait() == 1


def test_long_names_leave_room_for_numbers(run, write, people):
    long = people.assign(sex=people["sex"] + "x" * 500)
    output = run(write(long)).output
    assert max(map(len, output.splitlines())) < 250


def test_file_is_written_and_nothing_beside_it(tmp_path):
    with replacing(tmp_path / "a.txt") as beside:
        beside.write_text("new")
        assert beside.parent == tmp_path
        assert beside.suffix == ".txt"
    assert [file.name for file in tmp_path.iterdir()] == ["a.txt"]
    assert (tmp_path / "a.txt").read_text() == "new"


@pytest.fixture
def old(tmp_path):
    """A file that is there before."""
    old = tmp_path / "old.txt"
    old.write_text("old")
    return old


def assert_untouched(old):
    assert old.read_text() == "old"
    assert [file.name for file in old.parent.iterdir()] == [old.name]


def replace(old, write):
    with replacing(old) as beside:
        write(beside)


def test_file_limit_leaves_the_old_file(old):
    resource = pytest.importorskip("resource")
    _, most = resource.getrlimit(resource.RLIMIT_FSIZE)

    def write(beside):
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, most))
        try:
            beside.write_bytes(b"x" * 100_000)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))

    with pytest.raises(UsageError, match=r"cannot write .*old.txt: File too large"):
        replace(old, write)
    assert_untouched(old)


def test_disk_that_is_full_only_in_the_end_leaves_the_old_file(old, monkeypatch):
    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(_output_files.os, "fsync", full)
    with pytest.raises(UsageError, match=r"old\.txt: No space left on device"):
        replace(old, lambda beside: beside.write_text("new"))
    assert_untouched(old)


@pytest.mark.parametrize("error", [KeyboardInterrupt, ZeroDivisionError])
def test_interrupt_leaves_the_old_file(old, error):
    def write(beside):
        beside.write_text("half of it")
        raise error

    with pytest.raises(error):
        replace(old, write)
    assert_untouched(old)


def test_link_and_permissions_stay(old):
    old.chmod(0o640)
    link = old.with_name("link.txt")
    link.symlink_to(old)
    with replacing(link) as beside:
        beside.write_text("new")
    assert link.is_symlink()
    assert old.read_text() == "new"
    assert old.stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("option", ["save", "plot"])
def test_interrupt_of_the_command_names_the_file(
    refusal, path, tmp_path, monkeypatch, option
):
    if option == "plot":
        pytest.importorskip("matplotlib")
    file = tmp_path / {"save": "model.joblib", "plot": "figure.png"}[option]
    file.write_bytes(b"old")

    def interrupt(descriptor):
        raise KeyboardInterrupt

    monkeypatch.setattr(_output_files.os, "fsync", interrupt)
    error = refusal(path, code=130, **{option: file})
    assert f"interrupted; {file} is not written" in error
    assert file.read_bytes() == b"old"
    assert os.listdir(tmp_path) == [file.name]


def test_interrupt_before_says_so(refusal, path, monkeypatch):
    def interrupt(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr("skswu._command_line._main.compare", interrupt)
    assert refusal(path, code=130) == "skswu: error: interrupted\n"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"save": "model.pkl"}, "model.pkl: the name must end in one of .skops, .job"),
        ({"plot": "picture.xyz"}, "picture.xyz: the name must end in one of "),
        ({"save": "nowhere/m.skops"}, "nowhere/m.skops: there is no folder nowhere"),
        ({"plot": "nowhere/p.png"}, "nowhere/p.png: there is no folder nowhere"),
        ({"save": "folder.skops"}, "folder.skops: it is a folder"),
        ({"plot": "pipe.png"}, "pipe.png: it is no regular file"),
    ],
)
def test_files_that_cannot_be_written_are_refused_before_the_work(
    refusal, path, tmp_path, monkeypatch, options, message
):
    if "must end" in message and "plot" in options:
        pytest.importorskip("matplotlib")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder.skops").mkdir()
    if "pipe" in message:
        os.mkfifo("pipe.png")
    monkeypatch.setattr("skswu._command_line._main.read_problem", None)
    assert message in refusal(path, **options)
