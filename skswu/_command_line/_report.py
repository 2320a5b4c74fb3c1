"""The tables that the command prints, as lines."""

import math

from ._terminal import count, listed, printable, shortened

_LEAST_LABEL_WIDTH = 32
_COLUMN_WIDTH = 14
_LONGEST_LABEL = 12


def digits_of(n_rows):
    """Return how many decimals of a share of rows mean something.

    A share of n rows is uncertain by up to half of one over the square root of n.
    """
    return max(1, math.ceil(math.log10(2 * math.sqrt(max(n_rows, 1)))))


def describe(problem):
    """Return the lines that say what the command works on."""
    others = ""
    if len(problem.others) > 1:
        names = ", ".join(shortened(other) for other in problem.others[:5])
        more = len(problem.others) - 5
        others = f" against {names}" + (f" and {more:,} others" if more > 0 else "")
    notation = f" ({problem.notation})" if problem.notation else ""
    left_out = listed(problem.left_out)
    lines = [
        f"Data: {shortened(problem.source)}{notation}. "
        f"Target: {shortened(problem.target)} = {shortened(problem.positive)}{others}."
    ]
    if left_out:
        lines.append(f"The model is not trained on {left_out}.")
    return [
        *lines,
        f"Rows: {len(problem.fitting):,} to fit, {len(problem.evaluation):,} to "
        f"evaluate the correction, {len(problem.test):,} to test.",
    ]


def describe_settings(comparison, corrections, measures, n_evaluation):
    """Return the lines that say how the models were corrected."""
    parts = f"Objective: {corrections.objective!r}. Update: {corrections.update!r}."
    chosen = ""
    if corrections.promise:
        chosen = f", of those tried the most accurate with {corrections.promise}"
    return [
        " ".join(parts.split()),
        f"Soft weighting: strength {comparison.strength:.3g}{chosen}.",
        f"Hard removal: {comparison.fraction:.3g} of the rows to fit"
        f"{_describe_choice(comparison.shortfalls, measures, n_evaluation)}.",
    ]


def _describe_choice(shortfalls, measures, n_evaluation):
    """Return why so many rows were removed."""
    if shortfalls is None:
        return ""
    aim = f"the {measures.shortfall_name} on the evaluation rows"
    digits = digits_of(n_evaluation)
    soft, hard = (f"{shortfall:.{digits}f}" for shortfall in shortfalls)
    if shortfalls[1] <= shortfalls[0]:
        return (
            f", the least with which {aim} ({hard}) is that of soft weighting ({soft})"
        )
    return (
        f", with which {aim} ({hard}) comes closest to that of soft weighting ({soft})"
    )


class Report:
    """Tables with a column a model.

    Parameters
    ----------
    names : sequence of str
        Names of the models; the first is the original.
    problem : Problem
        What they were made for.
    """

    def __init__(self, names, problem):
        self.names = list(names)
        self.problem = problem

    def measures(self, measures):
        """Return the lines of measures on test rows, a list of dicts of numbers."""
        n_test = len(self.problem.test)
        return self._table(
            f"On {count(n_test, 'test row')}", measures, f".{digits_of(n_test)}f"
        )

    def rates(self, rates):
        """Return the lines of groups, from a list of what `rates_of_groups` gives."""
        lines = []
        for rate in rates[0]:
            groups = [of_model[rate] for of_model in rates]
            rows = [
                (
                    f"  {shortened(group)} ({count(n, 'row')})",
                    _cells([g[group][0] for g in groups], f".{digits_of(n)}f"),
                )
                for group, (_, n) in groups[0].items()
            ]
            lines += ["", *self._lines(rate.capitalize(), rows)]
        return lines

    def gaps(self, corrections, asked):
        """Return the lines of the objective's smoothed metrics on evaluation rows.

        Parameters
        ----------
        corrections : list of UnlearningClassifier
            All but the original.
        asked : list of (ndarray of shape (n_metrics,) or None)
            What each was asked for, if anything.
        """
        n = len(self.problem.evaluation)
        first, *_ = corrections
        rows = []
        for j, name in enumerate(first.objective_names_):
            values = {
                "before": [first.objective_before_[j]],
                "asked": [None, *(None if a is None else a[j] for a in asked)],
                "predicted": [None, *(m.objective_predicted_[j] for m in corrections)],
                "reached": [None, *(m.objective_after_[j] for m in corrections)],
            }
            rows.append((f"  {shortened(self._in_words(name))}", []))
            rows += [
                (f"    {label}", _cells(cells, f"+.{digits_of(n)}f"))
                for label, cells in values.items()
            ]
        return self._lines(f"Objective on {count(n, 'evaluation row')}, smooth", rows)

    def _in_words(self, name):
        """Return a metric's name with the label's own in place of the 1 that it is."""
        objective, mark, rest = name.partition("[1]")
        if not mark or not objective.isidentifier():  # a 1 of a group
            return name
        label = self.problem.positive
        if len(label) > _LONGEST_LABEL:  # what comes behind it is to be seen, too
            label = label[: _LONGEST_LABEL - 3] + "..."
        return f"{objective}[{label}]{rest}"

    def seconds(self, seconds):
        """Return the lines of the time that each step took."""
        return self._table("Seconds", seconds, ".3f")

    def _table(self, title, columns, number):
        """Lines of dicts of label to number; a label may be absent."""
        labels = dict.fromkeys(label for column in columns for label in column)
        rows = [
            (f"  {label}", _cells([column.get(label) for column in columns], number))
            for label in labels
        ]
        return self._lines(title, rows)

    def _lines(self, title, rows):
        """Lines of a header and of rows, pairs of a label and cells."""
        table = [(title, self.names), *rows]
        width = max(_LEAST_LABEL_WIDTH, *(len(label) for label, _ in table))
        return [_line(label, cells, width) for label, cells in table]


def _cells(values, number):
    return ["" if value is None else _format(value, number) for value in values]


def _format(value, number):
    text = format(value, number)
    # Zero has no sign.
    return text if float(text) else text.lstrip("+-")


def _line(label, cells, width):
    padded = (f"{cell:>{_COLUMN_WIDTH}}" for cell in cells)
    return printable("  ".join([f"{label:<{width}}", *padded]).rstrip())
