"""Displays: what is drawn is what was given or computed."""

import pickle
import re
import subprocess
import sys
from functools import partial

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import BaseEstimator
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, balanced_accuracy_score, make_scorer

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


def shown_numbers(axis):
    """The numbers that the ticks of an axis show, and where these are."""
    axis.axes.figure.canvas.draw()
    power = re.search(r"10\^\{(.*?)\}", axis.get_offset_text().get_text())
    factor = 10.0 ** int(power[1].replace("\N{MINUS SIGN}", "-")) if power else 1.0
    ticks = axis.get_major_ticks()
    texts = [tick.label1.get_text() for tick in ticks]
    numbers = [
        float(re.search(r"-?[\d.]+", text.replace("\N{MINUS SIGN}", "-"))[0])
        for text in texts
    ]
    return factor * np.array(numbers), [tick.get_loc() for tick in ticks]


def check_view(display, *values):
    """What is drawn is within the axes, and the ticks say where."""
    for axis, numbers in zip(
        (display.ax_.xaxis, display.ax_.yaxis), values, strict=True
    ):
        low, high = sorted(axis.get_view_interval())
        assert low <= np.min(numbers) <= np.max(numbers) <= high
        assert_allclose(*shown_numbers(axis), rtol=1e-5, atol=1e-12)


def test_tiny_changes_are_labelled_in_powers_of_ten():
    display = LeaveOneOutDisplay.from_values([-3e-5, 1e-5], [-4e-5, 2e-5])
    check_view(display, [-4e-5, 2e-5], [-3e-5, 1e-5])
    assert "10^{" in display.ax_.xaxis.get_offset_text().get_text()
    assert display.ax_.get_xlabel() == "Actual change of metric"


MAKERS = {
    "influence": lambda x, y, **options: InfluenceDisplay.from_values(
        x, y, before=0.1, **options
    ),
    "leave one out": lambda x, y, **options: LeaveOneOutDisplay.from_values(
        y, x, **options
    ),
    "weights": lambda x, y, **options: WeightsDisplay.from_values(
        x, y, name="soft", **options
    ),
    "trade-off": lambda x, y, **options: TradeoffDisplay.from_values(x, y, **options),
}
every_display = pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
SMALL = np.array([[-3e-5, 1e-5, 2e-5], [-4e-6, 2e-6, 3e-6]])


@every_display
def test_second_display_on_the_same_axes(make):
    first = make(*SMALL)
    second = make(*(3e4 * SMALL), ax=first.ax_)
    check_view(second, *(3e4 * SMALL))


@every_display
def test_shared_axes(make):
    _, axes = plt.subplots(1, 2, sharex=True, sharey=True, layout="constrained")
    displays = [
        make(*(factor * SMALL), ax=ax)
        for factor, ax in zip((1.0, 3e4), axes, strict=True)
    ]
    for display in displays:
        check_view(display, *(3e4 * SMALL))


@every_display
def test_inverted_axes(make):
    _, ax = plt.subplots(layout="constrained")
    ax.invert_xaxis()
    ax.invert_yaxis()
    display = make(*SMALL, ax=ax)
    check_view(display, *SMALL)
    assert ax.xaxis_inverted()
    assert ax.yaxis_inverted()


@every_display
def test_logarithmic_axes(make):
    _, ax = plt.subplots(layout="constrained")
    ax.set(xscale="log", yscale="log")
    display = make(*np.abs(SMALL), ax=ax)
    ax.figure.canvas.draw()
    for axis, values in zip((ax.xaxis, ax.yaxis), np.abs(SMALL), strict=True):
        low, high = axis.get_view_interval()
        assert low <= values.min() <= values.max() <= high
        assert axis.get_offset_text().get_text() == ""
        shown = [label.get_text() for label in axis.get_ticklabels()]
        exponents = [int(one[one.index("^{") + 2 : one.index("}}")]) for one in shown]
        assert_allclose(10.0 ** np.array(exponents), axis.get_majorticklocs())
    assert display.ax_ is ax


