"""What removing each training sample actually changes."""

import numpy as np
from joblib import effective_n_jobs
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.parallel import Parallel, delayed

from .._utils._blas_threads import on_one_blas_thread
from .._utils._warnings import warn
from ..correction._block_evaluation import BlockEvaluation
from ._leave_one_out_solver import LeaveOneOutSolver
from ._training_problem import read_training_problem

# Problems whose margins on the evaluation rows are held in memory together.
_EVALUATED_AT_ONCE = 16


def leave_one_out(
    estimator,
    X,
    y,
    *,
    objective=None,
    indices=None,
    sensitive_features=None,
    sample_weight=None,
    X_val=None,
    y_val=None,
    sensitive_features_val=None,
    tol=1e-8,
    n_jobs=None,
):
    r"""Return what removing each training sample changes, by actual retraining.

    For every sample i asked for, the training objective without it, :math:`F_i(\theta)
    = L(\theta; w) - w_i \ell_i(\theta)`, is minimised to

    .. math:: \|\nabla F_i(\theta_i)\|_{H_i^{-1}} \le \mathrm{tol} \,
              \|\nabla F_i(\hat\theta)\|_{H_i^{-1}},

    with :math:`\hat\theta` the minimiser with all samples and :math:`H_i` the Hessian
    of :math:`F_i` there: the change of the parameters is right to the relative error
    ``tol``, or to rounding. The result is the change of each metric from
    :math:`\hat\theta` to :math:`\theta_i`. Many problems are solved at once by Newton
    steps that share the factor of one Hessian, and a bound from self-concordance tells
    when they are done; so all of 30,000 samples take minutes.

    Nothing but the sample's weight changes: class weights and the penalty are those of
    the whole fit, and with an l1 penalty the coefficients at zero stay there.

    Parameters
    ----------
    estimator : classifier, Pipeline or UnlearningClassifier
        Fitted, with a linear classifier at its end. Of an
        :class:`~skswu.UnlearningClassifier`, the original classifier is meant. A fit
        that stopped short of the minimum is first brought there.
    X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
        What the estimator was fitted on. The transformers of a Pipeline stay fitted on
        all of it.
    y : array-like of shape (n_samples,)
        Labels of the rows of X.
    objective : str, BaseObjective or list of them, default=None
        The metrics, as :class:`~skswu.UnlearningClassifier` takes them. None is
        ``"demographic_parity"``, or the objective of an UnlearningClassifier.
    indices : array-like of int of shape (n_problems,), default=None
        Positions of the training samples to leave out, one at a time; of the training
        samples of an UnlearningClassifier, that is of its ``epsilon_``. None is all.
    sensitive_features : array-like of shape (n_samples,) or (n_samples, n_sensitive), \
            or str, default=None
        Groups of the rows, or the name of a column of X.
    sample_weight : array-like of shape (n_samples,), default=None
        The weights that the estimator was fitted with.
    X_val : {array-like, sparse matrix, DataFrame} of shape (n_val, n_features), \
            default=None
        Evaluation rows that metrics and utility are measured on; None measures on the
        training rows, the removed one included, or on those that the ``fit`` of an
        UnlearningClassifier held out.
    y_val : array-like of shape (n_val,), default=None
        Their labels; required with ``X_val``.
    sensitive_features_val : array-like of shape (n_val,) or (n_val, n_sensitive), \
            default=None
        Their groups.
    tol : float, default=1e-8
        The relative tolerance above, greater than 0.
    n_jobs : int or None, default=None
        Threads that solve blocks of problems; -1 is one a core.

    Returns
    -------
    pandas.DataFrame of shape (n_problems, n_metrics + 1)
        A row a sample, with the index of X (positions in X where it has none). A
        column a metric, and ``"utility"`` for the mean loss on the evaluation rows.

    Warns
    -----
    ConvergenceWarning
        If Newton's method does not reach the minimum, with all samples or without one.

    See Also
    --------
    influence_values : The same as predicted, at the cost of one product.

    References
    ----------
    Bach, "Self-concordant analysis for logistic regression", 2010.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skswu.datasets import load_adult
    >>> from skswu.inspection import influence_values, leave_one_out
    >>> data = load_adult(subset="train").frame.iloc[:2000]
    >>> X = data[["age", "education_num", "hours_per_week"]]
    >>> y = data["income"] == ">50K"
    >>> classifier = LogisticRegression(tol=1e-8, max_iter=1000).fit(X, y)
    >>> options = {"sensitive_features": data["sex"]}
    >>> actual = leave_one_out(classifier, X, y, indices=range(200), **options)
    >>> predicted = influence_values(classifier, X, y, **options)
    >>> float(predicted.iloc[:200, 0].corr(actual.iloc[:, 0])) > 0.99
    True
    """
    import pandas as pd

    if not tol > 0:
        raise ValueError(f"tol must be greater than 0; got {tol!r}.")
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
        influence="auto",
        update="influence",
    )
    problem = question.problem
    objective = _pose(problem)
    if problem.evaluation.leaves_out:
        problem.linearize()  # it tells how the margins of rows that are left out move
    indices = _check_indices(indices, problem.n_rows)
    # What leaves the range of floats is told by our own warnings.
    with np.errstate(over="ignore", invalid="ignore"):
        changes = _solve_all(objective, problem.evaluation, indices, tol, n_jobs)
    columns = [*problem.names, "utility"]
    return pd.DataFrame(changes, columns=columns, index=question.index[indices])


