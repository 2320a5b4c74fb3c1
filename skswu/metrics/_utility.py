"""The utility that a disparity is weighed against."""

import sklearn.metrics

from .._utils._compat import scorer_of_label


def find_utility(utility, classes, pos_label=None):
    """Return a utility as a scorer, with the positive label that it is about.

    Parameters
    ----------
    utility : str or callable
        A scorer or its name. What is no name is returned as it is.
    classes : array-like of shape (n_classes,)
        The labels.
    pos_label : label or None, default=None
        The favourable label; None is the greater of two.

    Returns
    -------
    callable
        Called as ``scorer(estimator, X, y)``; greater is better.
    """
    scorer = sklearn.metrics.get_scorer(utility)
    if not isinstance(utility, str) or len(classes) != 2:
        return scorer
    return scorer_of_label(scorer, classes[1] if pos_label is None else pos_label)
