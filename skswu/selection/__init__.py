"""The choice of a strength: the path of corrections, its table and its rule."""

__all__ = []
