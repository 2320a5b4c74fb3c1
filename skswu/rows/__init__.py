"""Rows of data in blocks, wherever they lie."""

__all__ = []
