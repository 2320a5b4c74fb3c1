"""Tables and fronts of what was measured."""

import numpy as np
import pandas as pd

from .fronts import chosen, relative_hypervolume

CELL = ["metric", "model", "data", "method", "split"]
TITLES = {
    "demographic_parity": "demographic parity difference",
    "equalized_odds": "equalized odds difference",
}
#: What this package does.
CORRECTIONS = [
    "soft",
    "soft, 10 steps",
    "soft + threshold",
    "soft, 10 steps + threshold",
    "hard",
]
#: Peers that need none either.
PEERS = ["ExponentiatedGradient", "GridSearch", "Reweighing", "AdversarialFairness"]


def report(folder, plot=None):
    """Print the tables of the results in a folder, and draw the fronts."""
    results = pd.read_csv(folder / "results.csv")
    fronts = front_points(results)
    volumes = hypervolumes(fronts)
    print_hypervolumes(volumes)
    print_leads(volumes)
    print_times(results)
    if (folder / "properties.csv").exists():
        print_properties(pd.read_csv(folder / "properties.csv"))
    if plot:
        draw(fronts, plot)


def front_points(results):
    """Return the chosen candidates, and the original's values beside them."""
    is_original = results["method"] == "original"
    keys = ["data", "metric", "model", "split"]
    originals = results[is_original].set_index(keys)
    pieces = []
    for cell, rows in results[~is_original].groupby(CELL, sort=False):
        metric, model, data, _, split = cell
        original = originals.loc[(data, metric, model, split)]
        picked = chosen(
            rows["validation_accuracy"].to_numpy(),
            rows["validation_disparity"].to_numpy(),
            original["validation_disparity"],
        )
        levels = [level for level, one in enumerate(picked) if one is not None]
        piece = rows.iloc[[picked[level] for level in levels]]
        pieces.append(
            piece.assign(
                level=levels,
                original_accuracy=original["accuracy"],
                original_disparity=original["disparity"],
            )
        )
    return pd.concat(pieces, ignore_index=True)


def hypervolumes(fronts):
    """Return a Series of the fronts' relative hypervolumes."""

    def of_front(rows):
        first = rows.iloc[0]
        return relative_hypervolume(
            rows["accuracy"].to_numpy(),
            rows["disparity"].to_numpy(),
            (first["original_accuracy"], first["original_disparity"]),
            first["majority"],
        )

    columns = [name for name in fronts.columns if name not in CELL]
    return fronts.groupby(CELL, sort=False)[columns].apply(of_front)


def print_hypervolumes(values):
    for (metric, model), part in values.groupby(["metric", "model"], sort=False):
        table = part.droplevel(["metric", "model"])
        n_splits = table.index.get_level_values("split").nunique()
        cells = table.groupby(["method", "data"], sort=False).agg(["mean", "std"])
        means = cells["mean"].unstack("data", sort=False)
        deviations = cells["std"].fillna(0.0).unstack("data", sort=False)
        shown = means.map("{:.3f}".format) + " ± " + deviations.map("{:.3f}".format)
        shown["mean"] = means.mean(axis=1).map("{:.3f}".format)
        title = f"{TITLES[metric].capitalize()}, {model}"
        print(f"\n### {title}, splits: {n_splits}\n")
        print_table(shown)


def print_leads(values):
    """Print how far the corrections are ahead of the best peer without groups.

    The best is the one with the highest mean over the data sets.
    """
    print("\n### Ahead of the best peer that needs no group\n")
    print("| metric, model | correction | best peer | difference | ahead in |")
    print("|---|---|---|---:|---:|")
    for (metric, model), part in values.groupby(["metric", "model"], sort=False):
        table = part.droplevel(["metric", "model"]).unstack("method").dropna()
        peers = table.columns.intersection(PEERS)
        if table.empty or peers.empty:
            continue
        best = table[peers].groupby("data").mean().mean().idxmax()
        for name in table.columns.intersection(CORRECTIONS):
            lead = table[name] - table[best]
            of_splits = lead.groupby("split").mean()
            print(
                f"| {TITLES[metric]}, {model} | {name} | {best} "
                f"| {lead.groupby('data').mean().mean():+.3f} ± "
                f"{of_splits.std() if len(of_splits) > 1 else 0.0:.3f} "
                f"| {(lead >= 0).sum()} of {len(lead)} |"
            )