@every_display
def test_points_that_logarithmic_axes_lose_are_told(make):
    _, ax = plt.subplots(layout="constrained")
    ax.set_xscale("log")
    with pytest.warns(UserWarning, match="1 of 3 points are not above zero.*symlog"):
        make(*SMALL, ax=ax)


@pytest.mark.parametrize(
    ("scale", "is_inverted", "before"),
    [("linear", False, 0.2), ("linear", True, -0.2), ("symlog", True, 0.2)],
)
def test_quadrant_is_where_it_is_on_any_axes(scale, is_inverted, before):
    _, ax = plt.subplots()
    if is_inverted:
        ax.invert_xaxis()
        ax.invert_yaxis()
    x, y = np.array([-1.0, 0.5, 1.0]), np.array([0.1, -0.2, 0.3])
    display = InfluenceDisplay.from_values(x, y, before=before, ax=ax)
    # What comes later is within, too.
    InfluenceDisplay.from_values(9 * x, 9 * y, ax=ax)
    ax.set(xscale=scale, yscale=scale)
    ax.figure.canvas.draw()
    shrinks = -np.sign(before)
    corners = display.quadrant_.get_bbox().corners()
    bounds = ax.get_xbound(), ax.get_ybound()
    far = [bounds[0][int(shrinks > 0)], bounds[1][1]]
    assert_allclose(np.sort(corners[:, 0]), np.sort([0.0, 0.0, far[0], far[0]]))
    assert_allclose(np.sort(corners[:, 1]), [0.0, 0.0, far[1], far[1]])
    shaded = np.asarray(ax.figure.canvas.buffer_rgba())[..., :3].astype(int)
    height = len(shaded)
    for side, is_shaded in ((shrinks, True), (-shrinks, False)):
        column, row = ax.transData.transform([side * 6.0, 2.2]).astype(int)
        red, green, _ = shaded[height - row, column]
        assert (red > green) == is_shaded


def test_quadrant_of_logarithmic_axes_has_what_they_show():
    _, ax = plt.subplots()
    ax.set(xscale="log", yscale="log")
    x = np.array([0.1, 1.0])
    shown = InfluenceDisplay.from_values(x, x, before=-0.2, ax=ax).quadrant_
    hidden = InfluenceDisplay.from_values(x, x, before=0.2, ax=ax).quadrant_
    ax.figure.canvas.draw()
    assert_allclose(shown.get_bbox().intervalx, ax.get_xbound())
    assert hidden.get_bbox().width == 0


@pytest.mark.parametrize(
    "scales", [("log", "log"), ("linear", "log"), ("symlog", "log")]
)
def test_line_of_equality_is_on_any_axes(scales):
    x = np.array([0.02, 0.5, 3.0])
    display = LeaveOneOutDisplay.from_values(x, 1.1 * x)
    display.ax_.set(xscale=scales[0], yscale=scales[1])
    display.figure_.canvas.draw()
    drawn = display.line_.get_xydata()
    assert_array_equal(drawn[:, 0], drawn[:, 1])
    low, high = drawn[0, 0], drawn[-1, 0]
    bounds = display.ax_.get_xbound(), display.ax_.get_ybound()
    assert_allclose(low, max(bounds[0][0], bounds[1][0]))
    assert_allclose(high, min(bounds[0][1], bounds[1][1]))


def test_what_two_displays_have_in_common_is_drawn_once():
    first = MAKERS["leave one out"](*SMALL)
    second = MAKERS["leave one out"](*SMALL, ax=first.ax_, label="other")
    assert second.line_ is first.line_
    assert labels(second)[1:] == ["equal", "other"]
    first = MAKERS["influence"](*SMALL, label="one")
    second = MAKERS["influence"](*SMALL, ax=first.ax_, label="two")
    assert second.quadrant_ is first.quadrant_
    assert labels(second) == ["one", "over-unlearning", "two"]
    points = {"original": (0.2, 0.8)}
    first = TradeoffDisplay.from_values([0.1], [0.7], points=points, name="one")
    second = TradeoffDisplay.from_values(
        [0.1], [0.6], points=points, name="two", ax=first.ax_
    )
    assert second.points_["original"] is first.points_["original"]
    assert labels(second) == ["one", "original", "two"]


