"""Data that is shipped with the package."""

from ._adult import load_adult

__all__ = ["load_adult"]
