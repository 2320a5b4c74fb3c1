"""Influence: what samples do to metrics, and where other weights put the model."""

from ._block_conjugate_gradient import BlockConjugateGradientInverse
from ._conjugate_gradient import ConjugateGradientInverse
from ._curvature import CurvatureOperator, InverseCurvature, Solution
from ._direct import DirectInverse
from ._influence import INFLUENCES, Influence
from ._lissa import LissaInverse
from ._nystrom import NystromInverse
from ._solvers import (
    SOLVERS,
    ConjugateGradient,
    CurvatureSolver,
    Direct,
    Lissa,
    Nystrom,
    make_inverse_curvature,
)

__all__ = [
    "INFLUENCES",
    "SOLVERS",
    "BlockConjugateGradientInverse",
    "ConjugateGradient",
    "ConjugateGradientInverse",
    "CurvatureOperator",
    "CurvatureSolver",
    "Direct",
    "DirectInverse",
    "Influence",
    "InverseCurvature",
    "Lissa",
    "LissaInverse",
    "Nystrom",
    "NystromInverse",
    "Solution",
    "make_inverse_curvature",
]