def test_axis_of_two_metrics_names_both():
    first = WeightsDisplay.from_values(*SMALL, metric_name="gap")
    second = WeightsDisplay.from_values(*SMALL, metric_name="loss", ax=first.ax_)
    label = " ".join(second.ax_.get_xlabel().split())
    assert label == "Change of gap if removed / Change of loss if removed"
    assert second.ax_.get_ylabel() == "Relative change of weight"


@every_display
def test_displays_are_pickled_with_their_figures(make):
    display = make(*SMALL)
    loaded = pickle.loads(pickle.dumps(display))
    loaded.figure_.canvas.draw()
    assert loaded.ax_.get_xlabel() == display.ax_.get_xlabel()
    assert loaded.plot().ax_ is not display.ax_


ALIASES = {
    "lw": (2.0, lambda artist: artist.get_linewidth()),
    "linewidths": (2.0, lambda artist: artist.get_linewidth()),
    "ec": ("red", lambda artist: artist.get_edgecolor()),
    "fc": ("red", lambda artist: artist.get_facecolor()),
    "label": ("mine", lambda artist: artist.get_label()),
    "sizes": ([7.0], lambda artist: artist.get_sizes()),
    "marker": ("x", lambda artist: len(artist.get_paths()[0].vertices)),
    "zorder": (9, lambda artist: artist.get_zorder()),
}


@pytest.mark.parametrize("name", ["influence", "leave one out", "weights"])
@pytest.mark.parametrize("alias", ALIASES)
def test_styles_may_be_given_by_any_of_their_names(name, alias):
    value, read = ALIASES[alias]
    _, ax = plt.subplots()
    display = MAKERS[name](*SMALL, **{alias: value, "alpha": None})
    drawn = getattr(display, "scatters_", None) or [display.scatter_]
    plain = {"s": 8, **({"linewidth": 0} if alias not in ("lw", "linewidths") else {})}
    expected = ax.scatter(*SMALL, **{**plain, alias: value})
    assert_array_equal(read(drawn[0]), read(expected))


@pytest.mark.parametrize(
    "alias", ["lw", "linewidth", "ms", "markersize", "mfc", "label"]
)
def test_styles_of_a_path_may_be_given_by_any_of_their_names(alias):
    value = {"mfc": "red", "label": "mine"}.get(alias, 3.0)
    line = TradeoffDisplay.from_values([0.1], [0.8], **{alias: value}).line_
    assert plt.getp(line, alias) == value


def test_a_style_that_is_given_twice_is_refused():
    with pytest.raises(TypeError, match="aliases"):
        WeightsDisplay.from_values(*SMALL, lw=1, linewidth=2)


def test_each_sample_may_have_its_own_style(rng):
    x, y, size, value, width = rng.random((5, 40))
    groups = rng.choice(["a", "b"], 40)
    colors = rng.random((40, 4))
    display = InfluenceDisplay.from_values(
        x, y, groups=groups, s=size, c=value, lw=width.tolist(), vmax=2.0, cmap="plasma"
    )
    for scatter, name in zip(display.scatters_, "ab", strict=True):
        rows = groups == name
        assert_array_equal(scatter.get_offsets(), np.c_[x, y][rows])
        assert_array_equal(scatter.get_sizes(), size[rows])
        assert_array_equal(scatter.get_array(), value[rows])
        assert_array_equal(scatter.get_linewidth(), width[rows])
        # Numbers mean the same colours in all groups.
        assert scatter.get_clim() == (value.min(), 2.0)
    display = InfluenceDisplay.from_values(x, y, groups=groups, c=colors, alpha=None)
    for scatter, name in zip(display.scatters_, "ab", strict=True):
        assert_array_equal(scatter.get_facecolor(), colors[groups == name])


