"""The documentation runs, shows what it says and leaves nothing out."""

import doctest
import inspect
import pkgutil
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import skswu
from skswu.models import _view
from skswu.objectives import OBJECTIVES
from skswu.updates import UPDATES
from skswu.weighting import WEIGHTINGS

ROOT = Path(__file__).parents[1]
BUILT = {"_build", "auto_examples", "gen_modules", "generated"}
PAGES = sorted(
    page
    for suffix in ("*.rst", "*.md")
    for page in [*(ROOT / "docs").rglob(suffix), *ROOT.glob("README.md")]
    if page.match(suffix) and not BUILT & set(page.relative_to(ROOT).parts)
)
PUBLIC_MODULES = ["skswu"] + [
    module.name
    for module in pkgutil.walk_packages(skswu.__path__, "skswu.")
    if not any(part.startswith("_") for part in module.name.split("."))
]
REFERENCE = [
    *sorted((ROOT / "docs" / "api").glob("*.rst")),
    ROOT / "docs" / "developer" / "reference.rst",
]
# What the examples of a page import, by its name.
NEEDED = {"torch": "skorch", "more_rows": "dask", "saving": "skops"}
OPTIONS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS


def name_of(page):
    return str(page.relative_to(ROOT))


def parse(page):
    text = page.read_text(encoding="utf-8")
    # In Markdown the fence that closes a block would pass for output.
    text = re.sub(r"^```$", "", text, flags=re.MULTILINE)
    namespace = {"__name__": "__main__"}
    return doctest.DocTestParser().get_doctest(
        text, namespace, name_of(page), str(page), 0
    )


def console_commands(page):
    return re.findall(r"^ +\$ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)


@pytest.fixture
def private_registries(monkeypatch):
    """Names that a page registers are forgotten after it."""
    for registry in (OBJECTIVES, WEIGHTINGS, UPDATES):
        monkeypatch.setattr(registry, "_entries", dict(registry._entries))
    monkeypatch.setattr(_view, "_VIEWS", dict(_view._VIEWS))


@pytest.mark.parametrize(
    "page", [page for page in PAGES if parse(page).examples], ids=name_of
)
def test_examples_give_the_output_that_is_shown(page, private_registries):
    if page.stem in NEEDED:
        pytest.importorskip(NEEDED[page.stem])
    output = []
    runner = doctest.DocTestRunner(verbose=False, optionflags=OPTIONS)
    results = runner.run(parse(page), out=output.append)
    assert results.failed == 0, "".join(output)


def test_a_wrong_output_is_seen():
    test = doctest.DocTestParser().get_doctest(">>> 1 + 1\n3\n", {}, "wrong", None, 0)
    runner = doctest.DocTestRunner(verbose=False, optionflags=OPTIONS)
    assert runner.run(test, out=lambda text: None).failed == 1


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_python_is_shown_as_examples_that_run(page):
    text = page.read_text(encoding="utf-8")
    blocks = re.findall(r"(?:code-block:: |```)python\n(.*?\n)(?=\S)", text, re.DOTALL)
    assert [block for block in blocks if ">>>" not in block] == []


def test_commands_are_run_here_or_by_the_checks():
    checks = (ROOT / ".ci" / "run").read_text()
    commands = {command for page in PAGES for command in console_commands(page)}
    assert commands
    for command in commands:
        if command.endswith("--help"):
            command = command.replace("python", sys.executable, 1)
            subprocess.run(command.split(), check=True, capture_output=True)
        else:
            assert command in checks


def test_api_reference_lists_every_public_object():
    public = {
        getattr(module, name): f"{module.__name__}.{name}"
        for module in map(import_module, PUBLIC_MODULES)
        for name in module.__all__
        if inspect.isclass(getattr(module, name))
        or inspect.isfunction(getattr(module, name))
    }
    listed = set(listed_objects())
    assert [public[found] for found in public if found not in listed] == []


def listed_objects():
    """Yield what is in the tables of the reference; all of it must exist."""
    for page in REFERENCE:
        module = None
        for line in page.read_text().splitlines():
            if found := re.match(r"\.\. currentmodule:: (\S+)", line):
                module = import_module(found[1])
            elif module and (found := re.match(r"   (\w+)$", line)):
                yield getattr(module, found[1])


def test_pages_link_to_pictures_and_examples_that_exist():
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for picture in re.findall(r"image:: (\S+)", text):
            assert (page.parent / picture).is_file(), (page, picture)
        for example in re.findall(r"sphx_glr_auto_examples_(\w+\.py)", text):
            assert (ROOT / "examples" / example).is_file(), (page, example)


def test_the_readme_has_the_numbers_of_the_front_page():
    """Those of the front page are computed where its examples run."""
    front = (ROOT / "docs" / "index.rst").read_text(encoding="utf-8")
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    gap = re.search(r"(\S+) → (\S+) points", front).groups()
    accuracy = re.search(r"(\S+) % → (\S+) %", front).groups()
    assert "from {} to {} points".format(*gap) in readme
    assert "accuracy from {} to {} %".format(*accuracy) in readme


def test_pages_need_no_network():
    """Formulas are MathML, and nothing that a page loads is named by an address."""
    configuration = (ROOT / "docs" / "conf.py").read_text(encoding="utf-8")
    assert 'html_math_renderer = "mathml"' in configuration
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        assert not re.search(r"(image|figure):: https?:|!\[[^]]*\]\(https?:", text), (
            page
        )
