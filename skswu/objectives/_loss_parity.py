"""Gaps between groups in the mean loss."""

import numpy as np
from scipy.special import log_softmax, softmax

from ._cell_sums import LogLossSums
from ._group_gap_metrics import CellMeanMetrics
from ._group_gap_objective import GroupGapObjective


class LossGapMetrics(CellMeanMetrics):
    """Contrasts of the mean log loss of cells of rows.

    Parameters
    ----------
    codes : ndarray of shape (n_samples,)
        Positions of the rows' labels.
    **cells : dict
        ``names``, ``cells``, ``weight`` and ``contrasts``, see
        :class:`CellMeanMetrics`.
    """

    def __init__(self, codes, **cells):
        super().__init__(**cells)
        self.codes = codes

    def in_blocks(self):
        return LogLossSums(self.of_cells, self.cells)

    def quantity(self, scores, rows):
        own = np.arange(len(scores)), self.codes[rows]
        return -log_softmax(scores, axis=1)[own]

    def slope(self, scores, rows):
        slope = softmax(scores, axis=1)
        slope[np.arange(len(scores)), self.codes[rows]] -= 1.0
        return slope


class LossParity(GroupGapObjective):
    r"""Equal mean log loss in every group.

    The gaps of :class:`DemographicParity` in the loss :math:`-\log p_i` of the row's
    own label: whether the model is as well informed about each group. With a ``label``,
    only rows that hold it are compared; that of those who hold the positive label is
    what the source paper calls equal opportunity.

    There is no temperature, and so no rate that the gap turns into: where predicted
    labels are looked at, the counterpart is the gap in error rates among these rows.

    Parameters
    ----------
    label : str, int, bool or None, default=None
        The label whose rows are compared; None compares all rows.

    References
    ----------
    Qiao, Ding, Cheng and Zhang, "Soft Weighted Machine Unlearning", arXiv 2505.18783,
    section 3 (the surrogate of equal opportunity).

    Examples
    --------
    >>> from skswu.objectives import LossParity
    >>> LossParity(label=">50K")
    LossParity(label='>50K')
    """

    name = "loss_parity"
    is_multiclass = True

    _parameter_constraints = {"label": "no_validation"}

    def __init__(self, *, label=None):
        self.label = label

    @property
    def pos_label(self):
        """The label that is looked at, by the name that it has elsewhere."""
        return self.label

    def find_positive(self, classes):
        return None if self.label is None else super().find_positive(classes)

    def compared_labels(self, is_positive):
        return {"": np.ones_like(is_positive) if self.label is None else is_positive}

    def outcome(self, label, predicted, positive):
        return predicted != label

    def make_metrics(self, codes, positive, **cells):
        return LossGapMetrics(codes, **cells)
