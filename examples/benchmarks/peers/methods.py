"""Ways to a smaller disparity, each as a generator of candidates."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from typing import Any

import numpy as np
from fairlearn import reductions
from fairlearn.adversarial import AdversarialFairnessClassifier
from fairlearn.metrics import (
    demographic_parity_difference,
    equalized_odds_difference,
)
from fairlearn.postprocessing import ThresholdOptimizer
from linear.timing import timed
from sklearn.base import clone

from skswu import UnlearningClassifier, UnlearningClassifierCV
from skswu.objectives import DemographicParity, EqualizedOdds
from skswu.updates import InfluenceUpdate, Refit
from skswu.weighting import HardWeighting, SoftWeighting

from .problems import Rows

METRICS = {
    "demographic_parity": demographic_parity_difference,
    "equalized_odds": equalized_odds_difference,
}


@dataclass(frozen=True)
class Task:
    """A fitted classifier and a metric to repair.

    Attributes
    ----------
    train, validation, test : Rows
        What it was fitted on; what settings are chosen on; what is measured on.
    model : str
        Its name.
    metric : str
        One of METRICS.
    classifier : classifier
        Fitted.
    random_state : int or None
        For methods that draw; None lets them draw anew each time.
    quick : bool
        Fewer settings.
    options : dict
        Of the corrections, for ablations.
    """

    train: Rows
    validation: Rows
    test: Rows
    model: str
    metric: str
    classifier: Any
    random_state: int | None
    quick: bool = False
    options: dict = field(default_factory=dict)

    def measure(self, labels, rows):
        """Return accuracy and disparity of predicted labels."""
        disparity = METRICS[self.metric](rows.y, labels, sensitive_features=rows.groups)
        return float(np.mean(labels == rows.y)), float(disparity)

    def original_gap(self, rows):
        """Return the original's disparity."""
        return self.measure(self.classifier.predict(rows.X), rows)[1]

    def some(self, settings, few=2):
        """Return the settings to try; in quick mode a few from the strictest on."""
        return settings[:: -max(len(settings) // few, 1)] if self.quick else settings


@dataclass(frozen=True)
class Candidate:
    """A classifier with another disparity.

    Attributes
    ----------
    setting : float
        What it was made with.
    predict : callable
        From features and groups to labels.
    seconds : float
        Processor time of the making; of the base classifier's fit it has nothing.
    """

    setting: float
    predict: Callable
    seconds: float


@dataclass(frozen=True)
class Method:
    """A way to a smaller disparity.

    Attributes
    ----------
    candidates : callable
        From a Task to Candidates, a generator.
    models : tuple of str
        The classifiers that it is for.
    needs_groups : bool
        Whether it needs the groups at prediction.
    requires : str
        The package that must be importable.
    """

    candidates: Callable
    models: tuple = ("logistic", "mlp", "boosting")
    needs_groups: bool = False
    requires: str = "fairlearn"

    def missing(self):
        """Return whether its package is not installed."""
        return find_spec(self.requires) is None


def without_groups(classifier):
    """Return a function of features and groups that ignores the groups."""
    return lambda X, groups: np.asarray(classifier.predict(X)).ravel()


STRENGTHS = tuple(np.round(np.arange(0.1, 1.01, 0.1), 2))
FRACTIONS = (0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.25)
#: Bounds on the disparity, as shares of the original's on the same rows.
SHARES = (0.8, 0.6, 0.4, 0.2, 0.05)
TOLERANCES = (0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0.0)
ALPHAS = (0.05, 0.2, 0.4, 0.7, 1.0)


def parts(task):
    """Return the objective and the update of the corrections."""
    objectives = {
        "demographic_parity": DemographicParity,
        "equalized_odds": EqualizedOdds,
    }
    temperature = task.options.get("temperature", 0.25)
    if task.model == "boosting":
        update = Refit()
    else:
        update = InfluenceUpdate(max_iter=task.options.get("max_iter", 1))
    return {
        "objective": objectives[task.metric](temperature=temperature),
        "update": update,
    }


def correct(task, model):
    """Correct the task's classifier with an unlearning meta-estimator."""
    train, validation = task.train, task.validation
    held_out = {}
    if task.options.get("evaluation") == "held-out":
        held_out = {
            "X_val": validation.X,
            "y_val": validation.y,
            "sensitive_features_val": validation.groups,
        }
    return model.unlearn(train.X, train.y, sensitive_features=train.groups, **held_out)


def soft(task):
    tolerance = task.options.get("utility_tolerance", 0.0)
    for strength in task.some(STRENGTHS):
        model = UnlearningClassifier(
            task.classifier,
            weighting=SoftWeighting(strength=strength, utility_tolerance=tolerance),
            **parts(task),
        )
        model, seconds = timed(correct, task, model)
        yield Candidate(strength, without_groups(model), seconds)


def soft_with_steps(task):
    yield from soft(with_ten_steps(task))


def with_ten_steps(task):
    return replace(task, options={**task.options, "max_iter": 10})


def hard(task):
    for fraction in task.some(FRACTIONS):
        model = UnlearningClassifier(
            task.classifier, weighting=HardWeighting(fraction=fraction), **parts(task)
        )
        model, seconds = timed(correct, task, model)
        yield Candidate(fraction, without_groups(model), seconds)


def soft_with_threshold(task):
    strengths = STRENGTHS if task.model == "logistic" else STRENGTHS[1::2]
    yield from with_threshold(task, (0.0, *strengths))


def soft_with_both(task):
    yield from with_threshold(with_ten_steps(task), (0.0, *STRENGTHS[1::2]))


def threshold_alone(task):
    yield from with_threshold(task, (0.0,))


def with_threshold(task, strengths):
    """Choose strength and decision threshold on the validation rows."""
    gap = task.original_gap(task.validation)
    validation = task.validation
    for share in task.some(TOLERANCES[:: 1 if task.model == "logistic" else 2]):
        model = UnlearningClassifierCV(
            task.classifier,
            strengths=strengths,
            max_disparity=share * gap,
            tune_threshold=True,
            **parts(task),
        )
        model, seconds = timed(
            model.unlearn,
            task.train.X,
            task.train.y,
            sensitive_features=task.train.groups,
            X_val=validation.X,
            y_val=validation.y,
            sensitive_features_val=validation.groups,
        )
        yield Candidate(share, without_groups(model), seconds)


def reweighing(task):
    """Kamiran and Calders' weights, taken in part, in full and beyond."""
    y, groups = task.train.y, task.train.groups
    cells = np.zeros((2, 2))
    np.add.at(cells, (groups, y), 1.0 / len(y))
    weight = (np.outer(cells.sum(axis=1), cells.sum(axis=0)) / cells)[groups, y]
    for share in task.some(tuple(np.round(np.arange(0.2, 2.01, 0.2), 2))):
        model, seconds = timed(
            clone(task.classifier).fit,
            task.train.X,
            y,
            sample_weight=np.maximum(1.0 + share * (weight - 1.0), 0.0),
        )
        yield Candidate(share, without_groups(model), seconds)


def moment(task, **options):
    """Return fairlearn's constraint."""
    names = {
        "demographic_parity": "DemographicParity",
        "equalized_odds": "EqualizedOdds",
    }
    return getattr(reductions, names[task.metric])(**options)


def exponentiated_gradient(task):
    gap = task.original_gap(task.train)
    iterations = {"logistic": 50, "mlp": 5, "boosting": 5}[task.model]
    shares = SHARES if task.model == "logistic" else SHARES[::2]
    for share in task.some(shares, 1):
        mitigator = reductions.ExponentiatedGradient(
            clone(task.classifier),
            moment(task, difference_bound=share * gap),
            max_iter=iterations,
        )
        mitigator, seconds = timed(fit_with_groups, mitigator, task.train)

        def predict(X, groups, mitigator=mitigator):
            return mitigator.predict(X, random_state=task.random_state)

        yield Candidate(share, predict, seconds)


def grid_search(task):
    # The multiplier of demographic parity is one number, those of the odds are two.
    size = {"demographic_parity": 20, "equalized_odds": 40}[task.metric]
    if task.model != "logistic":
        size //= 2
    mitigator = reductions.GridSearch(
        clone(task.classifier),
        moment(task),
        grid_size=5 if task.quick else size,
        grid_limit=1.0,
    )
    mitigator, seconds = timed(fit_with_groups, mitigator, task.train)
    n_predictors = len(mitigator.predictors_)
    for index, predictor in enumerate(mitigator.predictors_):
        yield Candidate(index, without_groups(predictor), seconds / n_predictors)


def adversarial(task):
    """An adversary's share in the loss rises."""
    layers = {"logistic": [], "mlp": [32, "ReLU"]}[task.model]
    for alpha in task.some(ALPHAS):
        mitigator = AdversarialFairnessClassifier(
            backend="torch",
            predictor_model=layers,
            adversary_model=[],
            constraints=task.metric,
            alpha=alpha,
            learning_rate=0.01,
            epochs=max(1, round(200 * 256 / len(task.train.y))),
            batch_size=256,
            random_state=task.random_state,
        )
        mitigator, seconds = timed(fit_with_groups, mitigator, task.train)
        yield Candidate(alpha, without_groups(mitigator), seconds)


def fit_with_groups(mitigator, rows):
    return mitigator.fit(rows.X, rows.y, sensitive_features=rows.groups)


def threshold_optimizer(task):
    gap = task.original_gap(task.validation)
    # It has no relaxation of equalized odds.
    relaxations = TOLERANCES if task.metric == "demographic_parity" else (0.0,)
    for share in task.some(relaxations):
        mitigator = ThresholdOptimizer(
            estimator=task.classifier,
            constraints=task.metric,
            prefit=True,
            predict_method="predict_proba",
            tol=share * gap or None,
        )
        mitigator, seconds = timed(fit_with_groups, mitigator, task.validation)

        def predict(X, groups, mitigator=mitigator):
            return mitigator.predict(
                X, sensitive_features=groups, random_state=task.random_state
            )

        yield Candidate(share, predict, seconds)


def relaxed_threshold_optimizer(task):
    from error_parity import RelaxedThresholdOptimizer

    gap = task.original_gap(task.validation)
    rows = task.validation
    for share in task.some(TOLERANCES):
        mitigator = RelaxedThresholdOptimizer(
            predictor=lambda X: task.classifier.predict_proba(X)[:, 1],
            constraint=task.metric,
            tolerance=share * gap,
        )
        mitigator, seconds = timed(mitigator.fit, X=rows.X, y=rows.y, group=rows.groups)

        def predict(X, groups, mitigator=mitigator):
            return np.asarray(mitigator(X, group=groups)).astype(np.int64)

        yield Candidate(share, predict, seconds)


PARAMETRIC = ("logistic", "mlp")
METHODS = {
    "soft": Method(soft),
    "soft, 10 steps": Method(soft_with_steps, PARAMETRIC),
    "soft + threshold": Method(soft_with_threshold, PARAMETRIC),
    "soft, 10 steps + threshold": Method(soft_with_both, PARAMETRIC),
    "threshold alone": Method(threshold_alone, PARAMETRIC),
    "hard": Method(hard),
    "ExponentiatedGradient": Method(exponentiated_gradient),
    "GridSearch": Method(grid_search),
    "Reweighing": Method(reweighing),
    "AdversarialFairness": Method(adversarial, PARAMETRIC, requires="torch"),
    "ThresholdOptimizer": Method(threshold_optimizer, needs_groups=True),
    "RelaxedThresholdOptimizer": Method(
        relaxed_threshold_optimizer, needs_groups=True, requires="error_parity"
    ),
}
