"""The classifier at the end of a pipeline, and what stands before it."""

from copy import copy, deepcopy

from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline
from sklearn.utils import get_tags
from sklearn.utils.validation import check_is_fitted

from ._decision import decision_of
from ._transformers import transform_rows
from ._view import copied_classifier


class WrappedClassifier:
    """A classifier with the fitted transformers that its rows pass first.

    Parameters
    ----------
    estimator : classifier, Pipeline, FrozenEstimator or threshold classifier
        Fitted; nested in any depth.

    Attributes
    ----------
    bare : classifier
        The last step, without what decides at a threshold of its own.
    classifier : classifier
        The same with the outermost threshold put around it, if there is one.
    """

    def __init__(self, estimator):
        self._transformers = []
        self._decision = None
        self.estimator = estimator
        self.bare = self._strip(estimator)
        self.classifier = self.bare
        if self._decision is not None:
            self.classifier = self._decision.around(self.bare)

    def _strip(self, estimator):
        if isinstance(estimator, FrozenEstimator):
            return self._strip(estimator.estimator)
        if isinstance(estimator, Pipeline):
            self._transformers.append(estimator[:-1])
            return self._strip(estimator.steps[-1][1])
        decision = decision_of(estimator)
        if decision is not None:
            # Whatever is within is asked for responses, not for decisions.
            self._decision = self._decision or decision
            return self._strip(decision.within)
        return estimator

    def transform(self, X):
        """Return X as the classifier sees it."""
        for transformers in self._transformers:
            X = transform_rows(X, transformers) if len(transformers) else X
        return X

    def copied(self):
        """Return an independent copy of the whole, frozen where it is."""
        bare = copied_classifier(self.bare)
        return deepcopy(self.estimator, {id(self.bare): bare})

    def with_classifier(self, classifier):
        """Return a copy of the whole with another classifier at its end, unfrozen.

        Parameters
        ----------
        classifier : classifier
            Of the kind of ``classifier``.
        """
        if self._decision is not None:
            classifier = decision_of(classifier).within
        return _rebuild(self.estimator, classifier)


def check_is_classifier(estimator, owner):
    """Refuse what says that it is no classifier.

    Parameters
    ----------
    estimator : estimator
        To be corrected. One that does not say what it is is taken at its word.
    owner : str
        Who needs a classifier.

    Raises
    ------
    TypeError
        For regressors, clusterers and the like.
    """
    tags = tags_or_none(estimator)
    kind = None if tags is None else tags.estimator_type
    if kind not in (None, "classifier"):
        name = type(getattr(estimator, "_final_estimator", estimator)).__name__
        raise TypeError(f"{owner} needs a classifier; {name} is a {kind}.")


def tags_or_none(estimator):
    """Return the tags of an estimator, or None where it has none."""
    try:
        return get_tags(estimator)
    except (AttributeError, TypeError, ValueError):
        return None


def check_fitted(estimator):
    """Refuse an estimator that is not fitted.

    Parameters
    ----------
    estimator : estimator
        Of scikit-learn or of no class of it, which then has attributes that end in "_"
        once it is fitted.

    Raises
    ------
    NotFittedError
        If it is not.
    """
    if tags_or_none(estimator) is not None:
        check_is_fitted(estimator)
    elif not any(name.endswith("_") and name[0] != "_" for name in vars(estimator)):
        raise NotFittedError(f"This {type(estimator).__name__} is not fitted yet.")


def check_no_samplers(estimator):
    """Refuse steps that change which rows there are.

    Parameters
    ----------
    estimator : estimator
        Nested in any depth.

    Raises
    ------
    TypeError
        If a step of a Pipeline has ``fit_resample``.
    """
    if isinstance(estimator, FrozenEstimator):
        check_no_samplers(estimator.estimator)
    decision = decision_of(estimator)
    if decision is not None:
        check_no_samplers(decision.within)
    for name, step in getattr(estimator, "steps", []):
        if hasattr(step, "fit_resample"):
            raise TypeError(
                f"The step {name!r}, a {type(step).__name__}, resamples rows: the "
                "classifier is not trained on those that are given, and they have no "
                "influence of their own. Put the sampler around: a Pipeline of it and "
                "of the UnlearningClassifier of the other steps, with the columns of "
                "the groups named by sensitive_features."
            )
        check_no_samplers(step)


def _rebuild(estimator, classifier):
    if isinstance(estimator, FrozenEstimator):
        return _rebuild(estimator.estimator, classifier)
    decision = decision_of(estimator)
    if decision is not None:
        return decision.around(_rebuild(decision.within, classifier))
    if not isinstance(estimator, Pipeline):
        return classifier
    *transformers, (name, last) = estimator.steps
    rebuilt = copy(estimator)
    rebuilt.steps = deepcopy(transformers) + [(name, _rebuild(last, classifier))]
    return rebuilt
