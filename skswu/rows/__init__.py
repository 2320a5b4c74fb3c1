"""Rows of data in blocks, wherever they lie."""

from ._block import Block
from ._blocks_of import blocks_of
from ._brought import BroughtBlocks, BroughtRows
from ._local import LocalBlocks
from ._protocol import RowBlocks

__all__ = [
    "Block",
    "BroughtBlocks",
    "BroughtRows",
    "LocalBlocks",
    "RowBlocks",
    "blocks_of",
]
