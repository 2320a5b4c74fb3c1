"""Fixtures that several tests share."""

import ast
import os
from importlib.util import find_spec

import numpy as np
import pytest
import sklearn

from skswu.datasets import load_adult

# What ``SKSWU_TEST_CONFIGURATION`` may name, for the tests of the contract.
CONFIGURATIONS = {
    "default": {},
    "routing": {"enable_metadata_routing": True},
    "polars": {"transform_output": "polars"},
}

#: What the core does without. Files of tests that are about one of these, and import it
#: at their top, are left out where it is missing.
OPTIONAL = (
    "clarabel",
    "cvxpy",
    "matplotlib",
    "polars",
    "pyarrow",
    "skops",
    "skorch",
    "torch",
)
MISSING = {name for name in OPTIONAL if find_spec(name) is None}


def pytest_report_header():
    """Say what is left out."""
    if MISSING:
        return f"without the tests that need {', '.join(sorted(MISSING))}"
    return None


def pytest_ignore_collect(collection_path):
    """Leave out files that could not be imported for want of an optional package."""
    if not MISSING or collection_path.suffix != ".py":
        return None
    return True if MISSING & set(_imported_at_top(collection_path)) else None


def _imported_at_top(path):
    """Yield the packages that a file imports."""
    for statement in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(statement, ast.Import):
            yield from (name.name.partition(".")[0] for name in statement.names)
        elif isinstance(statement, ast.ImportFrom) and statement.module:
            yield statement.module.partition(".")[0]


@pytest.fixture(autouse=True)
def seeded():
    """Seed what ``random_state=None`` draws from, so that no test depends on luck.

    ``SKSWU_TEST_SEED`` takes another seed, to look for tests that depend on it.
    """
    np.random.seed(int(os.environ.get("SKSWU_TEST_SEED", "0")))  # noqa: NPY002


@pytest.fixture(autouse=True)
def configured():
    """Run under the configuration of scikit-learn that the environment names."""
    name = os.environ.get("SKSWU_TEST_CONFIGURATION", "default")
    with sklearn.config_context(**CONFIGURATIONS[name]):
        yield


@pytest.fixture
def rng():
    """Random numbers that are the same in every run."""
    return np.random.default_rng(0)


@pytest.fixture(scope="session")
def adult():
    """The Adult data; copy before changing anything."""
    return load_adult()
