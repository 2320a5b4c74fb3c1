"""Dampening of the parameters that the down-weighted samples need most."""

from numbers import Integral, Real

import numpy as np

from .._utils._compat import Interval
from ._base import BaseUpdate
from ._training import forgotten, share_taken


class SelectiveSynapticDampening(BaseUpdate):
    r"""Shrink the parameters that matter more to what is forgotten than to all samples.

    The importance of a parameter is the mean of the squared derivatives of the losses,

    .. math:: F_j = \frac{\sum_i w_i g_{ij}^2}{\sum_i w_i}, \qquad
              \tilde F_j = \frac{\sum_i w_i f_i g_{ij}^2}{\sum_i w_i f_i}, \qquad
              g_i = \nabla \ell_i, \quad f_i = \min(\max(-\varepsilon_i, 0), 1)

    to all samples and to those that are weighted down. Where :math:`\tilde F_j > \alpha
    F_j`, with :math:`\alpha` the ``selection`` and :math:`\lambda` the ``dampening``,

    .. math:: \theta_j \leftarrow \theta_j - s (1 - \beta_j) \theta_j, \qquad
              \beta_j = \min(\lambda F_j / \tilde F_j, 1), \qquad
              s = \frac{\sum_i w_i f_i^2}{\sum_i w_i f_i}

    and the other parameters stay. With :math:`\varepsilon \in \{-1, 0\}` s is 1, and
    this is the source's method; soft weights, which take a share of each sample, go
    that share of the way. Nothing is trained, and what is weighted up has no effect.

    Two sums over the rows are made. They are exact for linear models. For networks,
    groups of ``batch_size`` rows are squared together, each row's derivative with a
    random sign, which is right on average and costs a backward pass a group and sum.

    Parameters
    ----------
    selection : float, default=1.0
        The :math:`\alpha \ge 0`; the larger, the fewer parameters are dampened. The
        source takes about 10 to forget a whole class. Where samples of all classes are
        forgotten, importances differ far less, and 10 seldom selects anything.
    dampening : float, default=1.0
        The :math:`\lambda \ge 0`; the smaller, the stronger. 0 sets what is selected to
        zero.
    batch_size : int, default=16
        Rows of a network that are squared together; 1 is exact, and the slowest.
    random_state : int, RandomState instance or None, default=None
        Draws the signs.

    References
    ----------
    Foster, Schoepf and Brintrup, "Fast Machine Unlearning Without Retraining Through
    Selective Synaptic Dampening", AAAI 2024.

    Examples
    --------
    >>> from skswu.updates import SelectiveSynapticDampening
    >>> SelectiveSynapticDampening(selection=0.5, random_state=0)
    SelectiveSynapticDampening(random_state=0, selection=0.5)
    """

    needs = {"squared_gradients": "linear models and skorch's nets"}

    _parameter_constraints = {
        "selection": [Interval(Real, 0, None, closed="left")],
        "dampening": [Interval(Real, 0, None, closed="left")],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "random_state": ["random_state"],
    }

    def __init__(
        self, *, selection=1.0, dampening=1.0, batch_size=16, random_state=None
    ):
        self.selection = selection
        self.dampening = dampening
        self.batch_size = batch_size
        self.random_state = random_state

    def move(self, move):
        weight, taken = move.rows.weight, move.rows.weight * forgotten(move.epsilon)
        if not taken.any():  # nothing is to be forgotten
            return move.parameters, 0.0
        both = np.stack([weight / weight.sum(), taken / taken.sum()])
        of_all, of_forgotten = move.view.squared_gradients(
            move.rows,
            move.parameters,
            both,
            batch_size=self.batch_size,
            random_state=self.random_state,
        )
        selected = of_forgotten > self.selection * of_all
        # Where nothing is selected, importances of zero must not be divided by.
        factor = self.dampening * of_all / (of_forgotten + 1.0 * ~selected)
        loss = selected * (1.0 - factor).clip(0.0, None)
        share = share_taken(weight, move.epsilon)
        return move.parameters - share * loss * move.parameters, 1.0