def test_one_colour_is_no_colour_for_each_of_three_samples():
    display = InfluenceDisplay.from_values(
        *SMALL, groups=["a", "a", "b"], color=(1.0, 0.0, 0.0), alpha=None
    )
    for scatter in display.scatters_:
        assert_array_equal(scatter.get_facecolor(), [[1.0, 0.0, 0.0, 1.0]])


def of_groups(names, **options):
    values = np.random.default_rng(0).normal(size=(2, 2 * len(names)))
    return InfluenceDisplay.from_values(*values, groups=[*names, *names], **options)


def test_more_than_ten_groups_are_told_apart():
    display = of_groups([f"group {i:02d}" for i in range(23)])
    looks = {
        (*scatter.get_facecolor()[0], scatter.get_paths()[0].vertices.tobytes())
        for scatter in display.scatters_
    }
    assert len(looks) == 23
    assert len(labels(display)) == 23
    check_layout(display)


def test_more_groups_than_a_legend_can_hold_are_told():
    display = of_groups([f"group {i:03d}" for i in range(60)], before=0.1)
    assert len(display.scatters_) == 60
    assert display.legend_.get_title().get_text() == "37 more are not named here"
    assert labels(display) == [
        *(f"group {i:03d}" for i in range(23)),
        "over-unlearning",
    ]
    check_layout(display)


@pytest.mark.parametrize("name", ["_private", "$10 - $20", "x" * 50])
def test_names_of_groups_are_shown_as_they_are(name):
    display = of_groups([name, "other", "third"])
    shown = [label.replace("\n", "") for label in labels(display)]
    assert sorted(shown) == sorted([name, "other", "third"])
    assert not any(text.get_parse_math() for text in display.legend_.get_texts())
    check_layout(display)


def test_a_figure_grows_by_a_high_legend():
    few, many = (of_groups([f"{i} {'x y' * 16}" for i in range(n)]) for n in (2, 14))
    heights = []
    for display in (few, many):
        display.figure_.canvas.draw()
        heights.append(display.ax_.get_window_extent().height)
    assert heights[1] > 0.7 * heights[0]
    given = plt.figure(layout="constrained")
    InfluenceDisplay.from_values(
        many.influence, many.utility_influence, groups=many.groups, ax=given.gca()
    )
    assert given.get_figheight() == plt.rcParams["figure.figsize"][1]


@pytest.mark.parametrize("n_columns", [1, 2])
def test_long_names_stay_within_the_figure(n_columns):
    name = "demographic_parity[has_been_approved]: " + " - ".join(["x" * 50] * 2)
    groups = ["a" * 50, "b" * 50, "c" * 50] * 2
    _, axes = plt.subplots(
        1, n_columns, squeeze=False, layout="constrained", figsize=(4 * n_columns, 4)
    )
    for ax in axes[0]:
        display = InfluenceDisplay.from_values(
            *np.tile(SMALL, 2), groups=groups, metric_name=name, ax=ax
        )
    display.figure_.canvas.draw()
    for ax in axes[0]:
        left = ax.get_subplotspec().colspan.start / n_columns
        right = left + 1.0 / n_columns
        for artist in (ax.xaxis.label, ax.yaxis.label, ax.get_legend()):
            box = artist.get_window_extent().transformed(
                display.figure_.transFigure.inverted()
            )
            assert left - 0.01 <= box.x0 <= box.x1 <= right + 0.01
            assert -0.01 <= box.y0 <= box.y1 <= 1.01
    assert "[has_been_approved]" in display.ax_.get_xlabel()


def test_axes_are_named_by_their_metrics(data):
    display = LeaveOneOutDisplay.from_values(
        [1.0], [1.0], metric_name="loss_parity[a_b]: c_d - $e"
    )
    for label, start in (
        (display.ax_.get_xlabel(), "Actual"),
        (display.ax_.get_ylabel(), "Predicted"),
    ):
        words = " ".join(label.split())
        assert words == rf"{start} change of loss parity [a_b] (c_d - \$e)"


