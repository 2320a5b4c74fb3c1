"""What an update is."""

from abc import ABC, abstractmethod

from sklearn.base import BaseEstimator


class ModelUpdate(BaseEstimator, ABC):
    """Takes a model to where changed sample weights put it.

    It starts from rows, influences and changes of the weights, and ends in a model. Two
    kinds are there: those that move parameters, see :class:`BaseUpdate`, and those that
    fit the classifier anew, see :class:`Refit`.
    """

    _parameter_constraints = {}

    #: Largest number of steps, each from a new linearisation.
    max_iter = 1
    #: Whether it ends where training under the changed weights would.
    settles = False
    #: Whether training rows may be measured as left out of the fit, of models that
    #: tell how they would score them then.
    may_leave_out = False

    def most_steps(self):
        """Return the largest number of steps of a model that is not convex or wide."""
        return self.max_iter

    @abstractmethod
    def pose(self, setting):
        """Return the Problem that a setting is for this update.

        Parameters
        ----------
        setting : Setting
            The classifier, its data, the objectives and the influence; it has a method
            for each kind of problem.
        """

    def check_params(self):
        """Raise a ValueError for a parameter that is out of its range."""
        self._validate_params()


class BaseUpdate(ModelUpdate):
    """Moves parameters to where changed sample weights put them."""

    may_leave_out = True
    #: Methods that a model view must have for this update, with what offers them.
    needs = {}
    #: Changes of the weights, relative to themselves, at which further moves are not
    #: worth it.
    tol = 3e-2
    #: The same for metrics, relative to those of the original model.
    target_tol = 1e-3

    #: Whether a sequential programme may find the weights and the model together.
    seeks_least_change = False

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

    def pose(self, setting):
        return setting.moved(self)

    def keeps_leftover(self, influence, view):
        """Say whether the gradient that an unfinished fit left over is left alone.

        Parameters
        ----------
        influence : Influence
            What it says by itself.
        view : ModelView
            The model.
        """
        return influence.keeps_leftover(view)

    def restrict(self, influence, view, X):
        """Return the view of the parameters that this update moves.

        Parameters
        ----------
        influence : Influence
            Names parameters of a network.
        view : ModelView
            Of the whole classifier.
        X : data
            The training rows, as the classifier takes them.
        """
        return influence.restrict(view, X)

    def move_all(self, problem, changes, goals):
        """Return the State under each change of the weights.

        It is asked where many changes share passes over the rows. An update that takes
        them at once overrides it; where one below that redefines a hook, such as
        :meth:`move`, it has to come back to this loop.

        Parameters
        ----------
        problem : LinearProblem
            What is moved, from the original parameters.
        changes : Changes
            Of the weights.
        goals : list of Goal
            What is aimed at, one a change.

        Returns
        -------
        list of State
        """
        return problem.move_each(self, changes, goals)
