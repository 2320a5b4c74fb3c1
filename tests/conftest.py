"""Fixtures that several tests share."""

import os

import numpy as np
import pytest

from skswu.datasets import load_adult


@pytest.fixture(autouse=True)
def seeded():
    """Seed what ``random_state=None`` draws from, so that no test depends on luck.

    ``SKSWU_TEST_SEED`` takes another seed, to look for tests that depend on it.
    """
    np.random.seed(int(os.environ.get("SKSWU_TEST_SEED", "0")))  # noqa: NPY002


@pytest.fixture
def rng():
    """Random numbers that are the same in every run."""
    return np.random.default_rng(0)


@pytest.fixture(scope="session")
def adult():
    """The Adult data; copy before changing anything."""
    return load_adult()
