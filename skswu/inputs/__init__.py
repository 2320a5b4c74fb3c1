"""What a call passes: rows, labels, groups and weights, checked and read."""

from ._data_reader import DataReader
from ._labeled_data import LabeledData
from ._labels import check_total_weight, label_positions
from ._metadata import Metadata
from ._rows_of_data import count_rows, rows_at
from ._sample_weight import sample_weight_options, takes_sample_weight
from ._sensitive_features import Groups, read_control_features, read_sensitive_features

__all__ = [
    "DataReader",
    "Groups",
    "LabeledData",
    "Metadata",
    "check_total_weight",
    "count_rows",
    "label_positions",
    "read_control_features",
    "read_sensitive_features",
    "rows_at",
    "sample_weight_options",
    "takes_sample_weight",
]
