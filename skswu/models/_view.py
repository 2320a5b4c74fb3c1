"""Which view reads which classifier."""

from copy import deepcopy
from importlib import import_module

from ._decision import decision_of
from ._measured_classifier import MeasuredClassifier
from ._ways_out import way_out

_VIEWS = {}


def register_model_view(classifier, view):
    """Say which view reads a class of classifiers.

    Parameters
    ----------
    classifier : type or str
        The classifier's class; subclasses are read by the same view unless they have
        their own. A string ``"module.Class"`` registers without importing.
    view : type or str
        A subclass of :class:`skswu.models.ModelView`, or its ``"module:Class"``
        address, imported when first needed.

    Examples
    --------
    A classifier that fits as LogisticRegression does, under another name:

    >>> from sklearn.linear_model import LogisticRegression
    >>> from skswu import register_model_view
    >>> from skswu.models import LogisticRegressionView
    >>> class Scorecard(LogisticRegression):
    ...     pass
    >>> register_model_view(Scorecard, LogisticRegressionView)
    """
    if isinstance(classifier, type):
        classifier = _address(classifier)
    _VIEWS[classifier] = view


def make_model_view(classifier):
    """Return the view of a fitted classifier.

    Parameters
    ----------
    classifier : classifier
        Fitted, bare or with a decision threshold around it.

    Returns
    -------
    ModelView
        Of the class registered for it.

    Raises
    ------
    TypeError
        If no view reads it; names those that are supported.
    """
    decision = decision_of(classifier)
    if decision is not None:
        view = make_model_view(decision.within)
        view.decision = decision
        return view
    view = find_view(classifier)
    if view is not None:
        _check_predicts_as_read(classifier, view)
        return view(classifier)
    supported = sorted(address.rsplit(".", 1)[1] for address in _VIEWS)
    raise TypeError(
        f"{type(classifier).__name__} cannot be corrected: its training loss is not "
        f"known as a smooth function of its parameters. Supported are "
        f"{', '.join(supported)}, bare, at the end of a Pipeline or with a decision "
        f"threshold around. "
        f"{way_out(classifier)} skswu.register_model_view adds a view for another "
        "model."
    )


def copied_classifier(classifier):
    """Return an independent copy of a classifier, the way that its view copies it.

    Parameters
    ----------
    classifier : classifier
        Fitted, bare.
    """
    view = find_view(classifier)
    return deepcopy(classifier) if view is None else view.copied(classifier)


def has_model_view(classifier):
    """Whether a view reads the fitted classifier, with the parameters that it has.

    Parameters
    ----------
    classifier : classifier
        Fitted, bare.

    Returns
    -------
    bool
        Whether :func:`make_model_view` returns one.
    """
    try:
        make_model_view(classifier)
    except TypeError:
        return False
    return True


def make_measured_view(classifier):
    """Return the view of a fitted classifier, or what can at least measure it.

    Parameters
    ----------
    classifier : classifier
        Fitted, bare.

    Returns
    -------
    ModelView or MeasuredClassifier
        The latter has scores and losses, and no parameters.

    Raises
    ------
    TypeError
        If no view reads it and it has no ``predict_proba``.
    """
    try:
        return make_model_view(classifier)
    except TypeError:
        if not hasattr(classifier, "predict_proba"):
            raise
        return MeasuredClassifier(classifier)


def find_view(classifier):
    """Return the class of the view that reads a classifier, fitted or not.

    Parameters
    ----------
    classifier : classifier
        Bare.

    Returns
    -------
    type or None
        None if there is none.
    """
    view = _VIEWS.get(_address(_known_class(classifier)))
    return _load(view) if isinstance(view, str) else view


def _known_class(classifier):
    """Return the class that a classifier's view is registered for; object if none."""
    known = (one for one in type(classifier).__mro__ if _address(one) in _VIEWS)
    return next(known, object)


def _check_predicts_as_read(classifier, view):
    """Refuse a subclass that predicts by methods of its own.

    The view reads predictions off the parameters, as those of the class it is for.
    """
    kind, known = type(classifier), _known_class(classifier)
    for cls in kind.__mro__[: kind.__mro__.index(known)]:
        own = [name for name in view.predicting_methods if name in vars(cls)]
        if own:
            raise TypeError(
                f"{kind.__name__} has its own {', '.join(own)}, and a correction would "
                f"be one of what {known.__name__} predicts. {way_out(classifier)} "
                "Or register a view for it with skswu.register_model_view."
            )


def _load(address):
    """Import the object at ``"module:attribute"``."""
    module, attribute = address.split(":")
    return getattr(import_module(module), attribute)


def _address(cls):
    return f"{cls.__module__}.{cls.__qualname__}"
