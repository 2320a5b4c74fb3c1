"""The parts that a correction is put together from."""

from dataclasses import dataclass, field, fields
from functools import partial

from ..influence import INFLUENCES, Influence
from ..objectives import OBJECTIVES
from ..updates import UPDATES, ModelUpdate
from ..weighting import WEIGHTINGS, BaseWeighting


def resolve_part(registry, value):
    """Return a part given by name or as an instance, its parameters checked."""
    part = registry.resolve(value)
    part.check_params()
    return part


def resolve_objectives(value):
    """Return the objectives given as one or as a list; they are checked when bound."""
    given = value if isinstance(value, list) else [value]
    if not given:
        raise ValueError("The 'objective' parameter got an empty list.")
    return [OBJECTIVES.resolve(one) for one in given]


def needing_groups(objectives):
    """Return the name of the first objective that needs groups, or None."""
    needing = (one for one in objectives if one.needs_sensitive_features)
    return next((type(one).__name__ for one in needing), None)


def _by_name(registry, resolve=None):
    """Return how the parameter that is called as a registry's kind becomes a part."""
    return {
        "registry": registry,
        "resolve": resolve or partial(resolve_part, registry),
    }


@dataclass(frozen=True)
class Parts:
    """The parts of a correction as instances; a further part is one more line here.

    Attributes
    ----------
    objectives : list of BaseObjective
        What is measured.
    weighting : BaseWeighting
        Solves for the weights.
    influence : Influence
        How influences are computed.
    update : ModelUpdate
        Moves the parameters, or fits the model anew.
    """

    objectives: list = field(metadata=_by_name(OBJECTIVES, resolve_objectives))
    weighting: BaseWeighting = field(metadata=_by_name(WEIGHTINGS))
    influence: Influence = field(metadata=_by_name(INFLUENCES))
    update: ModelUpdate = field(metadata=_by_name(UPDATES))

    @classmethod
    def of(cls, estimator):
        """Return the parts that a meta-estimator's parameters name or are."""
        parts = {}
        for one in fields(cls):
            value = getattr(estimator, one.metadata["registry"].kind)
            parts[one.name] = one.metadata["resolve"](value)
        return cls(**parts)


_REGISTRIES = [one.metadata["registry"] for one in fields(Parts)]
#: The registry of each parameter that takes a part by name.
REGISTRIES = {registry.kind: registry for registry in _REGISTRIES}


def part_constraints():
    """Return the constraints of the parameters that take a part, for scikit-learn."""
    one = {kind: [str, registry.base] for kind, registry in REGISTRIES.items()}
    return {**one, "objective": [*one["objective"], list]}


def registered_parts(estimator):
    """Return the classes that users registered and a meta-estimator names.

    Returns
    -------
    dict of str to dict of str to type
        By the parameter and the name; without those that come with this package.
    """
    found = {
        kind: registry.added(getattr(estimator, kind))
        for kind, registry in REGISTRIES.items()
    }
    return {kind: classes for kind, classes in found.items() if classes}


def register_parts(found):
    """Register the classes that :func:`registered_parts` found, elsewhere or before."""
    for kind, classes in found.items():
        for name, entry in classes.items():
            REGISTRIES[kind].register(name, entry)
