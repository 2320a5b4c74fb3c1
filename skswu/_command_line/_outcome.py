"""Fit, correct and measure."""

from dataclasses import dataclass
from time import perf_counter

from fairlearn.metrics import demographic_parity_difference, equalized_odds_difference
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, log_loss
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from ._usage_error import UsageError

# A text column with a value of its own in every row must not become a column each.
MOST_CATEGORIES = 100
DISPARITIES = {
    "demographic parity difference": demographic_parity_difference,
    "equalized odds difference": equalized_odds_difference,
}


@dataclass(frozen=True)
class Outcome:
    """A classifier, the seconds that led to it, and its measures on test rows."""

    model: object
    seconds: dict
    measures: dict


def fit(rows, test):
    """Return the Outcome of fitting a logistic regression on some rows."""
    model = _pipeline(rows.X)
    start = perf_counter()
    try:
        model.fit(rows.X, rows.y)
    except ValueError as error:
        raise UsageError(f"the model cannot be fitted: {error}") from error
    return Outcome(model, {"fit": perf_counter() - start}, _measures(model, test))


def correct(unlearning, rows, evaluation, test):
    """Return the Outcome of an UnlearningClassifier whose estimator is fitted."""
    start = perf_counter()
    try:
        unlearning.unlearn(
            rows.X,
            rows.y,
            sensitive_features=rows.groups,
            X_val=evaluation.X,
            y_val=evaluation.y,
            sensitive_features_val=evaluation.groups,
        )
    except ValueError as error:
        raise UsageError(f"the model cannot be corrected: {error}") from error
    total = perf_counter() - start
    seconds = {**unlearning.timings_, "unlearn, in all": total}
    return Outcome(unlearning, seconds, _measures(unlearning, test))


def _pipeline(X):
    numeric = X.select_dtypes("number").columns
    others = X.columns.difference(numeric, sort=False)
    scale = make_pipeline(
        SimpleImputer(strategy="median", keep_empty_features=True), StandardScaler()
    )
    encode = OneHotEncoder(handle_unknown="ignore", max_categories=MOST_CATEGORIES)
    prepare = ColumnTransformer(
        [("numeric", scale, list(numeric)), ("categorical", encode, list(others))]
    )
    return make_pipeline(prepare, LogisticRegression(max_iter=1000))


def _measures(model, rows):
    predicted = model.predict(rows.X)
    return {
        "accuracy": accuracy_score(rows.y, predicted),
        "log loss": log_loss(rows.y, model.predict_proba(rows.X)),
    } | {
        name: disparity(rows.y, predicted, sensitive_features=rows.groups)
        for name, disparity in DISPARITIES.items()
    }
