"""Sample weights as the fit of an estimator takes them."""

from contextlib import contextmanager
from inspect import Parameter, signature

import numpy as np
from sklearn import get_config
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline
from sklearn.utils.metadata_routing import get_routing_for_object
from sklearn.utils.validation import has_fit_parameter

_ROUTING = "enable_metadata_routing=True"
# Fits by these solvers are the same whether rows of no weight are there or not.
_SOLVERS_WITHOUT_TRACE = {
    "sklearn.linear_model._logistic.LogisticRegression": {
        "lbfgs",
        "newton-cg",
        "newton-cholesky",
    },
    "sklearn.linear_model._ridge.RidgeClassifier": {
        "auto",
        "svd",
        "cholesky",
        "lsqr",
        "sparse_cg",
    },
}


def leaves_out_by_weight(estimator):
    """Return whether a fit with rows of no weight is the fit without these rows.

    Parameters
    ----------
    estimator : estimator
        To be fitted.

    Returns
    -------
    bool
        False is always a safe answer.
    """
    kind = type(estimator)
    address = f"{kind.__module__}.{kind.__qualname__}"
    solvers = _SOLVERS_WITHOUT_TRACE.get(address, ())
    # Rows are counted, not weighed, for a balance of classes.
    return (
        getattr(estimator, "solver", None) in solvers
        and getattr(estimator, "class_weight", None) != "balanced"
    )


def weigh_rows_out(training):
    """Return all rows of an X, with the weight 0 for those that are not to be fitted.

    Parameters
    ----------
    training : LabeledData
        Some rows of an X, as BroughtRows.

    Returns
    -------
    X : {ndarray, CSR matrix} of shape (n_all, n_features)
        All of it.
    y : ndarray of shape (n_all,)
        Labels; others than those that are fitted have one that stands for nothing.
    weight : ndarray of shape (n_all,)
        Sample weights.
    """
    rows = training.X
    n_all, positions = rows.X.shape[0], rows.positions
    y = np.full(n_all, training.y[0], training.y.dtype)
    y[positions] = training.y
    weight = np.zeros(n_all)
    weight[positions] = 1.0 if training.weight is None else training.weight
    return rows.X, y, weight


def takes_sample_weight(estimator):
    """Return whether a fit follows sample weights, of a Pipeline's last step.

    Parameters
    ----------
    estimator : estimator or Pipeline
        To be fitted.

    Returns
    -------
    bool
        Whether its ``fit`` takes ``sample_weight``, or hands it on to estimators that
        do.
    """
    if isinstance(estimator, Pipeline):
        return takes_sample_weight(estimator.steps[-1][1])
    if has_fit_parameter(estimator, "sample_weight"):
        return True
    if not _takes_any_keyword(estimator):
        return False
    if get_config()["enable_metadata_routing"]:
        router = get_routing_for_object(estimator)
        return bool(router.consumes("fit", ["sample_weight"]))
    inner = _inner_estimators(estimator)
    return bool(inner) and all(takes_sample_weight(one) for one in inner)


@contextmanager
def weights_by_routing(estimator):
    """Have a fit that hands sample weights on by metadata routing alone say so.

    Parameters
    ----------
    estimator : estimator
        What is fitted.

    Raises
    ------
    TypeError
        If they were refused for that; which fits do so is known to these alone.
    """
    try:
        yield
    except ValueError as error:
        refused = "sample_weight" in str(error) and _ROUTING in str(error)
        if get_config()["enable_metadata_routing"] or not refused:
            raise
        raise TypeError(
            f"{type(estimator).__name__}.fit takes sample_weight by metadata routing "
            f"alone: call sklearn.set_config({_ROUTING}), and let the estimators in "
            "it request it by set_fit_request(sample_weight=True)."
        ) from error


def _takes_any_keyword(estimator):
    parameters = signature(estimator.fit).parameters.values()
    return any(one.kind is Parameter.VAR_KEYWORD for one in parameters)


def _inner_estimators(estimator):
    """Return the estimators that an estimator is given, one by one or in a list."""
    given = estimator.get_params(deep=False).values()
    listed = [
        entry[1]
        for value in given
        if isinstance(value, list)
        for entry in value
        if isinstance(entry, tuple) and len(entry) == 2
    ]
    return [one for one in [*given, *listed] if hasattr(one, "fit")]


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
        Empty without weights. They are those that hold without metadata routing.

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
