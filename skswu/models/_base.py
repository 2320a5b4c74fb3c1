"""What every model view offers."""

from abc import ABC, abstractmethod
from copy import deepcopy

import numpy as np


class ModelView(ABC):
    r"""A fitted classifier as parameters, per-sample losses and curvature.

    The training objective is the estimator's own, scaled so that each sample's loss
    carries its weight and nothing else,

    .. math:: L(\theta; w) = \sum_i w_i \, \ell(z_i, \theta) + R(\theta),

    with :math:`w_i` the product of sample weight and class weight. Parameters are one
    vector of shape (n_parameters,); blocks of vectors have shape (n_parameters,
    n_vectors). Both are arrays of the view's own library; everything that has one
    entry a row is numpy.

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
    trains_in_epochs : bool
        Whether :meth:`start_training` is there.
    precision : float
        Machine epsilon of the losses.
    follows_leftover_gradient : bool
        Whether a correction also removes the gradient that an unfinished fit left
        over, rather than holding the fit's stopping point as the optimum.
    works_in_blocks : bool
        Whether many corrections share products with the data, and dense curvatures are
        sums of those of a few weights; see :class:`skswu.models.LinearModelView`.
    """

    default_damping = 0.0
    default_solver_tol = 1e-8
    default_lr = None
    trains_in_epochs = False
    precision = float(np.finfo(np.float64).eps)
    follows_leftover_gradient = True
    works_in_blocks = False

    def __init__(self, estimator):
        self.estimator = estimator
        self.classes = estimator.classes_

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

    def predicted(self, rows, parameters):
        """Return the positions of the predicted labels, shape (n_samples,)."""
        return self.scores(rows, parameters).argmax(axis=1)

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

    def adversarial_rows(self, rows, parameters, attack):
        """Return rows in which the inputs of ``rows`` are perturbed against the model.

        Parameters
        ----------
        rows : Rows
            Evaluation rows.
        parameters : array of shape (n_parameters,)
            The model that is attacked.
        attack : Attack
            How.

        Returns
        -------
        rows : Rows
            As many, with the same labels and weights.

        Raises
        ------
        TypeError
            If the view does not perturb inputs.
        """
        raise TypeError(
            f"{type(self).__name__} does not make adversarial inputs, so "
            "adversarial robustness cannot be measured on it. Give the view the method "
            "adversarial_rows."
        )

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
        r"""Return the parameters after training on under other weights.

        Parameters
        ----------
        rows : Rows
            Training rows.
        parameters : array of shape (n_parameters,)
            Where to start.
        weight : ndarray of shape (n_samples,)
            The :math:`v` of the :math:`L(\theta; v)` to descend, of any sign.
        lr : float or None, default=None
            Learning rate; None trains as the model does by itself.
        max_epochs : int, default=10
            Largest number of passes over the rows.
        random_state : int, RandomState instance or None, default=None
            Shuffles and drops out.
        verbose : int, default=0
            Whether to show progress.
        """
        raise TypeError(f"{type(self).__name__} has no method to train on with.")

    def start_training(self, rows, parameters, *, lr, random_state, verbose):
        """Return a TorchTraining; for networks."""
        raise TypeError(f"{type(self).__name__} does not train in epochs.")

    def linearized(self, parameters):
        """Return what has the objective of a model linear in its parameters.

        It offers ``objective_value``, ``objective_gradient`` and ``curvature`` as views
        do, and is the view itself where the scores are linear already.
        """
        raise TypeError(f"{type(self).__name__} is not linearised.")

    def concatenate(self, blocks):
        """Join blocks of vectors side by side."""
        return np.concatenate(blocks, axis=1)

    def to_numpy(self, vectors):
        """Return an array of the view's library as float64 numpy."""
        return vectors

    def corrected(self, parameters):
        """Return a copy of the classifier with other parameters."""
        estimator = deepcopy(self.estimator)
        self.write_parameters(estimator, parameters)
        return estimator

    def objective_gradient(self, rows, parameters, weight):
        r"""Return :math:`\nabla L(\theta; v)`, shape (n_parameters,)."""
        return self.loss_gradient(rows, parameters, weight) + self.penalty_gradient(
            rows, parameters
        )

    def objective_value(self, rows, parameters, weight):
        r"""Return :math:`L(\theta; v)`."""
        loss = float(weight @ self.losses(rows, parameters))
        return loss + self.penalty(rows, parameters)
