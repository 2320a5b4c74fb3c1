"""A linear model away from its fit, under other weights: what the passes tell of it."""

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from .._utils._warnings import kept_warnings
from ..linear import LinearCurvature
from ..linear import _reweighted_passes as passes


@dataclass(frozen=True, eq=False)
class Measured:
    """A model under a change of the weights, measured.

    What a leftover gradient that is kept makes of objectives is left out of them.

    Attributes
    ----------
    parameters : ndarray of shape (n_parameters,)
        The model.
    value : float
        The training objective under the changed weights.
    gradient : ndarray of shape (n_parameters,)
        Its gradient.
    own_value : float
        The training objective under the fit's weights.
    values : ndarray of shape (n_metrics + 1,)
        Metrics and utility.
    """

    parameters: np.ndarray
    value: float
    gradient: np.ndarray
    own_value: float
    values: np.ndarray


@dataclass(frozen=True, eq=False)
class Factor:
    """The curvature at a model under a change of the weights.

    Attributes
    ----------
    hessian : ndarray of shape (n_parameters, n_parameters)
        With the damping.
    inverse : InverseCurvature
        Of it.
    warnings : list of pairs of message and category
        Of the inverse. Most factors are of models that are only tried, so that whoever
        takes one passes them on.
    parameters : ndarray of shape (n_parameters,)
        The model.
    """

    hessian: np.ndarray
    inverse: Any
    warnings: list
    parameters: np.ndarray

    def solve(self, vectors):
        """Return the inverse times vectors (n_parameters, n_vectors)."""
        return self.inverse.solve(vectors).vectors


class ReweightedModel:
    """Ask the rows of a problem about models away from the fit.

    Parameters
    ----------
    problem : LinearProblem
        Linearised, with a dense Hessian.
    """

    def __init__(self, problem):
        self.problem = problem
        self.objective = problem.objective
        self.model, self.rows = self.objective.model, self.objective.rows
        self.loss = self.model.training_loss
        self.tilt = problem.tilt

    def reduce(self, call, **given):
        """Return the sums of a pass over the training rows."""
        return self.rows.reduce(partial(call, **given))[0]

    def factor(self, parameters, name):
        """Return the Factor at parameters, and the objective's value and gradient.

        Parameters
        ----------
        parameters : ndarray of shape (n_parameters,)
            The model.
        name : str
            Under which rows know the change of the weights.
        """
        matrix = self.model.unpack(parameters)
        value, gradient, hessian, total = self.reduce(
            passes.curve, loss=self.loss, matrix=matrix, name=name
        )
        return (
            self.factor_of(parameters, hessian, float(total)),
            float(value) + self._added(parameters),
            self._gradient(gradient, parameters),
        )

    def factor_of(self, parameters, hessian, total_weight):
        """Return the Factor of a Hessian of the losses at parameters."""
        influence, view = self.problem.influence, self.problem.view
        operator = LinearCurvature(self.model, self.rows, hessian=hessian)
        with kept_warnings() as caught:
            inverse = influence.invert_operator(view, operator, total_weight)
        dense = self._dense(operator, total_weight)
        return Factor(dense, inverse, caught, parameters)

    def _dense(self, operator, total_weight):
        n = self.model.n_parameters
        dense = np.zeros((n, n))
        for indices, block in operator.dense_blocks():
            dense[indices, indices] = block
        damping = self.problem.influence.damping_of(self.problem.view)
        dense[np.diag_indices(n)] += damping * total_weight
        return dense

    def measure(self, parameters, name):
        """Return the Measured of parameters."""
        problem, blocks = self.problem, self.problem.block_evaluation
        matrix = self.model.unpack(parameters)
        on_training = problem.measured_on_training
        value, gradient, own, *sums = self.reduce(
            passes.measure,
            loss=self.loss,
            matrix=matrix,
            name=name,
            metrics=blocks.at() if on_training else None,
        )
        if not on_training:
            given = blocks.rows, parameters[None], blocks.at()
            sums = self.objective.measure(*given)
        added = self._added(parameters)
        return Measured(
            parameters,
            float(value) + added,
            self._gradient(gradient, parameters),
            float(own) + added,
            blocks.measured(sums, parameters[None])[0],
        )

    def linearize(self, parameters):
        """Let rows know their losses and slopes; return gradients.

        Returns
        -------
        own_gradient : ndarray of shape (n_parameters,)
            Of the training objective under the fit's weights.
        gradients : ndarray of shape (n_metrics + 1, n_parameters)
            Of the metrics and the utility.
        """
        problem, blocks = self.problem, self.problem.block_evaluation
        matrix = self.model.unpack(parameters)
        on_training = problem.measured_on_training
        own, *sums = self.reduce(
            passes.linearize,
            loss=self.loss,
            matrix=matrix,
            metrics=blocks.first() if on_training else None,
        )
        if not on_training:
            at = self.objective.at(parameters)
            sums = at.measure_start(blocks.rows, blocks.first())
        n = len(sums) // 2
        _, gradients = blocks.linearized(sums[:n], sums[n:], parameters)
        return self._gradient(own, parameters), gradients

    def bends(self, parameters, multipliers, along, objective_weight):
        """Return the curvature of the Lagrangian in the parameters, rows' weights held.

        Parameters
        ----------
        parameters : ndarray of shape (n_parameters,)
            The model.
        multipliers : ndarray of shape (n_metrics + 1,)
            Of metrics and utility.
        along : ndarray of shape (n_parameters,)
            Multipliers of the gradient of the training objective, which is to be 0.
        objective_weight : float
            Of the training objective under the fit's weights.

        Returns
        -------
        ndarray of shape (n_parameters, n_parameters)
        """
        blocks, on_training = (
            self.problem.block_evaluation,
            self.problem.measured_on_training,
        )
        pull, matrix = blocks.pull(multipliers), self.model.unpack(parameters)
        (sums,) = self.reduce(
            passes.bends,
            loss=self.loss,
            matrix=matrix,
            along=self.model.unpack(along),
            gain=objective_weight,
            pull=pull if on_training else None,
        )
        if not on_training:
            call = partial(passes.bends_of_metrics, matrix=matrix, pull=pull)
            sums = sums + blocks.rows.reduce(call)[0][0]
        curvature = self._square(sums) + objective_weight * np.diag(self.model.l2)
        null = self.model.null_directions()
        if null is not None:
            # Differences hardly, but not quite, see that no margin's difference moves.
            curvature -= null @ (null.T @ curvature)
            curvature -= (curvature @ null) @ null.T
        return curvature

    def pulls(self):
        """Return the outer products of the rows' gradients, by count."""
        (outer,) = self.reduce(passes.pulls)
        return self._square(outer)

    def bound_pulls(self):
        """Return those of the rows that the last combination took to a bound."""
        (outer,) = self.reduce(passes.bound_pulls)
        return self._square(outer)

    def _square(self, outer):
        """Return the free rows and columns of a matrix over all coefficients."""
        free = self.model.free.ravel()
        square = outer.reshape(free.size, free.size)
        return square if free.all() else square[np.ix_(free, free)]

    def _gradient(self, sums, parameters):
        gradient = self.model.pack(sums)
        return gradient + self.model.smooth_penalty_gradient(parameters) - self.tilt

    def _added(self, parameters):
        penalty = float(self.model.smooth_penalty(parameters))
        return penalty - float(self.tilt @ parameters)
