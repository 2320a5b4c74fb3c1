"""What an update is."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sklearn.base import BaseEstimator

from ..influence import make_inverse_curvature


@dataclass(frozen=True)
class Move:
    """What an update starts from.

    Attributes
    ----------
    view : ModelView
        The model.
    rows : Rows
        Its training rows, with their weights.
    parameters : array of shape (n_parameters,)
        Where the model stands.
    epsilon : ndarray of shape (n_samples,)
        The relative changes of the weights, -1 for a removed sample.
    inverse : InverseCurvature
        That of the linearisation, under the weights before this change.
    tilt : array of shape (n_parameters,)
        The part of the training gradient that counts as zero, see
        :meth:`BaseUpdate.tilt`.
    accepts : callable
        ``accepts(parameters)`` says whether the metric is no farther from its target
        than the original model's.
    distance : callable
        ``distance(parameters)`` is how far the metric is from its target.
    overshoots : callable
        ``overshoots(parameters)`` says whether the metric has passed its target.
    """

    view: Any
    rows: Any
    parameters: Any
    epsilon: Any
    inverse: Any
    tilt: Any
    accepts: Any
    distance: Any
    overshoots: Any

    @cached_property
    def weight(self):
        """The changed weights, shape (n_samples,)."""
        return self.rows.weight * (1.0 + self.epsilon)


class BaseUpdate(BaseEstimator, ABC):
    """Moves parameters to where changed sample weights put them."""

    _parameter_constraints = {}

    #: Whether another model is put in the original's place, which need not have any
    #: parameters; see :class:`Refit` for the methods that are asked for then.
    replaces_model = False
    #: Whether :meth:`move` follows one ``full_step(move)``, by ``follow(move, step)``.
    has_full_step = False
    #: Largest number of moves, each from a new linearisation.
    max_iter = 1
    #: Stationarity at which further moves are not worth it.
    tol = 1e-6

    @abstractmethod
    def move(self, move):
        """Return the new parameters and the share of the full step that was taken.

        Parameters
        ----------
        move : Move
            What the update starts from.

        Returns
        -------
        parameters : array of shape (n_parameters,)
            The new parameters.
        step_length : float
            In [0, 1]; 0 if no step was accepted.
        """

    def check_params(self):
        """Raise a ValueError for a parameter that is out of its range."""
        self._validate_params()

    def restrict(self, view, X):
        """Return the view of the parameters that this update moves.

        Parameters
        ----------
        view : ModelView
            Of the whole classifier.
        X : data
            The training rows, as the classifier takes them.
        """
        return view

    def tilt(self, view, rows):
        """Return the training gradient that is left alone; zeros to remove it too."""
        return 0.0 * view.parameters

    def invert(self, view, rows, parameters, weight):
        """Return the inverse curvature of the training objective under weights."""
        operator = view.curvature(rows, parameters, weight)
        damping = view.default_damping * weight.sum()
        return make_inverse_curvature(
            "auto", operator, damping=damping, tol=view.default_solver_tol
        )
