"""Fronts chosen on one set of rows, measured on another, and their hypervolumes."""

import numpy as np

N_LEVELS = 10


def chosen(utility, disparity, original_disparity, n_levels=N_LEVELS):
    """Return the candidates that validation rows recommend, one a level.

    At each of ``n_levels`` evenly spaced bounds, from the original's disparity down to
    a tenth of it, the candidate of the highest utility within the bound is taken, if
    any is; and at last the one of the smallest disparity.

    Parameters
    ----------
    utility, disparity : ndarray of shape (n_candidates,)
        On validation rows. Greater utility is better.
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
    best = [most_useful(utility, disparity, bound) for bound in bounds]
    return [*best, int(np.lexsort((-utility, disparity))[0])]


def most_useful(utility, disparity, bound):
    allowed = np.flatnonzero(disparity <= bound)
    return int(allowed[utility[allowed].argmax()]) if len(allowed) else None


def hypervolume(utility, disparity, reference_utility, reference_disparity):
    """Return the area between points and a reference point that they improve on.

    Parameters
    ----------
    utility, disparity : ndarray of shape (n_points,)
        Greater utility and smaller disparity are better.
    reference_utility, reference_disparity : float
        What is not better than this counts nothing.

    Returns
    -------
    float
        The area of the union of the rectangles between each point and the reference.
    """
    height = np.asarray(utility) - reference_utility
    width = reference_disparity - np.maximum(disparity, 0.0)
    better = (height > 0) & (width > 0)
    order = np.argsort(-height[better])
    height, width = height[better][order], width[better][order]
    reached = np.maximum.accumulate(np.concatenate([[0.0], width]))
    return float(height @ np.diff(reached))


def relative_hypervolume(utility, disparity, original, constant):
    """Return the hypervolume in units of what costless parity would have.

    The reference point has the utility of a constant prediction and the original's
    disparity. 1 is a disparity of zero at the original's utility.

    Parameters
    ----------
    utility, disparity : ndarray of shape (n_points,)
        On test rows.
    original : tuple of float
        Utility and disparity of the original classifier on the same rows.
    constant : float
        Utility of the best constant prediction on the same rows.
    """
    area = hypervolume(utility, disparity, constant, original[1])
    return area / ((original[0] - constant) * original[1])
