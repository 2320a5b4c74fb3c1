"""Which rows to measure a correction on, and how often bounds are broken.

    python examples/benchmarks/bench_evaluation_rows.py --compas COMPAS.csv --splits 20

The first table has, for each data set and objective, the share of the gap on fresh rows
that a correction at strength 1 leaves when it is measured on a held-out fifth (0.2), on
bare training rows (None) and by approximate leave-one-out (auto); and by how much
``objective_after_`` and ``objective_estimate_`` of the last are off the gap on fresh
rows. The second has how often a disparity that ``UnlearningClassifierCV`` chose to be
at most half of the original's is larger than that on fresh rows: chosen on the training
rows by approximate leave-one-out, and by cross-validation (``cv=5``), without and with
``confidence=0.95``.

COMPAS takes part if its file is given, see ``bench_peers.py``.
"""

import argparse
import warnings
from functools import cache, partial

import numpy as np
from fairlearn.metrics import (
    demographic_parity_difference,
    equalized_odds_difference,
)
from peers.problems import Rows, adult, read_compas
from sklearn.linear_model import LogisticRegression

from skswu import UnlearningClassifier, UnlearningClassifierCV
from skswu.inputs import Groups
from skswu.objectives import OBJECTIVES

FRACTIONS = (0.2, None, "auto")
#: How strengths are chosen: ``cv`` and ``confidence``.
CHOICES = ((None, None), (None, 0.95), (5, None), (5, 0.95))
DISPARITIES = {
    "demographic_parity": demographic_parity_difference,
    "equalized_odds": equalized_odds_difference,
}
N_TEST = 20_000
#: The bound that is to be kept, as a share of the original's disparity on fresh rows.
SHARE = 0.5


def tables(compas):
    """Return functions of a seed that draw rows to train on and fresh ones, by name."""
    makers = {
        f"generated, {n} x {p}": partial(generated, n_rows=n, n_columns=p)
        for n, p in ((500, 20), (300, 60), (2000, 30))
    }
    read = cache(adult)
    for n in (500, 1000, 2000, 5000):
        makers[f"Adult, {n}"] = partial(part_of, read, n_rows=n)
    if compas:
        read = cache(partial(read_compas, compas))
        for n in (500, 1000, 2500):
            makers[f"COMPAS, {n}"] = partial(part_of, read, n_rows=n)
    return makers


def generated(seed, n_rows, n_columns):
    """Return rows whose groups differ in two features and in the labels."""
    rng, n = np.random.default_rng(seed), n_rows + N_TEST
    group = rng.integers(0, 2, n)
    X = rng.normal(size=(n, n_columns))
    X[:, 0] += 0.8 * group
    X[:, 1] += 0.5 * group
    margin = X[:, 0] + 0.7 * X[:, 1] + 0.5 * X[:, 2] + 0.3 * group - 0.8
    rows = Rows(X, (margin + rng.logistic(size=n) > 0).astype(int), group)
    return rows.head(n_rows), rows.take(slice(n_rows, None))


def part_of(read, seed, n_rows):
    """Return some rows of a table, and others, as many as there are."""
    rows = read()
    order = np.random.default_rng(seed).permutation(len(rows.y))
    fresh = order[n_rows : n_rows + N_TEST]
    return rows.take(order[:n_rows]), rows.take(fresh)


def gaps(model, objective, test):
    """Return the tempered gaps of a model on the test rows."""
    groups = Groups(test.groups, ["0", "1"])
    metric = OBJECTIVES.resolve(objective).bind(
        test.y, np.array([0, 1]), groups, np.ones(len(test.y))
    )
    z = model.decision_function(test.X)
    return metric.values(np.column_stack([np.zeros_like(z), z]))


def disparity(model, objective, test):
    """Return the disparity of predicted labels on the test rows."""
    groups = {"sensitive_features": test.groups}
    return DISPARITIES[objective](test.y, model.predict(test.X), **groups)


def measure_rows(train, test, objective, update, seed):
    """Return the shares that are left, one a fraction, and how far reports are off."""
    shares, losses = [], []
    for fraction in FRACTIONS:
        model = UnlearningClassifier(
            LogisticRegression(max_iter=1000),
            objective=objective,
            validation_fraction=fraction,
            update=update,
            random_state=seed,
        ).fit(train.X, train.y, sensitive_features=train.groups)
        before = gaps(model.original_estimator_, objective, test)
        after = gaps(model, objective, test)
        shares.append(np.abs(after).mean() / np.abs(before).mean())
        losses.append(model.original_estimator_.score(test.X, test.y))
        losses[-1] -= model.score(test.X, test.y)
    sign = np.sign(before)
    reports = model.objective_after_, model.objective_estimate_
    return shares, losses, [sign * (one - after) for one in reports]


