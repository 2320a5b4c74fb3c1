"""Tables and fronts of what was measured."""

import numpy as np
import pandas as pd
from scipy.stats import entropy

from .fronts import chosen, relative_hypervolume

CELL = ["metric", "model", "data", "method", "split"]
TITLES = {
    "demographic_parity": "demographic parity difference",
    "equalized_odds": "equalized odds difference",
}
#: What a front trades against the disparity.
UTILITIES = ("accuracy", "log_loss")
#: What this package does.
CORRECTIONS = [
    "soft",
    "soft, several steps",
    "soft + threshold",
    "soft, several steps + threshold",
    "threshold alone",
    "hard",
]
#: Peers that need none either.
PEERS = [
    "ExponentiatedGradient",
    "GridSearch",
    "Reweighing",
    "AdversarialFairness",
    "scikit-lego",
    "OxonFair, groups inferred",
]
#: The best that the class of models can do under the surrogate constraint.
OPTIMUM = "optimum"


def report(folder, plot=None):
    """Print the tables of the results in a folder, and draw the fronts."""
    results = pd.read_csv(folder / "results.csv")
    for utility in UTILITIES:
        fronts = front_points(results, utility)
        volumes = hypervolumes(fronts)
        print_hypervolumes(volumes, utility)
        if utility == "log_loss":
            print_leads_over_optimum(volumes)
        else:
            print_leads_over_peers(volumes)
        if plot and utility == "accuracy":
            draw(fronts, plot)
    print_times(results)
    if (folder / "properties.csv").exists():
        print_properties(pd.read_csv(folder / "properties.csv"))


def front_points(results, utility):
    """Return the chosen candidates, and the original's values beside them.

    Utilities stand in the columns ``utility``, ``original_utility`` and ``constant``,
    that of the best constant prediction; greater is better.
    """
    results = results.assign(**utilities(results, utility))
    results = results.dropna(subset=["utility"])
    is_original = results["method"] == "original"
    keys = ["data", "metric", "model", "split"]
    originals = results[is_original].set_index(keys)
    pieces = []
    for cell, rows in results[~is_original].groupby(CELL, sort=False):
        metric, model, data, _, split = cell
        original = originals.loc[(data, metric, model, split)]
        picked = chosen(
            rows["validation_utility"].to_numpy(),
            rows["validation_disparity"].to_numpy(),
            original["validation_disparity"],
        )
        levels = [level for level, one in enumerate(picked) if one is not None]
        piece = rows.iloc[[picked[level] for level in levels]]
        pieces.append(
            piece.assign(
                level=levels,
                original_utility=original["utility"],
                original_disparity=original["disparity"],
            )
        )
    return pd.concat(pieces, ignore_index=True)


def utilities(results, utility):
    """Return the columns of a utility, by name."""
    if utility == "accuracy":
        columns = "validation_accuracy", "accuracy", "majority"
        validation, test, constant = (results[name] for name in columns)
    else:
        validation = -results["validation_log_loss"]
        test = -results["log_loss"]
        rates = np.column_stack([results["majority"], 1.0 - results["majority"]])
        constant = -entropy(rates, axis=1)
    return {"validation_utility": validation, "utility": test, "constant": constant}


def hypervolumes(fronts):
    """Return a Series of the fronts' relative hypervolumes."""

    def of_front(rows):
        first = rows.iloc[0]
        return relative_hypervolume(
            rows["utility"].to_numpy(),
            rows["disparity"].to_numpy(),
            (first["original_utility"], first["original_disparity"]),
            first["constant"],
        )

    columns = [name for name in fronts.columns if name not in CELL]
    return fronts.groupby(CELL, sort=False)[columns].apply(of_front)


