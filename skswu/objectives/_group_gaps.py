"""Gaps between groups in the mean predicted probability."""

from abc import abstractmethod
from numbers import Real

import numpy as np
from scipy.special import softmax

from .._utils._compat import Interval
from .._utils._row_chunks import row_chunks
from .._utils._sigmoid import sigmoid
from ._base import BaseObjective, ScoreMetrics, positive_position


class GroupGapMetrics(ScoreMetrics):
    r"""Contrasts of the mean probability of cells of rows.

    :math:`M_j = \sum_c C_{jc} \, \bar p_c`, with :math:`\bar p_c` the mean over the
    rows of cell c of the tempered probability of the positive label.

    Parameters
    ----------
    names : list of str
        One a contrast.
    cells : ndarray of shape (n_samples,)
        The cell of each row.
    weight : ndarray of shape (n_samples,)
        The sample weight of each row.
    contrasts : ndarray of shape (n_metrics, n_cells)
        The :math:`C_{jc}`; zero for cells that are not compared.
    positive : int
        Column of the positive label in the scores.
    temperature : float
        Divides the scores before the softmax.
    """

    def __init__(self, names, cells, weight, contrasts, positive, temperature):
        self.names = names
        self.positive = positive
        self.temperature = temperature
        self.cells = cells.astype(np.min_scalar_type(contrasts.shape[1]))
        self.weight = weight
        totals = np.bincount(cells, weight, contrasts.shape[1])
        self._of_cells = contrasts / np.where(totals > 0, totals, 1.0)

    def _coefficients(self, rows):
        """Return what each row's probability counts in each metric."""
        return self._of_cells[:, self.cells[rows]] * self.weight[rows]

    def values(self, scores):
        values = np.zeros(len(self.names))
        for rows in row_chunks(len(scores)):
            probability = self._positive_probabilities(scores[rows])
            values += self._coefficients(rows) @ probability
        return values

    def gradient(self, scores):
        def of_rows(rows):
            slope = -self._probabilities(scores[rows])
            probability = -slope[:, [self.positive]]
            slope[:, self.positive] += 1.0
            slope *= probability / self.temperature
            return self._coefficients(rows)[:, :, None] * slope

        return of_rows

    def _positive_probabilities(self, scores):
        """Return the tempered softmax at the positive label, shape (n_samples,)."""
        if scores.shape[1] > 2:
            return self._probabilities(scores)[:, self.positive]
        margin = scores[:, self.positive] - scores[:, 1 - self.positive]
        return sigmoid(margin / self.temperature)

    def _probabilities(self, scores):
        """Return the tempered softmax, shape (n_samples, n_classes)."""
        if scores.shape[1] > 2:
            return softmax(scores / self.temperature, axis=1)
        margin = (scores[:, 1] - scores[:, 0]) / self.temperature
        return np.column_stack([sigmoid(-margin), sigmoid(margin)])


class GroupGapObjective(BaseObjective):
    """A gap between groups; subclasses say which rows are compared."""

    needs_sensitive_features = True

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

    #: Name of the metric, in front of the groups in ``objective_names_``.
    name: str

    @abstractmethod
    def _strata(self, is_positive):
        """Return the strata within which groups are compared.

        Parameters
        ----------
        is_positive : ndarray of bool of shape (n_samples,)
            Whether the row's label is the positive one.

        Returns
        -------
        strata : ndarray of int of shape (n_samples,)
            The stratum of each row; -1 takes no part.
        suffixes : list of str
            What names the metrics of each stratum.
        """

    def bind(self, codes, classes, groups, weight):
        self._validate_params()
        positive = positive_position(self.pos_label, classes)
        strata, suffixes = self._strata(codes == positive)
        n_groups, n_strata = len(groups.names), len(suffixes)
        used = strata >= 0
        cells = np.where(used, strata * n_groups + groups.codes, n_strata * n_groups)
        totals = np.bincount(cells, weight, n_strata * n_groups + 1)[:-1]
        totals = totals.reshape(n_strata, n_groups)
        self._check_cells(totals, suffixes, groups.names)
        blocks = [_contrasts(row) for row in totals]
        contrasts = np.zeros((sum(map(len, blocks)), totals.size + 1))
        for stratum, block in enumerate(blocks):
            start = stratum * len(block)
            columns = slice(stratum * n_groups, (stratum + 1) * n_groups)
            contrasts[start : start + len(block), columns] = block
        names = [
            f"{self.name}{suffix}: {pair}"
            for suffix in suffixes
            for pair in _contrast_names(groups.names)
        ]
        return GroupGapMetrics(
            names, cells, weight, contrasts, positive, self.temperature
        )

    def _check_cells(self, totals, suffixes, group_names):
        missing = [
            f"{group!r}{suffixes[stratum]}"
            for stratum, row in enumerate(totals)
            for group, total in zip(group_names, row, strict=True)
            if total == 0
        ]
        if missing:
            raise ValueError(
                f"{type(self).__name__} cannot be measured: the evaluation rows hold "
                f"no row (of positive weight) of {', '.join(missing)}. Give evaluation "
                "rows that cover every group, or merge or drop the group."
            )


