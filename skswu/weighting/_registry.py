"""Weightings by name."""

from .._utils._registry import Registry
from ._base import BaseWeighting
from ._hard import HardWeighting
from ._soft import SoftWeighting

WEIGHTINGS = Registry("weighting", BaseWeighting)
WEIGHTINGS.register("hard", HardWeighting)
WEIGHTINGS.register("soft", SoftWeighting)


def register_weighting(name, weighting):
    """Make a weighting known by name.

    Parameters
    ----------
    name : str
        What users may give as ``weighting``.
    weighting : type
        Subclass of :class:`skswu.weighting.BaseWeighting` that can be constructed
        without arguments.

    Examples
    --------
    >>> from skswu import register_weighting
    >>> from skswu.weighting import SoftWeighting
    >>> class HalfWay(SoftWeighting):
    ...     def __init__(self, *, strength=0.5):
    ...         super().__init__(strength=strength)
    >>> register_weighting("half_way", HalfWay)
    """
    WEIGHTINGS.register(name, weighting)
