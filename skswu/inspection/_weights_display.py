"""The change of the weights by influence, drawn."""

import numpy as np
from sklearn.utils.validation import check_is_fitted

from .._utils._array_api import as_numpy
from ._matplotlib import (
    add_legend,
    label_axis,
    legend_label,
    new_axes,
    readable,
    scatter_style,
    warn_of_lost,
)


class WeightsDisplay:
    """Change of the sample weights against influence on the metric.

    Hard weighting shows as two levels, 0 and -1; soft weighting as a cloud around a
    line through the origin, off it where the utility or a bound has a say. Draw one,
    then the other on its ``ax_``, to compare them.

    Parameters
    ----------
    influence : ndarray of shape (n_samples,)
        Predicted change of the metric when a sample is removed.
    epsilon : ndarray of shape (n_samples,)
        Relative change of its weight; -1 is removal.
    metric_name : str, default="metric"
        What the metric is.
    name : str or None, default=None
        What the weighting is called in the legend.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Where it was drawn.
    figure_ : matplotlib Figure
        The figure of the axes.
    scatter_ : matplotlib PathCollection
        The samples.
    legend_ : matplotlib Legend or None
        Of all weightings on these axes; None without a name.

    See Also
    --------
    weights_summary : The weights in a few numbers.

    Examples
    --------
    >>> from skswu.inspection import WeightsDisplay
    >>> soft = WeightsDisplay.from_values([0.1, -0.2], [-0.1, 0.2], name="soft")
    >>> ax = soft.ax_
    >>> hard = WeightsDisplay.from_values([0.1, -0.2], [-1, 0], name="hard", ax=ax)
    >>> [text.get_text() for text in hard.legend_.get_texts()]
    ['soft', 'hard']
    """

    def __init__(self, influence, epsilon, *, metric_name="metric", name=None):
        self.influence = influence
        self.epsilon = epsilon
        self.metric_name = metric_name
        self.name = name

    @classmethod
    def from_estimator(cls, estimator, *, metric=0, name=None, ax=None, **kwargs):
        """Draw the weights of a correction.

        Parameters
        ----------
        estimator : UnlearningClassifier
            Fitted.
        metric : int, default=0
            Which metric's influences to draw.
        name : str or None, default=None
            What to call it in the legend; None is the class of its weighting.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        **kwargs : dict
            Passed to :meth:`matplotlib.axes.Axes.scatter`.

        Returns
        -------
        display : WeightsDisplay
            Drawn.
        """
        check_is_fitted(estimator, "epsilon_")
        if name is None:
            weighting = estimator.weighting
            name = weighting if isinstance(weighting, str) else type(weighting).__name__
        display = cls(
            as_numpy(estimator.influence_)[metric],
            as_numpy(estimator.epsilon_),
            metric_name=estimator.objective_names_[metric],
            name=name,
        )
        return display.plot(ax=ax, **kwargs)

    @classmethod
    def from_values(
        cls, influence, epsilon, *, metric_name="metric", name=None, ax=None, **kwargs
    ):
        """Draw weights that are known, as columns of :func:`influence_values`.

        Parameters
        ----------
        influence : array-like of shape (n_samples,)
            Predicted change of the metric when a sample is removed.
        epsilon : array-like of shape (n_samples,)
            Relative change of its weight.
        metric_name : str, default="metric"
            What the metric is.
        name : str or None, default=None
            What the weighting is called in the legend.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        **kwargs : dict
            Passed to :meth:`matplotlib.axes.Axes.scatter`.

        Returns
        -------
        display : WeightsDisplay
            Drawn.
        """
        display = cls(
            np.asarray(influence, dtype=np.float64),
            np.asarray(epsilon, dtype=np.float64),
            metric_name=metric_name,
            name=name,
        )
        return display.plot(ax=ax, **kwargs)

    def plot(self, ax=None, **kwargs):
        """Draw.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        **kwargs : dict
            Passed to :meth:`matplotlib.axes.Axes.scatter`.

        Returns
        -------
        display : WeightsDisplay
            Itself.
        """
        ax = new_axes(self, ax)
        style = scatter_style(kwargs, s=8, alpha=0.5, linewidth=0, label=self.name)
        style["label"] = legend_label(style["label"])
        self.scatter_ = ax.scatter(self.influence, self.epsilon, **style)
        warn_of_lost(ax, self.influence, self.epsilon)
        label_axis(ax.xaxis, f"Change of {readable(self.metric_name)} if removed")
        label_axis(ax.yaxis, "Relative change of weight")
        is_labelled = len(ax.get_legend_handles_labels()[0]) > 0
        self.legend_ = add_legend(ax) if is_labelled else None
        self.ax_, self.figure_ = ax, ax.figure
        return self
