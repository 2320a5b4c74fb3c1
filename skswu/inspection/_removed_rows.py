"""The part of single rows in a linear model's curvature, and how to remove it."""

from copy import copy

import numpy as np
from scipy.sparse import issparse

_SINGULAR = 1e-9


class RemovedRows:
    r"""Rows of which each is left out of a problem of its own.

    Problem b is the training objective without row b: its Hessian :math:`H_b = H -
    J_b^\top S_b J_b` is inverted by the Sherman-Morrison-Woodbury identity from the
    inverse of H, see :mod:`skswu.inspection._leave_one_out_solver`.

    Parameters
    ----------
    view : LinearModelView
        The model.
    rows : LinearRows
        The training rows.
    margins : ndarray of shape (n_samples, n_outputs)
        Their margins where H was taken.
    inverse : InverseCurvature
        Solves with H.
    indices : ndarray of shape (n_problems,)
        The rows to leave out.
    """

    def __init__(self, view, rows, margins, inverse, indices):
        self.view = view
        self.loss = rows.loss
        self.inverse = inverse
        self.codes = rows.codes[indices]
        self.weight = rows.weight[indices]
        self.margins = margins[indices]
        self.x = dense_rows(rows.design, indices)
        self._solved = solve_with_rows(view, inverse, self.x)
        self.curvature = self._margin_curvature()
        inner = project_solved(view, self.x, self._solved)
        system = np.eye(self.margins.shape[1]) - self.curvature @ inner
        # Without such a row, the Hessian is singular: no step from here is right.
        system[np.linalg.det(system) < _SINGULAR] = np.nan
        self._core = np.linalg.solve(system, self.curvature)

    def _margin_curvature(self):
        """Return the Hessians S of the weighted losses in the margins."""
        unit = np.eye(self.margins.shape[1])
        if self.loss.separable:
            second = self.loss.second_derivative(self.codes, self.margins)
            curvature = second[:, :, None] * unit
        else:
            p = self.loss.probabilities(self.margins)
            curvature = p[:, :, None] * unit - p[:, :, None] * p[:, None, :]
        return self.weight[:, None, None] * curvature

    def take(self, positions):
        """Return the problems at ``positions``."""
        taken = copy(self)
        for name in ("codes", "weight", "margins", "x", "curvature", "_core"):
            setattr(taken, name, getattr(self, name)[positions])
        taken._solved = self._solved[:, positions]
        return taken

    def project(self, vectors):
        """Return the change of each problem's own margins along its own vector."""
        return np.einsum("bc,kcb->bk", self.x, self.view._unpack(vectors))

    def gradient(self, moved):
        """Return the gradients of the rows' weighted losses.

        Parameters
        ----------
        moved : ndarray of shape (n_parameters, n_problems)
            Each problem's parameters, less those where H was taken.

        Returns
        -------
        ndarray of shape (n_parameters, n_problems)
        """
        slope = self.loss.gradient(self.codes, self.margins + self.project(moved))
        slope *= self.weight[:, None]
        return np.einsum("bk,bc->kcb", slope, self.x)[self.view._free]

    def newton_step(self, gradient):
        r"""Return the Newton steps and their lengths.

        Parameters
        ----------
        gradient : ndarray of shape (n_parameters, n_problems)
            The problems' gradients g.

        Returns
        -------
        step : ndarray of shape (n_parameters, n_problems)
            :math:`s = -H_b^{-1} g`.
        norm : ndarray of shape (n_problems,)
            :math:`\|g\|_{H_b^{-1}} = \|s\|_{H_b}`.
        full_norm : ndarray of shape (n_problems,)
            :math:`\|s\|_H`.
        """
        step = -self.inverse.solve(gradient)
        inner = np.einsum("bjk,bk->bj", self._core, self.project(step))
        step += np.einsum("pbk,bk->pb", self._solved, inner)
        squared = np.maximum(-(gradient * step).sum(axis=0), 0.0)
        own = self.project(step)
        removed = np.einsum("bj,bjk,bk->b", own, self.curvature, own)
        return step, np.sqrt(squared), np.sqrt(squared + removed)


def row_norms(view, rows, inverse, indices):
    r"""Return :math:`\max_k \|x_j\|_{[H^{-1}]_{kk}}` of the rows at ``indices``."""
    x = dense_rows(rows.design, indices)
    inner = project_solved(view, x, solve_with_rows(view, inverse, x))
    return np.sqrt(np.diagonal(inner, axis1=1, axis2=2).max(axis=1))


def dense_rows(design, indices):
    """Return rows of a design as an ndarray, the intercept's column behind them."""
    X = design.X[indices]
    X = X.toarray() if issparse(X) else X
    X = X.astype(np.float64, copy=False)
    return np.column_stack([X, np.ones(len(X))]) if design.intercept else X


def solve_with_rows(view, inverse, x):
    r"""Return :math:`H^{-1} J_b^\top`, shape (n_parameters, n_rows, n_outputs)."""
    n_outputs = len(view._free)
    spread = np.zeros((*view._free.shape, len(x), n_outputs))
    for output in range(n_outputs):
        spread[output, :, :, output] = x.T
    right = spread[view._free]
    return inverse.solve(right.reshape(len(right), -1)).reshape(right.shape)


def project_solved(view, x, solved):
    r"""Return :math:`J_b H^{-1} J_b^\top` from what ``solve_with_rows`` returned."""
    n_outputs, n_columns = view._free.shape
    spread = np.zeros((n_outputs, n_columns, *solved.shape[1:]))
    spread[view._free] = solved
    return np.einsum("bc,jcbk->bjk", x, spread, optimize=True)
