"""How far the change of the scores is a guess of the group.

A corrected model does not see the group. It may guess it from the columns that go with
it, and a parity correction of a linear model largely does: the scores of rows that look
like one group rise, those of rows that look like another fall, whoever they are.
"""

from dataclasses import dataclass

import narwhals.stable.v1 as nw
import numpy as np
import pandas as pd
from scipy.sparse import issparse
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import MaxAbsScaler, OneHotEncoder, StandardScaler

from ...inputs import rows_at
from ._intervals import FEW_CASES

_MAX_ROWS = 20_000
_N_FOLDS = 5
_SMALLEST_PROBABILITY = 1e-12


@dataclass(frozen=True, eq=False)
class GroupGuess:
    """A guess of the group beside the change of the scores.

    Attributes
    ----------
    correlation : float
        Correlation of the change of the logits with the logit of the guessed group;
        of several groups the multiple correlation with all their logits.
    table : DataFrame
        What became of the rows that are guessed right and wrong, by group.
    """

    correlation: float
    table: pd.DataFrame


def guess_groups(models, X, decisions, groups, pos_label, random_state):
    """Return the GroupGuess of a feature, or None where it cannot be made.

    Parameters
    ----------
    models : pair of classifiers
        The original and the corrected one.
    X : array-like of shape (n_rows, n_columns)
        The test rows.
    decisions : Decisions
        Of the test rows.
    groups : GroupCounts
        Of the feature.
    pos_label : label
        The favourable one.
    random_state : RandomState
        Picks rows where there are many, and splits them.
    """
    rows = _rows_to_guess(groups, random_state)
    if rows is None:
        return None
    picked = rows_at(X, rows)
    scores = [log_odds(model, picked, pos_label) for model in models]
    numbers = _numbers_seen_by(models[0], picked)
    if numbers is None or any(score is None for score in scores):
        return None
    codes = groups.feature.codes[rows]
    logits = _guess(numbers, codes, random_state)
    labels = np.unique(codes)
    guessed = labels[logits.argmax(axis=1) if logits.ndim > 1 else (logits > 0) * 1]
    return GroupGuess(
        _multiple_correlation(scores[1] - scores[0], logits),
        _fates(decisions, groups.feature, rows, guessed),
    )


def _rows_to_guess(groups, random_state):
    """Return the rows of the compared groups that have enough, or None."""
    sizes = groups.sizes()
    large = [group for group in groups.compared if sizes[group] >= FEW_CASES]
    if len(large) < 2:
        return None
    rows = np.flatnonzero(np.isin(groups.feature.codes, large))
    if len(rows) > _MAX_ROWS:
        rows = np.sort(random_state.permutation(rows)[:_MAX_ROWS])
    counts = np.unique(groups.feature.codes[rows], return_counts=True)[1]
    return rows if len(counts) > 1 and counts.min() >= _N_FOLDS else None


def log_odds(model, X, pos_label):
    """Return the log odds of the favourable label, or None without scores."""
    probability = probabilities(model, X, pos_label)
    if probability is not None:
        probability = np.clip(probability, _SMALLEST_PROBABILITY, 1.0)
        other = np.clip(1.0 - probability, _SMALLEST_PROBABILITY, 1.0)
        return np.log(probability) - np.log(other)
    if not hasattr(model, "decision_function"):
        return None
    scores = np.asarray(model.decision_function(X), dtype=np.float64)
    is_second = list(model.classes_).index(pos_label) == 1
    return None if scores.ndim > 1 else scores if is_second else -scores


def probabilities(model, X, pos_label):
    """Return the probabilities of the favourable label, or None without any."""
    classes = list(getattr(model, "classes_", ()))
    if not hasattr(model, "predict_proba") or pos_label not in classes:
        return None
    return np.asarray(model.predict_proba(X), dtype=float)[:, classes.index(pos_label)]


def _numbers_seen_by(model, X):
    """Return the columns that a classifier sees, as numbers; None if it is no table."""
    if isinstance(model, Pipeline) and len(model.steps) > 1:
        X = model[:-1].transform(X)
    native = nw.from_native(X, eager_only=True, pass_through=True)
    if isinstance(native, nw.DataFrame):
        frame = pd.DataFrame(
            {name: native.get_column(name).to_numpy() for name in native.columns}
        )
        return _of_frame().fit_transform(frame)
    if issparse(X):
        return MaxAbsScaler().fit_transform(X)
    X = np.asarray(X)
    if X.ndim != 2 or X.dtype.kind not in "biuf":
        return None
    return _of_numbers().fit_transform(X)


def _of_numbers():
    return make_pipeline(SimpleImputer(), StandardScaler())


def _of_frame():
    others = make_column_selector(dtype_exclude="number")
    return make_column_transformer(
        (_of_numbers(), make_column_selector(dtype_include="number")),
        (OneHotEncoder(handle_unknown="ignore", max_categories=50), others),
    )


def _guess(numbers, codes, random_state):
    """Return the logits of each row's group by a model that has not seen the row."""
    seed = random_state.randint(np.iinfo(np.int32).max)
    return cross_val_predict(
        # The guess need not be exact, and must not warn where it is not.
        LogisticRegression(tol=1e-2, max_iter=10_000),
        numbers,
        codes,
        cv=StratifiedKFold(_N_FOLDS, shuffle=True, random_state=seed),
        method="decision_function",
    )


def _multiple_correlation(change, logits):
    """Return the correlation with the best linear combination of the logits."""
    change = change - change.mean()
    logits = logits.reshape(len(change), -1)
    logits = logits - logits.mean(axis=0)
    total = change @ change
    if total == 0:
        return 0.0
    fitted = logits @ np.linalg.lstsq(logits, change, rcond=None)[0]
    return float(np.sqrt(np.clip(fitted @ fitted / total, 0.0, 1.0)))


def _fates(decisions, feature, rows, guessed):
    """Return the decisions of each group's rows, by the group that they look like."""
    before, after = decisions.before[rows], decisions.after[rows]
    table = pd.DataFrame(
        {
            "group": feature.named()[rows],
            "looks_like": np.array(feature.groups, dtype=object)[guessed],
            "rows": 1,
            "no_to_yes": (~before & after).astype(int),
            "yes_to_no": (before & ~after).astype(int),
            "rate_before": before.astype(float),
            "rate_after": after.astype(float),
        }
    )
    counts = dict.fromkeys(("rows", "no_to_yes", "yes_to_no"), "sum")
    rates = dict.fromkeys(("rate_before", "rate_after"), "mean")
    table = table.groupby(["group", "looks_like"], sort=True).agg(counts | rates)
    return table.reset_index()
