"""Training on under the new weights, with an l1 penalty."""

from numbers import Real

from .._utils._compat import Interval
from ._training import TrainingUpdate, share_taken


class SparseFineTune(TrainingUpdate):
    r"""Train on under the weights :math:`w (1 + \varepsilon)`, toward few parameters.

    The objective is that of the model under the new weights, with a penalty

    .. math:: s \, \gamma \, W \, \|\theta\|_1, \qquad
              s = \frac{\sum_i w_i f_i^2}{\sum_i w_i f_i}, \qquad
              f_i = \min(\max(-\varepsilon_i, 0), 1)

    on all parameters that are corrected, where W is the total weight and
    :math:`\gamma` the ``l1``. With :math:`\varepsilon \in \{-1, 0\}` s is 1, and this
    is the source's sparsity-aware unlearning; soft weights, which take a share of each
    sample, are given that share of the penalty. What a network remembers of single
    samples sits in many small parameters, which the penalty takes away.

    Networks go on with their own optimizer, by skorch, and the penalty falls linearly
    to zero over the epochs, as the source found best. Linear models, and the linear
    last layer of an influence with ``parameters="last_layer"``, descend to the one
    minimum by L-BFGS, and the penalty stays as it is: had it to fall to zero, nothing
    would be left of it there.

    Parameters
    ----------
    l1 : float, default=5e-4
        The :math:`\gamma \ge 0`, beside the mean loss. 0 is :class:`FineTune`.
    lr : float or None, default=None
        Learning rate. None is the net's own, and L-BFGS for linear models; a number
        makes those take proximal gradient steps, in units of the inverse of their
        largest curvature.
    max_epochs : int, default=10
        Passes over the training rows.
    random_state : int, RandomState instance or None, default=None
        Shuffles and drops out, where the net does.
    verbose : int, default=0
        1 shows a net's epochs.

    References
    ----------
    Jia, Liu, Ram, Yao, Liu, Liu, Sharma and Liu, "Model Sparsity Can Simplify Machine
    Unlearning", NeurIPS 2023.

    Examples
    --------
    >>> from skswu.updates import SparseFineTune
    >>> SparseFineTune(l1=1e-3, max_epochs=5, random_state=0)
    SparseFineTune(l1=0.001, max_epochs=5, random_state=0)
    """

    _parameter_constraints = {
        **TrainingUpdate._parameter_constraints,
        "l1": [Interval(Real, 0, None, closed="left")],
    }

    def __init__(
        self, *, l1=5e-4, lr=None, max_epochs=10, random_state=None, verbose=0
    ):
        super().__init__(
            lr=lr, max_epochs=max_epochs, random_state=random_state, verbose=verbose
        )
        self.l1 = l1

    def move(self, move):
        l1 = self.l1 * share_taken(move.rows.weight, move.epsilon)
        return self._train(move, move.parameters, move.weight, l1=l1)
