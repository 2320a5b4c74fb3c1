"""The margins of rows as a linear function of the parameters, by their graph."""

from contextlib import contextmanager

import torch


class Linearization:
    r"""Products with the Jacobian :math:`J` of a batch's margins in the parameters.

    The product :math:`J v` differentiates :math:`J^\top u`, a linear function of u,
    with respect to u. This takes any module that can be differentiated twice, however
    its control flow depends on the data; it shares one forward and one backward pass
    between all vectors and all later products; and even without that it is on a
    processor as fast as forward mode.

    Parameters
    ----------
    network : Network
        At its parameters.
    margins : Tensor of shape (n_samples, n_outputs)
        With their graph.
    """

    #: What is kept is the graph.
    n_bytes = None

    def __init__(self, network, margins):
        self.network = network
        self.margins = margins
        self._weights = torch.zeros_like(margins, requires_grad=True)
        gradients = torch.autograd.grad(
            margins,
            network.tensors,
            self._weights,
            create_graph=True,
            allow_unused=True,
        )
        self._used = [
            index
            for index, gradient in enumerate(gradients)
            if gradient is not None and gradient.requires_grad
        ]
        self._gradients = [gradients[index] for index in self._used]

    def push(self, direction):
        """Return J times a parameter vector, shaped as the margins."""
        pieces = self.network.split(direction)
        with explained():
            (moved,) = torch.autograd.grad(
                self._gradients,
                self._weights,
                [pieces[index] for index in self._used],
                retain_graph=True,
            )
        return moved

    def pull(self, gradient):
        """Return J transposed times an array shaped as the margins."""
        return self.network.pull_back(self.margins, gradient, keep=True)


@contextmanager
def explained():
    """Say what to do about a layer that cannot be differentiated twice."""
    try:
        yield
    except NotImplementedError as error:
        raise NotImplementedError(
            "Products with the curvature need layers that torch can differentiate "
            f"twice; here {error} Use a layer that does the same by plain operations "
            "(nn.Embedding and a mean for nn.EmbeddingBag), or leave what comes up to "
            "it out of the correction by 'parameters'."
        ) from error
