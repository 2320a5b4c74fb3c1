"""A report as a document, before it is written as HTML or Markdown."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Cell:
    """A cell of a table: a text, a word that stands out, an interval below."""

    text: str
    strong: str = ""
    interval: str = ""


@dataclass(frozen=True)
class Table:
    """A table. The first cell of a row is its header.

    Attributes
    ----------
    caption : str
        What it shows.
    columns : list of str
        Headers.
    rows : list of list of (str or Cell)
        As many cells as columns.
    n_texts : int
        The first columns that hold text; the others hold numbers.
    last_is_text : bool
        Whether the last column holds text as well.
    """

    caption: str
    columns: list
    rows: list
    n_texts: int = 1
    last_is_text: bool = False

    def is_text(self, position):
        """Say whether a column holds text."""
        is_last = position == len(self.columns) - 1
        return position < self.n_texts or (self.last_is_text and is_last)


@dataclass(frozen=True)
class Figure:
    """A figure: its drawing, or None, its numbers as a sentence, and its caption."""

    svg: str | None
    label: str
    caption: str


@dataclass(frozen=True)
class Paragraph:
    """A paragraph; ``role`` is "", "lead" or "note"."""

    text: str
    role: str = ""


@dataclass(frozen=True)
class Bullets:
    """A list of sentences."""

    items: list


@dataclass(frozen=True)
class Section:
    """A section, with the question that it answers."""

    key: str
    title: str
    question: str
    blocks: list = field(default_factory=list)


@dataclass(frozen=True)
class Document:
    """All of a report."""

    title: str
    subtitle: str
    sections: list
