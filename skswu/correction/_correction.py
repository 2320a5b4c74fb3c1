"""The order of the steps: linearise, weigh, update."""

from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from math import hypot
from time import perf_counter
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from .._utils._progress import ResidualBar, watched
from .._utils._warnings import warn
from ..exceptions import (
    LinearizationWarning,
    NothingToCorrectWarning,
    UnreachableTargetWarning,
)
from ..updates import Move
from ..weighting import LinearizedMetrics

# Gaps below this are rounding, whatever the data.
NO_GAP = 1e-12
# Of Python's floats, whose quotients overflow to infinity without a warning.
_SMALLEST = float(np.finfo(np.float64).tiny)


@dataclass(frozen=True)
class Correction:
    """A corrected model and how it came about; see UnlearningClassifier."""

    parameters: Any
    epsilon: np.ndarray
    influence: np.ndarray
    utility_influence: np.ndarray
    before: np.ndarray
    predicted: np.ndarray
    after: np.ndarray
    utility_before: float
    utility_after: float
    stationarity: float
    step_length: float
    n_iter: int
    timings: dict
    solver_residuals: dict = field(default_factory=dict)


class StepTimer:
    """Add up the seconds spent in named steps, and watch their iterative solvers.

    Attributes
    ----------
    seconds : dict of str to float
        By step.
    residuals : dict of str to float
        The relative residual that the step's latest iterative solve reached.
    """

    def __init__(self, verbose):
        self.verbose = verbose
        self.seconds = {}
        self.residuals = {}

    @contextmanager
    def __call__(self, name):
        bar = ResidualBar(name, self.verbose)
        start = perf_counter()
        try:
            with watched(bar):
                yield
        finally:
            bar.close()
        if bar.residual is not None:
            self.residuals[name] = bar.residual
        elapsed = perf_counter() - start
        self.seconds[name] = self.seconds.get(name, 0.0) + elapsed
        if self.verbose:
            print(f"[UnlearningClassifier] {name}: {elapsed:.3f} s")


