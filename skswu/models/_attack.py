"""Adversarial inputs: what is asked of a model view, and how gradients answer it.

The functions take numpy arrays and torch tensors alike; a row may have any shape.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.utils import check_random_state


@dataclass(frozen=True)
class Attack:
    """How inputs are perturbed; see :class:`skswu.objectives.AdversarialRobustness`.

    Attributes
    ----------
    kind : {"boundary", "fgsm", "pgd"}
        The way.
    norm : {"l2", "linf"}
        What the size of a perturbation is measured in.
    epsilon : float
        Largest size of a perturbation by ``"fgsm"`` and ``"pgd"``.
    overshoot : float
        How far ``"boundary"`` goes beyond the boundary, as a share of the way to it.
    n_steps : int
        Steps of iterated attacks.
    step_size : float or None
        Size of a step of ``"pgd"``; None is ``2.5 * epsilon / n_steps``.
    clip : tuple of (array-like, array-like) or None
        Least and greatest valid value of the inputs, of all or of each feature.
    random_state : int, RandomState instance or None
        Draws where ``"pgd"`` starts within the ball; None starts at the input.
    """

    kind: str
    norm: str = "l2"
    epsilon: float = 0.1
    overshoot: float = 0.3
    n_steps: int = 10
    step_size: float | None = None
    clip: Any = None
    random_state: Any = None

    @property
    def pgd_step_size(self):
        """The size of a step of ``"pgd"``."""
        if self.step_size is None:
            return 2.5 * self.epsilon / self.n_steps
        return self.step_size

    def range_of(self, n_features, features=slice(None)):
        """Return the valid range of some of the features, or None.

        Raises
        ------
        ValueError
            If the range is not that of ``n_features`` features.
        """
        if self.clip is None:
            return None
        ends = []
        for end in self.clip:
            end = np.asarray(end, dtype=np.float64)
            if end.shape not in ((), (n_features,)):
                raise ValueError(
                    "clip must hold two numbers or two arrays with one number for each "
                    f"of the {n_features} features that the classifier sees; got an "
                    f"array of shape {end.shape}."
                )
            ends.append(end[features] if end.ndim else end)
        return tuple(ends)


def steepest(gradient, norm, radius):
    """Return the perturbations in the ball along which a linear function rises most."""
    if norm == "linf":
        return radius * gradient / _at_least_tiny(abs(gradient))
    return radius * gradient / _at_least_tiny(row_norms(gradient))


def project(perturbation, norm, radius):
    """Return the nearest perturbations in the ball."""
    if norm == "linf":
        return perturbation.clip(-radius, radius)
    excess = (row_norms(perturbation) / radius).clip(1.0, None)
    return perturbation / excess


def row_norms(rows):
    """Return the l2 norm of each row, in a shape that broadcasts against the rows."""
    flat = rows.reshape(len(rows), -1)
    norms = (flat * flat).sum(1) ** 0.5
    return norms.reshape((-1,) + (1,) * (rows.ndim - 1))


def ascend(x, loss_gradient, attack, clip, from_numpy):
    """Perturb rows by projected gradient ascent of their losses.

    Parameters
    ----------
    x : array of shape (n_samples, ...)
        The rows.
    loss_gradient : callable
        ``loss_gradient(x)`` is the gradient of each row's loss in the row.
    attack : Attack
        Of kind ``"fgsm"``, a single step to the border of the ball, or ``"pgd"``.
    clip : callable
        Brings rows into their valid range.
    from_numpy : callable
        Turns a float64 ndarray into an array like ``x``.

    Returns
    -------
    array of shape (n_samples, ...)
    """
    if attack.kind == "fgsm":
        return clip(x + steepest(loss_gradient(x), attack.norm, attack.epsilon))
    moved = x
    if attack.random_state is not None:
        moved = clip(x + from_numpy(_draw(x.shape, attack)))
    for _ in range(attack.n_steps):
        step = steepest(loss_gradient(moved), attack.norm, attack.pgd_step_size)
        moved = clip(x + project(moved + step - x, attack.norm, attack.epsilon))
    return moved


def _draw(shape, attack):
    """Return perturbations drawn uniformly from the ball."""
    random_state = check_random_state(attack.random_state)
    if attack.norm == "linf":
        return random_state.uniform(-attack.epsilon, attack.epsilon, shape)
    directions = random_state.standard_normal(shape)
    n_features = directions[0].size
    radii = attack.epsilon * random_state.uniform(size=len(directions)) ** (
        1.0 / n_features
    )
    radii = radii.reshape((-1,) + (1,) * (directions.ndim - 1))
    return directions / _at_least_tiny(row_norms(directions)) * radii


def _at_least_tiny(norms):
    """Keep zero over its norm at zero."""
    return norms.clip(np.finfo(np.float32).tiny, None)
