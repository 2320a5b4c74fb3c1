"""The arguments of the command."""

import argparse
import math
from pathlib import Path

from .. import __version__
from ..objectives import OBJECTIVES
from ..updates import UPDATES
from ._terminal import printable

ADULT = "adult"
_SEPARATORS = {"tab": "\t", "\\t": "\t", "space": " "}


class Parser(argparse.ArgumentParser):
    """A parser whose errors are one line."""

    def error(self, message):
        self.fail(message, 2)

    def fail(self, message, code):
        """End the process with one line and a code."""
        self.exit(code, self.line("error", message) + "\n")

    def line(self, kind, message):
        """Return a message as one line that is safe to print."""
        return printable(f"{self.prog}: {kind}: {' '.join(message.split())}")


def make_parser():
    """Return the Parser."""
    parser = Parser(
        prog="skswu",
        description="Fit a logistic regression, correct it by hard removal and by soft "
        "weighting of its training rows, and compare the three on held-out rows. "
        "Without arguments: the embedded Adult census data, incomes of women and men.",
    )
    parser.add_argument("--version", action="version", version=f"skswu {__version__}")
    _add_table(parser)
    _add_columns(parser.add_argument_group("columns"))
    _add_correction(parser.add_argument_group("correction"))
    _add_output(parser.add_argument_group("output"))
    return parser


def _add_table(parser):
    source = parser.add_mutually_exclusive_group()
    source.add_argument(
        "file",
        nargs="?",
        metavar="FILE",
        help="table with a header: CSV in any separator and encoding, compressed or "
        "not, or Parquet; - reads the standard input",
    )
    source.add_argument(
        "--data",
        default=ADULT,
        metavar="adult|FILE",
        help="the embedded data (default), or the same as FILE",
    )
    table = parser.add_argument_group(
        "table", "How to read FILE, where what is found in it is not right."
    )
    table.add_argument(
        "--separator",
        type=_separator,
        metavar="CHAR",
        help="what stands between cells: a character, or 'tab'",
    )
    table.add_argument(
        "--decimal", choices=(".", ","), help="what stands before decimals"
    )
    table.add_argument(
        "--encoding", type=_encoding, help="such as utf-8, utf-16 or cp1252"
    )


def _add_columns(group):
    group.add_argument("--target", metavar="COL", help="column with the labels")
    group.add_argument(
        "--positive",
        metavar="VALUE",
        help="the label that people hope for; all others count as one",
    )
    group.add_argument(
        "--sensitive",
        action="append",
        metavar="COL",
        help="column with the groups, not trained on; given several times, the "
        "columns are crossed",
    )
    group.add_argument(
        "--missing-groups",
        choices=("error", "own"),
        default="error",
        help="whether rows without a group, or with one that is called NA or the like, "
        "are refused (default) or are groups of their own",
    )
    group.add_argument(
        "--drop",
        action="append",
        default=[],
        metavar="COL",
        help="column to leave out, such as an id; may be given several times",
    )


def _add_correction(group):
    group.add_argument(
        "--objective",
        choices=OBJECTIVES.names(),
        default="demographic_parity",
        help="what to correct (default: %(default)s)",
    )
    _add_aim(group.add_mutually_exclusive_group())
    group.add_argument(
        "--fraction",
        type=number(float, 0, 1),
        metavar="F",
        help="share of the rows that hard removal drops (default: what brings it to "
        "the disparity of soft weighting on the evaluation rows)",
    )
    group.add_argument(
        "--update",
        choices=UPDATES.names(),
        help="how the model moves to the new weights (default: influence; one_step "
        "with a bound, for which many strengths are tried)",
    )
    group.add_argument(
        "--max-iter",
        type=number(int, 1),
        metavar="N",
        help="largest number of the update's steps",
    )
    group.add_argument(
        "--temperature",
        type=number(float, 0, above=True),
        metavar="T",
        help="smoothing of the objective: lower is closer to the predicted labels",
    )
    group.add_argument(
        "--random-state",
        type=number(int, 0, 2**32 - 1),
        default=0,
        metavar="SEED",
        help="seed of the splits (default: %(default)s)",
    )


def _add_aim(group):
    group.add_argument(
        "--strength",
        type=number(float, 0),
        default=1.0,
        metavar="S",
        help="share of the gap that soft weighting closes (default: %(default)s)",
    )
    group.add_argument(
        "--max-disparity",
        type=number(float, 0),
        metavar="D",
        help="in place of a strength: the one with the highest accuracy at most so "
        "far from parity on the evaluation rows",
    )
    group.add_argument(
        "--min-ratio",
        type=number(float, 0, 1, above=True),
        metavar="R",
        help="the same with a bound on the lowest group's rate over the highest's, "
        "such as 0.8",
    )


def _add_output(group):
    group.add_argument(
        "--save",
        type=Path,
        metavar="MODEL",
        help="store the soft-weighted model, as .skops or .joblib",
    )
    group.add_argument(
        "--plot",
        type=Path,
        metavar="FILE.png",
        help="draw accuracy against disparity (needs matplotlib)",
    )
    group.add_argument(
        "--report",
        type=Path,
        metavar="FILE.html",
        help="write a page to show to others: the soft-weighted model beside the "
        "original by group, with intervals and cautions",
    )


def number(kind, low, high=math.inf, *, above=False):
    """Return a reader of numbers from ``low`` (above it if ``above``) to ``high``."""

    def read(text):
        value = kind(text)
        # A NaN is in no interval, and infinity is no number to ask for.
        if not low <= value <= high or value in (math.inf, low if above else None):
            raise argparse.ArgumentTypeError(f"{text} is not {interval}")
        return value

    interval = f"a number {'above' if above else 'of at least'} {low}"
    if high < math.inf:
        interval = f"{interval} and at most {high}"

    # What argparse calls a text that is no number.
    read.__name__ = kind.__name__
    return read


def _separator(text):
    separator = _SEPARATORS.get(text.lower(), text)
    if len(separator) != 1 or separator in '"\r\n\0' or separator.isalnum():
        raise argparse.ArgumentTypeError(
            f"{text!r} is neither a character that separates cells nor 'tab'"
        )
    return separator


def _encoding(text):
    try:
        "".encode(text)
    except (LookupError, ValueError):
        raise argparse.ArgumentTypeError(
            f"{text!r} is not an encoding of texts that Python knows"
        ) from None
    return text
