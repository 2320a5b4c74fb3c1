"""Warnings that skswu raises."""

from sklearn.exceptions import InconsistentVersionWarning as _SavedByAnotherVersion

__all__ = [
    "CopiedRowsWarning",
    "InconsistentVersionWarning",
    "LinearizationWarning",
    "NothingToCorrectWarning",
    "SingularCurvatureWarning",
    "SmallGroupWarning",
    "TrainingDataWarning",
    "UnreachableBoundWarning",
    "UnreachableTargetWarning",
    "UtilityLossWarning",
]


class InconsistentVersionWarning(_SavedByAnotherVersion):
    """A model is loaded with another version of skswu than it was saved with.

    It may predict something else or not work at all. It is scikit-learn's warning of
    the same name as well, so that what filters that one filters this one.

    Parameters
    ----------
    estimator_name : str
        Class of the model.
    current_version : str
        The version of skswu that loads it.
    original_version : str
        The version that saved it.
    """

    def __init__(self, *, estimator_name, current_version, original_version):
        self.estimator_name = estimator_name
        self.current_version = current_version
        self.original_version = original_version

    def __str__(self):
        return (
            f"{self.estimator_name} was saved with skswu {self.original_version} and "
            f"is loaded with skswu {self.current_version}, with which it may behave "
            "differently or not at all. Load it with the version that saved it, or "
            "correct the original model anew."
        )


class CopiedRowsWarning(UserWarning):
    """Rows of a memory map were copied to memory together.

    The wrapped estimator takes no zero sample weights, so that rows cannot be held out
    in place, or a step of the Pipeline may look at several rows at once.
    """


class LinearizationWarning(UserWarning):
    """The corrected metric is far from what the influences predicted, or may well be.

    The step was longer than the linearisation holds, or weights are to change by a
    hundred times themselves or more, for which none holds. A lower ``strength``,
    several steps (``max_iter > 1`` on the update) or a higher ``temperature`` of the
    objective helps.
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


class SmallGroupWarning(UserWarning):
    """A group that is compared has fewer than 20 evaluation rows (of a label).

    What is measured on so few rows says little about others, and a correction may
    repair their noise. The message names them, and the metrics that are within 1.96
    standard errors of zero to begin with. Merge small groups, or give more evaluation
    rows.
    """


class TrainingDataWarning(UserWarning):
    """The rows that were given are not those that the model was trained on.

    The model is far from the optimum of the training problem that they pose, or, of a
    network, their loss is far above the one that its training recorded. Likely causes:
    the ``sample_weight`` of the fit was not passed; labels or rows are in another
    order, or are others; a step of the Pipeline gives ``fit`` other rows than
    ``transform`` does, as a TargetEncoder. ``training_decrement_`` is what the warning
    goes by.
    """


class NothingToCorrectWarning(UserWarning):
    """The metric is at its target already, or no training sample influences it.

    The model is left as it is.
    """


class UtilityLossWarning(UserWarning):
    """A correction costs most of the utility.

    On the evaluation rows the mean loss rises by half or more, the accuracy falls from
    above what the most frequent label alone has to that or below, or every row is
    predicted the same label. A lower ``strength`` or a bound on the loss
    (``utility_tolerance``) helps; so may a look at the rows of the largest changes in
    ``epsilon_``, of which a few may carry the correction.
    """


class UnreachableBoundWarning(UserWarning):
    """No strength of a path keeps disparity, or the loss of utility, in its bound.

    The one that comes closest was kept.
    """
