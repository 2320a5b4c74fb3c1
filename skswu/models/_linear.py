"""The view of a linear classifier."""

import operator
from abc import abstractmethod

import numpy as np
from scipy.sparse import csr_matrix, issparse
from sklearn.utils.validation import validate_data

from .._utils._row_chunks import row_chunks
from ..influence import CurvatureOperator
from ..linear._attacks import LinearAttack
from ..linear._training import train
from ..rows._design import make_design
from ._base import ModelView

# Losses of more rows are not worth the memory that it takes to keep them.
_MAX_KEPT_LOSSES = 2**18


class LinearRows:
    """Rows of data as a linear view reads them.

    Attributes
    ----------
    design : Design
        The features, restricted to the columns that the view corrects.
    codes : ndarray of shape (n_samples,)
        Labels as positions in the view's classes.
    loss : LinearLoss
        What each row is measured with.
    weight : ndarray of shape (n_samples,) or None
        Sample weight times class weight; None on evaluation rows.
    columns : ndarray of int or None
        Which columns of the data these are, the intercept's behind all features; None
        if there is no choice.
    """

    def __init__(self, design, codes, loss, weight=None, columns=None):
        self.design = design
        self.codes = codes
        self.loss = loss
        self.weight = weight
        self.columns = columns
        self._margins = []
        self._losses = None, None

    def __len__(self):
        return self.design.n_rows

    def take(self, indices):
        """Return the rows at ``indices``."""
        design = make_design(self.design.X[indices], self.design.intercept)
        weight = None if self.weight is None else self.weight[indices]
        taken = LinearRows(design, self.codes[indices], self.loss, weight, self.columns)
        taken._margins = [(known, z[indices]) for known, z in self._margins]
        return taken

    def margins(self, parameters, matrix):
        """Margins (n_samples, n_outputs), kept for the two parameters asked last."""
        for is_same in (operator.is_, np.array_equal):
            for known, z in self._margins:
                if is_same(known, parameters):
                    return z
        z = np.empty((len(self), matrix.shape[0]))
        for chunk in self.design.chunks():
            z[chunk] = self.design.product(chunk, matrix.T)
        self.remember_margins(parameters, z)
        return z

    def losses(self, parameters, z):
        """Losses (n_samples,) at given margins; a few are kept for the parameters."""
        known, losses = self._losses
        if known is not parameters:

            def of_chunk(chunk):
                return self.loss.values(self.codes[chunk], z[chunk])

            losses = _in_chunks(self, len(self), of_chunk)
            if len(losses) <= _MAX_KEPT_LOSSES:
                self._losses = parameters, losses
        return losses

    def remember_margins(self, parameters, z):
        """Keep margins that were computed elsewhere, for many parameters at once."""
        self._margins = [*self._margins[-1:], (parameters, z)]


