"""Hard weighting: remove the samples whose removal helps most."""

from functools import partial
from numbers import Integral, Real

import numpy as np

from .._utils._compat import Interval
from .._utils._overrides import overrides
from ..rows._largest import Largest
from ._base import BaseWeighting, Weights, check_finite, felt_metrics, from_metrics
from ._changes import given_changes
from ._first_ranks import POSITION, first_ranks
from ._linearized import beyond

# A gain below this share of the largest one is rounding.
_ROUNDING = 1e-12


class HardWeighting(BaseWeighting):
    r"""Remove the k samples whose removal improves the metric most.

    :math:`\varepsilon_i = -1` for the k largest positive gains
    :math:`-\sum_j M_j a_{ji}`, the linearised decrease of :math:`\tfrac12 \|M\|^2` when
    sample i is removed, else 0; limits that are kept do not count. Of equal gains, the
    sample that comes first is removed.
    Samples whose removal does not help, or only by rounding, are kept, so fewer than k
    may be removed. The utility is not looked at, and the metric may overshoot zero:
    this is the binary baseline.

    Parameters
    ----------
    fraction : float, default=0.05
        Largest share of the samples to remove, in [0, 1]; k is rounded to the nearest
        integer.
    n_samples : int or None, default=None
        Largest number of samples to remove; wins over ``fraction`` when given.

    References
    ----------
    Qiao, Ding, Cheng and Zhang, "Soft Weighted Machine Unlearning", arXiv 2505.18783
    (the hard-weighted baseline).

    Examples
    --------
    >>> import numpy as np
    >>> from skswu.weighting import HardWeighting, LinearizedMetrics
    >>> metrics = LinearizedMetrics(
    ...     influence=np.array([[0.02, -0.01, 0.0, -0.03]]),
    ...     constant=np.array([0.1]),
    ...     before=np.array([0.1]),
    ...     utility_influence=np.zeros(4),
    ...     utility_constant=0.4,
    ...     utility_before=0.4,
    ... )
    >>> HardWeighting(n_samples=1).weigh(metrics).epsilon
    array([ 0.,  0.,  0., -1.])
    >>> HardWeighting(fraction=1.0).weigh(metrics).epsilon
    array([ 0., -1.,  0., -1.])
    """

    _parameter_constraints = {
        "fraction": [Interval(Real, 0, 1, closed="both")],
        "n_samples": [Interval(Integral, 0, None, closed="left"), None],
    }

    # Which samples are removed is decided once, by their influence on the fitted model.
    relinearizes = False
    # What removal overshoots by is part of what it does.
    aims_at_target = False

    def __init__(self, *, fraction=0.05, n_samples=None):
        self.fraction = fraction
        self.n_samples = n_samples

    def target(self, before):
        """Return zeros: removal aims at no gap, whatever it reaches."""
        return np.zeros_like(before, dtype=np.float64)

    def solve(self, linearized, strengths):
        """Return the changes of the weights, found in passes over blocks of rows.

        Parameters
        ----------
        linearized : Linearized
            The metrics and the utility.
        strengths : sequence of None
            As many as there are changes, all of them the same.

        Returns
        -------
        Changes
        """
        if overrides(self, ["_weigh", "weigh"], over="solve"):
            return super().solve(linearized, strengths)
        check_finite(linearized)
        n, n_influences = len(strengths), len(linearized.constant)
        for row, strength in enumerate(strengths):
            self.at(strength)._remove(linearized, (row, n))
        return given_changes(linearized.rows, [None] * n, n_influences)

    def _remove(self, linearized, row):
        """Note which rows are removed, as a row of the changes that are given."""
        rows = linearized.rows
        # Only signs and order of the gains count, and their scale could overflow.
        values = beyond(linearized.constant[:-1], linearized.is_limit)
        values = values / (np.abs(values).max(initial=0.0) or 1.0)
        values[~felt_metrics(linearized)] = 0.0
        ((largest,),) = rows.reduce(partial(_note_gain, values=values))
        least = _ROUNDING * largest.value
        chosen = first_ranks(rows, "gain", least, self._limit(rows.n_rows))
        rows.reduce(partial(_note_removed, chosen=chosen, row=row))
        rows.forget("gain", POSITION)

    def _weigh(self, metrics):
        linearized = from_metrics(metrics)
        self._remove(linearized, (0, 1))
        epsilon = linearized.rows.collect("given")[0]
        n_removed = int(np.count_nonzero(epsilon))
        return Weights(
            epsilon=epsilon,
            reachable=True,
            message=f"{n_removed} of {len(epsilon)} samples are removed.",
            shortfall=metrics.predict(epsilon),
            n_at_lower=n_removed,
        )

    def _limit(self, n):
        """Return the largest number of samples to remove."""
        if self.n_samples is None:
            return round(self.fraction * n)
        if self.n_samples > n:
            raise ValueError(
                f"The 'n_samples' parameter of HardWeighting must be at most {n}, the "
                f"number of training samples. Got {self.n_samples} instead."
            )
        return self.n_samples


def _note_gain(block, values):
    """Note what removal gains; return the largest size of it."""
    gain = np.zeros(block.n_rows)
    for value, influence in zip(values, block["influence"][:-1], strict=True):
        gain -= value * influence
    block["gain"] = gain
    return (Largest(np.abs(gain).max(initial=0.0)),)


def _note_removed(block, chosen, row):
    position, n = row
    block.room("given", (n,))[position] = np.where(chosen.of(block), -1.0, 0.0)
    return ()
