"""Ascent on the down-weighted samples, descent on the rest."""

from numbers import Real

from .._utils._compat import Interval
from ._training import TrainingUpdate


class GradientAscent(TrainingUpdate):
    r"""Climb the loss of down-weighted samples, descend that of the others: NegGrad+.

    Gradient steps on :math:`\sum_i w_i (1 + (1 + \alpha) \varepsilon_i) \ell_i + R`,
    with :math:`\alpha` the ``ascent``. A removed sample (:math:`\varepsilon = -1`)
    enters with weight :math:`-\alpha` and an unchanged one with 1, which is gradient
    ascent on what is to be forgotten with descent on what is kept; in between, samples
    below :math:`\varepsilon = -1 / (1 + \alpha)` are climbed. From an optimum, the
    first step goes along :math:`-(1 + \alpha) \sum_i \varepsilon_i w_i \nabla \ell_i`.

    Nothing but ``max_epochs`` stops the ascent: too many of them, or too high a
    learning rate, destroy the model.

    Parameters
    ----------
    ascent : float, default=1.0
        The :math:`\alpha \ge 0`; 0 is plain descent under the new weights.
    lr : float or None, default=None
        Learning rate. None is the net's own, and 1 for linear models, whose unit is the
        inverse of their largest curvature.
    max_epochs : int, default=10
        Passes over the training rows.
    random_state : int, RandomState instance or None, default=None
        Shuffles and drops out, where the net does.
    verbose : int, default=0
        1 shows a net's epochs.

    References
    ----------
    Kurmanji, Triantafillou, Hayes and Triantafillou, "Towards Unbounded Machine
    Unlearning", 2023 (the baseline NegGrad+, whose soft form this is).

    Examples
    --------
    >>> from skswu.updates import GradientAscent
    >>> GradientAscent(max_epochs=3)
    GradientAscent(max_epochs=3)
    """

    _parameter_constraints = {
        **TrainingUpdate._parameter_constraints,
        "ascent": [Interval(Real, 0, None, closed="left")],
    }

    def __init__(
        self, *, ascent=1.0, lr=None, max_epochs=10, random_state=None, verbose=0
    ):
        super().__init__(
            lr=lr, max_epochs=max_epochs, random_state=random_state, verbose=verbose
        )
        self.ascent = ascent

    def move(self, move):
        lr = move.view.default_lr if self.lr is None else self.lr
        weight = move.rows.weight * (1.0 + (1.0 + self.ascent) * move.epsilon)
        return self._train(move, move.parameters, weight, lr=lr)
