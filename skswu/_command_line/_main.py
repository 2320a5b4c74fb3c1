"""The order of the command's steps."""

import os
import sys
import warnings
from contextlib import suppress

from ._arguments import make_parser
from ._comparison import compare
from ._corrections import Corrections
from ._figure import save_figure
from ._measures import Measures, Predictions, rates_of_groups
from ._messages import UsageError
from ._output_files import check_outputs
from ._page import write_page
from ._problem import read_problem
from ._remarks import tell_of_constant_predictions, tell_of_revealing_columns
from ._report import Report, describe, describe_settings
from ._saved_model import describe_model, save_model
from ._terminal import show

_INTERRUPTED = 130


def main(arguments=None):
    """Run the command and return its exit code.

    Parameters
    ----------
    arguments : list of str, default=None
        The arguments after the command's name; those of the process if None.

    Returns
    -------
    int
        0, or 1 if nobody reads the output. Bad usage and bad input end the process
        with code 2, an interrupt with 130, and one line on the standard error stream.
    """
    parser = make_parser()
    options = parser.parse_args(arguments)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            _run(options)
        except BrokenPipeError:
            _close_output()
            return 1
        except (UsageError, OSError) as error:
            parser.error(str(error))
        except MemoryError:
            parser.error("the memory does not suffice: --drop columns, or sample rows")
        except KeyboardInterrupt as error:
            parser.fail(str(error) or "interrupted", _INTERRUPTED)
    notes = dict.fromkeys(str(warning.message) for warning in caught)
    show((parser.line("note", note) for note in notes), sys.stderr)
    return 0


def _close_output():
    """Have the interpreter not fail again when it flushes at its end."""
    with suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _run(options):
    check_outputs(options)
    corrections = Corrections(options)
    needs_groups = corrections.needs_groups or options.report is not None
    problem = read_problem(options, needs_groups)
    show(describe(problem))
    measures = Measures(
        options.objective,
        has_groups=problem.test.groups is not None,
        with_ratio=options.min_ratio is not None,
        under_attack=corrections.attacks,
    )
    comparison = compare(problem, corrections, measures, options.fraction)
    n_evaluation = len(problem.evaluation)
    show(describe_settings(comparison, corrections, measures, n_evaluation))
    measured = _report(problem, measures, comparison)
    if options.save:
        save_model(comparison.outcomes["soft weighting"].model, options.save)
        show(["", *describe_model(options.save, problem)])
    if options.plot:
        save_figure(measured, options.plot)
        show(["", f"Figure: {options.plot}"])
    if options.report:
        write_page(comparison.outcomes, problem, options)
        show(["", f"Report: {options.report}"])


def _report(problem, measures, comparison):
    """Show the tables, and return the measures on test rows of each model."""
    outcomes, test = comparison.outcomes, problem.test
    predictions = {
        name: Predictions.of(outcome.model, test) for name, outcome in outcomes.items()
    }
    measured = {
        name: measures.of(outcomes[name].model, test, predicted)
        for name, predicted in predictions.items()
    }
    report = Report(outcomes, problem)
    show(["", *report.measures(list(measured.values()))])
    if test.groups is not None:
        rates = [rates_of_groups(test, p) for p in predictions.values()]
        show(report.rates(rates))
    show(["", *report.gaps(comparison.corrected, comparison.asked)])
    show(["", *report.seconds([outcome.seconds for outcome in outcomes.values()])])
    tell_of_constant_predictions(predictions, problem)
    tell_of_revealing_columns(problem)
    return measured
