"""The package as it is installed and imported."""

import ast
import re
import subprocess
import sys
from importlib.metadata import metadata, requires, version
from pathlib import Path

import pytest

import skswu

ROOT = Path(__file__).parents[1]
SET_UP = [
    "pip install . && python -m skswu",
    'pip install -c constraints.txt -e ".[test]" && pytest',
]


def run(code):
    return subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    ).stdout


def test_version_matches_the_metadata():
    assert skswu.__version__ == version("skswu")


def test_citation_and_changelog_name_the_version():
    assert f"version: {skswu.__version__}\n" in (ROOT / "CITATION.cff").read_text()
    assert f"## {skswu.__version__}" in (ROOT / "CHANGELOG.md").read_text()


def test_import_takes_no_optional_dependency():
    code = "import skswu, skswu.datasets, sys; print(*sys.modules)"
    modules = {name.split(".")[0] for name in run(code).split()}
    assert not modules & {"torch", "skorch", "matplotlib", "tqdm", "skops", "dask"}


def test_core_dependencies_are_few():
    core = {
        requirement.partition(">")[0]
        for requirement in requires("skswu")
        if "extra ==" not in requirement
    }
    assert core == {
        "fairlearn",
        "joblib",
        "narwhals",
        "numpy",
        "pandas",
        "scikit-learn",
        "scipy",
        "threadpoolctl",
    }


def test_what_is_imported_is_declared():
    optional = {"dask", "distributed", "matplotlib", "skops", "skorch", "torch", "tqdm"}
    names = {"scikit-learn": "sklearn"}
    declared = {
        names.get(found, found)
        for found in (
            re.match(r"[\w-]+", requirement)[0]
            for requirement in requires("skswu")
            if "extra ==" not in requirement
        )
    }
    imported = set()
    for path in (ROOT / "skswu").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {name.name.partition(".")[0] for name in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                imported.add(node.module.partition(".")[0])
    assert imported - sys.stdlib_module_names - optional == declared


def test_lowest_versions_are_those_that_are_declared():
    lowest = dict(
        line.split("==")
        for line in (ROOT / "constraints-lowest.txt").read_text().splitlines()
        if not line.startswith("#")
    )
    for requirement in requires("skswu"):
        extra = re.search(r'extra == "(.*)"', requirement)
        if extra is None or extra[1] in ("plot", "test-core"):
            name, asked = re.match(r"([\w-]+)>=([\d.]+)", requirement).groups()
            assert lowest[name].startswith(asked), requirement


def test_no_function_is_annotated():
    """Types are told by docstrings; half of the functions annotated would mislead."""
    for path in (ROOT / "skswu").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                given = node.args
                arguments = [*given.posonlyargs, *given.args, *given.kwonlyargs]
                found = [one.arg for one in arguments if one.annotation]
                assert not found, (path, node.name)
                assert node.returns is None, (path, node.name)
    assert not (ROOT / "skswu" / "py.typed").exists()


def test_supported_versions_of_python():
    assert metadata("skswu")["Requires-Python"] == ">=3.10"


@pytest.mark.parametrize("command", SET_UP)
def test_set_up_commands_of_the_readme_are_the_ones_checked(command):
    assert command in (ROOT / "README.md").read_text()
    assert command in (ROOT / ".ci" / "run").read_text()


def test_every_public_name_is_there():
    for name in skswu.__all__:
        assert hasattr(skswu, name), name


def test_module_and_console_script_are_the_same_command():
    module = run(
        "import runpy, sys; sys.argv = ['skswu', '--version'];"
        "runpy.run_module('skswu', run_name='__main__')"
    )
    script = Path(sys.executable).with_name("skswu")
    installed = subprocess.run(
        [script, "--version"], check=True, capture_output=True, text=True
    ).stdout
    assert module == installed == f"skswu {skswu.__version__}\n"
