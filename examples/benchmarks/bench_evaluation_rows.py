"""Which rows to measure a correction on: the gap that is left on fresh rows.

    python examples/benchmarks/bench_evaluation_rows.py --splits 20

For each table and objective: the share of the test gap that a correction at strength 1
leaves when it is measured on a held-out fifth (0.2), on bare training rows (None) and
by approximate leave-one-out (auto); and by how much ``objective_after_`` and
``objective_estimate_`` of the last are off the gap on the test rows.
"""

import argparse
import warnings

import numpy as np
from sklearn.linear_model import LogisticRegression

from skswu import UnlearningClassifier
from skswu.inputs import Groups
from skswu.objectives import OBJECTIVES
from skswu.updates import InfluenceUpdate

FRACTIONS = (0.2, None, "auto")
TABLES = {"500 x 20": (500, 20), "300 x 60": (300, 60), "2,000 x 30": (2000, 30)}
N_TEST = 20_000


def generated(rng, n_rows, n_columns):
    """Return a table whose groups differ in two features and in the labels."""
    group = rng.integers(0, 2, n_rows)
    X = rng.normal(size=(n_rows, n_columns))
    X[:, 0] += 0.8 * group
    X[:, 1] += 0.5 * group
    margin = X[:, 0] + 0.7 * X[:, 1] + 0.5 * X[:, 2] + 0.3 * group - 0.8
    return X, (margin + rng.logistic(size=n_rows) > 0).astype(int), group


def gaps(model, objective, test):
    """Return the tempered gaps of a model on the test rows."""
    X, y, group = test
    groups = Groups(group, ["0", "1"])
    metric = OBJECTIVES.resolve(objective).bind(
        y, np.array([0, 1]), groups, np.ones(len(y))
    )
    z = model.decision_function(X)
    return metric.values(np.column_stack([np.zeros_like(z), z]))


def measure(seed, shape, objective):
    """Return the shares left, one a fraction, and how far reports are off."""
    rng = np.random.default_rng(seed)
    X, y, group = generated(rng, *shape)
    test = generated(rng, N_TEST, shape[1])
    shares = []
    for fraction in FRACTIONS:
        model = UnlearningClassifier(
            LogisticRegression(max_iter=1000),
            objective=objective,
            update=InfluenceUpdate(max_iter=1),
            validation_fraction=fraction,
            random_state=seed,
        ).fit(X, y, sensitive_features=group)
        before = gaps(model.original_estimator_, objective, test)
        after = gaps(model, objective, test)
        shares.append(np.abs(after).mean() / np.abs(before).mean())
    sign = np.sign(before)
    off = [
        sign * (one - after)
        for one in (model.objective_after_, model.objective_estimate_)
    ]
    return shares, off


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--splits", type=int, default=20)
    parser.add_argument("--quick", action="store_true", help="one split of one table")
    arguments = parser.parse_args()
    n_splits = 1 if arguments.quick else arguments.splits
    tables = dict([*TABLES.items()][:1]) if arguments.quick else TABLES
    warnings.simplefilter("ignore")
    print("| table | objective | 0.2 | None | auto | after: bias, RMSE | estimate |")
    print("| --- | --- | ---: | ---: | ---: | ---: | ---: |")
    for name, shape in tables.items():
        for objective in ("demographic_parity", "equalized_odds"):
            found = [measure(seed, shape, objective) for seed in range(n_splits)]
            shares = np.mean([one for one, _ in found], axis=0)
            off = np.array([one for _, one in found]).swapaxes(0, 1).reshape(2, -1)
            reports = [f"{o.mean():+.3f}, {np.sqrt((o**2).mean()):.3f}" for o in off]
            cells = [name, objective, *(f"{share:.2f}" for share in shares), *reports]
            print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
