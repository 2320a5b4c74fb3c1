"""The part of single rows in a linear model's curvature, and how to remove it."""

from copy import copy

import numpy as np

_SINGULAR = 1e-9


class RemovedRows:
    r"""Rows of which each is left out of a problem of its own.

    Problem b is the training objective without row b: its Hessian :math:`H_b = H -
    J_b^\top S_b J_b` is inverted by the Sherman-Morrison-Woodbury identity from the
    inverse of H, see :mod:`skswu.inspection._leave_one_out_solver`. Blocks of vectors
    have one a problem, shape (n_problems, n_parameters).

    Parameters
    ----------
    model : LinearModel
        The model.
    inverse : InverseCurvature
        Solves with H.
    x : ndarray of shape (n_problems, n_columns)
        The rows to leave out.
    codes : ndarray of shape (n_problems,)
        Their labels.
    weight : ndarray of shape (n_problems,)
        Their weights.
    margins : ndarray of shape (n_outputs, n_problems)
        Their margins where H was taken.
    """

    def __init__(self, model, inverse, x, codes, weight, margins):
        self.model = model
        self.inverse = inverse
        self.x, self.codes, self.weight, self.margins = x, codes, weight, margins
        self._solved = solve_with_rows(model, inverse, x)
        self.curvature = self._margin_curvature()
        inner = project_solved(model, x, self._solved)
        system = np.eye(len(margins)) - self.curvature @ inner
        # Without such a row, the Hessian is singular: no step from here is right.
        system[np.linalg.det(system) < _SINGULAR] = np.nan
        self._core = np.linalg.solve(system, self.curvature)

    def _margin_curvature(self):
        """Return the Hessians S of the weighted losses in the margins."""
        loss = self.model.training_loss
        _, _, second = loss.derivatives(self.codes, self.margins)
        unit = np.eye(len(self.margins))[:, :, None]
        columns = loss.curve(second, np.broadcast_to(unit, (len(unit), *second.shape)))
        return self.weight[:, None, None] * columns.transpose(2, 1, 0)

    def take(self, positions):
        """Return the problems at ``positions``."""
        taken = copy(self)
        for name in ("x", "codes", "weight", "curvature", "_core", "_solved"):
            setattr(taken, name, getattr(self, name)[positions])
        taken.margins = self.margins[:, positions]
        return taken

    def project(self, vectors):
        """Return the change of each problem's own margins along its own vector."""
        return np.einsum("bc,bkc->bk", self.x, self.model.unpack(vectors))

    def gradient(self, moved):
        """Return the gradients of the rows' weighted losses.

        Parameters
        ----------
        moved : ndarray of shape (n_problems, n_parameters)
            Each problem's parameters, less those where H was taken.

        Returns
        -------
        ndarray of shape (n_problems, n_parameters)
        """
        z = self.margins + self.project(moved).T
        slope = self.model.training_loss.gradient(self.codes, z) * self.weight
        return self.model.pack(slope.T[:, :, None] * self.x[:, None])

    def newton_step(self, gradient):
        r"""Return the Newton steps and their lengths.

        Parameters
        ----------
        gradient : ndarray of shape (n_problems, n_parameters)
            The problems' gradients g.

        Returns
        -------
        step : ndarray of shape (n_problems, n_parameters)
            :math:`s = -H_b^{-1} g`.
        norm : ndarray of shape (n_problems,)
            :math:`\|g\|_{H_b^{-1}} = \|s\|_{H_b}`.
        full_norm : ndarray of shape (n_problems,)
            :math:`\|s\|_H`.
        """
        step = -solve_rows(self.inverse, gradient)
        inner = np.einsum("bjk,bk->bj", self._core, self.project(step))
        step += np.einsum("bkp,bk->bp", self._solved, inner)
        squared = np.maximum(-np.einsum("bp,bp->b", gradient, step), 0.0)
        own = self.project(step)
        removed = np.einsum("bj,bjk,bk->b", own, self.curvature, own)
        return step, np.sqrt(squared), np.sqrt(squared + removed)


def row_norms(model, inverse, x):
    r"""Return :math:`\max_k \|x_j\|_{[H^{-1}]_{kk}}` of rows (n_rows, n_columns)."""
    inner = project_solved(model, x, solve_with_rows(model, inverse, x))
    return np.sqrt(np.diagonal(inner, axis1=1, axis2=2).max(axis=1))


def solve_rows(inverse, vectors):
    """Solve for right-hand sides (n_vectors, n_parameters), one a row."""
    return np.ascontiguousarray(inverse.solve(vectors.T).vectors.T)


def solve_with_rows(model, inverse, x):
    r"""Return :math:`H^{-1} J_b^\top`, shape (n_rows, n_outputs, n_parameters)."""
    n_outputs = len(model.matrix)
    spread = np.zeros((len(x), n_outputs, *model.matrix.shape))
    for output in range(n_outputs):
        spread[:, output, output] = x
    right = model.pack(spread)
    solved = solve_rows(inverse, right.reshape(-1, model.n_parameters))
    return solved.reshape(right.shape)


def project_solved(model, x, solved):
    r"""Return :math:`J_b H^{-1} J_b^\top` from what ``solve_with_rows`` returned."""
    return np.einsum("bc,bkjc->bjk", x, model.unpack(solved), optimize=True)
