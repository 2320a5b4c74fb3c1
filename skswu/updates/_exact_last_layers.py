"""Retraining of a network's last layers from scratch."""

from ._catastrophic_forgetting import LastLayersUpdate


class ExactLastLayers(LastLayersUpdate):
    r"""Retrain the last k layers from scratch under :math:`w (1 + \varepsilon)`: EU-k.

    The other layers are frozen, for the influences as well; the last k are initialised
    anew and trained as the net is. The source trains on the samples that are kept,
    :math:`\varepsilon \in \{-1, 0\}`; soft weights train on all, each with what is left
    of its weight. For skorch nets.

    Parameters
    ----------
    k : int, default=1
        Number of layers, see :class:`CatastrophicForgetting`.
    lr : float or None, default=None
        Learning rate; None is the net's own.
    max_epochs : int, default=10
        Passes over the training rows; as many as the net itself took are in place.
    random_state : int, RandomState instance or None, default=None
        Initialises, and shuffles and drops out where the net does.
    verbose : int, default=0
        1 shows the epochs.

    References
    ----------
    Goel, Prabhu, Sanyal, Lim, Torr and Kumaraguru, "Towards Adversarial Evaluations for
    Inexact Machine Unlearning", 2022.

    Examples
    --------
    >>> from skswu.updates import ExactLastLayers
    >>> ExactLastLayers(1, max_epochs=20, random_state=0)
    ExactLastLayers(max_epochs=20, random_state=0)
    """

    def move(self, move):
        anew = move.view.start_training(move.rows, None, **self._options())
        return self._train(move, anew.parameters, move.weight)
