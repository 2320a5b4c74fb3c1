"""What is measured of a model."""

import numpy as np
from scipy.special import log_softmax, softmax

from skswu.models import make_model_view
from skswu.objectives import AdversarialRobustness, DemographicParity, LossParity

#: What models are corrected against, as in the paper: made against the original.
STATIC_ATTACK = AdversarialRobustness(attack="boundary")
#: What they meet in use: made against each anew.
ADAPTIVE_ATTACK = AdversarialRobustness(attack="pgd", epsilon=0.3)


class Meter:
    """Measures models on fixed rows.

    Parameters
    ----------
    rows : Rows
        What to measure on.
    objective : BaseObjective
        What the models are corrected for: it decides which metrics are measured.
    original : classifier
        What the static attack is made against.
    """

    def __init__(self, rows, objective, original):
        self.rows = rows
        self.objective = objective
        self.is_robustness = isinstance(objective, AdversarialRobustness)
        if self.is_robustness:
            self._static_rows = self._attack(make_model_view(original), STATIC_ATTACK)

    def measure(self, classifier):
        """Return the measures by name; of ``surrogate`` and ``metric``, less is better.

        ``metric`` is what users see: the difference of the groups' selection or true
        positive rates, as fairlearn has them, or the error under the static attack.
        """
        view = make_model_view(classifier)
        rows = view.evaluation_rows(self.rows.X, self.rows.y)
        scores = view.scores(rows, view.parameters)
        measure = self._robustness if self.is_robustness else self._fairness
        return {
            "accuracy": (scores.argmax(axis=1) == self.rows.y).mean(),
            "log_loss": mean_log_loss(scores, self.rows.y),
            **measure(view, scores),
        }

    def _fairness(self, view, scores):
        is_selected = scores.argmax(axis=1) == 1
        everyone, holders = np.ones_like(is_selected), self.rows.y == 1
        is_parity = isinstance(self.objective, DemographicParity)
        compared = everyone if is_parity else holders
        return {
            "surrogate": self._gap(self._counted(scores), compared),
            "metric": self._gap(is_selected, compared),
            "parity_difference": self._gap(is_selected, everyone),
            "opportunity_difference": self._gap(is_selected, holders),
        }

    def _counted(self, scores):
        """Return what each row counts in the gap that the models are corrected for."""
        if isinstance(self.objective, LossParity):
            return log_losses(scores, self.rows.y)
        return softmax(scores / self.objective.temperature, axis=1)[:, 1]

    def _gap(self, values, compared):
        """Return the difference between the groups' means over some rows."""
        groups = self.rows.groups
        means = [values[compared & (groups == one)].mean() for one in np.unique(groups)]
        return np.ptp(means)

    def _robustness(self, view, scores):
        static_loss, static = self._withstand(view, self._static_rows)
        _, adaptive = self._withstand(view, self._attack(view, ADAPTIVE_ATTACK))
        return {
            "surrogate": static_loss,
            "metric": 1.0 - static,
            "static_robust_accuracy": static,
            "adaptive_robust_accuracy": adaptive,
        }

    def _attack(self, view, objective):
        """Return the rows, perturbed against a model."""
        rows = view.evaluation_rows(self.rows.X, self.rows.y)
        return view.adversarial_rows(rows, view.parameters, objective.make_attack())

    def _withstand(self, view, attacked):
        """Return the log loss and the accuracy of a model on perturbed rows."""
        scores = view.scores(attacked, view.parameters)
        right = scores.argmax(axis=1) == self.rows.y
        return mean_log_loss(scores, self.rows.y), right.mean()


def mean_log_loss(scores, y):
    """Return the mean log loss of log-probabilities known up to a constant."""
    return log_losses(scores, y).mean()


def log_losses(scores, y):
    """Return the log loss of each row."""
    return -log_softmax(scores, axis=1)[np.arange(len(y)), y]
