"""The table of a path of corrections, and the rule by which one is chosen."""

from dataclasses import dataclass

import numpy as np

from .._utils._warnings import warn
from ..exceptions import UnreachableBoundWarning

# As in the fairness scorers: far below any value, and yet its square is a float.
_PENALTY = 1e100
# 1 - 0.7 is greater than 0.3 in floating point.
_ROUNDING = 1e-12


@dataclass(frozen=True)
class HighestUtility:
    """The highest utility with a disparity of at most a bound.

    Attributes
    ----------
    max_disparity : float
        The bound.
    """

    max_disparity: float

    def value(self, disparity, utility):
        """Return what is to be as large as possible."""
        return utility

    def violation(self, disparity, utility_loss):
        """Return by how much the bound is exceeded."""
        return _positive_part(disparity - self.max_disparity)

    def describe(self):
        """Return the bound in words."""
        return f"disparity of at most max_disparity={self.max_disparity}"


@dataclass(frozen=True)
class SmallestDisparity:
    """The smallest disparity with a loss of utility of at most a bound.

    Attributes
    ----------
    max_utility_loss : float
        The bound.
    """

    max_utility_loss: float

    def value(self, disparity, utility):
        """Return what is to be as large as possible."""
        return -np.nan_to_num(disparity, nan=1.0)

    def violation(self, disparity, utility_loss):
        """Return by how much the bound is exceeded."""
        return _positive_part(utility_loss - self.max_utility_loss)

    def describe(self):
        """Return the bound in words."""
        return f"loss of utility of at most max_utility_loss={self.max_utility_loss}"


class PathRows:
    """Make the rows of the table.

    Parameters
    ----------
    scores : ThresholdedScores
        Scores predicted labels.
    rule : HighestUtility or SmallestDisparity
        What is to be as large as possible, within which bound.
    original : Candidate
        What was not corrected.
    search : ThresholdSearch or None, default=None
        Tunes the decision threshold as well, if any.
    """

    def __init__(self, scores, rule, original, search=None):
        self.scores = scores
        self.rule = rule
        self.search = search
        predicted = scores.predict(original.classifier)
        self.utility_before = scores.utility(original, predicted)

    def row(self, candidate, predicted=None):
        """Return a dict, of numbers.

        Parameters
        ----------
        candidate : Candidate
            What to score.
        predicted : ndarray of shape (n_samples,) or None, default=None
            Positions of the labels that it predicts, if known.
        """
        state = candidate.state
        if predicted is None:
            predicted = self.scores.predict(candidate.classifier)
        disparity = self.scores.disparity(candidate, predicted)
        utility = self.scores.utility(candidate, predicted)
        row = {"strength": candidate.strength, **self._scored(disparity, utility)}
        if self.search is not None:
            row = {**row, **self._tuned(candidate.classifier, row)}
        *gaps, loss = state.values.tolist()
        return {
            **row,
            **dict(zip(candidate.names, gaps, strict=True)),
            "loss": loss,
            "stationarity": state.stationarity,
            "step_length": state.step_length,
            "effective_sample_size": candidate.effective_sample_size(),
        }

    def _scored(self, disparity, utility):
        """Return the columns that the choice looks at."""
        loss = self.utility_before - utility
        violation = self.rule.violation(disparity, loss)
        value = self.rule.value(disparity, utility)
        return {
            "disparity": disparity,
            "utility": utility,
            "utility_loss": loss,
            "feasible": violation == 0,
            "score": value - _PENALTY * violation,
        }

    def _tuned(self, classifier, row):
        """Return the columns at the best decision threshold."""
        threshold, disparity, utility = self.search.curve(classifier)
        scored = self._scored(disparity, utility)
        best = int(scored["score"].argmax()) if len(threshold) else None
        if best is None or scored["score"][best] <= row["score"]:
            return {"threshold": None}
        columns = {name: column[best].item() for name, column in scored.items()}
        return {**columns, "threshold": threshold[best].item()}


def choose(tables, rule):
    """Return the table of means and the position of its best row.

    Parameters
    ----------
    tables : list of list of dict
        The rows of each split's table.
    rule : HighestUtility or SmallestDisparity
        What they were scored by.

    Returns
    -------
    path : DataFrame of shape (n_strengths, n_columns)
        The table.
    best : int
        The first row with the best mean score.
    """
    columns = {
        name: _mean_of_splits([[row[name] for row in table] for table in tables])
        for name in tables[0][0]
    }
    best = int(np.argmax(columns.pop("score")))
    columns["feasible"] = columns["feasible"] == 1.0
    return make_table(columns), best


def make_table(columns):
    """Return the DataFrame of a dict of columns."""
    # pandas takes longer to import than the whole of this package
    import pandas as pd

    return pd.DataFrame(columns)


def _mean_of_splits(values):
    """Return the means of lists, one a split; an array's mean has one rounding."""
    return np.average(np.array(values, dtype=np.float64).T.copy(), axis=1)


def warn_of_bound(path, best, rule):
    """Warn if the bound of a rule holds in no row."""
    if path["feasible"].any():
        return
    row = path.iloc[best]
    warn(
        f"No strength has a {rule.describe()}; the one that comes closest is kept: "
        f"strength {row['strength']:.3g} with disparity {row['disparity']:.3g} and "
        f"utility {row['utility']:.3g}.",
        UnreachableBoundWarning,
    )


def _positive_part(excess):
    """Return the excess over a bound, 0 for rounding; a NaN exceeds any."""
    excess = np.nan_to_num(excess, nan=1e6)
    return np.where(excess <= _ROUNDING, 0.0, excess)
