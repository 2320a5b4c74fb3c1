"""Which setting goes with which rows."""

from functools import singledispatch

from ..inputs import LabeledData
from ..inputs._collections import CollectionData
from ._remote import RemoteSetting
from ._setting import Setting


@singledispatch
def make_setting(training, wrapped, held_out, objectives, influence, leaves_out=False):
    """Return the Setting of rows, by where they lie.

    Parameters
    ----------
    training : LabeledData or CollectionData
        What the classifier was trained on.
    wrapped : WrappedEstimator
        Holds the classifier.
    held_out : LabeledData, CollectionData or None
        Rows that are measured in place of the training rows.
    objectives : list of BaseObjective
        What is measured.
    influence : Influence
        How influences are computed.
    leaves_out : bool, default=False
        Whether training rows are measured as left out of the fit.
    """
    raise NotImplementedError(type(training).__name__)


@make_setting.register(LabeledData)
def _(training, wrapped, held_out, *parts, leaves_out=False):
    return Setting(wrapped, training, held_out, *parts, leaves_out)


@make_setting.register(CollectionData)
def _(training, wrapped, held_out, *parts, leaves_out=False):
    return RemoteSetting(wrapped, training, held_out, *parts, leaves_out)
