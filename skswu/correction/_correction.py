"""What comes out of a correction."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass(frozen=True, eq=False)
class State:
    """Where a correction stands: a model, and how it measures.

    Attributes
    ----------
    model : array or classifier
        Parameters, or the classifier itself where it is fitted anew.
    values : ndarray of shape (n_metrics + 1,)
        Its metrics and, last, its mean loss on the evaluation rows.
    stationarity : float
        Share of the asked change of the training gradient that is still there.
    remaining : float
        The same without what an unfinished fit left over, if that is left alone.
    step_length : float
        Share of the full step that was taken.
    relative_residual : float or None, default=None
        What an iterative solver left of the step.
    warnings : tuple of (message, category)
        What is to be told if this model is kept.
    """

    model: Any
    values: np.ndarray
    stationarity: float
    remaining: float
    step_length: float
    relative_residual: float | None = None
    warnings: tuple = ()


@dataclass(frozen=True)
class Correction:
    """A corrected model and how it came about.

    Attributes
    ----------
    classifier : classifier
        The corrected one, bare.
    epsilon : ndarray of shape (n_train,)
        The change of the weights.
    influence : ndarray of shape (n_metrics, n_train)
        Predicted change of each metric if a sample is removed.
    utility_influence : ndarray of shape (n_train,)
        The same for the mean loss on the evaluation rows.
    names : list of str
        What the metrics are.
    before, predicted, after : ndarray of shape (n_metrics,)
        The metrics of the original, as the influences predict them under ``epsilon``,
        and of the corrected model.
    estimate : ndarray of shape (n_metrics,) or None
        The metrics of the corrected model as rows would tell that had no part in the
        correction, where that is known.
    standard_errors : ndarray of shape (n_metrics,)
        Of the estimate, or else of the metrics of the corrected model.
    measured_on : str
        What the evaluation rows are.
    utility_before, utility_after : float
        Mean loss on the evaluation rows.
    stationarity : float
        Share of the asked change of the training gradient that is still there.
    step_length : float
        Share of the last full step that was taken.
    n_iter : int
        Number of steps.
    target : ndarray of shape (n_metrics,)
        The metrics that were asked for.
    optimality : float
        How far the weights are from the least change, relative to their size; NaN where
        that was not measured.
    objective_weight : float
        How much the original objective counted in what is least; 0 for a single step.
    reachable_strength : float
        The strength that can be reached, the one asked for if it is; NaN without one.
    training_decrement : float
        How far the fit was from the minimum on the rows that were given, see
        :class:`~skswu.exceptions.TrainingDataWarning`.
    timings : dict of str to float
        Seconds spent on each step.
    solver_residuals : dict of str to float
        The largest relative residual that the iterative solver of each step left.
    """

    classifier: Any
    epsilon: np.ndarray
    influence: np.ndarray
    utility_influence: np.ndarray
    names: list
    before: np.ndarray
    predicted: np.ndarray
    after: np.ndarray
    estimate: np.ndarray | None
    standard_errors: np.ndarray
    measured_on: str
    utility_before: float
    utility_after: float
    stationarity: float
    step_length: float
    n_iter: int
    target: np.ndarray
    optimality: float
    objective_weight: float
    reachable_strength: float
    training_decrement: float
    timings: dict
    solver_residuals: dict = field(default_factory=dict)
