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
# Influences this close to combinations of each other, squared, are taken for such.
_SAME = 1e-12


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
    free = note_free(first.rows, kept, weighting)
    if free is None:
        return None
    note_pull(problem, kept.state.model, free)
    values, errors = problem.measure_with_offset(NAME, kept.state.model)
    counts = [len(metric.names) for metric in problem.metrics]
    values[~np.repeat([one.is_of_scores for one in problem.metrics], counts)] = np.nan
    first.rows.forget("share")
    problem.evaluation.rows.blocks.forget(NAME)
    return values, errors


@dataclass(frozen=True, eq=False)
class Combination:
    """What rows that are off all bounds say of multipliers of influences.

    Attributes
    ----------
    gram : ndarray of shape (n_influences, n_influences)
        Of their influences, by one over their sample weights.
    right : ndarray of shape (n_influences,)
        The products of the influences with the changes of the weights.
    square : float
        The squared size of the changes, by the sample weights.
    """

    gram: np.ndarray
    right: np.ndarray
    square: float

    def multipliers(self):
        """Return the multipliers of influences, and what they leave of the weights.

        Returns
        -------
        multipliers : ndarray of shape (n_influences,)
            By least squares over the free rows.
        left : float
            Relative to the weights.
        """
        unit = np.sqrt(np.diag(self.gram))
        unit[unit == 0] = 1.0
        scaled = self.gram / unit / unit[:, None]
        found = np.linalg.lstsq(scaled, self.right / unit, rcond=_SAME)[0] / unit
        left = self.square - 2.0 * found @ self.right + found @ self.gram @ found
        size = max(self.square, np.finfo(float).tiny)
        return found, float(np.sqrt(max(left, 0.0) / size))


def note_free(rows, kept, weighting):
    """Let rows know their change of the weights, and which are off all bounds.

    Parameters
    ----------
    rows : RowBlocks
        Training rows that know their influences.
    kept : Tried
        The step that led to a model.
    weighting : BaseWeighting
        That chose its weights.

    Returns
    -------
    Combination or None
        None where there is no estimate, see :func:`estimate`.
    """
    kept.note(rows)
    (sums,) = rows.reduce(partial(_note_share, weighting=weighting))
    n_free, n_negative = sums
    if not n_free or n_negative:
        return None
    return _combination(rows)


def _note_share(block, weighting):
    """Note one over the sample weights of free rows, and 0 for others."""
    epsilon = block["epsilon"]
    is_free = weighting.are_combinations(epsilon)
    if is_free is None:
        is_free = np.zeros(block.n_rows, dtype=bool)
    block["share"] = np.where(is_free, block.inverse_count, 0.0)
    return np.count_nonzero(is_free), np.count_nonzero(epsilon < -1.0)


def _combination(rows):
    """Return the Combination of rows that know share, epsilon and influence."""
    ((gram, right, square),) = rows.reduce(_products)
    return Combination(gram, right, float(square))


def _products(block):
    share, influence = block["share"], block["influence"]
    epsilon = block["epsilon"] * (share > 0)
    gram = (influence * share) @ influence.T
    return gram, influence @ epsilon, (epsilon * block.count) @ epsilon


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


def note_pull(problem, parameters, free):
    """Let evaluation rows know their offset with their own pull in it.

    Parameters
    ----------
    problem
        See :func:`estimate`.
    parameters : ndarray of shape (n_parameters,)
        The corrected model.
    free : Combination
        As :func:`note_free` returned it.
    """
    multipliers, left = free.multipliers()
    if left <= _IS_COMBINATION:
        point = _at_original(problem, multipliers)
    else:
        point = _at_corrected(problem, parameters)
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
    rows = problem.objective.rows.apart("code", "weight", "count", "epsilon", "share")
    rows.reduce(
        partial(passes.derivatives, loss=model.training_loss, matrix=model.matrix)
    )
    return rows


def _at_original(problem, multipliers):
    model = problem.objective.model
    rows = _rows_at(problem, model)
    return _Point(model, rows, problem.first_inverse, multipliers, 0.0)


def _at_corrected(problem, parameters):
    model = problem.objective.model.at(parameters)
    moving = model.are_moving(parameters, 0.0)
    model = model.part(moving)
    rows = _rows_at(problem, model)
    inverse = _inverse_under(problem, model, rows)
    evaluation = BlockEvaluation(problem.evaluation, model)
    objective = TrainingObjective(model, rows)
    measured = objective.measure_start(evaluation.rows, evaluation.first())
    n = len(measured) // 2
    _, gradients = evaluation.linearized(measured[:n], measured[n:])
    # In the place of the utility, what pulls the model back to the fit.
    gradients[-1] = problem.view.gradient_at(problem.rows, parameters)[moving]
    directions = np.ascontiguousarray(inverse.solve(gradients.T).vectors.T)
    objective.note_influences(directions, _nothing)
    multipliers, _ = _combination(rows).multipliers()
    objective_weight = max(float(multipliers[-1]), 0.0)
    multipliers[-1] = 0.0
    return _Point(model, rows, inverse, multipliers, objective_weight)


def _nothing(block):
    return ()


def _note_changed_weight(block):
    block["changed weight"] = block.weight * (1.0 + block["epsilon"])
    return ()


def _inverse_under(problem, model, rows):
    """Return the inverse curvature at a model under changed weights."""
    rows.reduce(_note_changed_weight)
    changed = rows.apart("code", weight="changed weight")
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
