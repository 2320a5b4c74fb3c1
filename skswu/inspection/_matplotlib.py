"""What the displays have in common: axes, styles, labels and legends."""

import re
import textwrap
from itertools import count

import numpy as np

from .._utils._warnings import warn

# Ticks beyond these powers of ten are written as multiples of one.
_POWERS = (-2, 4)
_MOST_LISTED = 24
_LONGEST_LINE = 32
_SHORTEST_LABEL = 20
# Widths of a letter and heights of a line, in sizes of the font.
_LETTER = 0.52
_LINE = 1.7
_POWER_LETTERS = 7
# What the ticks and the label of the other axis leave of the width.
_AXIS_SHARE = 0.8
_LEGEND_SIZE = 30
# Inches that it takes without the figure growing.
_USUAL_LEGEND = 1.0
_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "p", "*", "h")
_OURS = "skswu"
# What a scatter plot takes for each sample; colours as such may also be one of numbers.
_PER_SAMPLE = ("s", "sizes", "c", "alpha", "linewidth", "linestyle")
_COLORS_PER_SAMPLE = ("color", "edgecolor", "facecolor")


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
        figure, ax = plt.subplots(layout="constrained")
        figure.set_gid(_OURS)
    return ax


def scatter_style(given, **defaults):
    """Return the keywords of a scatter plot: those given over our own, without aliases.

    Raises
    ------
    TypeError
        If a keyword is given twice, by different names.
    """
    from matplotlib.cbook import normalize_kwargs
    from matplotlib.collections import PathCollection

    style = {**defaults, **normalize_kwargs(given, PathCollection)}
    if "sizes" in style:
        style["s"] = style.pop("sizes")
    return style


def line_style(given, **defaults):
    """Return the keywords of a line: those given over our own, without aliases."""
    from matplotlib.cbook import normalize_kwargs
    from matplotlib.lines import Line2D

    return {**defaults, **normalize_kwargs(given, Line2D)}


def with_shared_colors(style, n_samples):
    """Return a style in which numbers mean the same colours in all groups."""
    from matplotlib.cm import ScalarMappable

    values = style.get("c")
    if np.shape(values) != (n_samples,) or np.asarray(values).dtype.kind not in "buif":
        return style
    style = dict(style)
    mappable = ScalarMappable(style.pop("norm", None))
    mappable.set_array(np.asarray(values, dtype=float))
    mappable.set_clim(style.pop("vmin", None), style.pop("vmax", None))
    mappable.autoscale_None()
    return {**style, "norm": mappable.norm}


def style_of(rows, style, n_samples):
    """Return the style of some samples, of which each may have its own.

    Parameters
    ----------
    rows : ndarray of bool of shape (n_samples,)
        Which samples.
    style : dict
        Keywords of a scatter plot.
    n_samples : int
        Number of all samples.
    """
    return {
        name: np.asarray(value)[rows]
        if _is_per_sample(name, value, n_samples)
        else value
        for name, value in style.items()
    }


def _is_per_sample(name, value, n_samples):
    if isinstance(value, str) or np.shape(value)[:1] != (n_samples,):
        return False
    if name in _COLORS_PER_SAMPLE:
        # Three or four numbers are one colour.
        return np.ndim(value) == 2 or np.asarray(value).dtype.kind in "UO"
    return name in _PER_SAMPLE


