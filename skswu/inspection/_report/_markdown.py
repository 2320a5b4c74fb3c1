"""A document as Markdown, for an issue, a wiki or a model card."""

import re
from functools import singledispatch

from ._document import Bullets, Cell, Figure, Paragraph, Table


def text(document):
    """Return a document as Markdown."""
    parts = [f"# {_escaped(document.title)}", _escaped(document.subtitle)]
    for section in document.sections:
        parts += [f"## {_escaped(section.title)}", f"*{_escaped(section.question)}*"]
        parts += map(_block, section.blocks)
    return "\n\n".join(parts) + "\n"


def _escaped(value):
    """Return a text that Markdown shows as it is, on one line."""
    value = " ".join(str(value).split())
    value = value.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*_{}\[\]|#])", r"\\\1", value)


@singledispatch
def _block(block):
    raise TypeError(f"{type(block).__name__} cannot be written as Markdown.")


@_block.register(Paragraph)
def _(block):
    return _escaped(block.text)


@_block.register(Bullets)
def _(block):
    return "\n".join(f"- {_escaped(item)}" for item in block.items)


@_block.register(Figure)
def _(block):
    return f"{_escaped(block.caption)} {_escaped(block.label)}"


@_block.register(Table)
def _(block):
    rules = [
        "---" if block.is_text(position) else "---:"
        for position in range(len(block.columns))
    ]
    lines = [map(_escaped, block.columns), rules]
    lines += [map(_cell, row) for row in block.rows]
    table = "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
    return f"**{_escaped(block.caption)}**\n\n{table}"


def _cell(cell):
    cell = cell if isinstance(cell, Cell) else Cell(cell)
    strong = f"**{_escaped(cell.strong)}**" if cell.strong else ""
    interval = f"({_escaped(cell.interval)})" if cell.interval else ""
    return " ".join(filter(None, [_escaped(cell.text), strong, interval]))
