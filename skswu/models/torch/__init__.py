"""Networks of skorch."""

__all__ = []
