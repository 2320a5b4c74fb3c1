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

and the gradients of a block of problems are two matrix-matrix products a chunk of rows.

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
from ._newton import minimize
from ._removed_rows import RemovedRows, row_norms

# Entries of the largest temporary of a block of problems, 8 bytes each.
_BLOCK_ENTRIES = 2**19
# A chord that has not converged by then does so too slowly to be worth it.
_MAX_CHORD_STEPS = 8
# Newton's last step from here leaves nothing but rounding.
_CENTRE_TOL = 1e-9


class LeaveOneOutSolver:
    r"""Solve the training problems without one sample.

    Parameters
    ----------
    view : LinearModelView
        The fitted model.
    rows : LinearRows
        Its training rows.
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

    def __init__(self, view, rows, tol):
        self.view = view
        self.rows = rows
        self.tol = tol
        self.centre, self.converged = minimize(
            view, rows, rows.weight, view.parameters, _CENTRE_TOL
        )
        self._margins = view._margins(rows, self.centre)
        self._operator = view.curvature(rows, self.centre, rows.weight)
        self._inverse = make_inverse_curvature("auto", self._operator)
        gradient = view.objective_gradient(rows, self.centre, rows.weight)
        self._gradient = gradient[:, None]
        self._rounding = self._gradient_rounding()
        self.block_size = self._choose_block_size()
        self._row_norm = self._largest_row_norm()

    def _gradient_rounding(self):
        """Return the length below which a gradient is the rounding of its sum."""
        squared = (self._gradient * self._inverse.solve(self._gradient)).sum()
        return 10.0 * np.sqrt(max(squared, 0.0))

    def _choose_block_size(self):
        n_outputs = self._margins.shape[1]
        chunk = next(self.rows.design.chunks())
        largest = max(chunk.stop - chunk.start, self.centre.size * n_outputs)
        return int(np.clip(_BLOCK_ENTRIES // (largest * n_outputs), 8, 1024))

    def _largest_row_norm(self):
        """Return the bound on the move of a margin by a step of unit length."""
        exact = self._inverse.n_products_ == 0
        if not (exact and np.isfinite(self.rows.loss.self_concordance)):
            return np.inf
        # The range of several margins is at most twice the largest.
        factor = 1.0 if self.rows.loss.separable else 2.0
        starts = range(0, len(self.rows), self.block_size)
        blocks = (slice(start, start + self.block_size) for start in starts)
        norms = [
            row_norms(self.view, self.rows, self._inverse, block).max()
            for block in blocks
        ]
        return factor * max(norms)

    def solve(self, indices):
        r"""Return the minimisers without each of the samples.

        Parameters
        ----------
        indices : ndarray of shape (n_problems,)
            Positions of the samples to leave out, one a problem.

        Returns
        -------
        parameters : ndarray of shape (n_parameters, n_problems)
            The minimisers.
        converged : ndarray of bool of shape (n_problems,)
            Whether the tolerance is met.
        """
        moved = np.zeros((self.centre.size, len(indices)))
        removed = RemovedRows(
            self.view, self.rows, self._margins, self._inverse, indices
        )
        with np.errstate(over="ignore", invalid="ignore"):
            left, goal = self._follow_chords(moved, removed)
        converged = np.ones(len(indices), dtype=bool)
        for problem in left:
            moved[:, problem], converged[problem] = self._solve_alone(
                indices[problem], goal[problem]
            )
        return self.centre[:, None] + moved, converged

    def _follow_chords(self, moved, removed):
        """Take chord steps in place; return what is left to solve, and all goals."""
        left = np.arange(moved.shape[1])
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
            moved[:, left] += np.where(small & ~certain, 0.0, step)
            unfinished = np.flatnonzero(~(small | certain))
            left, removed = left[unfinished], removed.take(unfinished)
            if len(left) == 0:
                break
            gradient, reach = self._gradients(moved[:, left], removed)
        return left, goal

    def _growth(self, reach):
        """Return the largest relative change of the Hessian over moves of margins."""
        if not np.isfinite(self._row_norm):
            return np.inf
        return np.expm1(self.rows.loss.self_concordance * reach)

    def _gradients(self, moved, removed):
        """Return the problems' gradients, and how far their margins have moved."""
        view, design = self.view, self.rows.design
        matrix = view._unpack(moved)
        n_outputs, n_columns, n_problems = matrix.shape
        columns = matrix.transpose(1, 0, 2).reshape(n_columns, -1)
        total = np.zeros_like(columns)
        reach = np.zeros(n_problems)
        for chunk in design.chunks():
            change = design.product(chunk, columns).reshape(-1, n_outputs, n_problems)
            np.maximum(reach, self._spread(change).max(axis=0), out=reach)
            slope = self._slopes(chunk, change.transpose(0, 2, 1)).transpose(0, 2, 1)
            design.add_transpose_product(chunk, slope.reshape(len(slope), -1), total)
        total = total.reshape(n_columns, n_outputs, n_problems).transpose(1, 0, 2)
        penalty = view.penalty_gradient(self.rows, self.centre)[:, None]
        penalty = penalty + self._operator.penalty[:, None] * moved
        return total[view._free] + penalty - removed.gradient(moved), reach

    def _spread(self, change):
        """Return how far margins (n_rows, n_outputs, n_problems) have moved."""
        if self.rows.loss.separable:
            return np.abs(change).max(axis=1)
        return change.max(axis=1) - change.min(axis=1)

    def _slopes(self, chunk, change):
        """Return weighted derivatives of losses, (n_rows, n_problems, n_outputs)."""
        rows = self.rows
        z = self._margins[chunk, None, :] + change
        codes = np.repeat(rows.codes[chunk], z.shape[1])
        slope = rows.loss.gradient(codes, z.reshape(-1, z.shape[2])).reshape(z.shape)
        slope *= rows.weight[chunk, None, None]
        return slope

    def _solve_alone(self, index, goal):
        """Return how the parameters move without a sample, by Newton steps."""
        weight = self.rows.weight.copy()
        weight[index] = 0.0
        found, converged = minimize(self.view, self.rows, weight, self.centre, goal)
        return found - self.centre, converged
