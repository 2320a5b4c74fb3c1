"""What to do with a classifier that cannot be corrected as it is."""

from ..inputs import takes_sample_weight


def way_out(classifier):
    """Return in a sentence how a classifier can be corrected after all.

    Parameters
    ----------
    classifier : classifier
        Fitted, bare, that no view reads.

    Returns
    -------
    str
        Names the attribute that holds what can be corrected, or the update that fits
        anew, or that there is no way.
    """
    if hasattr(classifier, "best_estimator_"):
        return (
            "Pass its best_estimator_, which is the model that predicts, with "
            'the rows that it was refitted on; or use update="refit".'
        )
    if hasattr(classifier, "original_estimator_"):
        return (
            "It is corrected already: call its own unlearn again, or pass its "
            ".original_estimator_, or its .estimator_ to go on from there."
        )
    if not takes_sample_weight(classifier):
        return f"Nothing corrects a {_name(classifier)}: its fit takes no weights."
    anew = 'update="refit" fits it anew under the weights that repair the metric.'
    if hasattr(classifier, "predict_proba"):
        return _inner(classifier) + anew
    return (
        f"{_inner(classifier)}{anew} That measures probabilities, which "
        f"{_name(classifier)} does not predict: put it into a CalibratedClassifierCV."
    )


def _inner(classifier):
    """Return in a sentence what to do about the estimator that it fits, if any."""
    given = getattr(classifier, "get_params", dict)()
    attribute = next((one for one in ("estimator", "estimators") if one in given), None)
    if attribute is None:
        return ""
    return (
        "It is made of others: give it corrected ones, by an UnlearningClassifier in "
        f"its .{attribute}; or "
    )


def _name(classifier):
    return type(classifier).__name__
