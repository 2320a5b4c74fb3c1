"""How the temperature of the fairness objectives' surrogate should be set.

The surrogate compares mean probabilities, sharpened by the temperature; what counts is
the difference of the thresholded predictions' rates. For each temperature, on Adult and
(given its file) COMPAS, over several splits:

- test error: distance of fairlearn's difference on test rows from the asked share of
  the original one, in units of the original one, over the strengths; training error:
  the same on the rows that the objective is measured on;
- prediction error: distance between the predicted and the reached surrogate, in units
  of the original surrogate;
- accuracy and log loss on test rows where the thresholded difference there is half and
  a quarter of the original one, interpolated over the strengths, over those of the
  splits where it gets so small;
- short steps: share of the corrections whose step was shortened.

COMPAS is ProPublica's table of two-year recidivism as a CSV file with the columns sex,
age, race, juv_fel_count, juv_misd_count, juv_other_count, priors_count,
c_charge_degree and two_year_recid; African-American and Caucasian defendants are
compared.
"""

import argparse
import warnings

import numpy as np
import pandas as pd
from fairlearn.metrics import (
    demographic_parity_difference,
    equal_opportunity_difference,
    equalized_odds_difference,
)
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, log_loss
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from skswu import UnlearningClassifier
from skswu.datasets import load_adult
from skswu.objectives import DemographicParity, EqualizedOdds, EqualOpportunity
from skswu.weighting import SoftWeighting

OBJECTIVES = {
    "demographic parity": (DemographicParity, demographic_parity_difference),
    "equal opportunity": (EqualOpportunity, equal_opportunity_difference),
    "equalized odds": (EqualizedOdds, equalized_odds_difference),
}
TEMPERATURES = (1.0, 0.5, 0.25, 0.1, 0.05)
STRENGTHS = (0.25, 0.5, 0.75, 1.0)
LEFT = (0.5, 0.25)
COLUMNS = (
    "test error",
    "training error",
    "prediction error",
    "short steps",
    "accuracy at 1/2",
    "at 1/4",
    "log loss at 1/2",
    "at 1/4",
)


def main():
    """Print a table for each data set and objective."""
    options = parse_arguments()
    data = {"Adult": adult(5000 if options.quick else None)}
    if options.compas:
        data["COMPAS"] = compas(options.compas)
    for name, rows in data.items():
        for objective in OBJECTIVES:
            print_table(f"{name}, {objective}", rows, objective, options)


def parse_arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="fewer rows, one split")
    parser.add_argument("--compas", metavar="FILE.csv", help="COMPAS, may be gzipped")
    parser.add_argument("--splits", type=int, help="splits of the rows (default: 5)")
    options = parser.parse_args()
    options.splits = options.splits or (1 if options.quick else 5)
    return options


def adult(n_rows):
    """Return the features of Adult without the sex, the labels and the sex."""
    bunch = load_adult()
    X = bunch.data.drop(columns="sex")[:n_rows]
    y = (bunch.target == ">50K").to_numpy()[:n_rows]
    return X, y, bunch.data["sex"].to_numpy()[:n_rows]


def compas(path):
    """Return the features of COMPAS without the race, the labels and the race."""
    frame = pd.read_csv(path)
    frame = frame[frame["race"].isin(["African-American", "Caucasian"])]
    X = frame.drop(columns=["race", "two_year_recid"])
    return X, frame["two_year_recid"].to_numpy() == 1, frame["race"].to_numpy()


def encode(X):
    numbers = X.select_dtypes("number").columns
    one_hot = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    encoder = make_column_transformer(
        (StandardScaler(), numbers),
        (one_hot, X.columns.difference(numbers, sort=False)),
    )
    return encoder.fit_transform(X)


def print_table(title, data, objective, options):
    print(f"\n{title}\n")
    print(f"| temperature | {' | '.join(COLUMNS)} |")
    print("|" + "---:|" * (len(COLUMNS) + 1))
    for temperature in TEMPERATURES:
        splits = [
            measure_split(data, objective, temperature, seed)
            for seed in range(options.splits)
        ]
        cells = [summary(column) for column in np.transpose(splits)]
        print(f"| {temperature:g} | {' | '.join(cells)} |", flush=True)


def summary(values):
    """Return mean ± standard deviation, and how many of the values there are."""
    found = values[~np.isnan(values)]
    if len(found) == 0:
        return "-"
    count = "" if len(found) == len(values) else f" ({len(found)} of {len(values)})"
    return f"{found.mean():.3f} ± {found.std():.3f}{count}"


def measure_split(data, objective, temperature, seed):
    """Return the values of COLUMNS for one split."""
    make_objective, difference = OBJECTIVES[objective]
    X, y, groups = data
    X = encode(X)
    cells = [f"{label} {group}" for label, group in zip(y, groups, strict=True)]
    X, X_test, y, y_test, groups, groups_test = train_test_split(
        X, y, groups, test_size=1 / 3, random_state=seed, stratify=cells
    )
    classifier = LogisticRegression(max_iter=1000).fit(X, y)

    def gap(model, X, y, groups):
        return difference(y, model.predict(X), sensitive_features=groups)

    def on_test_rows(model):
        return (
            gap(model, X_test, y_test, groups_test),
            accuracy_score(y_test, model.predict(X_test)),
            log_loss(y_test, model.predict_proba(X_test)[:, 1]),
        )

    before = gap(classifier, X_test, y_test, groups_test)
    before_in_training = gap(classifier, X, y, groups)
    curve, errors = [on_test_rows(classifier)], []
    for strength in STRENGTHS:
        model = UnlearningClassifier(
            classifier,
            objective=make_objective(temperature=temperature),
            weighting=SoftWeighting(strength=strength),
            update="one_step",
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model.unlearn(X, y, sensitive_features=groups)
        curve.append(on_test_rows(model))
        asked = 1.0 - strength
        errors.append(
            (
                abs(curve[-1][0] / before - asked),
                abs(gap(model, X, y, groups) / before_in_training - asked),
                relative_error(model),
                model.step_length_ < 1.0,
            )
        )
    return [*np.mean(errors, axis=0), *at_shares(np.array(curve))]


def relative_error(model):
    """Return the distance of the reached surrogate from the predicted one."""
    error = model.objective_after_ - model.objective_predicted_
    return np.linalg.norm(error) / np.linalg.norm(model.objective_before_)


def at_shares(curve):
    """Return accuracy, then log loss, where a share of the difference is left."""
    gap, *others = curve.T
    return [
        value
        for column in others
        for value in (first_crossing(gap, column, share * gap[0]) for share in LEFT)
    ]


def first_crossing(gap, values, level):
    """Return the value where the gap first falls to a level, NaN if it does not."""
    below = np.flatnonzero(gap <= level)
    if len(below) == 0:
        return np.nan
    ends = slice(below[0], below[0] - 2 if below[0] > 1 else None, -1)
    return np.interp(level, gap[ends], values[ends])


if __name__ == "__main__":
    main()
