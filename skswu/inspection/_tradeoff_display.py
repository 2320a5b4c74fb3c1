"""Utility against disparity along a path of corrections, drawn."""

import re
from functools import partial
from inspect import signature
from itertools import cycle

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.metrics import get_scorer

from ..estimators._parts import resolve_objectives
from ..inputs import count_rows
from ..inputs._sensitive_features import read_sensitive_features
from ..metrics import make_fairness_scorer
from ._matplotlib import (
    add_legend,
    label_axis,
    legend_label,
    line_style,
    new_axes,
    warn_of_lost,
)

_MARKERS = ("s", "^", "D", "v", "P", "X", "<", ">")


class TradeoffDisplay:
    """Utility against disparity: a path of corrections, and other classifiers.

    Parameters
    ----------
    disparity : ndarray of shape (n_classifiers,)
        Disparity of the classifiers along the path; 0 is fair.
    utility : ndarray of shape (n_classifiers,)
        Their utility; greater is better.
    points : dict of str to tuple of float, default=None
        Disparity and utility of other classifiers, by name.
    disparity_name, utility_name : str, default="disparity", "utility"
        What they are.
    name : str, default="corrected"
        What the path is called in the legend.
    disparity_se, utility_se : ndarray of shape (n_classifiers,), default=None
        Standard errors along the path, drawn as bars of one of them to each side.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Where it was drawn.
    figure_ : matplotlib Figure
        The figure of the axes.
    line_ : matplotlib Line2D
        The path.
    points_ : dict of str to matplotlib Line2D
        The other classifiers.
    errorbars_ : matplotlib ErrorbarContainer or None
        The bars; None without standard errors.
    legend_ : matplotlib Legend
        What is what.

    Examples
    --------
    >>> from skswu.inspection import TradeoffDisplay
    >>> display = TradeoffDisplay.from_values(
    ...     [0.2, 0.1, 0.0], [0.85, 0.84, 0.83], points={"original": (0.25, 0.852)}
    ... )
    >>> [text.get_text() for text in display.legend_.get_texts()]
    ['corrected', 'original']
    """

    def __init__(
        self,
        disparity,
        utility,
        *,
        points=None,
        disparity_name="disparity",
        utility_name="utility",
        name="corrected",
        disparity_se=None,
        utility_se=None,
    ):
        self.disparity = disparity
        self.utility = utility
        self.points = points
        self.disparity_name = disparity_name
        self.utility_name = utility_name
        self.name = name
        self.disparity_se = disparity_se
        self.utility_se = utility_se

    @classmethod
    def from_estimator(
        cls,
        estimator,
        X=None,
        y=None,
        *,
        sensitive_features=None,
        others=None,
        disparity="demographic_parity_difference",
        utility="accuracy",
        random_state=0,
        name="corrected",
        ax=None,
        **kwargs,
    ):
        """Measure fitted classifiers and draw them.

        Parameters
        ----------
        estimator : classifier or list of classifiers
            Fitted; a path in its order, such as UnlearningClassifiers of rising
            ``strength``. The original of the first, if it is an UnlearningClassifier,
            is drawn as well. Of an :class:`~skswu.UnlearningClassifierCV` and without
            rows, its ``path_`` is drawn, with standard errors where it has some, the
            choice it made and, if it tried the strength 0, the original.
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features), \
                default=None
            Rows to measure on; None is for an UnlearningClassifierCV alone.
        y : array-like of shape (n_samples,), default=None
            Their labels.
        sensitive_features : array-like of shape (n_samples,) or (n_samples, \
                n_sensitive), or str, default=None
            Their groups, or the name of a column of X.
        others : dict of str to classifier, default=None
            Other fitted classifiers by name, fairlearn's mitigators among them: one
            whose ``predict`` takes ``sensitive_features`` or ``random_state`` gets
            them.
        disparity : str or callable, default="demographic_parity_difference"
            As :func:`~skswu.metrics.make_fairness_scorer` takes it. A ratio r is drawn
            as 1 - r.
        utility : str or callable, default="accuracy"
            A scorer of scikit-learn, or its name.
        random_state : int, default=0
            For classifiers whose predictions are drawn at random.
        name : str, default="corrected"
            What the path is called in the legend.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        **kwargs : dict
            Passed to :meth:`matplotlib.axes.Axes.plot` for the path.

        Returns
        -------
        display : TradeoffDisplay
            Drawn.
        """
        if X is None:
            return cls._from_path(estimator, others, name).plot(ax=ax, **kwargs)
        path = estimator if isinstance(estimator, list | tuple) else [estimator]
        others = dict(others or {})
        if hasattr(path[0], "original_estimator_"):
            others = {"original": path[0].original_estimator_, **others}
        groups = _group_names(sensitive_features, X)
        score = get_scorer(utility)
        scorer = make_fairness_scorer(disparity)
        best = 1.0 if _is_ratio(disparity) else 0.0

        def measure(classifier):
            classifier = _Predictor.wrap(classifier, groups, random_state)
            fairness = scorer(classifier, X, y, sensitive_features=groups)
            # The scorer returns a ratio, or the negative of a difference.
            return best - fairness, score(classifier, X, y)

        measured = np.array([measure(classifier) for classifier in path])
        display = cls(
            measured[:, 0],
            measured[:, 1],
            points={name: measure(other) for name, other in others.items()},
            disparity_name=_readable_disparity(disparity),
            utility_name=_readable(utility),
            name=name,
        )
        return display.plot(ax=ax, **kwargs)

    @classmethod
    def _from_path(cls, estimator, others, name):
        """Return the display of what a search for the strength has measured."""
        if not hasattr(estimator, "path_") or others is not None:
            raise ValueError(
                "X, y and sensitive_features must be given, unless a fitted "
                "UnlearningClassifierCV is drawn alone; got X=None and "
                f"{type(estimator).__name__}, others={others!r}."
            )
        path = estimator.path_
        marked = {"original": np.flatnonzero(path["strength"] == 0)[:1]}
        marked["chosen"] = [estimator.best_index_]
        return cls(
            path["disparity"].to_numpy(),
            path["utility"].to_numpy(),
            points={
                name: tuple(path.iloc[row][["disparity", "utility"]])
                for name, rows in marked.items()
                for row in rows
            },
            disparity_name=_disparity_of_path(estimator),
            utility_name=_readable(estimator.utility),
            name=name,
            **{
                column: path[column].to_numpy()
                for column in ("disparity_se", "utility_se")
                if column in path
            },
        )

    @classmethod
    def from_values(
        cls,
        disparity,
        utility,
        *,
        points=None,
        disparity_name="disparity",
        utility_name="utility",
        name="corrected",
        disparity_se=None,
        utility_se=None,
        ax=None,
        **kwargs,
    ):
        """Draw a path that is known.

        Parameters
        ----------
        disparity : array-like of shape (n_classifiers,)
            Disparity along the path.
        utility : array-like of shape (n_classifiers,)
            Utility along the path.
        points : dict of str to tuple of float, default=None
            Disparity and utility of other classifiers, by name.
        disparity_name, utility_name : str, default="disparity", "utility"
            What they are.
        name : str, default="corrected"
            What the path is called in the legend.
        disparity_se, utility_se : array-like of shape (n_classifiers,), default=None
            Standard errors along the path.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        **kwargs : dict
            Passed to :meth:`matplotlib.axes.Axes.plot` for the path.

        Returns
        -------
        display : TradeoffDisplay
            Drawn.
        """
        display = cls(
            np.asarray(disparity, dtype=np.float64),
            np.asarray(utility, dtype=np.float64),
            points=points,
            disparity_name=disparity_name,
            utility_name=utility_name,
            name=name,
            disparity_se=_optional(disparity_se),
            utility_se=_optional(utility_se),
        )
        return display.plot(ax=ax, **kwargs)

    def plot(self, ax=None, **kwargs):
        """Draw.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        **kwargs : dict
            Passed to :meth:`matplotlib.axes.Axes.plot` for the path.

        Returns
        -------
        display : TradeoffDisplay
            Itself.
        """
        ax = new_axes(self, ax)
        style = line_style(kwargs, marker="o", markersize=4, label=self.name)
        style["label"] = legend_label(style["label"])
        (self.line_,) = ax.plot(self.disparity, self.utility, **style)
        warn_of_lost(ax, self.disparity, self.utility)
        self.errorbars_ = self._draw_errors(ax)
        markers = cycle(_MARKERS)
        self.points_ = {
            name: _draw_point(ax, point, next(markers), name)
            for name, point in (self.points or {}).items()
        }
        label_axis(ax.xaxis, self.disparity_name)
        label_axis(ax.yaxis, self.utility_name)
        self.legend_ = add_legend(ax)
        self.ax_, self.figure_ = ax, ax.figure
        return self

    def _draw_errors(self, ax):
        """Draw standard errors, if there are any, below the path."""
        if self.disparity_se is None and self.utility_se is None:
            return None
        return ax.errorbar(
            self.disparity,
            self.utility,
            xerr=self.disparity_se,
            yerr=self.utility_se,
            fmt="none",
            ecolor=self.line_.get_color(),
            elinewidth=0.8,
            alpha=0.5,
            zorder=self.line_.get_zorder() - 0.1,
        )


