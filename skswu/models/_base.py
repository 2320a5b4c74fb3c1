"""What every model view offers."""

from abc import ABC, abstractmethod
from copy import deepcopy

import numpy as np

from .._utils._array_api import as_numpy
from ..rows._memory_maps import in_memory


class ModelView(ABC):
    r"""A fitted classifier as parameters, per-sample losses and curvature.

    The training objective is the estimator's own, scaled so that each sample's loss
    carries its weight and nothing else,

    .. math:: L(\theta; w) = \sum_i w_i \, \ell(z_i, \theta) + R(\theta),

    with :math:`w_i` the product of sample weight and class weight. Parameters are one
    vector of shape (n_parameters,); blocks of vectors have shape (n_parameters,
    n_vectors). Both are arrays of the view's own library; everything that has one
    entry a row is numpy.

    Some parts ask for more: ``adversarial_rows(rows, parameters, attack)`` returns rows
    with perturbed inputs; ``train(rows, parameters, weight, *, l1, lr, max_epochs,
    random_state, verbose)`` returns parameters after training on; ``linearized(
    parameters)`` returns a view of the model linearised in its parameters;
    ``squared_gradients(rows, parameters, weights, *, batch_size, random_state)``
    returns sums of squared per-sample gradients; ``of_entries(entries, parameters)``
    returns a view that corrects some entries of the parameters alone;
    ``start_training`` and ``last_layers`` are for networks. A view that lacks one is
    refused by the parts that declare to need it.

    Parameters
    ----------
    estimator : classifier
        Fitted. It is read, never changed.

    Attributes
    ----------
    classes : ndarray of shape (n_classes,)
        The labels, in the order of the scores' columns.
    default_damping : float
        Damping that ``"auto"`` stands for, per unit of total training weight.
    default_solver_tol : float
        Relative residual that ``"auto"`` asks of an iterative solver.
    default_lr : float or None
        Learning rate of gradient descent, in the model's own units; None for the one
        that the model was fitted with.
    precision : float
        Machine epsilon of the losses.
    follows_leftover_gradient : bool
        Whether a correction also removes the gradient that an unfinished fit left
        over, rather than holding the fit's stopping point as the optimum.
    predicting_methods : tuple of str
        The estimator's methods that the view stands for: a subclass that has its own
        is not what the view reads, unless it is registered by itself.
    """

    default_damping = 0.0
    default_solver_tol = 1e-8
    default_lr = None
    predicting_methods = ()
    precision = float(np.finfo(np.float64).eps)
    follows_leftover_gradient = True
    #: Whether training rows of such models can be measured as left out of the fit.
    may_leave_out = False
    #: The Decision of what is around the classifier and decides; None is itself.
    decision = None

    def __init__(self, estimator):
        self.estimator = estimator
        self.classes = as_numpy(estimator.classes_)

    @property
    @abstractmethod
    def parameters(self):
        """The fitted parameters that a correction moves, shape (n_parameters,)."""

    def restricted_to(self, parameters, X):
        """Return a view that corrects only some of the parameters.

        Parameters
        ----------
        parameters : {"all", "last_layer"} or list of str
            Which; a list holds patterns of names, such as ``"encoder.*"``.
        X : data
            Rows as the classifier was fitted on, to trace a network with.

        Returns
        -------
        view : ModelView
        """
        if isinstance(parameters, str) and parameters == "all":
            return self
        raise TypeError(
            f"parameters={parameters!r} is for networks; all parameters of a "
            f"{type(self.estimator).__name__} are corrected together. Use 'all'."
        )

    def readable(self, X):
        """Return X as rows can be read from it: here, in memory.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame, BroughtRows}
            As transformers left it.
        """
        return in_memory(X, f"The view of a {type(self.estimator).__name__}")

    @abstractmethod
    def training_rows(self, X, codes, sample_weight=None):
        """Prepare the rows that the model was trained on.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
            As the classifier was fitted on.
        codes : ndarray of shape (n_samples,)
            Labels as positions in ``classes``.
        sample_weight : ndarray of shape (n_samples,) or None
            As the classifier was fitted with.

        Returns
        -------
        rows : Rows
            With the attribute ``weight``, :math:`w` of shape (n_samples,).
        """

    @abstractmethod
    def evaluation_rows(self, X, codes):
        """Prepare rows that the model is measured on; they carry no weights."""

    @abstractmethod
    def scores(self, rows, parameters):
        """Log-probabilities up to a constant a row, shape (n_samples, n_classes)."""

    @property
    def threshold(self):
        """The log-odds from which on the second of two classes is predicted.

        None where the largest score decides.
        """
        return None if self.decision is None else self.decision.log_odds()

    @property
    def cut(self):
        """The margin, here the log-odds, above which it is; None like that."""
        return None if self.decision is None else self.decision.cut(self.threshold)

    def predicted(self, rows, parameters):
        """Return the positions of the predicted labels, shape (n_samples,)."""
        scores, cut = self.scores(rows, parameters), self.cut
        if cut is None:
            return scores.argmax(axis=1)
        return (np.diff(scores)[:, 0] > cut).astype(np.intp)

    @abstractmethod
    def pull_back_scores(self, rows, parameters, gradient):
        r"""Return the gradient in the parameters of functions of the scores.

        Parameters
        ----------
        rows : Rows
            Evaluation rows.
        parameters : array of shape (n_parameters,)
            Where.
        gradient : callable
            ``gradient(chunk)`` returns :math:`\partial M_j / \partial s_{ik}` for the
            rows of a slice, shape (n_metrics, n_rows, n_classes).

        Returns
        -------
        array of shape (n_parameters, n_metrics)
        """

    @abstractmethod
    def losses(self, rows, parameters):
        r"""Per-sample losses :math:`\ell(z_i, \theta)`, shape (n_samples,)."""

    @abstractmethod
    def loss_gradient(self, rows, parameters, weight):
        r"""Return :math:`\sum_i v_i \nabla \ell_i` for ``weight`` v (n_samples,)."""

    @abstractmethod
    def loss_derivatives(self, rows, parameters, directions):
        r"""Return :math:`\nabla \ell_i \cdot d_j` for every sample and direction.

        Parameters
        ----------
        rows : Rows
            Training rows.
        parameters : array of shape (n_parameters,)
            Where.
        directions : array of shape (n_parameters, n_directions)
            The :math:`d_j`.

        Returns
        -------
        ndarray of shape (n_directions, n_samples)
        """

    @abstractmethod
    def penalty(self, rows, parameters):
        r"""The regulariser :math:`R(\theta)` of a fit on these rows."""

    @abstractmethod
    def penalty_gradient(self, rows, parameters):
        r"""The gradient of :math:`R`, shape (n_parameters,)."""

    @abstractmethod
    def curvature(self, rows, parameters, weight, kind="auto"):
        r"""Return :math:`\sum_i v_i \nabla^2 \ell_i + \nabla^2 R` as an operator.

        Parameters
        ----------
        rows : Rows
            Training rows.
        parameters : array of shape (n_parameters,)
            Where.
        weight : ndarray of shape (n_samples,)
            The :math:`v_i`.
        kind : {"auto", "gauss_newton", "hessian"}, default="auto"
            Whether second derivatives of the scores in the parameters are left out;
            linear models have none.

        Returns
        -------
        CurvatureOperator
        """

    def newton_steps_descend(self, rows, start, end):
        """Say whether a Newton step, or a share of one, cannot raise the objective.

        Parameters
        ----------
        rows : Rows
            Training rows.
        start, end : array of shape (n_parameters,)
            Where the step starts, and where it or the share ends. False is always a
            safe answer: then the objective is computed.
        """
        return False

    @abstractmethod
    def write_parameters(self, estimator, parameters):
        """Write parameters into ``estimator``, a copy of the viewed classifier."""

    def training_decrement_limit(self, rows):
        r"""Return the largest Newton decrement that a fit leaves on its own rows.

        The decrement is :math:`\tfrac12 g^\top H^{-1} g / \sum_i w_i` with g and H the
        gradient and the Hessian of the training objective.

        Parameters
        ----------
        rows : Rows
            Training rows.

        Returns
        -------
        float or None
            Above it, the rows are others than those of the fit. None: the decrement
            tells nothing, and is not computed.
        """
        return None

    def leaves(self, rows, gradient):
        """Say whether a fit may have left a gradient on its own rows, unfinished.

        It is asked where the decrement is above its limit.

        Parameters
        ----------
        rows : Rows
            Training rows.
        gradient : array of shape (n_parameters,)
            Of the training objective at the fitted parameters.
        """
        return False

    def check_training_rows(self, rows):
        """Warn where rows cannot be those of the fit by what the fit recorded.

        Parameters
        ----------
        rows : Rows
            Training rows.
        """
        return None

    def posed(self, rows):
        """Return the training objective on blocks of rows, or None.

        Parameters
        ----------
        rows : Rows
            Training rows.

        Returns
        -------
        TrainingObjective or None
            What lets many corrections share passes over the rows; without it, each asks
            the view by itself.
        """
        return None

    def measured_rows(self, rows):
        """Return training rows as they are measured."""
        return rows

    def leaves_out(self, influence):
        """Say whether training rows can be measured as left out of the fit.

        Parameters
        ----------
        influence : Influence
            How the curvature is solved with: it takes a factor.
        """
        return False

    def concatenate(self, blocks):
        """Join blocks of vectors side by side."""
        return np.concatenate(blocks, axis=1)

    def to_numpy(self, vectors):
        """Return an array of the view's library as float64 numpy."""
        return vectors

    @staticmethod
    def copied(estimator):
        """Return an independent copy of a classifier, fitted as it is."""
        return deepcopy(estimator)

    def corrected(self, parameters):
        """Return a copy of the classifier with other parameters."""
        estimator = self.copied(self.estimator)
        self.write_parameters(estimator, parameters)
        return estimator if self.decision is None else self.decision.around(estimator)

    def objective_gradient(self, rows, parameters, weight):
        r"""Return :math:`\nabla L(\theta; v)`, shape (n_parameters,)."""
        return self.loss_gradient(rows, parameters, weight) + self.penalty_gradient(
            rows, parameters
        )

    def objective_value(self, rows, parameters, weight):
        r"""Return :math:`L(\theta; v)`."""
        loss = float(weight @ self.losses(rows, parameters))
        return loss + self.penalty(rows, parameters)
