"""The error that ends the command with one line."""


class UsageError(Exception):
    """What the user asked for cannot be done; the message says what to change."""