class DemographicParity(GroupGapObjective):
    r"""Equal mean probability of the positive label in every group.

    With two groups there is one gap, :math:`M = \bar p_2 - \bar p_1`, second group in
    sorted order minus first. With more there is one a group, :math:`M_g = \bar p_g -
    \bar p`, against the mean of all rows. :math:`p_i = \mathrm{softmax}(s_i / \tau)` at
    the positive label, with :math:`s_i` the model's log-probabilities and :math:`\tau`
    the temperature; as :math:`\tau \to 0` the gap becomes fairlearn's demographic
    parity difference of the predicted labels.

    Parameters
    ----------
    temperature : float, default=0.25
        The :math:`\tau > 0`. 1 compares the probabilities themselves; lower values
        follow the thresholded predictions more closely, at the cost of a linearisation
        that holds over shorter steps and rests on the rows near the threshold. At the
        default, thresholded gaps came closest to the asked share over two data sets
        and three objectives, see ``docs/benchmarks_temperature.md``.
    pos_label : str, int, bool or None, default=None
        The label whose rate is compared; None is the greater of two classes.

    References
    ----------
    Qiao, Ding, Cheng and Zhang, "Soft Weighted Machine Unlearning", arXiv 2505.18783,
    section 3 (the surrogate of demographic parity).

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skswu import UnlearningClassifier
    >>> from skswu.objectives import DemographicParity
    >>> X = np.array([[0.0, 1], [1, 0], [2, 1], [3, 0], [4, 1], [5, 1]])
    >>> y, group = [0, 0, 1, 0, 1, 1], ["a", "a", "a", "b", "b", "b"]
    >>> model = UnlearningClassifier(
    ...     LogisticRegression().fit(X, y), objective=DemographicParity(temperature=1.0)
    ... )
    >>> model.unlearn(X, y, sensitive_features=group).objective_names_
    ['demographic_parity: b - a']
    """

    name = "demographic_parity"
    disparity = "demographic_parity_difference"

    def _strata(self, is_positive):
        return np.zeros(len(is_positive), dtype=np.intp), [""]


class EqualOpportunity(GroupGapObjective):
    r"""Equal mean probability of the positive label among its true holders.

    The gaps of :class:`DemographicParity` over the rows whose label is positive: as
    the temperature falls, differences of true positive rates.

    Parameters
    ----------
    temperature : float, default=0.25
        See :class:`DemographicParity`.
    pos_label : str, int, bool or None, default=None
        The label whose rate is compared; None is the greater of two classes.

    References
    ----------
    Hardt, Price and Srebro, "Equality of Opportunity in Supervised Learning", 2016.

    Examples
    --------
    >>> from skswu.objectives import EqualOpportunity
    >>> EqualOpportunity(pos_label=">50K")
    EqualOpportunity(pos_label='>50K')
    """

    name = "equal_opportunity"
    disparity = "equal_opportunity_difference"

    def _strata(self, is_positive):
        return np.where(is_positive, 0, -1), [" within the positive class"]


class EqualizedOdds(GroupGapObjective):
    r"""Equal mean probability of the positive label given either true label.

    The gaps of :class:`DemographicParity`, once over the rows without the positive
    label and once over those with it: as the temperature falls, differences of false
    and of true positive rates.

    Parameters
    ----------
    temperature : float, default=0.25
        See :class:`DemographicParity`.
    pos_label : str, int, bool or None, default=None
        The label whose rate is compared; None is the greater of two classes.

    References
    ----------
    Hardt, Price and Srebro, "Equality of Opportunity in Supervised Learning", 2016.

    Examples
    --------
    >>> from skswu.objectives import EqualizedOdds
    >>> EqualizedOdds(temperature=1.0)
    EqualizedOdds(temperature=1.0)
    """

    name = "equalized_odds"
    disparity = "equalized_odds_difference"

    def _strata(self, is_positive):
        suffixes = [" within the other classes", " within the positive class"]
        return is_positive.astype(np.intp), suffixes


def _contrasts(totals):
    """Second minus first of two groups, or each of several against the overall mean."""
    if len(totals) == 2:
        return np.array([[-1.0, 1.0]])
    return np.eye(len(totals)) - totals / totals.sum()


def _contrast_names(groups):
    if len(groups) == 2:
        return [f"{groups[1]} - {groups[0]}"]
    return [f"{group} - overall" for group in groups]
