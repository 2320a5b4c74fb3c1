"""A network that is replaced by its linearisation in the parameters."""

import torch

from ._curvature import GaussNewtonCurvature
from ._network import like


class LinearizedNetwork:
    r"""The training objective of :math:`z(\theta) = z(\theta_0) + J (\theta-\theta_0)`.

    It offers of a model view what an optimiser needs, and is convex where the loss is
    convex in the margins z.

    Parameters
    ----------
    view : TorchModelView
        The network.
    parameters : Tensor of shape (n_parameters,)
        The :math:`\theta_0`.
    """

    def __init__(self, view, parameters):
        self.view = view
        self.origin = parameters
        self.default_damping = view.default_damping
        self.default_solver_tol = view.default_solver_tol

    def objective_gradient(self, rows, parameters, weight):
        """Return the gradient, shape (n_parameters,)."""
        loss = self.view.network.loss

        def pull(block, margins, weight):
            slope = weight[:, None] * loss.gradient(margins, block.targets)
            return block.linear.pull(slope)

        gradient = self._summed(rows, parameters, weight, pull)
        return gradient + self.view.penalty_gradient(rows, parameters)

    def objective_value(self, rows, parameters, weight):
        """Return the value."""
        loss = self.view.network.loss

        def add(block, margins, weight):
            return float(weight @ loss.values(margins, block.targets))

        value = self._summed(rows, parameters, weight, add)
        return value + self.view.penalty(rows, parameters)

    def curvature(self, rows, parameters, weight, kind="auto"):
        """Return the Hessian, which of linear margins is the Gauss-Newton matrix."""
        # The penalty is quadratic.
        penalty = self.view.penalty_gradient(rows, torch.ones_like(self.origin))
        change = parameters - self.origin
        return _LinearizedCurvature(
            self.view.network, rows, self.origin, weight, penalty, change
        )

    def _summed(self, rows, parameters, weight, function):
        """Return the sum of ``function(block, margins, weight)``."""
        weight, change = like(weight, parameters), parameters - self.origin

        def of_block(block):
            margins = block.outputs.detach() + block.linear.push(change)
            return (function(block, margins, weight[block.rows]),)

        ((total,),) = rows.at(self.view.network, self.origin).reduce(of_block)
        return total


class _LinearizedCurvature(GaussNewtonCurvature):
    """The Gauss-Newton matrix with the loss's curvature at linearised margins."""

    def __init__(self, network, rows, parameters, weight, penalty, change):
        super().__init__(network, rows, parameters, weight, penalty)
        self.change = change

    def _margins(self, linear):
        return linear.margins.detach() + linear.push(self.change)
