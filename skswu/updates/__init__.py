"""Updates: move a model to where changed sample weights put it."""

from ._bad_teacher import BadTeacher
from ._base import BaseUpdate, ModelUpdate
from ._catastrophic_forgetting import CatastrophicForgetting
from ._exact_last_layers import ExactLastLayers
from ._fine_tune import FineTune
from ._fisher_forgetting import FisherForgetting
from ._gradient_ascent import GradientAscent
from ._influence import InfluenceUpdate
from ._move import Move
from ._ntk import NTKUpdate
from ._one_step import OneStep
from ._refit import Refit
from ._registry import UPDATES, register_update
from ._saliency_unlearning import SaliencyUnlearning
from ._scrub import Scrub
from ._selective_synaptic_dampening import SelectiveSynapticDampening
from ._sparse_fine_tune import SparseFineTune

__all__ = [
    "UPDATES",
    "BadTeacher",
    "BaseUpdate",
    "CatastrophicForgetting",
    "ExactLastLayers",
    "FineTune",
    "FisherForgetting",
    "GradientAscent",
    "InfluenceUpdate",
    "ModelUpdate",
    "Move",
    "NTKUpdate",
    "OneStep",
    "Refit",
    "SaliencyUnlearning",
    "Scrub",
    "SelectiveSynapticDampening",
    "SparseFineTune",
    "register_update",
]
