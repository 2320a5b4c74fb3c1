"""Metrics linearised in the weights, the influences beside the rows."""

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from ..rows import LocalBlocks


class RepairedMetrics:
    """Metrics ``before`` a repair, of which some may be ``one_sided``."""

    @property
    def is_limit(self):
        """Which metrics are one-sided, shape (n_metrics,)."""
        if self.one_sided is None:
            return np.zeros(len(self.before), dtype=bool)
        return self.one_sided

    @property
    def to_repair(self):
        """What the metrics of the original model are away from repaired."""
        return beyond(self.before, self.is_limit)


@dataclass(frozen=True, eq=False)
class Linearized(RepairedMetrics):
    r"""Metrics and utility as affine functions of the weights, in a few numbers.

    Attributes
    ----------
    rows : RowBlocks
        Training rows that know their ``influence`` on each metric and, last, on the
        utility; their sample weights as ``count``; and maybe, as ``origin``, the
        weights :math:`\varepsilon` around which the metrics were linearised.
    before : ndarray of shape (n_metrics,)
        The metrics of the original model.
    constant : ndarray of shape (n_metrics + 1,)
        Metrics and utility at :math:`\varepsilon = 0`.
    utility_before : float
        The mean evaluation loss of the original model.
    gram : ndarray of shape (n_metrics + 1, n_metrics + 1)
        Of the influences, by sample weight.
    reach : ndarray of shape (n_metrics + 1,)
        The sums of their sizes.
    sample_weight : ndarray of shape (n_samples,) or None, default=None
        Of the fit.
    relative_residual : float or None, default=None
        What an iterative solver left.
    is_held_out : bool, default=True
        Whether the rows that are measured are others than the training rows.
    one_sided : ndarray of bool of shape (n_metrics,) or None, default=None
        Of which metrics only values above zero are to be repaired, and any below the
        target are as good; None is of none.
    """

    rows: Any
    before: np.ndarray
    constant: np.ndarray
    utility_before: float
    gram: np.ndarray
    reach: np.ndarray
    sample_weight: np.ndarray | None = None
    relative_residual: float | None = None
    is_held_out: bool = True
    one_sided: np.ndarray | None = None

    @property
    def influence(self):
        """The influences on the metrics, shape (n_metrics, n_samples)."""
        return self.rows.collect("influence")[:-1]

    @property
    def utility_influence(self):
        """The influences on the utility, shape (n_samples,)."""
        return self.rows.collect("influence")[-1]

    def predict(self, epsilon):
        """Return the metrics under a change of the weights, shape (n_metrics,)."""
        return self.constant[:-1] - self.influence @ epsilon

    def predict_under(self, changes):
        """Return the metrics under a single change of its rows, (n_metrics,)."""
        ((moved,),) = self.rows.reduce(partial(_moved, changes=changes))
        return self.constant[:-1] - moved[:-1]


def _moved(block, changes):
    return (block["influence"] @ changes.epsilon(block)[0],)


def beyond(values, one_sided):
    """Return how far metrics are from zero, nothing for those below it if one-sided.

    Parameters
    ----------
    values : ndarray of shape (..., n_metrics)
        The metrics, or what they are above their targets.
    one_sided : ndarray of bool of shape (n_metrics,)
        Of which a value below zero is as good as zero.
    """
    return np.where(one_sided, np.maximum(values, 0.0), values)


def linearized_around(
    influence,
    constant,
    before,
    utility_before,
    sample_weight,
    origin=None,
    relative_residual=None,
    is_held_out=True,
    one_sided=None,
):
    r"""Return the Linearized of influences in memory.

    Parameters
    ----------
    influence : ndarray of shape (n_metrics + 1, n_samples)
        On the metrics and on the utility.
    constant : ndarray of shape (n_metrics + 1,)
        Metrics and utility at :math:`\varepsilon = 0`.
    before : ndarray of shape (n_metrics,)
        The metrics of the original model.
    utility_before : float
        Its mean evaluation loss.
    sample_weight : ndarray of shape (n_samples,) or None
        Of the fit.
    origin : ndarray of shape (n_samples,) or None, default=None
        Changes of the weights that the metrics were linearised around.
    relative_residual : float or None, default=None
        What an iterative solver left.
    is_held_out : bool, default=True
        Whether the rows that are measured are others than the training rows.
    one_sided : ndarray of bool of shape (n_metrics,) or None, default=None
        Of which metrics only values above zero are to be repaired.

    Returns
    -------
    Linearized
        With rows that have no features.
    """
    features = np.empty((influence.shape[1], 0))
    uniform = sample_weight is None or np.ptp(sample_weight) == 0
    count = None if uniform else sample_weight
    rows = LocalBlocks(features, influence=influence, count=count, origin=origin)
    # Squares that overflow are told by a Gram that is not finite.
    with np.errstate(over="ignore", invalid="ignore"):
        ((gram, reach),) = rows.reduce(influence_sums)
    return Linearized(
        rows,
        before,
        constant,
        utility_before,
        gram,
        reach,
        sample_weight,
        relative_residual,
        is_held_out,
        one_sided,
    )


def influence_sums(block):
    """Return the Gram of the influences by count, and their total sizes."""
    influence = block["influence"]
    weighted = influence
    if np.ndim(block.count):
        weighted = influence * block.inverse_count
    return weighted @ influence.T, np.abs(influence).sum(axis=1)
