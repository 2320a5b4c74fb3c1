"""The table of a path of corrections, and the choice of one."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from .._utils._warnings import warn
from ..exceptions import UnreachableBoundWarning

# Scores that differ by less are equal, but for rounding.
_ROUNDING = 1e-12


@dataclass(frozen=True)
class PathPoint:
    """What is known of one correction on one split.

    Attributes
    ----------
    outcome : Outcome
        What it does on the rows that are scored.
    distance : float
        The mean distance of the objective's own metrics from what is repaired.
    columns : dict of str to float
        What else the table tells.
    """

    outcome: Any
    distance: float
    columns: dict


@dataclass(frozen=True)
class MeasuredPath:
    """The corrections of one split.

    Attributes
    ----------
    rows : ScoredRows
        The rows that are scored.
    before : Outcome
        What the original classifier does on them.
    points : list of PathPoint
        One a strength.
    """

    rows: Any
    before: Any
    points: list


def make_point(candidate, outcome, tuned):
    """Return the PathPoint of a Candidate.

    Parameters
    ----------
    candidate : Candidate
        The correction.
    outcome : Outcome
        What it does on the rows that are scored.
    tuned : dict of str to float
        What is tuned beside the strength.
    """
    state = candidate.state
    gaps, loss = state.values[:-1], state.values[-1]
    errors = candidate.standard_errors
    distance = np.where(candidate.one_sided, np.maximum(gaps, 0.0), np.abs(gaps))
    columns = tuned | dict(zip(candidate.names, gaps.tolist(), strict=True))
    for name, error in zip(candidate.names, errors.tolist(), strict=True):
        columns[f"{name}_se"] = error
    columns |= {
        "loss": float(loss),
        "stationarity": state.stationarity,
        "step_length": state.step_length,
        "effective_sample_size": candidate.effective_sample_size(),
    }
    return PathPoint(outcome, float(distance.mean()), columns)


class PathTable:
    """The table of the corrections of all splits, by strength.

    The disparity is that of all splits' predictions together; all else is the mean of
    the splits.

    Parameters
    ----------
    strengths : list of float
        The strengths.
    splits : list of MeasuredPath
        The corrections of each split.
    pooled : PooledDisparity
        Measures predictions on the rows of all splits.
    rule : HighestUtility
        What is to be as large as possible, within which bound.

    Attributes
    ----------
    path : DataFrame of shape (n_strengths, n_columns)
        The table.
    best : int
        The row that is chosen.

    Raises
    ------
    ValueError
        If none can be.
    """

    def __init__(self, strengths, splits, pooled, rule):
        self.splits, self.pooled, self.rule = splits, pooled, rule
        points = zip(*[split.points for split in splits], strict=True)
        rows = [
            self._row(strength, some)
            for strength, some in zip(strengths, points, strict=True)
        ]
        scores = np.array([row.pop("score") for row in rows])
        distances = np.array([row.pop("distance") for row in rows])
        names = list(dict.fromkeys(name for row in rows for name in row))
        columns = {name: [row.get(name, np.nan) for row in rows] for name in names}
        self.best = self._choose(scores, distances, columns)
        self.path = make_table(columns)

    def _row(self, strength, points):
        """Return the columns of a strength, given what each split has of it."""
        outcomes = [point.outcome for point in points]
        disparity = self.pooled.measure(outcomes)
        utility = float(np.mean([one.utility for one in outcomes]))
        before = float(np.mean([split.before.utility for split in self.splits]))
        loss = before - utility
        return {
            "strength": strength,
            "disparity": disparity.value.item(),
            "disparity_se": disparity.standard_error.item(),
            **self.rule.columns(disparity, self.pooled),
            "utility": utility,
            "utility_se": _error_of_mean(outcomes),
            "utility_loss": loss,
            "feasible": bool(self.rule.feasible(disparity, loss)),
            **_means([point.columns for point in points]),
            "score": float(self.rule.score(disparity, utility, loss)),
            "distance": float(np.mean([point.distance for point in points])),
        }

    def _choose(self, scores, distances, columns):
        """Return the row with the best score; of several, with the smallest gaps."""
        unknown = np.isnan(scores)
        if unknown.any():
            self._tell_unknown(unknown, columns)
        scores = np.where(unknown, -np.inf, scores)
        is_best = scores >= scores.max() - _ROUNDING
        return int(np.where(is_best, np.nan_to_num(distances), np.inf).argmin())

    def _tell_unknown(self, unknown, columns):
        """Warn of strengths that cannot be chosen, and raise if that is all."""
        message = (
            f"{np.count_nonzero(unknown)} of {len(unknown)} strengths cannot be judged "
            f"and are not chosen: {self._why_unknown(columns)}."
        )
        if unknown.all():
            raise ValueError(message)
        warn(message)

    def _why_unknown(self, columns):
        if self.pooled.missing:
            return (
                f"none of the rows that are scored let {self.pooled.missing} be "
                "compared; give rows, or splits (cv), that cover every group, or merge "
                "or drop the group"
            )
        if np.isnan(columns["disparity"]).any():
            return (
                "their disparity is NaN, as a group that is compared has no row with a "
                "label that counts, or two rates of zero have no ratio"
            )
        if np.isnan(columns["utility"]).any():
            return "their utility is NaN"
        return (
            "confidence needs a disparity with a standard error, and that of "
            f"disparity={self.pooled.disparities.disparity!r} is not known here"
        )

    def warn_of_bound(self):
        """Warn if the bound of the rule holds in no row."""
        if self.path["feasible"].any():
            return
        row = self.path.iloc[self.best]
        warn(
            f"No strength has {self.rule.describe()}; the one that comes closest is "
            f"kept: strength {row['strength']:.3g} with {self.rule.describe_row(row)} "
            f"and utility {row['utility']:.3g}.",
            UnreachableBoundWarning,
        )


def _error_of_mean(outcomes):
    """Return the standard error of the splits' mean utility.

    It is known of the accuracy; of others, the splits' spread tells it.
    """
    errors = np.array([one.utility_error for one in outcomes])
    if len(outcomes) > 1 and np.isnan(errors).any():
        utilities = [one.utility for one in outcomes]
        return float(np.std(utilities, ddof=1) / np.sqrt(len(utilities)))
    return float(np.sqrt(errors @ errors) / len(errors))


def _means(columns):
    """Return the means of the splits' columns; NaN where a split does not have one."""
    names = dict.fromkeys(name for one in columns for name in one)
    return {
        name: float(np.mean([one.get(name, np.nan) for one in columns]))
        for name in names
    }


def make_table(columns):
    """Return the DataFrame of a dict of columns."""
    # pandas takes longer to import than the whole of this package
    import pandas as pd

    return pd.DataFrame(columns)
