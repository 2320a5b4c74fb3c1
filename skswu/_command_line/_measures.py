"""What is measured of a model on rows."""

from dataclasses import dataclass

import numpy as np
from sklearn.metrics import accuracy_score, log_loss

from ..metrics import get_scorer, get_scorer_names, make_robustness_scorer

PARITY = ("demographic_parity_difference", "equalized_odds_difference")


@dataclass(frozen=True)
class Predictions:
    """A model's predictions of some rows, which take its place where it is scored."""

    labels: np.ndarray
    probabilities: np.ndarray

    @classmethod
    def of(cls, model, rows):
        """Return the predictions of a model that predicts what is most probable."""
        probabilities = model.predict_proba(rows.X)
        return cls(probabilities.argmax(axis=1), probabilities)

    def predict(self, X):
        """Return the labels that were predicted."""
        return self.labels


class Measures:
    """The measures that an objective and the rows allow.

    Parameters
    ----------
    objective : str
        Its name; a disparity of the same name is among the measures.
    has_groups : bool
        Whether rows have groups.
    with_ratio : bool, default=False
        Whether the ratio of the same name is, too.
    under_attack : bool, default=False
        Whether the accuracy on perturbed rows is.
    """

    def __init__(self, objective, has_groups, with_ratio=False, under_attack=False):
        self.under_attack = under_attack
        known = get_scorer_names() if has_groups else []
        own = f"{objective}_difference"
        self.own = own if own in known else None
        wanted = [*PARITY, own] + [f"{objective}_ratio"] * with_ratio
        self.disparities = [name for name in dict.fromkeys(wanted) if name in known]

    def of(self, model, rows, predictions):
        """Return a dict of name to number."""
        measures = {
            "accuracy": accuracy_score(rows.y, predictions.labels),
            "log loss": log_loss(rows.y, predictions.probabilities),
        }
        for name in self.disparities:
            value = _parity(name, predictions, rows)
            measures[name.replace("_", " ")] = value
        if self.under_attack:
            scorer = make_robustness_scorer()
            measures["accuracy under attack"] = scorer(model, rows.X, rows.y)
        return measures

    @property
    def shortfall_name(self):
        """What `shortfall` is the size of."""
        return self.own.replace("_", " ") if self.own else "objective"

    def shortfall(self, model, rows):
        """Return how far a corrected model is from the objective.

        It is the disparity of predicted labels if there is one, else the size of what
        the smoothed metrics have above zero.
        """
        if self.own:
            return _parity(self.own, Predictions.of(model, rows), rows)
        # Objectives that have no disparity are limits, which may be kept with ease.
        return float(np.linalg.norm(np.maximum(model.objective_after_, 0.0)))


def _parity(name, predictions, rows):
    scorer = get_scorer(name)
    score = scorer(predictions, rows.X, rows.y, sensitive_features=rows.groups)
    return score if name.endswith("_ratio") else abs(score)


def rates_of_groups(rows, predictions):
    """Return for each rate a dict of group to how often, and of how many rows."""
    selected = predictions.labels == 1
    return {
        name: {
            group: _rate(selected[counted & (rows.groups == group)])
            for group in np.unique(rows.groups)
        }
        for name, counted in {
            "selection rate": np.full(len(rows), True),
            "true positive rate": rows.y == 1,
            "false positive rate": rows.y == 0,
        }.items()
    }


def _rate(selected):
    return float(selected.mean()), len(selected)
