"""Fits and corrections, of which only time and outcome count here."""

import warnings

import numpy as np
from sklearn.linear_model import LogisticRegression

from skswu import UnlearningClassifier, UnlearningClassifierCV
from skswu.updates import InfluenceUpdate


def fit(rows, **parameters):
    """Return the logistic regression that is corrected."""
    classifier = LogisticRegression(**{"max_iter": 1000, **parameters})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return classifier.fit(rows.X, rows.y)


def unlearn(classifier, rows, held_out=None, **parts):
    """Correct in one step, measured on the training rows or on those held out."""
    return _unlearn(UnlearningClassifier(classifier, **_options(parts)), rows, held_out)


def unlearn_along(classifier, rows, held_out=None, *, n_strengths=50, **parts):
    """Correct at strengths from 0 to 1 and choose one by its predicted labels."""
    strengths = np.linspace(0, 1, n_strengths)
    path = UnlearningClassifierCV(
        classifier, strengths=strengths, max_disparity=0.1, **_options(parts)
    )
    return _unlearn(path, rows, held_out)


def _options(parts):
    return {"update": InfluenceUpdate(max_iter=1), "validation_fraction": None, **parts}


def _unlearn(model, rows, held_out):
    given = {"sensitive_features": rows.groups}
    if held_out is not None:
        given |= {
            "X_val": held_out.X,
            "y_val": held_out.y,
            "sensitive_features_val": held_out.groups,
        }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return model.unlearn(rows.X, rows.y, **given)
