"""The command ``python -m skswu``: correct a classifier and compare the outcome."""

from ._main import main

__all__ = ["main"]
