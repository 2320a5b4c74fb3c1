"""What an update starts from, and how far it follows a step."""

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

_MAX_HALVINGS = 30


@dataclass(frozen=True, eq=False)
class Move:
    """What an update starts from.

    Attributes
    ----------
    view : ModelView
        The model.
    rows : Rows
        Its training rows, with their weights.
    parameters : array of shape (n_parameters,)
        Where the model stands.
    epsilon : ndarray of shape (n_samples,)
        The relative changes of the weights, -1 for a removed sample.
    inverse : InverseCurvature or None
        That of the linearisation, under the weights before this change; None where only
        some entries of the parameters move, see :meth:`of_entries`.
    tilt : array of shape (n_parameters,)
        The part of the training gradient that counts as zero: what a fit that stopped
        short of its optimum left over, if that is left alone.
    influence : Influence
        Solves with the curvature under other weights, see :meth:`solve`.
    measure : callable
        ``measure(parameters)`` returns the metrics, shape (n_metrics,).
    goal : Goal
        Where the metrics are to go.
    """

    view: Any
    rows: Any
    parameters: Any
    epsilon: Any
    inverse: Any
    tilt: Any
    influence: Any
    measure: Any
    goal: Any
    _residuals: list = field(default_factory=list)

    @cached_property
    def weight(self):
        """The changed weights, shape (n_samples,)."""
        return self.rows.weight * (1.0 + self.epsilon)

    @cached_property
    def gradient(self):
        """That of the training objective under them at the start, (n_parameters,)."""
        return self.view.objective_gradient(self.rows, self.parameters, self.weight)

    @property
    def residual(self):
        """The largest relative residual of iterative solves, None without any."""
        return max(self._residuals, default=None)

    def solve(self, vector, model=None, parameters=None):
        """Return the inverse curvature under the changed weights times a vector.

        Parameters
        ----------
        vector : array of shape (n_parameters,)
            The right-hand side.
        model : ModelView or None, default=None
            Whose curvature; None is the view.
        parameters : array of shape (n_parameters,) or None, default=None
            Where; None is where the model stands.
        """
        model = self.view if model is None else model
        parameters = self.parameters if parameters is None else parameters
        inverse = self.influence.invert(model, self.rows, parameters, self.weight)
        if self.inverse is not None:
            inverse.recycle(self.inverse)
        return self._noted(inverse.solve(vector[:, None]))

    def solve_before(self, vector):
        """Return the inverse curvature before the change times a vector."""
        inverse = self.inverse
        if inverse is None:
            given = self.view, self.rows, self.parameters, self.rows.weight
            inverse = self.influence.invert(*given)
        return self._noted(inverse.solve(vector[:, None]))

    def of_entries(self, entries):
        """Return the same start for some entries of the parameters alone.

        Parameters
        ----------
        entries : array of bool of shape (n_parameters,)
            Which of them move; of the view's library.

        Returns
        -------
        Move
            Its view puts parameters back in their places by ``whole(parameters)``.
        """
        view = self.view.of_entries(entries, self.parameters)
        return replace(
            self,
            view=view,
            parameters=self.parameters[entries],
            inverse=None,
            tilt=self.tilt[entries],
            measure=lambda parameters: self.measure(view.whole(parameters)),
        )

    def _noted(self, solution):
        if solution.relative_residual is not None:
            self._residuals.append(solution.relative_residual)
        return solution.vectors[:, 0]

    def distance(self, parameters):
        """Return how far the metrics of parameters are from their target."""
        return self.goal.distance(self.measure(parameters))

    def accepts(self, parameters):
        """Say whether the metrics are no farther from it than those where it starts."""
        return self.distance(parameters) <= self.goal.allowed_distance

    def overshoots(self, parameters):
        """Say whether the metrics have passed their target."""
        return self.goal.overshoots(self.measure(parameters))


class Trial:
    """A point along a step, measured once.

    Parameters
    ----------
    goal : Goal
        Where the metrics are to go.
    values : ndarray of shape (n_metrics,)
        Where they are.
    descends : callable
        Says whether the training objective does not rise.
    """

    def __init__(self, goal, values, descends):
        self.goal = goal
        self.values = values
        self.distance = goal.distance(values)
        self._descends = descends

    @property
    def is_accepted(self):
        """Whether neither the metrics nor the training objective got worse."""
        return self.distance <= self.goal.allowed_distance and self._descends()

    @property
    def overshoots(self):
        """Whether the metrics have passed their target by too much."""
        return self.goal.overshoots(self.values)


def search_length():
    """Find the share of a full step that is taken.

    From 1 it is halved until a trial is accepted, and then as long as the metrics have
    passed their target and half of it ends closer.

    Yields
    ------
    float
        A length to try; the Trial of it is to be sent.

    Returns
    -------
    float
        The length to take, 0 if none was accepted.
    """
    length = 1.0
    for _ in range(_MAX_HALVINGS):
        trial = yield length
        if trial.is_accepted:
            break
        length /= 2.0
    else:
        return 0.0
    while trial.overshoots:
        shorter = yield length / 2.0
        if shorter.distance >= trial.distance:
            break
        trial, length = shorter, length / 2.0
    return length
