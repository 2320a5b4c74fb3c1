"""Objectives and utility measured on evaluation rows."""

import numpy as np

from ..objectives import LossMetrics
from ._metric_names import distinct


class Evaluation:
    """The metrics and the utility of a model view on evaluation rows.

    Parameters
    ----------
    view : ModelView
        The model.
    rows : Rows
        Evaluation rows, prepared by the view.
    codes : ndarray of shape (n_samples,)
        Their labels as positions in the view's classes.
    weight : ndarray of shape (n_samples,)
        Their sample weights.
    metrics : list of BoundMetrics
        Objectives bound to these rows.

    Attributes
    ----------
    names : list of str
        One a metric.
    one_sided : ndarray of bool of shape (n_metrics,)
        Of which of them only values above zero are to be repaired.
    all_metrics : list of BoundMetrics
        The objectives and, last, the utility.
    """

    def __init__(self, view, rows, codes, weight, metrics):
        self.view = view
        self.rows = rows
        self.codes = codes
        self.weight = weight
        self.metrics = metrics
        self.names = distinct([name for metric in metrics for name in metric.names])
        self.one_sided = np.repeat(
            [metric.one_sided for metric in metrics],
            [len(metric.names) for metric in metrics],
        )
        self.all_metrics = [*metrics, LossMetrics("utility", weight)]

    def note_rows(self):
        """Let the rows know their sample weights; return where metrics note more.

        Returns
        -------
        RowBlocks
        """
        blocks = self.rows.blocks
        if "count" not in blocks and (self.weight != 1.0).any():
            blocks.spread("count", self.weight)
        return blocks

    def measure(self, parameters):
        """Return the metrics and, last, the mean loss, shape (n_metrics + 1,)."""
        return np.concatenate(
            [one.measure(self.view, self.rows, parameters) for one in self.all_metrics]
        )

    def linearize(self, parameters):
        """Return what :meth:`measure` does, and the gradients.

        Returns
        -------
        values : ndarray of shape (n_metrics + 1,)
            The metrics and the mean loss.
        gradients : array of shape (n_parameters, n_metrics + 1)
            In the parameters, an array of the view's library.
        """
        pairs = [
            metric.linearize(self.view, self.rows, parameters)
            for metric in self.all_metrics
        ]
        values, gradients = zip(*pairs, strict=True)
        return np.concatenate(values), self.view.concatenate(list(gradients))

    def standard_errors(self, parameters):
        """Return those of the metrics, shape (n_metrics,); NaN is not known."""
        return np.concatenate(
            [
                one.standard_errors(self.view, self.rows, parameters)
                for one in self.metrics
            ]
        )

    def predicted(self, parameters):
        """Return the positions of the predicted labels, shape (n_samples,)."""
        return self.view.predicted(self.rows, parameters)
