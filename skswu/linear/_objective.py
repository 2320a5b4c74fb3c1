"""The training objective of a linear model on rows, as passes over them."""

from dataclasses import dataclass
from functools import partial

import numpy as np

from . import _passes as passes
from ._curvature import LinearCurvature
from ._leave_one_out import note_left_out


@dataclass(frozen=True, eq=False)
class Additions:
    """What changes of the weights add at the fitted parameters.

    Attributes
    ----------
    loss : ndarray of shape (n_changes,)
        To the summed losses.
    gradient : ndarray of shape (n_changes, n_parameters)
        To their gradient.
    weight : ndarray of shape (n_changes,)
        To the total weight.
    n_negative : ndarray of int of shape (n_changes,)
        How many weights become negative.
    curvature : LinearCurvature or None
        Under the change, dense, where a single one was asked with it.
    """

    loss: np.ndarray
    gradient: np.ndarray
    weight: np.ndarray
    n_negative: np.ndarray
    curvature: LinearCurvature | None


@dataclass(frozen=True, eq=False)
class Start:
    """What the first pass over the rows returns.

    Attributes
    ----------
    total_weight : float
        Of the fit.
    loss : float
        The summed losses.
    gradient : ndarray of shape (n_parameters,)
        Of the training objective.
    curvature : LinearCurvature
        Of the training objective.
    measured : tuple
        The sums of metrics.
    """

    total_weight: float
    loss: float
    gradient: np.ndarray
    curvature: LinearCurvature
    measured: tuple


