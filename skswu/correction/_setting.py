"""The classifier, its data and the parts that say what is corrected and how."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .._utils._array_api import is_foreign
from ..inputs import check_total_weight, label_positions
from ..models import check_needs, make_model_view
from ..objectives._base import bind_all
from ._evaluation import Evaluation
from ._evaluation_rows import kind_of_rows
from ._linear_problem import LinearProblem
from ._refit_problem import RefitProblem
from ._view_problem import ViewProblem


@dataclass(frozen=True)
class Setting:
    """What every question about the influence of training samples starts from.

    Attributes
    ----------
    wrapped : WrappedClassifier
        The fitted classifier with the transformers that stand before it.
    training : LabeledData
        What it was trained on.
    held_out : LabeledData or None
        Evaluation rows; None measures on the training rows.
    objectives : list of BaseObjective
        What is measured.
    influence : Influence
        How influences are computed.
    leaves_out : bool, default=False
        Whether training rows are measured by approximate leave-one-out, of models
        that this can be known of.
    """

    wrapped: Any
    training: Any
    held_out: Any
    objectives: list
    influence: Any
    leaves_out: bool = False

    def moved(self, update):
        """Return the problem of moving the parameters of the classifier.

        Parameters
        ----------
        update : BaseUpdate
            What moves them.

        Returns
        -------
        LinearProblem or ViewProblem
            The former where many corrections share passes over the rows.
        """
        view = make_model_view(self.wrapped.classifier)
        return self._of_view(view, update)

    def refitted(self, update):
        """Return the problem of fitting the classifier anew.

        Parameters
        ----------
        update : Refit
            How.

        Returns
        -------
        RefitProblem
        """
        setting = self.seen_by_classifier()
        name = type(update).__name__
        if is_foreign(self.training.X):
            raise TypeError(
                f"{name} fits the classifier anew on numpy arrays; got X as a "
                f"{type(self.training.X).__name__} under array_api_dispatch. Convert "
                "it, or take InfluenceUpdate."
            )
        data = [d and d.in_memory(name) for d in (setting.training, setting.held_out)]
        training, held_out = data
        setting = replace(setting, training=training, held_out=held_out)
        return RefitProblem(setting, update)

    def seen_by_classifier(self):
        """Return the same setting behind the transformers of a Pipeline."""
        data = [d and d.seen_by(self.wrapped) for d in (self.training, self.held_out)]
        bare = type(self.wrapped)(self.wrapped.classifier)
        return Setting(bare, *data, self.objectives, self.influence)

    def _of_view(self, view, update):
        """Bind the classifier, its data and the objectives to each other."""
        check_classes(view.classes)
        parts = [update, *self.objectives]
        check_needs(view, parts)
        codes = label_positions(self.training.y, view.classes, "y")
        X = view.readable(self.training.seen_by(self.wrapped).X)
        view = update.restrict(self.influence, view, X)
        restriction = f" with parameters={self.influence.parameters!r}"
        check_needs(view, parts, restriction)
        rows = view.training_rows(X, codes, self.training.weight)
        evaluation = self._evaluation(view, rows, codes)
        given = view, rows, evaluation, self.training.weight, self.influence
        keeps = update.keeps_leftover(self.influence, view)
        objective = view.posed(rows)
        if objective is None:
            return ViewProblem(*given, keeps)
        return LinearProblem(*given, keeps, objective)

    def _evaluation(self, view, rows, codes):
        """Bind the objectives to the rows that are measured."""
        measured, measured_rows = self.training, view.measured_rows(rows)
        if self.held_out is not None:
            measured = self.held_out
            codes = label_positions(measured.y, view.classes, "y_val")
            X = view.readable(measured.seen_by(self.wrapped).X)
            measured_rows = view.evaluation_rows(X, codes)
        ones = np.broadcast_to(1.0, len(codes))
        weight = ones if measured.weight is None else measured.weight
        check_total_weight(weight)
        given = codes, view.classes, measured.groups, weight
        metrics = bind_all(self.objectives, *given, threshold=view.threshold)
        leaves_out = self.leaves_out and view.may_leave_out
        kind = kind_of_rows(self.held_out is not None, leaves_out)
        return Evaluation(view, measured_rows, codes, weight, metrics, kind)


def check_classes(classes):
    """Insist on two classes."""
    if len(classes) < 2:
        raise ValueError(
            "A correction needs at least two classes; the estimator was fitted on one "
            f"class, {classes.tolist()}."
        )
