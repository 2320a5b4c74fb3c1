"""The measures of the benchmarks of linear classifiers, in examples/benchmarks."""

import numpy as np
import pytest
from linear import problems, timing, tradeoff


def test_a_peak_counts_what_is_held_at_once_and_not_what_is_given():
    given = np.zeros(100_000)

    def hold():
        np.add(given, 1.0)
        both = np.add(given, 1.0), np.add(given, 1.0)
        return both[0]

    assert timing.peak_numbers(hold) == pytest.approx(200_000, rel=0.01)


def test_times_are_of_the_fastest_turn():
    steps = iter([300_000, 0, 300_000])
    (seconds,) = timing.best_seconds(lambda: sum(range(next(steps))), repeats=3)
    assert seconds < 1e-3


def test_a_speed_ratio_is_that_of_the_first_strength_that_is_as_good():
    strengths = np.array(tradeoff.STRENGTHS)
    # Accuracy and disparity fall along the strengths, and the time is 1 + strength.
    zeros = np.zeros_like(strengths)
    curve = np.column_stack([1 - strengths, 1 - strengths, zeros, zeros, 1 + strengths])
    ratio = tradeoff.speed_ratio(curve, parity=0.5, elapsed=30.0)
    assert ratio == pytest.approx(20.0)
    assert tradeoff.speed_ratio(curve, parity=0.5, elapsed=30.0, accuracy=0.6) is None


def test_generated_text_has_rows_of_unit_length_but_for_repeated_words():
    X = problems.generated_text(200, 10_000, 50).X
    assert X.shape == (200, 10_000)
    np.testing.assert_allclose(X.sum(axis=1), np.sqrt(50))
