"""Fit of a Pipeline, with the rows that its classifier is fitted on."""

from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline

from .._utils._content_hash import content_hash
from ._decision import decision_of
from ._wrapped_classifier import WrappedClassifier


class _Recorder:
    """Stands where a classifier does while what is before it is fitted.

    Parameters
    ----------
    classifier : classifier
        In whose place.

    Attributes
    ----------
    X, y, options
        What the classifier's ``fit`` is to be given.
    """

    def __init__(self, classifier):
        self.classifier = classifier

    def fit(self, X, y, **options):
        """Keep what is given."""
        self.X, self.y, self.options = X, y, options
        return self

    def set_callbacks(self, *callbacks):
        """Keep the callbacks that a Pipeline hands on; nothing is fitted here."""
        self._skl_callbacks = list(callbacks)
        return self

    def get_metadata_routing(self):
        """Return what the classifier asks for."""
        return self.classifier.get_metadata_routing()


def fit_recorded(estimator, X, y, options):
    """Fit an estimator, and return the rows that its classifier was fitted on.

    These are not always what its transformers make of X later: a TargetEncoder gives
    ``fit`` the encodings of other folds.

    Parameters
    ----------
    estimator : classifier or Pipeline
        To be fitted, in place.
    X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
        Rows.
    y : ndarray of shape (n_samples,)
        Labels.
    options : dict
        Keywords of its ``fit``.

    Returns
    -------
    X : {array-like, sparse matrix, DataFrame} or None
        As the bare classifier saw them, also one that a threshold is around; None if
        there is nothing before it, or if that is not known.
    options : dict
        The keywords that the classifier's own ``fit`` was given.
    """
    if not _has_transformers(estimator):
        estimator.fit(X, y, **options)
        return rows_as_fitted(estimator, X, y, options), options
    seen = _fit_transformers(estimator, X, y, options)
    seen.classifier.fit(seen.X, seen.y, **seen.options)
    return _rows_within(seen.classifier, seen.X, seen.y), seen.options


def rows_as_fitted(estimator, X, y, options):
    """Return the rows that a fitted Pipeline's classifier was fitted on, made again.

    Parameters
    ----------
    estimator : classifier or Pipeline
        Fitted.
    X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
        Rows that its ``fit`` was given.
    y : ndarray of shape (n_samples,)
        Their labels.
    options : dict
        Keywords of that ``fit``.

    Returns
    -------
    {array-like, sparse matrix, DataFrame} or None
        None if there is nothing before the classifier, or if another fit of it comes
        out otherwise, as of a random projection without a ``random_state``.
    """
    decision = decision_of(estimator)
    if decision is not None:
        return rows_as_fitted(decision.within, X, y, {})
    if not _has_transformers(estimator):
        return None
    again = clone(estimator)
    seen = _fit_transformers(again, X, y, options)
    state = _state(estimator)
    if state is None or state != _state(again):
        return None
    return _rows_within(_holder(estimator).steps[-1][1], seen.X, seen.y)


def _rows_within(classifier, X, y):
    """Return the rows that the bare one in a fitted classifier saw, of those given."""
    seen = rows_as_fitted(classifier, X, y, {})
    return WrappedClassifier(classifier).transform(X) if seen is None else seen


def _state(estimator):
    """Return what is equal for equal fits of all that is before the classifier."""
    steps = estimator.steps[:-1]
    while isinstance(estimator.steps[-1][1], Pipeline):
        estimator = estimator.steps[-1][1]
        steps = steps + estimator.steps[:-1]
    return content_hash(steps)


def _has_transformers(estimator):
    """Say whether a fit passes rows on to a classifier that is fitted itself."""
    if not isinstance(estimator, Pipeline):
        return False
    last = _holder(estimator).steps[-1][1]
    return hasattr(last, "fit") and not isinstance(last, FrozenEstimator)


def _fit_transformers(estimator, X, y, options):
    """Fit all of a Pipeline but its classifier; return the recorder in its place."""
    holder = _holder(estimator)
    name, classifier = holder.steps[-1]
    recorder = _Recorder(classifier)
    holder.steps[-1] = name, recorder
    try:
        estimator.fit(X, y, **options)
    finally:
        holder.steps[-1] = name, classifier
    return recorder


def _holder(pipeline):
    """Return the innermost Pipeline at the end of a Pipeline."""
    last = pipeline.steps[-1][1]
    return _holder(last) if isinstance(last, Pipeline) else pipeline
