"""Solve with the curvatures of one model under many changes of its weights.

The curvature is factorised once, under the fit's weights. Under changed weights it is
solved with by whatever is cheapest, which the numbers of parameters and changes tell:

- as changes are combinations of a few influences but for the samples at a bound, a
  Hessian for each influence serves all of them: paths of narrow models;
- a Hessian for each change, where it costs no more than a few products;
- conjugate gradients that the fit's factor preconditions, all changes in the same
  passes. Where the changed weights are too far from the fit's, a factor of one in the
  middle of those that are left serves its neighbours, so that this ends.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.interpolate import BarycentricInterpolator

from .._utils._progress import report_residual
from ._conjugate_gradient import warn_of_residual

# A product of the Hessian takes as long as so many of its columns.
_COLUMNS_PER_PRODUCT = 18
# With so few products to spare, the Hessian is made at once.
_FEW_PRODUCTS = 6
_MOST_PRODUCTS = 60
# A Hessian for each influence serves, if it has no more columns a change.
_COLUMNS_PER_CHANGE = 8
# Products after which a rate of convergence is believed.
_JUDGED_FROM = 3
# Relative error, in the norm of the preconditioner, that stands for a factor's own.
_AS_EXACT = 1e-10
_SMALLEST = 1e-300
# Changes that are solved for first, for the others to be interpolated between.
_NODES = 8


@dataclass(frozen=True)
class ChangedCurvatures:
    """What is solved under changes of the weights.

    Attributes
    ----------
    objective : TrainingObjective
        Makes products and curvatures.
    curvature : CurvatureOperator
        Under the fit's weights.
    inverse : InverseCurvature
        Of that.
    changes : Changes
        Of the weights.
    right : ndarray of shape (n_changes, n_parameters)
        Right-hand sides.
    damping : ndarray of shape (n_changes,)
        Added to the diagonal of each.
    default_tol : float
        The relative residual that ``tol="auto"`` stands for.
    known : CurvatureOperator or None, default=None
        Under the one change there is, if it was made already.
    """

    objective: Any
    curvature: Any
    inverse: Any
    changes: Any
    right: np.ndarray
    damping: np.ndarray
    default_tol: float
    known: Any = None

    def curvature_under(self, position):
        """Return the curvature under one of the changes."""
        if self.known is not None:
            return self.known
        return self.objective.curvature_under(self.changes.take([position]))

    def products(self, vectors, which):
        """Return the damped curvatures of some changes times a vector each."""
        moved = self.objective.products(vectors, self.changes.take(which))
        return moved + self.damping[which, None] * vectors


def solve_each(problem, solver):
    """Solve each change by itself; return the solutions and the largest residual."""
    solutions = []
    for position, (right, damping) in enumerate(
        zip(problem.right, problem.damping, strict=True)
    ):
        operator = problem.curvature_under(position)
        inverse = solver.prepare(
            operator, damping=damping, default_tol=problem.default_tol
        )
        solutions.append(inverse.solve(right[:, None]))
    vectors = np.stack([solution.vectors[:, 0] for solution in solutions])
    return vectors, largest_residual(solutions)


def largest_residual(solutions):
    """Return the largest relative residual of Solutions, None if none was measured."""
    measured = [one.relative_residual for one in solutions]
    return max((one for one in measured if one is not None), default=None)


def solve_near_factor(problem, solver):
    """Solve where the curvature under the fit's weights is factorised."""
    if _are_few_hessians_enough(problem.curvature, problem.changes):
        return _solve_along(problem, solver)
    n_spare = _spare_products(problem.curvature)
    if n_spare <= _FEW_PRODUCTS:
        return solve_each(problem, solver)[0]
    solutions = np.zeros_like(problem.right)
    for which, start in _in_turn(problem, solutions):
        solutions[which] = start
        _solve_in_passes(problem, solver, solutions, which, n_spare)
    return solutions


def makes_own_hessian(curvature, changes):
    """Say whether the Hessian under a single change is going to be made at once."""
    return (
        changes.n_changes == 1
        and not _are_few_hessians_enough(curvature, changes)
        and _spare_products(curvature) <= _FEW_PRODUCTS
    )


def _are_few_hessians_enough(curvature, changes):
    """Say whether a Hessian for each influence is cheaper than one for each change."""
    n_columns = curvature.largest_block_size() * changes.multipliers.shape[1]
    enough = n_columns <= _COLUMNS_PER_CHANGE * changes.n_changes
    return enough and changes.are_combinations


