"""The best that the class of linear models can do under a surrogate constraint."""

import numpy as np
from scipy.linalg import cholesky, solve_triangular
from scipy.optimize import minimize
from scipy.special import expit

# The augmented Lagrangian's penalty, in units of the training objective over the
# squared share of the gap; it grows where the constraints do not shrink.
_FIRST_PENALTY, _GROWTH = 10.0, 4.0
#: A share of the original gaps that may be left of what is asked.
TOLERANCE = 1e-3


class ConstrainedLogistic:
    r"""Logistic regression trained under equality of tempered rates.

    .. math:: \min_\theta F(\theta) \quad\text{s.t.}\quad
              M(\theta) = (1 - \mathrm{strength}) M(\theta_0)

    with the training objective F of a fitted ``LogisticRegression``, optimal at
    :math:`\theta_0`, and the gaps M that corrections are asked to close, on the same
    rows: the training rows, each by its approximate leave-one-out score. Corrections
    move along models that reweighting can reach, this one is free; what it loses, every
    linear model must lose, up to local minima. By an augmented Lagrangian, in variables
    in which the objective's curvature is the identity.

    Parameters
    ----------
    classifier : LogisticRegression
        Fitted to X and y.
    X, y : ndarray
        The training rows, labels 0 and 1.
    contrasts : ndarray of shape (n_metrics, n_samples)
        What the tempered probability of each row counts in each gap.
    temperature : float
        Of the probabilities.
    """

    def __init__(self, classifier, X, y, contrasts, temperature):
        self.X = np.column_stack([X, np.ones(len(X))])
        self.y, self.contrasts, self.temperature = y, contrasts, temperature
        self.ridge = np.append(np.full(X.shape[1], 1.0 / classifier.C), 0.0)
        self.fitted = np.append(classifier.coef_.ravel(), classifier.intercept_)
        chance = expit(self.X @ self.fitted)
        spread = chance * (1.0 - chance)
        gram = (self.X * spread[:, None]).T @ self.X
        self.root = cholesky(gram + np.diag(self.ridge), lower=True)
        half = solve_triangular(self.root, self.X.T, lower=True)
        leverage = np.einsum("ij,ij->j", half, half)
        self.offset = leverage * (chance - y) / (1.0 - leverage * spread)
        self.before = self.gaps(self.fitted)[0]

    def gaps(self, theta):
        """Return the gaps, and their derivatives by the margins."""
        rate = expit((self.X @ theta + self.offset) / self.temperature)
        slope = rate * (1.0 - rate) / self.temperature
        return self.contrasts @ rate, self.contrasts * slope

    def objective(self, theta):
        """Return the training objective and its gradient."""
        margin = self.X @ theta
        loss = np.logaddexp(0.0, margin) - self.y * margin
        gradient = self.X.T @ (expit(margin) - self.y) + self.ridge * theta
        return loss.sum() + 0.5 * theta @ (self.ridge * theta), gradient

    def solve(self, strength, start=None):
        """Return the parameters for a strength, the multipliers, and what is missed.

        ``start`` is what another strength gave.
        """
        theta, multipliers = start or (self.fitted, np.zeros(len(self.before)))
        size = np.linalg.norm(self.before)
        target = (1.0 - strength) * self.before
        penalty = _FIRST_PENALTY * len(self.y) / size**2 / 1e3
        missed = np.inf
        for _ in range(30):
            theta = self._minimise(theta, target, multipliers, penalty)
            left = self.gaps(theta)[0] - target
            multipliers = multipliers + penalty * left
            if np.linalg.norm(left) <= TOLERANCE * size:
                break
            if np.linalg.norm(left) > 0.25 * missed:
                penalty *= _GROWTH
            missed = np.linalg.norm(left)
        return theta, multipliers, np.linalg.norm(left) / size

    def _minimise(self, start, target, multipliers, penalty):
        def lagrangian(scaled):
            theta = start + solve_triangular(self.root.T, scaled)
            value, gradient = self.objective(theta)
            gaps, slopes = self.gaps(theta)
            left = gaps - target
            pull = (multipliers + penalty * left) @ slopes
            gradient = gradient + self.X.T @ pull
            value += multipliers @ left + 0.5 * penalty * left @ left
            return value, solve_triangular(self.root, gradient, lower=True)

        options = {"maxiter": 300, "ftol": 1e-10, "gtol": 1e-6}
        found = minimize(
            lagrangian,
            np.zeros(len(start)),
            jac=True,
            method="L-BFGS-B",
            options=options,
        )
        return start + solve_triangular(self.root.T, found.x)
