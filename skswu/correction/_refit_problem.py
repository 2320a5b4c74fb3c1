"""A classifier that is fitted anew under the weights that repair its metrics."""

import numpy as np

from .._utils._tasks import task
from ..exceptions import UnreachableTargetWarning
from ..inputs import label_positions
from ..models import WrappedClassifier, check_needs, make_measured_view
from ..models._decision import decision_of
from ..objectives._base import bind_all
from ..updates import InfluenceUpdate
from ..weighting._linearized import linearized_around
from ._correction import State
from ._evaluation import Evaluation
from ._evaluation_rows import kind_of_rows
from ._problem import Problem
from ._view_problem import in_view_of


class RefitProblem(Problem):
    """A classifier whose metrics are its own, and whose influences a model's.

    As the influences of the model that the update names are not quite the
    classifier's own, what a refit leaves of the way to the target is asked for again,
    with the influences under its weights.

    Parameters
    ----------
    setting : Setting
        Of the bare classifier.
    update : Refit
        Fits it anew.
    """

    # What counts is how near the refits come.
    tells_reach = False

    def __init__(self, setting, update):
        self.setting = setting
        self.update = update
        self.training = setting.training
        self._classifier = setting.wrapped.classifier
        self._decision = decision_of(self._classifier)
        self.measured = setting.held_out or setting.training
        self.n_rows = len(self.training.y)

    @property
    def names(self):
        return self._stand_in.names

    @property
    def metrics(self):
        return self._metrics

    @property
    def measured_on(self):
        return kind_of_rows(self.setting.held_out is not None, leaves_out=False)

    @property
    def one_sided(self):
        return self._stand_in.one_sided

    @property
    def stand_in(self):
        """The problem of the model whose influences are taken."""
        return self._stand_in

    def linearize(self):
        classifier = self._classifier
        self.update.check_classifier(self._bare(classifier))
        check_needs(make_measured_view(classifier), self.setting.objectives)
        self._codes = label_positions(self.measured.y, classifier.classes_, "y")
        self._stand_in = self._stand_in_of(classifier, self.training.weight)
        self._metrics = self._bind()
        self._values = self._measure(classifier)
        self.before = self._values[:-1]
        self.utility_before = float(self._values[-1])
        return self._linearize(self._stand_in, self._values, np.zeros(self.n_rows))

    def _stand_in_of(self, classifier, weight):
        """Return the problem of the model whose influences stand in."""
        data, setting = self.training, self.setting
        bare = self._bare(classifier)
        model = self.update.influence_model(bare, data.X, data.y, weight)
        wrapped = WrappedClassifier(self._decided(model))
        posed = type(setting)(
            wrapped, data, setting.held_out, setting.objectives, setting.influence
        )
        return posed.moved(InfluenceUpdate())

    def _bare(self, classifier):
        """Return a classifier without what decides at a threshold of its own."""
        return classifier if self._decision is None else decision_of(classifier).within

    def _decided(self, classifier):
        """Return a bare classifier with what decides around it."""
        return (
            classifier if self._decision is None else self._decision.around(classifier)
        )

    def _linearize(self, problem, values, epsilon, factor=1.0, origin=None):
        """Return a stand-in's influences, around what a model measures itself."""
        parameters = problem.view.parameters
        problem.invert(parameters, epsilon)
        _, gradients = problem.evaluation.linearize(parameters)
        solution, influence = problem.influences(parameters, gradients)
        influence *= factor
        return linearized_around(
            influence,
            values + influence @ epsilon,
            self.before,
            self.utility_before,
            self.training.weight,
            origin,
            solution.relative_residual,
            self.setting.held_out is not None,
            self.one_sided,
        )

    def relinearize(self, tried, first):
        epsilon, state = tried[-1].epsilon, tried[-1].state
        problem = self._stand_in
        if self.update.follows_weights:
            weight = self._changed_weight(epsilon)
            problem = self._stand_in_of(state.model, weight)
            # Adversarial inputs that are not adaptive stay those of the first stand-in.
            problem.evaluation.all_metrics = self._stand_in.evaluation.all_metrics
        factor = self._factor(tried)
        last = self._linearize(problem, state.values, epsilon, factor)
        return in_view_of(first, last, epsilon)

    def _factor(self, tried):
        """Return how much farther models went than was predicted, at least 1.

        A full step would go too far again, and the next one back.
        """
        factor, epsilon, values = 1.0, np.zeros(self.n_rows), self._values
        for one in tried:
            end, linearized, state = one.epsilon, one.linearized, one.state
            predicted = linearized.predict(end) - linearized.predict(epsilon)
            size = max(float(predicted @ predicted), np.finfo(np.float64).tiny)
            answer = float(predicted @ (state.values - values)[:-1]) / size
            factor = max(factor * answer, 1.0)
            epsilon, values = end, state.values
        return factor

    def original(self):
        return self._state(self._classifier, self._values)

    def apply(self, update, epsilon, goal, start):
        weight, data = self._changed_weight(epsilon), self.training
        with task("refit"):
            bare = self._bare(self._classifier)
            model = self._decided(update.retrain(bare, data.X, data.y, weight))
        return self._state(model, self._measure(model))

    def _state(self, model, values):
        nan = float("nan")
        return State(model, values, nan, nan, 1.0)

    def _changed_weight(self, epsilon):
        weight = self.training.weight
        return (1.0 + epsilon) * (1.0 if weight is None else weight)

    def _measure(self, classifier):
        """Return a classifier's metrics and utility."""
        evaluation = self._evaluation_of(classifier)
        return evaluation.measure(evaluation.view.parameters)

    def _evaluation_of(self, classifier):
        view = make_measured_view(classifier)
        rows = view.evaluation_rows(self.measured.X, self._codes)
        weight, metrics = self._measured_weight, self._metrics
        return Evaluation(view, rows, self._codes, weight, metrics, self.measured_on)

    def _bind(self):
        """Bind the objectives once for the original and all that replace it."""
        classes, groups = self._classifier.classes_, self.measured.groups
        given = self._codes, classes, groups, self._measured_weight
        threshold = make_measured_view(self._classifier).threshold
        return bind_all(self.setting.objectives, *given, threshold=threshold)

    @property
    def _measured_weight(self):
        weight = self.measured.weight
        return np.ones(len(self._codes)) if weight is None else weight

    def n_steps(self, update, weighting):
        return update.max_iter if weighting.relinearizes else 1

    def is_settled(self, update, goal, tried):
        distance = goal.distance(tried[-1].state.values)
        return distance <= update.tol * np.linalg.norm(goal.to_repair)

    def kept(self, update, goal, tried):
        return int(np.argmin([goal.distance(one.state.values) for one in tried]))

    def shortfall(self, update, goal, tried, predicted):
        state = tried[self.kept(update, goal, tried)].state
        distance, size = goal.distance(state.values), np.linalg.norm(goal.to_repair)
        if not goal.is_aim or distance <= update.tol * size:
            return ()
        message = (
            f"The refits came no nearer to the target than {distance / size:.1%} of "
            f"the metric (max_refits={update.max_refits}, tol={update.tol})."
        )
        return ((message, UnreachableTargetWarning),)

    def classifier(self, state):
        return state.model

    def labels(self):
        return self._codes, self._measured_weight

    def standard_errors(self, state):
        evaluation = self._evaluation_of(state.model)
        return evaluation.standard_errors(evaluation.view.parameters)

    def predicted_by(self, state):
        model = state.model
        return label_positions(model.predict(self.measured.X), model.classes_, "y")

    def predicted(self, states):
        for _ in states:
            yield None
