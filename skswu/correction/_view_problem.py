"""A model that is corrected through its view, one change of the weights at a time."""

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from .._utils._warnings import kept_warnings
from ..updates import Move
from ..weighting._linearized import linearized_around
from ._correction import State
from ._problem import Problem
from ._training_data import warn_of_other_rows

# Shares of the original distance from the target that are as near as each other.
_AS_NEAR = 1e-3
# Of Python's floats, whose quotients overflow to infinity without a warning.
_SMALLEST = float(np.finfo(np.float64).tiny)


class ViewProblem(Problem):
    """A fitted model as parameters that move.

    Parameters
    ----------
    view : ModelView
        The model.
    rows : Rows
        Its training rows, with their weights.
    evaluation : Evaluation
        The metrics and the utility on the evaluation rows.
    sample_weight : ndarray of shape (n_train,) or None
        Sample weights of the fit.
    influence : Influence
        How influences are computed.
    keeps_leftover : bool
        Whether the gradient that an unfinished fit left over counts as zero.
    """

    def __init__(
        self, view, rows, evaluation, sample_weight, influence, keeps_leftover
    ):
        self.view = view
        self.rows = rows
        self.evaluation = evaluation
        self.sample_weight = sample_weight
        self.influence = influence
        self.keeps_leftover = keeps_leftover
        self.inverse = None
        self.names = evaluation.names
        self.one_sided = evaluation.one_sided
        self.n_rows = len(rows)

    @property
    def metrics(self):
        return self.evaluation.metrics

    @property
    def measured_on(self):
        return self.evaluation.measured_on

    def linearize(self):
        view, rows, start = self.view, self.rows, self.view.parameters
        nothing = np.zeros(self.n_rows)
        self.invert(start, nothing)
        self._fit_gradient = left = view.objective_gradient(rows, start, rows.weight)
        self.tilt = self._kept_gradient(left)
        values, gradients = self.evaluation.linearize(start)
        self._keep(values)
        linearized = self._linearize(start, nothing, values, gradients, left)
        view.check_training_rows(rows)
        if view.training_decrement_limit(rows) is not None:
            with kept_warnings():  # what is rounding has no residual to reach
                step = self.inverse.solve(left[:, None]).vectors[:, 0]
            self._note_decrement(left, step, rows.weight.sum())
        return linearized

    def _note_decrement(self, gradient, step, total_weight):
        """Keep the Newton decrement of the fit, and warn if it is another problem's.

        Parameters
        ----------
        gradient : array of shape (n_parameters,)
            What the fit left over.
        step : array of shape (n_parameters,)
            The inverse curvature times that.
        total_weight : float
            Of the fit.
        """
        view, rows = self.view, self.rows
        limit = view.training_decrement_limit(rows)
        if limit is None:
            return
        self.training_decrement = 0.5 * float(gradient @ step) / float(total_weight)
        if self.training_decrement > limit and not view.leaves(rows, gradient):
            warn_of_other_rows(self.training_decrement, limit)

    def _keep(self, values):
        """Keep how the original model measures."""
        self._values = values
        self.before = values[:-1]
        self.utility_before = float(values[-1])

    def _kept_gradient(self, gradient):
        """Return the training gradient that counts as zero."""
        return gradient if self.keeps_leftover else 0.0 * gradient

    def _linearize(self, parameters, epsilon, values, gradients, left):
        """Return the metrics as affine functions of the weights, around a point.

        There ``left`` is the gradient of the training objective.
        """
        solution, influence = self.influences(parameters, gradients)
        drift = -self.view.to_numpy(solution.vectors.T @ (left - self.tilt))
        constant = values + drift + influence @ epsilon
        return linearized_around(
            influence,
            constant,
            self.before,
            self.utility_before,
            self.sample_weight,
            None,
            solution.relative_residual,
            self.evaluation.is_held_out,
            self.one_sided,
        )

    def invert(self, parameters, epsilon):
        """Take the curvature somewhere as that which influences are computed with.

        Ahead of the gradients there, which share passes over the rows with it.

        Parameters
        ----------
        parameters : array of shape (n_parameters,)
            The model.
        epsilon : ndarray of shape (n_samples,)
            The weights that the curvature is taken under.
        """
        weight = self.rows.weight * (1.0 + epsilon)
        inverse = self.influence.invert(self.view, self.rows, parameters, weight)
        if self.inverse is not None:
            inverse.recycle(self.inverse)
        self.inverse = inverse
        inverse.keep_passes()

    def influences(self, parameters, gradients):
        """Return the influences on metrics, given their gradients.

        Parameters
        ----------
        parameters : array of shape (n_parameters,)
            The model that was last inverted.
        gradients : array of shape (n_parameters, n_metrics)
            Of the metrics.

        Returns
        -------
        solution : Solution
            The inverse curvature times the gradients.
        influence : ndarray of shape (n_metrics, n_samples)
            The influences.
        """
        view, rows = self.view, self.rows
        solution = self.inverse.solve(gradients)
        influence = view.loss_derivatives(rows, parameters, solution.vectors)
        influence *= rows.weight
        return solution, influence

    def relinearize(self, tried, first):
        # The utility keeps its first linearisation: away from the original model, where
        # the utility was optimal, its linearised rise would count the curvature that
        # any repair of the metric costs, and the constraint would take the repair back.
        # And least is now the change from the weights at hand: the weights of least
        # norm turn with the linearisation, and following them may swing for ever.
        epsilon, state = tried[-1].epsilon, tried[-1].state
        self.invert(state.model, epsilon)
        values, gradients = self.evaluation.linearize(state.model)
        weight = self.rows.weight * (1.0 + epsilon)
        left = self.view.objective_gradient(self.rows, state.model, weight)
        last = self._linearize(state.model, epsilon, values, gradients, left)
        return in_view_of(first, last, epsilon)

    def original(self):
        return State(self.view.parameters, self._values, 0.0, 0.0, 0.0)

    def apply(self, update, epsilon, goal, start):
        move = self.make_move(epsilon, self._goal_of(update, goal, start), start.model)
        parameters, length = update.move(move)
        return self._state(move, parameters, length)

    def _goal_of(self, update, goal, start):
        """Return the goal of a step of an update from a State."""
        return goal.from_here(start.values)

    def make_move(self, epsilon, goal, parameters):
        """Return what an update starts from."""

        def measure(candidate):
            return self.evaluation.measure(candidate)[:-1]

        return Move(
            view=self.view,
            rows=self.rows,
            parameters=parameters,
            epsilon=epsilon,
            inverse=self.inverse,
            tilt=self.tilt,
            influence=self.influence,
            measure=measure,
            goal=goal,
        )

    def _state(self, move, parameters, length):
        """Return the State of a move that ended at parameters."""
        left = self.view.objective_gradient(self.rows, parameters, move.weight)
        size = max(_norm(self._asked(move)), _SMALLEST)
        return State(
            parameters,
            self.evaluation.measure(parameters),
            _norm(left) / size,
            _norm(left - self.tilt) / size,
            length,
            move.residual,
        )

    def _asked(self, move):
        """Return the gradient at the fit that a change of the weights adds."""
        view, rows = self.view, self.rows
        if move.parameters is view.parameters:
            return move.gradient - self._fit_gradient
        return view.loss_gradient(rows, view.parameters, rows.weight * move.epsilon)

    def is_settled(self, update, goal, tried):
        state = tried[-1].state
        return state.step_length == 0 or self._is_met(update, goal, tried)

    def _is_met(self, update, goal, tried):
        last, state = tried[-1], tried[-1].state
        if goal.n_steps == 1:
            return True
        if state.remaining > update.target_tol:
            return False
        predicted = last.linearized.predict(last.epsilon)
        surprise = goal.left(state.values) - goal.left(predicted)
        return (
            np.abs(surprise).max() <= update.target_tol * np.abs(goal.to_repair).max()
        )

    def kept(self, update, goal, tried):
        # Of those that are as near, the last is the nearest to its weights.
        nothing = _AS_NEAR * goal.original_distance
        distances = np.array([goal.distance(one.state.values) for one in tried])
        distances = np.nan_to_num(np.maximum(distances, nothing), nan=np.inf)
        # Weights that no step followed are not those of the model.
        distances[[one.state.step_length == 0 for one in tried]] = np.inf
        return len(tried) - 1 - int(np.argmin(distances[::-1]))

    def shortfall(self, update, goal, tried, predicted):
        state = tried[-1].state
        if state.step_length == 0:
            message = (
                "No step toward the new weights brought the metric closer to its "
                "target, however short; the model is unchanged in the last step. The "
                "linearisation does not hold here: ask for a lower strength, raise "
                "the damping of the influence, or use a higher temperature of the "
                "objective."
            )
            return ((message, ConvergenceWarning),)
        state = tried[self.kept(update, goal, tried)].state
        if not self._is_met(update, goal, tried):
            message = (
                f"The update stopped after {len(tried)} steps "
                f"(max_iter={update.max_iter}) at "
                f"stationarity {state.stationarity:.1e}, above "
                f"target_tol={update.target_tol:.1e}."
            )
            return ((message, ConvergenceWarning),)
        return goal.surprise(predicted, state.values[:-1])

    def n_steps(self, update, weighting):
        return update.most_steps()

    def classifier(self, state):
        return self.view.corrected(state.model)

    def utility_rise(self, state):
        if self.evaluation.is_held_out:
            return super().utility_rise(state)
        view, rows = self.view, self.rows
        value, start = view.objective_value, view.parameters
        rise = value(rows, state.model, rows.weight) - value(rows, start, rows.weight)
        return float(rise) / float(rows.weight.sum())

    def labels(self):
        return self.evaluation.codes, self.evaluation.weight

    def standard_errors(self, state):
        return self.evaluation.standard_errors(state.model)

    def predicted_by(self, state):
        return self.evaluation.predicted(state.model)

    def predicted(self, states):
        for state in states:
            yield self.evaluation.predicted(state.model)


def in_view_of(first, last, epsilon):
    """Return a later linearisation as a weighting is to see it."""
    influence = np.vstack([last.influence, first.utility_influence])
    constant = np.append(last.constant[:-1], first.constant[-1])
    return linearized_around(
        influence,
        constant,
        first.before,
        first.utility_before,
        last.sample_weight,
        epsilon,
        last.relative_residual,
        last.is_held_out,
        first.one_sided,
    )


def _norm(vector):
    return float((vector * vector).sum() ** 0.5)
