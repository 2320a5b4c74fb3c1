"""The view of a model that is linear in its parameters."""

from abc import abstractmethod
from copy import copy
from functools import partial

import numpy as np

from ..linear import LinearCurvature, LinearModel, TrainingObjective
from ..linear import _passes as passes
from ..linear._training import train
from ._blocks_view import BlocksView
from ._linear_entries import LinearEntriesView


class LinearRows:
    """Rows of data as a linear view reads them.

    Parameters
    ----------
    blocks : LocalBlocks
        The features, restricted to the columns that the view corrects.
    codes : ndarray of shape (n_samples,)
        Labels as positions in the view's classes.
    loss : LinearLoss
        What each row is measured with.
    columns : ndarray of int or None, default=None
        Which columns of the data these are, the intercept's behind all features; None
        if there is no choice.

    Attributes
    ----------
    weight : ndarray of shape (n_samples,) or None
        Sample weight times class weight; None on evaluation rows, and where rows are
        known by their kinds.
    """

    def __init__(self, blocks, codes, loss, columns=None):
        self.blocks = blocks
        self.codes = codes
        self.loss = loss
        self.columns = columns
        self.weight = None

    #: Under which name the offset is noted that margins are measured with, if any.
    offset = None

    def __len__(self):
        return self.blocks.n_rows

    def with_offset(self, loss, name):
        """Return rows whose margins are measured with an offset noted beside them.

        Parameters
        ----------
        loss : LinearLoss
            What each row is measured with.
        name : str
            Under which the offset is noted.

        Returns
        -------
        LinearRows
        """
        rows = copy(self)
        rows.loss, rows.weight, rows.offset = loss, None, name
        return rows

    @property
    def weigh_alike(self):
        """Whether all training rows have the same weight."""
        return bool(np.ptp(self.weight) == 0)

    def class_totals(self, n_classes, sample_weight=None):
        """Return how many rows each class has, or their sample weight, (n_classes,)."""
        return np.bincount(self.codes, sample_weight, n_classes)

    def weigh(self, of_class):
        """Multiply the weights of training rows by those of their classes."""
        self.weight = self.weight * of_class[self.codes]


class RowsOfKinds(LinearRows):
    """Rows of which nothing but their kinds is known here.

    Parameters
    ----------
    blocks : RowBlocks
        The features, with all that is known of the rows.
    kinds : Kinds
        Kinds of rows.
    loss : LinearLoss
        What each row is measured with.
    columns : ndarray of int or None, default=None
        See :class:`LinearRows`.
    """

    def __init__(self, blocks, kinds, loss, columns=None):
        super().__init__(blocks, None, loss, columns)
        self.kinds = kinds
        self._weigh_alike = kinds.weigh_alike

    @property
    def weigh_alike(self):
        return self._weigh_alike

    def class_totals(self, n_classes, sample_weight=None):
        counted = self.kinds.n if sample_weight is None else sample_weight
        return np.bincount(self.kinds.codes, counted, n_classes)

    def weigh(self, of_class):
        self.blocks.reduce(partial(_weigh, of_class=of_class))
        self._weigh_alike &= bool(np.ptp(of_class) == 0)


def _weigh(block, of_class):
    block["weight"] = block.weight * of_class[block["code"]]
    return ()