def _pose(problem):
    """Return the training objective that is solved without a sample each."""
    objective = problem.view.posed(problem.rows)
    if objective is None:
        raise TypeError(
            f"leave_one_out retrains linear classifiers; got "
            f"{type(problem.view.estimator).__name__}. influence_values predicts the "
            "changes for every supported classifier."
        )
    return objective


def _check_indices(indices, n_samples):
    if indices is None:
        return np.arange(n_samples)
    checked = np.asarray(indices)
    if checked.ndim != 1 or (len(checked) and checked.dtype.kind not in "iu"):
        raise ValueError(
            f"indices must be positions of training samples in one dimension; got an "
            f"array of {checked.dtype} and shape {checked.shape}."
        )
    out = (checked < -n_samples) | (checked >= n_samples)
    if out.any():
        raise ValueError(
            f"indices must be positions of the {n_samples} training samples; got "
            f"{checked[out][0]}."
        )
    return checked.astype(np.intp) % n_samples


def _solve_all(objective, evaluation, indices, tol, n_jobs):
    """Return the changes of metrics and utility, (n_problems, n_metrics + 1)."""
    solver = LeaveOneOutSolver(objective, tol)
    measured = BlockEvaluation(evaluation, objective.model)
    before = _measure(measured.apart(), objective, solver.centre[None])
    starts = range(0, len(indices), solver.block_size)
    blocks = [indices[start : start + solver.block_size] for start in starts]
    n_threads = effective_n_jobs(n_jobs)
    call = Parallel(n_jobs=n_threads, prefer="threads")
    tasks = (
        delayed(_solve_block)(solver, measured, objective, block) for block in blocks
    )
    results = call(tasks) if n_threads == 1 else on_one_blas_thread(call, tasks)
    _warn_unless_converged(solver, sum(failed for _, failed in results))
    after = np.concatenate([before[:0], *(values for values, _ in results)])
    return after - before


def _solve_block(solver, evaluation, objective, indices):
    """Return the metrics and the utility of each problem, and how many failed."""
    # Threads start with NumPy's own settings.
    with np.errstate(over="ignore", invalid="ignore"):
        parameters, converged = solver.solve(indices)
        # Some metrics note scores beside the rows, which threads may not share.
        values = _measure(evaluation.apart(), objective, parameters)
    return values, np.count_nonzero(~converged)


def _measure(evaluation, objective, parameters):
    """Return metrics and utility of models (n_models, n_parameters), some at once."""
    values = []
    for start in range(0, len(parameters), _EVALUATED_AT_ONCE):
        some = parameters[start : start + _EVALUATED_AT_ONCE]
        sums = objective.measure(evaluation.rows, some, evaluation.at())
        values.append(evaluation.measured(sums, some))
    return np.concatenate(values)


def _warn_unless_converged(solver, n_failed):
    if not solver.converged:
        warn(
            "Newton's method did not reach the minimum of the training objective with "
            "all samples. The changes are those from where it stopped.",
            ConvergenceWarning,
        )
    elif n_failed:
        warn(
            f"{n_failed} problems without a sample did not reach tol={solver.tol}.",
            ConvergenceWarning,
        )
