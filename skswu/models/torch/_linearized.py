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

        def pull(batch, linear, margins, weight):
            return linear.pull(weight[:, None] * loss.gradient(margins, batch.targets))

        gradient = sum(self._by_batch(rows, parameters, weight, pull))
        return gradient + self.view.penalty_gradient(rows, parameters)

    def objective_value(self, rows, parameters, weight):
        """Return the value."""
        loss = self.view.network.loss

        def add(batch, linear, margins, weight):
            return float(weight @ loss.values(margins, batch.targets))

        value = sum(self._by_batch(rows, parameters, weight, add))
        return value + self.view.penalty(rows, parameters)

    def curvature(self, rows, parameters, weight, kind="auto"):
        """Return the Hessian, which of linear margins is the Gauss-Newton matrix."""
        # The penalty is quadratic.
        penalty = self.view.penalty_gradient(rows, torch.ones_like(self.origin))
        change = parameters - self.origin
        return _LinearizedCurvature(
            self.view.network, rows, self.origin, weight, penalty, change
        )

    def _by_batch(self, rows, parameters, weight, function):
        network, change = self.view.network, parameters - self.origin
        weight = like(weight, parameters)

        def of_batch(batch):
            linear = network.linearize(batch)
            margins = linear.margins.detach() + linear.push(change)
            return function(batch, linear, margins, weight[batch.rows])

        network.load(self.origin)
        return [result for _, result in rows.map(of_batch)]


class _LinearizedCurvature(GaussNewtonCurvature):
    """The Gauss-Newton matrix with the loss's curvature at linearised margins."""

    def __init__(self, network, rows, parameters, weight, penalty, change):
        super().__init__(network, rows, parameters, weight, penalty)
        self.change = change

    def _margins(self, linear):
        return linear.margins.detach() + linear.push(self.change)
