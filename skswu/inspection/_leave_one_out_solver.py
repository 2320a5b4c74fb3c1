r"""Many leave-one-out problems of a linear model, solved side by side.

Without sample i the training objective is :math:`F_i(\theta) = L(\theta; w) - w_i
\ell_i(\theta)`. All problems start from the minimiser :math:`\hat\theta` of L and take
chord steps, Newton steps that keep the Hessian of the start,

.. math:: \theta \leftarrow \theta - H_i^{-1} \nabla F_i(\theta), \qquad
          H_i = \nabla^2 F_i(\hat\theta) = H - J_i^\top S_i J_i,

with :math:`J_i` the derivative of the sample's margins in the parameters and
:math:`S_i` the Hessian of its weighted loss in its margins. One factor of H serves all
of them, by the Sherman-Morrison-Woodbury identity

.. math:: H_i^{-1} = H^{-1} + H^{-1} J_i^\top (I - S_i Q_i)^{-1} S_i J_i H^{-1},
          \qquad Q_i = J_i H^{-1} J_i^\top,

and the gradients of a block of problems are two matrix-matrix products for each block
of rows.

When to stop is known without a look at the new gradient. Let a loss be self-concordant
in the sense of Bach (2010): its Hessian in the margins changes at most by the factor
:math:`e^{\pm c\,r}` when the margins move by r (their range, if there are several).
Then, with r the farthest that any row's margin is from its start on the way of a step
s, :math:`\|\nabla^2 F_i - H_i\|` in the metric of :math:`H_i` is at most :math:`e^{c
r} - 1`, and integrating along the step gives

.. math:: \|\nabla F_i(\theta + s)\|_{H_i^{-1}} \le (e^{c r} - 1)
          \, \|\nabla F_i(\theta)\|_{H_i^{-1}}, \qquad
          r \le \max_j |x_j \cdot (\theta - \hat\theta)| + \max_j \|x_j\|_{H^{-1}}
          \|s\|_H .

Without such a c (the squared hinge), or with an iterative solver in place of a factor,
the gradient is measured once more instead. Problems that a few chord steps do not
finish are solved one by one, with Newton steps that take their own Hessian.

References
----------
Sherman and Morrison, "Adjustment of an Inverse Matrix Corresponding to a Change in One
Element of a Given Matrix", 1950.
Pregibon, "Logistic Regression Diagnostics", 1981 (the first step).
Bach, "Self-concordant analysis for logistic regression", 2010.
"""

import numpy as np

from ..influence import make_inverse_curvature
from ..linear import TrainingObjective
from ._newton import minimize, solves_directly
from ._removed_rows import RemovedRows, row_norms, solve_rows

# Entries of the largest temporary of a block of problems, 8 bytes each.
_BLOCK_ENTRIES = 2**19
# A chord that has not converged by then does so too slowly to be worth it.
_MAX_CHORD_STEPS = 8
# Newton's last step from here leaves nothing but rounding.
_CENTRE_TOL = 1e-9


