"""Influence on a metric against influence on the utility, drawn."""

import numpy as np

from ..inputs._sensitive_features import read_sensitive_features
from ._matplotlib import (
    add_legend,
    label_axis,
    legend_label,
    more_markers,
    new_axes,
    readable,
    scatter_style,
    style_of,
    warn_of_lost,
    with_shared_colors,
)
from ._training_problem import read_training_problem


class InfluenceDisplay:
    """Influence of the training samples on a metric against that on the utility.

    A sample at the right raises the metric when it is removed, one at the top raises
    the mean loss. Where removal shrinks the gap but costs utility is the quadrant of
    over-unlearning: samples whose removal a binary choice would pay for.

    Parameters
    ----------
    influence : ndarray of shape (n_samples,)
        Predicted change of the metric when a sample is removed.
    utility_influence : ndarray of shape (n_samples,)
        Predicted change of the mean loss.
    before : float or None, default=None
        The metric itself, whose sign says on which side removal shrinks the gap; None
        marks no quadrant.
    groups : array-like of str of shape (n_samples,) or None, default=None
        Groups to colour the samples by.
    metric_name : str, default="metric"
        What the metric is.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Where it was drawn.
    figure_ : matplotlib Figure
        The figure of the axes.
    scatters_ : list of matplotlib PathCollection
        The samples, a collection a group.
    quadrant_ : matplotlib Rectangle or None
        The quadrant of over-unlearning.
    legend_ : matplotlib Legend or None
        What the colours mean.

    See Also
    --------
    influence_values : The numbers.

    References
    ----------
    Qiao, Ding, Cheng and Zhang, "Soft Weighted Machine Unlearning", arXiv 2505.18783,
    Figure 1.

    Examples
    --------
    >>> import numpy as np
    >>> from skswu.inspection import InfluenceDisplay
    >>> display = InfluenceDisplay.from_values(
    ...     [0.1, -0.2, 0.3], [0.0, 0.1, -0.1], before=0.2, groups=["a", "b", "a"]
    ... )
    >>> display.ax_.get_xlabel()
    'Change of metric if removed'
    """

    def __init__(
        self,
        influence,
        utility_influence,
        *,
        before=None,
        groups=None,
        metric_name="metric",
    ):
        self.influence = influence
        self.utility_influence = utility_influence
        self.before = before
        self.groups = groups
        self.metric_name = metric_name

    @classmethod
    def from_estimator(
        cls,
        estimator,
        X,
        y,
        *,
        metric=0,
        objective=None,
        sensitive_features=None,
        sample_weight=None,
        X_val=None,
        y_val=None,
        sensitive_features_val=None,
        influence=None,
        ax=None,
        **kwargs,
    ):
        """Compute the influences on a fitted classifier and draw them.

        Parameters
        ----------
        estimator : classifier, Pipeline or UnlearningClassifier
            Fitted.
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
            What it was fitted on.
        y : array-like of shape (n_samples,)
            Labels of the rows of X.
        metric : int, default=0
            Which metric to draw, of those that the objective has.
        objective : str, BaseObjective or list of them, default=None
            See :func:`influence_values`, as for the parameters that follow.
        sensitive_features : array-like or str, default=None
            Groups of the rows of X, which also colour the samples.
        sample_weight : array-like of shape (n_samples,), default=None
            The weights of the fit.
        X_val : {array-like, sparse matrix, DataFrame} of shape (n_val, n_features), \
                default=None
            Evaluation rows.
        y_val : array-like of shape (n_val,), default=None
            Their labels.
        sensitive_features_val : array-like of shape (n_val,) or (n_val, \
                n_sensitive), default=None
            Their groups.
        influence : str or Influence, default=None
            How influences are computed.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        **kwargs : dict
            Passed to :meth:`matplotlib.axes.Axes.scatter`.

        Returns
        -------
        display : InfluenceDisplay
            Drawn.
        """
        question = read_training_problem(
            estimator,
            X,
            y,
            objective=objective,
            sensitive_features=sensitive_features,
            sample_weight=sample_weight,
            X_val=X_val,
            y_val=y_val,
            sensitive_features_val=sensitive_features_val,
            influence=influence,
        )
        linearized = question.linearize()
        groups = question.training.groups
        display = cls(
            linearized.influence[metric],
            linearized.utility_influence,
            before=float(linearized.before[metric]),
            groups=None if groups is None else np.array(groups.names)[groups.codes],
            metric_name=question.problem.names[metric],
        )
        return display.plot(ax=ax, **kwargs)

    @classmethod
    def from_values(
        cls,
        influence,
        utility_influence,
        *,
        before=None,
        groups=None,
        metric_name="metric",
        ax=None,
        **kwargs,
    ):
        """Draw influences that are known, as columns of :func:`influence_values`.

        Parameters
        ----------
        influence : array-like of shape (n_samples,)
            Predicted change of the metric when a sample is removed.
        utility_influence : array-like of shape (n_samples,)
            Predicted change of the mean loss.
        before : float or None, default=None
            The metric itself; None marks no quadrant.
        groups : array-like of shape (n_samples,) or (n_samples, n_features), \
                default=None
            Groups to colour the samples by.
        metric_name : str, default="metric"
            What the metric is.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        **kwargs : dict
            Passed to :meth:`matplotlib.axes.Axes.scatter`.

        Returns
        -------
        display : InfluenceDisplay
            Drawn.
        """
        influence = np.asarray(influence, dtype=np.float64)
        if groups is not None:
            read = read_sensitive_features(groups, None, None, len(influence), "groups")
            groups = np.array(read.names)[read.codes]
        display = cls(
            influence,
            np.asarray(utility_influence, dtype=np.float64),
            before=before,
            groups=groups,
            metric_name=metric_name,
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
        display : InfluenceDisplay
            Itself.
        """
        ax = new_axes(self, ax)
        style = scatter_style(kwargs, s=8, alpha=0.5, linewidth=0)
        self.scatters_ = self._scatter(ax, style)
        warn_of_lost(ax, self.influence, self.utility_influence)
        for line in (ax.axhline, ax.axvline):
            line(0.0, color="0.4", linewidth=0.8, zorder=0)
        self.quadrant_ = self._mark_quadrant(ax)
        label_axis(ax.xaxis, f"Change of {readable(self.metric_name)} if removed")
        label_axis(ax.yaxis, "Change of mean loss if removed")
        is_labelled = len(ax.get_legend_handles_labels()[0]) > 0
        self.legend_ = add_legend(ax) if is_labelled else None
        self.ax_, self.figure_ = ax, ax.figure
        return self

    def _scatter(self, ax, style):
        """Draw the samples of each group."""
        n = len(self.influence)
        values = np.column_stack([self.influence, self.utility_influence])
        title = style.pop("label", None)
        style = with_shared_colors(style, n)
        markers = more_markers(ax)
        return [
            ax.scatter(
                *values[rows].T,
                label=legend_label(", ".join(filter(None, (title, name))) or None),
                **{"zorder": zorder, "marker": marker, **style_of(rows, style, n)},
            )
            for (name, rows, zorder), marker in zip(
                self._by_group(), markers, strict=False
            )
        ]

    def _by_group(self):
        """Return the name, the rows and the height of each group, small ones on top."""
        if self.groups is None:
            return [(None, np.full(len(self.influence), True), 1.0)]
        members = [(name, self.groups == name) for name in np.unique(self.groups)]
        return [(str(name), rows, 2.0 - rows.mean()) for name, rows in members]

    def _mark_quadrant(self, ax):
        """Shade where removal shrinks the gap and raises the loss."""
        if not self.before:
            return None
        from ._following_artists import Quadrant

        return Quadrant.on(
            ax,
            is_right=self.before < 0,
            is_upper=True,
            color="tab:red",
            alpha=0.08,
            linewidth=0,
            zorder=0,
            label="over-unlearning",
        )
