"""Predicted against actual changes, drawn."""

import numpy as np

from ._influence_values import influence_values
from ._leave_one_out import leave_one_out
from ._matplotlib import (
    add_legend,
    label_axis,
    legend_label,
    new_axes,
    readable,
    scatter_style,
    warn_of_lost,
)


class LeaveOneOutDisplay:
    """Changes that influences predict against those that retraining makes.

    Parameters
    ----------
    predicted : ndarray of shape (n_samples,)
        Predicted change of a metric when a sample is removed.
    actual : ndarray of shape (n_samples,)
        What removing it and retraining changes.
    metric_name : str, default="metric"
        What the metric is.

    Attributes
    ----------
    correlation : float
        Pearson correlation of the two; NaN if one is constant.
    ax_ : matplotlib Axes
        Where it was drawn.
    figure_ : matplotlib Figure
        The figure of the axes.
    scatter_ : matplotlib PathCollection
        The samples.
    line_ : matplotlib Line2D
        Where both are equal.
    legend_ : matplotlib Legend
        With the correlation.

    See Also
    --------
    leave_one_out : The actual changes.
    influence_values : The predicted ones.

    References
    ----------
    Koh and Liang, "Understanding Black-box Predictions via Influence Functions", 2017,
    Figure 2.

    Examples
    --------
    >>> from skswu.inspection import LeaveOneOutDisplay
    >>> display = LeaveOneOutDisplay.from_values([0.1, 0.2, 0.3], [0.1, 0.2, 0.3])
    >>> round(display.correlation, 3)
    1.0
    """

    def __init__(self, predicted, actual, *, metric_name="metric"):
        self.predicted = predicted
        self.actual = actual
        self.metric_name = metric_name

    @property
    def correlation(self):
        """Pearson correlation of predicted and actual changes."""
        if len(self.actual) < 2 or not (np.ptp(self.predicted) and np.ptp(self.actual)):
            return float("nan")
        return float(np.corrcoef(self.predicted, self.actual)[0, 1])

    @classmethod
    def from_estimator(
        cls,
        estimator,
        X,
        y,
        *,
        metric=0,
        objective=None,
        indices=None,
        sensitive_features=None,
        sample_weight=None,
        X_val=None,
        y_val=None,
        sensitive_features_val=None,
        n_jobs=None,
        ax=None,
        **kwargs,
    ):
        """Retrain a fitted linear classifier without samples, and draw.

        Parameters
        ----------
        estimator : classifier, Pipeline or UnlearningClassifier
            Fitted.
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
            What it was fitted on.
        y : array-like of shape (n_samples,)
            Labels of the rows of X.
        metric : int or "utility", default=0
            Which metric to draw, of those that the objective has, or the utility.
        objective : str, BaseObjective or list of them, default=None
            See :func:`leave_one_out`, as for the parameters that follow.
        indices : array-like of int of shape (n_problems,), default=None
            Positions of the samples to leave out; None is all.
        sensitive_features : array-like or str, default=None
            Groups of the rows of X.
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
        n_jobs : int or None, default=None
            Threads.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        **kwargs : dict
            Passed to :meth:`matplotlib.axes.Axes.scatter`.

        Returns
        -------
        display : LeaveOneOutDisplay
            Drawn.
        """
        options = {
            "objective": objective,
            "sensitive_features": sensitive_features,
            "sample_weight": sample_weight,
            "X_val": X_val,
            "y_val": y_val,
            "sensitive_features_val": sensitive_features_val,
        }
        actual = leave_one_out(
            estimator, X, y, indices=indices, n_jobs=n_jobs, **options
        )
        predicted = influence_values(estimator, X, y, **options)
        if indices is not None:
            predicted = predicted.iloc[indices]
        column = "utility" if metric == "utility" else actual.columns[metric]
        display = cls(
            predicted[column].to_numpy(),
            actual[column].to_numpy(),
            metric_name="mean loss" if column == "utility" else column,
        )
        return display.plot(ax=ax, **kwargs)

    @classmethod
    def from_values(cls, predicted, actual, *, metric_name="metric", ax=None, **kwargs):
        """Draw changes that are known.

        Parameters
        ----------
        predicted : array-like of shape (n_samples,)
            A column of :func:`influence_values`.
        actual : array-like of shape (n_samples,)
            The same column of :func:`leave_one_out`.
        metric_name : str, default="metric"
            What the metric is.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        **kwargs : dict
            Passed to :meth:`matplotlib.axes.Axes.scatter`.

        Returns
        -------
        display : LeaveOneOutDisplay
            Drawn.
        """
        predicted = np.asarray(predicted, dtype=np.float64)
        actual = np.asarray(actual, dtype=np.float64)
        if predicted.shape != actual.shape or predicted.ndim != 1:
            raise ValueError(
                "predicted and actual must be of one dimension and equal in length; "
                f"got shapes {predicted.shape} and {actual.shape}."
            )
        display = cls(predicted, actual, metric_name=metric_name)
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
        display : LeaveOneOutDisplay
            Itself.
        """
        ax = new_axes(self, ax)
        from ._following_artists import EqualityLine

        label = f"samples (correlation {self.correlation:.4f})"
        style = scatter_style(kwargs, s=10, alpha=0.5, linewidth=0, label=label)
        style["label"] = legend_label(style["label"])
        self.scatter_ = ax.scatter(self.actual, self.predicted, **style)
        warn_of_lost(ax, self.actual, self.predicted)
        self.line_ = EqualityLine.on(
            ax, color="0.4", linewidth=0.8, label="equal", zorder=0
        )
        name = readable(self.metric_name)
        label_axis(ax.xaxis, f"Actual change of {name}")
        label_axis(ax.yaxis, f"Predicted change of {name}")
        self.legend_ = add_legend(ax)
        self.ax_, self.figure_ = ax, ax.figure
        return self
