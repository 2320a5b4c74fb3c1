"""The loss on adversarial inputs."""

from numbers import Integral, Real

import numpy as np

from .._utils._compat import Interval, StrOptions
from ..models import Attack
from ._base import BaseObjective, LossMetrics


class AdversarialInputs:
    """Perturb rows against the model that is measured, as an adversary would.

    Parameters
    ----------
    attack : Attack
        How rows are perturbed.
    """

    def __init__(self, attack):
        self.attack = attack

    def __call__(self, view, rows, parameters):
        """Return the perturbed rows."""
        return view.adversarial_rows(rows, parameters, self.attack)


class StaticInputs(AdversarialInputs):
    """Perturb rows once, against the original model: the first that is measured."""

    def __init__(self, attack):
        super().__init__(attack)
        self._perturbed = None

    def __call__(self, view, rows, parameters):
        """Return the perturbed rows, the same for all models."""
        if self._perturbed is None:
            self._perturbed = super().__call__(view, rows, view.parameters)
        return self._perturbed


class AdversarialRobustness(BaseObjective):
    r"""The mean loss on adversarial inputs, less a target.

    :math:`M = \bar\ell(x + \delta) - \mathrm{target}`, a limit: a lower loss is as
    good. No model has an adversarial loss of zero: give a ``target``, such as the loss
    on clean inputs, or a weighting with a ``strength`` well below 1. The perturbation
    :math:`\delta` of a row depends on ``attack``:

    - ``"boundary"``: :math:`1 + \mathrm{overshoot}` times the smallest l2 perturbation
      that changes the predicted class, as in the paper. It turns every prediction
      around, wrong ones into (mostly) right ones too, and has no limit of size.
    - ``"fgsm"``: one step along the gradient of the loss to the border of the ball
      :math:`\|\delta\| \le \epsilon`.
    - ``"pgd"``: ``n_steps`` projected gradient steps within that ball.

    For linear models ``"boundary"`` is in closed form, and so are both others with two
    classes (one output): they are the exact worst case of the ball, also within a valid
    range. Otherwise they follow gradients. Perturbations are in the units of the inputs
    of the last step of a Pipeline: after a StandardScaler, ``epsilon=0.1`` is a tenth
    of a standard deviation. A sparse X is refused, its perturbation being dense.

    The gradient in the parameters is taken at fixed adversarial inputs. By Danskin's
    theorem that is the gradient of the worst case where the attack finds the worst
    case. The points of ``"boundary"`` move with the boundary, which the gradient does
    not see: as an adaptive measure it is blind to any repair, and no step is taken.
    Repair it with ``adaptive=False``, as the paper does, and judge the outcome by an
    adaptive scorer, see :func:`skswu.metrics.make_robustness_scorer`.

    Parameters
    ----------
    attack : {"boundary", "fgsm", "pgd"}, default="pgd"
        How inputs are perturbed.
    epsilon : float, default=0.1
        Radius of the ball of ``"fgsm"`` and ``"pgd"``.
    norm : {"l2", "linf"}, default="l2"
        Norm of the ball of ``"fgsm"`` and ``"pgd"``; ``"boundary"`` is always l2.
    overshoot : float, default=0.3
        How far ``"boundary"`` goes beyond the boundary, as a share of the way to it.
    n_steps : int, default=10
        Steps of ``"pgd"``, and linearisations of ``"boundary"`` for models that are not
        linear.
    step_size : float or None, default=None
        Size of a step of ``"pgd"``; None is ``2.5 * epsilon / n_steps``.
    clip : tuple of (low, high) or None, default=None
        Valid range of the inputs of the last step: two numbers, or two arrays of shape
        (n_features,). Perturbed inputs are brought into it.
    adaptive : bool, default=True
        Whether the inputs are made anew against each model that is measured, as an
        adversary would. False keeps those made against the original model: the static
        measure, which flatters any model that has moved.
    target : float, default=0.0
        The mean loss that counts as repaired, at least 0.
    random_state : int, RandomState instance or None, default=None
        Draws where ``"pgd"`` starts within the ball; None starts at the input.

    References
    ----------
    Goodfellow, Shlens and Szegedy, "Explaining and Harnessing Adversarial Examples",
    2015 (``"fgsm"``).
    Moosavi-Dezfooli, Fawzi and Frossard, "DeepFool", 2016 (``"boundary"``).
    Madry et al., "Towards Deep Learning Models Resistant to Adversarial Attacks", 2018
    (``"pgd"``, and Danskin's theorem).
    Qiao, Ding, Cheng and Zhang, "Soft Weighted Machine Unlearning", arXiv 2505.18783.

    Examples
    --------
    >>> from skswu.objectives import AdversarialRobustness
    >>> AdversarialRobustness(epsilon=0.2, norm="linf")
    AdversarialRobustness(epsilon=0.2, norm='linf')
    """

    needs = {"adversarial_rows": "linear models and skorch's nets"}

    _parameter_constraints = {
        "attack": [StrOptions({"boundary", "fgsm", "pgd"})],
        "epsilon": [Interval(Real, 0, None, closed="neither")],
        "norm": [StrOptions({"l2", "linf"})],
        "overshoot": [Interval(Real, 0, None, closed="left")],
        "n_steps": [Interval(Integral, 1, None, closed="left")],
        "step_size": [Interval(Real, 0, None, closed="neither"), None],
        "clip": [tuple, None],
        "adaptive": ["boolean"],
        "target": [Interval(Real, 0, None, closed="left")],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        *,
        attack="pgd",
        epsilon=0.1,
        norm="l2",
        overshoot=0.3,
        n_steps=10,
        step_size=None,
        clip=None,
        adaptive=True,
        target=0.0,
        random_state=None,
    ):
        self.attack = attack
        self.epsilon = epsilon
        self.norm = norm
        self.overshoot = overshoot
        self.n_steps = n_steps
        self.step_size = step_size
        self.clip = clip
        self.adaptive = adaptive
        self.target = target
        self.random_state = random_state

    def make_attack(self):
        """Return the checked Attack."""
        self._validate_params()
        _check_range(self.clip)
        return Attack(
            kind=self.attack,
            norm=self.norm,
            epsilon=self.epsilon,
            overshoot=self.overshoot,
            n_steps=self.n_steps,
            step_size=self.step_size,
            clip=self.clip,
            random_state=self.random_state,
        )

    def bind(self, codes, classes, groups, weight):
        kind = AdversarialInputs if self.adaptive else StaticInputs
        inputs = kind(self.make_attack())
        return LossMetrics("adversarial_robustness", weight, self.target, inputs=inputs)


def _check_range(clip):
    if clip is None:
        return
    if len(clip) != 2:
        raise ValueError(
            f"clip must be a tuple (low, high); got {len(clip)} entries: {clip!r}."
        )
    low, high = (np.asarray(end, dtype=np.float64) for end in clip)
    if not np.all(low <= high):
        raise ValueError(f"clip must have low <= high everywhere; got {clip!r}.")
