"""The least change under a few linear constraints and bounds, by its small dual."""

from dataclasses import dataclass, replace
from functools import partial
from itertools import takewhile
from typing import Any

import numpy as np

from ..rows import LocalBlocks
from ._bounded_program import ROUNDING, BoundedProgram
from ._closest_face import Face, FaceSearch
from ._proximal_ascent import ProximalAscent
from ._row_space import RowSpace
from ._samples import Samples


@dataclass(frozen=True)
class MinimumNorm:
    """What :func:`solve_minimum_norm` found.

    Attributes
    ----------
    epsilon : ndarray of shape (n,)
        The point.
    reachable : bool
        Whether it meets all that is asked. If not, it is the closest point that there
        is.
    converged : bool
        Whether the optimality conditions of either were verified within ``max_iter``
        steps.
    n_iter : int
        Number of Newton steps.
    multipliers : ndarray of shape (m_equal + m_floor,)
        The dual variables λ, of the equalities first:
        ``epsilon = clip(A.T @ λ, lower, upper)`` up to rounding. They belong to the
        values reached. If not ``reachable``, they may grow along what is missing for
        ever, and only their direction means something.
    shortfall : ndarray of shape (m_equal,)
        Targets less the values reached.
    slack : ndarray of shape (m_floor,)
        Values reached less the floors.
    """

    epsilon: np.ndarray
    reachable: bool
    converged: bool
    n_iter: int
    multipliers: np.ndarray
    shortfall: np.ndarray
    slack: np.ndarray


def solve_minimum_norm(
    equal_rows,
    targets,
    floor_rows=(),
    floors=(),
    *,
    lower=-np.inf,
    upper=np.inf,
    kept=None,
    tol=1e-12,
    max_iter=200,
):
    r"""Find the least-norm point of a box under a few linear constraints.

    .. math::

        \min_\varepsilon \tfrac12 \|\varepsilon\|^2 \quad\text{s.t.}\quad
        A_E \varepsilon = b,\quad A_I \varepsilon \ge c,\quad
        \mathrm{lower} \le \varepsilon \le \mathrm{upper}

    by its dual, :math:`\varepsilon(\lambda) = \mathrm{clip}(A^\top \lambda)` with
    :math:`\lambda_I \ge 0`, one variable a row. The dual is concave and piecewise
    quadratic; each step of the semismooth Newton ascent costs :math:`O(n m^2)` and
    reads the rows in blocks, so memory beyond the rows and the result is constant.

    Where not all can be met, the result is the least-norm one of the closest points,
    in this order: what the kept floors lack is smallest; then what the targets and the
    other floors lack; the length of either is measured in the units of the rows.

    A proximal term keeps the dual bounded where something is out of reach or at its
    very edge. Its centre follows the iterates and its weight falls until the samples
    at the bounds are those that the growing multipliers push there. These are fixed,
    and the others solved for anew, which rounding of large multipliers does not reach.

    Parameters
    ----------
    equal_rows : sequence of m_equal ndarray of shape (n,)
        Rows of :math:`A_E`, float64 and finite. They may be parallel or zero. With
        entries that differ by more than ten orders of magnitude the solver may not
        converge, which it tells.
    targets : array-like of shape (m_equal,)
        The values b.
    floor_rows : sequence of m_floor ndarray of shape (n,), default=()
        Rows of :math:`A_I`. At least one row is needed in all.
    floors : array-like of shape (m_floor,), default=()
        The values c.
    lower, upper : float or ndarray of shape (n,), default=-inf, inf
        The bounds, ``lower <= 0 <= upper``, of all samples or of each.
    kept : array-like of bool of shape (m_floor,) or None, default=None
        Which floors hold whatever that costs the targets and the other floors, as that
        of a utility does. Others are asked for like targets, but from below. None keeps
        all.
    tol : float, default=1e-12
        Largest residual of a row of unit length that counts as none, relative to
        :math:`\|\varepsilon\|`.
    max_iter : int, default=200
        Largest number of Newton steps.

    Returns
    -------
    MinimumNorm
        The point, whether it meets the targets, and its certificates.

    References
    ----------
    Madsen, Nielsen and Pinar, "Bound constrained quadratic programming via piecewise
    quadratic functions", 1999 (the piecewise quadratic dual). Chiche and Gilbert, "How
    the augmented Lagrangian algorithm can deal with an infeasible convex quadratic
    optimization problem", 2016 (the limit when the targets cannot be reached).

    Examples
    --------
    >>> import numpy as np
    >>> from skswu.weighting._minimum_norm import solve_minimum_norm
    >>> row = np.array([2.0, 1.0, 0.0])
    >>> solve_minimum_norm([row], [2.5]).epsilon
    array([1. , 0.5, 0. ])
    >>> solve_minimum_norm([row], [2.5], upper=0.9).epsilon
    array([0.9, 0.7, 0. ])

    Of two floors that exclude each other, one may be kept, or they meet halfway:

    >>> rows, floors = [row, -row], [2.5, -1.0]
    >>> solve_minimum_norm([], [], rows, floors, kept=[False, True]).epsilon
    array([0.4, 0.2, 0. ])
    >>> solve_minimum_norm([], [], rows, floors, kept=[False, False]).epsilon
    array([0.7 , 0.35, 0.  ])
    """
    n_equal = len(targets)
    asked = np.concatenate([targets, floors]).astype(np.float64)
    is_floor = np.arange(len(asked)) >= n_equal
    is_kept = is_floor.copy()
    if kept is not None:
        is_kept[n_equal:] = kept
    rows = np.stack([*equal_rows, *floor_rows])
    noted = {"lower": lower, "upper": upper}
    noted = {name: bound for name, bound in noted.items() if np.ndim(bound)}
    blocks = LocalBlocks(np.empty((rows.shape[1], 0)), rows=rows, **noted)
    samples = Samples(blocks, len(asked), partial(_noted, lower=lower, upper=upper))
    found = find_minimum_norm(samples, asked, is_floor, is_kept, tol, max_iter)
    samples.reduce(partial(_note_point, point=found.point))
    return MinimumNorm(
        epsilon=blocks.collect("point"),
        reachable=found.reachable,
        converged=found.converged,
        n_iter=found.n_iter,
        multipliers=found.multipliers,
        shortfall=found.residual[:n_equal],
        slack=-found.residual[n_equal:],
    )


