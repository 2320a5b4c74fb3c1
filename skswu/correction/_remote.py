"""Corrections of rows that lie elsewhere: of dask collections.

All that has an entry a row stays where the rows are. What objectives ask of labels and
groups is asked of kinds of rows, see :mod:`skswu.inputs._kinds`.
"""

from functools import partial

import numpy as np

from .._utils._overrides import overrides
from ..inputs import check_total_weight
from ..inputs._kinds import KindNotes
from ..models import check_needs, make_model_view
from ..models._linear_view import predicted_positions
from ..objectives._base import bind_all
from ..updates import InfluenceUpdate
from ._evaluation import Evaluation
from ._evaluation_rows import kind_of_rows
from ._linear_problem import LinearProblem
from ._setting import Setting, check_classes


class RemoteSetting(Setting):
    """A setting whose rows are :class:`~skswu.inputs._collections.CollectionData`."""

    def moved(self, update):
        view = make_model_view(self.wrapped.classifier)
        check_classes(view.classes)
        check_needs(view, [update, *self.objectives])
        view = update.restrict(self.influence, view, None)
        _check_goes_by_passes(view, update, self.influence)
        rows = view.training_rows_of_kinds(self.training, self.wrapped)
        evaluation = self._evaluation_of(view, rows)
        keeps = update.keeps_leftover(self.influence, view)
        given = view, rows, evaluation, None, self.influence, keeps
        return RemoteProblem(*given, view.posed(rows))

    def refitted(self, update):
        raise _refused(
            f"{type(update).__name__} fits the classifier anew, on rows in memory"
        )

    def _evaluation_of(self, view, rows):
        measured = view.measured_rows(rows)
        if self.held_out is not None:
            measured = view.rows_of_kinds(self.held_out, self.wrapped)
        kinds = measured.kinds
        check_total_weight(kinds.weight)
        groups = kinds.groups
        if self.held_out is not None and None not in (groups, rows.kinds.groups):
            groups = groups.aligned_to(rows.kinds.groups)
        given = kinds.codes, view.classes, groups, kinds.weight
        metrics = bind_all(self.objectives, *given, threshold=view.threshold)
        for objective, metric in zip(self.objectives, metrics, strict=True):
            _check_are_sums(objective, metric)
            metric.cell_sizes = {}  # kinds are no rows
        leaves_out = self.leaves_out and view.may_leave_out
        kind = kind_of_rows(self.held_out is not None, leaves_out)
        return RemoteEvaluation(view, measured, kinds, groups, metrics, kind)


class RemoteEvaluation(Evaluation):
    """The metrics and the utility on rows of which kinds are known here.

    Parameters
    ----------
    view, rows, metrics
        See :class:`Evaluation`.
    kinds : Kinds
        Kinds of rows.
    groups : Groups or None
        Their groups, with the codes of the training rows.
    kind : {HELD_OUT, TRAINING}
        What rows they are.
    """

    def __init__(self, view, rows, kinds, groups, metrics, kind):
        super().__init__(view, rows, kinds.codes, kinds.weight, metrics, kind)
        self.groups = groups

    def note_rows(self):
        return KindNotes(self.rows.blocks)

    def errors_of(self, metric, parameters):
        """Return NaN, not known, of metrics whose errors are no sums over rows."""
        return np.full(len(metric.names), np.nan)


class RemoteProblem(LinearProblem):
    """A linear model on rows that lie elsewhere."""

    def sequence(self, weighting, update, first):
        sequence = super().sequence(weighting, update, first)
        if sequence is None and update.most_steps() > 1:
            raise _refused(
                f"{type(update).__name__}(max_iter={update.max_iter}) takes several "
                f"steps by passes under soft weighting with lower of at least -1, of "
                "models whose curvature is factorised; max_iter=1 takes one"
            )
        return sequence

    def predicted(self, states):
        """Yield the weight of rows by kind and predicted label, (n_kinds, n_classes).

        Parameters
        ----------
        states : list of State
            The models.
        """
        yield from self.count_predicted(np.stack([state.model for state in states]))

    def count_predicted(self, parameters):
        """Return the weight of rows by kind and label that models predict.

        Parameters
        ----------
        parameters : ndarray of shape (n_models, n_parameters)
            The models.

        Returns
        -------
        ndarray of shape (n_models, n_kinds, n_classes)
        """
        matrices = self.objective.model.unpack(parameters)
        shape = len(self.evaluation.codes), len(self.view.classes)
        cut = self.view.cut
        call = partial(_count_predicted, matrices=matrices, shape=shape, cut=cut)
        ((counts,),) = self.evaluation.rows.blocks.reduce(call)
        return counts

    def confusion(self, state):
        (counts,) = self.predicted([state])
        confusion = np.zeros((len(self.view.classes),) * 2)
        np.add.at(confusion, self.evaluation.codes, counts)
        return confusion


def _count_predicted(block, matrices, shape, cut):
    """Return the weight of a block's rows by kind and predicted label, by models."""
    z = block.measured(block.margins(matrices))
    predicted = predicted_positions(block, z, np.intp, cut)
    predicted += block["kind"] * np.intp(shape[1])
    count = None if np.ndim(block.count) == 0 else block.count
    counts = [np.bincount(one, count, shape[0] * shape[1]) for one in predicted]
    return (np.stack(counts).reshape(-1, *shape).astype(np.float64),)


def _check_goes_by_passes(view, update, influence):
    """Refuse what needs arrays of all rows."""
    if not hasattr(view, "rows_of_kinds"):
        raise _refused(f"{type(view.estimator).__name__} is no linear classifier")
    by_hand = overrides(update, ["move", "full_step", "follow"], over="move_all")
    if not isinstance(update, InfluenceUpdate) or by_hand:
        raise _refused(
            f"{type(update).__name__} moves parameters by itself; InfluenceUpdate goes "
            "by passes"
        )
    if overrides(influence, ["invert"], over="invert_operator"):
        raise _refused(f"{type(influence).__name__} overrides invert")


def _check_are_sums(objective, metric):
    """Refuse metrics that no sums over blocks of rows tell."""
    blocks = metric.in_blocks()
    if blocks is None or blocks.needs_whole_arrays:
        raise _refused(
            f"{type(objective).__name__} needs the scores of all rows in one array. "
            "Metrics that are sums over rows offer them by in_blocks(), as those of "
            "GroupGapObjective do"
        )


def _refused(reason):
    return TypeError(
        f"Rows of dask collections are corrected by passes over blocks of rows, and "
        f"{reason}. Correct a sample in memory, or choose another part."
    )
