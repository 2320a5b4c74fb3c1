"""The minimiser of a convex training objective, by Newton's method."""

import numpy as np

from ..influence import Influence, make_inverse_curvature
from ..linear import LinearCurvature, TrainingObjective

_MAX_STEPS = 100
_MAX_HALVINGS = 40


def minimize(objective, tol):
    r"""Minimise a training objective by Newton steps with backtracking.

    Parameters
    ----------
    objective : TrainingObjective
        Convex; the fitted parameters of its model are where to begin. Its rows note
        derivatives on the way.
    tol : float
        The Newton decrement :math:`\|\nabla L\|_{H^{-1}}` after which one more step is
        the last.

    Returns
    -------
    parameters : ndarray of shape (n_parameters,)
        The minimiser.
    converged : bool
        Whether ``tol`` was met.
    """
    model, rows = objective.model, objective.rows
    is_direct = solves_directly(objective)
    parameters = model.parameters
    for _ in range(_MAX_STEPS):
        start = TrainingObjective(model.at(parameters), rows).start(is_direct)
        inverse = make_inverse_curvature("auto", start.curvature)
        step = -inverse.solve(start.gradient[:, None]).vectors[:, 0]
        decrement = np.sqrt(max(-(start.gradient @ step), 0.0))
        before = start.loss + model.penalty(parameters)
        parameters = parameters + step * _length(objective, before, parameters, step)
        if decrement <= tol:
            return parameters, True
    return parameters, False


def solves_directly(objective):
    """Say whether a training objective's Hessian is formed and factorised."""
    operator = LinearCurvature(objective.model, objective.rows)
    return Influence().wants_dense(operator)


def _length(objective, before, parameters, step):
    """Return the largest power of a half with which a step does not rise."""
    allowed = before + 1e-12 * max(abs(before), 1.0)
    for halving in range(_MAX_HALVINGS):
        length = 0.5**halving
        if objective.value(parameters + length * step) <= allowed:
            return length
    return 0.0
