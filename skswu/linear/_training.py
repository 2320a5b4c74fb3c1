"""Training on a linear model under other weights."""

import numpy as np
from scipy.optimize import minimize
from scipy.sparse.linalg import LinearOperator, eigsh


def train(
    view,
    rows,
    parameters,
    weight,
    *,
    l1=0.0,
    lr=None,
    max_epochs=10,
    random_state=None,
    verbose=0,
):
    """Return the parameters after at most ``max_epochs`` passes over the rows.

    Without a learning rate, and with weights that keep the objective convex, the passes
    are those of L-BFGS. A learning rate makes them steps of gradient descent, in units
    of the inverse of the largest curvature, each with the proximal step of the l1 norm.

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
    l1 : float, default=0.0
        Strength of an l1 penalty on all parameters, beside the mean loss.
    lr : float or None, default=None
        Learning rate.
    max_epochs : int, default=10
        Largest number of passes.
    random_state : None, default=None
        Nothing is drawn.
    verbose : int, default=0
        Nothing is shown.
    """
    l1 = l1 * rows.weight.sum()
    if lr is None and (weight >= 0).all():
        minimise = _quasi_newton_with_l1 if l1 > 0 else _quasi_newton
        return minimise(_Scaled(view, rows, parameters, weight), max_epochs, l1)
    step = (view.default_lr if lr is None else lr) / _largest_curvature(view, rows)
    for _ in range(max_epochs):
        gradient = view.objective_gradient(rows, parameters, weight)
        parameters = _shrunk(parameters - step * gradient, step * l1)
    return parameters


def _shrunk(values, width):
    """Return values moved toward zero by as much, those within it to zero."""
    return np.sign(values) * np.maximum(np.abs(values) - width, 0.0)


class _Scaled:
    """The objective in units in which the curvature's diagonal is one."""

    def __init__(self, view, rows, parameters, weight):
        self._at = lambda values: view.objective(rows, values, weight)
        self.start = parameters
        diagonal = view.curvature(rows, parameters, weight).diagonal()
        self.unit = 1.0 / np.sqrt(np.where(diagonal > 0, diagonal, 1.0))

    def __call__(self, change):
        value, gradient = self._at(self.start + self.unit * change)
        return value, self.unit * gradient


def _quasi_newton(objective, max_epochs, l1):
    """Minimise by L-BFGS."""
    found = _minimise(objective, np.zeros_like(objective.start), max_epochs)
    return objective.start + objective.unit * found


def _quasi_newton_with_l1(objective, max_epochs, l1):
    """Minimise with an l1 penalty, as a difference of two parts of at least zero."""
    unit, start = objective.unit, objective.start / objective.unit

    def of_parts(parts):
        positive, negative = np.split(parts, 2)
        value, gradient = objective(positive - negative - start)
        slopes = np.concatenate([gradient + l1 * unit, l1 * unit - gradient])
        return value + l1 * unit @ (positive + negative), slopes

    parts = np.maximum(np.concatenate([start, -start]), 0.0)
    found = _minimise(of_parts, parts, max_epochs, bounds=[(0.0, None)] * len(parts))
    positive, negative = np.split(found, 2)
    return unit * (positive - negative)


def _minimise(objective, start, max_epochs, bounds=None):
    return minimize(
        objective,
        start,
        jac=True,
        method="L-BFGS-B",
        bounds=bounds,
        options={"maxiter": max_epochs, "ftol": 0.0, "gtol": 1e-8},
    ).x


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