def more_markers(ax):
    """Yield markers of further groups on axes: another one when the colours repeat."""
    from matplotlib import rcParams
    from matplotlib.collections import PathCollection

    n_colors = len(rcParams["axes.prop_cycle"])
    n_drawn = sum(isinstance(one, PathCollection) for one in ax.collections)
    for position in count(n_drawn):
        yield _MARKERS[position // n_colors % len(_MARKERS)]


def warn_of_lost(ax, x, y):
    """Warn of samples that axes without zero cannot show."""
    lost = np.zeros(np.shape(x), dtype=bool)
    for axis, values in ((ax.xaxis, x), (ax.yaxis, y)):
        if axis.get_scale() in ("log", "logit"):
            lost |= ~(np.asarray(values) > 0)
    if lost.any():
        warn(
            f"{np.count_nonzero(lost)} of {lost.size} points are not above zero, and "
            'logarithmic axes do not show them; the scale "symlog" does.'
        )


def label_axis(axis, label):
    """Label an axis; ticks of tiny or huge numbers are multiples of a power of ten.

    The axis keeps what another display has said of it, if that was something else.
    """
    from matplotlib.ticker import ScalarFormatter

    formatter = axis.get_major_formatter()
    if isinstance(formatter, ScalarFormatter):
        formatter.set_powerlimits(_POWERS)
        formatter.set_useMathText(True)
        formatter.set_useOffset(False)
    said = []
    if axis.label.get_gid() == _OURS:
        said = " ".join(axis.label.get_text().split()).split(" / ")
    label = " / ".join(dict.fromkeys([*said, escaped(label)]))
    axis.label.set_gid(_OURS)
    axis.set_label_text(textwrap.fill(label, _letters_along(axis)))


def _letters_along(axis):
    """Return how many letters find room along an axis."""
    ax = axis.axes
    letter = _LETTER * axis.label.get_size() * ax.figure.dpi / 72.0
    if axis.axis_name == "y":
        return max(int(ax.get_window_extent().height / letter), _SHORTEST_LABEL)
    # A power of ten stands below the ticks, beside the label.
    taken = 2 * _POWER_LETTERS if _has_power(axis) else 0
    return max(int(_AXIS_SHARE * _room(ax) / letter) - taken, _SHORTEST_LABEL)


def escaped(text):
    """Return a text in which no dollar signs are taken for mathematics."""
    return text.replace("$", r"\$")


def readable(metric_name):
    """Return the name of a metric as running text; labels and groups stay as they are.

    Examples
    --------
    >>> readable("demographic_parity[a_1]: low_income - other")
    'demographic parity [a_1] (low_income - other)'
    >>> readable("loss_parity: b - a")
    'loss parity (b - a)'
    """
    name, rest = re.match(r"([^\[:]*)(.*)", metric_name, re.DOTALL).groups()
    label, colon, pair = (
        rest.rpartition("]") if rest.startswith("[") else ("", "", rest)
    )
    label = f" {label}{colon}" if colon else ""
    among, colon, pair = pair.partition(": ")
    pair = f" ({pair})" if colon else ""
    return f"{name.replace('_', ' ')}{label}{among}{pair}"


def legend_label(name):
    """Return the label of an artist, which must not begin as those of none do."""
    return f" {name}" if name is not None and str(name).startswith("_") else name


def add_legend(ax):
    """Put the legend of everything labelled above the axes, where no data are."""
    handles, labels = ax.get_legend_handles_labels()
    n_more = len(handles) - _MOST_LISTED
    if n_more > 0:
        # What is no group comes last.
        handles = [*handles[: _MOST_LISTED - 1], handles[-1]]
        labels = [*labels[: _MOST_LISTED - 1], labels[-1]]
    options = {
        "loc": "lower center",
        "bbox_to_anchor": (0.5, 1.0),
        "frameon": False,
        "borderaxespad": _LINE if _has_power(ax.yaxis) else 0.5,
        "title": f"{n_more} more are not named here" if n_more > 0 else None,
    }
    for n_columns in (3, 2, 1):
        legend = ax.legend(handles, labels, ncols=n_columns, **options)
        _finish(legend, labels)
        if legend.get_window_extent().width <= _room(ax):
            break
    _make_room(ax.figure, legend)
    return legend


def _make_room(figure, legend):
    """Have a figure of our own grow by what a high legend takes of it."""
    from matplotlib import rcParams

    if figure.get_gid() == _OURS:
        taken = legend.get_window_extent().height / figure.dpi - _USUAL_LEGEND
        height = rcParams["figure.figsize"][1] + taken
        figure.set_figheight(max(figure.get_figheight(), height))


def _finish(legend, labels):
    """Show names as they are, and markers of one size."""
    for text, label in zip(legend.get_texts(), labels, strict=True):
        text.set_parse_math(False)
        lines = textwrap.wrap(str(label).strip(), _LONGEST_LINE, max_lines=4)
        text.set_text("\n".join(lines))
    for handle in legend.legend_handles:
        if hasattr(handle, "set_sizes"):
            handle.set_sizes([_LEGEND_SIZE])


def _has_power(axis):
    """Say whether a power of ten stands at the end of an axis."""
    largest = np.abs(axis.get_view_interval()).max()
    low, high = _POWERS
    return axis.get_scale() == "linear" and not 10.0**low <= largest < 10.0**high


def _room(ax):
    """Return the width in pixels that a legend of axes may take."""
    spec, width = ax.get_subplotspec(), ax.figure.bbox.width
    if spec is None:
        return width
    return width * len(spec.colspan) / spec.get_gridspec().ncols
