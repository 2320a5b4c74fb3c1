"""Private names of scikit-learn, imported nowhere else.

Where they move or vanish in another version, this is the file to change.
"""

from sklearn.utils import _safe_indexing as rows_at
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
from sklearn.utils.validation import _check_sample_weight as check_sample_weight
from sklearn.utils.validation import _num_samples as count_rows

__all__ = [
    "HasMethods",
    "Interval",
    "StrOptions",
    "check_sample_weight",
    "count_rows",
    "rows_at",
]
