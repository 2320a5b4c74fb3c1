"""Sample weights as the fit of an estimator takes them."""

from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import has_fit_parameter


def takes_sample_weight(estimator):
    """Return whether a fit follows sample weights, of a Pipeline's last step.

    Parameters
    ----------
    estimator : estimator or Pipeline
        To be fitted.

    Returns
    -------
    bool
        Whether its ``fit`` takes ``sample_weight``.
    """
    if isinstance(estimator, Pipeline):
        return takes_sample_weight(estimator.steps[-1][1])
    return has_fit_parameter(estimator, "sample_weight")


def sample_weight_options(estimator, weight):
    """Return the keywords that bring sample weights into an estimator's fit.

    Parameters
    ----------
    estimator : estimator or Pipeline
        To be fitted; one that is frozen needs none.
    weight : ndarray of shape (n_samples,) or None
        Sample weights.

    Returns
    -------
    dict
        Empty without weights.

    Raises
    ------
    TypeError
        If the fit does not take them.
    """
    if weight is None or isinstance(estimator, FrozenEstimator):
        return {}
    if isinstance(estimator, Pipeline):
        name, last = estimator.steps[-1]
        options = sample_weight_options(last, weight)
        return {f"{name}__{key}": value for key, value in options.items()}
    if not takes_sample_weight(estimator):
        raise TypeError(
            f"sample_weight was given, but {type(estimator).__name__}.fit does not "
            "take sample weights."
        )
    return {"sample_weight": weight}
