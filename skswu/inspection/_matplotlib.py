"""What the displays have in common: axes, labels and legends."""

import numpy as np


def new_axes(display, ax):
    """Return the axes to draw on: those given, or new ones.

    Raises
    ------
    ImportError
        If matplotlib is missing; says how to install it.
    """
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError(
            f"{type(display).__name__}.plot needs matplotlib, which comes with the "
            'extra "plot": pip install "skswu[plot]".'
        ) from error
    if ax is None:
        _, ax = plt.subplots(layout="constrained")
    return ax


def label_axis(axis, label):
    """Label an axis, its ticks in units of a power of ten if they are tiny or huge."""
    largest = np.abs(axis.get_view_interval()).max()
    exponent = int(np.floor(np.log10(largest))) if largest > 0 else 0
    if not -2 <= exponent <= 3:
        label = f"{label} [$10^{{{exponent}}}$]"

        def scaled(value, position):
            text = f"{value / 10.0**exponent:.6g}"
            return text.replace("-", "\N{MINUS SIGN}")

        axis.set_major_formatter(scaled)
    axis.set_label_text(label)


def readable(metric_name):
    """Return the name of a metric as running text."""
    name, colon, pair = metric_name.replace("_", " ").partition(": ")
    name = name.replace("[", " [")
    return f"{name} ({pair})" if colon else name


def add_legend(ax, n_columns=2, marker_scale=2.0):
    """Put the legend of everything labelled above the axes, where no data are."""
    return ax.legend(
        markerscale=marker_scale,
        loc="lower center",
        bbox_to_anchor=(0.5, 1.0),
        ncols=n_columns,
        frameon=False,
    )
