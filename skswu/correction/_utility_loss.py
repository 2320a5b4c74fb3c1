"""Whether a correction costs more of the utility than anybody asked for."""

import numpy as np

from ..exceptions import UtilityLossWarning

# Losses of a row are of the order of one where nothing is known about it; a rise by
# less than this share of that is next to nothing, however small the loss was.
_NO_RISE = 0.05
# Shares of rows: accuracy that is lost, and predictions that were not the usual one.
_NO_LOSS = 0.02
_NO_MINORITY = 0.01


def utility_warnings(problem, state):
    """Return warnings of what a corrected model lost.

    Parameters
    ----------
    problem : Problem
        The original model, and the evaluation rows.
    state : State
        The corrected model.

    Returns
    -------
    list of tuple (message, category)
        Empty or one.
    """
    before, after = problem.utility_before, float(state.values[-1])
    lost = [*_rise(before, after), *_lost_predictions(problem, state)]
    if not lost:
        return []
    message = (
        f"The correction costs most of the utility: {'; '.join(lost)}. Ask for less "
        "(strength, fraction), bound what it may cost (utility_tolerance), or see "
        "whether a few rows carry it (epsilon_)."
    )
    return [(message, UtilityLossWarning)]


def _rise(before, after):
    """Yield in words that the mean loss rises by half or more."""
    if not after - before <= max(0.5 * before, _NO_RISE):
        yield f"the mean loss rises from {before:.3g} to {after:.3g}"


def _lost_predictions(problem, state):
    """Yield in words that predictions became those of a model that knows nothing."""
    counts = _shares(problem.confusion(state))
    accuracy, majority = np.trace(counts), counts.sum(axis=1).max()
    is_constant = np.count_nonzero(counts.sum(axis=0)) == 1
    if accuracy > majority and not is_constant:
        return
    original = _shares(problem.confusion(problem.original()))
    original_accuracy = np.trace(original)
    if original_accuracy > majority and original_accuracy - accuracy >= _NO_LOSS:
        yield (
            f"the accuracy falls from {original_accuracy:.3g} to {accuracy:.3g}, and "
            f"the most frequent label alone has {majority:.3g}"
        )
    if is_constant and original.sum(axis=0).max() <= 1.0 - _NO_MINORITY:
        yield "every row is predicted the same label"


def _shares(counts):
    return counts / counts.sum()
