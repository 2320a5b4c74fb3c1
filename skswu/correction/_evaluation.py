"""Objectives and utility measured on evaluation rows."""

import numpy as np

from ..objectives import LossMetrics


class Evaluation:
    """The metrics and the utility of a model view on evaluation rows.

    Parameters
    ----------
    view : ModelView
        The model.
    rows : Rows
        Evaluation rows, prepared by the view.
    weight : ndarray of shape (n_samples,)
        Their sample weights.
    metrics : list of BoundMetrics
        Objectives bound to these rows.

    Attributes
    ----------
    names : list of str
        One a metric.
    """

    def __init__(self, view, rows, weight, metrics):
        self.view = view
        self.rows = rows
        self.metrics = metrics
        self.utility_metric = LossMetrics("utility", weight)
        self.names = [name for metric in metrics for name in metric.names]
        self._known = []

    def values(self, parameters):
        """Return the metrics at ``parameters``, shape (n_metrics,)."""
        return self._measure(parameters)[:-1]

    def utility(self, parameters):
        """Return the mean loss at ``parameters``."""
        return float(self._measure(parameters)[-1])

    def predicted(self, parameters):
        """Return the positions of the predicted labels, shape (n_samples,)."""
        return self.view.predicted(self.rows, parameters)

    def gradients(self, parameters):
        """Return the gradients of all metrics, and of the utility behind them.

        Returns
        -------
        array of shape (n_parameters, n_metrics + 1)
        """
        return self.view.concatenate(
            [
                metric.parameter_gradient(self.view, self.rows, parameters)
                for metric in [*self.metrics, self.utility_metric]
            ]
        )

    def _measure(self, parameters):
        """Return the metrics and the utility, kept for the last three parameters."""
        for known, measured in self._known:
            if known is parameters:
                return measured
        measured = np.concatenate(
            [
                metric.measure(self.view, self.rows, parameters)
                for metric in [*self.metrics, self.utility_metric]
            ]
        )
        self._known = [*self._known[-2:], (parameters, measured)]
        return measured
