"""Retraining of the linearised model."""

from numbers import Integral, Real

from .._utils._compat import Interval
from ._base import BaseUpdate

_MAX_HALVINGS = 30


class NTKUpdate(BaseUpdate):
    r"""Train the model's linearisation to convergence under the new weights.

    The scores are replaced by :math:`s(\theta_0) + J (\theta - \theta_0)`, the
    neural tangent kernel's model, and :math:`L(\theta; w(1 + \varepsilon))` of those is
    minimised by Newton's method, a convex problem. In the source the loss is squared
    and samples are removed; then the minimiser is its closed form. Linear models are
    their own linearisation, so that the result is their refit under the new weights,
    exactly; a network's is right as far as it stays close to linear.

    Parameters
    ----------
    tol : float, default=1e-6
        Norm of the gradient, relative to the first one, at which to stop.
    max_steps : int, default=50
        Largest number of Newton steps; one suffices for a squared loss.

    References
    ----------
    Golatkar, Achille and Soatto, "Forgetting Outside the Box: Scrubbing Deep Networks
    of Information Accessible from Input-Output Observations", 2020.

    Examples
    --------
    >>> from skswu.updates import NTKUpdate
    >>> NTKUpdate(max_steps=5)
    NTKUpdate(max_steps=5)
    """

    needs = {"linearized": "linear models and skorch's nets"}

    _parameter_constraints = {
        "tol": [Interval(Real, 0, None, closed="left")],
        "max_steps": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(self, *, tol=1e-6, max_steps=50):
        self.tol = tol
        self.max_steps = max_steps

    def move(self, move):
        model = move.view.linearized(move.parameters)
        parameters, first = move.parameters, None
        for _ in range(self.max_steps):
            gradient = self._gradient(model, move, parameters)
            norm = float((gradient * gradient).sum() ** 0.5)
            first = norm if first is None else first
            if norm <= self.tol * first:
                break
            step = -move.solve(gradient, model, parameters)
            parameters, moved = self._descend(model, move, parameters, step)
            if not moved:
                break
        return parameters, 1.0

    @staticmethod
    def _gradient(model, move, parameters):
        gradient = model.objective_gradient(move.rows, parameters, move.weight)
        return gradient - move.tilt

    @staticmethod
    def _descend(model, move, parameters, step):
        """Take the longest step, of those halved again and again, that descends."""

        def objective(at):
            value = model.objective_value(move.rows, at, move.weight)
            return value - float(move.tilt @ at)

        before = objective(parameters)
        for halving in range(_MAX_HALVINGS):
            candidate = parameters + 0.5**halving * step
            if objective(candidate) < before:
                return candidate, True
        return parameters, False