@pytest.mark.parametrize(
    ("metric", "label"),
    [
        ("demographic_parity_ratio", "1 \N{MINUS SIGN} demographic parity ratio"),
        (demographic_parity_difference, "demographic parity difference"),
        (
            partial(demographic_parity_difference, method="to_overall"),
            "demographic parity difference",
        ),
    ],
)
def test_axis_of_disparity_is_named_by_its_metric(data, metric, label):
    X, y, group = data
    model = LogisticRegression().fit(X, y)
    if isinstance(metric, partial):
        metric.__name__ = "demographic_parity_difference"
    display = TradeoffDisplay.from_estimator(
        model,
        X,
        y,
        sensitive_features=group,
        disparity=metric,
        utility=make_scorer(balanced_accuracy_score),
    )
    assert display.ax_.get_xlabel() == label
    assert display.ax_.get_ylabel() == "balanced accuracy score"


@pytest.mark.filterwarnings("ignore::skswu.exceptions.UtilityLossWarning")
@pytest.mark.filterwarnings("ignore::skswu.exceptions.UnreachableBoundWarning")
@pytest.mark.filterwarnings("ignore::skswu.exceptions.LinearizationWarning")
@pytest.mark.parametrize(
    ("options", "label"),
    [
        ({"objective": "equal_opportunity"}, "equal opportunity difference"),
        ({"objective": "target_utility"}, "largest gap"),
        (
            {"objective": ["demographic_parity", "equal_opportunity"]},
            "largest of demographic parity difference, equal opportunity difference",
        ),
        ({"min_ratio": 0.8}, "1 \N{MINUS SIGN} demographic parity ratio"),
        (
            {"disparity": "equalized_odds_ratio", "max_disparity": 0.2},
            "1 \N{MINUS SIGN} equalized odds ratio",
        ),
    ],
)
def test_axis_of_a_path_is_named_by_its_metric(data, options, label):
    X, y, group = data
    model = UnlearningClassifierCV(
        LogisticRegression().fit(X, y), strengths=[0.0, 0.2], **options
    ).unlearn(X, y, sensitive_features=group)
    display = TradeoffDisplay.from_estimator(model)
    assert " ".join(display.ax_.get_xlabel().split()) == label


def test_path_of_a_search_marks_the_original_and_standard_errors(data):
    X, y, group = data
    model = UnlearningClassifierCV(
        LogisticRegression().fit(X, y),
        strengths=[0.4, 0.0, 0.2],
        max_disparity=0.6,
        validation_fraction=None,
    ).unlearn(X, y, sensitive_features=group)
    display = TradeoffDisplay.from_estimator(model)
    predicted = model.original_estimator_.predict(X)
    gap = demographic_parity_difference(y, predicted, sensitive_features=group)
    original = display.points_["original"].get_xydata()[0]
    assert_allclose(original, [gap, accuracy_score(y, predicted)])
    for bars, name, axis in zip(
        display.errorbars_[2], ("disparity", "utility"), (0, 1), strict=True
    ):
        middle, error = model.path_[name], model.path_[f"{name}_se"]
        ends = np.array([segment[:, axis] for segment in bars.get_segments()])
        assert (error > 0).all()
        assert_allclose(ends, np.c_[middle - error, middle + error])
    check_layout(display)


def test_standard_errors_are_drawn_to_both_sides():
    display = TradeoffDisplay.from_values(
        [0.2, 0.1], [0.8, 0.7], disparity_se=[0.01, 0.02], utility_se=[0.03, 0.04]
    )
    across, upright = display.errorbars_[2]
    assert_allclose(across.get_segments()[1], [[0.08, 0.7], [0.12, 0.7]])
    assert_allclose(upright.get_segments()[0], [[0.2, 0.77], [0.2, 0.83]])
    assert labels(display) == ["corrected"]
    assert TradeoffDisplay.from_values([0.2], [0.8]).errorbars_ is None


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
