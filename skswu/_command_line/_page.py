"""The page that the command writes, to show to others."""

from ..inspection import CorrectionReport
from ._messages import UsageError, telling_of
from ._output_files import replacing

_FOUR_FIFTHS = 0.8


def write_page(outcomes, problem, options):
    """Write the report of the soft-weighted model beside the original.

    Parameters
    ----------
    outcomes : dict of str to Outcome
        The models.
    problem : Problem
        The rows and what they are called.
    options : Namespace
        The command's.

    Raises
    ------
    UsageError
        If the groups of the test rows cannot be compared, or the file not be written.
    """
    with telling_of("report"):
        page = _report(outcomes, problem, options).to_html()
    with replacing(options.report) as beside:
        beside.write_text(page, encoding="utf-8")


def _report(outcomes, problem, options):
    fitting, test = problem.fitting, problem.test
    bound = _FOUR_FIFTHS if options.min_ratio is None else options.min_ratio
    try:
        return CorrectionReport.from_estimator(
            outcomes["soft weighting"].model,
            test.X,
            test.y,
            sensitive_features=test.group_columns,
            pos_label=1,
            min_ratio=bound,
            random_state=options.random_state,
            training=(fitting.X, fitting.y, fitting.group_columns),
            label_names=_label_names(problem),
        )
    except ValueError as error:
        raise UsageError(f"--report: {error}") from error


def _label_names(problem):
    other, *more = problem.others
    return {0: f"not {problem.positive}" if more else other, 1: problem.positive}
