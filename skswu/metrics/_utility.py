"""The utility that a disparity is weighed against."""

import sklearn.metrics

from .._utils._compat import request_sample_weight, scorer_of_label


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


def requesting_scorer(utility):
    """Return a utility as metadata routing is to see it.

    Parameters
    ----------
    utility : str or callable
        A scorer or its name.

    Returns
    -------
    object
        A scorer given by name requests the sample weights, if it takes them; whatever
        else, also a name that is none, is returned as it is.
    """
    if utility not in sklearn.metrics.get_scorer_names():
        return utility
    return request_sample_weight(sklearn.metrics.get_scorer(utility))