class LinearModelView(ModelView):
    r"""A classifier whose margins are :math:`z = X \, \mathrm{coef}^\top + b`.

    The parameters are the free entries of the matrix (n_outputs, n_columns) of the
    coefficients with the intercepts behind them, output by output. With an l1 penalty
    the free entries are the support of the fit: a coefficient at zero stays there.

    Subclasses say what their estimator minimises, see :meth:`loss_function` and
    :meth:`penalty_strengths`.

    Parameters
    ----------
    estimator : classifier
        Fitted, with ``coef_``, ``intercept_``, ``fit_intercept`` and ``classes_``.
    """

    default_lr = 1.0
    works_in_blocks = True

    def __init__(self, estimator):
        super().__init__(estimator)
        self.loss = self.loss_function()
        matrix = self._fitted_matrix()
        self._check_outputs(len(matrix))
        l1, _ = self._strengths(1)
        support = (l1 == 0) | (matrix != 0)
        self._columns = self._used_columns(support)
        self._free = support[:, self._columns]
        self._parameters = matrix[:, self._columns][self._free]
        self._known_strengths = None, None

    def _check_outputs(self, n_outputs):
        n_classes = len(self.classes)
        if n_outputs != (n_classes if n_classes > 2 else 1):
            raise ValueError(
                f"{type(self.estimator).__name__} has coefficients for {n_outputs} "
                f"outputs, which do not tell its {n_classes} classes apart. A class "
                "whose rows all have a sample_weight of 0 can be the reason."
            )

    @abstractmethod
    def loss_function(self):
        """Return the estimator's LinearLoss.

        Raises
        ------
        TypeError
            If its loss has no curvature.
        """

    @abstractmethod
    def penalty_strengths(self, n_samples):
        r"""Return the estimator's penalty on the scale of the summed loss.

        Returns
        -------
        l1, l2 : float or ndarray of shape (n_outputs,)
            Of :math:`R = \sum l_1 |\theta| + \tfrac12 l_2 \theta^2`.
        intercept_l1, intercept_l2 : float
            The same for the intercepts.
        """

    def weigh_classes(self, rows, sample_weight):
        """Bring the estimator's class weights into training rows, in place."""

    @property
    def parameters(self):
        return self._parameters

    def training_rows(self, X, codes, sample_weight=None):
        rows = self.evaluation_rows(X, codes)
        rows.weight = np.ones(len(rows)) if sample_weight is None else sample_weight
        self.weigh_classes(rows, sample_weight)
        return rows

    def evaluation_rows(self, X, codes):
        X = validate_data(
            self.estimator,
            X,
            reset=False,
            accept_sparse="csr",
            dtype=[np.float64, np.float32],
        )
        features = self._columns[self._columns < X.shape[1]]
        if len(features) < X.shape[1]:
            X = X[:, features]
        design = make_design(X, self.estimator.fit_intercept)
        return LinearRows(design, codes, self.loss, columns=self._columns)

    def scores(self, rows, parameters):
        z = self._margins(rows, parameters)
        shape = len(rows), len(self.classes)
        return _in_chunks(rows, shape, lambda chunk: self.loss.scores(z[chunk]))

    def predicted(self, rows, parameters):
        z = self._margins(rows, parameters)
        # Of one margin, the label is what is on the side of zero.
        return (z[:, 0] > 0).astype(np.intp) if z.shape[1] == 1 else z.argmax(axis=1)

    def pull_back_scores(self, rows, parameters, gradient):
        z = self._margins(rows, parameters)

        def in_margins(chunk):
            return self.loss.pull_back_scores(z[chunk], gradient(chunk))

        return self._pull_back(rows, in_margins)

    def losses(self, rows, parameters):
        return rows.losses(parameters, self._margins(rows, parameters))

    def loss_gradient(self, rows, parameters, weight):
        z = self._margins(rows, parameters)

        def in_margins(chunk):
            slope = rows.loss.gradient(rows.codes[chunk], z[chunk])
            return (weight[chunk, None] * slope)[None]

        return self._pull_back(rows, in_margins)[:, 0]

    def loss_derivatives(self, rows, parameters, directions):
        z = self._margins(rows, parameters)
        matrix = self._unpack(directions)
        n_outputs, n_columns, n_directions = matrix.shape
        columns = matrix.transpose(1, 0, 2).reshape(n_columns, -1)
        derivatives = np.empty((n_directions, len(rows)))
        for chunk in rows.design.chunks():
            moved = rows.design.product(chunk, columns)
            moved = moved.reshape(-1, n_outputs, n_directions)
            slope = rows.loss.gradient(rows.codes[chunk], z[chunk])
            derivatives[:, chunk] = np.einsum("ik,ikj->ji", slope, moved)
        return derivatives

    def block_margins(self, rows, block):
        """Return margins (n_vectors, n_samples, n_outputs) for many parameters.

        Parameters
        ----------
        rows : LinearRows
            Rows of data.
        block : ndarray of shape (n_parameters, n_vectors)
            Parameters, column by column.
        """
        matrix = self._unpack(block)
        n_outputs, n_columns, n_vectors = matrix.shape
        columns = matrix.transpose(1, 2, 0).reshape(n_columns, -1)
        margins = np.empty((n_vectors, len(rows), n_outputs))
        for chunk in rows.design.chunks():
            z = rows.design.product(chunk, columns)
            margins[:, chunk] = z.reshape(-1, n_vectors, n_outputs).transpose(1, 0, 2)
        return margins

    def block_loss_gradients(self, rows, margins, weights):
        r"""Return the :meth:`loss_gradient` of many models, in one pass.

        Parameters
        ----------
        rows : LinearRows
            Rows of data.
        margins : ndarray of shape (n_vectors or 1, n_samples, n_outputs)
            Of each model; one stands for all.
        weights : callable
            ``weights(chunk)`` returns the :math:`v` of each for the rows of a slice,
            shape (n_vectors, n_rows).

        Returns
        -------
        ndarray of shape (n_parameters, n_vectors)
        """

        def in_margins(chunk):
            codes = rows.codes[chunk]
            slopes = np.stack([rows.loss.gradient(codes, z[chunk]) for z in margins])
            return slopes * weights(chunk)[..., None]

        return self._pull_back(rows, in_margins)

    def penalty(self, rows, parameters):
        l1, l2 = self._free_strengths(len(rows))
        return float(l1 @ np.abs(parameters) + 0.5 * l2 @ parameters**2)

    def penalty_gradient(self, rows, parameters):
        l1, l2 = self._free_strengths(len(rows))
        return l1 * np.sign(parameters) + l2 * parameters

    def curvature(self, rows, parameters, weight, kind="auto"):
        z = self._margins(rows, parameters)
        _, l2 = self._free_strengths(len(rows))

        def second_derivative(chunk):
            second = rows.loss.second_derivative(rows.codes[chunk], z[chunk])
            return second * weight[chunk, None]

        def probabilities(chunk):
            return self.loss.probabilities(z[chunk])

        if self.loss.separable:
            second = _in_chunks(rows, z.shape, second_derivative)
            return SeparableCurvature(self, rows.design, second, l2)
        probability = _in_chunks(rows, z.shape, probabilities)
        return MultinomialCurvature(self, rows.design, probability, weight, l2)

    def train(
        self,
        rows,
        parameters,
        weight,
        *,
        lr=None,
        max_epochs=10,
        random_state=None,
        verbose=0,
    ):
        return train(self, rows, parameters, weight, lr=lr, max_epochs=max_epochs)

    def linearized(self, parameters):
        return self

    def newton_steps_descend(self, rows, start, end):
        # By Bach (2010), proposition 1, the objective changes along a step s by at
        # most s'g + s'Hs (exp(r) - r - 1) / r**2, with r as far as the margins move
        # times the self-concordance; of a Newton step s'Hs <= -s'g, and the factor is
        # below 1 up to here.
        longest = 1.79
        concordance = self.loss.self_concordance
        if not np.isfinite(concordance):
            return False
        moved = self._margins(rows, end) - self._margins(rows, start)
        spread = np.abs(moved) if self.loss.separable else np.ptp(moved, axis=1)
        return bool(concordance * spread.max() <= longest)

    def adversarial_rows(self, rows, parameters, attack):
        design = rows.design
        if issparse(design.X):
            raise ValueError(
                "Adversarial inputs of a sparse X are dense; got a sparse matrix of "
                f"shape {design.X.shape}. Convert the evaluation rows, or a sample of "
                "them, to a dense array."
            )
        matrix = self._unpack(parameters[:, None])[:, :, 0]
        coef, intercept = np.split(matrix, [design.n_features], axis=1)
        features = self._columns[: design.n_features]
        clip = attack.range_of(self.estimator.n_features_in_, features)
        perturb = LinearAttack(
            coef, intercept.sum(axis=1), rows.loss, attack, clip
        ).perturb
        X = np.empty(design.X.shape)
        for chunk in design.chunks():
            x = design.X[chunk].astype(np.float64, copy=False)
            X[chunk] = perturb(x, rows.codes[chunk])
        design = make_design(X, design.intercept)
        return LinearRows(design, rows.codes, rows.loss, rows.weight, rows.columns)

    def write_parameters(self, estimator, parameters):
        fitted = self._fitted_matrix()
        matrix = self._unpack(parameters[:, None])[:, :, 0]
        fitted[:, self._columns] = np.where(self._free, matrix, 0.0)
        n_features = estimator.n_features_in_
        coef = fitted[:, :n_features].reshape(estimator.coef_.shape)
        dtype, sparse = estimator.coef_.dtype, issparse(estimator.coef_)
        estimator.coef_ = (csr_matrix if sparse else np.asarray)(coef, dtype=dtype)
        if estimator.fit_intercept:
            estimator.intercept_ = fitted[:, n_features].astype(dtype)

    def _fitted_matrix(self):
        """Coefficients with the intercepts behind them, (n_outputs, n_columns)."""
        coef = self.estimator.coef_
        coef = np.atleast_2d(coef.toarray() if issparse(coef) else coef)
        if not self.estimator.fit_intercept:
            return coef.astype(np.float64)
        intercept = np.broadcast_to(self.estimator.intercept_, len(coef))
        return np.column_stack([coef, intercept]).astype(np.float64)

    def _strengths(self, n_samples):
        """Penalties of the whole coefficient matrix, l1 and l2."""
        l1, l2, intercept_l1, intercept_l2 = self.penalty_strengths(n_samples)
        shape = self._fitted_matrix().shape
        l1_matrix, l2_matrix = np.empty(shape), np.empty(shape)
        l1_matrix[...] = np.reshape(l1, (-1, 1))
        l2_matrix[...] = np.reshape(l2, (-1, 1))
        if self.estimator.fit_intercept:
            l1_matrix[:, -1] = intercept_l1
            l2_matrix[:, -1] = intercept_l2
        return l1_matrix, l2_matrix

    def _free_strengths(self, n_samples):
        """Penalties of the parameters, kept for the number of rows asked last."""
        known, strengths = self._known_strengths
        if known != n_samples:
            l1, l2 = self._strengths(n_samples)
            free = self._free
            strengths = l1[:, self._columns][free], l2[:, self._columns][free]
            self._known_strengths = n_samples, strengths
        return strengths

    def _used_columns(self, support):
        """Columns with a free entry; the intercept's stays where there is one."""
        used = support.any(axis=0)
        if self.estimator.fit_intercept:
            used[-1] = True
        return np.flatnonzero(used)

    def _margins(self, rows, parameters):
        given = rows.columns
        known = given is None or given is self._columns
        if not (known or np.array_equal(given, self._columns)):
            raise ValueError(
                f"This {type(self.estimator).__name__} and the one that the rows were "
                "made for do not have the same coefficients off zero, and inputs made "
                "against the one say nothing of the other. Measure adaptively, or use "
                "an l2 penalty."
            )
        return rows.margins(parameters, self._unpack(parameters[:, None])[:, :, 0])

    def _unpack(self, vectors):
        """Spread (n_parameters, n_vectors) over (n_outputs, n_columns, n_vectors)."""
        matrix = np.zeros((*self._free.shape, vectors.shape[1]))
        matrix[self._free] = vectors
        return matrix

    def _pull_back(self, rows, in_margins):
        """Sum the gradients of chunks, (n_metrics, n_rows, n_outputs) each."""
        total = None
        for chunk in rows.design.chunks():
            slope = in_margins(chunk)
            n_metrics, n_rows, n_outputs = slope.shape
            if total is None:
                total = np.zeros((rows.design.n_columns, n_metrics * n_outputs))
            slope = slope.transpose(1, 0, 2).reshape(n_rows, -1)
            rows.design.add_transpose_product(chunk, slope, total)
        total = total.reshape(-1, n_metrics, n_outputs)
        return total.transpose(2, 0, 1)[self._free]