def _spare_products(curvature):
    """Return how many products take as long as a Hessian, or are worth a try."""
    return min(curvature.n_parameters // _COLUMNS_PER_PRODUCT, _MOST_PRODUCTS)


def _solve_along(problem, solver):
    """Solve with curvatures that are combinations of those of the influences."""
    solutions = []
    curvatures = problem.objective.curvatures_along(problem.curvature, problem.changes)
    for operator, right, damping in zip(
        curvatures, problem.right, problem.damping, strict=True
    ):
        inverse = solver.prepare(operator, damping=damping)
        solutions.append(inverse.solve(right[:, None]).vectors[:, 0])
    return np.stack(solutions)


def _in_turn(problem, solutions):
    """Yield which changes to solve together, and where to start.

    Of a long path, a few strengths first, and the others from what is interpolated
    between their solutions.
    """
    at, everything = problem.changes.strengths, np.arange(len(solutions))
    if at is None or len(np.unique(at)) <= 2 * _NODES:
        yield everything, solutions
        return
    nodes = _nodes(np.asarray(at))
    yield nodes, solutions[nodes]
    others = np.setdiff1d(everything, nodes)
    curve = BarycentricInterpolator(np.asarray(at)[nodes], solutions[nodes])
    yield others, curve(np.asarray(at)[others])


def _nodes(at):
    """Return positions close to Chebyshev's, for an interpolation that is stable."""
    angles = (np.arange(_NODES) + 0.5) * np.pi / _NODES
    wanted = 0.5 * (at.min() + at.max()) - 0.5 * np.ptp(at) * np.cos(angles)
    wanted[0], wanted[-1] = at.min(), at.max()
    return np.unique(np.abs(at - wanted[:, None]).argmin(axis=1))


def _solve_in_passes(problem, solver, solutions, which, n_spare):
    """Solve by conjugate gradients; factorise where the factor at hand does not do."""
    inverse, left = problem.inverse, which
    while len(left):
        solutions[left], relative, _ = conjugate_gradients(
            lambda vectors, active, left=left: problem.products(vectors, left[active]),
            lambda residuals, inverse=inverse: inverse.solve(residuals.T).vectors.T,
            problem.right[left],
            solutions[left],
            _AS_EXACT,
            n_spare,
            in_the_preconditioner,
            gives_up=True,
        )
        left = left[relative > _AS_EXACT]
        if not len(left):
            return
        middle = left[[len(left) // 2]]
        operator = problem.curvature_under(middle[0])
        inverse = solver.prepare(operator, damping=problem.damping[middle[0]])
        solved = inverse.solve(problem.right[middle].T)
        solutions[middle] = solved.vectors.T
        left = np.setdiff1d(left, middle)


def iterate_under(problem, tol, max_iter):
    """Solve by conjugate gradients that the diagonal under the fit preconditions.

    Returns
    -------
    vectors : ndarray of shape (n_changes, n_parameters)
        The solutions.
    relative_residual : float
        The largest that is left.
    """
    precondition = problem.inverse.precondition
    solutions, relative, n_products = conjugate_gradients(
        problem.products,
        lambda residuals: precondition(residuals.T).T,
        problem.right,
        np.zeros_like(problem.right),
        tol,
        max_iter,
        as_they_are,
    )
    reached = float(relative.max(initial=0.0))
    if reached > tol:
        warn_of_residual(reached, n_products, tol)
    return solutions, reached


def conjugate_gradients(
    products, precondition, right, start, tol, max_iter, measure, gives_up=False
):
    """Solve systems side by side that share a preconditioner.

    Parameters
    ----------
    products : callable
        ``products(vectors, active)`` returns the matrices of the systems at positions
        ``active`` times a vector each.
    precondition : callable
        The same for all systems.
    right, start : ndarray of shape (n_systems, n_parameters)
        Right-hand sides and first guesses.
    tol : float
        Residual, relative to the right-hand side's, at which a system is solved.
    max_iter : int
        Largest number of products.
    measure : callable
        ``measure(residuals, preconditioned)`` returns the sizes of residuals.
    gives_up : bool, default=False
        Whether a system is given up once its rate says that it would take more
        products. Where one meets negative curvature it always is.

    Returns
    -------
    solutions : ndarray of shape (n_systems, n_parameters)
        The solutions.
    relative : ndarray of shape (n_systems,)
        Their relative residuals.
    n_products : int
        Products that were made.
    """
    x, scale = start.copy(), measure(right, precondition(right))
    residual = right - products(x, np.arange(len(x))) if x.any() else right.copy()
    preconditioned = precondition(residual)
    relative = np.where(scale > 0, measure(residual, preconditioned), 0.0)
    scale = np.where(scale > 0, scale, 1.0)
    relative /= scale
    first, direction = np.maximum(relative, _SMALLEST), preconditioned.copy()
    inner = _inner(residual, preconditioned)
    active, n_products = np.flatnonzero(relative > tol), 0
    while len(active) and n_products < max_iter:
        n_products += 1
        image = products(direction[active], active)
        curvature = _inner(direction[active], image)
        is_fine = curvature > 0
        active, image = active[is_fine], image[is_fine]
        length = (inner[active] / curvature[is_fine])[:, None]
        x[active] += length * direction[active]
        residual[active] -= length * image
        preconditioned = precondition(residual[active])
        before, inner[active] = inner[active], _inner(residual[active], preconditioned)
        direction[active] *= (inner[active] / before)[:, None]
        direction[active] += preconditioned
        relative[active] = measure(residual[active], preconditioned) / scale[active]
        report_residual(relative.max())
        is_going = relative[active] > tol
        if gives_up and n_products >= _JUDGED_FROM:
            rate = np.log(relative[active] / first[active]) / n_products
            is_going &= rate * max_iter <= np.log(tol / first[active])
        active = active[is_going]
    return x, relative, n_products


def _inner(vectors, others):
    return np.einsum("ij,ij->i", vectors, others)


def in_the_preconditioner(residuals, preconditioned):
    """Return sizes that do not depend on the units of the columns."""
    return np.sqrt(_inner(residuals, preconditioned).clip(0.0))


def as_they_are(residuals, preconditioned):
    """Return the Euclidean sizes of residuals."""
    return np.linalg.norm(residuals, axis=1)
