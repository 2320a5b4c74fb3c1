"""What the command shows: tables and a figure."""

from ._outcome import DISPARITIES

LABEL_WIDTH = 32
COLUMN_WIDTH = 14


def describe(problem, n_fit, n_evaluation):
    """Return the lines that say what the command works on."""
    groups = sorted(set(problem.test.groups))
    return (
        f"Data: {problem.source}. Target: {problem.target} = {problem.positive}. "
        f"Groups: {'; '.join(groups)}.\n"
        f"The model is not trained on {problem.sensitive}.\n"
        f"Rows: {n_fit:,} to fit, {n_evaluation:,} to evaluate the correction, "
        f"{len(problem.test):,} to test."
    )


def tables(outcomes, n_test):
    """Return the tables that compare outcomes, a dict of name to Outcome.

    The first is the original classifier, the others are corrections of it.
    """
    measures = [outcome.measures for outcome in outcomes.values()]
    seconds = [outcome.seconds for outcome in outcomes.values()]
    lines = [
        _line(f"On {n_test:,} test rows", outcomes),
        *_table(measures, "{:.4f}"),
        "",
        _line("On the evaluation rows, smoothed", outcomes),
        *_gaps([outcome.model for outcome in outcomes.values()]),
        "",
        _line("Seconds", outcomes),
        *_table(seconds, "{:.3f}"),
    ]
    return "\n".join(lines)


def _gaps(models):
    """Lines on each gap of the objective; the first model is the uncorrected one."""
    _, *corrected = models
    for j, name in enumerate(corrected[0].objective_names_):
        yield name
        changes = [_change(model, j) for model in corrected]
        before = {"  gap": corrected[0].objective_before_[j]}
        yield from _table([before, *changes], "{:+.4f}")


def _change(model, j):
    before, after = model.objective_before_[j], model.objective_after_[j]
    return {
        "  gap": after,
        "  predicted change": model.objective_predicted_[j] - before,
        "  reached change": after - before,
    }


def _table(columns, number):
    """Lines of columns that are dicts of label to number; a label may be absent."""
    for label in dict.fromkeys(label for column in columns for label in column):
        cells = (
            number.format(column[label]) if label in column else ""
            for column in columns
        )
        yield _line(label, cells)


def _line(label, cells):
    padded = (f"{cell:>{COLUMN_WIDTH}}" for cell in cells)
    return "  ".join([f"{label:<{LABEL_WIDTH}}", *padded]).rstrip()


def save_figure(outcomes, path):
    """Draw accuracy against each disparity on the test rows."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 4.5), layout="constrained")
    panels = figure.subplots(1, len(DISPARITIES), sharey=True)
    for axes, disparity in zip(panels, DISPARITIES, strict=True):
        for (name, outcome), marker in zip(outcomes.items(), "osD", strict=True):
            point = outcome.measures[disparity], outcome.measures["accuracy"]
            axes.plot(*point, marker, markersize=9, label=name)
        axes.set_xlim(0, 1.1 * max(o.measures[disparity] for o in outcomes.values()))
        axes.set_xlabel(f"{disparity} on test rows")
        axes.grid(alpha=0.3)
    panels[0].set_ylabel("accuracy on test rows")
    handles, names = panels[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside upper center", ncols=len(names))
    figure.savefig(path, dpi=150)
