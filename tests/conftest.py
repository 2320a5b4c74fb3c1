"""Fixtures that several tests share."""

import os

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
