"""The ways to a smaller disparity, each a generator of candidates."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec

from . import corrections, mitigators


@dataclass(frozen=True)
class Method:
    """A way to a smaller disparity.

    Attributes
    ----------
    candidates : callable
        From a Task to Candidates, a generator.
    models : tuple of str
        The classifiers that it is for.
    needs_groups : bool
        Whether it needs the groups at prediction.
    requires : tuple of str
        The packages that must be importable.
    """

    candidates: Callable
    models: tuple = ("logistic", "mlp", "boosting")
    needs_groups: bool = False
    requires: tuple = ("fairlearn",)

    def missing(self):
        """Return the packages that are not installed."""
        return [name for name in self.requires if find_spec(name) is None]


PARAMETRIC = ("logistic", "mlp")
METHODS = {
    "optimum": Method(corrections.optimum, ("logistic",)),
    "soft": Method(corrections.soft),
    "soft, several steps": Method(corrections.soft_in_steps, PARAMETRIC),
    "soft + threshold": Method(corrections.soft_with_threshold, PARAMETRIC),
    "soft, several steps + threshold": Method(
        corrections.soft_in_steps_with_threshold, PARAMETRIC
    ),
    "threshold alone": Method(corrections.threshold_alone),
    "hard": Method(corrections.hard),
    "ExponentiatedGradient": Method(mitigators.exponentiated_gradient),
    "GridSearch": Method(mitigators.grid_search),
    "Reweighing": Method(mitigators.reweighing),
    "AdversarialFairness": Method(
        mitigators.adversarial, PARAMETRIC, requires=("torch",)
    ),
    "scikit-lego": Method(
        mitigators.scikit_lego, ("logistic",), requires=("sklego", "cvxpy")
    ),
    "OxonFair, groups inferred": Method(
        mitigators.oxonfair_inferred, requires=("oxonfair",)
    ),
    "OxonFair, groups known": Method(
        mitigators.oxonfair, needs_groups=True, requires=("oxonfair",)
    ),
    "ThresholdOptimizer": Method(mitigators.threshold_optimizer, needs_groups=True),
    "RelaxedThresholdOptimizer": Method(
        mitigators.relaxed_threshold_optimizer,
        needs_groups=True,
        requires=("error_parity",),
    ),
}
