"""What a fitted correction tells about itself."""

import re
from datetime import datetime, timezone

import numpy as np
import pandas as pd

from ..._utils import _versions
from ..._utils._array_api import as_numpy
from ...weighting import WEIGHTINGS
from . import _wording as words
from ._fingerprints import fingerprint, rows_in
from ._inputs import read_features
from ._measures import CORRECTED_BY
from ._verdicts import Aim

#: Parts of what a correction recorded that have a table or a list of their own.
_SHOWN_ELSEWHERE = ("warnings", "metrics")
_LONGEST_TEXT = 700
WEIGHT_COLUMNS = ["label", "group", "rows", "mean", "lowest", "highest"]
WEIGHT_COLUMNS += ["share_lowered", "share_below_half", "left_out"]


CHECK_COLUMNS = ["check", "before", "asked", "predicted", "value", "reads"]


def is_correction(estimator):
    """Say whether an estimator is a fitted correction."""
    return hasattr(estimator, "epsilon_") and hasattr(estimator, "objective_names_")


def information(estimator):
    """Return what a correction recorded; an empty dict where nothing is."""
    return getattr(estimator, "correction_info_", None) or {}


def aim_of(estimator, features):
    """Return the Aim of a correction, or of a comparison of two classifiers."""
    if not is_correction(estimator):
        return Aim(features[0].name, CORRECTED_BY["demographic_parity"], None)
    names = estimator.objective_names_
    objectives = list(dict.fromkeys(re.match(r"\w*", name)[0] for name in names))
    measures = [
        measure for name in objectives for measure in CORRECTED_BY.get(name, ())
    ]
    return Aim(
        _corrected_feature(estimator, features),
        tuple(dict.fromkeys(measures)),
        _asked_share(estimator),
        words.listing(name.replace("_", " ") for name in objectives),
    )


def _corrected_feature(estimator, features):
    """Return the feature that the metrics are named after, or else the first."""

    def n_metrics(feature):
        return sum(
            name.endswith(f": {pair}")
            for name in estimator.objective_names_
            for pair in _pairs(feature.groups)
        )

    return max(features, key=n_metrics).name


def _pairs(groups):
    """Return how a metric may name what it compares."""
    if len(groups) == 2:
        return [f"{groups[1]} - {groups[0]}", f"{groups[0]} - {groups[1]}"]
    return [f"{group} - overall" for group in groups]


def _asked_share(estimator):
    """Return the share of the gap that was to be removed, where it is one number."""
    chosen = getattr(estimator, "strength_", None)
    if chosen is None:
        weighting = WEIGHTINGS.resolve(estimator.weighting)
        chosen = getattr(weighting, "strength", None)
    return float(chosen) if np.ndim(chosen) == 0 and chosen is not None else None


def weights_table(estimator, training):
    """Return the new weights of the training rows, by label and group where known."""
    if not is_correction(estimator):
        return pd.DataFrame(columns=WEIGHT_COLUMNS)
    weight = 1.0 + as_numpy(estimator.epsilon_)
    keys = {"label": "all", "group": "all"} if training is None else training.keys()
    table = pd.DataFrame({**keys, "weight": weight})
    grouped = table.groupby(["label", "group"], sort=True)["weight"]
    return grouped.agg(
        rows="size",
        mean="mean",
        lowest="min",
        highest="max",
        share_lowered=lambda values: (values < 1).mean(),
        share_below_half=lambda values: (values < 0.5).mean(),
        left_out=lambda values: (values == 0).sum(),
    ).reset_index()


def checks_table(estimator, aim):
    """Return how the correction went by its own account."""
    rows = [*_gap_checks(estimator, aim), *_method_checks(estimator)]
    return pd.DataFrame(rows, columns=CHECK_COLUMNS)


def _gap_checks(estimator, aim):
    if not is_correction(estimator):
        return
    for name, before, asked, predicted, after in zip(
        estimator.objective_names_,
        as_numpy(estimator.objective_before_),
        _asked_values(estimator),
        as_numpy(estimator.objective_predicted_),
        as_numpy(estimator.objective_after_),
        strict=True,
    ):
        reads = f"{words.percent(1 - abs(after / before))} removed" if before else ""
        if reads and aim.asked is not None:
            reads += f" of the asked {words.chosen_percent(aim.asked)}"
        yield name, float(before), asked, float(predicted), float(after), reads
    estimates = as_numpy(getattr(estimator, "objective_estimate_", None))
    if estimates is not None:
        yield from _estimates(estimator, np.atleast_1d(estimates))


def _asked_values(estimator):
    """Return where the metrics were to go; NaN for those of which it is not known."""
    recorded = information(estimator).get("metrics", ())
    asked = [one["asked"] for one in recorded]
    if len(asked) != len(estimator.objective_names_):
        return [np.nan] * len(estimator.objective_names_)
    return [np.nan if value is None else float(value) for value in asked]


