"""Linear classifiers as mathematics on arrays."""

__all__ = []
