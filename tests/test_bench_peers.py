"""The measures of the comparison with peers, which is in examples/benchmarks."""

import numpy as np
import pytest
from peers import fronts
from peers.results import Results


def counted_area(accuracy, disparity, reference, cells=200):
    """Share of a fine grid's cells that some point dominates, times the grid's area."""
    height = reference[0] + (1.0 - reference[0]) * (np.arange(cells) + 0.5) / cells
    width = reference[1] * (np.arange(cells) + 0.5) / cells
    dominated = (accuracy[:, None, None] > height[:, None]) & (
        disparity[:, None, None] < width
    )
    return dominated.any(axis=0).mean() * (1.0 - reference[0]) * reference[1]


@pytest.mark.parametrize("n_points", [0, 1, 2, 12])
def test_hypervolume_is_the_area_of_dominated_cells(n_points):
    rng = np.random.default_rng(n_points)
    accuracy, disparity = rng.uniform(0.4, 1.0, n_points), rng.random(n_points)
    # some are worse than the reference in one or in both
    reference = (0.5, 0.8)
    found = fronts.hypervolume(accuracy, disparity, *reference)
    counted = counted_area(accuracy, disparity, reference)
    assert found == pytest.approx(counted, abs=0.01)


def test_hypervolume_ignores_dominated_and_repeated_points():
    accuracy, disparity = np.array([0.9, 0.8]), np.array([0.2, 0.1])
    area = fronts.hypervolume(accuracy, disparity, 0.5, 0.5)
    assert area == pytest.approx(0.4 * 0.3 + 0.3 * 0.1)
    more = fronts.hypervolume([*accuracy, 0.7, 0.9], [*disparity, 0.3, 0.2], 0.5, 0.5)
    assert more == pytest.approx(area)


def test_costless_parity_has_relative_hypervolume_one():
    area = fronts.relative_hypervolume([0.8], [0.0], (0.8, 0.2), 0.6)
    assert area == pytest.approx(1.0)
    assert fronts.relative_hypervolume([0.8], [0.2], (0.8, 0.2), 0.6) == 0.0


def test_chosen_is_the_most_accurate_within_each_bound():
    accuracy = np.array([0.9, 0.85, 0.7, 0.8])
    disparity = np.array([0.2, 0.1, 0.04, 0.04])
    # bounds 0.2, 0.15, 0.1 and 0.05, then the smallest disparity
    assert fronts.chosen(accuracy, disparity, 0.2, n_levels=4) == [0, 1, 1, 3, 3]
    assert fronts.chosen(accuracy[:2], disparity[:2], 0.2, 4)[-2:] == [None, 1]


def test_results_remember_finished_cells(tmp_path):
    cell = ("Adult", "equalized_odds", "mlp", "soft", 3)
    path = tmp_path / "folder" / "results.csv"
    results = Results(path)
    assert cell not in results
    results.add(cell, [(0.5, 1.0, 0.1, 0.8, 0.1, 0.8, 0.1, 0.6)] * 2)
    assert cell in results
    assert cell in Results(path)
    assert (*cell[:-1], 4) not in Results(path)
    assert len(path.read_text().splitlines()) == 3
