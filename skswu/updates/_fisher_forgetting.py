"""A Newton step with noise shaped by the Fisher information."""

from numbers import Real

import numpy as np
from scipy.special import softmax
from sklearn.utils import check_random_state

from .._utils._compat import Interval
from ._base import BaseUpdate

# Smallest information of a parameter, relative to the largest.
_FLOOR = 1e-6
# Draws of labels that estimate an information whose diagonal is costly.
_N_PROBES = 32


class FisherForgetting(BaseUpdate):
    r"""Move by a Newton step, and blur what the down-weighted samples left behind.

    .. math:: \Delta\theta = -(F + \delta W I)^{-1} \nabla L(\theta; w(1+\varepsilon))
              + \sigma \, \mathrm{diag}(F / W)^{-1/4} \, n, \qquad n \sim N(0, I)

    with :math:`F` the curvature under the weights :math:`w (1 + \varepsilon)`, the
    Fisher information of a softmax or a sigmoid with the regulariser's curvature added,
    :math:`W` the total weight, and :math:`\delta` the damping of the influence. The
    noise has the covariance :math:`\sigma^2 \mathrm{diag}(F / W)^{-1/2}`: directions
    that the kept data do not determine are blurred most. Soft weights enter by F and
    the gradient; with :math:`\varepsilon \in \{-1, 0\}` both are those of the samples
    that are kept. For networks F is the Gauss-Newton matrix, and the diagonal in the
    noise is estimated from 32 draws of labels.

    Parameters
    ----------
    noise : float, default=0.01
        The :math:`\sigma \ge 0`, :math:`(\lambda \sigma_h^2)^{1/4}` of the source.
    random_state : int, RandomState instance or None, default=None
        Draws the noise.

    References
    ----------
    Golatkar, Achille and Soatto, "Eternal Sunshine of the Spotless Net: Selective
    Forgetting in Deep Networks", 2020 (the optimal quadratic scrubbing, with the Fisher
    information in the place of the Hessian).

    Examples
    --------
    >>> from skswu.updates import FisherForgetting
    >>> FisherForgetting(noise=0.001, random_state=0)
    FisherForgetting(noise=0.001, random_state=0)
    """

    _parameter_constraints = {
        "noise": [Interval(Real, 0, None, closed="left")],
        "random_state": ["random_state"],
    }

    def __init__(self, *, noise=0.01, random_state=None):
        self.noise = noise
        self.random_state = random_state

    def move(self, move):
        step = -move.solve(move.gradient - move.tilt)
        return move.parameters + step + self._draw(move), 1.0

    def _draw(self, move):
        """Return the noise, an array of the view's library."""
        operator = move.view.curvature(move.rows, move.parameters, move.weight)
        random_state = check_random_state(self.random_state)
        draws = random_state.standard_normal((operator.n_parameters, 1))
        fisher = operator.diagonal()
        if fisher is None:
            fisher = _estimate_diagonal(move, random_state)
        # A parameter that no row determines must not drown in its noise.
        floor = _FLOOR * float(fisher.max())
        fisher = fisher.clip(floor if floor > 0 else 1.0, None)
        size = (_total_weight(move) / fisher) ** 0.25
        return self.noise * size * operator.from_numpy(draws)[:, 0]


def _total_weight(move):
    total = float(move.weight.sum())
    if total < 0:
        raise ValueError(
            "FisherForgetting needs new weights whose sum is not negative, which its "
            f"noise is scaled by; they add up to {total:.3g}. Use a weighting with "
            "lower >= -1 that asks for less (strength, fraction)."
        )
    return total


def _estimate_diagonal(move, random_state):
    r"""Return an estimate of the diagonal of the Fisher information and the penalty's.

    With labels y drawn from the model and random signs s, the square of
    :math:`\sum_i s_i \sqrt{w_i} \nabla \log p_i(y_i)` has the information's diagonal as
    its mean.
    """
    view, rows, parameters = move.view, move.rows, move.parameters
    probability = softmax(view.scores(rows, parameters), axis=1)
    bounds = probability.cumsum(axis=1)[:, :-1]
    drawn = random_state.uniform(size=(_N_PROBES, len(rows), 1))
    labels = (drawn > bounds).sum(axis=2)
    signs = random_state.choice([-1.0, 1.0], labels.shape)
    signs *= np.sqrt(np.maximum(move.weight, 0.0))

    def gradient(chunk):
        hot = labels[:, chunk, None] == np.arange(probability.shape[1])
        return signs[:, chunk, None] * hot

    pulled = view.pull_back_scores(rows, parameters, gradient)
    # The penalty of a network is quadratic.
    penalty = view.penalty_gradient(rows, 0.0 * parameters + 1.0)
    return (pulled * pulled).sum(1) / _N_PROBES + penalty
