"""Time of a path of strengths, in units of one correction of the same classifier.

A path measures each of its strengths by thresholded predictions, so its time is that of
choosing, too. Cases: Adult, one-hot, dense and sparse, and generated rows; evaluation
rows are the training rows or a fifth held out. ``--alone`` adds the time of as many
corrections of their own. Processor time of one thread, the least of several runs.
"""

import argparse

import numpy as np
from linear.cases import MEDIUM, adult_rows, sparse_adult_rows
from linear.corrections import fit, unlearn, unlearn_along
from linear.timing import best_seconds
from threadpoolctl import threadpool_limits

from skswu.weighting import SoftWeighting

CASES = {
    "Adult, dense": adult_rows,
    "Adult, sparse": sparse_adult_rows,
    "generated": MEDIUM,
}


def main():
    """Print a table, a line a case."""
    options = parse_arguments()
    print(f"{'data':<14}{'rows':>8}{'columns':>9}  {'evaluated on':<14}", end="")
    print(f"{'one (s)':>9}{'path (s)':>10}{'ratio':>8}{'alone':>8}")
    with threadpool_limits(limits=1):
        for name, make_rows in CASES.items():
            rows = make_rows(options.quick)
            n_train = int(0.8 * len(rows.y))
            parts = rows.take(slice(n_train)), rows.take(slice(n_train, None))
            measure(f"{name:<14}", "training", rows, None, options)
            measure(f"{name:<14}", "held-out", *parts, options)


def parse_arguments():
    """Return the command line's options."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="few rows, one run")
    parser.add_argument("--alone", action="store_true", help="also without sharing")
    parser.add_argument("--strengths", type=int, default=50)
    return parser.parse_args()


def measure(name, evaluated_on, rows, held_out, options):
    """Print the line of one case."""
    fitted = fit(rows)
    one, path = best_seconds(
        lambda: unlearn(fitted, rows, held_out),
        lambda: unlearn_along(fitted, rows, held_out, n_strengths=options.strengths),
        repeats=1 if options.quick else 7,
    )
    n_rows, n_columns = rows.X.shape
    print(f"{name}{n_rows:>8}{n_columns:>9}  {evaluated_on:<14}", end="")
    print(f"{one:>9.3f}{path:>10.3f}{path / one:>8.2f}", end="")
    if options.alone:
        (alone,) = best_seconds(
            lambda: correct_alone(fitted, rows, held_out, options.strengths), repeats=1
        )
        print(f"{alone / one:>8.2f}", end="")
    print(flush=True)


def correct_alone(fitted, rows, held_out, n_strengths):
    """Correct at each strength from scratch."""
    for strength in np.linspace(0, 1, n_strengths):
        weighting = SoftWeighting(strength=strength)
        unlearn(fitted, rows, held_out, weighting=weighting)


if __name__ == "__main__":
    main()
