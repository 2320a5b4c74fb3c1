"""Displays: what is drawn is what was given or computed."""

import subprocess
import sys

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import BaseEstimator
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("Agg")

import matplotlib.pyplot as plt  # noqa: E402
from fairlearn.metrics import demographic_parity_difference  # noqa: E402
from fairlearn.postprocessing import ThresholdOptimizer  # noqa: E402

from skswu import UnlearningClassifier, UnlearningClassifierCV  # noqa: E402
from skswu.inspection import (  # noqa: E402
    InfluenceDisplay,
    LeaveOneOutDisplay,
    TradeoffDisplay,
    WeightsDisplay,
    influence_values,
    leave_one_out,
)


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


@pytest.fixture
def data():
    X, y = make_classification(n_samples=200, n_features=5, flip_y=0.2, random_state=0)
    rng = np.random.default_rng(0)
    group = np.where(X[:, 1] + rng.normal(size=200) > 0, "b", "a")
    return X, y, group


def corrected(data, strength=0.5, **options):
    X, y, group = data
    model = UnlearningClassifier(LogisticRegression().fit(X, y), **options)
    if options.get("weighting") != "hard":
        model.set_params(weighting__strength=strength)
    return model.unlearn(X, y, sensitive_features=group)


def labels(display):
    return [text.get_text() for text in display.legend_.get_texts()]


def check_layout(display):
    """Nothing is cut off, and the legend hides no data."""
    figure = display.figure_
    figure.canvas.draw()
    legend = display.legend_.get_window_extent()
    assert not legend.overlaps(display.ax_.get_window_extent().padded(-2))
    assert figure.bbox.padded(2).containsx(legend.x0)
    assert figure.bbox.padded(2).containsy(legend.y1)
    assert display.ax_.get_xlabel()
    assert display.ax_.get_ylabel()


def test_influence_from_estimator(data):
    X, y, group = data
    model = LogisticRegression().fit(X, y)
    display = InfluenceDisplay.from_estimator(model, X, y, sensitive_features=group)
    values = influence_values(model, X, y, sensitive_features=group)
    for scatter, name in zip(display.scatters_, "ab", strict=True):
        assert_allclose(scatter.get_offsets(), values.to_numpy()[group == name])
    assert labels(display) == ["a", "b", "over-unlearning"]
    assert "demographic parity [1] (b - a)" in display.ax_.get_xlabel()
    check_layout(display)


@pytest.mark.parametrize(("before", "side"), [(0.2, -1), (-0.2, 1)])
def test_quadrant_is_where_removal_shrinks_the_gap_and_raises_the_loss(before, side):
    display = InfluenceDisplay.from_values(
        [-1.0, 0.5, 1.0], [0.1, -0.2, 0.3], before=before
    )
    box = display.quadrant_.get_bbox()
    assert box.contains(side * 0.9, 0.2)
    assert not box.contains(-side * 0.9, 0.2)
    assert not box.contains(side * 0.9, -0.1)


def test_influence_without_groups_or_sign_has_no_legend():
    display = InfluenceDisplay.from_values([0.1, 0.2], [0.1, 0.2])
    assert display.legend_ is None
    assert display.quadrant_ is None
    assert len(display.scatters_) == 1


def test_leave_one_out_from_estimator(data):
    X, y, group = data
    model = LogisticRegression().fit(X, y)
    options = {"sensitive_features": group, "X_val": X[:50], "y_val": y[:50]}
    options["sensitive_features_val"] = group[:50]
    display = LeaveOneOutDisplay.from_estimator(
        model, X, y, indices=range(60), metric="utility", **options
    )
    predicted = influence_values(model, X, y, **options)["utility"][:60]
    actual = leave_one_out(model, X, y, indices=range(60), **options)["utility"]
    assert_allclose(display.predicted, predicted)
    assert_allclose(display.actual, actual)
    assert_allclose(display.correlation, predicted.corr(actual))
    assert f"{display.correlation:.4f}" in labels(display)[0]
    check_layout(display)


def test_leave_one_out_from_values_checks_lengths():
    with pytest.raises(ValueError, match=r"got shapes \(2,\) and \(3,\)"):
        LeaveOneOutDisplay.from_values([1, 2], [1, 2, 3])
    display = LeaveOneOutDisplay.from_values([1.0, 1.0], [1.0, 2.0])
    assert np.isnan(display.correlation)


@pytest.mark.filterwarnings("ignore::skswu.exceptions.LinearizationWarning")
def test_weights_hard_against_soft(data):
    soft, hard = corrected(data), corrected(data, weighting="hard")
    display = WeightsDisplay.from_estimator(soft)
    other = WeightsDisplay.from_estimator(hard, ax=display.ax_)
    assert other.ax_ is display.ax_
    assert labels(other) == ["SoftWeighting", "hard"]
    assert_array_equal(display.scatter_.get_offsets()[:, 1], soft.epsilon_)
    assert_array_equal(display.scatter_.get_offsets()[:, 0], soft.influence_[0])
    assert set(np.asarray(other.scatter_.get_offsets()[:, 1])) == {0.0, -1.0}
    check_layout(other)


