"""Warnings that point to the caller's line, and can be kept for later.

:func:`warnings.catch_warnings` changes filters that all threads share; what is kept
here is the thread's own.
"""

import sys
import warnings
from contextlib import contextmanager
from contextvars import ContextVar

_kept = ContextVar("kept", default=None)
_recorded = ContextVar("recorded", default=None)
_PACKAGE = __name__.partition(".")[0]


def warn(message, category=UserWarning):
    """Warn of what concerns the line that called into this package.

    As of :func:`warnings.warn`, the message may be a warning that is its own category.
    """
    kept = _kept.get()
    if kept is not None:
        kept.append((message, category))
        return
    recorded = _recorded.get()
    if recorded is not None:
        recorded.append((message, category))
    warnings.warn(message, category, stacklevel=_levels_to_caller())


@contextmanager
def kept_warnings():
    """Keep this package's warnings, pairs of message and category, in a list."""
    kept = []
    token = _kept.set(kept)
    try:
        yield kept
    finally:
        _kept.reset(token)


@contextmanager
def recorded_warnings():
    """Note this package's warnings, pairs of message and category, while they pass."""
    recorded = []
    token = _recorded.set(recorded)
    try:
        yield recorded
    finally:
        _recorded.reset(token)


def _levels_to_caller():
    """Return the stack level, seen from :func:`warn`, of the first frame outside."""
    frame, level = sys._getframe(1), 1
    while frame.f_back is not None and _is_inside(frame):
        frame, level = frame.f_back, level + 1
    return level


def _is_inside(frame):
    return frame.f_globals.get("__name__", "").partition(".")[0] == _PACKAGE
