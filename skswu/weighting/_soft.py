"""Soft weighting: the least change of the weights that repairs the metric."""

from dataclasses import dataclass, replace
from math import hypot
from numbers import Integral, Real

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from .._utils._compat import Interval
from .._utils._overrides import overrides
from .._utils._warnings import warn
from ._base import (
    BaseWeighting,
    LeastChangeProgramme,
    Weights,
    check_finite,
    felt_metrics,
    from_metrics,
)
from ._changes import given_changes
from ._linearized import beyond
from ._soft_programme import MAX_LEFT, SoftProgramme

# A loss that all weights together cannot change by this share of itself, to first
# order, is at its optimum: what is left of its influences is rounding.
_NO_UTILITY = 1e-6
# A shortfall of this share of the metrics is rounding, however little is asked.
_NO_SHORTFALL = 1e-9


class SoftWeighting(BaseWeighting):
    r"""The least change of the sample weights that repairs the metric.

    .. math::

        \min_\varepsilon \tfrac12 \|\varepsilon\|^2 \quad\text{s.t.}\quad
        M(\varepsilon) = (1 - \mathrm{strength})\, M_0,\quad
        \bar\ell(\varepsilon) \le \max(\bar\ell_0 + \mathrm{tolerance}, \bar\ell(0)),
        \quad \mathrm{lower} \le \varepsilon \le \mathrm{upper}

    where :math:`M` and the mean evaluation loss :math:`\bar\ell` are linearised and
    :math:`M_0, \bar\ell_0` are the original model's. A limit, which is a metric of
    which only values above zero are to be repaired, is asked to be at most its target,
    and one that is kept from the start not to be broken. Where the fit had sample
    weights, the norm counts each sample by its weight, as so many samples. Half the
    squared norm is half the number of samples times the χ² divergence of the reweighted
    training set from the original one. With no bounds at work the solution is
    :math:`\varepsilon = A^\top (A A^\top)^{-1} b` on the binding constraints.

    When the target cannot be reached, the result is the closest point: the linearised
    metrics' distance from their target is smallest, in their own units, without giving
    up more utility than allowed; of all such points, it is the least change.

    Parameters
    ----------
    strength : float, default=1.0
        Share of the metric to remove, at least 0: 0 keeps it, 1 brings it to zero, and
        more turns its sign around on purpose.
    utility_tolerance : float or None, default=None
        How much utility may be lost, at least 0: by how much the mean loss on the
        evaluation rows may rise or, where these are the training rows, the mean
        training objective. It bounds the measured rise as well as the linearised one;
        where it keeps the metric from its target, the correction stops at the largest
        strength within it. None sets no limit.
    objective_weight : float, default=1.0
        With several steps of a model whose curvature is factorised, how much a rise of
        the training objective under the fit's own weights counts beside
        :math:`\tfrac12 \|\varepsilon\|^2`, in its natural unit: a sum over the
        samples. 0 looks at the change of the weights alone. One step, wide models and
        networks take no notice of it.
    lower : float or None, default=-1.0
        Least change of a weight, at most 0. Below -1, sample weights may become
        negative. None sets no bound.
    upper : float or None, default=None
        Largest change of a weight, at least 0. None sets no bound.
    tol : float, default=1e-12
        Accuracy to which the constraints are met, relative to the largest that is
        asked; rounding may leave more.
    max_iter : int, default=200
        Largest number of Newton steps; fewer than 10 are usual.

    References
    ----------
    Qiao, Ding, Cheng and Zhang, "Soft Weighted Machine Unlearning", arXiv 2505.18783
    (the programme; its four analytic cases are the active sets without bounds).

    Examples
    --------
    >>> import numpy as np
    >>> from skswu.weighting import LinearizedMetrics, SoftWeighting
    >>> metrics = LinearizedMetrics(
    ...     influence=np.array([[0.02, 0.01, -0.01]]),
    ...     constant=np.array([0.03]),
    ...     before=np.array([0.03]),
    ...     utility_influence=np.array([0.0, 0.01, 0.0]),
    ...     utility_constant=0.4,
    ...     utility_before=0.4,
    ... )
    >>> weights = SoftWeighting().weigh(metrics)
    >>> weights.epsilon.round(3)
    array([ 1. ,  0.5, -0.5])
    >>> weights = SoftWeighting(upper=0.2).weigh(metrics)
    >>> weights.epsilon
    array([ 0.2,  0.2, -1. ])
    >>> weights.reachable, weights.shortfall
    (False, array([0.014]))
    """

    _parameter_constraints = {
        "strength": [Interval(Real, 0, None, closed="left")],
        "utility_tolerance": [Interval(Real, 0, None, closed="left"), None],
        "objective_weight": [Interval(Real, 0, None, closed="left")],
        "lower": [Interval(Real, None, 0, closed="right"), None],
        "upper": [Interval(Real, 0, None, closed="left"), None],
        "tol": [Interval(Real, 0, 1, closed="neither")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(
        self,
        *,
        strength=1.0,
        utility_tolerance=None,
        objective_weight=1.0,
        lower=-1.0,
        upper=None,
        tol=1e-12,
        max_iter=200,
    ):
        self.strength = strength
        self.utility_tolerance = utility_tolerance
        self.objective_weight = objective_weight
        self.lower = lower
        self.upper = upper
        self.tol = tol
        self.max_iter = max_iter

    def are_combinations(self, epsilon):
        lower, upper = self._bounds
        return (epsilon > lower) & (epsilon < upper)

    def target(self, before):
        """Return ``(1 - strength) * before``."""
        return (1.0 - self.strength) * np.asarray(before, dtype=np.float64)

    def programme(self):
        if overrides(self, ["_weigh", "weigh", "solve"], over="programme"):
            return None
        return LeastChangeProgramme(
            *self._bounds, self.objective_weight, self.utility_tolerance
        )

    def felt(self, linearized):
        """Say which metrics the weights influence, shape (n_metrics,)."""
        check_finite(linearized)
        return felt_metrics(linearized)

    def solve(self, linearized, strengths):
        """Return the changes of the weights at many strengths, in shared passes.

        Parameters
        ----------
        linearized : Linearized
            The metrics and the utility.
        strengths : sequence of float or None
            What to ask; None is the weighting's own.

        Returns
        -------
        Changes
        """
        if overrides(self, ["_weigh", "weigh"], over="solve"):
            return super().solve(linearized, strengths)
        check_finite(linearized)
        weightings = [self.at(strength) for strength in strengths]
        targets = np.stack([one.target(linearized.to_repair) for one in weightings])
        programme = SoftProgramme(self, linearized, targets)
        points = programme.solve()
        changes = programme.changes(points)
        changes = replace(changes, strengths=_known(strengths))
        hard = np.flatnonzero(~points.found)
        if not len(hard):
            return changes
        found = [
            self._find_surely(programme, k, (row, len(hard)))
            for row, k in enumerate(hard)
        ]
        messages = [None if one.reachable else one.message for one in found]
        n_influences = len(linearized.constant)
        given = given_changes(linearized.rows, messages, n_influences)
        return changes.with_given(hard, given)

    @property
    def _bounds(self):
        lower = -np.inf if self.lower is None else self.lower
        return lower, np.inf if self.upper is None else self.upper

    def _weigh(self, metrics):
        programme = self._programme_of(metrics)
        points = programme.solve()
        if not points.found[0]:
            return self._sure_weights(programme)
        found = _Found(
            reachable=True,
            message="The target is reached.",
            n_iter=int(points.n_iter[0]),
            converged=True,
            multipliers=programme.multipliers(points.multipliers)[0],
            shortfall=programme.shortfall(points.residual)[0, :-1],
        )
        rows = programme.linearized.rows
        return self._weights(found, programme.changes(points).collect(rows, 0))

    def _weigh_surely(self, metrics):
        """Return the Weights by the solver that ends whatever is asked."""
        return self._sure_weights(self._programme_of(metrics))

    def _programme_of(self, metrics):
        targets = self.target(metrics.to_repair)[None]
        return SoftProgramme(self, from_metrics(metrics), targets)

    def _sure_weights(self, programme):
        found = self._find_surely(programme, 0, (0, 1))
        return self._weights(found, programme.linearized.rows.collect("given")[0])

    def _weights(self, found, epsilon):
        lower, upper = self._bounds
        return Weights(
            epsilon=epsilon,
            n_at_lower=int(np.count_nonzero(epsilon <= lower)),
            n_at_upper=int(np.count_nonzero(epsilon >= upper)),
            **vars(found),
        )

    def _find_surely(self, programme, position, row):
        """Return the _Found of the solver that ends whatever is asked.

        The change of the weights is noted as ``given``.
        """
        found = programme.closest(position, row)
        if not found.converged:
            self._warn_of_convergence()
        shortfall = programme.shortfall(found.residual, position)[:-1]
        size = programme.size
        missed = hypot(*shortfall) / size
        reachable = missed <= (MAX_LEFT if found.reachable else _NO_SHORTFALL)
        asked = beyond(programme.asked[position], programme.is_limit)[:-1]
        return _Found(
            reachable=reachable,
            message=self._message(reachable, shortfall, asked),
            n_iter=found.n_iter,
            converged=found.converged,
            multipliers=programme.multipliers(found.multipliers),
            shortfall=shortfall,
        )

    def floor(self, reach, rise, metrics):
        """Return the least fall of the linearised utility's loss, None for no limit.

        ``reach`` is the size of all its influences, and ``rise`` what the original
        weights lead to above the original model.
        """
        if self.utility_tolerance is None or not metrics.is_held_out:
            return None
        if reach <= _NO_UTILITY * abs(metrics.utility_before):
            return None
        # No change of the weights must always be allowed.
        return min(rise - self.utility_tolerance, 0.0)

    def _message(self, reachable, shortfall, asked):
        if reachable:
            return "The target is reached."
        share = 1.0 - hypot(*shortfall) / hypot(*asked)
        return (
            f"The target is out of reach: at most {max(share, 0.0):.1%} of the asked "
            f"change of the metric is possible within lower={self.lower}, "
            f"upper={self.upper} and utility_tolerance={self.utility_tolerance}."
        )

    def _warn_of_convergence(self):
        warn(
            f"SoftWeighting stopped after max_iter={self.max_iter} Newton steps before "
            f"its constraints were met to tol={self.tol}.",
            ConvergenceWarning,
        )


def _known(strengths):
    """Return strengths as an array, None if a weighting's own is among them."""
    if any(strength is None for strength in strengths):
        return None
    return np.asarray(strengths, dtype=np.float64)


@dataclass(frozen=True)
class _Found:
    """What is known of a change of the weights beside itself, see :class:`Weights`."""

    reachable: bool
    message: str
    n_iter: int
    converged: bool
    multipliers: np.ndarray
    shortfall: np.ndarray
