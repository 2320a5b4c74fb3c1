"""Objectives and utility measured on evaluation rows."""

from copy import copy

import numpy as np

from ..objectives import LossMetrics
from ._evaluation_rows import HELD_OUT, LEFT_OUT, TRAINING
from ._left_out_classifier import LeftOutClassifier
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
    kind : {HELD_OUT, LEFT_OUT, TRAINING}, default=HELD_OUT
        What rows they are. Training rows are measured as left out of the fit once it
        is known how their margins move there, see :meth:`leave_out`.

    Attributes
    ----------
    names : list of str
        One a metric.
    one_sided : ndarray of bool of shape (n_metrics,)
        Of which of them only values above zero are to be repaired.
    all_metrics : list of BoundMetrics
        The objectives and, last, the utility.
    measured_on : {HELD_OUT, LEFT_OUT, TRAINING}
        What rows are measured.
    """

    def __init__(self, view, rows, codes, weight, metrics, kind=HELD_OUT):
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
        self.leaves_out = kind == LEFT_OUT
        self.measured_on = TRAINING if self.leaves_out else kind
        self._scored = rows

    @property
    def is_held_out(self):
        """Whether the model was not trained on these rows."""
        return self.measured_on == HELD_OUT

    def leave_out(self):
        """Measure training rows as left out of the fit, where scores tell that."""
        self._scored, self.measured_on = self.view.offset_rows(self.rows), LEFT_OUT

    def with_offset(self, name):
        """Return the same evaluation of scores with another offset.

        Parameters
        ----------
        name : str
            Under which it is noted beside the rows.
        """
        evaluation = copy(self)
        evaluation._scored = self.view.offset_rows(self.rows, name)
        evaluation.rows = copy(self.rows)
        evaluation.rows.blocks = self.rows.blocks.apart(offset=name)
        return evaluation

    def standard_errors(self, parameters):
        """Return the standard errors of the metrics, shape (n_metrics,); NaN if none.

        Rows are taken to be drawn independently of each other.
        """
        errors = [self.errors_of(metric, parameters) for metric in self.metrics]
        return np.concatenate(errors)

    def errors_of(self, metric, parameters):
        """Return the standard errors of one objective's metrics."""
        return metric.standard_errors(self.view, self.rows_of(metric), parameters)

    def rows_of(self, metric):
        """Return the rows that a metric is measured on."""
        return self._scored if metric.is_of_scores else self.rows

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
            [
                one.measure(self.view, self.rows_of(one), parameters)
                for one in self.all_metrics
            ]
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
            metric.linearize(self.view, self.rows_of(metric), parameters)
            for metric in self.all_metrics
        ]
        values, gradients = zip(*pairs, strict=True)
        return np.concatenate(values), self.view.concatenate(list(gradients))

    def predicted(self, parameters):
        """Return the positions of the predicted labels, shape (n_samples,)."""
        return self.view.predicted(self._scored, parameters)

    def classifier(self, classifier, parameters):
        """Return what scorers may ask about these rows, in a classifier's place."""
        if self._scored is self.rows:
            return classifier
        given = self._scored, parameters
        return LeftOutClassifier(
            classifier,
            self.view.margins(*given),
            self.view.scores(*given),
            self.view.predicted(*given),
        )

    def predicted_by_many(self, parameters):
        """Yield those of many models, (n_models, n_parameters), in one pass."""
        yield from self.view.predicted_by_many(self._scored, parameters)
