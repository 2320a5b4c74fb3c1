r"""What a correction owes to each evaluation row's own pull on its direction.

Weights that are least under their targets are, off their bounds, :math:`\varepsilon_i =
\sum_j \lambda_j a_{ji} / c_i` with the influences :math:`a_{ji} = g_i \cdot H^{-1}
\nabla M_j`, the gradients :math:`g_i` of the weighted losses and the sample weights
:math:`c_i`. A row k that is measured is part of :math:`\nabla M_j`. Had it not been,
its margins after the correction would, to first order and with the multipliers held, be

.. math:: z_k + P_k \sum_j \lambda_j \frac{\partial M_j}{\partial z_k}, \qquad
          P_k = J_k H^{-1/2} S (I + c S)^{-1} H^{-1/2} J_k^\top, \quad
          S = H^{-1/2} F H^{-1/2}, \quad F = \sum_i g_i g_i^\top / c_i ,

with F summed over the rows that are off all bounds, and the weight c that the original
training objective has in what is least: it pulls the model back. Without it, :math:`P_k
= J_k H^{-1} F H^{-1} J_k^\top`. Training rows are measured as left out of the fit as
well. Of a single step the derivatives are those at the original model, and else those
at the corrected one.
"""

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from scipy import linalg

from ..linear import TrainingObjective
from ..linear import _passes as passes
from ..linear._leave_one_out import gradient_gram, joint_products
from ._block_evaluation import BlockEvaluation

# Under which the offset is noted that has a row's own pull in it.
NAME = "offset and own pull"
# Weights that differ by no more from a combination of influences are one.
_IS_COMBINATION = 1e-3


def estimate(problem, first, kept, weighting):
    """Return the metrics of a corrected model as other rows would tell.

    Parameters
    ----------
    problem : LinearProblem
        That measures training rows as left out of the fit.
    first : Linearized
        Of the original model.
    kept : Tried
        The step that led to the model.
    weighting : BaseWeighting
        That chose its weights, and says which are off all bounds.

    Returns
    -------
    tuple (values, errors) of ndarray of shape (n_metrics,), or None
        With their standard errors. Values are NaN for metrics that are no function of
        scores. None where there is no such estimate: weights are negative, all of them
        at a bound, or no combinations of influences.
    """
    epsilon = kept.epsilon
    is_free = weighting.are_combinations(epsilon)
    if is_free is None or not is_free.any() or (epsilon < -1.0).any():
        return None
    weights = FreeWeights(epsilon, is_free, first.rows.collect("count"))
    note_pull(problem, first, kept.state.model, weights)
    evaluation = problem.evaluation.with_offset(NAME)
    values = evaluation.measure(kept.state.model)[:-1]
    counts = [len(metric.names) for metric in problem.metrics]
    values[~np.repeat([one.is_of_scores for one in problem.metrics], counts)] = np.nan
    errors = evaluation.standard_errors(kept.state.model)
    problem.evaluation.rows.blocks.forget(NAME)
    return values, errors


@dataclass(frozen=True, eq=False)
class FreeWeights:
    """Changes of the weights, of which those off all bounds are combinations.

    Attributes
    ----------
    epsilon : ndarray of shape (n_rows,)
        The changes.
    is_free : ndarray of bool of shape (n_rows,)
        Whether a change is off all bounds.
    count : ndarray of shape (n_rows,) or None
        The sample weights; None are ones.
    """

    epsilon: np.ndarray
    is_free: np.ndarray
    count: np.ndarray | None

    @property
    def inverse_count(self):
        """One over the sample weights of the free rows, and 0 for others."""
        count = np.ones(len(self.epsilon)) if self.count is None else self.count
        is_used = self.is_free & (count > 0)
        return np.divide(1.0, count, out=np.zeros_like(count), where=is_used)

    def multipliers(self, influence):
        """Return the multipliers of influences, and what they leave of the weights.

        Parameters
        ----------
        influence : ndarray of shape (n_influences, n_rows)
            The influences.

        Returns
        -------
        multipliers : ndarray of shape (n_influences,)
            By least squares over the free rows.
        left : float
            Relative to the weights.
        """
        scale = np.sqrt(self.inverse_count)
        rows = influence * scale
        inverse = np.divide(1.0, scale, out=np.zeros_like(scale), where=scale > 0)
        asked = self.epsilon * inverse
        found, *_ = np.linalg.lstsq(rows.T, asked, rcond=None)
        size = max(float(np.linalg.norm(asked)), np.finfo(float).tiny)
        return found, float(np.linalg.norm(asked - found @ rows)) / size


