"""Training on a linear model under other weights."""

import numpy as np
from scipy.optimize import minimize
from scipy.sparse.linalg import LinearOperator, eigsh


def train(view, rows, parameters, weight, *, lr, max_epochs):
    """Return the parameters after at most ``max_epochs`` passes over the rows.

    Without a learning rate, and with weights that keep the objective convex, the passes
    are those of L-BFGS. A learning rate makes them steps of gradient descent, in units
    of the inverse of the largest curvature.

    Parameters
    ----------
    view : LinearView
        The model.
    rows : LinearRows
        Training rows.
    parameters : ndarray of shape (n_parameters,)
        Where to start.
    weight : ndarray of shape (n_samples,)
        What rows weigh.
    lr : float or None
        Learning rate.
    max_epochs : int
        Largest number of passes.
    """
    if lr is None and (weight >= 0).all():
        return _quasi_newton(view, rows, parameters, weight, max_epochs)
    step = (view.default_lr if lr is None else lr) / _largest_curvature(view, rows)
    for _ in range(max_epochs):
        gradient = view.objective_gradient(rows, parameters, weight)
        parameters = parameters - step * gradient
    return parameters


def _quasi_newton(view, rows, parameters, weight, max_epochs):
    """Minimise by L-BFGS, in units in which the curvature's diagonal is one."""
    diagonal = view.curvature(rows, parameters, weight).diagonal()
    unit = 1.0 / np.sqrt(np.where(diagonal > 0, diagonal, 1.0))

    def objective(change):
        value, gradient = view.objective(rows, parameters + unit * change, weight)
        return value, unit * gradient

    found = minimize(
        objective,
        np.zeros_like(parameters),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": max_epochs, "ftol": 0.0, "gtol": 1e-8},
    )
    return parameters + unit * found.x


def _largest_curvature(view, rows):
    """Return the largest eigenvalue of the fit's curvature."""
    curvature = view.curvature(rows, view.parameters, rows.weight)
    n = curvature.n_parameters
    if n == 1:
        return float(curvature.product(np.ones((1, 1)))[0, 0])
    operator = LinearOperator(
        (n, n), matvec=lambda v: curvature.product(np.reshape(v, (n, 1)))[:, 0]
    )
    start = np.ones(n) + 0.1 * np.arange(n) / n
    return float(eigsh(operator, k=1, v0=start, tol=1e-2, return_eigenvectors=False)[0])
