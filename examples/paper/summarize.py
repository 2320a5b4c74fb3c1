"""Tables and figures of a study: ``summarize.py FOLDER/study.csv --out FOLDER``.

Prints, in Markdown, the share of cells in which soft weights beat hard ones, the cells
in which hard ones are ahead, a published cell beside ours, and all cells; draws
the figures of the paper and of the fronts as PNG files.
"""

import argparse
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
from study import comparison, figures, tables


def main():
    """Print the tables and draw the figures."""
    options = parse_arguments()
    table = comparison.complete(pd.read_csv(options.table))
    n_seeds = table["seed"].nunique()
    print(f"{len(table)} models, {n_seeds} seeds, from {options.table.name}")
    fronts = comparison.interpolated(table)
    tables.print_shares(fronts)
    tables.print_published(comparison.chosen(fronts, share=1.0))
    for utility in comparison.SIGNS:
        held = comparison.chosen(fronts, utility, on="test")
        tables.print_losses(comparison.advantages(held, utility), utility)
    standing = comparison.chosen(fronts, on="test")
    tables.print_cells(standing)
    options.out.mkdir(parents=True, exist_ok=True)
    drawn = {
        "scatter": figures.draw_scatter(standing),
        "fronts": figures.draw_fronts(table),
        "over_unlearning": figures.draw_over_unlearning(),
        "weights": figures.draw_weights(),
    }
    for name, figure in drawn.items():
        figure.savefig(options.out / f"paper_{name}.png", dpi=90)
        plt.close(figure)
    print(f"\nThe figures are in {options.out}.")


def parse_arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("table", type=Path, help="CSV file that run_study.py wrote")
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER")
    return parser.parse_args()


if __name__ == "__main__":
    main()
