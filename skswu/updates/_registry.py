"""Updates by name."""

from .._utils._registry import Registry
from ._bad_teacher import BadTeacher
from ._base import ModelUpdate
from ._catastrophic_forgetting import CatastrophicForgetting
from ._exact_last_layers import ExactLastLayers
from ._fine_tune import FineTune
from ._fisher_forgetting import FisherForgetting
from ._gradient_ascent import GradientAscent
from ._influence import InfluenceUpdate
from ._ntk import NTKUpdate
from ._one_step import OneStep
from ._refit import Refit
from ._saliency_unlearning import SaliencyUnlearning
from ._scrub import Scrub
from ._selective_synaptic_dampening import SelectiveSynapticDampening
from ._sparse_fine_tune import SparseFineTune

UPDATES = Registry("update", ModelUpdate)
UPDATES.register("bad_teacher", BadTeacher)
UPDATES.register("catastrophic_forgetting", CatastrophicForgetting)
UPDATES.register("exact_last_layers", ExactLastLayers)
UPDATES.register("fine_tune", FineTune)
UPDATES.register("fisher_forgetting", FisherForgetting)
UPDATES.register("gradient_ascent", GradientAscent)
UPDATES.register("influence", InfluenceUpdate)
UPDATES.register("ntk", NTKUpdate)
UPDATES.register("one_step", OneStep)
UPDATES.register("refit", Refit)
UPDATES.register("saliency_unlearning", SaliencyUnlearning)
UPDATES.register("scrub", Scrub)
UPDATES.register("selective_synaptic_dampening", SelectiveSynapticDampening)
UPDATES.register("sparse_fine_tune", SparseFineTune)


def register_update(name, update):
    """Make an update known by name.

    Parameters
    ----------
    name : str
        What users may give as ``update``.
    update : type
        Subclass of :class:`skswu.updates.BaseUpdate`, or of its base, that can be
        constructed without arguments.

    Examples
    --------
    >>> from skswu import register_update
    >>> from skswu.updates import InfluenceUpdate
    >>> class ConvergedUpdate(InfluenceUpdate):
    ...     def __init__(self, *, max_iter=20):
    ...         super().__init__(max_iter=max_iter)
    >>> register_update("converged", ConvergedUpdate)
    """
    UPDATES.register(name, update)
