"""Whether groups are too small for what is measured of them."""

import numpy as np

from ..exceptions import SmallGroupWarning

# Rows from which a standard error of independent means can be trusted.
_ENOUGH = 20
# Of a normal distribution, 95 % are as near to its mean, in standard deviations.
_SURE = 1.96


def small_group_warnings(problem):
    """Return warnings of compared groups that have few evaluation rows.

    Parameters
    ----------
    problem : Problem
        The original model, linearised, and the evaluation rows.

    Returns
    -------
    list of tuple (message, category)
        Empty or one.
    """
    sizes = {}
    for metric in problem.metrics:
        sizes |= metric.cell_sizes
    small = [f"{name} ({n})" for name, n in sizes.items() if n < _ENOUGH]
    if not small:
        return []
    message = (
        f"Fewer than {_ENOUGH} evaluation rows are of {', '.join(small)}: what is "
        "measured of so few says little about others."
    )
    unsure = _unsure(problem)
    if unsure:
        message += (
            f" Within {_SURE} standard errors of zero, and maybe nothing but noise, "
            f"are {', '.join(unsure)}."
        )
    message += " Merge small groups, or give more evaluation rows."
    return [(message, SmallGroupWarning)]


def _unsure(problem):
    """Return the original's metrics, in words, that may be nothing but noise."""
    errors = problem.standard_errors(problem.original())
    return [
        f"{name} = {value:.3g} (standard error {error:.2g})"
        for name, value, error in zip(
            problem.names, problem.before, errors, strict=True
        )
        if np.abs(value) < _SURE * error
    ]
