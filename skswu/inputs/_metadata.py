"""What a call passes on to other objects."""

from dataclasses import dataclass, field
from inspect import Parameter, signature

from .._utils._compat import check_method_params


@dataclass(frozen=True)
class Metadata:
    """Keywords of a call, by the method that takes them.

    Attributes
    ----------
    fit : dict
        For the estimator's ``fit``.
    score : dict or None
        For the scorer of the utility; None is the weights of the rows, if any.
    split : dict
        For the ``split`` of a cross-validation generator.
    """

    fit: dict = field(default_factory=dict)
    score: dict | None = None
    split: dict = field(default_factory=dict)

    def take(self, indices, y):
        """Return those of the rows at ``indices``, where there is one a row."""
        score = self.score
        return Metadata(
            check_method_params(y, self.fit, indices),
            None if score is None else check_method_params(y, score, indices),
            check_method_params(y, self.split, indices),
        )


def check_fit_params(owner, estimator, names):
    """Refuse keywords of a ``fit`` that the estimator's own has no parameter for.

    Parameters
    ----------
    owner : BaseUnlearningClassifier
        Whose ``fit`` was called.
    estimator : estimator
        What it passes them on to.
    names : iterable of str
        The keywords.

    Raises
    ------
    TypeError
        If one is not taken, or is for a step that a Pipeline does not have; of
        another ``fit`` that takes all, it tells.
    """
    _check_steps(owner, estimator, names)
    taken = signature(estimator.fit).parameters
    if any(one.kind is Parameter.VAR_KEYWORD for one in taken.values()):
        return
    unknown = [name for name in names if name not in taken]
    if not unknown:
        return
    own, further = _keywords(owner.fit), _keywords(estimator.fit)
    of_unlearn = set(unknown) & set(_keywords(owner.unlearn))
    raise TypeError(
        f"{type(owner).__name__}.fit got an unexpected keyword argument "
        f"{unknown[0]!r}. Its own are {', '.join(own)}; what else it gets goes to "
        f"{type(estimator).__name__}.fit, which takes {', '.join(further) or 'none'}."
        + (" It belongs to unlearn." if of_unlearn else "")
    )


def _check_steps(owner, estimator, names, prefix=""):
    """Refuse keywords for steps that a Pipeline, nested in any depth, does not have."""
    steps = dict(getattr(estimator, "steps", ()))
    of_steps = [name.split("__", 1) for name in names if "__" in name] if steps else []
    for step, name in of_steps:
        if step not in steps:
            raise TypeError(
                f"{type(owner).__name__}.fit got an unexpected keyword argument "
                f"'{prefix}{step}__{name}': the {type(estimator).__name__} has no step "
                f"{step!r}. Its steps are {', '.join(steps)}."
            )
        _check_steps(owner, steps[step], [name], f"{prefix}{step}__")


def check_given_once(fit_params, options):
    """Insist that sample weights are given by one name.

    Parameters
    ----------
    fit_params : dict
        Keywords of a ``fit`` as given.
    options : dict
        Those that ``sample_weight`` stands for.

    Raises
    ------
    TypeError
        If some are given by both.
    """
    twice = [name for name in options if name in fit_params]
    if twice:
        raise TypeError(
            f"fit got sample_weight and {twice[0]}, which are the same weights: pass "
            "one of them."
        )


def _keywords(method):
    """Return the names of the parameters of a method behind X and y."""
    parameters = list(signature(method).parameters.values())[2:]
    return [one.name for one in parameters if one.kind is not Parameter.VAR_KEYWORD]
