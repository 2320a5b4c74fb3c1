"""The least change under a few linear constraints and bounds, by its small dual."""

from dataclasses import dataclass

import numpy as np

from ._bounded_program import BoundedProgram
from ._proximal_ascent import ProximalAscent


@dataclass(frozen=True)
class MinimumNorm:
    """What :func:`solve_minimum_norm` found.

    Attributes
    ----------
    epsilon : ndarray of shape (n,)
        The point.
    reachable : bool
        Whether it meets the targets. If not, it is the closest point that there is.
    converged : bool
        Whether the optimality conditions were met within ``max_iter`` steps.
    n_iter : int
        Number of Newton steps.
    multipliers : ndarray of shape (m_equal + m_floor,)
        The dual variables λ, of the equalities first. If ``reachable``,
        ``epsilon = clip(A.T @ λ, lower, upper)``; if not, they have no finite limit and
        only their direction means something.
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

    A proximal term keeps the dual bounded where the targets cannot be reached. Its
    centre follows the iterates and its weight falls, so that the points converge to the
    least-norm one of those whose shortfall :math:`\|b - A_E\varepsilon\|`, in the units
    of the targets, is smallest subject to the floors and the bounds.

    Parameters
    ----------
    equal_rows : sequence of m_equal ndarray of shape (n,)
        Rows of :math:`A_E`, float64 and finite. They may be parallel or zero. With few
        samples and targets far out of reach, entries that differ by more than four
        orders of magnitude may keep the solver from converging, which it tells.
    targets : array-like of shape (m_equal,)
        The values b.
    floor_rows : sequence of m_floor ndarray of shape (n,), default=()
        Rows of :math:`A_I`. At least one row is needed in all.
    floors : array-like of shape (m_floor,), default=()
        The values c. They must be attainable within the bounds, as any are that are at
        most 0: then :math:`\varepsilon = 0` attains them.
    lower, upper : float or ndarray of shape (n,), default=-inf, inf
        The bounds, ``lower <= 0 <= upper``, of all samples or of each.
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
    """
    program = BoundedProgram(
        [*equal_rows, *floor_rows],
        np.asarray(targets, dtype=np.float64),
        np.asarray(floors, dtype=np.float64),
        lower,
        upper,
    )
    ascent = ProximalAscent(program, tol)
    converged = ascent.run(max_iter)
    epsilon = program.point(ascent.image.combination)
    if not ascent.is_met:
        epsilon = program.polished(epsilon, ascent.image, ascent.multipliers)
    residual = program.asked - program.space.products(epsilon)
    n_equal = program.n_equal
    return MinimumNorm(
        epsilon=epsilon,
        reachable=program.is_met(residual[:n_equal], ascent.tolerance),
        converged=converged,
        n_iter=ascent.n_iter,
        multipliers=ascent.multipliers * program.space.inverse_norms,
        shortfall=residual[:n_equal],
        slack=-residual[n_equal:],
    )