def _in_chunks(rows, shape, function):
    """Return an array of ``function(chunk)``, with temporaries of a chunk's size."""
    values = np.empty(shape)
    for chunk in row_chunks(len(rows)):
        values[chunk] = function(chunk)
    return values


class LinearCurvature(CurvatureOperator):
    """The Hessian of a linear model's training objective.

    Parameters
    ----------
    view : LinearModelView
        Knows how parameters lie in the coefficient matrix.
    design : Design
        The training rows.
    penalty : ndarray of shape (n_parameters,)
        Second derivative of the regulariser.
    """

    def __init__(self, view, design, penalty):
        self.view = view
        self.design = design
        self.penalty = penalty
        self.n_parameters = len(penalty)

    @abstractmethod
    def _in_margins(self, chunk, moved):
        """Multiply (n_rows, n_outputs, n_vectors) by the Hessian in the margins."""

    def product(self, vectors):
        view = self.view
        matrix = view._unpack(vectors)
        n_outputs, n_columns, n_vectors = matrix.shape
        columns = matrix.transpose(1, 0, 2).reshape(n_columns, -1)
        total = np.zeros_like(columns)
        for chunk in self.design.chunks():
            moved = self.design.product(chunk, columns)
            moved = moved.reshape(-1, n_outputs, n_vectors)
            slope = self._in_margins(chunk, moved).reshape(len(moved), -1)
            self.design.add_transpose_product(chunk, slope, total)
        total = total.reshape(n_columns, n_outputs, n_vectors).transpose(1, 0, 2)
        return total[view._free] + self.penalty[:, None] * vectors


