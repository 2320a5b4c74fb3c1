"""Gaps between groups in the mean probability of a wrong label."""

from numbers import Real

import numpy as np

from .._utils._compat import Interval
from ._cell_sums import ErrorSums
from ._group_gap_metrics import (
    CellMeanMetrics,
    tempered_probabilities,
    with_threshold,
)
from ._group_gap_objective import GroupGapObjective


class ErrorGapMetrics(CellMeanMetrics):
    """Contrasts of the mean probability that cells of rows give to wrong labels.

    Parameters
    ----------
    codes : ndarray of shape (n_samples,)
        Positions of the rows' labels.
    temperature : float
        Divides the scores before the softmax.
    **cells : dict
        ``names``, ``cells``, ``weight`` and ``contrasts``, see
        :class:`CellMeanMetrics`.
    """

    #: See :class:`GroupGapMetrics`.
    threshold = 0.0

    def __init__(self, codes, temperature, **cells):
        super().__init__(**cells)
        self.codes = codes
        self.temperature = temperature

    def at_threshold(self, threshold):
        return with_threshold(self, threshold)

    def in_blocks(self):
        given = self.of_cells, self.cells, self.temperature
        return ErrorSums(*given, self.threshold)

    def quantity(self, scores, rows):
        probabilities = self._probabilities(scores)
        return 1.0 - probabilities[np.arange(len(scores)), self.codes[rows]]

    def slope(self, scores, rows):
        slope = self._probabilities(scores)
        own = np.arange(len(scores)), self.codes[rows]
        right = slope[own][:, None]
        slope[own] -= 1.0
        return slope * right / self.temperature

    def _probabilities(self, scores):
        return tempered_probabilities(scores, self.temperature, self.threshold)


class ErrorRateParity(GroupGapObjective):
    r"""Equal mean probability of a wrong label in every group.

    The gaps of :class:`DemographicParity` in :math:`1 - p_i`, with :math:`p_i =
    \mathrm{softmax}(s_i / \tau)` at the row's own label: as the temperature falls,
    differences of error rates. All classes count alike, two or more.

    Parameters
    ----------
    temperature : float, default=0.25
        See :class:`DemographicParity`.

    References
    ----------
    Berk, Heidari, Jabbari, Kearns and Roth, "Fairness in Criminal Justice Risk
    Assessments: The State of the Art", 2018 (overall accuracy equality).

    Examples
    --------
    >>> from skswu.objectives import ErrorRateParity
    >>> ErrorRateParity(temperature=1.0)
    ErrorRateParity(temperature=1.0)
    """

    name = "error_rate_parity"
    disparity = "error_rate_parity_difference"
    is_multiclass = True
    pos_label = None

    _parameter_constraints = {
        "temperature": [Interval(Real, 0, None, closed="neither")]
    }

    def __init__(self, *, temperature=0.25):
        self.temperature = temperature

    def find_positive(self, classes):
        return None

    def compared_labels(self, is_positive):
        return {"": np.ones_like(is_positive)}

    def outcome(self, label, predicted, positive):
        return predicted != label

    def make_metrics(self, codes, positive, **cells):
        return ErrorGapMetrics(codes, self.temperature, **cells)
