"""The programme of soft weighting, over metrics that are linearised."""

from dataclasses import replace
from math import hypot

import numpy as np

from .._utils._blas_threads import on_one_blas_thread
from ._base import is_felt
from ._changes import Changes
from ._dual_newton import DualNewton
from ._linearized import beyond

#: The largest share that a target may be missed by and yet be reached. Of influences
#: that are large and cancel, a solver that met its tolerance may have left more.
MAX_LEFT = 1e-6


class SoftProgramme:
    """The programme of a weighting, over metrics that are linearised.

    Parameters
    ----------
    weighting : SoftWeighting
        Its bounds and tolerances.
    linearized : Linearized
        The metrics and the utility.
    """

    def __init__(self, weighting, linearized):
        self.weighting = weighting
        self.linearized = linearized
        self.lower, self.upper = weighting._bounds
        reach, constant = linearized.reach, linearized.constant
        self.n_metrics = len(constant) - 1
        rise = constant[-1] - linearized.utility_before
        self.floor = weighting.floor(reach[-1], rise, linearized)
        size = np.maximum(np.abs(linearized.before), np.abs(constant[:-1]))
        is_used = is_felt(reach[:-1], size)
        self.used = np.flatnonzero(np.append(is_used, self.floor is not None))
        self.is_limit = np.append(linearized.is_limit, False)
        self.is_kept = self.used == self.n_metrics
        self.is_floor = self.is_kept | self.is_limit[self.used]

    def solve(self, targets):
        """Return the DualPoints for targets of the metrics, (n, n_metrics)."""
        linearized, weighting = self.linearized, self.weighting
        goals = np.zeros((len(targets), self.n_metrics + 1))
        goals[:, :-1] = linearized.constant[:-1] - targets
        goals[:, -1] = self.floor or 0.0
        rows = linearized.rows
        if "origin" in rows:
            goals -= rows.collect("influence") @ rows.collect("origin")
        search = DualNewton(
            linearized.rows,
            linearized.gram,
            self.used,
            self.is_floor,
            self.is_kept,
            self.lower,
            self.upper,
            weighting.tol,
            weighting.max_iter,
        )
        # Products of a few rows are too narrow to share: threads only wait.
        points = on_one_blas_thread(search.solve, goals[:, self.used])
        self.asked = goals
        missed = np.array([hypot(*row) for row in self.shortfall(points)[:, :-1]])
        size = hypot(*linearized.to_repair) or hypot(*linearized.constant[:-1]) or 1.0
        return replace(points, found=points.found & (missed <= MAX_LEFT * size))

    def shortfall(self, points):
        """Return what is asked less what is reached, of all metrics and the utility."""
        shortfall = self.asked.copy()
        shortfall[:, self.used] = points.residual
        return beyond(shortfall, self.is_limit)

    def multipliers(self, points):
        """Return multipliers of all metrics and the utility."""
        multipliers = np.zeros((len(points.multipliers), self.n_metrics + 1))
        multipliers[:, self.used] = points.multipliers
        return multipliers

    def changes(self, points):
        """Return the Changes that points are."""
        n = len(points.found)
        return Changes(
            multipliers=self.multipliers(points),
            lower=self.lower,
            upper=self.upper,
            given=np.full(n, -1),
            sizes=points.norm,
            totals=points.total,
            messages=(None,) * n,
        )