class Random(BaseEstimator):
    """Predicts at random, as fairlearn's reductions do."""

    def predict(self, X, random_state=None):
        return np.random.RandomState(random_state).randint(0, 2, len(X))


@pytest.mark.filterwarnings("ignore::skswu.exceptions.UtilityLossWarning")
def test_tradeoff_from_estimator(data):
    X, y, group = data
    path = [corrected(data, strength) for strength in (0.2, 0.6)]
    threshold = ThresholdOptimizer(
        estimator=LogisticRegression(), predict_method="predict_proba"
    ).fit(X, y, sensitive_features=group)
    display = TradeoffDisplay.from_estimator(
        path,
        X,
        y,
        sensitive_features=group,
        others={"threshold optimizer": threshold, "random": Random()},
        random_state=3,
    )

    def measured(predicted):
        gap = demographic_parity_difference(y, predicted, sensitive_features=group)
        return gap, accuracy_score(y, predicted)

    expected = [measured(model.predict(X)) for model in path]
    assert_allclose(display.line_.get_xydata(), expected)
    predictions = {
        "original": path[0].original_estimator_.predict(X),
        "threshold optimizer": threshold.predict(
            X, sensitive_features=group, random_state=3
        ),
        "random": Random().predict(X, random_state=3),
    }
    assert list(display.points_) == list(predictions)
    for name, predicted in predictions.items():
        assert_allclose(display.points_[name].get_xydata()[0], measured(predicted))
    assert labels(display) == ["corrected", *predictions]
    assert display.ax_.get_xlabel() == "demographic parity difference"
    assert display.ax_.get_ylabel() == "accuracy"
    check_layout(display)


def test_tradeoff_of_a_search_draws_its_path(data):
    X, y, group = data
    model = UnlearningClassifierCV(
        LogisticRegression(), strengths=[0.2, 0.4], max_disparity=1.0, random_state=0
    ).fit(X, y, sensitive_features=group)
    display = TradeoffDisplay.from_estimator(model)
    path = model.path_[["disparity", "utility"]].to_numpy()
    assert_array_equal(display.line_.get_xydata(), path)
    chosen = display.points_["chosen"].get_xydata()[0]
    assert_array_equal(chosen, path[model.best_index_])
    check_layout(display)
    with pytest.raises(ValueError, match=r"X, y and sensitive_features must be given"):
        TradeoffDisplay.from_estimator(model.estimator_)


def test_tradeoff_draws_a_ratio_as_what_it_lacks(data):
    X, y, group = data
    model = LogisticRegression().fit(X, y)
    display = TradeoffDisplay.from_estimator(
        model, X, y, sensitive_features=group, disparity="demographic_parity_ratio"
    )
    rates = [model.predict(X)[group == name].mean() for name in "ab"]
    assert_allclose(display.disparity, 1 - min(rates) / max(rates))


def test_displays_draw_on_given_axes_and_pass_options_on(data):
    _, axes = plt.subplots(2, 2, layout="constrained")
    displays = [
        InfluenceDisplay([0.1], [0.2]).plot(ax=axes[0, 0], s=3),
        LeaveOneOutDisplay(np.ones(2), np.ones(2)).plot(ax=axes[0, 1], s=3),
        WeightsDisplay(np.ones(2), np.ones(2)).plot(ax=axes[1, 0], s=3),
        TradeoffDisplay(np.ones(2), np.ones(2)).plot(ax=axes[1, 1], markersize=3),
    ]
    for display, ax in zip(displays, axes.flat, strict=True):
        assert display.ax_ is ax
        assert display.figure_ is ax.figure
    assert displays[2].scatter_.get_sizes() == [3]
    assert displays[3].line_.get_markersize() == 3


def test_tiny_changes_are_labelled_in_powers_of_ten():
    display = LeaveOneOutDisplay.from_values([-3e-5, 1e-5], [-4e-5, 2e-5])
    display.figure_.canvas.draw()
    assert display.ax_.get_xlabel() == "Actual change of metric [$10^{-5}$]"
    ticks = display.ax_.xaxis.get_major_ticks()
    for tick in ticks:
        shown = tick.label1.get_text().replace("\N{MINUS SIGN}", "-")
        assert_allclose(float(shown) * 1e-5, tick.get_loc(), rtol=1e-5, atol=1e-12)


WITHOUT_MATPLOTLIB = """
import sys
import skswu.inspection
print("matplotlib" in sys.modules)
sys.modules["matplotlib"] = sys.modules["matplotlib.pyplot"] = None
try:
    skswu.inspection.WeightsDisplay.from_values([1.0], [1.0])
except ImportError as error:
    print(error)
"""


def test_matplotlib_is_imported_late_and_missed_clearly():
    result = subprocess.run(
        [sys.executable, "-c", WITHOUT_MATPLOTLIB],
        capture_output=True,
        text=True,
        check=True,
    )
    loaded, message = result.stdout.splitlines()
    assert loaded == "False"
    assert "WeightsDisplay.plot needs matplotlib" in message
    assert "skswu[plot]" in message