def _noted(block, lower, upper):
    """Return the rows of a programme and its bounds, which may be noted as well."""
    return block["rows"], block.get("lower", lower), block.get("upper", upper)


def _note_point(part, point):
    part["point"] = point.of(part)
    return ()


@dataclass(frozen=True)
class Found:
    """The least-norm point of samples that lie wherever they lie.

    Attributes
    ----------
    point : CombinedPoint or FacePoint
        The point, as parts of the samples are asked for it. They must not forget the
        sides of faces before.
    reachable, converged, n_iter, multipliers
        See :class:`MinimumNorm`.
    residual : ndarray of shape (m,)
        What is asked less what is reached.
    """

    point: Any
    reachable: bool
    converged: bool
    n_iter: int
    multipliers: np.ndarray
    residual: np.ndarray


def find_minimum_norm(samples, asked, is_floor, is_kept, tol, max_iter):
    """Find what :func:`solve_minimum_norm` does, in passes over samples.

    Parameters
    ----------
    samples : Samples
        With the rows of the programme, m of them, and their bounds.
    asked : ndarray of shape (m,)
        Targets and floors.
    is_floor : ndarray of bool of shape (m,)
        Which are floors.
    is_kept : ndarray of bool of shape (m,)
        Which of these are kept.
    tol, max_iter
        See :func:`solve_minimum_norm`.

    Returns
    -------
    Found
    """
    program = BoundedProgram(RowSpace(samples), asked, is_floor, is_kept)
    solution = _solve_on_kept_floors(program, tol, max_iter)
    reached, norm = program.products(solution.point)
    residual = asked - reached
    goal = np.abs(program.lacking(program.goal)).max(initial=0.0)
    tolerance = max(solution.tolerance, tol * min(goal, norm))
    rounding = ROUNDING * np.abs(asked).max(initial=0.0)
    allowed = np.maximum(10 * tolerance * program.space.norms, rounding)
    return Found(
        point=solution.point,
        reachable=bool(np.all(np.abs(program.lacking(residual)) <= allowed)),
        converged=solution.converged,
        n_iter=solution.n_iter,
        multipliers=solution.multipliers,
        residual=residual,
    )


@dataclass(frozen=True)
class _Solution:
    point: Any
    multipliers: np.ndarray  # of the rows
    is_met: bool  # whether the point meets what is asked
    converged: bool
    n_iter: int
    tolerance: float  # what a unit row may lack
    face: Face | None = None  # where it lies if multipliers grew without end


def _solve_on_kept_floors(program, tol, max_iter):
    """Solve on the face closest to the kept floors if they are out of reach."""
    kept = np.flatnonzero(program.is_kept)
    if np.all(program.asked[kept] <= 0):
        return _solve(program, tol, max_iter)
    floors = _solve(program.with_only(kept), tol, max_iter)
    if floors.face is None or floors.is_met:
        return _solve(program, tol, max_iter)
    face = floors.face.among(program, kept)
    inner = _solve(face.inner(), tol, max_iter)
    return replace(_on_face(face, inner, inner.n_iter), converged=inner.converged)


def _solve(program, tol, max_iter):
    """Ascend, and solve on the closest face if that leads out of reach."""
    ascent = ProximalAscent(program, tol)
    return _follow(ascent, _faces(ascent, max_iter), max_iter)


def _meet(program, tol, max_iter):
    """Do the same, but give up where something is out of reach."""
    ascent = ProximalAscent(program, tol)
    faces = takewhile(lambda face: not face.is_short, _faces(ascent, max_iter))
    return _follow(ascent, faces, max_iter)


def _faces(ascent, max_iter):
    """Yield the faces that an ascent runs to, each once."""
    last = None
    for _ in ascent.stalls(max_iter):
        step = ascent.multipliers - ascent.centre
        search = FaceSearch(ascent.program, ascent.image, ascent.multipliers, step)
        face = search.run()
        if face is None:
            continue
        if face.is_same(last):
            face.forget()
            continue
        yield face
        if last is not None:
            last.forget()
        last = face


def _follow(ascent, faces, max_iter):
    """Return the point of the first face whose free samples do what is asked there.

    The direction that pushes the other samples, the free samples' multipliers and what
    both leave are then certificates: the point is closest, and least of the closest.
    """
    for face in faces:
        inner = _meet(face.inner(), ascent.tol, max_iter - ascent.n_iter)
        ascent.n_iter += inner.n_iter
        if inner.is_met:
            return _on_face(face, inner, ascent.n_iter)
    return _Solution(
        point=ascent.program.point(ascent.image.combination),
        multipliers=ascent.multipliers * ascent.program.space.inverse_norms,
        is_met=ascent.is_met,
        converged=ascent.is_met,
        n_iter=ascent.n_iter,
        tolerance=ascent.tolerance,
    )


def _on_face(face, inner, n_iter):
    return _Solution(
        point=face.point(inner.point),
        multipliers=face.multipliers(inner.multipliers),
        is_met=not face.is_short,
        converged=True,
        n_iter=n_iter,
        tolerance=inner.tolerance,
        face=face,
    )
