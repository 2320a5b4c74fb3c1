"""Training on under the new weights."""

from ._training import TrainingUpdate


class FineTune(TrainingUpdate):
    r"""Train on from the fitted parameters, under the weights :math:`w(1+\varepsilon)`.

    The soft form of fine-tuning on the samples that are kept: with :math:`\varepsilon
    \in \{-1, 0\}` the removed samples take no part. Linear models descend by L-BFGS, a
    pass over the rows an epoch, and arrive at the weighted refit if given enough
    epochs. Networks go on with their own optimizer, by skorch; but a linear last layer
    by itself, of an influence with ``parameters="last_layer"``, is a linear model.

    Parameters
    ----------
    lr : float or None, default=None
        Learning rate. None is the net's own, and L-BFGS for linear models; a number
        makes those take plain gradient steps, in units of the inverse of their largest
        curvature.
    max_epochs : int, default=10
        Passes over the training rows.
    random_state : int, RandomState instance or None, default=None
        Shuffles and drops out, where the net does.
    verbose : int, default=0
        1 shows a net's epochs.

    References
    ----------
    Golatkar, Achille and Soatto, "Eternal Sunshine of the Spotless Net", 2020
    (fine-tuning as a baseline of unlearning).

    Examples
    --------
    >>> from skswu.updates import FineTune
    >>> FineTune(max_epochs=5, random_state=0)
    FineTune(max_epochs=5, random_state=0)
    """

    def move(self, move):
        return self._train(move, move.parameters, move.weight)
