"""The models that are compared, and the settings that made them."""

from dataclasses import dataclass

from ..weighting import SoftWeighting
from ._equal_disparity import find_fraction
from ._messages import telling_of
from ._outcome import correct, fit


@dataclass(frozen=True)
class Comparison:
    """Three models and how they came about.

    Parameters
    ----------
    outcomes : dict of str to Outcome
        The original first.
    strength : float
        That of soft weighting.
    fraction : float
        Of the rows that hard removal dropped, at most.
    shortfalls : tuple of float or None
        How far soft weighting and hard removal are from the objective on the evaluation
        rows, if the fraction was found so that the two are the same.
    """

    outcomes: dict
    strength: float
    fraction: float
    shortfalls: tuple | None

    @property
    def corrected(self):
        """The corrected models, hard removal first."""
        return [outcome.model for outcome in list(self.outcomes.values())[1:]]

    @property
    def asked(self):
        """What each corrected model was asked for, if anything, as metrics."""
        _, soft = self.corrected
        weighting = SoftWeighting(strength=self.strength)
        return [None, weighting.target(soft.objective_before_)]


def compare(problem, corrections, measures, fraction=None):
    """Return the Comparison of a fit with its corrections.

    Parameters
    ----------
    problem : Problem
        The rows.
    corrections : Corrections
        Make the corrections.
    measures : Measures
        Say how far they are from the objective.
    fraction : float or None
        Share of the rows to remove; None takes what brings hard removal as close to the
        objective as soft weighting comes.
    """
    rows = problem.fitting, problem.evaluation
    with telling_of("original"):
        original = fit(problem.fitting, dense=corrections.attacks)
    corrections.prepare(original.model, problem.evaluation)
    with telling_of("soft weighting"):
        soft = correct(corrections.soft(original.model), *rows)
    is_found = fraction is None
    if is_found:
        aim = measures.shortfall(soft.model, problem.evaluation)
        fraction = find_fraction(corrections, measures, original.model, aim, *rows)
    with telling_of("hard removal"):
        hard = correct(corrections.hard(original.model, fraction), *rows)
    shortfalls = None
    if is_found:
        shortfalls = aim, measures.shortfall(hard.model, problem.evaluation)
    outcomes = {"original": original, "hard removal": hard, "soft weighting": soft}
    strength = getattr(soft.model, "strength_", corrections.strength)
    return Comparison(outcomes, strength, fraction, shortfalls)
