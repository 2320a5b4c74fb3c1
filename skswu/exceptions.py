"""Warnings that skswu raises."""

__all__ = [
    "LinearizationWarning",
    "NothingToCorrectWarning",
    "SingularCurvatureWarning",
    "UnreachableBoundWarning",
    "UnreachableTargetWarning",
]


class LinearizationWarning(UserWarning):
    """The corrected metric is far from what the influences predicted.

    The step was longer than the linearisation holds. A lower ``strength``, several
    steps (``max_iter > 1`` on the update) or a higher ``temperature`` of the objective
    helps.
    """


class UnreachableTargetWarning(UserWarning):
    """The metric cannot be brought to its target within the bounds and the tolerance.

    The correction goes on with the closest point that can be reached. A lower
    ``strength``, wider bounds or a larger ``utility_tolerance`` may help.
    """


class SingularCurvatureWarning(UserWarning):
    """The curvature of the training objective is singular or nearly so.

    Its inverse was taken where there is curvature, or with damping added; influence
    along the flat directions means little. Regularisation or ``damping`` may help.
    """


class NothingToCorrectWarning(UserWarning):
    """The metric is at its target already, or no training sample influences it.

    The model is left as it is.
    """


class UnreachableBoundWarning(UserWarning):
    """No strength of a path keeps disparity, or the loss of utility, in its bound.

    The one that comes closest was kept.
    """
