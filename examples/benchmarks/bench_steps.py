"""One step or several: what is reached, what it costs, and what fresh rows say.

    python examples/benchmarks/bench_steps.py --splits 10 --compas FILE.csv

For each table and objective at strengths 0.5 and 1, of one step and of several with
weights c on the original objective (``objective_weight``): the largest miss of the
target on the rows that are measured, relative to the gap before; on test rows the share
of the gap that is left, and log loss and accuracy less those of one step, paired over
splits, with standard errors; processor time in units of one step's. Last, the time of
searches over 51 strengths by 3 folds.

COMPAS is ProPublica's table of two-year recidivism as a CSV file with the columns sex,
age, race, juv_fel_count, juv_misd_count, juv_other_count, priors_count,
c_charge_degree and two_year_recid.
"""

import argparse
import time
import warnings
from functools import partial

import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, log_loss
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from skswu import UnlearningClassifier, UnlearningClassifierCV
from skswu.datasets import load_adult
from skswu.inputs import Groups
from skswu.objectives import OBJECTIVES
from skswu.updates import InfluenceUpdate
from skswu.weighting import SoftWeighting

WAYS = {
    "one step": (1, 0.0),
    "several, c = 0": ("auto", 0.0),
    "several, c = 1": ("auto", 1.0),
    "several, c = 4": ("auto", 4.0),
}
N_TEST = 20_000


def adult(seed, n_rows):
    """Return encoded rows of Adult to train on and others to test on."""
    frame = load_adult(subset="train").frame.sample(frac=1.0, random_state=seed)
    y = (frame.pop("income") == ">50K").to_numpy().astype(int)
    group = (frame["sex"] == "Male").to_numpy().astype(int)
    return encoded(frame[: n_rows + N_TEST], y, group, n_rows)


