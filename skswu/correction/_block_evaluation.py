"""Objectives and utility measured on blocks of rows."""

from copy import copy
from functools import partial

import numpy as np

from ..linear._passes import portions


class BlockEvaluation:
    """The metrics and the utility of linear models on blocks of rows.

    What is no sum over rows is measured by the view, a model at a time.

    Parameters
    ----------
    evaluation : Evaluation
        The metrics, bound to the rows.
    model : LinearModel
        The original model.
    """

    def __init__(self, evaluation, model):
        self.rows = evaluation.rows.blocks
        known_of = evaluation.note_rows()
        self._evaluation = evaluation
        self._model = model
        self._parts = [metric.in_blocks() for metric in evaluation.all_metrics]
        for position, part in enumerate(self._parts):
            if part is not None:
                part.prepare(known_of, model.loss, model.matrix, f"metric {position}")

    @property
    def models_at_once(self):
        """Whether many models may be measured in one pass, by their memory."""
        return not any(part and part.needs_whole_arrays for part in self._parts)

    @property
    def knows_bends(self):
        """Whether the slopes of all metrics are functions of rows' margins."""
        return all(part and not part.needs_whole_arrays for part in self._parts)

    def apart(self):
        """Return the same evaluation, to measure beside rows of its own."""
        evaluation = copy(self)
        evaluation.rows = self.rows.apart()
        return evaluation

    def first(self):
        """Return the call that measures a model and its derivatives."""
        return _First(self._model.loss, self._in_blocks)

    def at(self):
        """Return the call that measures models."""
        return _At(self._model.loss, self._in_blocks)

    def pull(self, multipliers):
        """Return the call that combines the slopes of metrics in the margins.

        Parameters
        ----------
        multipliers : ndarray of shape (n_metrics + 1,)
            Of the metrics and, last, the utility; those of metrics that are no
            function of scores count nothing.
        """
        ends = np.cumsum([len(one.names) for one in self._evaluation.all_metrics])
        factors = [
            factor
            for factor, part in zip(
                np.split(multipliers, ends[:-1]), self._parts, strict=True
            )
            if part is not None
        ]
        return _Pull(self._model.loss, self._in_blocks, factors)

    def standard_errors(self, parameters):
        """Return the standard errors of the metrics of models, in one reading.

        Parameters
        ----------
        parameters : ndarray of shape (n_models, n_parameters)
            The models.

        Returns
        -------
        ndarray of shape (n_models, n_metrics)
            NaN where they are not known.
        """
        parts = [part for part in self._parts[:-1] if part and part.has_moments]
        call = partial(
            _moments,
            loss=self._model.loss,
            parts=parts,
            matrices=self._model.unpack(parameters),
        )
        sums = iter(self.rows.reduce(call)[0] if parts else ())
        errors = []
        pairs = zip(self._parts[:-1], self._evaluation.metrics, strict=True)
        for part, metric in pairs:
            if part and part.has_moments:
                errors.append(part.standard_errors(next(sums)))
                continue
            by_model = [self._evaluation.errors_of(metric, one) for one in parameters]
            errors.append(np.stack(by_model))
        return np.concatenate(errors, axis=1)

    @property
    def _in_blocks(self):
        return [part for part in self._parts if part is not None]

    def linearized(self, sums, gradients, parameters=None):
        """Return values and gradients of a model from its sums.

        Parameters
        ----------
        sums, gradients : tuple of ndarray
            As :meth:`first` returns them.
        parameters : ndarray of shape (n_parameters,) or None, default=None
            The model; None is the original one.

        Returns
        -------
        values : ndarray of shape (n_metrics + 1,)
            The metrics and the mean loss.
        gradients : ndarray of shape (n_metrics + 1, n_parameters)
            In the parameters.
        """
        if parameters is None:
            parameters = self._evaluation.view.parameters
        sums, gradients = iter(sums), iter(gradients)
        values, slopes = [], []
        pairs = zip(self._parts, self._evaluation.all_metrics, strict=True)
        for part, metric in pairs:
            if part is None:
                value, slope = metric.linearize(
                    self._evaluation.view,
                    self._evaluation.rows,
                    parameters,
                )
                slope = slope.T
            else:
                value = part.finish(self.rows, next(sums))
                slope = self._model.pack(next(gradients))
            values.append(value)
            slopes.append(slope)
        return np.concatenate(values), np.concatenate(slopes)

    def measured(self, sums, parameters):
        """Return values (n_models, n_metrics + 1) of models from their sums."""
        sums, values = iter(sums), []
        pairs = zip(self._parts, self._evaluation.all_metrics, strict=True)
        for part, metric in pairs:
            if part is not None:
                values.append(part.finish(self.rows, next(sums)))
                continue
            view, rows = self._evaluation.view, self._evaluation.rows
            values.append(np.stack([metric.measure(view, rows, p) for p in parameters]))
        return np.concatenate(values, axis=1)


def _moments(block, loss, parts, matrices):
    """Return the moments of metrics of many models."""
    z = block.measured(block.margins(matrices))
    sums = [
        [part.moments(block, loss, z[which]) for part in parts]
        for which in portions(len(z), z[0].size)
    ]
    return tuple(map(np.concatenate, zip(*sums, strict=True)))


class _First:
    """Measure a model (n_outputs, n_rows) and its derivatives in the margins."""

    def __init__(self, loss, parts):
        self.loss = loss
        self.parts = parts

    def __call__(self, block, z, loss=None, losses=None, slope=None):
        given, z = z, block.measured(z)
        if loss is not self.loss or z is not given:
            losses, slope = self.loss.slopes(block["code"], z)
        sums = [part.sums(block, self.loss, z, losses) for part in self.parts]
        gradients = [
            block.sums(part.slopes(block, self.loss, z, slope)) for part in self.parts
        ]
        return (*sums, *gradients)


class _At:
    """Measure many models (n_models, n_outputs, n_rows).

    Attributes
    ----------
    is_divisible : bool
        Whether some of the models may be measured after the others.
    """

    def __init__(self, loss, parts):
        self.loss = loss
        self.parts = parts
        self.is_divisible = not any(part.needs_whole_arrays for part in parts)

    def __call__(self, block, z, loss=None, losses=None):
        given, z = z, block.measured(z)
        if loss is not self.loss or z is not given:
            losses = self.loss.values(block["code"], z)
        return tuple(part.sums(block, self.loss, z, losses) for part in self.parts)


class _Pull:
    """Combine slopes in the margins of a model (n_outputs, n_rows)."""

    def __init__(self, loss, parts, factors):
        self.loss = loss
        self.parts = parts
        self.factors = factors

    def __call__(self, block, z):
        z = block.measured(z)
        _, slope = self.loss.slopes(block["code"], z)
        pulls = (
            np.tensordot(factor, part.slopes(block, self.loss, z, slope), 1)
            for factor, part in zip(self.factors, self.parts, strict=True)
            if factor.any()
        )
        return sum(pulls, np.zeros_like(z))
