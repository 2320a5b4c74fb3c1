"""What is measured of a method beside its front."""

from dataclasses import replace
from itertools import islice

import numpy as np

COLUMNS = ("method", "needs_groups", "predict_again", "refit", "equal_people")
N_SETTINGS = 3


def measure_properties(name, method, task):
    """Return the values of COLUMNS, shares of test rows whose labels differ.

    - predict_again: between two predictions of one fitted model;
    - refit: between the first predictions of two models, fitted alike;
    - equal_people: between two copies of a row that differ in their group, in one call.

    Each is the largest of the first settings. Nothing is seeded, as a user meets it.
    """
    task = replace(task, random_state=None)
    pairs = zip(method.candidates(task), method.candidates(task), strict=True)
    shares = [differences(*pair, task.test) for pair in islice(pairs, N_SETTINGS)]
    return name, method.needs_groups, *np.max(shares, axis=0).tolist()


def differences(first, second, rows):
    """Return the shares of differing labels of two candidates of one setting."""
    X, groups = rows.X, rows.groups
    labels = first.predict(X, groups)
    both = first.predict(np.concatenate([X, X]), np.concatenate([groups, 1 - groups]))
    return (
        share_of_changes(labels, first.predict(X, groups)),
        share_of_changes(labels, second.predict(X, groups)),
        share_of_changes(*np.split(both, 2)),
    )


def share_of_changes(labels, others):
    return float(np.mean(np.asarray(labels) != np.asarray(others)))
