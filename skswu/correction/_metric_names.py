"""Names of metrics, each of which is a column of tables."""

# The other columns of the tables of influences and of paths.
TAKEN = frozenset(
    ["utility", "epsilon", "strength", "disparity", "utility_loss", "feasible"]
    + ["threshold", "loss", "stationarity", "step_length", "effective_sample_size"]
    + ["disparity_se", "utility_se", "ratio", "lowest_group"]
)


def distinct(names):
    """Return names, those that are taken with a number behind them.

    Parameters
    ----------
    names : list of str
        Of the metrics of all objectives.

    Returns
    -------
    list of str
        Of the same length.

    Examples
    --------
    >>> distinct(["gap", "gap", "utility"])
    ['gap', 'gap (2)', 'utility (2)']
    """
    found = []
    for name in names:
        candidate, number = name, 1
        while candidate in TAKEN or candidate in found:
            number += 1
            candidate = f"{name} ({number})"
        found.append(candidate)
    return found
