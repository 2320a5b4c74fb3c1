"""Fit, correct and measure."""

from dataclasses import dataclass
from time import perf_counter

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from ._messages import UsageError
from .reading import MOST_CATEGORIES


@dataclass(frozen=True)
class Outcome:
    """A classifier, and the seconds that led to it."""

    model: object
    seconds: dict


def fit(rows, dense=False):
    """Return the Outcome of fitting a logistic regression on some rows.

    Parameters
    ----------
    rows : Rows
        What to fit on.
    dense : bool, default=False
        Whether the classifier gets a dense array, as attacks need it.
    """
    model = _pipeline(rows.X, dense)
    start = perf_counter()
    try:
        model.fit(rows.X, rows.y)
    except ValueError as error:
        raise UsageError(f"the model cannot be fitted: {error}") from error
    return Outcome(model, {"fit": perf_counter() - start})


def correct(unlearning, fitting, evaluation):
    """Return the Outcome of an UnlearningClassifier whose estimator is fitted."""
    start = perf_counter()
    try:
        unlearning.unlearn(
            fitting.X,
            fitting.y,
            sensitive_features=fitting.groups,
            X_val=evaluation.X,
            y_val=evaluation.y,
            sensitive_features_val=evaluation.groups,
        )
    except (TypeError, ValueError) as error:
        raise UsageError(f"the model cannot be corrected: {error}") from error
    total = perf_counter() - start
    return Outcome(unlearning, {**unlearning.timings_, "unlearn, in all": total})


def _pipeline(X, dense):
    # By position: names are looked up one by one in a list of all of them.
    is_numeric = np.array([dtype.kind in "iuf" for dtype in X.dtypes])
    scale = make_pipeline(
        SimpleImputer(strategy="median", keep_empty_features=True), StandardScaler()
    )
    encode = OneHotEncoder(handle_unknown="ignore", max_categories=MOST_CATEGORIES)
    prepare = ColumnTransformer(
        [
            ("numeric", scale, np.flatnonzero(is_numeric)),
            ("categorical", encode, np.flatnonzero(~is_numeric)),
        ],
        sparse_threshold=0.0 if dense else 0.3,
    )
    return make_pipeline(prepare, LogisticRegression(max_iter=1000))
