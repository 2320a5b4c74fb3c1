"""Rows of data in blocks, wherever they lie."""

from ._block import Block
from ._local import LocalBlocks
from ._protocol import RowBlocks

__all__ = ["Block", "LocalBlocks", "RowBlocks"]
