"""The corrections that the command's options ask for."""

from sklearn.metrics import log_loss

from .. import UnlearningClassifier, UnlearningClassifierCV
from ..metrics import get_scorer_names
from ..objectives import OBJECTIVES
from ..updates import UPDATES
from ..weighting import HardWeighting, SoftWeighting
from ._messages import UsageError


class Corrections:
    """Make the meta-estimators; what cannot be made is told before any fit.

    Parameters
    ----------
    options : Namespace
        The command's.

    Attributes
    ----------
    bound : dict
        Keywords by which a strength is chosen; empty where it is given.
    promise : str
        The bound in words.

    Raises
    ------
    UsageError
        If an option does not go with a part.
    """

    def __init__(self, options):
        self.objective = OBJECTIVES.resolve(options.objective)
        self.random_state = options.random_state
        self.strength = options.strength
        _set(self.objective, "temperature", options.temperature, options.objective)
        self.bound, self.promise = _bound(options)
        update = options.update or self._usual_update(options.max_iter)
        self.update = UPDATES.resolve(update)
        _set(self.update, "max_iter", options.max_iter, update)

    def _usual_update(self, max_iter):
        """Return the meta-estimator's default, unless a number of steps is asked."""
        return "one_step" if self.bound and max_iter is None else "influence"

    @property
    def needs_groups(self):
        """Whether rows must come with groups."""
        return self.objective.needs_sensitive_features

    @property
    def attacks(self):
        """Whether the objective perturbs the rows."""
        return "attack" in self.objective.get_params()

    def prepare(self, model, evaluation):
        """Have a loss under attack end at the original's loss without attack."""
        if self.attacks:
            loss = log_loss(evaluation.y, model.predict_proba(evaluation.X))
            self.objective.set_params(target=round(loss, 6))

    def hard(self, model, fraction):
        """Return the removal of a share of the rows."""
        weighting = HardWeighting(fraction=fraction)
        return UnlearningClassifier(model, weighting=weighting, **self._parts)

    def soft(self, model):
        """Return soft weighting, at a strength or with one that keeps a bound."""
        weighting = SoftWeighting(strength=self.strength)
        if self.bound:
            return UnlearningClassifierCV(
                model, weighting=weighting, **self.bound, **self._parts
            )
        return UnlearningClassifier(model, weighting=weighting, **self._parts)

    @property
    def _parts(self):
        return {
            "objective": self.objective,
            "update": self.update,
            "random_state": self.random_state,
        }


def _set(part, parameter, value, name):
    """Set a parameter of a part, if the user gave a value."""
    if value is None:
        return
    if parameter not in part.get_params(deep=False):
        option = "--" + parameter.replace("_", "-")
        raise UsageError(f"{option} does not go with {name}: it has no {parameter}")
    part.set_params(**{parameter: value})


def _bound(options):
    """Return the bound that a strength is chosen by, as keywords and in words."""
    if options.max_disparity is not None:
        bound = {"max_disparity": options.max_disparity}
        return bound, f"a disparity of at most {options.max_disparity:g}"
    if options.min_ratio is None:
        return {}, ""
    ratio = f"{options.objective}_ratio"
    if ratio not in get_scorer_names():
        raise UsageError(f"--min-ratio: there is no ratio for {options.objective}")
    bound = {"min_ratio": options.min_ratio}
    return bound, f"a {ratio.replace('_', ' ')} of at least {options.min_ratio:g}"
