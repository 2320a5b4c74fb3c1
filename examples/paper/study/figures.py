"""The pictures of the study."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from skswu import UnlearningClassifier
from skswu.inspection import WeightsDisplay, leave_one_out
from skswu.weighting import HardWeighting, SoftWeighting

from . import data_sets
from .models import make_model

COLORS = {"hard": "#c44e52", "soft": "#4c72b0"}
_MARKERS = {"Adult": "o", "COMPAS": "s", "generated": "^"}
_FRONTS = ("Adult", "network", "influence")
_BAD, _GOOD = "#f6dede", "#e3f1e3"


def draw_scatter(standing):
    """Return utility against metric, each as its change from the original model.

    A point is the mean of a cell over the seeds; soft repairs as much as hard.
    """
    means = standing.groupby(["data", "model", "objective", "update"]).mean()
    models = means.index.unique("model")
    objectives = standing.index.unique("objective")
    figure, axes = plt.subplots(
        len(models),
        len(objectives),
        figsize=(3.6 * len(objectives), 3.0 * len(models)),
        squeeze=False,
        layout="constrained",
    )
    for row, model in zip(axes, models, strict=True):
        for ax, objective in zip(row, objectives, strict=True):
            cells = means.xs((model, objective), level=("model", "objective"))
            _draw_cells(ax, cells)
            ax.set_title(f"{model}, {objective}", fontsize=9)
    for ax in axes[:, 0]:
        ax.set_ylabel("Change of accuracy")
    for ax in axes[-1]:
        ax.set_xlabel("Change of the metric")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=6, frameon=False)
    return figure


def _draw_cells(ax, cells):
    for data, marker in _MARKERS.items():
        if data not in cells.index.unique("data"):
            continue
        here = cells.xs(data, level="data")
        for name, column in (("hard", "hard"), ("soft", "soft for the utility")):
            change = here[column] - here["original"]
            ax.scatter(
                change["test_metric"],
                change["test_accuracy"],
                marker=marker,
                color=COLORS[name],
                alpha=0.7,
                linewidths=0,
                label=f"{name}, {data}",
            )
    ax.plot(0.0, 0.0, "k*", markersize=10)
    ax.axhline(0.0, color="0.5", linewidth=0.8)
    ax.axvline(0.0, color="0.5", linewidth=0.8)
    _shade(ax, right=False, upper=True, color=_GOOD)


def _shade(ax, right, upper, color):
    """Shade one of the quadrants around the origin, within the axes as they are."""
    (left_end, right_end), (lower_end, upper_end) = ax.get_xlim(), ax.get_ylim()
    right_end, upper_end = max(right_end, 0.0), max(upper_end, 0.001)
    ax.set(xlim=(left_end, right_end), ylim=(lower_end, upper_end))
    ax.fill_between(
        [0.0, right_end] if right else [left_end, 0.0],
        0.0,
        upper_end if upper else lower_end,
        color=color,
        zorder=0,
    )


def draw_fronts(table):
    """Return the fronts of an update: accuracy and log loss against the metric.

    It is that of the influences on networks of Adult, where the table holds it.
    """
    data, model, update = _shown(table)
    rows = table[(table["data"] == data) & (table["model"] == model)]
    objectives = rows["objective"].unique()
    figure, axes = plt.subplots(
        2,
        len(objectives),
        figsize=(3.6 * len(objectives), 5.6),
        squeeze=False,
        layout="constrained",
    )
    for column, objective in zip(axes.T, objectives, strict=True):
        here = rows[rows["objective"] == objective]
        original = here[here["update"] == "none"].mean(numeric_only=True)
        for ax, measured in zip(column, ("accuracy", "log_loss"), strict=True):
            for weighting, color in COLORS.items():
                models = here[
                    (here["update"] == update) & (here["weighting"] == weighting)
                ]
                path = models.groupby("dose").mean(numeric_only=True)
                path = pd.concat([original.to_frame().T, path])
                ax.plot(
                    path["test_metric"],
                    path[f"test_{measured}"],
                    "o-",
                    color=color,
                    markersize=4,
                    label=weighting,
                )
            ax.plot(original["test_metric"], original[f"test_{measured}"], "k*", ms=11)
            ax.set_xlabel("Metric")
            ax.set_ylabel(measured.replace("_", " ").capitalize())
        column[0].set_title(objective, fontsize=9)
    axes[0, 0].legend(frameon=False)
    figure.suptitle(f"{data}, {model}, {update}", fontsize=10)
    return figure


def _shown(table):
    """Return a data set, a model and an update that the table holds."""
    held = table.loc[table["update"] != "none", ["data", "model", "update"]]
    wanted = (held == list(_FRONTS)).all(axis=1)
    return held.iloc[wanted.argmax()]


def draw_over_unlearning(n_rows=4000, n_left_out=1500):
    """Return what leaving out each sample changes, on Adult: utility and the gap.

    The model is retrained without each of some training samples; the gap is measured
    on evaluation rows.
    """
    split, classifier = _fit_adult(n_rows)
    rows = split.evaluation
    changes = leave_one_out(
        classifier,
        split.training.X,
        split.training.y,
        indices=np.arange(n_left_out),
        sensitive_features=split.training.groups,
        X_val=rows.X,
        y_val=rows.y,
        sensitive_features_val=rows.groups,
    )
    gap, loss = changes.iloc[:, 0], changes["utility"]
    figure, ax = plt.subplots(figsize=(5.2, 3.8), layout="constrained")
    costly = (gap < 0) & (loss > 0)
    for chosen, color, label in (
        (~costly, "0.55", "others"),
        (costly, COLORS["hard"], f"fairer, but less useful: {costly.mean():.0%}"),
    ):
        ax.scatter(gap[chosen], loss[chosen], s=9, color=color, lw=0, label=label)
    ax.axhline(0.0, color="0.5", linewidth=0.8)
    ax.axvline(0.0, color="0.5", linewidth=0.8)
    _shade(ax, right=False, upper=True, color=_BAD)
    ax.set_xlabel("Change of the gap if left out")
    ax.set_ylabel("Change of the mean loss if left out")
    ax.ticklabel_format(scilimits=(0, 0))
    figure.legend(loc="outside upper center", ncols=2, frameon=False)
    return figure


def draw_weights(n_rows=4000):
    """Return weights of one step over influence, on Adult, at about equal repair."""
    split, classifier = _fit_adult(n_rows)
    rows = split.evaluation
    figure, ax = plt.subplots(figsize=(5.2, 3.8), layout="constrained")
    for weighting, name in (
        (SoftWeighting(strength=0.5), "soft, half of the gap"),
        (HardWeighting(fraction=0.05), "hard, 5 % of the samples"),
    ):
        model = UnlearningClassifier(
            classifier, weighting=weighting, update="one_step"
        ).unlearn(
            split.training.X,
            split.training.y,
            sensitive_features=split.training.groups,
            X_val=rows.X,
            y_val=rows.y,
            sensitive_features_val=rows.groups,
        )
        color = COLORS[name.split(",")[0]]
        WeightsDisplay.from_estimator(model, name=name, ax=ax, color=color)
    return figure


def _fit_adult(n_rows):
    """Return a Split of Adult and a logistic regression fitted to its training rows."""
    split = data_sets.split(*data_sets.adult(n_rows, 0), 0)
    classifier = make_model("logistic regression", split.training.X.shape[1], 0)
    return split, classifier.fit(split.training.X, split.training.y)
