r"""The least change of the weights under what a step of the model costs.

.. math:: \min_{\varepsilon'} \tfrac K2 \|\varepsilon' - \bar\varepsilon\|^2
          + b \cdot \Delta\theta + \tfrac12 \Delta\theta^\top W \Delta\theta
          \quad\text{s.t.}\quad \nabla M \cdot \Delta\theta = -\gamma,\quad
          \mathrm{lower} \le \varepsilon' \le \mathrm{upper}

with the step :math:`\Delta\theta = -H^{-1} (g + \sum_i (\varepsilon'_i - \varepsilon_i)
w_i \nabla \ell_i)` of Newton's method under the new weights. As all that the weights do
goes through the gradient, the solution is a clipped combination of rows' gradients:
:math:`\varepsilon' = \mathrm{clip}(\bar\varepsilon + w \nabla \ell \cdot (v + H^{-1}
\nabla M \lambda) / K)` with a multiplier :math:`\lambda` a metric and one v a
parameter.
"""

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from scipy import linalg

_FEW_STEPS = 12
_MAX_STEPS = 25
_MAX_HALVINGS = 12
# Constraints may be missed by this share of their multipliers, in natural units; and
# where they are out of reach, which then ends at the closest point, not at infinity.
_GIVE = 1e-7
_GIVE_OUT_OF_REACH = 1e-3
# Added to a matrix's diagonal, relative to it, so that it has a factor.
_JITTER = 1e-13
# Of what is least in a step of the model, in the units of the Hessian.
_LEAST_CURVATURE = 1e-3


@dataclass(frozen=True, eq=False)
class Quadratic:
    """The programme at a point, in a few numbers.

    Attributes
    ----------
    effects : ndarray of shape (n_parameters, m)
        The inverse Hessian times the gradients of the constrained metrics.
    asked : ndarray of shape (m,)
        By how much they are to fall.
    is_floor : ndarray of bool of shape (m,)
        Of which a larger fall is as good.
    gradient : ndarray of shape (n_parameters,)
        Of the training objective under the weights at hand, g.
    bend : Bend or None
        What the step of the model costs; None is nothing.
    pulls : ndarray of shape (n_parameters, n_parameters)
        The outer products of the rows' gradients, by count.
    stiffness : float
        K.
    slack : float
        What constraints may be missed by.
    accuracy : float
        Share of the size of the change that the solution may be off by.
    """

    effects: np.ndarray
    asked: np.ndarray
    is_floor: np.ndarray
    gradient: np.ndarray
    bend: Any
    pulls: np.ndarray
    stiffness: float
    slack: float
    accuracy: float


@dataclass(frozen=True, eq=False)
class Bend:
    r"""A convex function of the model's step, :math:`b \cdot t + \tfrac12 t^\top W t`.

    Attributes
    ----------
    curvature : ndarray of shape (n_parameters, n_parameters)
        W, positive definite.
    dual : ndarray of shape (n_parameters, n_parameters)
        :math:`H W^{-1} H` with the Hessian H.
    rest : ndarray of shape (n_parameters,)
        :math:`H W^{-1} b`.
    """

    curvature: np.ndarray
    dual: np.ndarray
    rest: np.ndarray

    @classmethod
    def multiple(cls, factor, slope, hessian):
        """Return the Bend whose W is a multiple of the Hessian."""
        return cls(factor * hessian, hessian / factor, slope / factor)

    @classmethod
    def convex(cls, curvature, slope, hessian):
        """Return the Bend of a curvature without what is negative of it.

        Its eigenvalues in the metric of the Hessian are nearly none there.
        """
        values, vectors = _relative_eigen(curvature, hessian)
        values = values.clip(_LEAST_CURVATURE)
        moved = hessian @ vectors
        dual = (moved / values) @ moved.T
        return cls((moved * values) @ moved.T, dual, moved @ (slope @ vectors / values))

    def along(self, step):
        """Return the curvature along a step, times its square."""
        return float(step @ self.curvature @ step)


