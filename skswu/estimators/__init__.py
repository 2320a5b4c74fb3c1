"""The meta-estimators."""

__all__ = []