def _optional(values):
    return None if values is None else np.asarray(values, dtype=np.float64)


def _draw_point(ax, point, marker, name):
    """Return the marker of a classifier, which another display may have drawn."""
    label = legend_label(name)
    for line in ax.get_lines():
        same = line.get_label() == label and len(line.get_xdata()) == 1
        if same and np.array_equal(line.get_xydata()[0], point):
            return line
    return ax.plot(*point, marker, markersize=8, label=label)[0]


class _Predictor(BaseEstimator):
    """A classifier whose ``predict`` takes more than rows, with that filled in."""

    def __init__(self, estimator, options):
        self.estimator = estimator
        self.options = options

    @classmethod
    def wrap(cls, estimator, groups, random_state):
        """Return a classifier that predicts from rows alone."""
        offered = {"sensitive_features": groups, "random_state": random_state}
        taken = signature(estimator.predict).parameters
        options = {name: value for name, value in offered.items() if name in taken}
        return cls(estimator, options) if options else estimator

    def predict(self, X):
        return self.estimator.predict(X, **self.options)


def _group_names(sensitive_features, X):
    """Return the name of the group of each row."""
    groups = read_sensitive_features(sensitive_features, X, None, count_rows(X))
    return np.array(groups.names)[groups.codes]


def _is_ratio(metric):
    return _name(metric).endswith("_ratio")


