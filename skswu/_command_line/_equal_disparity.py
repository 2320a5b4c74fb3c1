"""The share of rows to remove for the disparity that another correction reaches."""

import warnings
from dataclasses import replace

import numpy as np

from ._messages import UsageError
from ._outcome import correct

_FRACTIONS = (0.0, 0.005, 0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.5)
_N_ROUNDS = 3
_N_BETWEEN = 6
_N_HALVINGS = 5


def find_fraction(corrections, measures, model, aim, fitting, evaluation):
    """Return the smallest fraction found that brings hard removal to an aim.

    The disparity falls to zero as more rows are removed, as far as it does, and rises
    again on the other side. So ever more fractions are tried around the best until one
    is good enough, and less is tried from there.

    Parameters
    ----------
    corrections : Corrections
        Make the removal.
    measures : Measures
        Say how far it is from its objective.
    model : Pipeline
        The original.
    aim : float
        How far it may be.
    fitting, evaluation : Rows
        What to remove from, and what to measure on.

    Returns
    -------
    fraction : float
        In [0, 0.5]; where none reaches the aim, the one that comes closest.
    """
    prepare, classifier = model[:-1], model[-1]
    fitting, evaluation = (
        replace(rows, X=prepare.transform(rows.X)) for rows in (fitting, evaluation)
    )

    def shortfall(fraction):
        removal = corrections.hard(classifier, fraction)
        with warnings.catch_warnings():
            # Those of the fraction that is found are raised when it is used.
            warnings.simplefilter("ignore")
            try:
                corrected = correct(removal, fitting, evaluation).model
            except UsageError:
                # So many rows cannot be removed, such as all of a label.
                return np.inf
        return measures.shortfall(corrected, evaluation)

    return search(shortfall, aim)


def search(shortfall, aim):
    """Return the smallest number found whose shortfall is at most the aim.

    Parameters
    ----------
    shortfall : callable
        Takes a number in [0, 0.5].
    aim : float
        What is good enough.
    """
    tried = {}
    fractions = _FRACTIONS
    for _ in range(_N_ROUNDS):
        for fraction in fractions:
            tried[fraction] = shortfall(fraction)
            if tried[fraction] <= aim:
                return _least(shortfall, aim, tried, fraction)
        low, high = _neighbours(tried, min(tried, key=tried.get))
        fractions = np.linspace(low, high, _N_BETWEEN + 2)[1:-1].tolist()
    return min(tried, key=tried.get)


def _neighbours(tried, fraction):
    """Return the numbers tried before and after one, which may be an end."""
    below = [other for other in tried if other < fraction]
    above = [other for other in tried if other > fraction]
    return max(below, default=fraction), min(above, default=fraction)


def _least(shortfall, aim, tried, high):
    """Return the least number found between one that is good and the one below it."""
    low, _ = _neighbours(tried, high)
    for _ in range(_N_HALVINGS):
        middle = (low + high) / 2
        low, high = (low, middle) if shortfall(middle) <= aim else (middle, high)
    return high