@dataclass(frozen=True, eq=False)
class _Point:
    """Where the metrics were linearised for the weights that were kept.

    Attributes
    ----------
    model : LinearModel
        The model there.
    rows : RowBlocks
        Training rows that know their slopes there, and their weights in the fit.
    inverse : InverseCurvature
        Of the curvature there.
    multipliers : ndarray of shape (n_metrics + 1,)
        Of the metrics and, last, the utility.
    objective_weight : float
        What the original training objective counts in what is least.
    """

    model: Any
    rows: Any
    inverse: Any
    multipliers: np.ndarray
    objective_weight: float


def note_pull(problem, first, parameters, weights):
    """Let evaluation rows know their offset with their own pull in it.

    Parameters
    ----------
    problem, first
        See :func:`estimate`.
    parameters : ndarray of shape (n_parameters,)
        The corrected model.
    weights : FreeWeights
        The changes of the weights that led to it.
    """
    multipliers, left = weights.multipliers(first.rows.collect("influence"))
    if left <= _IS_COMBINATION:
        point = _at_original(problem, multipliers)
    else:
        point = _at_corrected(problem, parameters, weights)
    point.rows.spread("share", weights.inverse_count)
    root = _root(point)
    measured = BlockEvaluation(problem.evaluation, point.model)
    call = partial(
        _note_pull,
        matrix=point.model.matrix,
        pull=measured.pull(point.multipliers),
        root=root,
    )
    measured.rows.reduce(call)


def _rows_at(problem, model):
    """Return training rows of their own, which know their slopes at a model."""
    rows = problem.objective.rows
    noted = {name: rows.collect(name) for name in ("code", "weight", "count")}
    rows = rows.beside(**noted)
    rows.reduce(
        partial(passes.derivatives, loss=model.training_loss, matrix=model.matrix)
    )
    return rows


def _at_original(problem, multipliers):
    model = problem.objective.model
    rows = _rows_at(problem, model)
    return _Point(model, rows, problem.first_inverse, multipliers, 0.0)


def _at_corrected(problem, parameters, weights):
    model = problem.objective.model.at(parameters)
    rows = _rows_at(problem, model)
    inverse = _inverse_under(problem, model, rows, weights.epsilon)
    evaluation = BlockEvaluation(problem.evaluation, model)
    objective = TrainingObjective(model, rows)
    measured = objective.measure_start(evaluation.rows, evaluation.first())
    n = len(measured) // 2
    _, gradients = evaluation.linearized(measured[:n], measured[n:])
    # In the place of the utility, what pulls the model back to the fit.
    gradients[-1] = problem.view.objective_gradient(
        problem.rows, parameters, problem.rows.weight
    )
    directions = np.ascontiguousarray(inverse.solve(gradients.T).vectors.T)
    objective.note_influences(directions, _nothing)
    multipliers, _ = weights.multipliers(rows.collect("influence"))
    objective_weight = max(float(multipliers[-1]), 0.0)
    multipliers[-1] = 0.0
    return _Point(model, rows, inverse, multipliers, objective_weight)


def _nothing(block):
    return ()


def _inverse_under(problem, model, rows, epsilon):
    """Return the inverse curvature at a model under changed weights."""
    weight = problem.rows.weight * (1.0 + epsilon)
    changed = rows.beside(code=rows.collect("code"), weight=weight)
    start = TrainingObjective(model, changed).start(dense=True)
    return problem.influence.invert_operator(
        problem.view, start.curvature, start.total_weight
    )


def _root(point):
    r"""Return the matrices of a factor R with :math:`R^\top R = P`.

    Returns
    -------
    ndarray of shape (n_parameters, n_outputs, n_columns)
    """
    model = point.model
    ((gram,),) = point.rows.reduce(gradient_gram)
    root = linalg.block_diag(*(matrix for _, matrix in point.inverse.roots()))
    values, vectors = linalg.eigh(root @ model.pack_both(gram) @ root.T)
    values = values.clip(0.0)
    values /= 1.0 + point.objective_weight * values
    # A triangle of it, whose products with rows cost half.
    factor = linalg.qr(np.sqrt(values)[:, None] * (vectors.T @ root), mode="r")[0]
    return model.unpack(factor)


def _note_pull(block, matrix, pull, root):
    """Note the offset of a block's rows with their own pull in it."""
    slope = pull(block, block.margins(matrix))
    inner = joint_products(block, root)
    block[NAME] = block["offset"] + np.einsum("abn,bn->an", inner, slope)
    return ()
