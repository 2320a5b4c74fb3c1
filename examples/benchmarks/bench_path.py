"""Time of a path of strengths, in units of one correction of the same classifier.

A path measures each of its strengths by thresholded predictions, so its time is that of
choosing, too. Cases: Adult, one-hot, dense and sparse, and synthetic rows; evaluation
rows are the training rows or a fifth held out. ``--alone`` adds the time of as many
corrections of their own. Each number is the median of several runs.

Machines that do other things at the same time are best measured with
``OMP_NUM_THREADS=1`` and ``--clock cpu``.
"""

import argparse
import time
import warnings

import numpy as np
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from skswu import UnlearningClassifier, UnlearningClassifierCV
from skswu.datasets import load_adult
from skswu.weighting import SoftWeighting

CLOCKS = {"wall": time.perf_counter, "cpu": time.process_time}


def main():
    """Print a table, a line a case."""
    options = parse_arguments()
    # Corrections beyond what the linearisation holds warn; here only time counts.
    warnings.simplefilter("ignore")
    print(f"{'data':<14}{'rows':>8}{'columns':>9}  {'evaluated on':<14}", end="")
    print(f"{'one (s)':>9}{'path (s)':>10}{'ratio':>8}{'alone':>8}")
    for name, (X, y, group) in make_cases(options.quick):
        for held_out in (False, True):
            measure(name, X, y, group, held_out, options)


def parse_arguments():
    """Return the command line's options."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="few rows, few runs")
    parser.add_argument("--alone", action="store_true", help="also without sharing")
    parser.add_argument("--strengths", type=int, default=50)
    parser.add_argument("--clock", choices=CLOCKS, default="wall")
    return parser.parse_args()


def make_cases(quick):
    """Yield names and data."""
    yield "adult", adult(quick, sparse=False)
    yield "adult, sparse", adult(quick, sparse=True)
    yield "synthetic", synthetic(20_000 if quick else 200_000, 50)


def adult(quick, sparse):
    """Return Adult's training rows, one-hot."""
    frame = load_adult(subset="train").frame
    frame = frame.iloc[:8000] if quick else frame
    transformer = make_column_transformer(
        (StandardScaler(), make_column_selector(dtype_include="number")),
        (
            OneHotEncoder(sparse_output=sparse),
            make_column_selector(dtype_exclude="number"),
        ),
        sparse_threshold=float(sparse),
    )
    X = transformer.fit_transform(frame.drop(columns=["income", "sex"]))
    return X, (frame["income"] == ">50K").to_numpy(), frame["sex"].to_numpy()


def synthetic(n_samples, n_features):
    """Return rows of two groups that differ in a few features."""
    rng = np.random.default_rng(0)
    group = rng.integers(0, 2, n_samples)
    X = rng.normal(size=(n_samples, n_features))
    X[:, :5] += 0.4 * group[:, None]
    y = X @ rng.normal(size=n_features) / 3 + rng.logistic(size=n_samples) > 0
    return X, y, group


def measure(name, X, y, group, held_out, options):
    """Print the line of one case."""
    rows = split(X, y, group, held_out)
    fitted = LogisticRegression(max_iter=1000).fit(rows["X"], rows["y"])
    single = UnlearningClassifier(fitted)
    path = UnlearningClassifierCV(
        fitted, strengths=options.strengths, max_disparity=0.1
    )
    runs = 3 if options.quick else 7
    one = median_time(lambda: single.unlearn(**rows), runs, options.clock)
    all_of_them = median_time(lambda: path.unlearn(**rows), runs, options.clock)
    evaluated_on = "held-out" if held_out else "training"
    shape = rows["X"].shape
    print(f"{name:<14}{shape[0]:>8}{shape[1]:>9}  {evaluated_on:<14}", end="")
    print(f"{one:>9.3f}{all_of_them:>10.3f}{all_of_them / one:>8.2f}", end="")
    if options.alone:
        strengths = np.linspace(0, 1, options.strengths)
        alone = median_time(
            lambda: correct_alone(fitted, rows, strengths), 1, options.clock
        )
        print(f"{alone / one:>8.2f}", end="")
    print(flush=True)


def split(X, y, group, held_out):
    """Return the arguments of ``unlearn``."""
    if not held_out:
        return {"X": X, "y": y, "sensitive_features": group}
    n_train = int(0.8 * len(y))
    train, test = slice(n_train), slice(n_train, None)
    return {
        "X": X[train],
        "y": y[train],
        "sensitive_features": group[train],
        "X_val": X[test],
        "y_val": y[test],
        "sensitive_features_val": group[test],
    }


def correct_alone(fitted, rows, strengths):
    """Correct at each strength from scratch."""
    for strength in strengths:
        weighting = SoftWeighting(strength=strength)
        UnlearningClassifier(fitted, weighting=weighting).unlearn(**rows)


def median_time(function, runs, clock):
    """Return the median seconds of a call, after one that warms up."""
    function()
    times = []
    for _ in range(runs):
        start = CLOCKS[clock]()
        function()
        times.append(CLOCKS[clock]() - start)
    return float(np.median(times))


if __name__ == "__main__":
    main()