class LeaveOneOutSolver:
    r"""Solve the training problems without one sample.

    Blocks of vectors have one a problem, shape (n_problems, n_parameters). Threads may
    share a solver.

    Parameters
    ----------
    objective : TrainingObjective
        Of the fitted model on its training rows, which are in memory.
    tol : float
        The :math:`\|\nabla F_i\|_{H_i^{-1}}` to reach, relative to that at the
        minimiser with all samples.

    Attributes
    ----------
    centre : ndarray of shape (n_parameters,)
        The minimiser with all samples.
    converged : bool
        Whether it was reached.
    block_size : int
        Number of problems to give to one call of :meth:`solve`, so that memory is
        bounded.
    """

    def __init__(self, objective, tol):
        self.tol = tol
        self._codes = objective.rows.collect("code")
        weight = objective.rows.collect("weight")
        ones = np.broadcast_to(1.0, self._codes.shape)
        self._weight = ones if weight is None else weight
        self._rows = objective.rows.beside(code=self._codes, weight=weight)
        objective = TrainingObjective(objective.model, self._rows)
        self.centre, self.converged = minimize(objective, _CENTRE_TOL)
        self._model = objective.model.at(self.centre)
        self._loss = self._model.training_loss
        self._is_direct = solves_directly(objective)
        start = TrainingObjective(self._model, self._rows).start(self._is_direct)
        self._gradient = start.gradient
        self._inverse = make_inverse_curvature("auto", start.curvature)
        self._margins = self._centre_margins()
        self._rounding = self._gradient_rounding()
        self.block_size = self._choose_block_size()
        self._row_norm = self._largest_row_norm()

    def _centre_margins(self):
        margins = np.empty((len(self._model.matrix), self._rows.n_rows))
        for block in self._rows.blocks:
            margins[:, block.rows] = block.margins(self._model.matrix)
        return margins

    def _gradient_rounding(self):
        """Return the length below which a gradient is the rounding of its sum."""
        squared = self._gradient @ solve_rows(self._inverse, self._gradient[None])[0]
        return 10.0 * np.sqrt(max(squared, 0.0))

    def _choose_block_size(self):
        n_outputs = len(self._margins)
        largest = max(
            next(iter(self._rows.blocks)).n_rows, self.centre.size * n_outputs
        )
        return int(np.clip(_BLOCK_ENTRIES // (largest * n_outputs), 8, 1024))

    def _largest_row_norm(self):
        """Return the bound on the move of a margin by a step of unit length."""
        if not (self._is_direct and np.isfinite(self._loss.self_concordance)):
            return np.inf
        # The range of several margins is at most twice the largest.
        factor = 1.0 if self._loss.separable else 2.0
        norms = []
        for start in range(0, self._rows.n_rows, self.block_size):
            x = self._rows.dense_rows(slice(start, start + self.block_size))
            norms.append(row_norms(self._model, self._inverse, x).max())
        return factor * max(norms)

    def solve(self, indices):
        r"""Return the minimisers without each of the samples.

        Parameters
        ----------
        indices : ndarray of shape (n_problems,)
            Positions of the samples to leave out, one a problem.

        Returns
        -------
        parameters : ndarray of shape (n_problems, n_parameters)
            The minimisers.
        converged : ndarray of bool of shape (n_problems,)
            Whether the tolerance is met.
        """
        moved = np.zeros((len(indices), self.centre.size))
        with np.errstate(over="ignore", invalid="ignore"):
            left, goal = self._follow_chords(moved, self._without(indices))
        converged = np.ones(len(indices), dtype=bool)
        for problem in left:
            moved[problem], converged[problem] = self._solve_alone(
                indices[problem], goal[problem]
            )
        return self.centre + moved, converged

    def _without(self, indices):
        """Return the rows that the problems leave out."""
        return RemovedRows(
            self._model,
            self._inverse,
            self._rows.dense_rows(indices),
            self._codes[indices],
            self._weight[indices],
            self._margins[:, indices],
        )

    def _follow_chords(self, moved, removed):
        """Take chord steps in place; return what is left to solve, and all goals."""
        left = np.arange(len(moved))
        gradient = self._gradient - removed.gradient(moved)
        reach = np.zeros(len(left))
        goal = None
        for _ in range(_MAX_CHORD_STEPS):
            step, norm, full_norm = removed.newton_step(gradient)
            if goal is None:
                goal = np.fmax(self.tol * norm, self._rounding)
            ahead = norm * self._growth(reach + self._row_norm * full_norm)
            small, certain = norm <= goal[left], ahead <= goal[left]
            # A gradient that is known to be small is not left for one that is not.
            moved[left] += np.where((small & ~certain)[:, None], 0.0, step)
            unfinished = np.flatnonzero(~(small | certain))
            left, removed = left[unfinished], removed.take(unfinished)
            if len(left) == 0:
                break
            gradient, reach = self._gradients(moved[left], removed)
        return left, goal

    def _growth(self, reach):
        """Return the largest relative change of the Hessian over moves of margins."""
        if not np.isfinite(self._row_norm):
            return np.inf
        return np.expm1(self._loss.self_concordance * reach)

    def _gradients(self, moved, removed):
        """Return the problems' gradients, and how far their margins have moved."""
        model = self._model
        matrices = model.unpack(moved)
        total, reach = np.zeros_like(matrices), np.zeros(len(moved))
        for block in self._rows.blocks:
            z = block.margins(matrices)
            np.maximum(reach, self._spread(z), out=reach)
            z += self._margins[:, block.rows]
            slope = self._loss.gradient(block["code"], z)
            slope *= block.weight
            total += block.sums(slope)
        penalty = model.penalty_gradient(self.centre) + model.l2 * moved
        return model.pack(total) + penalty - removed.gradient(moved), reach

    def _spread(self, change):
        """Return how far margins (n_problems, n_outputs, n_rows) have moved at most."""
        if self._loss.separable:
            return np.maximum(change.max(axis=(1, 2)), -change.min(axis=(1, 2)))
        return np.ptp(change, axis=1).max(axis=1)

    def _solve_alone(self, index, goal):
        """Return how the parameters move without a sample, by Newton steps."""
        weight = self._weight.copy()
        weight[index] = 0.0
        # Threads note derivatives beside rows of their own.
        rows = self._rows.beside(code=self._codes, weight=weight)
        found, converged = minimize(TrainingObjective(self._model, rows), goal)
        return found - self.centre, converged
