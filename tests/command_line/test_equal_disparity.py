"""The least share of rows that reaches an aim, of functions that are known."""

import numpy as np
import pytest

from skswu._command_line._equal_disparity import search


@pytest.mark.parametrize("slope", [0.5, 1.0, 3.0, 20.0])
@pytest.mark.parametrize("aim", [0.02, 0.1, 0.15])
def test_least_number_that_is_good_enough(slope, aim):
    def shortfall(x):
        return abs(0.2 - slope * x)

    found = search(shortfall, aim)
    exact = (0.2 - aim) / slope
    if exact > 0.5:
        assert found == 0.5
    else:
        assert shortfall(found) <= aim + 1e-12
        assert found == pytest.approx(exact, rel=0.05, abs=2e-4)


def test_zero_is_good_enough():
    assert search(lambda x: 0.1 + x, 0.1) == 0.0


def test_closest_is_taken_where_nothing_is_good_enough():
    found = search(lambda x: 0.05 + abs(x - 0.123), 0.01)
    assert found == pytest.approx(0.123, abs=0.005)


def test_few_numbers_are_tried():
    tried = []

    def shortfall(x):
        tried.append(x)
        return 0.3 + 0.1 * np.sin(40 * x)

    search(shortfall, 0.0)
    assert len(tried) <= 21
    assert min(tried) == 0.0
    assert max(tried) == 0.5
