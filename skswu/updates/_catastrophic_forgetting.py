"""Training on of a network's last layers."""

from numbers import Integral

from .._utils._compat import Interval
from ._training import NetworkUpdate


class LastLayersUpdate(NetworkUpdate):
    """An update of a network's last k layers; the others are frozen."""

    _parameter_constraints = {
        **NetworkUpdate._parameter_constraints,
        "k": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(self, k=1, *, lr=None, max_epochs=10, random_state=None, verbose=0):
        super().__init__(
            lr=lr, max_epochs=max_epochs, random_state=random_state, verbose=verbose
        )
        self.k = k

    needs = {**NetworkUpdate.needs, "last_layers": "skorch's nets"}

    def restrict(self, influence, view, X):
        if influence.parameters != "all":
            raise ValueError(
                f"{type(self).__name__} chooses the layers that it corrects by k="
                f"{self.k}, and the influence's parameters={influence.parameters!r} "
                "would choose others. Leave them at 'all', or use another update."
            )
        return view.with_names(view.last_layers(self.k))


class CatastrophicForgetting(LastLayersUpdate):
    r"""Train the last k layers on under the weights :math:`w (1 + \varepsilon)`: CF-k.

    The other layers are frozen, for the influences as well. The source trains on the
    samples that are kept, :math:`\varepsilon \in \{-1, 0\}`; soft weights train on all,
    each with what is left of its weight. For skorch nets.

    Parameters
    ----------
    k : int, default=1
        Number of layers, modules with parameters of their own, counted from the last
        one in the order of their registration.
    lr : float or None, default=None
        Learning rate; None is the net's own.
    max_epochs : int, default=10
        Passes over the training rows.
    random_state : int, RandomState instance or None, default=None
        Shuffles and drops out, where the net does.
    verbose : int, default=0
        1 shows the epochs.

    References
    ----------
    Goel, Prabhu, Sanyal, Lim, Torr and Kumaraguru, "Towards Adversarial Evaluations for
    Inexact Machine Unlearning", 2022.

    Examples
    --------
    >>> from skswu.updates import CatastrophicForgetting
    >>> CatastrophicForgetting(2, max_epochs=5)
    CatastrophicForgetting(k=2, max_epochs=5)
    """

    def move(self, move):
        return self._train(move, move.parameters, move.weight)
