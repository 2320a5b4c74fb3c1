"""The Hessian of a linear model's training objective."""

from functools import partial

import numpy as np

from ..influence import CurvatureOperator
from . import _passes as passes


class LinearCurvature(CurvatureOperator):
    r"""The Hessian under the fit's weights or a single change of them.

    Parameters
    ----------
    model : LinearModel
        Where the Hessian is taken.
    rows : RowBlocks
        Training rows that know their curvatures at the model.
    changes : Changes or None, default=None
        A single change of the weights.
    hessian : ndarray or None, default=None
        The losses' dense Hessian, if it is known.
    diagonal : ndarray of shape (n_outputs, n_columns) or None, default=None
        Its diagonal, if that is known.
    """

    def __init__(self, model, rows, changes=None, hessian=None, diagonal=None):
        self.model = model
        self.rows = rows
        self.changes = changes
        self.n_parameters = model.n_parameters
        self._options = {"loss": model.training_loss, "changes": changes}
        self.hessian = hessian
        self._diagonal = diagonal

    def product(self, vectors):
        matrices = self.model.unpack(np.ascontiguousarray(vectors.T))
        call = partial(passes.hessian_products, matrices=matrices, **self._options)
        ((moved,),) = self.rows.reduce(call)
        return self.model.pack(moved).T + self.model.l2[:, None] * vectors

    def diagonal(self):
        diagonal = self._diagonal
        if diagonal is None:
            call = partial(passes.diagonal_under, **self._options)
            ((diagonal,),) = self.rows.reduce(call)
        return self.model.pack(diagonal) + self.model.l2

    def largest_block_size(self):
        return int(self.model.block_sizes().max(initial=0))

    def dense_blocks(self):
        hessian = self.hessian
        if hessian is None:
            call = partial(passes.hessian_under, **self._options)
            ((hessian,),) = self.rows.reduce(call)
        return self.model.dense_blocks(hessian)

    def null_directions(self):
        return self.model.null_directions()
