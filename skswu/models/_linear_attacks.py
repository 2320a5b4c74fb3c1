"""Adversarial inputs of linear models, in closed form where there is one."""

import numpy as np

from ._attack import ascend, steepest


class LinearAttack:
    r"""Perturb rows of a model whose margins are :math:`z = W x + b`.

    Parameters
    ----------
    coef : ndarray of shape (n_outputs, n_features)
        The W.
    intercept : ndarray of shape (n_outputs,)
        The b.
    loss : LinearLoss
        What ``"fgsm"`` and ``"pgd"`` raise.
    attack : Attack
        What is asked.
    clip : tuple of (array-like, array-like) or None
        Valid range of the features.
    """

    def __init__(self, coef, intercept, loss, attack, clip):
        self.coef = coef
        self.intercept = intercept
        self.loss = loss
        self.attack = attack
        self.range = clip

    def perturb(self, x, codes):
        """Return adversarial versions of rows x with labels at positions ``codes``."""
        if self.attack.kind == "boundary":
            return self._clip(x + self._across_boundary(self._margins(x)))
        if len(self.coef) == 1:
            return self._worst_end(x, codes)
        return ascend(
            x,
            lambda rows: self.loss.gradient(codes, self._margins(rows).T).T @ self.coef,
            self.attack,
            self._clip,
            from_numpy=np.asarray,
        )

    def _margins(self, x):
        return x @ self.coef.T + self.intercept

    def _across_boundary(self, z):
        """Perturbations to beyond the nearest boundary of the predicted class."""
        coef = self.coef
        if len(coef) == 1:
            coef, z = np.vstack([0.0 * coef, coef]), np.hstack([0.0 * z, z])
        rows, predicted = np.arange(len(z)), z.argmax(axis=1)
        lead = z[rows, predicted][:, None] - z
        gram = coef @ coef.T
        squares = np.diag(gram)
        squared_norm = squares[:, None] + squares - 2.0 * gram
        # Classes of equal coefficients have no boundary between them.
        squared_norm[squared_norm <= 1e-12 * squares.max(initial=0.0)] = np.inf
        distance = lead / np.sqrt(squared_norm)[predicted]
        distance[~np.isfinite(squared_norm[predicted])] = np.inf
        nearest = distance.argmin(axis=1)
        way = lead[rows, nearest] / squared_norm[predicted, nearest]
        way *= 1.0 + self.attack.overshoot
        return way[:, None] * (coef[nearest] - coef[predicted])

    def _worst_end(self, x, codes):
        """The worst case in the ball for one output and a loss convex in the margin.

        The margin spans an interval; a convex loss is greatest at one of its ends.
        """
        ends = [self._extreme(x, sign) for sign in (1.0, -1.0)]
        upper, lower = (self.loss.values(codes, self._margins(end).T) for end in ends)
        return np.where((upper > lower)[:, None], *ends)

    def _extreme(self, x, sign):
        """Rows in the ball and the valid range whose margin is an extreme one."""
        direction, attack = sign * self.coef, self.attack
        if self.range is None or attack.norm == "linf":
            return self._clip(x + steepest(direction, attack.norm, attack.epsilon))
        x = self._clip(x)
        return x + _longest_step(x, direction[0], attack.epsilon, *self.range)

    def _clip(self, x):
        return x if self.range is None else np.clip(x, *self.range)


def _longest_step(x, direction, radius, low, high):
    r"""Return the step within an l2 ball and a box that goes farthest in a direction.

    It is :math:`\lambda d` clipped to the box, with the largest :math:`\lambda` at
    which it is in the ball: the norm rises with :math:`\lambda`, so bisection finds it.
    """
    low, high = low - x, high - x
    smallest = np.abs(direction[direction != 0]).min(initial=np.inf)
    least, greatest = np.zeros((len(x), 1)), np.full((len(x), 1), radius / smallest)
    for _ in range(60):
        middle = 0.5 * (least + greatest)
        step = np.clip(middle * direction, low, high)
        inside = (step * step).sum(axis=1, keepdims=True) <= radius**2
        least = np.where(inside, middle, least)
        greatest = np.where(inside, greatest, middle)
    return np.clip(least * direction, low, high)
