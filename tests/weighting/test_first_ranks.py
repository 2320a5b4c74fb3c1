"""The first samples in an order, against a stable sort."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from skswu.rows import LocalBlocks, _design
from skswu.rows._chained import ChainedBlocks
from skswu.weighting._first_ranks import first_ranks

N = 400
VALUES = {
    "all differ": lambda rng: rng.normal(size=N),
    "few values": lambda rng: rng.integers(-2, 3, N).astype(float),
    "one value": lambda rng: np.full(N, 0.1),
    "none counts": lambda rng: -rng.uniform(size=N),
    "all scales": lambda rng: rng.normal(size=N) * 10.0 ** rng.uniform(-320, 300, N),
    "last digits": lambda rng: 1.0 + rng.integers(0, 3, N) * np.finfo(float).eps,
    "infinite": lambda rng: np.where(rng.uniform(size=N) < 0.1, np.inf, 1.0),
}


def note_chosen(block, chosen):
    block["chosen"] = chosen.of(block)
    return ()


@pytest.mark.parametrize("k", [0, 1, 7, 150, N])
@pytest.mark.parametrize("least", [0.0, 0.5])
@pytest.mark.parametrize("case", VALUES)
def test_those_of_a_stable_sort_are_chosen(rng, monkeypatch, case, least, k):
    monkeypatch.setattr(_design, "_MIN_BLOCK_ROWS", 37)
    monkeypatch.setattr(_design, "_BLOCK_ENTRIES", 1)
    values = VALUES[case](rng)
    parts = np.split(values, [150, 151])
    rows = ChainedBlocks(LocalBlocks(np.empty((len(v), 0)), value=v) for v in parts)
    chosen = first_ranks(rows, "value", least, k)
    rows.reduce(lambda block: note_chosen(block, chosen))
    expected = np.argsort(-values, kind="stable")[:k]
    expected = np.sort(expected[values[expected] > least])
    assert_array_equal(np.flatnonzero(rows.collect("chosen")), expected)
