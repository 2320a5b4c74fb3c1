"""Private names of scikit-learn, imported nowhere else.

Where they move or vanish in another version, this is the file to change.
"""

from sklearn.utils import _safe_indexing as rows_at
from sklearn.utils._array_api import _max_precision_float_dtype as widest_float
from sklearn.utils._array_api import device as array_device
from sklearn.utils._array_api import get_namespace as array_namespace
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
from sklearn.utils.validation import _check_feature_names as check_feature_names
from sklearn.utils.validation import _check_sample_weight as check_sample_weight
from sklearn.utils.validation import _num_samples as count_rows

try:
    from sklearn.utils._array_api import check_same_namespace
    from sklearn.utils._array_api import move_to as move_arrays
except ImportError:  # scikit-learn before 1.9
    from sklearn.utils._array_api import _convert_to_numpy

    def check_same_namespace(X, estimator, *, attribute, method):
        """Let the estimator say that X is of another library than it was fitted on."""

    def move_arrays(array, xp, device):
        """Return an array as numpy."""
        return _convert_to_numpy(array, array_namespace(array)[0])


__all__ = [
    "HasMethods",
    "Interval",
    "StrOptions",
    "array_device",
    "array_namespace",
    "check_feature_names",
    "check_same_namespace",
    "check_sample_weight",
    "count_rows",
    "move_arrays",
    "rows_at",
    "widest_float",
]