@dataclass(frozen=True, eq=False)
class Combined:
    """What a combination of the rows' gradients makes of the weights.

    Attributes
    ----------
    loss : float
        By which the training objective at the model at hand changes.
    gradient : ndarray of shape (n_parameters,)
        By which its gradient changes.
    distance : float
        Squared, from what the weights are drawn to.
    size : float
        Squared, of the change from the original weights.
    n_bound : int
        How many rows are at a bound.
    """

    loss: float
    gradient: np.ndarray
    distance: float
    size: float
    n_bound: int


@dataclass(frozen=True, eq=False)
class Proposal:
    """A solution.

    Attributes
    ----------
    multipliers : ndarray of shape (m,)
        Of the metrics.
    toward : ndarray of shape (n_parameters,)
        v, of what the step of the model costs.
    combined : Combined
        What they make of the weights.
    shortfall : ndarray of shape (m,)
        What is asked of the metrics less what is reached.
    """

    multipliers: np.ndarray
    toward: np.ndarray
    combined: Any
    shortfall: np.ndarray


class ObjectiveProgramme:
    """Solve by Newton steps on the dual, which is concave and piecewise quadratic.

    Parameters
    ----------
    quadratic : Quadratic
        The programme.
    combine : callable
        ``combine(direction)`` returns the Combined of the rows' gradients along a
        direction (n_parameters,).
    bound_pulls : callable
        ``bound_pulls()`` returns the outer products of the gradients of those rows that
        the last combination took to a bound.
    """

    def __init__(self, quadratic, combine, bound_pulls):
        self.q = quadratic
        self._combine, self._bound_pulls = combine, bound_pulls
        m = len(quadratic.asked)
        natural = np.einsum(
            "pm,pq,qm->m", quadratic.effects, quadratic.pulls, quadratic.effects
        )
        self._natural = np.maximum(natural, np.finfo(float).tiny)
        self._n_metrics = m

    def solve(self, multipliers, toward):
        """Return the Proposal, from a first guess of the dual variables."""
        self._give = _GIVE * self._natural
        here, is_solved = self._climb(np.append(multipliers, toward), _FEW_STEPS)
        if not is_solved:
            # Maybe out of reach: then multipliers have to end somewhere.
            self._give = _GIVE_OUT_OF_REACH * self._natural
            nothing = np.zeros(len(multipliers) + len(toward))
            here, _ = self._climb(nothing, _MAX_STEPS)
        return self._proposal(here)

    def _climb(self, point, max_steps):
        """Return the dual's top, and whether it was found."""
        here, curvature = self._at(point), None
        for _ in range(max_steps):
            # The curvature of the step before tells as well whether this is the top.
            if curvature is not None and self._step(here, curvature)[1]:
                return here, True
            curvature = self._curvature(here)
            step, is_solved = self._step(here, curvature)
            if is_solved:
                return here, True
            for halving in range(_MAX_HALVINGS):
                ahead = self._at(self._clipped(here.point + 0.5**halving * step))
                if ahead.height >= here.height - 1e-12 * abs(here.height):
                    break
            if ahead.height <= here.height and not halving:
                return ahead, True
            here = ahead
        return here, False

    def _proposal(self, here):
        q, m = self.q, self._n_metrics
        reached = q.effects.T @ (q.gradient + here.combined.gradient)
        shortfall = q.asked - reached
        shortfall[q.is_floor] = shortfall[q.is_floor].clip(0.0)
        return Proposal(here.point[:m], here.point[m:], here.combined, shortfall)

    def _at(self, point):
        """Return the dual's value and gradient."""
        q, m = self.q, self._n_metrics
        multipliers, toward = point[:m], point[m:]
        direction = (toward + q.effects @ multipliers) / q.stiffness
        combined = self._combine(direction)
        moved = q.gradient + combined.gradient
        by_metrics = q.asked - q.effects.T @ moved
        height = 0.5 * q.stiffness * combined.distance + multipliers @ by_metrics
        height -= 0.5 * self._give @ multipliers**2
        by_metrics = by_metrics - self._give * multipliers
        by_objective = np.zeros_like(toward)
        if q.bend is not None:
            bent = q.bend.dual @ toward
            by_objective = q.bend.rest - moved - bent
            height += toward @ (q.bend.rest - moved) - 0.5 * toward @ bent
        return _DualPoint(point, height, by_metrics, by_objective, combined)

    def _curvature(self, here):
        """Return the dual's curvature, factored."""
        q = self.q
        pulls = q.pulls
        if here.combined.n_bound:
            pulls = pulls - self._bound_pulls()
        pulls = pulls / q.stiffness
        right = pulls @ q.effects
        schur = q.effects.T @ right + np.diag(self._give)
        if q.bend is None:
            return _DualCurvature(right, schur, None, None)
        factor = _factor(pulls + q.bend.dual)
        along = linalg.cho_solve(factor, right)
        return _DualCurvature(right, schur - right.T @ along, factor, along)

    def _step(self, here, curvature):
        """Return the Newton step, and whether it is as good as none."""
        q, m = self.q, self._n_metrics
        by_metrics, own = here.by_metrics, None
        if curvature.factor is not None:
            own = linalg.cho_solve(curvature.factor, here.by_objective)
            by_metrics = by_metrics - curvature.right.T @ own
        multipliers = here.point[:m]
        free = ~q.is_floor | (multipliers > 0) | (here.by_metrics > 0)
        step = np.zeros(len(here.point))
        some = np.flatnonzero(free)
        schur = curvature.schur[np.ix_(some, some)]
        step[some] = _solve_small(schur, by_metrics[some])
        if own is not None:
            step[m:] = own - curvature.along @ step[:m]
        residual = np.where(free, here.by_metrics, 0.0)
        decrement = residual @ step[:m] + here.by_objective @ step[m:]
        missed = np.abs(residual).max(initial=0.0)
        return step, bool(
            missed <= q.slack
            and decrement <= q.stiffness * q.accuracy**2 * here.combined.size
        )

    def _clipped(self, point):
        m, is_floor = self._n_metrics, self.q.is_floor
        point[:m][is_floor] = point[:m][is_floor].clip(0.0)
        return point


