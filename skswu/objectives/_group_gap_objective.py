"""The base of objectives that compare groups."""

from abc import abstractmethod
from functools import partial
from numbers import Real

import numpy as np

from .._utils._compat import Interval
from .._utils._warnings import warn
from ._base import BaseObjective, positive_position, warn_of_guess
from ._compared_cells import ComparedCells
from ._comparisons import BetweenGroups, RatioBetweenGroups
from ._group_gap_metrics import GroupGapMetrics
from ._missing_groups import MissingGroupsError
from ._rate_disparity import RateDisparity, mean_outcome

_MAX_LISTED = 10


class GroupGapObjective(BaseObjective):
    r"""Gaps between groups in what their rows count; subclasses say among which labels.

    As it stands, a row counts the tempered probability of the positive label, and once
    labels are predicted, whether it was predicted: the gap becomes a difference of
    rates. A subclass has a ``name`` and says by :meth:`compared_labels` within which
    true labels groups are compared. One whose rows count something else overrides
    :meth:`outcome` and :meth:`make_metrics`, the same quantity for predicted labels
    and for scores.

    Parameters
    ----------
    temperature : float, default=0.25
        Divides the log-probabilities before the softmax, see
        :class:`DemographicParity`.
    pos_label : str, int, bool or None, default=None
        The label whose rate is compared; None is the greater of two classes.

    Attributes
    ----------
    name : str
        Of the metric, in front of the groups in ``objective_names_``.
    comparison : BetweenGroups
        Which gaps there are, and how far rates are from parity.

    Examples
    --------
    The gap in rates of positive predictions among those who do not have the label:

    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skswu import UnlearningClassifier
    >>> from skswu.objectives import GroupGapObjective
    >>> class FalseAlarms(GroupGapObjective):
    ...     name = "false_alarms"
    ...
    ...     def compared_labels(self, is_positive):
    ...         return {"the other classes": ~is_positive}
    >>> X = np.array([[0.0, 1], [1, 0], [2, 1], [3, 0], [4, 1], [5, 1]])
    >>> y, group = [0, 0, 1, 0, 1, 1], ["a", "a", "a", "b", "b", "b"]
    >>> model = UnlearningClassifier(
    ...     LogisticRegression().fit(X, y), objective=FalseAlarms()
    ... ).set_params(weighting__strength=0.1)
    >>> model.unlearn(X, y, sensitive_features=group).objective_names_
    ['false_alarms[1] within the other classes: b - a']
    """

    needs_sensitive_features = True
    comparison = BetweenGroups()

    name: str

    _parameter_constraints = {
        "temperature": [Interval(Real, 0, None, closed="neither")],
        "pos_label": "no_validation",
    }

    def __init__(self, *, temperature=0.25, pos_label=None):
        self.temperature = temperature
        self.pos_label = pos_label

    @property
    def is_multiclass(self):
        return self.pos_label is not None

    @abstractmethod
    def compared_labels(self, is_positive):
        """Return the true labels within which groups are compared.

        Parameters
        ----------
        is_positive : ndarray of bool of shape (n_classes,)
            Whether the label is the positive one.

        Returns
        -------
        dict of str to ndarray of bool of shape (n_classes,)
            Sets of labels by their names, ``""`` for that of all. The groups are
            compared among the rows of each set (where there are control features, of
            each stratum of it); no label is in two of them.
        """

    def find_positive(self, classes):
        """Return the position of the positive label in the classes.

        Parameters
        ----------
        classes : ndarray of shape (n_classes,)
            The labels.

        Returns
        -------
        int or None
            None if no label has a role of its own.
        """
        return positive_position(self.pos_label, classes)

    def outcome(self, label, predicted, positive):
        """Return what rows count once their labels are predicted.

        Parameters
        ----------
        label, predicted : ndarray of int, of the same shape
            Positions of true and predicted labels.
        positive : int or None
            Position of the positive label.

        Returns
        -------
        ndarray of that shape
            A number or bool for each; here, whether the positive label is predicted.
        """
        return predicted == positive

    def make_metrics(self, codes, positive, **cells):
        """Return what compares the cells of rows.

        Parameters
        ----------
        codes : ndarray of shape (n_samples,)
            Positions of the rows' labels.
        positive : int or None
            Position of the positive label.
        **cells : dict
            ``names``, ``cells``, ``weight`` and ``contrasts``, see
            :class:`CellMeanMetrics`.

        Returns
        -------
        CellMeanMetrics
            Here, of the tempered probability of the positive label.
        """
        return GroupGapMetrics(**cells, positive=positive, temperature=self.temperature)

    def rates(self, counts, squares, positive):
        """Return the rates of predicted labels that are compared.

        Parameters
        ----------
        counts : ndarray of shape (..., n_groups, n_classes, n_classes)
            Weight of the rows of each group, true and predicted label.
        squares : ndarray of shape (..., n_groups, n_classes)
            Sum of their squared weights, by group and true label.
        positive : int or None
            Position of the positive label.

        Returns
        -------
        list of GroupRates
            The mean :meth:`outcome` of each group, for each set of labels.
        """
        label, predicted = np.indices(counts.shape[-2:])
        outcome = 1.0 * self.outcome(label, predicted, positive)
        compared = self.compared_labels(label[:, 0] == positive)
        return [
            mean_outcome(outcome[among], counts[..., among, :], squares[..., among])
            for among in compared.values()
        ]

    def thresholded(self, classes, comparison=None):
        """Return its counterpart on predicted labels.

        Parameters
        ----------
        classes : ndarray of shape (n_classes,)
            The labels.
        comparison : BetweenGroups or None, default=None
            Says how far rates are from parity; None is the objective's own.

        Returns
        -------
        RateDisparity
            The disparity of :meth:`rates` as a function of counts of rows.
        """
        positive = self.find_positive(classes)
        comparison = self.comparison if comparison is None else comparison
        rates = partial(self.rates, positive=positive)
        return RateDisparity(rates, comparison.disparity)

    def thresholded_ratio(self, classes):
        return self.thresholded(classes, RatioBetweenGroups())

    def bind(self, codes, classes, groups, weight):
        self._validate_params()
        positive = self.find_positive(classes)
        compared = self.compared_labels(np.arange(len(classes)) == positive)
        cells = ComparedCells(codes, groups, weight, compared)
        self._check_none_is_missing(cells)
        self._warn_of_left_out(cells)
        warn_of_guess(self.pos_label, classes, positive)
        metrics = self.make_metrics(
            codes,
            positive,
            names=cells.names(self._full_name(classes, positive), self.comparison),
            cells=cells.cells,
            weight=weight,
            contrasts=cells.contrasts(self.comparison),
        )
        metrics.cell_sizes = cells.sizes()
        return metrics

    def _full_name(self, classes, positive):
        """Return the name with the label that is looked at, if any."""
        if positive is None:
            return self.name
        return f"{self.name}[{classes.tolist()[positive]}]"

    def _warn_of_left_out(self, cells):
        left_out = cells.left_out()
        if left_out:
            shown = ", ".join(left_out[:_MAX_LISTED])
            more = len(left_out) - _MAX_LISTED
            shown += f" and {more} more" if more > 0 else ""
            warn(
                f"{type(self).__name__} leaves out strata of the control features that "
                f"hold rows of one group only: {shown}."
            )

    def _check_none_is_missing(self, cells):
        missing = cells.missing()
        if missing:
            shown = ", ".join(missing[:_MAX_LISTED])
            more = len(missing) - _MAX_LISTED
            shown += f" and {more} more" if more > 0 else ""
            raise MissingGroupsError(type(self).__name__, shown)
