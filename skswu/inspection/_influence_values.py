"""The influence of every training sample, as a table."""

from .._utils._array_api import as_numpy
from ..inputs import count_rows
from ._training_problem import (
    check_same_rows,
    is_corrected,
    read_training_problem,
    row_labels,
)


def influence_values(
    estimator,
    X=None,
    y=None,
    *,
    objective=None,
    sensitive_features=None,
    sample_weight=None,
    X_val=None,
    y_val=None,
    sensitive_features_val=None,
    influence=None,
):
    r"""Return the influence of every training sample on each metric and the utility.

    The influence of sample i on a metric M is its predicted change if the sample is
    removed from the training set,

    .. math:: a_i = w_i \nabla \ell_i \cdot H^{-1} \nabla M,

    with :math:`w_i` the sample's weight, :math:`\ell_i` its loss and H the Hessian of
    the training objective.

    Parameters
    ----------
    estimator : classifier, Pipeline or UnlearningClassifier
        Fitted. Of an :class:`~skswu.UnlearningClassifier`, the influences are those on
        its original classifier.
    X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features), \
            default=None
        What the estimator was fitted on. A fitted UnlearningClassifier knows its
        influences: without y, they are returned as they are, and X, if given, only
        labels the rows.
    y : array-like of shape (n_samples,), default=None
        Labels of the rows of X.
    objective : str, BaseObjective or list of them, default=None
        The metrics, as :class:`~skswu.UnlearningClassifier` takes them. None is
        ``"demographic_parity"``, or the objective of an UnlearningClassifier.
    sensitive_features : array-like of shape (n_samples,) or (n_samples, n_sensitive), \
            or str, default=None
        Groups of the rows, or the name of a column of X.
    sample_weight : array-like of shape (n_samples,), default=None
        The weights that the estimator was fitted with.
    X_val : {array-like, sparse matrix, DataFrame} of shape (n_val, n_features), \
            default=None
        Evaluation rows that metrics and utility are measured on; None measures on the
        training rows, or on those that the ``fit`` of an UnlearningClassifier held
        out.
    y_val : array-like of shape (n_val,), default=None
        Their labels; required with ``X_val``.
    sensitive_features_val : array-like of shape (n_val,) or (n_val, n_sensitive), \
            default=None
        Their groups.
    influence : str or Influence, default=None
        How influences are computed. None is ``"auto"``, or the influence of an
        UnlearningClassifier.

    Returns
    -------
    pandas.DataFrame of shape (n_train, n_metrics + 1) or (n_train, n_metrics + 2)
        A row a training sample, with the index of X (positions in X where it has
        none). A column a metric; ``"utility"`` for the mean loss on the evaluation
        rows; and ``"epsilon"``, the change of the sample's weight, if the estimator is
        an UnlearningClassifier.

    See Also
    --------
    leave_one_out : The actual changes.
    weights_summary : Whose weight a correction lowered.

    References
    ----------
    Koh and Liang, "Understanding Black-box Predictions via Influence Functions", 2017.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skswu.datasets import load_adult
    >>> from skswu.inspection import influence_values
    >>> data = load_adult(subset="train").frame.iloc[:2000]
    >>> X = data[["age", "education_num", "hours_per_week"]]
    >>> y = data["income"] == ">50K"
    >>> classifier = LogisticRegression(max_iter=1000).fit(X, y)
    >>> values = influence_values(classifier, X, y, sensitive_features=data["sex"])
    >>> values.shape
    (2000, 2)
    >>> list(values)
    ['demographic_parity[True]: Male - Female', 'utility']
    """
    import pandas as pd

    if is_corrected(estimator) and y is None:
        _check_nothing_else(
            objective=objective,
            sensitive_features=sensitive_features,
            sample_weight=sample_weight,
            X_val=X_val,
            y_val=y_val,
            sensitive_features_val=sensitive_features_val,
            influence=influence,
        )
        return _held_values(estimator, X)
    question = read_training_problem(
        estimator,
        X,
        y,
        objective=objective,
        sensitive_features=sensitive_features,
        sample_weight=sample_weight,
        X_val=X_val,
        y_val=y_val,
        sensitive_features_val=sensitive_features_val,
        influence=influence,
    )
    linearized = question.linearize()
    names = question.problem.names
    columns = dict(zip(names, linearized.influence, strict=True))
    columns["utility"] = linearized.utility_influence
    if is_corrected(estimator):
        columns["epsilon"] = as_numpy(estimator.epsilon_)
    return pd.DataFrame(columns, index=question.index)


def _held_values(model, X):
    """Return what an UnlearningClassifier holds, with the index of X if given."""
    import pandas as pd

    index = model.train_indices_
    if X is not None:
        n_rows = count_rows(X)
        check_same_rows(model, n_rows)
        index = row_labels(X, n_rows)[index]
    columns = dict(zip(model.objective_names_, model.influence_, strict=True))
    columns["utility"] = model.utility_influence_
    columns["epsilon"] = as_numpy(model.epsilon_)
    return pd.DataFrame(columns, index=index)


def _check_nothing_else(**options):
    given = [name for name, value in options.items() if value is not None]
    if given:
        raise ValueError(
            f"{', '.join(given)} was given without y. An UnlearningClassifier holds "
            "the influences of its own objective; to compute others, pass X and y too."
        )
