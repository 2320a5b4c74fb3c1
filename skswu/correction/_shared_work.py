r"""Work that corrections of one model at many strengths have in common.

With :math:`\varepsilon = A^\top \lambda` on all but the few samples C at a bound,
the curvature under the weights :math:`w (1 + \varepsilon)` is

.. math:: H(w) + \sum_j \lambda_j \sum_i a_{ji} w_i \nabla^2 \ell_i
          + \sum_{i \in C} (\varepsilon_i - (A^\top \lambda)_i) w_i \nabla^2 \ell_i,

so that one dense matrix a row of A serves all strengths; and so for the gradient.
Products with the data are made for many strengths at once.
"""

from copy import copy

import numpy as np

from ..influence import CurvatureOperator

# Entries of the largest array of a block of strengths, 8 bytes each.
_BLOCK_ENTRIES = 2**23
# Samples whose weight is off the span of the influences by less are in it.
_SPAN_TOLERANCE = 1e-10
# With a larger share of the samples at a bound, a curvature is not worth sharing.
_MAX_CLIPPED_SHARE = 0.25


class KnownWeighting:
    """A weighting whose weights are known."""

    def __init__(self, weighting, weights):
        self._weighting = weighting
        self._weights = weights

    def __getattr__(self, name):
        return getattr(self._weighting, name)

    def weigh(self, metrics):
        """Return the weights."""
        return self._weights


class KnownUpdate:
    """An update whose full step is known."""

    def __init__(self, update, step):
        self._update = update
        self._step = step

    def __getattr__(self, name):
        return getattr(self._update, name)

    def move(self, move):
        """Follow the step."""
        return self._update.follow(move, self._step)


class KnownView:
    """A view that is asked again for what was computed for all strengths at once.

    Parameters
    ----------
    view : LinearModelView
        The model.
    losses : ndarray of shape (n_samples,)
        Of the training rows under the original model.
    gradients : list of tuple (parameters, gradient)
        Of the training objective under the changed weights.
    change : ndarray of shape (n_parameters,) or None, default=None
        The change of the original model's gradient with the weights; None asks the
        view.
    curvature : CurvatureOperator or None, default=None
        That of the original model; None asks the view.
    """

    def __init__(self, view, losses, gradients, change=None, curvature=None):
        self._view = view
        self._losses = losses
        self._gradients = gradients
        self._change = change
        self._curvature = curvature

    def __getattr__(self, name):
        return getattr(self._view, name)

    def losses(self, rows, parameters):
        """Return the losses, those of the original model from memory."""
        if parameters is self._view.parameters:
            return self._losses
        return self._view.losses(rows, parameters)

    def loss_gradient(self, rows, parameters, weight):
        """Return the gradient of the losses; of the original model, their change."""
        if self._change is not None and parameters is self._view.parameters:
            return self._change
        return self._view.loss_gradient(rows, parameters, weight)

    def objective_value(self, rows, parameters, weight):
        """Return the training objective."""
        loss = float(weight @ self.losses(rows, parameters))
        return loss + self._view.penalty(rows, parameters)

    def objective_gradient(self, rows, parameters, weight):
        """Return the gradient of the training objective, from memory if it is there."""
        for known, gradient in self._gradients:
            if known is parameters or np.array_equal(known, parameters):
                return gradient
        return self._view.objective_gradient(rows, parameters, weight)

    def curvature(self, rows, parameters, weight, kind="auto"):
        """Return the curvature, the known one of the original model."""
        if self._curvature is not None and parameters is self._view.parameters:
            return self._curvature
        return self._view.curvature(rows, parameters, weight, kind)


class CombinedCurvature(CurvatureOperator):
    """A curvature whose dense blocks are known.

    Parameters
    ----------
    operator : CurvatureOperator
        Of the same size and null directions.
    blocks : list of tuple (indices, matrix)
        The dense blocks.
    """

    def __init__(self, operator, blocks):
        self.operator = operator
        self.n_parameters = operator.n_parameters
        self.blocks = blocks

    def product(self, vectors):
        product = np.zeros_like(vectors)
        for indices, matrix in self.blocks:
            product[indices] = matrix @ vectors[indices]
        return product

    def dense_blocks(self):
        return [(indices, matrix.copy()) for indices, matrix in self.blocks]

    def largest_block_size(self):
        return max(len(matrix) for _, matrix in self.blocks)

    def null_directions(self):
        return self.operator.null_directions()


