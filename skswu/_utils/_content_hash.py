"""Whether two objects hold the same."""

from pickle import PicklingError

import joblib


def content_hash(value):
    """Return a string that is equal for equal contents, or None if it has no answer.

    Parameters
    ----------
    value : object
        What can be pickled has one.
    """
    try:
        return joblib.hash(value)
    except (PicklingError, AttributeError, TypeError, RuntimeError):
        return None