def _estimates(estimator, estimates):
    errors = as_numpy(getattr(estimator, "objective_se_", None))
    errors = [None] * len(estimates) if errors is None else np.atleast_1d(errors)
    for name, value, error in zip(
        estimator.objective_names_, estimates, errors, strict=False
    ):
        reads = "" if error is None else f"standard error {words.number(error, 4)}"
        yield _check(f"{name}, estimate for new rows", value, reads)


def _method_checks(estimator):
    """Yield the certificates that the estimator has."""
    for attribute, text, reads in [
        ("stationarity_", "distance from an exact refit", "0 is exact, 1 uncorrected"),
        ("optimality_", "optimality residual of the weights", "0 is the least change"),
        ("training_decrement_", "Newton decrement on the training rows", ""),
        ("reachable_strength_", "largest share that could be reached", ""),
        ("n_iter_", "steps", ""),
        ("step_length_", "length of the last step", "1 is a full step"),
    ]:
        value = getattr(estimator, attribute, None)
        if value is not None and np.ndim(value) == 0:
            yield _check(f"{text} ({attribute})", value, reads)
    if is_correction(estimator):
        weight = as_numpy(estimator.sample_weight_)
        size = weight.sum() ** 2 / np.sum(weight**2)
        reads = f"{words.percent(size / len(weight))} of {words.count(len(weight))}"
        yield _check("effective number of training rows", size, reads)


def _check(name, value, reads):
    return name, np.nan, np.nan, np.nan, float(value), reads


def warnings_met(estimator):
    """Return the texts of the warnings that the correction met; None if unrecorded."""
    found = information(estimator).get("warnings")
    return None if found is None else [str(text) for text in np.atleast_1d(found)]


class TrainingRows:
    """The rows that a report is told a classifier was trained on.

    Parameters
    ----------
    given : tuple of (X, y, sensitive_features)
        As the correction was given them.
    estimator : classifier
        The corrected one.
    columns : str, int, list of them or None
        Columns of X that hold the groups if ``sensitive_features`` is None.
    names : LabelNames
        What labels are called.
    """

    def __init__(self, given, estimator, columns, names):
        if not isinstance(given, tuple) or len(given) != 3:
            raise TypeError(
                "training must be a tuple (X, y, sensitive_features) of the training "
                f"rows; got {type(given).__name__}."
            )
        X, y, sensitive_features = given
        self.X, self.y, self.names = X, np.asarray(y), names
        n_rows = len(self.y)
        features = read_features(sensitive_features, X, columns, n_rows, "training[2]")
        self.feature = features[-1]
        self.rows = np.arange(n_rows)
        if is_correction(estimator):
            self.rows = as_numpy(estimator.train_indices_)
            held_out = as_numpy(getattr(estimator, "validation_indices_", None))
            n_known = len(self.rows) + (0 if held_out is None else len(held_out))
            if n_known != n_rows:
                raise ValueError(
                    f"training has {n_rows} rows, but the correction was given "
                    f"{n_known}: pass the same rows."
                )

    def __len__(self):
        return len(self.y)

    def keys(self):
        """Return label and group of the rows that were trained on."""
        return {
            "label": self.names.of_all(self.y[self.rows]),
            "group": self.feature.named()[self.rows],
        }

    def holds(self, X, y):
        """Say of each row whether an equal one is among these."""
        return rows_in((X, np.asarray(y)), (self.X, self.y))

    def fingerprint(self):
        """Return the SHA-256 of the rows."""
        return fingerprint(self.X, self.y, self.feature.named())


def provenance_rows(estimator, original):
    """Yield what the report knows of how the corrected classifier came about."""
    yield "report made", f"{datetime.now(timezone.utc):%Y-%m-%d %H:%M} UTC"
    yield "original classifier", describe(original)
    if not is_correction(estimator):
        yield "compared with", describe(estimator)
        return
    yield "correction", describe(estimator)
    for key, value in information(estimator).items():
        if key not in _SHOWN_ELSEWHERE:
            yield f"recorded: {words.recorded(key)}", _shortened(plain_text(value))
    timings = getattr(estimator, "timings_", None)
    if timings:
        yield "time of the correction", f"{sum(timings.values()):.2f} s"


def versions():
    """Return the versions of what the report was made with."""
    return plain_text(_versions.versions())


def describe(estimator):
    """Return the representation of an estimator, on one line and not too long."""
    return _shortened(re.sub(r" at 0x[0-9a-fA-F]+", "", repr(estimator)))


def _shortened(text):
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST_TEXT else f"{text[:_LONGEST_TEXT]}…"


def plain_text(value):
    """Return a value of plain types as text."""
    if isinstance(value, dict):
        return "; ".join(f"{key}: {plain_text(item)}" for key, item in value.items())
    if isinstance(value, (list, tuple)):
        return "; ".join(map(plain_text, value))
    return words.NONE if value is None else str(value)
