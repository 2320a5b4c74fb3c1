"""The programme of soft weighting, over metrics that are linearised."""

from dataclasses import replace
from functools import partial
from math import hypot

import numpy as np

from .._utils._blas_threads import on_one_blas_thread
from ._base import is_felt
from ._changes import Changes
from ._dual_newton import DualNewton
from ._linearized import beyond
from ._minimum_norm import find_minimum_norm
from ._samples import Samples

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
    targets : ndarray of shape (n_targets, n_metrics)
        What the metrics are to be.

    Attributes
    ----------
    asked : ndarray of shape (n_targets, n_metrics + 1)
        By how much the metrics, and last the utility, are to fall.
    """

    def __init__(self, weighting, linearized, targets):
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
        self.asked = np.zeros((len(targets), self.n_metrics + 1))
        self.asked[:, :-1] = constant[:-1] - targets
        self.asked[:, -1] = self.floor or 0.0
        if "origin" in linearized.rows:
            self.asked -= linearized.rows.reduce(_moved_to_origin)[0][0]

    def solve(self):
        """Return the DualPoints for the targets."""
        linearized, weighting = self.linearized, self.weighting
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
        points = on_one_blas_thread(search.solve, self.asked[:, self.used])
        missed = [hypot(*row) for row in self.shortfall(points.residual)[:, :-1]]
        is_near = np.array(missed) <= MAX_LEFT * self.size
        return replace(points, found=points.found & is_near)

    @property
    def size(self):
        """The length of what is to be repaired, by which what is missed is measured."""
        linearized = self.linearized
        return hypot(*linearized.to_repair) or hypot(*linearized.constant[:-1]) or 1.0

    def closest(self, position, row):
        """Return the Found of one of the targets, by the solver that always ends.

        Parameters
        ----------
        position : int
            Of the target.
        row : tuple of int (position, n)
            Under which of the n changes that are noted as ``given`` rows are to know
            the change.
        """
        bounds = {"lower": self.lower, "upper": self.upper}
        read = partial(_constraints, used=self.used, **bounds)
        samples = Samples(self.linearized.rows, len(self.used), read)
        # Products of a few rows are too narrow to share: threads only wait.
        found = on_one_blas_thread(
            find_minimum_norm,
            samples,
            self.asked[position, self.used],
            self.is_floor,
            self.is_kept,
            self.weighting.tol,
            self.weighting.max_iter,
        )
        samples.reduce(partial(_note_given, point=found.point, row=row, **bounds))
        samples.forget_all()
        return found

    def shortfall(self, residual, position=slice(None)):
        """Return what is asked less what is reached, of all metrics and the utility.

        Parameters
        ----------
        residual : ndarray of shape (..., n_used)
            The same of the metrics that are used.
        position : int or slice, default=slice(None)
            Of the targets.
        """
        shortfall = self.asked[position].copy()
        shortfall[..., self.used] = residual
        return beyond(shortfall, self.is_limit)

    def multipliers(self, of_used):
        """Return multipliers (..., n_metrics + 1) of all metrics and the utility."""
        multipliers = np.zeros((*of_used.shape[:-1], self.n_metrics + 1))
        multipliers[..., self.used] = of_used
        return multipliers

    def changes(self, points):
        """Return the Changes that points are."""
        n = len(points.found)
        return Changes(
            multipliers=self.multipliers(points.multipliers),
            lower=self.lower,
            upper=self.upper,
            given=np.full(n, -1),
            sizes=points.norm,
            totals=points.total,
            messages=(None,) * n,
        )


def _moved_to_origin(block):
    return (block["influence"] @ block["origin"],)


def _constraints(block, used, lower, upper):
    r"""Return the rows of a block's programme, and its bounds.

    Its variable is :math:`\eta = \sqrt{c} (\varepsilon - \varepsilon_0)`, whose plain
    norm is made least: the change from :math:`\varepsilon_0`, in which a sample of
    weight 2 counts as two samples of weight 1.
    """
    rows, scale = block["influence"][used], 1.0
    if np.ndim(block.count):
        rows, scale = rows * np.sqrt(block.inverse_count), np.sqrt(block.count)
    origin = block.get("origin", 0.0)
    lower, upper = (
        bound if np.isinf(bound) else scale * (bound - origin)
        for bound in (lower, upper)
    )
    return rows, lower, upper


def _note_given(part, point, row, lower, upper):
    """Note the change of the weights of a point; samples of no weight keep theirs."""
    block, eta = part.block, point.of(part)
    epsilon = eta
    if np.ndim(block.count):
        epsilon = eta * np.sqrt(block.inverse_count)
    if "origin" in block:
        epsilon = epsilon + block["origin"]
    # On the way to other units and back, rounding may leave the bounds.
    weighs = block.count > 0
    epsilon = np.where(weighs & (eta == part.lower), lower, epsilon)
    epsilon = np.where(weighs & (eta == part.upper), upper, epsilon)
    position, n = row
    np.clip(epsilon, lower, upper, out=block.room("given", (n,))[position])
    return ()
