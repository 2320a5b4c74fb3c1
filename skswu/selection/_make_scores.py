"""Which scores go with which rows."""

from functools import singledispatch

from ..inputs import LabeledData
from ..inputs._collections import CollectionData
from ._counted_scores import CountedScores
from ._thresholded_scores import ThresholdedScores


@singledispatch
def make_scores(measured, classifier, problem, objectives, disparity, utility):
    """Return what scores predicted labels on rows, by where these lie.

    Parameters
    ----------
    measured : LabeledData or CollectionData
        The rows, as the classifier sees them.
    classifier : classifier
        The original, bare.
    problem : Problem
        Of it.
    objectives : list of BaseObjective
        What is repaired.
    disparity, utility : str or callable
        See :class:`ThresholdedScores`.
    """
    raise NotImplementedError(type(measured).__name__)


@make_scores.register
def _(measured: LabeledData, classifier, problem, objectives, disparity, utility):
    return ThresholdedScores(measured, classifier, objectives, disparity, utility)


@make_scores.register
def _(measured: CollectionData, classifier, problem, objectives, disparity, utility):
    return CountedScores(problem, objectives, disparity, utility)
