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
        Its least subgradient, see :class:`~skswu.linear.LinearModel`.
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
    hessian : ndarray of shape (n_moving, n_moving)
        Of the parameters that move, with the damping.
    inverse : InverseCurvature
        Of it.
    moving : ndarray of bool of shape (n_parameters,)
        Which parameters move; an l1 norm holds some at 0.
    warnings : list of pairs of message and category
        Of the inverse. Most factors are of models that are only tried, so that whoever
        takes one passes them on.
    parameters : ndarray of shape (n_parameters,)
        The model.
    """

    hessian: np.ndarray
    inverse: Any
    moving: np.ndarray
    warnings: list
    parameters: np.ndarray

    def solve(self, vectors):
        """Return the inverse times vectors (n_parameters, n_vectors)."""
        return self.whole(self.inverse.solve(self.part(vectors)).vectors)

    def part(self, vectors):
        """Return the entries (n_moving, ...) of the parameters that move."""
        return vectors if self.moving.all() else vectors[self.moving]

    def square(self, matrix):
        """Return the rows and columns of the parameters that move."""
        return self.part(self.part(matrix).T).T

    def whole(self, part):
        """Return vectors that are 0 off the parameters that move."""
        if self.moving.all():
            return part
        whole = np.zeros((len(self.moving), *part.shape[1:]))
        whole[self.moving] = part
        return whole


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
        gradient = self._gradient(gradient, parameters)
        moving = self.model.are_moving(parameters, gradient)
        factor = self.factor_of(parameters, hessian, float(total), moving)
        return factor, float(value) + self._added(parameters), gradient

    def factor_of(self, parameters, hessian, total_weight, moving):
        """Return the Factor of a Hessian of the losses, in the parameters that move."""
        influence, view = self.problem.influence, self.problem.view
        operator = LinearCurvature(self.model.part(moving), self.rows, hessian=hessian)
        with kept_warnings() as caught:
            inverse = influence.invert_operator(view, operator, total_weight)
        dense = self._dense(operator, total_weight)
        return Factor(dense, inverse, moving, caught, parameters)

    def _dense(self, operator, total_weight):
        n = operator.n_parameters
        dense = np.zeros((n, n))
        for indices, block in operator.dense_blocks():
            dense[indices, indices] = block
        damping = self.problem.influence.damping_of(self.problem.view)
        dense[np.diag_indices(n)] += damping * total_weight
        return dense

    def moves_alike(self, factor, measured):
        """Say whether what moves at a Measured is what moves in a Factor."""
        given = measured.parameters, measured.gradient
        return bool((self.model.are_moving(*given) == factor.moving).all())

    def landing(self, measured, step):
        """Return where a step from a Measured leads."""
        return self.model.landing(measured.parameters, measured.gradient, step)

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
        problem, blocks = self.problem, self.problem.block_evaluation
        on_training = problem.measured_on_training
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
        gradient = self.model.pack(sums) - self.tilt
        return self.model.least_subgradient(gradient, parameters)

    def _added(self, parameters):
        penalty = float(self.model.penalty(parameters))
        return penalty - float(self.tilt @ parameters)
