"""Which scores go with which rows."""

from functools import singledispatch

from ..inputs import LabeledData
from ..inputs._collections import CollectionData
from ._kind_scores import KindScores
from ._thresholded_scores import ThresholdedScores


@singledispatch
def make_scores(data, classifier, problem, disparities, utility, times):
    """Return what scores predicted labels on rows, by where these lie.

    Parameters
    ----------
    data : LabeledData or CollectionData
        The rows, as the classifier sees them.
    classifier : classifier
        The original, bare.
    problem : Problem
        Of it.
    disparities, utility, times
        See :class:`ThresholdedScores`.
    """
    raise NotImplementedError(type(data).__name__)


@make_scores.register(LabeledData)
def _(data, classifier, problem, disparities, utility, times):
    return ThresholdedScores(data, classifier, disparities, utility, times)


@make_scores.register(CollectionData)
def _(data, classifier, problem, disparities, utility, times):
    return KindScores(problem, disparities, utility)
