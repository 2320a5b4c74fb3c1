"""The minimiser of a convex training objective, by Newton's method."""

import numpy as np

from ..influence import make_inverse_curvature

_MAX_STEPS = 100
_MAX_HALVINGS = 40


def minimize(view, rows, weight, start, tol):
    r"""Minimise :math:`L(\theta; v)` by Newton steps with backtracking.

    Parameters
    ----------
    view : ModelView
        A convex model.
    rows : Rows
        Training rows.
    weight : ndarray of shape (n_samples,)
        The :math:`v \ge 0`.
    start : ndarray of shape (n_parameters,)
        Where to begin.
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
    parameters = start
    for _ in range(_MAX_STEPS):
        gradient = view.objective_gradient(rows, parameters, weight)
        curvature = view.curvature(rows, parameters, weight)
        step = -make_inverse_curvature("auto", curvature).solve(gradient[:, None])[:, 0]
        decrement = np.sqrt(max(-(gradient @ step), 0.0))
        parameters = parameters + step * _length(view, rows, weight, parameters, step)
        if decrement <= tol:
            return parameters, True
    return parameters, False


def _length(view, rows, weight, parameters, step):
    """Return the largest power of a half with which a step does not rise."""
    before = view.objective_value(rows, parameters, weight)
    allowed = before + 1e-12 * max(abs(before), 1.0)
    for halving in range(_MAX_HALVINGS):
        length = 0.5**halving
        if view.objective_value(rows, parameters + length * step, weight) <= allowed:
            return length
    return 0.0