class KeptCurvature:
    """A curvature operator that keeps a copy of its dense blocks once they are made."""

    def __init__(self, operator):
        self._operator = operator
        self.blocks = None

    def __getattr__(self, name):
        return getattr(self._operator, name)

    def dense_blocks(self):
        """Return the blocks, for the caller to overwrite."""
        blocks = self._operator.dense_blocks()
        self.blocks = [(indices, matrix.copy()) for indices, matrix in blocks]
        return blocks


class KeepingView:
    """A view that keeps the curvature it was asked for last."""

    def __init__(self, view):
        self._view = view
        self.kept = None

    def __getattr__(self, name):
        return getattr(self._view, name)

    def curvature(self, *args):
        """Return the curvature."""
        self.kept = KeptCurvature(self._view.curvature(*args))
        return self.kept


class SharedSums:
    """Gradients and curvatures of the original model, under weights in a span.

    Parameters
    ----------
    view : LinearModelView
        The model.
    rows : LinearRows
        Its training rows.
    kept : KeptCurvature
        Under the fit's weights.
    directions : ndarray of shape (m, n_samples)
        Rows that span the relative changes of the weights.
    """

    def __init__(self, view, rows, kept, directions):
        self.view, self.rows = view, rows
        self.kept = kept
        self.directions = directions
        self.scales = np.abs(directions).max(axis=1)
        self._along = {}
        self._left = np.empty(len(rows))

    def at(self, weights):
        """Return the change of the loss's gradient under Weights, and the curvature."""
        multipliers = weights.multipliers[: len(self.directions)]
        if not np.isfinite(multipliers).all():
            return self._alone(weights.epsilon)
        left = np.matmul(multipliers, self.directions, out=self._left)
        np.subtract(weights.epsilon, left, out=left)
        size = max(weights.epsilon.max(), -weights.epsilon.min())
        off = np.flatnonzero(np.abs(left) > _SPAN_TOLERANCE * size)
        if len(off) > _MAX_CLIPPED_SHARE * len(left):
            return self._alone(weights.epsilon)
        change = np.zeros(len(self.view.parameters))
        terms = [(1.0, self.kept.blocks)]
        for j in np.flatnonzero(multipliers * self.scales):
            change_along, blocks = self._changes_along(j)
            change += multipliers[j] * self.scales[j] * change_along
            terms.append((multipliers[j] * self.scales[j], blocks))
        if len(off):
            rows = self.rows.take(off)
            change += self._gradient(rows, left[off])
            terms.append((1.0, self._unpenalized(rows, left[off])))
        return change, CombinedCurvature(self.kept, _sum(terms))

    def _alone(self, epsilon):
        weight = self.rows.weight * (1.0 + epsilon)
        curvature = self.view.curvature(self.rows, self.view.parameters, weight)
        return self._gradient(self.rows, epsilon), curvature

    def _gradient(self, rows, epsilon):
        weight = rows.weight * epsilon
        return self.view.loss_gradient(rows, self.view.parameters, weight)

    def _changes_along(self, j):
        """Return the changes along a direction of largest entry 1."""
        if j not in self._along:
            # Weights of one sign take one product with the data, of two signs two.
            change, curvature = self._alone(self.directions[j] / self.scales[j])
            blocks = curvature.dense_blocks()
            blocks = _sum([(1.0, blocks), (-1.0, self.kept.blocks)])
            self._along[j] = change, blocks
        return self._along[j]

    def _unpenalized(self, rows, epsilon):
        operator = self.view.curvature(
            rows, self.view.parameters, rows.weight * epsilon
        )
        operator.penalty = np.zeros_like(operator.penalty)
        return operator.dense_blocks()


