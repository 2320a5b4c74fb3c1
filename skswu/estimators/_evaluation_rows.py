"""Which rows ``validation_fraction="auto"`` measures on."""

from ..models import WrappedClassifier, make_model_view
from ..models._view import find_view

# The share of the rows that is held out where models do not tell how they would score
# a row that they had not seen.
AUTO_FRACTION = 0.2


def may_leave_out(estimator, update):
    """Say whether a fit may train on all rows, before there is one.

    Parameters
    ----------
    estimator : classifier or Pipeline
        Not fitted.
    update : ModelUpdate
        What corrects it.
    """
    view = find_view(WrappedClassifier(estimator).bare)
    return update.may_leave_out and view is not None and view.may_leave_out


def leaves_out(estimator, influence):
    """Say whether the rows of a fit can be measured as left out of it.

    Parameters
    ----------
    estimator : classifier or Pipeline
        Fitted, of a kind that :func:`may_leave_out` lets through.
    influence : Influence
        How the curvature is solved with.
    """
    view = make_model_view(WrappedClassifier(estimator).classifier)
    return view.leaves_out(influence)
