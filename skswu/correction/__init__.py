"""The order of the steps: linearise, weigh, update."""

__all__ = []
