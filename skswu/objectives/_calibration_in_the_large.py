"""What the mean probability of each group is above the share of its labels."""

import numpy as np

from ._cell_sums import ExcessSums
from ._comparisons import EachGroup
from ._group_gap_metrics import CellMeanMetrics, tempered_probabilities
from ._group_gap_objective import GroupGapObjective


class ExcessProbability(CellMeanMetrics):
    """Contrasts of the mean excess of a probability over the label.

    Parameters
    ----------
    codes : ndarray of shape (n_samples,)
        Positions of the rows' labels.
    positive : int
        Position of the label whose probability it is.
    **cells : dict
        ``names``, ``cells``, ``weight`` and ``contrasts``, see
        :class:`CellMeanMetrics`.
    """

    def __init__(self, codes, positive, **cells):
        super().__init__(**cells)
        self.positive = positive
        self.is_positive = codes == positive

    def in_blocks(self):
        return ExcessSums(self.of_cells, self.cells, self.positive, temperature=1.0)

    def quantity(self, scores, rows):
        probabilities = tempered_probabilities(scores, 1.0)
        return probabilities[:, self.positive] - self.is_positive[rows]

    def slope(self, scores, rows):
        slope = -tempered_probabilities(scores, 1.0)
        probability = -slope[:, [self.positive]]
        slope[:, self.positive] += 1.0
        return slope * probability


class CalibrationInTheLarge(GroupGapObjective):
    r"""A mean probability equal to the share of the label, in every group.

    One gap a group, :math:`M_g = \bar p_g - \bar y_g`, with :math:`\bar p_g` the mean
    probability of the positive label and :math:`\bar y_g` the share of the group's rows
    that hold it: positive where the model promises more than is kept. Decisions of each
    group may differ as its labels do.

    Once labels are predicted it is by how much the rate of positive predictions differs
    from the share of positive labels, the largest one of all groups.

    Parameters
    ----------
    pos_label : str, int, bool or None, default=None
        The label whose probability is looked at; None is the greater of two classes.

    References
    ----------
    Van Calster, McLernon, van Smeden, Wynants and Steyerberg, "Calibration: the
    Achilles Heel of Predictive Analytics", 2019.

    Examples
    --------
    >>> from skswu.objectives import CalibrationInTheLarge
    >>> CalibrationInTheLarge(pos_label="approved")
    CalibrationInTheLarge(pos_label='approved')
    """

    name = "calibration_in_the_large"
    comparison = EachGroup()

    _parameter_constraints = {"pos_label": "no_validation"}

    def __init__(self, *, pos_label=None):
        self.pos_label = pos_label

    def compared_labels(self, is_positive):
        return {"": np.ones_like(is_positive)}

    def outcome(self, label, predicted, positive):
        return 1.0 * (predicted == positive) - (label == positive)

    def make_metrics(self, codes, positive, **cells):
        return ExcessProbability(codes, positive, **cells)

    def thresholded_ratio(self, classes):
        """Return None: an excess of zero has no ratio."""
        return None
