"""The tables of the study, printed in Markdown."""

from . import comparison

#: Accuracy and robust accuracy under the static attack that the authors published.
PUBLISHED = {
    "original": (0.8220, 0.1780),
    "hard": (0.8134, 0.8178),
    "soft": (0.8224, 0.8220),
}
MEASURES = ("accuracy", "static_robust_accuracy", "adaptive_robust_accuracy")
PUBLISHED_CELL = ("Adult", "network", "robustness, static", "influence")
SHARES = (0.5, 0.75)
NAMES = ("soft", "hard")
AHEAD = ("metric", "utility", "both")
ADVANTAGES = AHEAD[:2]
#: In which terms the weightings are compared, the paper's first.
TERMS = [
    (metric, utility)
    for metric in ("metric", "surrogate")
    for utility in comparison.SIGNS
]


def print_shares(fronts):
    """Print the shares of cells won and lost, in each of the terms."""
    for on, share in ((on, share) for on in ("test", "evaluation") for share in SHARES):
        print_title(f"Soft held to hard on {on} rows, hard asked for {share:.0%}")
        columns = (f"{name} ahead in {what}" for name in NAMES for what in AHEAD)
        print_header("terms", "cells", *columns, "median advantages")
        for metric, utility in TERMS:
            standing = comparison.chosen(fronts, utility, metric, share, on)
            found = comparison.advantages(standing, utility, metric)
            print_share(f"**{metric}, {utility.replace('_', ' ')}**", found)
            for level in ("objective", "model", "data", "update"):
                for value, cells in found.groupby(level=level, sort=False):
                    print_share(value, cells)


def print_share(name, found):
    won, lost = comparison.wins(found).mean(), comparison.losses(found).mean()
    medians = (found["mean", what, what].median() for what in ADVANTAGES)
    shares = (f"{share:.0%}" for share in (*won, *lost))
    print_row(name, len(found), *shares, ", ".join(f"{m:+.4f}" for m in medians))


def print_published(standing):
    """Print the authors' figures beside those of the same cell, at the best metric."""
    print_title(f"{', '.join(PUBLISHED_CELL)}: {', '.join(MEASURES)}")
    if PUBLISHED_CELL not in standing.index.droplevel("seed"):
        print(f"The table does not hold the cell {', '.join(PUBLISHED_CELL)}.")
        return
    print_header("", "published", "here")
    ours = standing.sort_index().loc[PUBLISHED_CELL].mean()
    for name, published in PUBLISHED.items():
        row = ours["soft for the metric" if name == "soft" else name]
        here = [row[f"test_{measure}"] for measure in MEASURES]
        print_row(
            name,
            *(", ".join(f"{one:.2%}" for one in many) for many in (published, here)),
        )


def print_losses(found, utility):
    """Print the cells in which hard is ahead, beyond a standard error."""
    print_title(f"Cells in which hard is ahead, by {utility}, on test rows")
    print_header("cell", *(f"soft's advantage in {what}" for what in ADVANTAGES))
    lost = comparison.losses(found)
    for cell, row in found[lost["metric"] | lost["utility"]].iterrows():
        print_row(
            ", ".join(cell),
            *(
                f"{row['mean', what, what]:+.4f} ± {row['error', what, what]:.4f}"
                for what in ADVANTAGES
            ),
        )


def print_cells(standing):
    """Print what stands for each weighting in each cell, means over the seeds."""
    print_title("All cells: metric, accuracy, log loss on test rows")
    names = ["original", "hard", "soft for the utility"]
    print_header(*comparison.CELL, *names)
    for cell, row in standing.groupby(comparison.CELL, sort=False).mean().iterrows():
        measured = (
            "{test_metric:.3f}, {test_accuracy:.3f}, {test_log_loss:.3f}".format(
                **row[name]
            )
            for name in names
        )
        print_row(*cell, *measured)


def print_title(title):
    print(f"\n{title}\n")


def print_header(*cells):
    print_row(*cells)
    print_row(*["---"] * len(cells))


def print_row(*cells):
    print(f"| {' | '.join(map(str, cells))} |")