def compas(seed, path):
    """Return one half of COMPAS to train on and the other to test on."""
    frame = pd.read_csv(path)
    frame = frame[frame["race"].isin(["African-American", "Caucasian"])]
    frame = frame.sample(frac=1.0, random_state=seed)
    group = (frame.pop("race") == "Caucasian").to_numpy().astype(int)
    y = frame.pop("two_year_recid").to_numpy()
    return encoded(frame, y, group, len(frame) // 2)


def encoded(frame, y, group, n_rows):
    """Return the first rows of a table and the others, encoded by the first."""
    number = frame.select_dtypes("number").columns
    encode = make_column_transformer(
        (StandardScaler(), number),
        (
            OneHotEncoder(sparse_output=False, handle_unknown="ignore"),
            frame.columns.difference(number),
        ),
    )
    X = encode.fit(frame[:n_rows]).transform(frame)
    rows = slice(0, n_rows), slice(n_rows, len(X))
    return [(X[some], y[some], group[some]) for some in rows]


def generated(seed, n_rows):
    """Return rows whose groups differ in two of 20 features and in the labels."""
    rng, n = np.random.default_rng(seed), n_rows + N_TEST
    group, X = rng.integers(0, 2, n), rng.normal(size=(n, 20))
    X[:, 0] += 0.8 * group
    X[:, 1] += 0.5 * group
    margin = X[:, 0] + 0.7 * X[:, 1] + 0.5 * X[:, 2] + 0.3 * group - 0.8
    y = (margin + rng.logistic(size=n) > 0).astype(int)
    rows = slice(0, n_rows), slice(n_rows, n)
    return [(X[some], y[some], group[some]) for some in rows]


def gap(model, objective, test):
    """Return the length of the tempered gaps of a model on the test rows."""
    X, y, group = test
    groups = Groups(group, ["0", "1"])
    metric = OBJECTIVES.resolve(objective)
    metric = metric.bind(y, np.array([0, 1]), groups, np.ones(len(y)))
    z = model.decision_function(X)
    return np.linalg.norm(metric.values(np.column_stack([np.zeros_like(z), z])))


def load_tables(path):
    """Return functions of a seed that return rows to train and to test on, by name."""
    tables = {
        "Adult, 1,000": partial(adult, n_rows=1000),
        "Adult, 5,000": partial(adult, n_rows=5000),
        "generated, 2,000": partial(generated, n_rows=2000),
    }
    if path:
        tables["COMPAS, half"] = partial(compas, path=path)
    return tables


def measure(table, objective, strength):
    """Return miss, share left, loss, accuracy and seconds, (n_ways, 5)."""
    (X, y, group), test = table
    fitted = make_pipeline(LogisticRegression(max_iter=2000)).fit(X, y)
    before, found = gap(fitted, objective, test), []
    for steps, c in WAYS.values():
        model = UnlearningClassifier(
            fitted,
            objective=objective,
            weighting=SoftWeighting(strength=strength, objective_weight=c),
            update=InfluenceUpdate(max_iter=steps),
        )
        start = time.process_time()
        model.unlearn(X, y, sensitive_features=group)
        seconds = time.process_time() - start
        size = np.linalg.norm(model.objective_before_)
        miss = np.linalg.norm(model.objective_after_ - model.objective_target_) / size
        left = gap(model, objective, test) / before
        loss = log_loss(test[1], model.predict_proba(test[0]))
        accuracy = accuracy_score(test[1], model.predict(test[0]))
        found.append([miss, left, loss, accuracy, seconds])
    return found


def search_seconds(table, objective, steps):
    """Return the processor time of a search over the default strengths."""
    (X, y, group), _ = table
    search = UnlearningClassifierCV(
        LogisticRegression(max_iter=2000),
        objective=objective,
        update=InfluenceUpdate(max_iter=steps),
        cv=3,
    )
    start = time.process_time()
    search.fit(X, y, sensitive_features=group)
    return time.process_time() - start


def paired(values):
    """Return differences to one step in words, by the mean and its standard error."""
    error = values.std(ddof=1) / np.sqrt(len(values)) if len(values) > 1 else np.nan
    return f"{values.mean():+.4f} ± {error:.4f}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--splits", type=int, default=10)
    parser.add_argument("--compas", metavar="FILE.csv", help="COMPAS, may be gzipped")
    parser.add_argument("--quick", action="store_true", help="one split of one table")
    arguments = parser.parse_args()
    tables = load_tables(arguments.compas)
    if arguments.quick:
        tables = {name: tables[name] for name in [*tables][:1]}
    n_splits = 1 if arguments.quick else arguments.splits
    warnings.simplefilter("ignore")
    print(
        "| table | objective | strength | way | largest miss | gap left | "
        "loss | accuracy | time |"
    )
    print("| --- | --- | ---: | --- | ---: | ---: | ---: | ---: | ---: |")
    for name, make in tables.items():
        for objective in ("demographic_parity", "equalized_odds"):
            for strength in (0.5, 1.0):
                table = np.array(
                    [
                        measure(make(100 + seed), objective, strength)
                        for seed in range(n_splits)
                    ]
                )
                for position, way in enumerate(WAYS):
                    miss, left, loss, accuracy, seconds = table[:, position].T
                    _, _, loss_0, accuracy_0, seconds_0 = table[:, 0].T
                    cells = [
                        name,
                        objective.replace("_", " "),
                        f"{strength}",
                        way,
                        f"{miss.max():.3f}",
                        f"{left.mean():.2f}",
                        paired(loss - loss_0),
                        paired(accuracy - accuracy_0),
                        f"{np.median(seconds / seconds_0):.1f}",
                    ]
                    print(f"| {' | '.join(cells)} |", flush=True)
    if arguments.quick:
        return
    print("\n| search over 51 strengths | one step, s | several, c = 1 |")
    print("| --- | ---: | ---: |")
    for name, make in tables.items():
        for objective in ("demographic_parity", "equalized_odds"):
            one, several = (
                search_seconds(make(100), objective, steps) for steps in (1, "auto")
            )
            words = objective.replace("_", " ")
            print(f"| {name}, {words} | {one:.2f} | {several / one:.0f} x |")


if __name__ == "__main__":
    main()
