"""A utility within a bound, as one number."""

import numpy as np

#: What breaking a bound costs, beside its violation: more than utilities are worth.
BROKEN = 1000.0
#: A bound on 1 less a ratio that is looser was meant for the ratio itself.
LOOSE_BOUND = 0.5
# 1 - 0.7 is greater than 0.3 in floating point.
_ROUNDING = 1e-12


def bounded_score(value, excess):
    r"""Return the value, or far less of it beyond a bound.

    .. math:: v - 1000 (1 + e) \quad\text{where the excess } e > 0

    Parameters
    ----------
    value : float or ndarray
        What is to be high.
    excess : float or ndarray
        By how much the bound is exceeded, if above 0; rounding does not count.

    Returns
    -------
    float or ndarray
        The score; NaN where either is.
    """
    is_broken = np.logical_not(is_kept(excess))
    return value - np.where(is_broken, BROKEN * (1.0 + excess), 0.0)


def is_kept(excess):
    """Say whether a bound is kept, given by how much it is exceeded; never by NaN."""
    return excess <= _ROUNDING
