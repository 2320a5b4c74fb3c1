"""The tasks of a fit, for callbacks of scikit-learn where it has them.

A fit opens its root task; what it calls opens tasks within, by name, wherever it
stands, and needs to know nothing of callbacks. Without these, all of it does nothing.
"""

from contextlib import contextmanager
from contextvars import ContextVar

from sklearn.frozen import FrozenEstimator

from ._compat import managed_callbacks

try:
    from sklearn.callback import CallbackSupportMixin
except ImportError:  # scikit-learn before 1.9

    class CallbackSupportMixin:
        """Nothing: there are no callbacks."""


__all__ = [
    "CallbackSupportMixin",
    "current_task",
    "fit_of",
    "is_stopped",
    "root_task",
    "task",
    "within",
]

# The estimator that is fitted, the context of the task that it is at, and what is known
# of the tasks within that.
_CURRENT = ContextVar("task", default=None)


class _Within:
    """What callbacks said of the tasks within one.

    Attributes
    ----------
    is_stopped : bool
        Whether one of them is to be the last.
    """

    is_stopped = False


def current_task():
    """Return the task at hand, to be taken to a worker; None if there is none."""
    return _CURRENT.get()


def is_stopped():
    """Return whether a callback wants no other of the tasks within the one at hand."""
    return _CURRENT.get() is not None and _CURRENT.get()[-1].is_stopped


@contextmanager
def within(current):
    """Go on within a task that :func:`current_task` returned."""
    token = _CURRENT.set(current)
    try:
        yield
    finally:
        _CURRENT.reset(token)


@contextmanager
def root_task(estimator, X, y, n_subtasks):
    """Open the task that is the fit of an estimator.

    Parameters
    ----------
    estimator : estimator
        That is fitted.
    X, y : data
        What it is fitted to.
    n_subtasks : int
        How many tasks are opened within.
    """
    if not hasattr(estimator, "_init_callback_context"):
        yield
        return
    with managed_callbacks(estimator):
        context = estimator._init_callback_context(max_subtasks=n_subtasks)
        context.call_on_fit_task_begin(estimator=estimator, X=X, y=y)
        with within((estimator, context, _Within())):
            yield
        context.call_on_fit_task_end(
            estimator=estimator,
            X=X,
            y=y,
            reconstruction_attributes=lambda: _fitted_attributes(estimator),
        )


@contextmanager
def task(name, n_subtasks=0, position=None, in_order=True):
    """Open a task within the one at hand.

    A callback that stops it, or what is within, stops the tasks that would follow: who
    opens them asks :func:`is_stopped`.

    Parameters
    ----------
    name : str
        What is done.
    n_subtasks : int or None, default=0
        How many tasks are opened within; None is not known beforehand.
    position : int or None, default=None
        Among its siblings, where those are not opened one after another.
    in_order : bool, default=True
        Whether the tasks within are opened one after another.
    """
    if _CURRENT.get() is None:
        yield
        return
    estimator, parent, siblings = _CURRENT.get()
    own = _Within()
    context = parent.subcontext(
        task_name=name,
        task_id=position,
        max_subtasks=n_subtasks,
        sequential_subtasks=in_order,
    )
    context.call_on_fit_task_begin(estimator=estimator)
    with within((estimator, context, own)):
        yield
    stops = context.call_on_fit_task_end(estimator=estimator)
    siblings.is_stopped |= bool(stops) or own.is_stopped


@contextmanager
def fit_of(estimator):
    """Open a task that is the fit of another estimator, which takes the callbacks."""
    if _CURRENT.get() is None:
        yield
        return
    name = "fit-estimator"
    if isinstance(estimator, FrozenEstimator):  # is not fitted, and not ours to touch
        with task(name):
            yield
        return
    owner, parent, _ = _CURRENT.get()
    context = parent.subcontext(task_name=name)
    # What is handed on is told of the task by the estimator's own fit.
    with context.propagate_callback_context(estimator):
        context.call_on_fit_task_begin(estimator=owner)
        with within(None):
            yield
        context.call_on_fit_task_end(estimator=owner)


def _fitted_attributes(estimator):
    """Return what a copy needs to predict."""
    return {
        name: value
        for name, value in vars(estimator).items()
        if name.endswith("_") and not name.startswith("_")
    }
