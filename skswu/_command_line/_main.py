"""The arguments of the command and the order of its steps."""

import argparse
import sys
import warnings
from importlib.util import find_spec
from pathlib import Path

import joblib

from .. import __version__
from ..estimators._unlearning_classifier import UnlearningClassifier
from ..objectives import OBJECTIVES
from ..weighting import HardWeighting, SoftWeighting
from ._outcome import correct, fit
from ._report import describe, save_figure, tables
from ._rows import ADULT, read_problem
from ._usage_error import UsageError

EVALUATION_SHARE = 0.2
MODEL_SUFFIXES = (".skops", ".joblib")


def main(arguments=None):
    """Run the command and return its exit code.

    Parameters
    ----------
    arguments : list of str, default=None
        The arguments after the command's name; those of the process if None.

    Returns
    -------
    int
        0. Bad usage and bad input end the process with code 2 and one line on the
        standard error stream.
    """
    parser = _parser()
    options = parser.parse_args(arguments)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            _run(options)
        except (UsageError, OSError) as error:
            parser.error(str(error))
    for message in dict.fromkeys(str(warning.message) for warning in caught):
        print(parser.line("note", message), file=sys.stderr)
    return 0


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are one line."""

    def error(self, message):
        self.exit(2, self.line("error", message) + "\n")

    def line(self, kind, message):
        return f"{self.prog}: {kind}: {' '.join(message.split())}"


def _parser():
    parser = _Parser(
        prog="skswu",
        description="Fit a logistic regression, correct it by hard removal and by soft "
        "weighting of its training rows, and compare the three on held-out rows. "
        "Without arguments: the embedded Adult census data, incomes of women and men.",
    )
    source = parser.add_mutually_exclusive_group()
    source.add_argument(
        "file", nargs="?", metavar="FILE.csv", help="table with a header to work on"
    )
    source.add_argument(
        "--data",
        default=ADULT,
        metavar="adult|FILE.csv",
        help="the embedded data (default), or the same as FILE.csv",
    )
    parser.add_argument(
        "--target", metavar="COL", help="column with the two labels to predict"
    )
    parser.add_argument(
        "--positive", metavar="VALUE", help="the label that people hope for"
    )
    parser.add_argument(
        "--sensitive",
        action="append",
        metavar="COL",
        help="column with the groups, not trained on; given several times, the "
        "columns are crossed",
    )
    parser.add_argument(
        "--objective",
        choices=OBJECTIVES.names(),
        default="demographic_parity",
        help="what to correct (default: %(default)s)",
    )
    parser.add_argument(
        "--strength",
        type=float,
        default=1.0,
        metavar="S",
        help="share of the gap that soft weighting closes (default: %(default)s)",
    )
    parser.add_argument(
        "--fraction",
        type=float,
        default=0.1,
        metavar="F",
        help="share of the rows that hard removal drops (default: %(default)s)",
    )
    parser.add_argument(
        "--save",
        type=Path,
        metavar="MODEL",
        help="store the soft-weighted model, as .skops or .joblib",
    )
    parser.add_argument(
        "--plot",
        type=Path,
        metavar="FILE.png",
        help="draw accuracy against disparity (needs matplotlib)",
    )
    parser.add_argument(
        "--random-state",
        type=_seed,
        default=0,
        metavar="SEED",
        help="seed of the splits (default: %(default)s)",
    )
    parser.add_argument("--version", action="version", version=f"skswu {__version__}")
    return parser


def _seed(text):
    seed = int(text)
    if not 0 <= seed < 2**32:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and 2**32 - 1")
    return seed


def _run(options):
    _check_output_files(options)
    problem = read_problem(options)
    rows, evaluation = problem.train.split(EVALUATION_SHARE, options.random_state)
    print(describe(problem, len(rows), len(evaluation)), flush=True)
    original = fit(rows, problem.test)
    outcomes = {"original": original}
    for name, weighting in (
        ("hard removal", HardWeighting(fraction=options.fraction)),
        ("soft weighting", SoftWeighting(strength=options.strength)),
    ):
        unlearning = UnlearningClassifier(
            original.model,
            objective=options.objective,
            weighting=weighting,
            random_state=options.random_state,
        )
        outcomes[name] = correct(unlearning, rows, evaluation, problem.test)
    print(f"\n{tables(outcomes, len(problem.test))}")
    if options.save:
        _save(outcomes["soft weighting"].model, options.save)
        print(f"\nSoft-weighted model, with 1 as {problem.positive}: {options.save}")
    if options.plot:
        save_figure(outcomes, options.plot)
        print(f"\nFigure: {options.plot}")


def _check_output_files(options):
    """Refuse before the work what could not be written after it."""
    for path in filter(None, (options.save, options.plot)):
        if not path.absolute().parent.is_dir():
            raise UsageError(f"cannot write {path}: there is no folder {path.parent}")
    if options.save:
        _check_suffix("--save", options.save, MODEL_SUFFIXES)
        if options.save.suffix == ".skops" and find_spec("skops") is None:
            raise UsageError("--save to .skops needs skops: pip install skops")
    if options.plot:
        if find_spec("matplotlib") is None:
            raise UsageError('--plot needs matplotlib: pip install "skswu[plot]"')
        from matplotlib.backend_bases import FigureCanvasBase

        formats = FigureCanvasBase.get_supported_filetypes()
        _check_suffix("--plot", options.plot, [f".{suffix}" for suffix in formats])


def _check_suffix(option, path, known):
    if path.suffix not in known:
        raise UsageError(
            f"{option} {path}: the name must end in one of {', '.join(known)}"
        )


def _save(model, path):
    if path.suffix == ".skops":
        import skops.io

        skops.io.dump(model, path)
    else:
        joblib.dump(model, path)
