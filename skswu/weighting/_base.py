"""What a weighting is, what it starts from and what it returns."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.utils import assert_all_finite

from ._changes import given_changes
from ._linearized import RepairedMetrics, linearized_around

# Of a metric that all weights together cannot change by this share of itself, to first
# order, the influences are rounding.
_NO_METRIC = 1e-9


@dataclass(frozen=True)
class LinearizedMetrics(RepairedMetrics):
    r"""Metrics and utility as affine functions of the sample weights.

    Under the weights :math:`w_i (1 + \varepsilon_i)` the metrics are
    :math:`M(\varepsilon) = \mathrm{constant} - \mathrm{influence}\,\varepsilon`, so
    ``influence[j, i]`` is the change of metric j when sample i is removed
    (:math:`\varepsilon_i = -1`). The mean loss on the evaluation rows, the utility, is
    affine in the same way; lower is better.

    Attributes
    ----------
    influence : ndarray of shape (n_metrics, n_samples)
        Influence of each sample on each metric.
    constant : ndarray of shape (n_metrics,)
        The metrics at :math:`\varepsilon = 0`.
    before : ndarray of shape (n_metrics,)
        The metrics of the original model, from which targets are set.
    utility_influence : ndarray of shape (n_samples,)
        Influence of each sample on the mean evaluation loss.
    utility_constant : float
        The mean evaluation loss at :math:`\varepsilon = 0`.
    utility_before : float
        That of the original model.
    sample_weight : ndarray of shape (n_samples,) or None, default=None
        The fit's sample weights, in which the size of a change is measured; None is
        one for each sample.
    around : ndarray of shape (n_samples,) or None, default=None
        The weights :math:`\varepsilon` under which the metrics were linearised, None
        for the original ones. Least is then the change from these.
    is_held_out : bool, default=True
        Whether the evaluation rows are others than the training rows. On training rows
        a fit's own loss is no bound to linearise: the penalty alone tilts it.
    one_sided : ndarray of bool of shape (n_metrics,) or None, default=None
        Of which metrics only values above zero are to be repaired, and any below the
        target are as good; None is of none.

    Examples
    --------
    >>> import numpy as np
    >>> from skswu.weighting import LinearizedMetrics
    >>> metrics = LinearizedMetrics(
    ...     influence=np.array([[0.3, -0.1]]),
    ...     constant=np.array([0.2]),
    ...     before=np.array([0.2]),
    ...     utility_influence=np.array([0.0, 0.1]),
    ...     utility_constant=0.5,
    ...     utility_before=0.5,
    ... )
    >>> metrics.predict([0.0, -1.0])
    array([0.1])
    >>> metrics.predict_utility([0.0, -1.0])
    0.6
    """

    influence: np.ndarray
    constant: np.ndarray
    before: np.ndarray
    utility_influence: np.ndarray
    utility_constant: float
    utility_before: float
    sample_weight: np.ndarray | None = None
    around: np.ndarray | None = None
    is_held_out: bool = True
    one_sided: np.ndarray | None = None

    def predict(self, epsilon):
        """Return the metrics under a change of the weights, shape (n_metrics,)."""
        return self.constant - self.influence @ np.asarray(epsilon)

    def predict_utility(self, epsilon):
        """Return the mean evaluation loss under a change of the weights."""
        change = self.utility_influence @ np.asarray(epsilon)
        return float(self.utility_constant - change)


@dataclass(frozen=True)
class Weights:
    r"""A change of the sample weights, and how it was found.

    Attributes
    ----------
    epsilon : ndarray of shape (n_samples,)
        The relative changes: sample i's new weight is :math:`w_i (1+\varepsilon_i)`.
    reachable : bool
        Whether the linearised metrics meet their target under it.
    message : str
        What was found, in one sentence that can be shown to the user.
    n_iter : int, default=0
        Iterations of the solver, 0 if there was none.
    converged : bool, default=True
        Whether the solver met its optimality conditions.
    multipliers : ndarray of shape (n_metrics + 1,) or None, default=None
        Sensitivity of :math:`\tfrac12\|\varepsilon\|^2` to each constraint, the
        utility's last; 0 for a constraint that does not bind. Not finite in the limit
        when the target is unreachable: then only their direction means something.
    shortfall : ndarray of shape (n_metrics,) or None, default=None
        Linearised metrics less their target; 0 for a one-sided one below it.
    n_at_lower, n_at_upper : int, default=0
        Number of samples at the lower and at the upper bound.
    """

    epsilon: np.ndarray
    reachable: bool
    message: str
    n_iter: int = 0
    converged: bool = True
    multipliers: np.ndarray | None = None
    shortfall: np.ndarray | None = None
    n_at_lower: int = 0
    n_at_upper: int = 0


@dataclass(frozen=True)
class LeastChangeProgramme:
    """What makes a change of the weights the least one.

    Attributes
    ----------
    lower, upper : float
        Bounds of the change, infinite for none.
    objective_weight : float
        How much a rise of the training objective under the fit's own weights counts,
        beside half the squared norm of the change.
    utility_tolerance : float or None
        How much of the utility may be lost.
    """

    lower: float
    upper: float
    objective_weight: float
    utility_tolerance: float | None


class BaseWeighting(BaseEstimator, ABC):
    """Chooses the change of the sample weights from linearised metrics.

    A subclass has ``_weigh`` and ``target``, and ``_parameter_constraints`` as
    scikit-learn's estimators have them.
    """

    _parameter_constraints = {}

    #: Whether the weights change when the metrics are linearised at another model.
    relinearizes = True
    #: How much the utility may lose, in its own unit; None is any amount.
    utility_tolerance = None
    #: Whether the weights are meant to bring the metrics to :meth:`target`, and a step
    #: that passes it went too far.
    aims_at_target = True

    def check_params(self):
        """Raise a ValueError for a parameter that is out of its range."""
        self._validate_params()

    def programme(self):
        """Return the LeastChangeProgramme that the weights solve, None without one.

        Where there is one, several steps of a convex model solve it under the true
        metrics in place of the linearised ones.
        """
        return None

    def weigh(self, metrics):
        """Return the change of the sample weights.

        Parameters
        ----------
        metrics : LinearizedMetrics
            The metrics and the utility.

        Returns
        -------
        Weights
            The change and how it was found.

        Raises
        ------
        ValueError
            If a parameter is out of its range, or an influence is NaN or infinite.
        """
        self.check_params()
        assert_all_finite(metrics.influence, input_name="influence")
        assert_all_finite(metrics.utility_influence, input_name="utility_influence")
        return self._weigh(metrics)

    def are_combinations(self, epsilon):
        """Say which changes of the weights are combinations of the influences.

        Parameters
        ----------
        epsilon : ndarray of shape (n_some,)
            Changes that this weighting chose, of some of the samples.

        Returns
        -------
        ndarray of bool of shape (n_some,) or None
            Those off all bounds, which move with the influences; None, here, where
            changes are found in another way.
        """
        return None

    def at(self, strength):
        """Return the weighting with another strength, or itself if that is None."""
        if strength is None:
            return self
        return clone(self).set_params(strength=strength)

    def solve(self, linearized, strengths):
        """Return the changes of the weights at each strength.

        A subclass that solves for many at once overrides it; where one below that
        redefines ``_weigh``, this loop is used again.

        Parameters
        ----------
        linearized : Linearized
            The metrics and the utility, influences beside the rows.
        strengths : sequence of float or None
            What to ask; None is the weighting's own.

        Returns
        -------
        Changes
        """
        metrics = as_metrics(linearized)
        found = [self.at(strength).weigh(metrics) for strength in strengths]
        linearized.rows.spread("given", np.stack([one.epsilon for one in found]))
        messages = [None if one.reachable else one.message for one in found]
        n_influences = len(linearized.constant)
        return given_changes(linearized.rows, messages, n_influences)

    @abstractmethod
    def target(self, before):
        """Return the metric values aimed at, given those of the original model.

        Of one-sided metrics ``before`` is what is to be repaired: 0 for one that is
        below zero.
        """

    @abstractmethod
    def _weigh(self, metrics):
        """Return the Weights; parameters and metrics are valid."""


def felt_metrics(linearized):
    """Say which metrics of a Linearized the weights influence, shape (n_metrics,)."""
    constant = linearized.constant[:-1]
    size = np.maximum(np.abs(linearized.before), np.abs(constant))
    return is_felt(linearized.reach[:-1], size)


def is_felt(reach, size):
    """Say of which metrics the influences, of a total size, are not just rounding."""
    return reach > _NO_METRIC * size


def check_finite(linearized):
    """Insist that the influences beside the rows are finite."""
    if not np.isfinite(linearized.reach).all():
        ((sample,),) = linearized.rows.reduce(_sample_of_not_finite)
        assert_all_finite(sample[:-1], input_name="influence")
        assert_all_finite(sample[-1:], input_name="utility_influence")


def _sample_of_not_finite(block):
    """Return sums that are NaN or infinite where one of the influences is."""
    influence = block["influence"]
    return (np.where(np.isfinite(influence), 0.0, influence).sum(axis=1),)


def as_metrics(linearized):
    """Return the LinearizedMetrics of a Linearized, in memory."""
    rows = linearized.rows
    return LinearizedMetrics(
        influence=linearized.influence,
        constant=linearized.constant[:-1],
        before=linearized.before,
        utility_influence=linearized.utility_influence,
        utility_constant=float(linearized.constant[-1]),
        utility_before=linearized.utility_before,
        sample_weight=_sample_weight(linearized),
        around=rows.collect("origin"),
        is_held_out=linearized.is_held_out,
        one_sided=linearized.one_sided,
    )


def _sample_weight(linearized):
    """Return the fit's sample weights; where they are not at hand, the rows know."""
    if linearized.sample_weight is None:
        return linearized.rows.collect("count")
    return linearized.sample_weight


def from_metrics(metrics):
    """Return the Linearized of LinearizedMetrics."""
    return linearized_around(
        np.vstack([metrics.influence, metrics.utility_influence]),
        np.append(metrics.constant, metrics.utility_constant),
        np.asarray(metrics.before),
        metrics.utility_before,
        metrics.sample_weight,
        metrics.around,
        is_held_out=metrics.is_held_out,
        one_sided=metrics.one_sided,
    )