class TrainingObjective:
    r"""The training objective on rows, around the fitted parameters.

    Blocks of vectors have one a row here, shape (n_vectors, n_parameters).

    Parameters
    ----------
    model : LinearModel
        The model.
    rows : RowBlocks
        Its training rows, which know their ``code``.
    """

    def __init__(self, model, rows):
        self.model = model
        self.rows = rows
        self._loss = model.training_loss

    def start(self, dense, metrics=None):
        """Let rows know their derivatives at the fitted parameters.

        Parameters
        ----------
        dense : bool
            Whether the dense Hessian is made on the way, or else its diagonal.
        metrics : callable or None, default=None
            See :func:`skswu.linear._passes.start`.

        Returns
        -------
        Start
        """
        model = self.model
        call = partial(
            passes.start,
            loss=self._loss,
            matrix=model.matrix,
            curvature="dense" if dense else "diagonal",
            metrics=metrics,
        )
        ((weight, loss, gradient, hessian, *measured),) = self.rows.reduce(call)
        gradient = model.pack(gradient) + model.penalty_gradient(model.parameters)
        known = {"hessian" if dense else "diagonal": hessian}
        curvature = LinearCurvature(model, self.rows, **known)
        return Start(float(weight), float(loss), gradient, curvature, tuple(measured))

    def note_derivatives(self):
        """Let rows know their derivatives at the fitted parameters again."""
        self.rows.reduce(
            partial(passes.derivatives, loss=self._loss, matrix=self.model.matrix)
        )

    def at(self, parameters):
        """Return the same objective around other parameters."""
        return TrainingObjective(self.model.at(parameters), self.rows)

    def value(self, parameters):
        """Return the objective at other parameters; nothing is noted.

        Parameters
        ----------
        parameters : ndarray of shape (n_parameters,)
            Where.

        Returns
        -------
        float
        """
        matrix = self.model.unpack(parameters)
        call = partial(passes.total_loss, loss=self._loss, matrix=matrix)
        ((loss,),) = self.rows.reduce(call)
        return float(loss + self.model.penalty(parameters))

    def note_influences(self, directions, summed):
        """Let rows know their influences.

        Parameters
        ----------
        directions : ndarray of shape (n_metrics, n_parameters)
            The inverse Hessian times the gradients of metrics.
        summed : callable
            A call that is made of each block in the same reading, once it knows them.

        Returns
        -------
        tuple
            The sums of that call.
        """
        call = partial(passes.influences, directions=self.model.unpack(directions))
        # Squares that overflow are told by a Gram that is not finite.
        with np.errstate(over="ignore", invalid="ignore"):
            return self.rows.reduce(call, summed)[1]

    def note_left_out(self, roots):
        """Let rows know how their margins move where they are left out of the fit.

        Parameters
        ----------
        roots : list of tuple (indices, matrix)
            Factors of the inverse curvature at the fitted parameters.

        Returns
        -------
        int
            How many rows determine a curvature nearly alone.
        """
        spread = self.model.spread_roots(roots)
        call = partial(note_left_out, loss=self._loss, roots=spread)
        ((n_held,),) = self.rows.reduce(call)
        return int(n_held)

    def additions(self, changes, dense=False):
        """Return what changes of the weights add at the fitted parameters.

        Parameters
        ----------
        changes : Changes
            Of the weights.
        dense : bool, default=False
            Whether the curvature under a single change is made in the same reading.

        Returns
        -------
        Additions
        """
        calls, curvature = [partial(passes.gradients_under, changes=changes)], None
        if dense:
            calls.append(
                partial(passes.hessian_under, loss=self._loss, changes=changes)
            )
        (loss, gradient, *weights), *hessian = self.rows.reduce(*calls)
        if dense:
            ((hessian,),) = hessian
            curvature = LinearCurvature(self.model, self.rows, changes, hessian)
        return Additions(loss, self.model.pack(gradient), *weights, curvature)

    def products(self, vectors, changes):
        """Return the Hessians under changes of the weights times a vector each.

        Parameters
        ----------
        vectors : ndarray of shape (n_changes, n_parameters)
            The vectors.
        changes : Changes
            As many.

        Returns
        -------
        ndarray of shape (n_changes, n_parameters)
        """
        matrices = self.model.unpack(vectors)
        call = partial(
            passes.hessian_products, loss=self._loss, matrices=matrices, changes=changes
        )
        ((moved,),) = self.rows.reduce(call)
        return self.model.pack(moved) + self.model.l2 * vectors

    def curvature_under(self, change):
        """Return the curvature under a single change of the weights.

        Parameters
        ----------
        change : Changes
            One.

        Returns
        -------
        LinearCurvature
        """
        return LinearCurvature(self.model, self.rows, change)

    def curvatures_along(self, first, changes):
        """Yield the curvature under each of many changes, as sums of a few Hessians.

        Parameters
        ----------
        first : LinearCurvature
            Under the fit's weights, dense.
        changes : Changes
            Combinations of influences, clipped.

        Yields
        ------
        LinearCurvature
        """
        used = np.flatnonzero(np.abs(changes.multipliers).max(axis=0))
        call = partial(
            passes.hessians_along, loss=self._loss, used=used, changes=changes
        )
        ((along, clipped),) = self.rows.reduce(call)
        for factors, off in zip(changes.multipliers[:, used], clipped, strict=True):
            hessian = first.hessian + np.tensordot(factors, along, 1) + off
            yield LinearCurvature(self.model, self.rows, hessian=hessian)

    def outcomes(self, parameters, changes, metrics=None):
        """Return the objectives of many models, and what they measure.

        Parameters
        ----------
        parameters : ndarray of shape (n_models, n_parameters)
            The models.
        changes : Changes
            Of the weights, one a model.
        metrics : callable or None, default=None
            See :func:`skswu.linear._passes.outcomes`.

        Returns
        -------
        value : ndarray of shape (n_models,)
            The objectives under the changed weights, with the smooth penalty.
        gradient : ndarray of shape (n_models, n_parameters)
            Their gradients.
        measured : tuple
            The sums of metrics.
        """
        model = self.model
        call = partial(
            passes.outcomes,
            loss=self._loss,
            matrices=model.unpack(parameters),
            changes=changes,
            metrics=metrics,
        )
        ((value, gradient, *measured),) = self.rows.reduce(call)
        gradient = model.pack(gradient) + model.penalty_gradient(parameters)
        return value + model.smooth_penalty(parameters), gradient, tuple(measured)

    def measure(self, rows, parameters, metrics):
        """Return the sums of metrics of many models on other rows.

        Parameters
        ----------
        rows : RowBlocks
            Evaluation rows.
        parameters : ndarray of shape (n_models, n_parameters)
            The models.
        metrics : callable
            See :func:`skswu.linear._passes.outcomes`.
        """
        matrices = self.model.unpack(parameters)
        call = partial(
            passes.outcomes, loss=self._loss, matrices=matrices, metrics=metrics
        )
        return rows.reduce(call)[0]

    def measure_start(self, rows, metrics):
        """Return the sums of metrics of the fitted model on other rows."""
        call = partial(_at_margins, matrix=self.model.matrix, metrics=metrics)
        return rows.reduce(call)[0]


def _at_margins(block, matrix, metrics):
    return metrics(block, block.margins(matrix))
