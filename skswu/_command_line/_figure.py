"""The figure that the command draws."""

from ._output_files import replacing

_MARKERS = "osD"


def save_figure(measures, path):
    """Draw accuracy against each other measure on the test rows.

    Parameters
    ----------
    measures : dict of str to dict of str to float
        The measures of each model.
    path : Path
        Where to.
    """
    from matplotlib.figure import Figure

    first, *_ = measures.values()
    shown = [name for name in first if name not in ("accuracy", "log loss")]
    shown = shown or ["log loss"]
    figure = Figure(figsize=(4 * len(shown), 4.5), layout="constrained")
    panels = figure.subplots(1, len(shown), sharey=True, squeeze=False)[0]
    for axes, against in zip(panels, shown, strict=True):
        for (name, values), marker in zip(measures.items(), _MARKERS, strict=True):
            point = values[against], values["accuracy"]
            axes.plot(*point, marker, markersize=9, label=name)
        axes.set_xlim(0, 1.1 * max(values[against] for values in measures.values()))
        axes.set_xlabel(f"{against} on test rows")
        axes.grid(alpha=0.3)
    panels[0].set_ylabel("accuracy on test rows")
    handles, names = panels[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside upper center", ncols=len(names))
    with replacing(path) as beside:
        figure.savefig(beside, dpi=150)
