"""A linear model that is corrected by passes over blocks of rows."""

from functools import cached_property, partial

import numpy as np

from .._utils._overrides import overrides
from ..influence._under_changes import largest_residual
from ..linear import LinearCurvature
from ..linear._reweighted_passes import asked_gradient
from ..updates._move import Trial, search_length
from ..weighting import Linearized
from ..weighting._linearized import influence_sums
from ._block_evaluation import BlockEvaluation
from ._correction import State
from ._evaluation_rows import LEFT_OUT, leave_out
from ._own_pull import estimate
from ._sequence import Sequence
from ._view_problem import ViewProblem

# Parameters up to which outer products of the rows' gradients are worth their time.
_MOST_PULLS = 2000
# Parameters of models that take several steps unasked: each takes many products of
# matrices of this size, whatever the number of rows.
_MOST_UNASKED = 500
# Parameters up to which eigenvalues of matrices of this size are worth their time.
_MOST_BENT = 500
# A rise of the training objective by this share of itself is rounding.
_NO_RISE = 1e-10
# A gradient this small, in units of the curvature's, is as good as none.
_ROUNDING = 1e-6
# Entries of what is kept of rows for models that are measured at once.
_ENTRIES = 2**23
_SMALLEST = float(np.finfo(np.float64).tiny)