class SeparableCurvature(LinearCurvature):
    """Of a loss that is a sum over outputs: block-diagonal, a block an output.

    Parameters
    ----------
    second : ndarray of shape (n_samples, n_outputs)
        Weighted second derivatives of the losses in the margins.
    """

    def __init__(self, view, design, second, penalty):
        super().__init__(view, design, penalty)
        self.second = second

    def _in_margins(self, chunk, moved):
        return self.second[chunk, :, None] * moved

    def diagonal(self):
        sums = self.design.squared_column_sums(self.second)
        return sums.T[self.view._free] + self.penalty

    def largest_block_size(self):
        return int(self.view._free.sum(axis=1).max(initial=0))

    def dense_blocks(self):
        blocks, start = [], 0
        for output, free in enumerate(self.view._free):
            indices = slice(start, start + free.sum())
            gram = self.design.gram(self.second[:, output])
            if not free.all():
                gram = gram[np.ix_(free, free)]
            gram[np.diag_indices_from(gram)] += self.penalty[indices]
            blocks.append((indices, gram))
            start = indices.stop
        return blocks


class MultinomialCurvature(LinearCurvature):
    r"""Of the softmax cross-entropy, :math:`w (\mathrm{diag}(p) - p p^\top)` a row.

    Parameters
    ----------
    probability : ndarray of shape (n_samples, n_classes)
        The softmax.
    weight : ndarray of shape (n_samples,)
        The sample weights.
    """

    def __init__(self, view, design, probability, weight, penalty):
        super().__init__(view, design, penalty)
        self.probability = probability
        self.weight = weight

    def _in_margins(self, chunk, moved):
        scaled = self.probability[chunk, :, None] * moved
        centre = scaled.sum(axis=1, keepdims=True)
        scaled -= self.probability[chunk, :, None] * centre
        return self.weight[chunk, None, None] * scaled

    def diagonal(self):
        second = self.probability * (1.0 - self.probability) * self.weight[:, None]
        sums = self.design.squared_column_sums(second)
        return sums.T[self.view._free] + self.penalty

    def dense_blocks(self):
        free = self.view._free
        n_outputs, n_columns = free.shape
        full = np.empty((n_outputs, n_columns, n_outputs, n_columns))
        for k in range(n_outputs):
            p = self.weight * self.probability[:, k]
            for j in range(k + 1):
                weight = p * ((j == k) - self.probability[:, j])
                full[k, :, j] = full[j, :, k] = self.design.gram(weight)
        full = full.reshape(free.size, free.size)
        if not free.all():
            full = full[np.ix_(free.ravel(), free.ravel())]
        full[np.diag_indices_from(full)] += self.penalty
        return [(slice(None), full)]

    def null_directions(self):
        """A constant added to an unpenalised column of every class is not seen."""
        free = self.view._free
        penalty = self.view._unpack(self.penalty[:, None])[:, :, 0]
        flat = np.flatnonzero(free.all(axis=0) & (penalty == 0).all(axis=0))
        if len(flat) == 0:
            return None
        null = np.zeros((*free.shape, len(flat)))
        null[:, flat, np.arange(len(flat))] = 1.0 / np.sqrt(len(free))
        return null[free]