def print_times(results):
    """Print the medians of the seconds of a candidate, and their shares."""
    for column in ("fit_seconds", "predict_seconds"):
        medians = results.groupby(["method", "model", "data"], sort=False)[column]
        table = medians.median().unstack(["model", "data"], sort=False)
        table.columns = [", ".join(names) for names in table.columns]
        print(f"\n### {column.replace('_', ' ').capitalize()}\n")
        print_table(table.map(lambda value: f"{value:.4f}"))
        slow = "ExponentiatedGradient"
        if column == "fit_seconds" and slow in table.index:
            print(f"\n### Fit seconds as a share of {slow}'s\n")
            print_table((table / table.loc[slow]).map(lambda value: f"{value:.1%}"))


def print_properties(properties):
    shown = properties.set_index("method")
    shares = shown.columns[1:]
    shown[shares] = shown[shares].map("{:.2%}".format)
    shown["needs_groups"] = np.where(shown["needs_groups"], "yes", "no")
    print("\n### Properties\n")
    print_table(shown)


def print_table(table):
    print(f"| {table.index.name} | {' | '.join(map(str, table.columns))} |")
    print("|---|" + "---:|" * table.shape[1])
    for name, row in table.iterrows():
        cells = ["-" if str(cell).startswith("nan") else str(cell) for cell in row]
        print(f"| {name} | {' | '.join(cells)} |", flush=True)


STYLES = {
    "soft": ("C0", "o-"),
    "soft, 10 steps": ("C0", "o--"),
    "soft + threshold": ("C9", "p-"),
    "soft, 10 steps + threshold": ("C9", "p--"),
    "hard": ("C1", "s-"),
    "ExponentiatedGradient": ("C2", "^-"),
    "GridSearch": ("C3", "v-"),
    "Reweighing": ("C4", "D-"),
    "AdversarialFairness": ("C5", "x-"),
    "ThresholdOptimizer": ("C6", "P:"),
    "RelaxedThresholdOptimizer": ("C7", "d:"),
}


def draw(fronts, path, model="logistic"):
    """Draw the mean over splits of the points chosen at each bound."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    part = fronts[fronts["model"] == model]
    names, metrics = part["data"].unique(), part["metric"].unique()
    figure, axes = plt.subplots(
        len(metrics),
        len(names),
        figsize=(3.4 * len(names), 3.1 * len(metrics) + 0.6),
        layout="constrained",
        squeeze=False,
    )
    for ax, (metric, name) in zip(
        axes.flat, [(m, n) for m in metrics for n in names], strict=True
    ):
        shown = part[(part["metric"] == metric) & (part["data"] == name)]
        draw_panel(ax, shown)
        ax.set(xlabel=TITLES[metric].capitalize(), title=name)
    for ax in axes[:, 0]:
        ax.set_ylabel("Accuracy")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=5, frameon=False)
    figure.savefig(path, dpi=100)


def draw_panel(ax, rows):
    """Draw the fronts of one data set, without points that are worse than useless.

    These are less accurate than the majority class or far more unequal than the
    original.
    """
    n_splits = rows["split"].nunique()
    majority = rows["majority"].mean()
    original = rows[["original_disparity", "original_accuracy"]].mean()
    for method, (colour, style) in STYLES.items():
        levels = rows[rows["method"] == method].groupby("level")
        points = levels[["disparity", "accuracy"]].mean()
        points = points[levels.size() > n_splits / 2]
        useful = points["disparity"] < 1.5 * original["original_disparity"]
        points = points[useful & (points["accuracy"] > majority)]
        ax.plot(
            points["disparity"],
            points["accuracy"],
            style,
            color=colour,
            markersize=4,
            linewidth=1,
            label=method,
        )
    ax.plot(*original, "k*", markersize=10, label="original")
