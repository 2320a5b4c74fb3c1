"""The order of the steps: linearise, weigh, update."""

from ._candidate import Candidate
from ._correction import Correction, State
from ._corrector import Corrector
from ._make_setting import make_setting
from ._problem import Goal, Problem
from ._setting import Setting

__all__ = [
    "Candidate",
    "Correction",
    "Corrector",
    "Goal",
    "Problem",
    "Setting",
    "State",
    "make_setting",
]
