"""What a method gets, and what it gives."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from fairlearn.metrics import (
    demographic_parity_difference,
    equalized_odds_difference,
)
from scipy.special import expit, logit
from sklearn.metrics import log_loss

from .problems import Rows

METRICS = {
    "demographic_parity": demographic_parity_difference,
    "equalized_odds": equalized_odds_difference,
}
#: How many settings each method tries: a front's area grows with their number.
N_SETTINGS = 10


@dataclass(frozen=True)
class Task:
    """A fitted classifier and a metric to repair.

    Attributes
    ----------
    train, validation, test : Rows
        What it was fitted on; what settings are chosen on; what is measured on.
    model : str
        Its name.
    metric : str
        One of METRICS.
    classifier : classifier
        Fitted.
    random_state : int or None
        For methods that draw; None lets them draw anew each time.
    quick : bool
        Fewer settings.
    options : dict
        Of the corrections, for ablations.
    """

    train: Rows
    validation: Rows
    test: Rows
    model: str
    metric: str
    classifier: Any
    random_state: int | None
    quick: bool = False
    options: dict = field(default_factory=dict)

    def measure(self, candidate, rows):
        """Return accuracy, disparity and log loss of a candidate on rows."""
        labels = candidate.predict(rows.X, rows.groups)
        disparity = METRICS[self.metric](rows.y, labels, sensitive_features=rows.groups)
        loss = np.nan
        if candidate.probability is not None:
            loss = log_loss(rows.y, candidate.probability(rows.X, rows.groups))
        return float(np.mean(labels == rows.y)), float(disparity), float(loss)

    def original_gap(self, rows):
        """Return the original's disparity."""
        return self.measure(Candidate.of_model(0.0, self.classifier, 0.0), rows)[1]

    def some(self, settings, few=2):
        """Return the settings to try; in quick mode a few from the strictest on."""
        return settings[:: -max(len(settings) // few, 1)] if self.quick else settings


@dataclass(frozen=True)
class Candidate:
    """A classifier with another disparity.

    Attributes
    ----------
    setting : float
        What it was made with.
    predict : callable
        From features and groups to labels.
    seconds : float
        Processor time of the making; of the base classifier's fit it has nothing.
    probability : callable or None
        From features and groups to the probability of label 1, moved so that a half is
        where the labels change. None where there is none.
    """

    setting: float
    predict: Callable
    seconds: float
    probability: Callable | None = None

    @classmethod
    def of_model(cls, setting, model, seconds, threshold=0.5):
        """Return the candidate of a classifier that needs no groups.

        ``threshold`` is the probability at which its labels change.
        """

        def predict(X, groups):
            return np.asarray(model.predict(X)).ravel()

        def probability(X, groups):
            own = np.asarray(model.predict_proba(X), dtype=np.float64)[:, 1]
            return own if threshold == 0.5 else expit(logit(own) - logit(threshold))

        return cls(setting, predict, seconds, probability)
