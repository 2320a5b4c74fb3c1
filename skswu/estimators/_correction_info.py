"""What a correction records of itself, for those who ask later."""

import re
from datetime import datetime, timezone
from functools import wraps
from inspect import signature

import numpy as np

from .._utils._array_api import as_numpy
from .._utils._versions import versions
from .._utils._warnings import recorded_warnings


def noting_warnings(correct):
    """Return a method that corrects, and notes in its record what it warned of.

    What it is not to be called with is told by the name of the public class.
    """

    taken = signature(correct)

    @wraps(correct)
    def noting(self, *args, **options):
        try:
            taken.bind(self, *args, **options)
        except TypeError as error:  # Python would name the private base class
            name = f"{type(self).__name__}.{correct.__name__}()"
            raise TypeError(f"{name} {error}") from None
        with recorded_warnings() as met:
            correct(self, *args, **options)
        texts = [describe_warning(*one) for one in met]
        self.correction_info_["warnings"] = texts
        return self

    return noting


def make_correction_info(fitted, parts, weighting, correction):
    """Return how a correction came about, in plain types that any file takes.

    Parameters
    ----------
    fitted : FittedModel
        What was corrected, with its rows.
    parts : Parts
        What the parameters name or are.
    weighting : BaseWeighting
        That of the parts, at the strength that was chosen.
    correction : Correction
        What came of it.

    Returns
    -------
    dict
        See ``correction_info_`` of :class:`~skswu.UnlearningClassifier`; all of it
        but the warnings, which come last.
    """
    classes = as_numpy(fitted.estimator.classes_)
    return {
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "versions": versions(),
        "objectives": [describe_part(one) for one in parts.objectives],
        "pos_labels": [_positive_label(one, classes) for one in parts.objectives],
        "weighting": describe_part(weighting),
        "influence": describe_part(parts.influence),
        "update": describe_part(parts.update),
        "objective_weight": float(correction.objective_weight),
        "measured_on": _measured_on(fitted, correction),
        "n_training_rows": fitted.training.n_rows,
        "n_evaluation_rows": fitted.measured.n_rows,
        "training_groups": fitted.training.group_sizes(),
        "evaluation_groups": fitted.measured.group_sizes(),
        "training_strata": fitted.training.stratum_sizes(),
        "metrics": _metrics(weighting, correction),
    }


def _measured_on(fitted, correction):
    """Return which rows were measured; how training rows were, the correction knows."""
    is_training = fitted.held_out is None
    return correction.measured_on if is_training else fitted.measured_on


def describe_part(part):
    """Return a part with all of its parameters as text, on one line."""
    parameters = part.get_params(deep=False)
    shown = ", ".join(f"{name}={_shown(value)}" for name, value in parameters.items())
    return f"{type(part).__name__}({shown})"


def _shown(value):
    if hasattr(value, "get_params") and not isinstance(value, type):
        return describe_part(value)
    # An address in memory tells nobody anything.
    return re.sub(r" at 0x[0-9a-fA-F]+", "", " ".join(repr(value).split()))


def describe_warning(message, category):
    """Return a warning, by text and category or an instance, as text."""
    if isinstance(message, Warning):
        category = type(message)
    return f"{category.__name__}: {message}"


def _positive_label(objective, classes):
    position = objective.find_positive(classes)
    return None if position is None else _plain(classes[position])


def _plain(label):
    label = label.item() if isinstance(label, np.generic) else label
    return label if isinstance(label, (str, int, float)) else str(label)


def _metrics(weighting, correction):
    """Return where each metric was, was to go and went."""
    asked = [None] * len(correction.names)
    if weighting.aims_at_target:
        asked = np.asarray(correction.target, dtype=float).tolist()
    columns = {
        "metric": map(str, correction.names),
        "before": np.asarray(correction.before, dtype=float).tolist(),
        "asked": asked,
        "predicted": np.asarray(correction.predicted, dtype=float).tolist(),
        "reached": np.asarray(correction.after, dtype=float).tolist(),
    }
    rows = zip(*columns.values(), strict=True)
    return [dict(zip(columns, row, strict=True)) for row in rows]