def measure_bounds(train, test, objective, seed):
    """Return what came of a bound, one a choice.

    Returns
    -------
    list of tuple
        Whether a strength was feasible, whether its disparity on fresh rows is larger
        than the bound, the disparity in units of the bound, and the loss of accuracy.
    """
    fitted = LogisticRegression(max_iter=1000).fit(train.X, train.y)
    bound = SHARE * disparity(fitted, objective, test)
    found = []
    for cv, confidence in CHOICES:
        model = UnlearningClassifierCV(
            LogisticRegression(max_iter=1000),
            objective=objective,
            max_disparity=bound,
            confidence=confidence,
            cv=cv,
            random_state=seed,
        ).fit(train.X, train.y, sensitive_features=train.groups)
        reached = disparity(model, objective, test)
        lost = fitted.score(test.X, test.y) - model.score(test.X, test.y)
        feasible = model.path_["feasible"].iloc[model.best_index_]
        found.append((feasible, reached > bound, reached / bound, lost))
    return found


def print_rows(makers, update, n_splits):
    print("| table | objective | 0.2 | None | auto | after: bias, RMSE | estimate |")
    print("| --- | --- | ---: | ---: | ---: | ---: | ---: |")
    for name, draw in makers.items():
        for objective in DISPARITIES:
            found = [
                measure_rows(*draw(seed), objective, update, seed)
                for seed in range(n_splits)
            ]
            shares, losses = (np.array([one[k] for one in found]) for k in (0, 1))
            cells = [
                f"{mean_and_error(share, '.2f')}, {loss.mean():.3f}"
                for share, loss in zip(shares.T, losses.T, strict=True)
            ]
            off = np.array([one[2] for one in found]).swapaxes(0, 1).reshape(2, -1)
            cells += [f"{o.mean():+.3f}, {np.sqrt((o**2).mean()):.3f}" for o in off]
            print_row(name, objective, *cells)


def print_bounds(makers, n_splits):
    columns = "table", "objective", "cv", "confidence", "feasible", "broken"
    print_row(*columns, "disparity over bound", "loss of accuracy")
    print("| --- | --- | --- | --- | ---: | ---: | ---: | ---: |")
    for name, draw in makers.items():
        for objective in DISPARITIES:
            found = np.array(
                [
                    measure_bounds(*draw(seed), objective, seed)
                    for seed in range(n_splits)
                ],
                dtype=float,
            )
            for choice, rows in zip(CHOICES, found.swapaxes(0, 1), strict=True):
                feasible = rows[:, 0] == 1
                kept = rows[feasible]
                shown = ["-"] * 3
                if len(kept):
                    shown = [
                        f"{kept[:, 1].sum():.0f} of {len(kept)}",
                        mean_and_error(kept[:, 2], ".2f"),
                        f"{kept[:, 3].mean():.3f}",
                    ]
                shown = [f"{feasible.sum()} of {len(rows)}", *shown]
                print_row(name, objective, *choice, *shown)


def mean_and_error(values, form):
    """Return the mean and its standard error in words."""
    error = values.std(ddof=1) / np.sqrt(len(values)) if len(values) > 1 else 0.0
    return f"{values.mean():{form}} ± {error:{form}}"


def print_row(*cells):
    print(f"| {' | '.join(map(str, cells))} |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--splits", type=int, default=20)
    parser.add_argument("--compas", metavar="FILE.csv", help="COMPAS, may be gzipped")
    parser.add_argument("--tables", nargs="+", help="default: all")
    parser.add_argument(
        "--only", choices=("rows", "bounds"), help="the first or the second table"
    )
    parser.add_argument(
        "--update",
        default="influence",
        choices=("influence", "one_step"),
        help="of the first table; default: influence, several steps",
    )
    parser.add_argument("--quick", action="store_true", help="two splits of one table")
    arguments = parser.parse_args()
    makers = tables(arguments.compas)
    makers = {name: makers[name] for name in arguments.tables or makers}
    n_splits = arguments.splits
    if arguments.quick:
        makers, n_splits = dict([*makers.items()][:1]), 2
    warnings.simplefilter("ignore")
    if arguments.only != "bounds":
        print_rows(makers, arguments.update, n_splits)
        print()
    if arguments.only != "rows":
        print_bounds(makers, n_splits)


if __name__ == "__main__":
    main()
