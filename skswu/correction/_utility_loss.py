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
    codes, weight = problem.labels()
    predicted = problem.predicted_by(state)
    accuracy, majority = _mean(predicted == codes, weight), _largest(codes, weight)
    is_constant = (predicted == predicted[0]).all()
    if accuracy > majority and not is_constant:
        return
    original = problem.predicted_by(problem.original())
    original_accuracy = _mean(original == codes, weight)
    if original_accuracy > majority and original_accuracy - accuracy >= _NO_LOSS:
        yield (
            f"the accuracy falls from {original_accuracy:.3g} to {accuracy:.3g}, and "
            f"the most frequent label alone has {majority:.3g}"
        )
    if is_constant and _largest(original, weight) <= 1.0 - _NO_MINORITY:
        yield "every row is predicted the same label"


def _mean(values, weight):
    return float(values @ weight / weight.sum())


def _largest(positions, weight):
    """Return the share of the most frequent position."""
    return float(np.bincount(positions, weight).max() / weight.sum())
