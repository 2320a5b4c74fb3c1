"""Arrays of other libraries than NumPy, where scikit-learn dispatches to them."""

import numpy as np
from sklearn import get_config
from sklearn.linear_model import RidgeClassifier, RidgeClassifierCV
from sklearn.pipeline import Pipeline
from sklearn.utils import get_tags

from ._compat import array_device, array_namespace, move_arrays, widest_float

# Those that scikit-learn says to take them in its documentation, and not by its tags.
_UNTAGGED = {RidgeClassifier: {"auto", "svd"}}


def is_foreign(X):
    """Say whether X is an array of another library that is dispatched to."""
    if not get_config()["array_api_dispatch"] or isinstance(X, np.ndarray):
        return False
    if not hasattr(X, "__array_namespace__") and not hasattr(X, "device"):
        return False
    return array_namespace(X)[1]


def float_dtypes(X):
    """Return the types of floats that features may have, in the library of X."""
    if not is_foreign(X):
        return [np.float64, np.float32]
    xp = array_namespace(X)[0]
    widest = widest_float(xp, array_device(X))
    return [xp.float64, xp.float32] if widest == xp.float64 else [xp.float32]


def as_numpy(values):
    """Return an array as numpy, wherever it lies; what is no array stays as it is."""
    if isinstance(values, np.ndarray) or not hasattr(values, "device"):
        return values
    return move_arrays(values, xp=np, device="cpu")


def as_like(values, reference):
    """Return a numpy array in the library and on the device of another array."""
    if isinstance(reference, np.ndarray) or not hasattr(reference, "device"):
        return values
    xp, device = array_namespace(reference)[0], array_device(reference)
    dtypes = xp.__array_namespace_info__().dtypes(device=device)
    if str(values.dtype) not in dtypes:
        values = values.astype(np.float32 if values.dtype.kind == "f" else np.int32)
    return xp.asarray(values, device=device)


def takes_arrays(estimator):
    """Say whether an estimator takes arrays of other libraries, as it is set."""
    if isinstance(estimator, Pipeline):
        return all(takes_arrays(step) for _, step in estimator.steps)
    if estimator is None or estimator == "passthrough":
        return True
    if type(estimator) in _UNTAGGED:
        # Both came with the same version of scikit-learn.
        tagged = get_tags(RidgeClassifierCV()).array_api_support
        return tagged and estimator.solver in _UNTAGGED[type(estimator)]
    return get_tags(estimator).array_api_support


def check_takes(estimator, X):
    """Insist that an estimator takes arrays of another library, if X is one.

    Raises
    ------
    TypeError
        If it does not.
    """
    if is_foreign(X) and not takes_arrays(estimator):
        raise TypeError(
            f"X is an array of {array_namespace(X)[0].__name__}, and scikit-learn "
            f"dispatches to it (array_api_dispatch), but {type(estimator).__name__} as "
            "it is set takes numpy arrays alone. Convert X, or take an estimator that "
            "supports the array API: LogisticRegression(solver='lbfgs') and "
            "RidgeClassifier(solver='svd')."
        )
