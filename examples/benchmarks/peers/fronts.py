"""Fronts chosen on one set of rows, measured on another, and their hypervolumes."""

import numpy as np

N_LEVELS = 10


def chosen(accuracy, disparity, original_disparity, n_levels=N_LEVELS):
    """Return the candidates that validation rows recommend, one a level.

    At each of ``n_levels`` evenly spaced bounds, from the original's disparity down to
    a tenth of it, the most accurate candidate within the bound is taken, if any is; and
    at last the one of the smallest disparity.

    Parameters
    ----------
    accuracy, disparity : ndarray of shape (n_candidates,)
        On validation rows.
    original_disparity : float
        On the same rows.
    n_levels : int, default=10
        Number of bounds.

    Returns
    -------
    list of int
        Positions of the candidates; None where no candidate keeps to the bound.
    """
    bounds = original_disparity * np.arange(n_levels, 0, -1) / n_levels
    best = [most_accurate(accuracy, disparity, bound) for bound in bounds]
    return [*best, int(np.lexsort((-accuracy, disparity))[0])]


def most_accurate(accuracy, disparity, bound):
    allowed = np.flatnonzero(disparity <= bound)
    return int(allowed[accuracy[allowed].argmax()]) if len(allowed) else None


def hypervolume(accuracy, disparity, reference_accuracy, reference_disparity):
    """Return the area between points and a reference point that they improve on.

    Parameters
    ----------
    accuracy, disparity : ndarray of shape (n_points,)
        Greater accuracy and smaller disparity are better.
    reference_accuracy, reference_disparity : float
        What is not better than this counts nothing.

    Returns
    -------
    float
        The area of the union of the rectangles between each point and the reference.
    """
    height = np.asarray(accuracy) - reference_accuracy
    width = reference_disparity - np.maximum(disparity, 0.0)
    better = (height > 0) & (width > 0)
    order = np.argsort(-height[better])
    height, width = height[better][order], width[better][order]
    reached = np.maximum.accumulate(np.concatenate([[0.0], width]))
    return float(height @ np.diff(reached))


def relative_hypervolume(accuracy, disparity, original, majority):
    """Return the hypervolume in units of what costless parity would have.

    The reference point has the accuracy of the majority class and the original's
    disparity. 1 is a disparity of zero at the original's accuracy.

    Parameters
    ----------
    accuracy, disparity : ndarray of shape (n_points,)
        On test rows.
    original : tuple of float
        Accuracy and disparity of the original classifier on the same rows.
    majority : float
        Accuracy of the majority class on the same rows.
    """
    area = hypervolume(accuracy, disparity, majority, original[1])
    return area / ((original[0] - majority) * original[1])
