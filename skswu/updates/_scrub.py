"""A student that keeps to its teacher on some samples and departs from it on others."""

from numbers import Integral, Real

from .._utils._compat import Interval
from ._training import NetworkUpdate, forgotten, retained


class Scrub(NetworkUpdate):
    r"""Depart from the original on down-weighted samples, and keep to it on the rest.

    The original network is the teacher t of a student that starts as its copy. Each of
    the first ``ascent_epochs`` epochs begins with a pass that climbs
    :math:`\sum_i f_i \mathrm{KL}(t_i \| s_i)`, and every epoch has one that descends
    :math:`\sum_i r_i (\ell_i + \alpha \mathrm{KL}(t_i \| s_i)) + R`. The soft forms of
    the forgotten and the retained sample are :math:`f_i = \min(\max(-\varepsilon_i, 0),
    1)` and :math:`r_i = \max(1 + \varepsilon_i, 0)`, on top of the weights w; with
    :math:`\varepsilon \in \{-1, 0\}` they mark the two sets of the source. f is scaled
    by the total weight of r over that of all samples with :math:`f_i > 0`, as the
    source means over each set: the less is taken of them, the weaker the climb. The
    first climb starts where student and teacher agree, on flat ground; the later ones
    move. For skorch nets.

    Parameters
    ----------
    alpha : float, default=0.5
        Weight of the teacher on what is kept, at least 0.
    ascent_epochs : int, default=3
        Number of epochs that climb.
    lr : float or None, default=None
        Learning rate; None is the net's own.
    max_epochs : int, default=10
        Passes that descend.
    random_state : int, RandomState instance or None, default=None
        Shuffles and drops out, where the net does.
    verbose : int, default=0
        1 shows the epochs.

    References
    ----------
    Kurmanji, Triantafillou, Hayes and Triantafillou, "Towards Unbounded Machine
    Unlearning", 2023.

    Examples
    --------
    >>> from skswu.updates import Scrub
    >>> Scrub(ascent_epochs=1, max_epochs=3)
    Scrub(ascent_epochs=1, max_epochs=3)
    """

    _parameter_constraints = {
        **NetworkUpdate._parameter_constraints,
        "alpha": [Interval(Real, 0, None, closed="left")],
        "ascent_epochs": [Interval(Integral, 0, None, closed="left")],
    }

    def __init__(
        self,
        *,
        alpha=0.5,
        ascent_epochs=3,
        lr=None,
        max_epochs=10,
        random_state=None,
        verbose=0,
    ):
        super().__init__(
            lr=lr, max_epochs=max_epochs, random_state=random_state, verbose=verbose
        )
        self.alpha = alpha
        self.ascent_epochs = ascent_epochs

    def move(self, move):
        training = move.view.start_training(
            move.rows, move.parameters, **self._options()
        )
        keep = move.rows.weight * retained(move.epsilon)
        forget = move.rows.weight * forgotten(move.epsilon)
        set_weight = move.rows.weight[forget > 0].sum()
        forget = forget * (keep.sum() / max(set_weight, 1e-300))
        teacher = training.teacher(move.view.scores(move.rows, move.parameters))
        climb = training.weighted(forget, lambda z, y, i: -teacher(z, i))
        descend = training.weighted(
            keep, lambda z, y, i: training.losses(z, y) + self.alpha * teacher(z, i)
        )
        for epoch in range(self.max_epochs):
            if epoch < self.ascent_epochs and forget.any():
                training.run(climb, 1)
            training.run(descend, 1)
        return training.parameters, 1.0
