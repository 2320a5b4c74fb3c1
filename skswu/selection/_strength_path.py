"""Corrections of one fitted classifier at rising strengths."""

from copy import copy
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any

from .._utils._warnings import kept_warnings, warn
from ..correction._correction import Corrector
from ..correction._problem import make_problem
from ..correction._replacement import make_replacer
from ..correction._shared_work import SharedWork


@dataclass(frozen=True)
class Candidate:
    """What a classifier becomes at one strength.

    Attributes
    ----------
    strength : float
        What was asked of the weighting.
    make_classifier : callable
        Returns the corrected classifier, bare.
    correction : Correction
        How it came about.
    names : list of str
        What the metrics are.
    predicted : ndarray of shape (n_samples,) or None
        Positions of the predicted labels of the evaluation rows, where known.
    warnings : list of tuple (message, category)
        What was warned of on the way.
    """

    strength: float
    make_classifier: Any
    correction: Any
    names: list
    predicted: Any = None
    warnings: list = field(default_factory=list)

    @cached_property
    def classifier(self):
        """The corrected classifier, bare."""
        return self.make_classifier()

    def warn(self):
        """Warn of what was warned of on the way."""
        for one in self.warnings:
            warn(*one)


def correct_along(
    strengths, wrapped, training, held_out, objectives, weighting, update, verbose
):
    """Yield the Candidate at each strength.

    Parameters
    ----------
    strengths : sequence of float
        What to ask of the weighting, one after the other.
    wrapped : WrappedClassifier
        The fitted classifier with the transformers that stand before it.
    training : LabeledData
        What it was trained on.
    held_out : LabeledData or None
        Evaluation rows; None measures on the training rows.
    objectives : list of BaseObjective
        What is measured.
    weighting : BaseWeighting
        With the parameter ``strength``.
    update : BaseUpdate
        Moves the parameters or replaces the model.
    verbose : int
        Whether to print each step's time.
    """
    weightings = [_with_strength(weighting, strength) for strength in strengths]
    given = wrapped, training, held_out, objectives
    along = _replacements if update.replaces_model else _moves
    yield from along(*given, weightings, update, verbose)


def _with_strength(weighting, strength):
    weighting = copy(weighting)
    weighting.strength = strength
    return weighting


def _replacements(wrapped, training, held_out, objectives, weightings, update, verbose):
    """Linearise once; weigh and retrain at each strength."""
    parts = objectives, weightings[0], update, verbose
    replacer = make_replacer(wrapped, training, held_out, *parts)
    start = replacer.linearize()
    for weighting in weightings:
        replacer.weighting = weighting
        with kept_warnings() as caught:
            classifier, correction = replacer.correct_from(*start)
        yield Candidate(
            weighting.strength,
            lambda c=classifier: c,
            correction,
            replacer.names,
            None,
            caught,
        )


def _moves(wrapped, training, held_out, objectives, weightings, update, verbose):
    """Linearise once; weigh and move at each strength."""
    problem = make_problem(wrapped, training, held_out, objectives, update)
    corrector = Corrector(problem, weightings[0], update, verbose)
    shared = SharedWork(corrector)
    names = problem.evaluation.names
    for one in shared.correctors(weightings):
        with kept_warnings() as caught:
            correction = one.correct_from(shared.first, shared.inverse)
        parameters = correction.parameters
        yield Candidate(
            one.weighting.strength,
            partial(problem.view.corrected, parameters),
            correction,
            names,
            problem.evaluation.predicted(parameters),
            caught,
        )
