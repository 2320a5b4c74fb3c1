"""Other packages' ways to a smaller disparity."""

import warnings

import numpy as np
from fairlearn import reductions
from fairlearn.adversarial import AdversarialFairnessClassifier
from fairlearn.postprocessing import ThresholdOptimizer
from linear.timing import timed
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression

from .corrections import SHARES
from .task import N_SETTINGS, Candidate

#: The same for thresholds by group, which can close a gap to the last.
TOLERANCES = (0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0.0)
ALPHAS = (0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.55, 0.7, 0.85, 1.0)


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
        yield Candidate.of_model(share, model, seconds)


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
    shares = SHARES if task.model == "logistic" else SHARES[1::4]
    for share in task.some(shares, 1):
        mitigator = reductions.ExponentiatedGradient(
            clone(task.classifier),
            moment(task, difference_bound=share * gap),
            max_iter=iterations,
        )
        mitigator, seconds = timed(fit_with_groups, mitigator, task.train)

        def predict(X, groups, mitigator=mitigator):
            return mitigator.predict(X, random_state=task.random_state)

        def probability(X, groups, mitigator=mitigator):
            return mean_probability(mitigator, X)

        yield Candidate(share, predict, seconds, probability)


def mean_probability(mitigator, X):
    """Return the mean probability of a randomised classifier's parts."""
    pairs = zip(mitigator.weights_, mitigator.predictors_, strict=True)
    mean = sum(
        weight * np.asarray(predictor.predict_proba(X), dtype=np.float64)[:, 1]
        for weight, predictor in pairs
        if weight > 0
    )
    return np.minimum(mean, 1.0)  # the weights sum to one up to rounding


def grid_search(task):
    mitigator = reductions.GridSearch(
        clone(task.classifier),
        moment(task),
        grid_size=5 if task.quick else N_SETTINGS,
        grid_limit=1.0,
    )
    mitigator, seconds = timed(fit_with_groups, mitigator, task.train)
    n_predictors = len(mitigator.predictors_)
    for index, predictor in enumerate(mitigator.predictors_):
        yield Candidate.of_model(index, predictor, seconds / n_predictors)


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

        def predict(X, groups, mitigator=mitigator):
            return np.asarray(mitigator.predict(X)).ravel()

        yield Candidate(alpha, predict, seconds)


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


def oxonfair(task):
    """Thresholds by group."""
    yield from oxonfair_thresholds(task, None, 0.0)


def oxonfair_inferred(task):
    """Thresholds by a group that a second model infers from the features."""
    second, seconds = timed(
        LogisticRegression(max_iter=1000).fit, task.train.X, task.train.groups
    )
    yield from oxonfair_thresholds(task, second, seconds)


def oxonfair_thresholds(task, of_groups, spent):
    from oxonfair import FairPredictor, group_metrics

    constraint = {
        "demographic_parity": group_metrics.demographic_parity,
        "equalized_odds": group_metrics.equalized_odds_max,
    }[task.metric]
    gap, rows = task.original_gap(task.validation), task.validation

    def fit(share):
        predictor = FairPredictor(
            task.classifier,
            {"data": rows.X, "target": rows.y, "groups": rows.groups},
            inferred_groups=of_groups or False,
        )
        return predictor.fit(group_metrics.accuracy, constraint, share * gap)

    for share in task.some(TOLERANCES):
        predictor, seconds = timed(fit, share)

        def probability(X, groups, predictor=predictor):
            given = {"data": X, "target": groups, "groups": groups}
            return predictor.predict_proba(given, force_normalization=True)[:, 1]

        def predict(X, groups, probability=probability):
            return (probability(X, groups) > 0.5).astype(np.int64)

        yield Candidate(share, predict, spent + seconds, probability)


def scikit_lego(task):
    """Logistic regression with a bounded covariance of margins and group.

    For equalized odds it is bounded among the positive rows alone; there is no other.
    Settings at which the solver fails are left out.
    """
    from cvxpy.error import SolverError
    from sklego.linear_model import (
        DemographicParityClassifier,
        EqualOpportunityClassifier,
    )

    X, y, groups = task.train.X, task.train.y, task.train.groups
    compared = y >= 0 if task.metric == "demographic_parity" else y == 1
    deviation = groups[compared] - groups.mean()
    margin = task.classifier.decision_function(X[compared])
    covariance = abs(np.mean(margin * deviation))
    column = X.shape[1]

    def fit(bound):
        options = {"sensitive_cols": [column], "penalty": "l2"}
        if task.metric == "demographic_parity":
            make = DemographicParityClassifier
        else:
            make, options["positive_target"] = EqualOpportunityClassifier, 1
        model = make(covariance_threshold=bound, **options)
        return model.fit(np.column_stack([X, groups]), y)

    for share in task.some(SHARES):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                model, seconds = timed(fit, share * covariance)
            except SolverError:
                continue

        def probability(X, groups, model=model):
            return model.predict_proba(np.column_stack([X, 0 * groups]))[:, 1]

        def predict(X, groups, model=model):
            return model.predict(np.column_stack([X, 0 * groups]))

        yield Candidate(share, predict, seconds, probability)
