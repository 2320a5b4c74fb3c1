"""What may be shown on a terminal, whatever the data are called."""

import sys

MOST_LISTED = 20
LONGEST_NAME = 60


def printable(text):
    """Return a text in which no character steers the terminal.

    Control characters, line ends among them, those that turn the direction of writing
    and bytes that are no text are written as Python escapes them.
    """
    return "".join(
        character if character.isprintable() else _escape(character)
        for character in str(text)
    )


def _escape(character):
    return character.encode("unicode_escape").decode("ascii")


def shortened(name):
    """Return a printable name that leaves room for numbers beside it."""
    name = printable(name)
    return name if len(name) <= LONGEST_NAME else name[: LONGEST_NAME - 3] + "..."


def quoted(name):
    """Return a name in quotes, printable and shortened."""
    return f"'{shortened(name)}'"


def listed(names, most=MOST_LISTED):
    """Return names in quotes, the first ones of many."""
    names = list(names)
    shown = ", ".join(map(quoted, names[:most]))
    return shown + (", ..." if len(names) > most else "")


def count(number, noun):
    """Return ``"1 row"`` or ``"2,000 rows"``."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def show(lines, file=None):
    """Print lines, with what the stream cannot encode as Python escapes it."""
    file = sys.stdout if file is None else file
    encoding = file.encoding or "utf-8"
    for line in lines:
        safe = printable(line).encode(encoding, "backslashreplace")
        print(safe.decode(encoding), file=file)
    file.flush()
