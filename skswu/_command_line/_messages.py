"""What the command says beside its tables: an error that ends it, or notes."""

import warnings
from contextlib import contextmanager


class UsageError(Exception):
    """What the user asked for cannot be done; the message says what to change."""


class CommandWarning(UserWarning):
    """What users of the command should know of."""


def tell(message):
    """Have the command print a note when it ends."""
    warnings.warn(message, CommandWarning, stacklevel=2)


@contextmanager
def telling_of(name):
    """Say in each warning of the block what it is about."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
    for warning in caught:
        tell(f"{name}: {warning.message}")