def print_hypervolumes(values, utility):
    for (metric, model), part in values.groupby(["metric", "model"], sort=False):
        table = part.droplevel(["metric", "model"])
        cells = table.groupby(["method", "data"], sort=False)
        counts = cells.size().unstack("data").agg(["min", "max"], axis=1).astype(int)
        cells = cells.agg(["mean", "sem"])
        means = cells["mean"].unstack("data", sort=False)
        errors = cells["sem"].fillna(0.0).unstack("data", sort=False)
        shown = means.map("{:.3f}".format) + " ± " + errors.map("{:.3f}".format)
        shown["mean"] = means.mean(axis=1, skipna=False).map("{:.3f}".format)
        shown["splits"] = ["-".join(map(str, sorted({*row}))) for row in counts.values]
        against = f"{utility.replace('_', ' ').capitalize()} against {TITLES[metric]}"
        print(f"\n### {against}, {model}\n")
        print_table(shown)


def print_leads_over_peers(values):
    """Print how far corrections are ahead of the best peer that needs no group.

    On each data set the best is the one with the highest mean, found after the fact,
    of those with three splits at least, where there are as many.
    """
    print("\n### Ahead of the best peer that needs no group, on each data set\n")
    for (metric, model), part in values.groupby(["metric", "model"], sort=False):
        table = part.droplevel(["metric", "model"]).unstack("method")
        shown = {}
        for data, rows in table.groupby("data", sort=False):
            peers = rows[rows.columns.intersection(PEERS)]
            peers = peers.dropna(axis=1, thresh=min(3, len(rows)))
            if peers.empty:
                continue
            best = peers.mean().idxmax()
            ours = rows[rows.columns.intersection(CORRECTIONS)]
            shown[f"{data}: {best}"] = paired(ours.sub(rows[best], axis=0))
        if shown:
            print(f"\n{TITLES[metric].capitalize()}, {model}:\n")
            print_table(pd.DataFrame(shown).rename_axis("method"))


def print_leads_over_optimum(values):
    """Print how far all methods are ahead of the class's own optimum."""
    print("\n### Log loss: ahead of the class's own optimum\n")
    for metric, part in values.groupby("metric", sort=False):
        table = part.droplevel("metric").unstack("method")
        if OPTIMUM not in table:
            continue
        leads = table.drop(columns=OPTIMUM).sub(table[OPTIMUM], axis=0)
        leads = leads.dropna(how="all")
        shown = {data: paired(rows) for data, rows in leads.groupby("data", sort=False)}
        # Each split has one number: data sets count alike, and draws are independent.
        of_splits = leads.groupby("split").mean()
        print(f"\n{TITLES[metric].capitalize()}:\n")
        shown = pd.DataFrame({**shown, "mean": paired(of_splits)})
        print_table(shown.rename_axis("method"))


def paired(differences):
    """Return means of columns with standard errors, in words."""
    mean, error = differences.mean(), differences.sem().fillna(0.0)
    return mean.map("{:+.3f}".format) + " ± " + error.map("{:.3f}".format)


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
        cells = ["-" if "nan" in str(cell) else str(cell) for cell in row]
        print(f"| {name} | {' | '.join(cells)} |", flush=True)


STYLES = {
    "optimum": ("0.6", "-"),
    "soft": ("C0", "o-"),
    "soft, several steps": ("C0", "o--"),
    "soft + threshold": ("C9", "p-"),
    "threshold alone": ("0.3", "1-"),
    "hard": ("C1", "s-"),
    "ExponentiatedGradient": ("C2", "^-"),
    "GridSearch": ("C3", "v-"),
    "Reweighing": ("C4", "D-"),
    "AdversarialFairness": ("C5", "x-"),
    "scikit-lego": ("C8", "<-"),
    "OxonFair, groups inferred": ("C6", ">-"),
    "OxonFair, groups known": ("C6", ">:"),
    "ThresholdOptimizer": ("C5", "P:"),
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
    majority = rows["constant"].mean()
    original = rows[["original_disparity", "original_utility"]].mean()
    for method, (colour, style) in STYLES.items():
        levels = rows[rows["method"] == method].groupby("level")
        points = levels[["disparity", "utility"]].mean()
        points = points[levels.size() > n_splits / 2]
        useful = points["disparity"] < 1.5 * original["original_disparity"]
        points = points[useful & (points["utility"] > majority)]
        ax.plot(
            points["disparity"],
            points["utility"],
            style,
            color=colour,
            markersize=4,
            linewidth=1,
            label=method,
        )
    ax.plot(*original, "k*", markersize=10, label="original")
