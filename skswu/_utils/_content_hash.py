"""Whether two objects hold the same."""

import numpy as np
from joblib.hashing import NumpyHasher


def content_hash(value):
    """Return a string that is equal for equal contents, or None if it has no answer.

    Parameters
    ----------
    value : object
        What can be pickled has one.
    """
    try:
        return _Hasher("md5").hash(value)
    except Exception:  # what refuses to be pickled says so by errors of any kind
        return None


class _Hasher(NumpyHasher):
    """joblib's, which has no answer for a masked array of objects."""

    def save(self, obj):
        if isinstance(obj, np.ma.MaskedArray):
            # What is behind the mask is no part of the contents.
            obj = type(obj), np.ma.getmaskarray(obj), np.asarray(obj.filled())
        super().save(obj)
