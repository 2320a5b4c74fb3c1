"""Inverse curvature: solve H x = v, whatever H and v mean."""

from ._conjugate_gradient import ConjugateGradientInverse
from ._curvature import CurvatureOperator, InverseCurvature
from ._direct import DirectInverse
from ._lissa import LissaInverse
from ._nystrom import NystromInverse
from ._solvers import SOLVERS, make_inverse_curvature

__all__ = [
    "SOLVERS",
    "ConjugateGradientInverse",
    "CurvatureOperator",
    "DirectInverse",
    "InverseCurvature",
    "LissaInverse",
    "NystromInverse",
    "make_inverse_curvature",
]
