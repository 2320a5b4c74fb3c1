"""Some entries of a model's parameters, the others held where they are."""

import numpy as np

from ..influence import CurvatureOperator
from ._base import ModelView
from ._decision import DecidesLikeItsView


class EntriesView(DecidesLikeItsView, ModelView):
    """A model of which only some entries of the parameters are corrected.

    Vectors and blocks of vectors have these entries alone.

    Parameters
    ----------
    view : ModelView
        Of the whole model, or what offers of one what an optimiser needs.
    entries : array of bool of shape (n_whole,)
        Which of its parameters are corrected; of its library.
    held : array of shape (n_whole,)
        Where the others stay.
    """

    def __init__(self, view, entries, held):
        self.view = view
        self.entries = entries
        self.held = held
        self.default_damping = view.default_damping
        self.default_solver_tol = view.default_solver_tol

    @property
    def estimator(self):
        """The fitted classifier."""
        return self.view.estimator

    @property
    def classes(self):
        """The labels, in the order of the scores' columns."""
        return self.view.classes

    @property
    def default_lr(self):
        """Learning rate of gradient descent."""
        return self.view.default_lr

    @property
    def precision(self):
        """Machine epsilon of the losses."""
        return self.view.precision

    @property
    def follows_leftover_gradient(self):
        """Whether a correction removes the gradient that a fit left over."""
        return self.view.follows_leftover_gradient

    @property
    def parameters(self):
        return self.view.parameters[self.entries]

    def whole(self, parameters):
        """Return all parameters of the model, given those that are corrected."""
        whole = 1.0 * self.held
        whole[self.entries] = parameters
        return whole

    def spread(self, vectors):
        """Return blocks of vectors (n_whole, n_vectors), zero at what is held."""
        spread = 0.0 * self.held[:, None] * vectors[:1]
        spread[self.entries] = vectors
        return spread

    def training_rows(self, X, codes, sample_weight=None):
        return self.view.training_rows(X, codes, sample_weight)

    def evaluation_rows(self, X, codes):
        return self.view.evaluation_rows(X, codes)

    def measured_rows(self, rows):
        return self.view.measured_rows(rows)

    def scores(self, rows, parameters):
        return self.view.scores(rows, self.whole(parameters))

    def predicted(self, rows, parameters):
        return self.view.predicted(rows, self.whole(parameters))

    def pull_back_scores(self, rows, parameters, gradient):
        pulled = self.view.pull_back_scores(rows, self.whole(parameters), gradient)
        return pulled[self.entries]

    def losses(self, rows, parameters):
        return self.view.losses(rows, self.whole(parameters))

    def loss_gradient(self, rows, parameters, weight):
        return self.view.loss_gradient(rows, self.whole(parameters), weight)[
            self.entries
        ]

    def loss_derivatives(self, rows, parameters, directions):
        return self.view.loss_derivatives(
            rows, self.whole(parameters), self.spread(directions)
        )

    def penalty(self, rows, parameters):
        return self.view.penalty(rows, self.whole(parameters))

    def penalty_gradient(self, rows, parameters):
        return self.view.penalty_gradient(rows, self.whole(parameters))[self.entries]

    def objective_gradient(self, rows, parameters, weight):
        whole = self.view.objective_gradient(rows, self.whole(parameters), weight)
        return whole[self.entries]

    def objective_value(self, rows, parameters, weight):
        return self.view.objective_value(rows, self.whole(parameters), weight)

    def curvature(self, rows, parameters, weight, kind="auto"):
        whole = self.view.curvature(rows, self.whole(parameters), weight, kind)
        return EntriesCurvature(whole, self)

    def newton_steps_descend(self, rows, start, end):
        return self.view.newton_steps_descend(rows, self.whole(start), self.whole(end))

    def squared_gradients(self, rows, parameters, weights, **options):
        """Return sums of squared gradients of these entries."""
        whole = self.view.squared_gradients(
            rows, self.whole(parameters), weights, **options
        )
        return whole[:, self.entries]

    def linearized(self, parameters):
        """Return these entries of the model linearised in its parameters."""
        linearized = self.view.linearized(self.whole(parameters))
        return EntriesView(linearized, self.entries, self.held)

    def of_entries(self, entries, parameters):
        """Return a view of some of these entries."""
        return type(self)(self, entries, parameters)

    def write_parameters(self, estimator, parameters):
        self.view.write_parameters(estimator, self.whole(parameters))

    def to_numpy(self, vectors):
        return self.view.to_numpy(vectors)

    def concatenate(self, blocks):
        return self.view.concatenate(blocks)


class EntriesCurvature(CurvatureOperator):
    """Rows and columns of a curvature that belong to some entries of the parameters.

    Parameters
    ----------
    operator : CurvatureOperator
        Of all parameters.
    view : EntriesView
        Of the entries.
    """

    def __init__(self, operator, view):
        self.operator = operator
        self.view = view
        self.n_parameters = int(view.entries.sum())
        self.max_direct_size = operator.max_direct_size
        self.n_kept_vectors = operator.n_kept_vectors

    def product(self, vectors):
        return self._restricted(self.operator.product)(vectors)

    def repeated_products(self):
        return self.operator.repeated_products()

    def keep_passes(self):
        self.operator.keep_passes()

    def batch_products(self):
        for product in self.operator.batch_products():
            yield self._restricted(product)

    def _restricted(self, product):
        view = self.view
        return lambda vectors: product(view.spread(vectors))[view.entries]

    def diagonal(self):
        diagonal = self.operator.diagonal()
        return None if diagonal is None else diagonal[self.view.entries]

    def largest_block_size(self):
        return min(self.operator.largest_block_size(), self.n_parameters)

    def random_block(self, random_state, n_vectors):
        block = self.operator.random_block(random_state, n_vectors)
        return self.orthonormalize(block[self.view.entries])[0]

    def new_block(self, n_vectors):
        return self.operator.new_block(n_vectors)[: self.n_parameters]

    def orthonormalize(self, vectors):
        return self.operator.orthonormalize(vectors)

    def small_to_numpy(self, arrays):
        return self.operator.small_to_numpy(arrays)

    def null_directions(self):
        null = self.operator.null_directions()
        if null is None:
            return None
        entries = self._as_numpy()
        within = ~(null[~entries] != 0).any(axis=0)
        return null[entries][:, within] if within.any() else None

    def dense_blocks(self):
        entries, blocks = self._as_numpy(), []
        places = np.cumsum(entries) - 1
        for indices, matrix in self.operator.dense_blocks():
            kept = entries[indices]
            if kept.any():
                blocks.append((places[indices][kept], matrix[np.ix_(kept, kept)]))
        return blocks

    def _as_numpy(self):
        return np.asarray(self.operator.to_numpy(1.0 * self.view.entries)) > 0

    def precision(self):
        return self.operator.precision()

    def to_numpy(self, vectors):
        return self.operator.to_numpy(vectors)

    def from_numpy(self, vectors):
        return self.operator.from_numpy(vectors)
