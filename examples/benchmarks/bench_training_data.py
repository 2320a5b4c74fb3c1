"""Newton decrements of fits on their own rows and on others, and what is warned of.

Every linear classifier of scikit-learn that can be corrected is fitted by each of its
solvers, at several tolerances and numbers of iterations, to data of several kinds, and
is then given

- its own rows, also with sample weights, which must never be warned of;
- its own rows without the sample weights of the fit, labels in another order, rows in
  reverse, rows of the same distribution that it has not seen;
- of a Pipeline with a TargetEncoder, what ``transform`` makes of the rows.

Of networks, the losses of rows are compared with what skorch recorded of the training.

The numbers in ``docs/benchmarks_training_data.md`` are those of a run without options.
Run with ``--quick`` for a few classifiers on two data sets.
"""

import argparse
import warnings
from importlib.util import find_spec

import numpy as np
import pandas as pd
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import (
    LogisticRegression,
    LogisticRegressionCV,
    RidgeClassifier,
    RidgeClassifierCV,
    SGDClassifier,
)
from sklearn.preprocessing import OneHotEncoder, StandardScaler, TargetEncoder
from sklearn.svm import LinearSVC

from skswu import UnlearningClassifier
from skswu.datasets import load_adult
from skswu.exceptions import TrainingDataWarning
from skswu.weighting import SoftWeighting

CASES = ("own", "forgotten", "shuffled", "reversed", "fresh")
_TOLERANCES = (1e-2, 1e-4, 1e-8)
_ITERATIONS = (1, 3, 10, 30)


def main():
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="few classifiers")
    quick = parser.parse_args().quick
    table = measure(quick)
    print(summary(table, "classifier"), summary(table, "data"), sep="\n\n")
    encoded = measure_encoders(quick)
    print("\n" + encoded.to_string(index=False, float_format="{:.0e}".format))
    if find_spec("skorch"):
        print("\n" + measure_networks(quick).round(2).to_string(index=False))


def measure(quick):
    """Return a row for each fit and each of the cases."""
    data = {name: DATA[name] for name in list(DATA)[: 2 if quick else None]}
    rows = []
    for name, make in data.items():
        for label, estimator in classifiers(quick):
            for seed in range(1 if quick else 3):
                rng = np.random.default_rng(seed)
                X, y = make(rng)
                for case, given in cases(estimator, X, y, rng):
                    decrement, warned = given
                    rows.append((name, label, case, decrement, warned))
    columns = ["data", "classifier", "case", "decrement", "warned"]
    return pd.DataFrame(rows, columns=columns)


