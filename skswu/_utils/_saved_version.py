"""The version that a model was saved with."""

from ..exceptions import InconsistentVersionWarning
from ._warnings import warn


class SavedVersionMixin:
    """Store the version of skswu with an object, and warn where another loads it."""

    def __getstate__(self):
        return {**super().__getstate__(), "_skswu_version": _current_version()}

    def __setstate__(self, state):
        state = dict(state)
        saved_with = state.pop("_skswu_version", "of unknown version")
        if saved_with != _current_version():
            warn(
                InconsistentVersionWarning(
                    estimator_name=type(self).__name__,
                    current_version=_current_version(),
                    original_version=saved_with,
                )
            )
        super().__setstate__(state)


def _current_version():
    # The package imports this module before it has set its version.
    from .. import __version__

    return __version__