@dataclass(frozen=True, eq=False)
class _DualPoint:
    point: np.ndarray
    height: float
    by_metrics: np.ndarray
    by_objective: np.ndarray
    combined: Combined


@dataclass(frozen=True, eq=False)
class _DualCurvature:
    """Of the multipliers after v is eliminated (``schur``), and what gives v back."""

    right: np.ndarray
    schur: np.ndarray
    factor: Any
    along: Any


def _factor(matrix):
    diagonal = np.einsum("ii->i", matrix)
    jitter = _JITTER * max(diagonal.max(initial=0.0), np.finfo(float).tiny)
    while True:
        try:
            return linalg.cho_factor(
                matrix + jitter * np.eye(len(matrix)), lower=True, check_finite=False
            )
        except linalg.LinAlgError:
            jitter *= 100.0


def _relative_eigen(matrix, metric):
    """Return eigenvalues of a symmetric matrix in a metric, and vectors of length 1."""
    scale = 1.0 / np.sqrt(np.diag(metric).clip(np.finfo(float).tiny))
    unit = metric * scale * scale[:, None]
    root = np.tril(_factor(unit)[0])
    solve = partial(linalg.solve_triangular, root, lower=True, check_finite=False)
    scaled = solve(solve(matrix * scale * scale[:, None]).T)
    values, vectors = np.linalg.eigh(scaled)
    return values, scale[:, None] * solve(vectors, trans="T")


def _solve_small(matrix, right):
    # Multipliers of what no row moves stay where they are.
    diagonal = np.diag(matrix)
    is_moved = diagonal > np.finfo(float).tiny
    scale = np.sqrt(np.divide(1.0, diagonal, out=np.zeros(len(right)), where=is_moved))
    scaled = matrix * scale * scale[:, None]
    return scale * np.linalg.lstsq(scaled, scale * right, rcond=1e-13)[0]
