"""The corrections of this package, and the optimum that they are held to."""

from dataclasses import replace

import numpy as np
from linear.timing import timed
from scipy.special import expit
from sklearn.base import clone

from skswu import UnlearningClassifier, UnlearningClassifierCV
from skswu.objectives import DemographicParity, EqualizedOdds
from skswu.updates import InfluenceUpdate, Refit
from skswu.weighting import HardWeighting, SoftWeighting

from .optimum import ConstrainedLogistic
from .task import Candidate

STRENGTHS = tuple(np.round(np.arange(0.1, 1.01, 0.1), 2))
FRACTIONS = (0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.25)
#: Bounds on the disparity, as shares of the original's on the same rows.
SHARES = (0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0.02)
OBJECTIVES = {"demographic_parity": DemographicParity, "equalized_odds": EqualizedOdds}
TEMPERATURE = 0.25


def parts(task):
    """Return the objective and the update of the corrections."""
    temperature = task.options.get("temperature", TEMPERATURE)
    if task.model == "boosting":
        update = Refit()
    else:
        update = InfluenceUpdate(max_iter=task.options.get("max_iter", 1))
    return {
        "objective": OBJECTIVES[task.metric](temperature=temperature),
        "update": update,
    }


def correct(task, model):
    """Correct the task's classifier with an unlearning meta-estimator.

    Rows to measure on are the package's default for linear models, approximate
    leave-one-out, and the validation rows for the others.
    """
    train, validation = task.train, task.validation
    evaluation = "default" if task.model == "logistic" else "held-out"
    given = {}
    if task.options.get("evaluation", evaluation) == "held-out":
        given = {
            "X_val": validation.X,
            "y_val": validation.y,
            "sensitive_features_val": validation.groups,
        }
    return model.unlearn(train.X, train.y, sensitive_features=train.groups, **given)


def soft(task):
    for strength in task.some(STRENGTHS):
        weighting = SoftWeighting(
            strength=strength,
            utility_tolerance=task.options.get("utility_tolerance"),
            objective_weight=task.options.get("objective_weight", 1.0),
        )
        model = UnlearningClassifier(
            task.classifier, weighting=weighting, **parts(task)
        )
        yield Candidate.of_model(strength, *timed(correct, task, model))


def soft_in_steps(task):
    yield from soft(in_steps(task))


def in_steps(task):
    steps = "auto" if task.model == "logistic" else 10
    return replace(task, options={**task.options, "max_iter": steps})


def hard(task):
    for fraction in task.some(FRACTIONS):
        model = UnlearningClassifier(
            task.classifier, weighting=HardWeighting(fraction=fraction), **parts(task)
        )
        yield Candidate.of_model(fraction, *timed(correct, task, model))


def soft_with_threshold(task):
    strengths = STRENGTHS if task.model == "logistic" else STRENGTHS[1::2]
    yield from with_threshold(task, (0.0, *strengths))


def soft_in_steps_with_threshold(task):
    yield from with_threshold(in_steps(task), (0.0, *STRENGTHS[1::2]))


def threshold_alone(task):
    yield from with_threshold(task, (0.0,))


def with_threshold(task, strengths):
    """Choose strength and decision threshold at bounds on the disparity."""
    gap = task.original_gap(task.validation)
    for share in task.some(SHARES):
        model = UnlearningClassifierCV(
            task.classifier,
            strengths=strengths,
            max_disparity=share * gap,
            tune_threshold=True,
            **parts(task),
        )
        model, seconds = timed(correct, task, model)
        yield Candidate.of_model(share, model, seconds, as_probability(model))


def as_probability(model):
    """Return the probability at which a model's labels change."""
    if model.threshold_ is None:
        return 0.5
    has_margins = hasattr(model, "decision_function")
    return expit(model.threshold_) if has_margins else model.threshold_


def optimum(task):
    """The class's own optimum under the constraint that corrections are asked for."""
    X, y, groups = task.train.X, task.train.y, task.train.groups
    contrasts = gap_contrasts(task.metric, y, groups)
    temperature = task.options.get("temperature", TEMPERATURE)
    problem, seconds = timed(
        ConstrainedLogistic, task.classifier, X, y, contrasts, temperature
    )
    start = None
    for strength in task.some(STRENGTHS):
        (theta, multipliers, _), more = timed(problem.solve, strength, start)
        start = theta, multipliers
        model = clone(task.classifier)
        model.classes_, model.n_features_in_ = np.array([0, 1]), X.shape[1]
        model.coef_, model.intercept_ = theta[None, :-1], theta[-1:]
        yield Candidate.of_model(strength, model, seconds + more)


def gap_contrasts(metric, y, groups):
    """Return what each row's rate counts in the gaps, shape (n_metrics, n_samples)."""
    labels = [y >= 0] if metric == "demographic_parity" else [y == 0, y == 1]
    return np.stack(
        [
            sum(
                sign * cell / cell.sum()
                for sign, cell in (
                    (1.0, some & (groups == 1)),
                    (-1.0, some & (groups == 0)),
                )
            )
            for some in labels
        ]
    )