def _name(metric):
    """Return the name of a metric, which may be a function or a scorer."""
    while isinstance(metric, partial):
        metric = metric.func
    if isinstance(metric, str):
        return metric
    # A scorer says by its representation what it was made from.
    made_of = re.match(r"make_\w*scorer\('?(\w+)", repr(metric))
    name = made_of[1] if made_of else type(metric).__name__
    return getattr(metric, "__name__", name)


def _readable(metric):
    return _name(metric).replace("_", " ")


def _readable_disparity(metric):
    """Return what is drawn of a disparity: of a ratio, what it lacks."""
    lacking = "1 \N{MINUS SIGN} " if _is_ratio(metric) else ""
    return f"{lacking}{_readable(metric)}"


def _disparity_of_path(estimator):
    """Return what the disparity of an UnlearningClassifierCV's path is."""
    if estimator.disparity != "auto":
        return _readable_disparity(estimator.disparity)
    metrics = [one.disparity for one in resolve_objectives(estimator.objective)]
    if estimator.min_ratio is not None:
        metrics = [metric.replace("_difference", "_ratio") for metric in metrics]
    names = dict.fromkeys(
        "largest gap" if metric is None else _readable_disparity(metric)
        for metric in metrics
    )
    return ", ".join(names) if len(names) == 1 else f"largest of {', '.join(names)}"
