"""The measures of the comparison with peers, which is in examples/benchmarks."""

import numpy as np
import pandas as pd
import pytest
from peers import fronts
from peers.corrections import gap_contrasts
from peers.methods import METHODS
from peers.optimum import ConstrainedLogistic
from peers.problems import load_problems
from peers.report import utilities
from peers.results import Results
from peers.task import N_SETTINGS, Candidate, Task
from scipy.optimize import minimize
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

from skswu import UnlearningClassifier


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


def test_chosen_is_the_most_useful_within_each_bound():
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


@pytest.fixture
def fitted():
    """Return rows of a generator and a classifier fitted to them."""
    rows = load_problems()["proxy"](0).head(300)
    return rows, LogisticRegression(tol=1e-8).fit(rows.X, rows.y)


@pytest.mark.parametrize("metric", ["demographic_parity", "equalized_odds"])
def test_optimum_is_what_a_general_solver_finds(fitted, metric):
    rows, classifier = fitted
    contrasts = gap_contrasts(metric, rows.y, rows.groups)
    problem = ConstrainedLogistic(classifier, rows.X, rows.y, contrasts, 0.25)
    theta, _, missed = problem.solve(0.5)
    assert missed <= 1e-3
    target = 0.5 * problem.before
    reference = minimize(
        problem.objective,
        problem.fitted,
        jac=True,
        method="SLSQP",
        constraints={"type": "eq", "fun": lambda one: problem.gaps(one)[0] - target},
        options={"ftol": 1e-10, "maxiter": 500},
    )
    assert problem.objective(theta)[0] == pytest.approx(reference.fun, rel=2e-4)


def test_optimum_is_asked_for_the_gaps_that_corrections_are(fitted):
    rows, classifier = fitted
    contrasts = gap_contrasts("equalized_odds", rows.y, rows.groups)
    problem = ConstrainedLogistic(classifier, rows.X, rows.y, contrasts, 0.25)
    model = UnlearningClassifier(
        classifier, objective="equalized_odds", update="one_step"
    )
    model.unlearn(rows.X, rows.y, sensitive_features=rows.groups)
    found, asked = (
        np.sort(np.abs(one)) for one in (problem.before, model.objective_before_)
    )
    np.testing.assert_allclose(found, asked, rtol=1e-3)


def test_probabilities_of_a_candidate_change_labels_at_a_half(fitted):
    rows, classifier = fitted
    candidate = Candidate.of_model(0.0, classifier, 0.0, threshold=0.3)
    moved = candidate.probability(rows.X, rows.groups) > 0.5
    own = classifier.predict_proba(rows.X)[:, 1] > 0.3
    np.testing.assert_array_equal(moved, own)


def test_utility_of_a_constant_is_its_loss():
    y = np.array([0, 0, 0, 1])
    names = ["validation_log_loss", "log_loss", "majority"]
    results = pd.DataFrame([[0.4, 0.5, 0.75]], columns=names)
    constant = utilities(results, "log_loss")["constant"][0]
    assert constant == pytest.approx(-log_loss(y, np.full(4, 0.25)))


@pytest.mark.parametrize(
    "name", ["optimum", "soft", "threshold alone", "hard", "Reweighing"]
)
def test_each_method_tries_as_many_settings(fitted, name):
    rows, classifier = fitted
    given = rows, rows, rows, "logistic", "demographic_parity", classifier, 0
    assert len(list(METHODS[name].candidates(Task(*given)))) == N_SETTINGS


def test_generated_rows_are_drawn_anew():
    makers = load_problems()
    first, second = (makers["withheld"](seed).X for seed in (0, 1))
    assert not np.allclose(first, second)
    assert makers["Adult"](0) is makers["Adult"](1)