def cases(estimator, X, y, rng):
    """Yield the name of a case, and the decrement with whether it is warned of."""
    n = len(y)
    weight = np.where(y == y.max(), 10.0, 1.0)
    fitted = fit(estimator, X, y)
    if fitted is not None:
        yield "own", decrement(fitted, X, y)
        yield "shuffled", decrement(fitted, X, rng.permutation(y))
        yield "reversed", decrement(fitted, np.ascontiguousarray(X[::-1]), y)
    weighted = fit(estimator, X, y, sample_weight=weight)
    if weighted is not None:
        yield "own, weighted", decrement(weighted, X, y, weight)
        yield "forgotten", decrement(weighted, X, y)
    half = fit(estimator, X[: n // 2], y[: n // 2])
    if half is not None:
        yield "fresh", decrement(half, X[n // 2 :], y[n // 2 :])


def fit(estimator, X, y, **options):
    """Return the fitted estimator, None if scikit-learn refuses or it overflows."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return estimator.fit(X, y, **options)
        except ValueError:
            return None


def decrement(fitted, X, y, sample_weight=None):
    """Return the decrement, and whether a TrainingDataWarning is raised."""
    nothing = SoftWeighting(strength=0.0)
    model = UnlearningClassifier(fitted, objective="target_utility", weighting=nothing)
    with warnings.catch_warnings(record=True) as met, np.errstate(all="ignore"):
        warnings.simplefilter("always")
        model.unlearn(X, y, sample_weight=sample_weight)
    warned = any(issubclass(one.category, TrainingDataWarning) for one in met)
    return model.training_decrement_, warned


def measure_encoders(quick):
    """Return decrements behind a TargetEncoder, of what fit and transform give."""
    rows = []
    for n in (300,) if quick else (300, 1000, 3000):
        for n_codes in (60,) if quick else (10, 60, 200):
            for label, estimator in (
                ("LogisticRegression", LogisticRegression()),
                ("RidgeClassifier", RidgeClassifier()),
                ("LinearSVC", LinearSVC()),
                ("SGDClassifier", SGDClassifier(loss="log_loss", alpha=0.01)),
            ):
                found = encoded(estimator, n, n_codes)
                rows.append((n, n_codes, label, *found))
    columns = ["n_samples", "n_codes", "classifier", "fit", "fit warned"]
    return pd.DataFrame(rows, columns=[*columns, "transform", "transform warned"])


def encoded(estimator, n, n_codes):
    """Return decrement and warning on the encodings of fit, and of transform."""
    rng = np.random.default_rng(0)
    number = rng.normal(size=n)
    code = rng.integers(0, n_codes, n).astype(str)
    y = (number + rng.normal(size=n) > 0.5).astype(int)
    frame = pd.DataFrame({"number": number, "code": code})
    encoder = make_column_transformer(
        (TargetEncoder(), ["code"]), remainder="passthrough"
    )
    seen = encoder.fit_transform(frame, y)
    estimator.fit(seen, y)
    return *decrement(estimator, seen, y), *decrement(
        estimator, encoder.transform(frame), y
    )


def measure_networks(quick):
    """Return how much more nets lose than they recorded, and what is told of that."""
    import torch

    torch.set_num_threads(1)
    rows = []
    for kind in NETWORKS[: 2 if quick else None]:
        for n_epochs in (2,) if quick else (1, 2, 8, 30):
            for rate in (0.01,) if quick else (0.01, 0.1, 0.5):
                for seed in range(1 if quick else 4):
                    rng = np.random.default_rng(seed)
                    n_samples = (200, 1000)[seed % 2]
                    found = above_recorded(rng, kind, n_epochs, rate, n_samples)
                    rows.append((kind, n_epochs, rate, *found))
    keys = ["kind", "n_epochs", "lr"]
    columns = ["in evaluation", "in training", "own, %", "shuffled, %", "flipped, %"]
    table = pd.DataFrame(rows, columns=[*keys, *columns])
    table[columns[2:]] *= 100.0
    whats = dict.fromkeys(columns[:2], "max") | dict.fromkeys(columns[2:], "mean")
    return table.groupby(keys, sort=False).agg(whats).reset_index()


def above_recorded(rng, kind, n_epochs, rate, n_samples):
    """Return by how much own rows are above the record, and which rows are told."""
    import torch
    from skorch import NeuralNetClassifier

    from skswu.models import make_model_view
    from skswu.models.torch._training_mode import training_mode_losses

    X = rng.normal(size=(n_samples, 8)).astype(np.float32)
    score = X[:, 0] + X[:, 1] * X[:, 2] + 0.3 * rng.normal(size=n_samples)
    y = (score > 0.3).astype(np.int64)
    torch.manual_seed(int(rng.integers(1000)))
    net = NeuralNetClassifier(
        torch.nn.Sequential(*layers_of(kind)),
        criterion=torch.nn.CrossEntropyLoss,
        optimizer=torch.optim.Adam,
        lr=rate,
        max_epochs=n_epochs,
        batch_size=64,
        train_split=None,
        verbose=0,
    ).fit(X, y)
    view, recorded = make_model_view(net), net.history[-1]["train_loss"]
    own = view.training_rows(X, y)
    _, losses = training_mode_losses(view.network, own, view.loss)
    told = []
    for labels in (y, rng.permutation(y), 1 - y):
        with warnings.catch_warnings(record=True) as met:
            warnings.simplefilter("always")
            view.check_training_rows(view.training_rows(X, labels))
        told.append(any(issubclass(m.category, TrainingDataWarning) for m in met))
    return own.mean_loss - recorded, losses.mean() - recorded, *told


def layers_of(kind):
    """Return the layers of a net of eight features and two classes."""
    from torch import nn

    def norm():
        return nn.BatchNorm1d(32)

    between = {
        "plain": [nn.ReLU()],
        "batch norm": [norm(), nn.ReLU()],
        "two batch norms": [norm(), nn.ReLU(), nn.Linear(32, 32), norm(), nn.ReLU()],
        "dropout": [nn.Dropout(0.5), nn.ReLU()],
        "much dropout": [nn.Dropout(0.8), nn.ReLU(), nn.Dropout(0.8)],
    }
    return [nn.Linear(8, 32), *between[kind], nn.Linear(32, 2)]


NETWORKS = ["plain", "batch norm", "two batch norms", "dropout", "much dropout"]


def summary(table, by):
    """Return the largest decrement on own rows, and what is warned of, as text."""
    table = table.assign(case=table["case"].replace("own, weighted", "own"))
    groups = table.groupby([by, "case"], sort=False)
    warned = 100 * groups["warned"].mean().unstack()
    columns = {f"{case}, %": warned[case].map("{:.0f}".format) for case in CASES}
    own = groups["decrement"].max().xs("own", level="case")
    columns = {"own, largest": own.map("{:.0e}".format), **columns}
    median = groups["decrement"].median().xs("forgotten", level="case")
    columns["forgotten, median"] = median.map("{:.0e}".format)
    return pd.DataFrame(columns).to_string()


def classifiers(quick):
    """Return pairs of a label and an estimator."""
    found = [("LogisticRegression", LogisticRegression())]
    found.append(("SGD log_loss alpha=.01", sgd("log_loss", alpha=0.01)))
    if quick:
        return found
    for solver in ("lbfgs", "newton-cg", "newton-cholesky", "liblinear", "sag", "saga"):
        for tol in _TOLERANCES:
            one = LogisticRegression(solver=solver, tol=tol, max_iter=1000)
            found.append((f"{solver} tol={tol:g}", one))
        for max_iter in _ITERATIONS:
            one = LogisticRegression(solver=solver, max_iter=max_iter)
            found.append((f"{solver} max_iter={max_iter}", one))
    for C in (1e-3, 1e4):
        found.append((f"lbfgs C={C:g}", LogisticRegression(C=C)))
    for solver in ("liblinear", "saga"):
        one = LogisticRegression(solver=solver, l1_ratio=1.0)
        found.append((f"{solver} l1", one))
    found.append(("balanced", LogisticRegression(class_weight="balanced")))
    cross_validated = LogisticRegressionCV(
        Cs=4, cv=3, l1_ratios=(0.0,), use_legacy_attributes=False
    )
    found.append(("LogisticRegressionCV", cross_validated))
    for solver in ("auto", "lsqr", "sparse_cg", "sag", "saga"):
        found.append((f"ridge {solver}", RidgeClassifier(solver=solver)))
    found.append(("RidgeClassifierCV", RidgeClassifierCV()))
    for dual in (True, False):
        for tol in (1e-2, 1e-4):
            found.append((f"SVC dual={dual} {tol:g}", LinearSVC(dual=dual, tol=tol)))
    for loss in ("log_loss", "modified_huber", "squared_hinge"):
        found.append((f"SGD {loss}", sgd(loss)))
    found.append(("SGD average", sgd("log_loss", average=True)))
    found.append(("SGD max_iter=5", sgd("log_loss", max_iter=5)))
    found.append(("SGD early_stopping", sgd("log_loss", early_stopping=True)))
    found.append(("SGD alpha=.1", sgd("modified_huber", alpha=0.1)))
    for rate in ("adaptive", "constant", "invscaling"):
        found.append((f"SGD {rate}", sgd("log_loss", learning_rate=rate, eta0=0.01)))
    return found


def sgd(loss, **options):
    """Return an SGDClassifier with a seed."""
    return SGDClassifier(loss=loss, random_state=0, **options)


def generated(rng, n, p, n_classes=2, sharpness=1.0, scale=None):
    """Return rows and labels of a linear model with noise."""
    X = rng.normal(size=(n, p))
    score = 2 * sharpness * X @ rng.normal(size=p) / np.sqrt(p) + X[:, 0]
    y = (score + rng.normal(size=n) > 0.5).astype(int)
    if n_classes == 3:
        y += (X[:, 1] > 0.5) & (rng.random(n) < 0.8)
    if scale is not None:
        X = (X + rng.normal(size=p)) * np.logspace(-1, scale, p)
    return X, y


def adult(rng, n, encode):
    """Return some rows of Adult."""
    frame = load_adult(subset="train").frame
    frame = frame.iloc[rng.choice(len(frame), n, replace=False)]
    y = (frame.pop("income") == ">50K").to_numpy().astype(int)
    return encode.fit_transform(frame), y


_NUMBERS = make_column_selector(dtype_include="number")
_OTHERS = make_column_selector(dtype_exclude="number")
ENCODED = make_column_transformer(
    (StandardScaler(), _NUMBERS), (OneHotEncoder(sparse_output=False), _OTHERS)
)
AS_IT_IS = make_column_transformer(("passthrough", _NUMBERS))
DATA = {
    "scaled": lambda rng: generated(rng, 600, 4),
    "small": lambda rng: generated(rng, 60, 4),
    "wide": lambda rng: generated(rng, 200, 100),
    "three classes": lambda rng: generated(rng, 600, 4, n_classes=3),
    "separable": lambda rng: generated(rng, 300, 4, sharpness=20.0),
    "unlike scales": lambda rng: generated(rng, 600, 6, scale=3),
    "Adult": lambda rng: adult(rng, 2000, ENCODED),
    "Adult, as it is": lambda rng: adult(rng, 2000, AS_IT_IS),
}

if __name__ == "__main__":
    warnings.simplefilter("ignore", ConvergenceWarning)
    warnings.simplefilter("ignore", FutureWarning)
    main()