class LinearView(BlocksView):
    r"""A model whose margins are :math:`z = X \Theta^\top`.

    The parameters are the free entries of the matrix (n_outputs, n_columns) of the
    coefficients with the intercepts behind them, output by output.

    Parameters
    ----------
    estimator : classifier
        Fitted.
    matrix : ndarray of shape (n_outputs, n_columns)
        Its coefficients.
    free : ndarray of bool of shape (n_outputs, n_columns)
        Which of them are corrected.
    loss : LinearLoss
        Its loss.
    columns : ndarray of int or None, default=None
        Which columns of the data these are, see :class:`LinearRows`.
    """

    default_lr = 1.0
    may_leave_out = True

    def __init__(self, estimator, matrix, free, loss, columns=None):
        super().__init__(estimator)
        self.loss = loss
        self._matrix, self._free, self._columns = matrix, free, columns
        self._parameters = matrix[free]

    @property
    def parameters(self):
        return self._parameters

    @abstractmethod
    def strengths(self, rows):
        r"""Return the penalty of a fit on training rows.

        Parameters
        ----------
        rows : LinearRows
            Training rows.

        Returns
        -------
        l1, l2 : ndarray of shape (n_parameters,)
            Of :math:`R = \sum l_1 |\theta| + \tfrac12 l_2 \theta^2`.
        """

    def model_on(self, rows, parameters=None):
        """Return the training objective on rows as a LinearModel.

        Parameters
        ----------
        rows : LinearRows
            Training rows.
        parameters : ndarray of shape (n_parameters,) or None, default=None
            Where; None is at the fitted parameters.
        """
        l1, l2 = self.strengths(rows)
        model = LinearModel(self._matrix, self._free, self.loss, rows.loss, l1, l2)
        return model if parameters is None else model.at(parameters)

    def posed(self, rows):
        return TrainingObjective(self.model_on(rows), rows.blocks)

    def measured_rows(self, rows):
        # Class weights may stand in the training loss; nothing is measured with them.
        measured = copy(rows)
        measured.loss, measured.weight = self.loss, None
        return measured

    def leaves_out(self, influence):
        bare = np.zeros(len(self._parameters))
        model = LinearModel(self._matrix, self._free, self.loss, self.loss, bare, bare)
        return influence.wants_dense(LinearCurvature(model, None))

    def offset_rows(self, rows, name="offset"):
        """Return rows whose margins are measured with an offset.

        Parameters
        ----------
        rows : LinearRows
            The rows.
        name : str, default="offset"
            Under which it is noted beside them.
        """
        return rows.with_offset(self.loss, name)

    def at(self, rows, parameters):
        matrix = self._matrix_at(rows, parameters)
        return rows.blocks, partial(_margins_at, matrix=matrix, offset=rows.offset)

    def training_loss(self, rows):
        return rows.loss

    def directions(self, vectors):
        return self._unpack(vectors.T)

    def gathered(self, sums):
        return sums[..., self._free]

    @property
    def threshold(self):
        if self.boundary is None:
            return None
        return float(self.loss.scores(np.full((1, 1), self.boundary))[0, 0])

    @property
    def boundary(self):
        """The margin from which on the second class is predicted, or None."""
        if self.decision is None:
            return None
        return self.decision.margin(self.loss.margin_at)

    @property
    def cut(self):
        return None if self.decision is None else self.decision.cut(self.boundary)

    def predicted(self, rows, parameters):
        call = partial(predicted_positions, kind=np.intp, cut=self.cut)
        return self._by_row(rows, parameters, call)

    def predicted_by_many(self, rows, parameters):
        """Yield the positions of the labels that many models predict, in one pass.

        Parameters
        ----------
        rows : LinearRows
            Evaluation rows.
        parameters : ndarray of shape (n_models, n_parameters)
            The models.

        Yields
        ------
        ndarray of int of shape (n_samples,)
            Of one model.
        """
        kind = np.min_scalar_type(len(self.classes))
        call = partial(predicted_positions, kind=kind, cut=self.cut)
        yield from self._by_row(rows, parameters, call)

    def squared_gradients(
        self, rows, parameters, weights, *, batch_size=1, random_state=None
    ):
        r"""Return :math:`\sum_i v_{ki} (\nabla \ell_i)^2`, entry by entry, exactly.

        Parameters
        ----------
        rows : LinearRows
            Training rows.
        parameters : ndarray of shape (n_parameters,)
            Where.
        weights : ndarray of shape (n_weights, n_samples)
            The :math:`v_k`.
        batch_size : int, default=1
            For networks.
        random_state : None, default=None
            Nothing is drawn.

        Returns
        -------
        ndarray of shape (n_weights, n_parameters)
        """
        beside = rows.blocks.beside(code=rows.codes, weights=weights)
        matrix = self._matrix_at(rows, parameters)
        call = partial(passes.squared_gradients, loss=rows.loss, matrix=matrix)
        ((total,),) = beside.reduce(call)
        return total[..., self._free]

    def penalty(self, rows, parameters):
        return float(self.model_on(rows).penalty(parameters))

    def penalty_gradient(self, rows, parameters):
        return self.model_on(rows).penalty_gradient(parameters)

    def gradient_at(self, rows, parameters):
        """Return the gradient of the fit's training objective, (n_parameters,)."""
        matrix = self._matrix_at(rows, parameters)
        call = partial(passes.gradient, loss=rows.loss, matrix=matrix)
        ((gradient,),) = rows.blocks.reduce(call)
        return gradient[self._free] + self.penalty_gradient(rows, parameters)

    def objective(self, rows, parameters, weight):
        """Return the training objective under weights, and its gradient."""
        model = self.model_on(rows)
        beside = rows.blocks.beside(code=rows.codes, weight=weight)
        call = partial(
            passes.objective, loss=rows.loss, matrix=self._matrix_at(rows, parameters)
        )
        ((value, gradient),) = beside.reduce(call)
        gradient = model.pack(gradient) + model.penalty_gradient(parameters)
        return float(value + model.penalty(parameters)), gradient

    def curvature(self, rows, parameters, weight, kind="auto"):
        beside = rows.blocks.beside(code=rows.codes, weight=weight)
        model = self.model_on(rows, parameters)
        call = partial(passes.derivatives, loss=rows.loss, matrix=model.matrix)
        beside.reduce(call)
        return LinearCurvature(model, beside)

    def train(self, rows, parameters, weight, **options):
        """Return the parameters after training on, by L-BFGS or gradient descent.

        Parameters
        ----------
        rows : LinearRows
            Training rows.
        parameters : ndarray of shape (n_parameters,)
            Where to start.
        weight : ndarray of shape (n_samples,)
            What rows weigh.
        **options
            ``l1``, the strength of an l1 penalty beside the mean loss; ``lr``, the
            learning rate in units of the inverse of the largest curvature, of which
            None is L-BFGS where the weights keep the objective convex; and
            ``max_epochs``, the largest number of passes over the rows. Nothing is drawn
            by ``random_state`` or shown by ``verbose``.

        Returns
        -------
        ndarray of shape (n_parameters,)
        """
        return train(self, rows, parameters, weight, **options)

    def linearized(self, parameters):
        """Return the view itself: its margins are linear in the parameters."""
        return self

    def of_entries(self, entries, parameters):
        """Return a view that corrects some entries of the parameters alone.

        Parameters
        ----------
        entries : ndarray of bool of shape (n_parameters,)
            Which.
        parameters : ndarray of shape (n_parameters,)
            Where the others stay.
        """
        return LinearEntriesView(self, entries, parameters)

    def newton_steps_descend(self, rows, start, end):
        # By Bach (2010), proposition 1, the objective changes along a step s by at
        # most s'g + s'Hs (exp(r) - r - 1) / r**2, with r as far as the margins move
        # times the self-concordance; of a Newton step s'Hs <= -s'g, and the factor is
        # below 1 up to here.
        longest = 1.79
        concordance = self.loss.self_concordance
        if not np.isfinite(concordance):
            return False

        call = partial(_reach, separable=self.loss.separable)
        reach = self._by_row(rows, end - start, call)
        return bool(concordance * reach.max() <= longest)

    def _matrix_at(self, rows, parameters):
        """Return coefficients, of the columns that the rows have."""
        given = rows.columns
        known = given is None or given is self._columns
        if not (known or np.array_equal(given, self._columns)):
            raise ValueError(
                f"This {type(self.estimator).__name__} and the one that the rows were "
                "made for do not have the same coefficients off zero, and inputs made "
                "against the one say nothing of the other. Measure adaptively, or use "
                "an l2 penalty."
            )
        return self._unpack(parameters)

    def _unpack(self, vectors):
        """Spread (..., n_parameters) over (..., n_outputs, n_columns)."""
        matrices = np.zeros((*vectors.shape[:-1], *self._free.shape))
        matrices[..., self._free] = vectors
        return matrices


def _margins_at(block, matrix, offset):
    """Return the margins of a block, with what is noted as their offset, if any."""
    z = block.margins(matrix)
    return z if offset is None else block.measured(z, offset)


def predicted_positions(block, z, kind, cut=None):
    """Return positions of labels (..., n_rows) of margins (..., n_outputs, n_rows).

    Of one margin, or the difference of two, the label is the side of the cut; None is
    zero.
    """
    if z.shape[-2] == 1:
        found = z[..., 0, :] > (cut or 0.0)
    elif cut is None:
        found = z.argmax(axis=-2)
    else:
        found = z[..., 1, :] - z[..., 0, :] > cut
    return found.astype(kind)


def _reach(block, z, separable):
    """Return how far margins moved, or those of several outputs apart."""
    return np.abs(z).max(axis=0) if separable else np.ptp(z, axis=0)
