"""The Python call that reads a table as the command did, for its users."""

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class ReadCall:
    """A call as a line of Python.

    Parameters
    ----------
    imports : str
        The line that it needs before it.
    function : str
        What is called.
    arguments : tuple of str, default=()
        As they are written.
    after : str, default=""
        What follows the call.
    written : tuple of str, default=()
        Columns whose numbers the call leaves as texts.
    """

    imports: str
    function: str
    arguments: tuple = ()
    after: str = ""
    written: tuple = ()

    @property
    def code(self):
        """The line itself."""
        return f"{self.function}({', '.join(self.arguments)}){self.after}"

    def keeping(self, texts, written):
        """Return the call that keeps columns of ids as texts.

        Parameters
        ----------
        texts : sequence of str
            Such columns.
        written : sequence of str
            Columns of numbers that the call leaves as texts.
        """
        return replace(self, written=tuple(written))


class CsvCall(ReadCall):
    """A call that takes texts of digits for numbers unless it is told not to."""

    def keeping(self, texts, written):
        kept = super().keeping(texts, written)
        if not texts:
            return kept
        dtype = ", ".join(f"{name!r}: str" for name in texts)
        return replace(kept, arguments=(*self.arguments, f"dtype={{{dtype}}}"))


ADULT_CALL = ReadCall(
    "from skswu.datasets import load_adult", "load_adult", after=".frame"
)


def csv_call(path, dialect, decimal):
    """Return the ReadCall of a table that is written as text."""
    arguments = [repr(path)]
    if dialect.separator != ",":
        arguments.append(f"sep={dialect.separator!r}")
    if decimal != ".":
        arguments.append(f"decimal={decimal!r}")
    if not dialect.encoding.startswith("utf-8"):
        arguments.append(f"encoding={dialect.encoding!r}")
    if dialect.skipped:
        arguments.append(f"skiprows={dialect.skipped}")
    if dialect.is_spaced:
        arguments.append("skipinitialspace=True")
    # Else pandas may read a column partly as numbers and partly as texts.
    arguments.append("low_memory=False")
    return CsvCall("import pandas as pd", "pd.read_csv", tuple(arguments))


def parquet_call(path, is_indexed):
    """Return the ReadCall of a Parquet file, whose index may be a column."""
    after = ".reset_index()" if is_indexed else ""
    return ReadCall("import pandas as pd", "pd.read_parquet", (repr(path),), after)
