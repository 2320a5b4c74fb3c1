"""Predicted beside actual changes when a row of Adult is left out, as in the paper.

For demographic parity, equal opportunity as a gap of losses, robustness against inputs
made against the original model, and utility: Pearson's and Spearman's correlation of
the influences with retraining, and those that the authors published. Metrics are
measured on Adult's test rows. Below the same for the metrics that scikit-learn's
refits at their default tolerance give, on some of the rows: what an "actual" change is
worth that is smaller than the refit's own error.
"""

import argparse

import numpy as np
from scipy.stats import pearsonr, spearmanr
from sklearn.base import clone
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from skswu.datasets import load_adult
from skswu.inspection import influence_values, leave_one_out
from skswu.models import make_model_view
from skswu.objectives import AdversarialRobustness, DemographicParity, LossParity

OBJECTIVES = [
    DemographicParity(temperature=1.0),
    LossParity(label=True),
    AdversarialRobustness(attack="boundary", adaptive=False),
]
NAMES = ("parity", "opportunity", "robustness", "utility")
#: Pearson's and Spearman's correlations by name; None is not published.
PUBLISHED = {
    "parity": (0.998, None),
    "opportunity": (0.9995, None),
    "robustness": (0.378, 0.999),
    "utility": (0.146, 0.996),
}


def main():
    """Print a table for each kind of retraining."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--n-rows", type=int, help="training rows, default: all")
    parser.add_argument("--n-left-out", type=int, default=5000)
    parser.add_argument("--n-refits", type=int, default=300)
    options = parser.parse_args()
    training, test = adult(options.n_rows)
    rng = np.random.default_rng(0)
    left_out = rng.permutation(len(training["y"]))[: options.n_left_out]
    loose = LogisticRegression(max_iter=1000).fit(training["X"], training["y"])
    tight = LogisticRegression(solver="newton-cholesky", tol=1e-10, max_iter=100)
    tight.fit(training["X"], training["y"])
    asked = {
        "objective": OBJECTIVES,
        "sensitive_features": training["groups"],
        **{f"{name}_val": test[name] for name in ("X", "y")},
        "sensitive_features_val": test["groups"],
    }
    predicted = influence_values(tight, training["X"], training["y"], **asked)
    predicted = predicted.to_numpy()
    actual = leave_one_out(
        tight, training["X"], training["y"], indices=left_out, **asked
    )
    print(f"{len(training['y']):,} rows, {training['X'].shape[1]} columns")
    print_correlations(
        f"{len(left_out):,} exact", predicted[left_out], actual.to_numpy()
    )
    some = left_out[: options.n_refits]
    refits = refit_changes(loose, training, test, some)
    print_correlations(f"{len(some)} refits at tol=1e-4", predicted[some], refits)


def adult(n_rows):
    """Return Adult's training and test rows, one-hot, without the sex."""
    parts = [load_adult(subset=subset).frame for subset in ("train", "test")]
    parts[0] = parts[0].iloc[:n_rows]
    encode = make_column_transformer(
        (StandardScaler(), make_column_selector(dtype_include="number")),
        (
            OneHotEncoder(sparse_output=False, handle_unknown="ignore"),
            make_column_selector(dtype_exclude="number"),
        ),
    ).fit(parts[0].drop(columns=["income", "sex", "fnlwgt"]))
    return [
        {
            "X": encode.transform(part),
            "y": (part["income"] == ">50K").to_numpy(),
            "groups": part["sex"].to_numpy(dtype=str),
        }
        for part in parts
    ]


def refit_changes(fitted, training, test, indices):
    """Return the changes of all metrics by scikit-learn's fits without a row each."""
    view = make_model_view(fitted)
    rows = view.evaluation_rows(test["X"], test["y"])
    attack = OBJECTIVES[2].make_attack()
    attacked = view.adversarial_rows(rows, view.parameters, attack)
    before = measure(fitted, attacked, test)
    changes = []
    for index in indices:
        X, y = (np.delete(training[name], index, axis=0) for name in ("X", "y"))
        changes.append(measure(clone(fitted).fit(X, y), attacked, test) - before)
    return np.array(changes)


def measure(classifier, attacked, test):
    """Return the gaps in mean probability and loss, and the mean losses."""
    y, men = test["y"], test["groups"] == "Male"
    probability = classifier.predict_proba(test["X"])[:, 1]
    loss = -np.log(np.where(y, probability, 1.0 - probability))
    view = make_model_view(classifier)
    score = view.scores(attacked, view.parameters)
    margin = np.where(y, 1.0, -1.0) * (score[:, 1] - score[:, 0])
    return np.array(
        [
            probability[men].mean() - probability[~men].mean(),
            loss[men & y].mean() - loss[~men & y].mean(),
            np.logaddexp(0.0, -margin).mean(),
            loss.mean(),
        ]
    )


def print_correlations(title, predicted, actual):
    print(f"\n| {title} | Pearson | published | Spearman | published |")
    print("|---|---:|---:|---:|---:|")
    for name, one, other in zip(NAMES, predicted.T, actual.T, strict=True):
        shown = [
            cell
            for correlation, published in zip(
                (pearsonr, spearmanr), PUBLISHED[name], strict=True
            )
            for cell in (f"{correlation(one, other)[0]:.5f}", published or "-")
        ]
        print(f"| {name} | {' | '.join(map(str, shown))} |")


if __name__ == "__main__":
    main()
