"""How much of a correction is a score of the group, which it is never given.

    python examples/benchmarks/bench_implicit_groups.py --compas COMPAS.csv

The correlation, on test rows, between what a correction adds to the margins of a
logistic regression and the margin of a second one that predicts the group from the
same features; and how well that one tells the groups apart (area under the curve).
"""

import argparse
import warnings

import numpy as np
from peers.corrections import OBJECTIVES
from peers.problems import load_problems, split
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from skswu import UnlearningClassifier


def main():
    """Print a line a data set."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--compas", metavar="FILE.csv", help="COMPAS, may be gzipped")
    parser.add_argument("--splits", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="one split")
    options = parser.parse_args()
    n_splits = 1 if options.quick else options.splits
    warnings.simplefilter("ignore")
    print(f"| data | groups told apart | {' | '.join(OBJECTIVES)} |")
    print("|---|" + "---:|" * (1 + len(OBJECTIVES)))
    for name, make in load_problems(options.compas).items():
        found = [measure(make(seed), seed) for seed in range(n_splits)]
        cells = (f"{value:.2f}" for value in np.mean(found, axis=0))
        print(f"| {name} | {' | '.join(cells)} |", flush=True)


def measure(rows, seed):
    """Return the area under the curve, and a correlation an objective."""
    train, _, test = split(rows, seed)
    train = train.head(8000)
    fitted = LogisticRegression(max_iter=1000).fit(train.X, train.y)
    of_groups = LogisticRegression(max_iter=1000).fit(train.X, train.groups)
    group_score = of_groups.decision_function(test.X)
    found = [roc_auc_score(test.groups, group_score)]
    for objective in OBJECTIVES:
        model = UnlearningClassifier(fitted, objective=objective, update="one_step")
        model.unlearn(train.X, train.y, sensitive_features=train.groups)
        change = model.decision_function(test.X) - fitted.decision_function(test.X)
        found.append(abs(np.corrcoef(change, group_score)[0, 1]))
    return found


if __name__ == "__main__":
    main()
