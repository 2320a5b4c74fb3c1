"""Leaving out every training row of Adult, beside refits and beside influences.

``skswu.inspection.leave_one_out`` retrains without each of the rows in turn. Baselines
in the same run: scikit-learn's own refits without some of the rows, their time scaled
to all of them, and ``influence_values``, which predicts the changes. Differences are
the largest over those rows, in the demographic parity gap and in the mean loss.

Run with ``--quick`` for 2,000 rows.
"""

import argparse
import time

import numpy as np
from sklearn.base import clone
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from skswu.datasets import load_adult
from skswu.inspection import influence_values, leave_one_out
from skswu.objectives import DemographicParity

# Tight, so that a refit's own error does not show.
ESTIMATOR = LogisticRegression(solver="newton-cholesky", tol=1e-10, max_iter=100)
OBJECTIVE = DemographicParity(temperature=1.0)


def main():
    """Print a line a way."""
    options = parse_arguments()
    X, y, group = adult(2000 if options.quick else None)
    fitted = clone(ESTIMATOR).fit(X, y)
    rows = {"sensitive_features": group, "objective": OBJECTIVE}
    print(f"{len(y):,} rows, {X.shape[1]} columns, n_jobs={options.n_jobs}")
    found, seconds = timed(
        lambda: leave_one_out(fitted, X, y, n_jobs=options.n_jobs, **rows)
    )
    print(f"{'leave_one_out, all rows':<34}{seconds:>10.2f} s")

    indices = np.linspace(0, len(y) - 1, options.n_refits).astype(int)
    refits, alone = timed(lambda: refit_changes(fitted, X, y, group, indices))
    alone *= len(y) / options.n_refits
    print(f"{'refits, scaled to all rows':<34}{alone:>10.2f} s", end="")
    print(f"{alone / seconds:>10.1f} x")
    difference = np.abs(found.to_numpy()[indices] - refits).max()
    size = np.abs(refits).max()
    print(
        f"largest difference from {options.n_refits} refits: {difference:.1e},", end=""
    )
    print(f" largest change {size:.1e}")

    predicted, quick = timed(lambda: influence_values(fitted, X, y, **rows))
    print(f"{'influence_values, all rows':<34}{quick:>10.2f} s", end="")
    print(f"{quick / seconds:>10.4f} x")
    for name in found.columns:
        correlation = found[name].corr(predicted[name])
        print(f"correlation of predicted and actual, {name}: {correlation:.6f}")


def parse_arguments():
    """Return the command line's options."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="2,000 rows")
    parser.add_argument("--n-jobs", type=int, default=2)
    parser.add_argument("--n-refits", type=int, default=20)
    return parser.parse_args()


def adult(n_rows):
    """Return Adult's training rows, one-hot."""
    frame = load_adult(subset="train").frame.iloc[:n_rows]
    transformer = make_column_transformer(
        (StandardScaler(), make_column_selector(dtype_include="number")),
        (
            OneHotEncoder(sparse_output=False),
            make_column_selector(dtype_exclude="number"),
        ),
    )
    X = transformer.fit_transform(frame.drop(columns=["income", "sex"]))
    return X, (frame["income"] == ">50K").to_numpy(), frame["sex"].to_numpy()


def timed(function):
    """Return what a function returns, and the seconds it took."""
    start = time.perf_counter()
    value = function()
    return value, time.perf_counter() - start


def refit_changes(fitted, X, y, group, indices):
    """Return the changes of gap and loss by scikit-learn's fits without a row each."""
    before = measure(fitted, X, y, group)
    changes = []
    for index in indices:
        kept = np.arange(len(y)) != index
        refit = clone(fitted).fit(X[kept], y[kept])
        changes.append(measure(refit, X, y, group) - before)
    return np.array(changes)


def measure(classifier, X, y, group):
    """Return the gap in mean probability and the mean loss."""
    probability = classifier.predict_proba(X)[:, 1]
    men = group == "Male"
    loss = -np.log(np.where(y, probability, 1.0 - probability)).mean()
    return np.array([probability[men].mean() - probability[~men].mean(), loss])


if __name__ == "__main__":
    main()
