"""The reader of scikit-learn's linear classifiers."""

from abc import abstractmethod
from functools import partial

import numpy as np
from scipy.sparse import csr_matrix, issparse
from sklearn.utils.validation import validate_data

from .._utils._array_api import as_like, as_numpy, float_dtypes, is_foreign
from ..rows import LocalBlocks, blocks_of
from ._linear_attacks import LinearAttack
from ._linear_view import LinearRows, LinearView, RowsOfKinds

# Fits leave less on their own rows, see docs/benchmarks_training_data.md.
_NO_DECREMENT = 3e-4
_DECREMENT_A_PARAMETER = 0.05
# Shares of the gradient at coefficients of zero that a fit may leave: per unit of its
# tolerance; by stochastic steps; and if it stopped for its max_iter, after how many
# iterations.
_LEFT_PER_TOLERANCE = 20.0
_LEFT_BY_STOCHASTIC_STEPS = 0.01
_LEFT_UNFINISHED = 0.2
_SOME_ITERATIONS = 50
_STOCHASTIC_SOLVERS = {"sag", "saga"}


class LinearModelView(LinearView):
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

    predicting_methods = "decision_function", "predict_proba", "predict"

    def __init__(self, estimator):
        self.estimator, self.classes = estimator, as_numpy(estimator.classes_)
        loss = self.loss_function()
        matrix = self._fitted_matrix()
        self._check_finite(matrix)
        self._whole_shape = matrix.shape
        self._check_outputs(len(matrix))
        l1, _ = self._whole_strengths(1)
        support = (l1 == 0) | (matrix != 0)
        columns = self._used_columns(support)
        free = support[:, columns]
        matrix = np.where(free, matrix[:, columns], 0.0)
        super().__init__(estimator, matrix, free, loss, columns)
        # By an intercept alone, all rows are measured alike, and are to stay so.
        self.may_leave_out = len(self._features) > 0

    def _check_finite(self, matrix):
        """Insist that coefficients and intercepts are numbers."""
        n_features = self.estimator.n_features_in_
        parts = {"coef_": matrix[:, :n_features], "intercept_": matrix[:, n_features:]}
        for name, values in parts.items():
            n_bad = np.count_nonzero(~np.isfinite(values))
            if n_bad:
                raise ValueError(
                    f"{name} of the {type(self.estimator).__name__} holds NaN or "
                    f"infinity, {n_bad} of {values.size} values: the fit diverged, and "
                    "there is no model to correct."
                )

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

    def training_rows(self, X, codes, sample_weight=None):
        rows = self.evaluation_rows(X, codes)
        ones = np.broadcast_to(1.0, len(rows))
        rows.weight = ones if sample_weight is None else sample_weight
        self.weigh_classes(rows, sample_weight)
        if rows.weight is not ones:
            rows.blocks.spread("weight", rows.weight)
        if sample_weight is not None:
            rows.blocks.spread("count", sample_weight)
        return rows

    def evaluation_rows(self, X, codes):
        codes = codes.astype(np.min_scalar_type(-len(self.classes)), copy=False)
        blocks = self.make_blocks(X, self._features, code=codes)
        return LinearRows(blocks, codes, self.loss, self._columns)

    @property
    def _features(self):
        """Which columns of X are used, shape (n_used,)."""
        return self._columns[self._columns < self.estimator.n_features_in_]

    def rows_of_kinds(self, data, wrapped):
        """Return rows that lie elsewhere, of which kinds are known here.

        Parameters
        ----------
        data : CollectionData
            The rows.
        wrapped : WrappedClassifier
            Whose transformers they go through.

        Returns
        -------
        RowsOfKinds
        """
        checked = partial(checked_features, self.estimator, self._features)
        given = wrapped, checked, self.estimator.fit_intercept, self.classes
        return RowsOfKinds(*data.hold(*given), self.loss, self._columns)

    def training_rows_of_kinds(self, data, wrapped):
        """Return the same for rows that the model was trained on, with weights."""
        rows = self.rows_of_kinds(data, wrapped)
        self.weigh_classes(rows, rows.kinds.weight if rows.kinds.is_weighted else None)
        return rows

    def make_blocks(self, X, features, **noted):
        """Return the rows of X in blocks.

        A subclass that reads rows from where they lie overrides it.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
            As the classifier takes it; it is checked here.
        features : ndarray of int of shape (n_used,)
            Which of its columns blocks hold: all but with an l1 penalty.
        **noted : ndarray of shape (..., n_samples)
            What is known of the rows.

        Returns
        -------
        RowBlocks
        """
        checked = partial(checked_features, self.estimator, features)
        return blocks_of(X, checked, self.estimator.fit_intercept, **noted)

    def readable(self, X):
        return X

    def strengths(self, rows):
        l1, l2 = self._whole_strengths(len(rows))
        columns, free = self._columns, self._free
        return l1[:, columns][free], l2[:, columns][free]

    def training_decrement_limit(self, rows):
        return _NO_DECREMENT + _DECREMENT_A_PARAMETER * len(self.parameters) / len(rows)

    def leaves(self, rows, gradient):
        share = self.largest_share_left(rows)
        if np.isinf(share):
            return True
        start = self.gradient_at(rows, 0.0 * self.parameters)
        return np.linalg.norm(gradient) <= share * np.linalg.norm(start)

    def largest_share_left(self, rows):
        """Return how much a fit may leave of the gradient that it started from.

        By how it stopped, in the units of the features as they are: what a solver
        leaves in features of unlike scale is small there, however much it is worth.
        Infinite where all is possible. See docs/benchmarks_training_data.md.

        Parameters
        ----------
        rows : LinearRows
            Training rows.
        """
        estimator = self.estimator
        solver = getattr(estimator, "solver_", getattr(estimator, "solver", None))
        is_stochastic = solver in _STOCHASTIC_SOLVERS
        # Their steps are made for rows of equal weight, and may diverge otherwise.
        if is_stochastic and not rows.weigh_alike:
            return np.inf
        n_iter = self.n_iter
        if n_iter >= (getattr(estimator, "max_iter", None) or np.inf):
            return _LEFT_UNFINISHED if n_iter >= _SOME_ITERATIONS else np.inf
        tol = max(getattr(estimator, "tol", None) or 0.0, 1e-4)
        share = min(_LEFT_PER_TOLERANCE * tol, _LEFT_UNFINISHED)
        return max(share, _LEFT_BY_STOCHASTIC_STEPS) if is_stochastic else share

    @property
    def n_iter(self):
        """The number of iterations that the fit took, 0 if it does not say."""
        n_iter = as_numpy(getattr(self.estimator, "n_iter_", None))
        return 0 if n_iter is None else int(np.max(n_iter))

    def write_parameters(self, estimator, parameters):
        fitted = self._fitted_matrix()
        fitted[:, self._columns] = self._unpack(parameters)
        n_features = estimator.n_features_in_
        known = estimator.coef_
        coef = fitted[:, :n_features].reshape(known.shape)
        dtype = as_numpy(known).dtype
        if issparse(known):
            estimator.coef_ = csr_matrix(coef, dtype=dtype)
        else:
            estimator.coef_ = as_like(coef.astype(dtype), known)
        if estimator.fit_intercept:
            intercept = fitted[:, n_features].astype(dtype)
            estimator.intercept_ = as_like(intercept, known)

    def adversarial_rows(self, rows, parameters, attack):
        """Return rows whose inputs an attack has perturbed to raise their losses.

        Parameters
        ----------
        rows : LinearRows
            In memory, dense.
        parameters : ndarray of shape (n_parameters,)
            Of the model that is attacked.
        attack : Attack
            How far, and in which norm.

        Returns
        -------
        LinearRows

        Raises
        ------
        ValueError
            If the rows are sparse.
        TypeError
            If they are not in one array.
        """
        blocks = rows.blocks
        if not isinstance(blocks, LocalBlocks) or is_foreign(blocks.X):
            raise TypeError(
                "Adversarial inputs are made of rows in one numpy array; got "
                f"{type(getattr(blocks, 'X', blocks)).__name__}. Give evaluation rows "
                "(X_val) as one."
            )
        if issparse(blocks.X):
            raise ValueError(
                "Adversarial inputs of a sparse X are dense; got a sparse matrix of "
                f"shape {blocks.X.shape}. Convert the evaluation rows, or a sample of "
                "them, to a dense array."
            )
        perturb = self._make_attack(rows, parameters, attack).perturb
        X = np.empty(blocks.X.shape)
        for block in blocks.blocks:
            x = blocks.X[block.rows].astype(np.float64, copy=False)
            X[block.rows] = perturb(x, rows.codes[block.rows])
        moved = LocalBlocks(X, self.estimator.fit_intercept, code=rows.codes)
        perturbed = LinearRows(moved, rows.codes, rows.loss, rows.columns)
        perturbed.weight = rows.weight
        return perturbed

    def _make_attack(self, rows, parameters, attack):
        n_features = rows.blocks.X.shape[1]
        matrix = self._matrix_at(rows, parameters)
        coef, intercept = np.split(matrix, [n_features], axis=1)
        intercept = intercept.sum(axis=1)
        if attack.kind == "boundary" and self.boundary is not None:
            intercept = intercept - self.boundary
        features = self._columns[:n_features]
        clip = attack.range_of(self.estimator.n_features_in_, features)
        return LinearAttack(coef, intercept, rows.loss, attack, clip)

    def _fitted_matrix(self):
        """Coefficients with the intercepts behind them, (n_outputs, n_columns)."""
        coef = as_numpy(self.estimator.coef_)
        coef = np.atleast_2d(coef.toarray() if issparse(coef) else coef)
        if not self.estimator.fit_intercept:
            return coef.astype(np.float64)
        intercept = np.broadcast_to(as_numpy(self.estimator.intercept_), len(coef))
        return np.column_stack([coef, intercept]).astype(np.float64)

    def _whole_strengths(self, n_samples):
        """Penalties of the whole coefficient matrix, l1 and l2."""
        l1, l2, intercept_l1, intercept_l2 = self.penalty_strengths(n_samples)
        shape = self._whole_shape
        l1_matrix, l2_matrix = np.empty(shape), np.empty(shape)
        l1_matrix[...] = np.reshape(l1, (-1, 1))
        l2_matrix[...] = np.reshape(l2, (-1, 1))
        if self.estimator.fit_intercept:
            l1_matrix[:, -1] = intercept_l1
            l2_matrix[:, -1] = intercept_l2
        return l1_matrix, l2_matrix

    def _used_columns(self, support):
        """Columns with a free entry; the intercept's stays where there is one."""
        used = support.any(axis=0)
        if self.estimator.fit_intercept:
            used[-1] = True
        return np.flatnonzero(used)


def checked_features(classifier, features, X):
    """Return the features that a model uses, checked as its classifier does.

    Parameters
    ----------
    classifier : classifier
        Fitted.
    features : ndarray of int of shape (n_used,)
        Which of its columns.
    X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
        As the classifier takes it.

    Returns
    -------
    {ndarray, CSR matrix} of shape (n_samples, n_used)
        A copy only where there is no other way.
    """
    X = validate_data(
        classifier,
        X,
        reset=False,
        accept_sparse="csr",
        dtype=float_dtypes(X),
    )
    return X[:, features] if len(features) < X.shape[1] else X