class Corrector:
    """Correct a fitted model on its training rows.

    Parameters
    ----------
    problem : Problem
        The fitted model, its training rows, and what is to be repaired.
    weighting : BaseWeighting
        Solves for the weights.
    update : BaseUpdate
        Moves the parameters.
    verbose : int, default=0
        Whether to print each step's time.
    """

    def __init__(self, problem, weighting, update, verbose=0):
        self.view = problem.view
        self.rows = problem.rows
        self.evaluation = problem.evaluation
        self.sample_weight = problem.sample_weight
        self.weighting = weighting
        self.update = update
        self.timer = StepTimer(verbose)

    def correct(self):
        """Return the Correction."""
        return self.correct_from(*self.linearize())

    def correct_from(self, first, inverse):
        """Return the Correction, given what :meth:`linearize` returned."""
        parameters, no_change = self.view.parameters, np.zeros(len(self.rows))
        target = self.weighting.target(self.before)
        self.allowed_distance = hypot(*(self.before - target))
        self.scale = np.abs(self.before).max()
        if self.scale <= NO_GAP:
            warn_nothing_to_do(self.before)
            return self._result(first, parameters, no_change, 0.0, 0, 0.0)
        if self.allowed_distance == 0:
            return self._result(first, parameters, no_change, 0.0, 0, 0.0)
        return self._iterate(first, inverse, target)

    def linearize(self):
        """Return the LinearizedMetrics of the original model, and what inverts H."""
        parameters = self.view.parameters
        with self.timer("influence"):
            self.tilt = self.update.tilt(self.view, self.rows)
            self.before = self.evaluation.values(parameters)
            self.utility_before = self.evaluation.utility(parameters)
            return self._linearize(parameters, np.zeros(len(self.rows)))

    def _iterate(self, first, inverse, target):
        """Weigh and move until the moves are exhausted or not worth it."""
        parameters, linearized = self.view.parameters, first
        epsilon = np.zeros(len(self.rows))
        for n_iter in range(1, self.update.max_iter + 1):
            if n_iter > 1:
                with self.timer("influence"):
                    linearized, inverse = self._linearize(parameters, epsilon)
                    linearized = in_view_of(first, linearized, epsilon)
            epsilon = self._weigh(linearized, epsilon, n_iter)
            if not epsilon.any():
                return self._result(first, parameters, epsilon, 0.0, n_iter, 0.0)
            with self.timer("update"):
                parameters, length = self._move(parameters, epsilon, inverse, target)
                stationarity, remaining = self._stationarity(parameters, epsilon)
            settled = self.update.max_iter == 1 or (
                remaining <= self.update.tol
                and self._is_as_predicted(parameters, epsilon, linearized)
            )
            if settled or length == 0:
                break
        self._warn_of_shortfall(settled, length, stationarity)
        result = self._result(first, parameters, epsilon, stationarity, n_iter, length)
        if self.update.max_iter == 1:
            self._warn_of_surprise(result.predicted, result.after)
        return result

    def _is_as_predicted(self, parameters, epsilon, linearized):
        surprise = self.evaluation.values(parameters) - linearized.predict(epsilon)
        return np.abs(surprise).max() <= self.update.tol * self.scale

    def _linearize(self, parameters, epsilon):
        """Return the metrics as affine functions of the weights, around a point."""
        view, rows = self.view, self.rows
        weight = rows.weight * (1.0 + epsilon)
        inverse = self.update.invert(view, rows, parameters, weight)
        directions = inverse.solve(self.evaluation.gradients(parameters))
        influence = view.loss_derivatives(rows, parameters, directions)
        influence *= rows.weight
        leftover = view.objective_gradient(rows, parameters, weight) - self.tilt
        drift = -view.to_numpy(directions.T @ leftover)
        values = self.evaluation.values(parameters)
        utility = self.evaluation.utility(parameters)
        constant = np.append(values, utility) + drift + influence @ epsilon
        linearized = LinearizedMetrics(
            influence=influence[:-1],
            constant=constant[:-1],
            before=self.before,
            utility_influence=influence[-1],
            utility_constant=constant[-1],
            utility_before=self.utility_before,
            sample_weight=self.sample_weight,
        )
        return linearized, inverse

    def _weigh(self, linearized, previous, n_iter):
        if n_iter > 1 and not self.weighting.relinearizes:
            return previous
        with self.timer("weighting"):
            weights = self.weighting.weigh(linearized)
        if not weights.reachable:
            warn(weights.message, UnreachableTargetWarning)
        return weights.epsilon

    def _move(self, *args):
        return self.update.move(self.make_move(*args))

    def make_move(self, parameters, epsilon, inverse, target):
        """Return what the update starts from."""

        def distance(candidate):
            return hypot(*(self.evaluation.values(candidate) - target))

        def accepts(candidate):
            return distance(candidate) <= self.allowed_distance

        def overshoots(candidate):
            # With steps to come, the next linearisation takes an overshoot back.
            if self.update.max_iter > 1 or not self.weighting.aims_at_target:
                return False
            asked = self.before - target
            left = self.evaluation.values(candidate) - target
            # On a straight line, half of the step would have to end closer.
            halfway = 0.5 * hypot(*(asked + left))
            return left @ asked < 0 and halfway < hypot(*left)

        return Move(
            view=self.view,
            rows=self.rows,
            parameters=parameters,
            epsilon=epsilon,
            inverse=inverse,
            tilt=self.tilt,
            accepts=accepts,
            distance=distance,
            overshoots=overshoots,
        )

    def _stationarity(self, parameters, epsilon):
        """Share of the asked change of the training gradient that is still there.

        Of all of the gradient, and of what is left of it but for the tilt.
        """
        view, rows = self.view, self.rows
        weight = rows.weight * (1.0 + epsilon)
        left = view.objective_gradient(rows, parameters, weight)
        asked = view.loss_gradient(rows, view.parameters, rows.weight * epsilon)
        size = max(_norm(asked), _SMALLEST)
        return _norm(left) / size, _norm(left - self.tilt) / size

    def _result(self, first, parameters, epsilon, stationarity, n_iter, step_length):
        return Correction(
            parameters=parameters,
            epsilon=epsilon,
            influence=first.influence,
            utility_influence=first.utility_influence,
            before=self.before,
            predicted=first.constant - first.influence @ epsilon,
            after=self.evaluation.values(parameters),
            utility_before=self.utility_before,
            utility_after=self.evaluation.utility(parameters),
            stationarity=stationarity,
            step_length=step_length,
            n_iter=n_iter,
            timings=self.timer.seconds,
            solver_residuals=self.timer.residuals,
        )

    def _warn_of_shortfall(self, settled, length, stationarity):
        if length == 0:
            warn(
                "No step toward the new weights brought the metric closer to its "
                "target, however short; the model is unchanged in the last step. The "
                "linearisation does not hold here: ask for a lower strength, raise "
                "damping, or use a higher temperature of the objective.",
                ConvergenceWarning,
            )
        elif self.update.max_iter > 1 and not settled:
            warn(
                f"The update stopped after max_iter={self.update.max_iter} steps at "
                f"stationarity {stationarity:.1e}, above tol={self.update.tol:.1e}.",
                ConvergenceWarning,
            )

    def _warn_of_surprise(self, predicted, after):
        surprise = hypot(*(after - predicted))
        if surprise > 0.5 * hypot(*(self.before - predicted)):
            warn(
                f"The metric was predicted to go from {_listed(self.before)} to "
                f"{_listed(predicted)}, but went to {_listed(after)}: the step was "
                "longer than the linearisation holds. Ask for less (strength, "
                "fraction), or let the update take several steps (max_iter).",
                LinearizationWarning,
            )


def in_view_of(first, linearized, epsilon):
    """Return a later linearisation as the weighting is to see it.

    The utility keeps its first linearisation: away from the original model, where the
    utility was optimal, its linearised rise would count the curvature that any repair
    of the metric costs, and the constraint would take the repair back. And least is
    now the change from the weights at hand: the weights of least norm turn with the
    linearisation, and following them may swing for ever.
    """
    return replace(
        linearized,
        utility_influence=first.utility_influence,
        utility_constant=first.utility_constant,
        around=epsilon,
    )


def _listed(values):
    return ", ".join(f"{value:.3g}" for value in values)


def _norm(vector):
    return float((vector * vector).sum() ** 0.5)


def warn_nothing_to_do(before):
    warn(
        f"The objective is already met (largest gap {np.abs(before).max():.1e}); "
        "there is nothing to correct and the model is unchanged.",
        NothingToCorrectWarning,
    )