class LinearProblem(ViewProblem):
    """A linear model, all changes of whose weights share passes over the rows.

    Parameters
    ----------
    view, rows, evaluation, sample_weight, influence, keeps_leftover
        See :class:`ViewProblem`.
    objective : TrainingObjective
        Of the model on its rows.
    """

    def __init__(
        self,
        view,
        rows,
        evaluation,
        sample_weight,
        influence,
        keeps_leftover,
        objective,
    ):
        super().__init__(
            view, rows, evaluation, sample_weight, influence, keeps_leftover
        )
        self.objective = objective
        self.measured_on_training = evaluation.rows.blocks is rows.blocks

    def linearize(self):
        influence, objective = self.influence, self.objective
        rows, model = objective.rows, objective.model
        by_hand = overrides(influence, ["invert"], over="invert_operator")
        dense = not by_hand and influence.wants_dense(LinearCurvature(model, rows))
        self._is_dense = dense
        at_once = self.measured_on_training and not self.evaluation.leaves_out
        blocks = BlockEvaluation(self.evaluation, model) if at_once else None
        first = self._start = objective.start(dense, blocks and blocks.first())
        if by_hand:
            given = self.view, self.rows, model.parameters, self.rows.weight
            self.inverse = influence.invert(*given)
        else:
            given = self.view, first.curvature, first.total_weight
            self.inverse = influence.invert_operator(*given)
        self.first_inverse = self.inverse
        leave_out(self.evaluation, objective, self.inverse)
        blocks = self.block_evaluation = blocks or BlockEvaluation(
            self.evaluation, model
        )
        measured = first.measured
        if not at_once:
            measured = objective.measure_start(blocks.rows, blocks.first())
        n = len(measured) // 2
        values, gradients = blocks.linearized(measured[:n], measured[n:])
        self._keep(values)
        # One more right-hand side reads no row of X again.
        asked = np.vstack([gradients, self._told_gradient(first, dense)])
        solution = self.inverse.solve(asked.T)
        directions = np.ascontiguousarray(solution.vectors.T[:-1])
        self.view.check_training_rows(self.rows)
        step = solution.vectors[:, -1]
        self._note_decrement(first.gradient, step, first.total_weight)
        gram, reach = objective.note_influences(directions, influence_sums)
        self.tilt = self._kept_gradient(first.gradient)
        return Linearized(
            rows,
            self.before,
            values - directions @ (first.gradient - self.tilt),
            self.utility_before,
            gram,
            reach,
            self.sample_weight,
            solution.relative_residual,
            self.evaluation.is_held_out,
            self.one_sided,
        )

    def _told_gradient(self, first, dense):
        """Return the gradient that the fit left over, or zeros if it is rounding.

        What is rounding has no relative residual that an iterative solver could reach.
        """
        if dense:
            return first.gradient
        unit = first.total_weight * first.curvature.diagonal()
        is_rounding = (first.gradient**2 <= _ROUNDING**2 * unit).all()
        return 0.0 * first.gradient if is_rounding else first.gradient

    def sequence(self, weighting, update, first):
        programme = weighting.programme()
        wanted = update.seeks_least_change and programme is not None
        if update.max_iter == "auto":
            wanted &= self.objective.model.n_parameters <= _MOST_UNASKED
        # Negative weights have no minimiser to go to.
        if not (wanted and self._is_dense and programme.lower >= -1.0):
            return None
        return Sequence(self, weighting, update, first)

    def objective_weight(self, wanted):
        """Return how much of the original objective counts, 0 for models too wide."""
        return wanted if self.objective.model.n_parameters <= _MOST_PULLS else 0.0

    @property
    def knows_bends(self):
        """Whether steps are told the curvature of the Lagrangian."""
        is_small = self.objective.model.n_parameters <= _MOST_BENT
        return is_small and self.block_evaluation.knows_bends

    def utility_limit(self, tolerance):
        """Return the largest mean loss on evaluation rows, None without one.

        On training rows the training objective is bounded, whose least rise is part of
        what is least anyway: what is left to choose is the strength.
        """
        if tolerance is None or not self.evaluation.is_held_out:
            return None
        return self.utility_before + tolerance

    def utility_rise(self, state):
        if self.evaluation.is_held_out:
            return super().utility_rise(state)
        value, start = self.objective.value, self.view.parameters
        return (value(state.model) - value(start)) / self.total_weight

    def asked_gradient(self, name):
        """Return what a change of the weights adds to the gradient at the fit.

        ``name`` is under which rows know the change.
        """
        model = self.objective.model
        call = partial(
            asked_gradient, loss=model.training_loss, matrix=model.matrix, name=name
        )
        ((gradient,),) = self.objective.rows.reduce(call)
        return model.pack(gradient)

    def _asked(self, move):
        weight = self.rows.weight * move.epsilon
        return self.view.loss_gradient(self.rows, self.view.parameters, weight)

    def first_factor(self, model):
        """Return the Factor of the fit, as a ReweightedModel makes it."""
        start = self._start
        parameters, hessian = self.view.parameters, start.curvature.hessian
        every = np.ones(len(parameters), dtype=bool)
        return model.factor_of(parameters, hessian, start.total_weight, every)

    @property
    def total_weight(self):
        """Of the fit."""
        return self._start.total_weight

    def apply_all(self, update, rows, changes, goals):
        states = update.move_all(self, changes, goals)
        rows.forget("loss", "slope", "second")
        return states

    def renew(self):
        self.objective.note_derivatives()

    def move_each(self, update, changes, goals):
        """Return the State that an update leads to, a change of the weights at a time.

        Parameters
        ----------
        update : BaseUpdate
            What moves the parameters.
        changes : Changes
            Of the weights.
        goals : list of Goal
            What is aimed at.
        """
        return super().apply_all(update, self.objective.rows, changes, goals)

    def _goal_of(self, update, goal, start):
        return goal if _settles(update) else super()._goal_of(update, goal, start)

    def kept(self, update, goal, tried):
        if _settles(update):
            return len(tried) - 1
        return super().kept(update, goal, tried)

    def newton_steps(self, changes):
        """Return the Newton steps under changes of the weights.

        Parameters
        ----------
        changes : Changes
            Of the weights.

        Returns
        -------
        Steps
        """
        influence, start = self.influence, self._start
        by_hand = overrides(influence, ["invert"], over="solve_under")
        dense = not by_hand and influence.makes_own_hessian(start.curvature, changes)
        added = self.objective.additions(changes, dense)
        self.objective.rows.forget("loss")
        right = self.tilt - added.gradient - start.gradient
        if by_hand:
            vectors, residual = self._invert_each(changes, right)
        else:
            given = self.view, self.objective, start, self.inverse
            vectors, residual = influence.solve_under(*given, changes, right, added)
        return Steps(vectors, added, residual, must_descend=True)

    def _invert_each(self, changes, right):
        """Solve as an Influence does whose ``invert`` was overridden."""
        view, rows, solutions = self.view, self.rows, []
        for position, vector in enumerate(right):
            epsilon = changes.collect(self.objective.rows, position)
            weight = rows.weight * (1.0 + epsilon)
            inverse = self.influence.invert(view, rows, view.parameters, weight)
            solutions.append(inverse.solve(vector[:, None]))
        vectors = np.stack([solution.vectors[:, 0] for solution in solutions])
        return vectors, largest_residual(solutions)

    def textbook_steps(self, changes):
        """Return the steps with the curvature under the fit's weights.

        Parameters
        ----------
        changes : Changes
            Of the weights.

        Returns
        -------
        Steps
        """
        added = self.objective.additions(changes)
        solution = self.inverse.solve(-added.gradient.T)
        vectors = np.ascontiguousarray(solution.vectors.T)
        return Steps(vectors, added, solution.relative_residual)

    def follow(self, steps, changes, goals):
        """Return the State along each step, as far as it may be followed.

        Parameters
        ----------
        steps : Steps
            Full steps.
        changes : Changes
            Of the weights, one a step.
        goals : list of Goal
            What is aimed at.
        """
        return _Follower(self, steps, changes, goals).states()

    def measure(self, parameters, changes):
        """Return objectives, their gradients, and what models measure.

        Parameters
        ----------
        parameters : ndarray of shape (n_models, n_parameters)
            The models.
        changes : Changes
            Of the weights, one a model.

        Returns
        -------
        objective : ndarray of shape (n_models,)
            Under the changed weights.
        gradient : ndarray of shape (n_models, n_parameters)
            Its gradient.
        values : ndarray of shape (n_models, n_metrics + 1)
            Metrics and utility.
        """
        size = len(parameters)
        if not self.block_evaluation.models_at_once:
            size = max(_ENTRIES // (self.block_evaluation.rows.n_rows + 1), 1)
        parts = []
        for start in range(0, len(parameters), size):
            which = np.arange(start, min(start + size, len(parameters)))
            parts.append(self._measure(parameters[which], changes.take(which)))
        return [np.concatenate(part) for part in zip(*parts, strict=True)]

    def _measure(self, parameters, changes):
        objective, blocks = self.objective, self.block_evaluation
        shared = blocks.at() if self.measured_on_training else None
        value, gradient, sums = objective.outcomes(parameters, changes, shared)
        if shared is None:
            sums = objective.measure(blocks.rows, parameters, blocks.at())
        return value, gradient, blocks.measured(sums, parameters)

    def estimate(self, first, kept, weighting):
        if self.measured_on != LEFT_OUT:
            return None
        return estimate(self, first, kept, weighting)

    def measure_with_offset(self, name, parameters):
        """Return the metrics of scores with an offset, and their standard errors.

        Parameters
        ----------
        name : str
            Under which evaluation rows know the offset.
        parameters : ndarray of shape (n_parameters,)
            The model.

        Returns
        -------
        values, errors : ndarray of shape (n_metrics,)
        """
        blocks = BlockEvaluation(
            self.evaluation.with_offset(name), self.objective.model
        )
        models = parameters[None]
        sums = self.objective.measure(blocks.rows, models, blocks.at())
        values = blocks.measured(sums, models)[0, :-1]
        return values, blocks.standard_errors(models)[0]

    def measured_classifier(self, state):
        return self.evaluation.classifier(super().classifier(state), state.model)

    def standard_errors(self, state):
        return self.standard_errors_of([state])[0]

    def standard_errors_of(self, states):
        parameters = np.stack([state.model for state in states])
        return self.block_evaluation.standard_errors(parameters)

    def predicted(self, states):
        parameters = np.stack([state.model for state in states])
        yield from self.evaluation.predicted_by_many(parameters)


def _settles(update):
    """Say whether an update's own steps end at the optimum of a convex model."""
    return not overrides(update, ["move", "full_step", "follow"], over="move_all")


class Steps:
    """Full steps from the original parameters.

    Parameters
    ----------
    vectors : ndarray of shape (n_changes, n_parameters)
        The steps.
    added : Additions
        What the changes of the weights add where they start.
    relative_residual : float or None
        What an iterative solver left.
    must_descend : bool, default=False
        Whether the training objective under the new weights must not rise.
    """

    def __init__(self, vectors, added, relative_residual, must_descend=False):
        self.vectors = vectors
        self.added = added
        self.relative_residual = relative_residual
        self.must_descend = must_descend


class _Follower:
    """Follow many steps, those that are not done yet in the same passes."""

    def __init__(self, problem, steps, changes, goals):
        self.problem, self.steps = problem, steps
        self.changes, self.goals = changes, goals
        self.start = problem.view.parameters
        penalty = problem.objective.model.penalty(self.start)
        self.before = problem._start.loss + steps.added.loss + penalty
        self.asked = np.linalg.norm(steps.added.gradient, axis=1).clip(_SMALLEST)

    def states(self):
        """Return the State that each step ends in."""
        searches = [search_length() for _ in self.goals]
        lengths = np.array([next(search) for search in searches])
        outcomes = [{0.0: self._outcome_of_start(k)} for k in range(len(searches))]
        pending = np.arange(len(searches))
        while len(pending):
            trials = self._measure(lengths[pending], pending, outcomes)
            still = []
            for k, trial in zip(pending, trials, strict=True):
                try:
                    lengths[k] = searches[k].send(trial)
                    still.append(k)
                except StopIteration as found:
                    lengths[k] = found.value
            pending = np.array(still, dtype=np.intp)
        return [
            self._state(k, length, *outcomes[k][length])
            for k, length in enumerate(lengths.tolist())
        ]

    def _outcome_of_start(self, k):
        gradient = self.problem._start.gradient + self.steps.added.gradient[k]
        return gradient, self.problem._values

    def _measure(self, lengths, which, outcomes):
        """Return trials at lengths of some steps; note gradients and values."""
        problem = self.problem
        with np.errstate(over="ignore", invalid="ignore"):
            parameters = self.start + lengths[:, None] * self.steps.vectors[which]
            objective, gradient, values = problem.measure(
                parameters, self.changes.take(which)
            )
            rise = objective - self.before[which]
            rise -= (parameters - self.start) @ problem.tilt
        allowed = _NO_RISE * np.maximum(np.abs(self.before[which]), 1.0)
        is_fine = np.ones(len(which), dtype=bool)
        if self.steps.must_descend:
            is_fine = (rise <= allowed) & self._are_bounded(parameters, which)
        for position, k in enumerate(which):
            outcomes[k][lengths[position]] = gradient[position], values[position]
        return [
            Trial(self.goals[k], value[:-1], lambda fine=fine: bool(fine))
            for k, value, fine in zip(which, values, is_fine, strict=True)
        ]

    def _are_bounded(self, parameters, which):
        """Say which models know more than nothing, where weights are negative.

        The objective falls without end there, and its fall is no reason to accept.
        """
        doubtful = self.steps.added.n_negative[which] > 0
        bounded = ~doubtful
        for k in np.flatnonzero(doubtful):
            value = self.problem.objective.value(parameters[k])
            bounded[k] = value <= self._of_nothing
        return bounded

    @cached_property
    def _of_nothing(self):
        """The fit's own objective where all coefficients are zero, or at the fit."""
        objective = self.problem.objective
        return max(objective.value(at) for at in (0.0 * self.start, self.start))

    def _state(self, k, length, gradient, values):
        parameters = self.start
        if length:
            parameters = self.start + length * self.steps.vectors[k]
        return State(
            parameters,
            values,
            float(np.linalg.norm(gradient) / self.asked[k]),
            float(np.linalg.norm(gradient - self.problem.tilt) / self.asked[k]),
            length,
            self.steps.relative_residual,
        )