class SharedWork:
    """Make correctors that share what can be shared.

    Parameters
    ----------
    corrector : Corrector
        Of the problem.

    Attributes
    ----------
    first : LinearizedMetrics
        The metrics around the original model.
    inverse : InverseCurvature
        Of the original model.
    """

    def __init__(self, corrector):
        self.corrector = corrector
        view, update = corrector.view, corrector.update
        keeping = corrector.view = KeepingView(view)
        self.first, self.inverse = corrector.linearize()
        corrector.view = view
        self._kept = keeping.kept
        self._is_blockwise = (
            view.works_in_blocks
            and update.has_full_step
            and update.max_iter == 1
            and self._kept is not None
            and self._kept.blocks is not None
        )

    def correctors(self, weightings):
        """Yield a Corrector for each weighting, which differ in their strength."""
        if not self._is_blockwise:
            for weighting in weightings:
                yield self._with(weighting=weighting)
            return
        size = max(_BLOCK_ENTRIES // len(self.corrector.rows), 1)
        self._start()
        for start in range(0, len(weightings), size):
            yield from self._block(weightings[start : start + size])

    def _with(self, **parts):
        corrector = copy(self.corrector)
        vars(corrector).update(parts)
        return corrector

    def _start(self):
        view, rows, first = self.corrector.view, self.corrector.rows, self.first
        directions = np.vstack([first.influence, first.utility_influence])
        weight = first.sample_weight
        if weight is not None and np.ptp(weight) > 0:
            # Weights are found in units in which a sample counts by its weight.
            directions[:, weight > 0] /= weight[weight > 0]
        self._sums = SharedSums(view, rows, self._kept, directions)
        self._margins = view._margins(rows, view.parameters)
        self._losses = view.losses(rows, view.parameters)
        self._gradient = view.objective_gradient(rows, view.parameters, rows.weight)

    def _block(self, weightings):
        view, rows = self.corrector.view, self.corrector.rows
        evaluated = self.corrector.evaluation.rows
        with self.corrector.timer("weighting"):
            strengths = [one.strength for one in weightings]
            known = list(weightings[0].weigh_along(self.first, strengths))
        with self.corrector.timer("update"):
            changes, steps = self._steps(known)
            moved = view.parameters[:, None] + 1.0 * steps
            margins = view.block_margins(rows, moved)
            measured = margins
            if evaluated is not rows:
                measured = view.block_margins(evaluated, moved)
            gradients = view.block_loss_gradients(
                rows, margins, _ChangedWeights(rows.weight, known)
            )
        for k, weighting in enumerate(weightings):
            parameters = moved[:, k].copy()
            # Rows keep the margins of two; the start is asked for again each time.
            rows.remember_margins(view.parameters, self._margins)
            rows.remember_margins(parameters, margins[k])
            if evaluated is not rows:
                evaluated.remember_margins(parameters, measured[k])
            answers = [
                (view.parameters, changes[:, k] + self._gradient),
                (parameters, gradients[:, k] + view.penalty_gradient(rows, parameters)),
            ]
            yield self._with(
                weighting=KnownWeighting(weighting, known[k]),
                update=KnownUpdate(self.corrector.update, steps[:, k]),
                view=KnownView(view, self._losses, answers, changes[:, k]),
            )

    def _steps(self, known):
        """Return changes of the gradient and full steps, (n_parameters, n_weights)."""
        changes, steps = [], []
        for weights in known:
            change, curvature = self._sums.at(weights)
            changes.append(change)
            steps.append(self._step(weights, change, curvature))
        return np.column_stack(changes), np.column_stack(steps)

    def _step(self, weights, change, curvature):
        """Return the update's full step under weights."""
        original = self.corrector.view
        view = KnownView(
            original,
            self._losses,
            [(original.parameters, change + self._gradient)],
            change,
            curvature,
        )
        move = self._with(view=view).make_move(
            original.parameters, weights.epsilon, self.inverse, target=None
        )
        return self.corrector.update.full_step(move)


class _ChangedWeights:
    """Sample weights under many changes, by slices of the rows."""

    def __init__(self, weight, known):
        self.weight = weight
        self.known = known

    def __call__(self, chunk):
        """Return the weights, (n_weights, n_rows)."""
        changed = np.stack([weights.epsilon[chunk] for weights in self.known])
        changed += 1.0
        changed *= self.weight[chunk]
        return changed


def _sum(terms):
    """Add up dense blocks, each with a factor."""
    _, first = terms[0]
    summed = []
    for position, (indices, _) in enumerate(first):
        matrix = sum(factor * blocks[position][1] for factor, blocks in terms)
        summed.append((indices, matrix))
    return summed
