"""A correction against per-sample Hessians as the formula has them, on Adult.

The formula's Hessian is the sum of an array of n * p * p numbers; only the influences
on the mean loss are made by it, without weights and update, which ``unlearn`` also
does. Processor time of one thread.
"""

import argparse
import os

import numpy as np
from linear.corrections import fit, unlearn
from linear.timing import best_seconds
from peers.problems import adult
from scipy.special import expit
from threadpoolctl import threadpool_limits


def main():
    """Print a line a number of rows, and what fits into memory."""
    options = parse_arguments()
    print(f"{'rows':>8}{'p':>6}{'literal s':>11}{'unlearn s':>11}{'ratio':>8}", end="")
    print(f"{'its array':>12}{'largest error':>15}")
    rows = adult()
    order = np.random.default_rng(0).permutation(len(rows.y))
    with threadpool_limits(limits=1):
        for n in (500, 2000) if options.quick else (1000, 5000, 20_000, 48_842):
            measure(rows.take(order[:n]), repeats=1 if options.quick else 5)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for p in (rows.X.shape[1] + 1, 101):
        print(
            f"{memory / 1e9:.0f} GB of memory, p = {p}: its array fits up to n = "
            f"{memory // (8 * p * p):,}"
        )


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="up to 2,000 rows")
    return parser.parse_args()


def measure(rows, repeats):
    classifier = fit(rows, tol=1e-8)
    ours = unlearn(classifier, rows).utility_influence_
    error = np.abs(literal_influence(classifier, rows) - ours).max()
    error /= np.abs(ours).max()
    literal, correction = best_seconds(
        lambda: literal_influence(classifier, rows),
        lambda: unlearn(classifier, rows),
        repeats=repeats,
    )
    n, p = rows.X.shape[0], rows.X.shape[1] + 1
    print(
        f"{n:8,}{p:6}{literal:11.3f}{correction:11.3f}{literal / correction:8.1f}"
        f"{8 * n * p * p / 1e9:9.2f} GB{error:15.0e}",
        flush=True,
    )


def literal_influence(classifier, rows):
    """Influence of each row on the mean training loss, as its formula is written.

    The Hessian is the sum of an array (n, p, p), one matrix a row; the gradients are an
    array (n, p).
    """
    X = np.column_stack([rows.X, np.ones(len(rows.X))])
    coef = np.append(classifier.coef_, classifier.intercept_)
    probability = expit(X @ coef)
    curvature = probability * (1.0 - probability)
    hessians = curvature[:, None, None] * X[:, :, None] * X[:, None, :]
    hessian = hessians.sum(axis=0) + np.diag(np.append(np.ones(X.shape[1] - 1), 0.0))
    gradients = (probability - rows.y)[:, None] * X
    return gradients @ np.linalg.solve(hessian, gradients.mean(axis=0))


if __name__ == "__main__":
    main()
