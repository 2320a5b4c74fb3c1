"""Which rows a correction is measured on."""

from .._utils._warnings import warn
from ..linear._leave_one_out import MOST_OWN

#: Rows that the model was not trained on.
HELD_OUT = "held-out rows"
#: The training rows, each by its score without it: approximate leave-one-out.
LEFT_OUT = "training rows, each left out by approximation"
#: The training rows as they are.
TRAINING = "training rows"


def kind_of_rows(is_held_out, leaves_out):
    """Return what evaluation rows are.

    Parameters
    ----------
    is_held_out : bool
        Whether they are others than the training rows.
    leaves_out : bool
        Whether training rows are to be measured as left out of the fit.
    """
    if is_held_out:
        return HELD_OUT
    return LEFT_OUT if leaves_out else TRAINING


def leave_out(evaluation, objective, inverse):
    """Measure training rows as left out of the fit, if that is asked and known.

    Parameters
    ----------
    evaluation : Evaluation
        What is measured.
    objective : TrainingObjective
        Whose rows know their derivatives at the fitted parameters.
    inverse : InverseCurvature
        Of the curvature there; without a factor, nothing changes.
    """
    roots = inverse.roots() if evaluation.leaves_out else None
    if roots is None:
        return
    evaluation.leave_out()
    n_held = objective.note_left_out(roots)
    if n_held:
        warn(
            f"{n_held} training rows determine some direction of the coefficients "
            f"nearly alone (leverage above {MOST_OWN}): what the model would be "
            "without them is not known, and their approximate leave-one-out scores "
            "are held back. Merge rare categories, raise the estimator's penalty, or "
            "give evaluation rows (X_val)."
        )
