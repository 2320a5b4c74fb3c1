"""Scorers for group fairness, with or without a bound and a utility."""

from __future__ import annotations

import inspect
from numbers import Real
from typing import ClassVar

import numpy as np
import sklearn
import sklearn.metrics
from sklearn.base import BaseEstimator
from sklearn.utils import check_consistent_length
from sklearn.utils.metadata_routing import UNUSED

from .._utils._compat import rows_of_curve_scorer, score_of_predicted_labels
from .._utils._warnings import warn
from ..inputs import read_control_features, read_sensitive_features
from ..inputs._labels import read_labels
from ._bounded_score import LOOSE_BOUND, bounded_score
from ._parity_metrics import (
    find_parity_metric,
    is_ratio,
    name_of_exported,
    parity_metric_names,
)
from ._utility import find_utility


class _FairnessScorer(BaseEstimator):
    """The scorer that `make_fairness_scorer` makes; see there."""

    __metadata_request__score: ClassVar = {"estimator": UNUSED}

    def __init__(
        self,
        metric,
        *,
        sensitive_features=None,
        control_features=None,
        missing_groups="error",
        utility=None,
        max_disparity=None,
        pos_label=None,
        method=None,
        agg=None,
        greater_is_better=None,
    ):
        self.metric = metric
        self.sensitive_features = sensitive_features
        self.control_features = control_features
        self.missing_groups = missing_groups
        self.utility = utility
        self.max_disparity = max_disparity
        self.pos_label = pos_label
        self.method = method
        self.agg = agg
        self.greater_is_better = greater_is_better

    def __call__(
        self,
        estimator,
        X,
        y,
        *,
        sensitive_features=None,
        control_features=None,
        sample_weight=None,
    ):
        """Score the predictions of `estimator`; the same as :meth:`score`."""
        return self.score(
            estimator,
            X,
            y,
            sensitive_features=sensitive_features,
            control_features=control_features,
            sample_weight=sample_weight,
        )

    def score(
        self,
        estimator,
        X,
        y,
        *,
        sensitive_features=None,
        control_features=None,
        sample_weight=None,
    ):
        """Score the predictions of `estimator`: greater is better.

        Parameters
        ----------
        estimator : classifier
            A fitted classifier.
        X : array-like, DataFrame or sparse matrix of shape (n_samples, n_columns)
            Rows to predict.
        y : array-like of shape (n_samples,)
            Their true labels.
        sensitive_features : array-like, optional
            One or several values per row; read from `X` if the scorer names columns.
        control_features : array-like, optional
            The same of strata, within which alone the groups are compared.
        sample_weight : array-like of shape (n_samples,), optional
            Weights of the rows, in the metric and in the utility.

        Returns
        -------
        score : float
        """
        weights = _weights(sample_weight)
        metric, y = self._find_metric(), read_labels(y, "y")
        groups = self._read_groups(sensitive_features, control_features, X, len(y))
        measured = metric.measure(estimator, X, y, self.pos_label)
        value = self._metric_value(metric, measured, groups, weights)
        if self.max_disparity is None:
            return metric.score(value)
        classes = getattr(estimator, "classes_", ())
        utility = find_utility(self.utility, classes, self.pos_label)
        return self._bounded(metric, value, utility(estimator, X, y, **weights))

    def _find_metric(self):
        return find_parity_metric(self.metric, self.greater_is_better, self.agg)

    def _bounded(self, metric, value, utility):
        """Return the utility, less what an excess over the bound costs."""
        excess = metric.disparity(value) - self.max_disparity
        return float(bounded_score(utility, excess))

    # What scikit-learn asks of the scorers that it evaluates at decision thresholds,
    # such as TunedThresholdClassifierCV: a function of labels, its sign and keywords.
    _sign = 1
    _response_method = "predict"

    @property
    def _kwargs(self):
        return {} if self.pos_label is None else {"pos_label": self.pos_label}

    def _score_func(
        self,
        y_true,
        y_pred,
        *,
        pos_label=None,
        sensitive_features=None,
        control_features=None,
        sample_weight=None,
    ):
        """Score predicted labels; the same as :meth:`score`."""
        weights, metric = _weights(sample_weight), self._find_metric()
        y, predictions = read_labels(y_true, "y"), np.asarray(y_pred)
        X = rows_of_curve_scorer()
        groups = self._read_groups(sensitive_features, control_features, X, len(y))
        classes = np.unique(y)
        measured = metric.of_labels(y, predictions, classes, pos_label)
        value = self._metric_value(metric, measured, groups, weights)
        if self.max_disparity is None:
            return metric.score(value)
        scorer = find_utility(self.utility, classes, pos_label)
        utility = score_of_predicted_labels(scorer, y, predictions, **weights)
        if utility is None:
            raise ValueError(
                f"utility={self.utility!r} has no value at a decision threshold, where "
                "labels are all that is known; use one of predicted labels."
            )
        return self._bounded(metric, value, utility)

    def _metric_value(self, metric, measured, groups, weights):
        """Return the metric, the one farthest from parity of the strata."""
        check_consistent_length(groups.codes, *weights.values())
        if self._warn_of_missing(groups, measured.rows):
            return np.nan
        weights = {
            name: np.asarray(weight)[measured.rows] for name, weight in weights.items()
        }
        groups = groups.take(measured.rows)
        if groups.strata is None:
            return self._value_among(metric, measured, groups, weights, slice(None))
        values = [
            self._value_among(metric, measured, groups, weights, some)
            for some in _rows_of_compared_strata(groups)
        ]
        worst = np.fmin if metric.greater_is_better else np.fmax
        return float(worst.reduce(values))

    def _value_among(self, metric, measured, groups, weights, rows):
        """Return the metric of some of the rows that are measured."""
        options = {"method": self.method, "agg": self.agg}
        given = {name: option for name, option in options.items() if option is not None}
        value = metric.function(
            measured.y_true[rows],
            measured.y_pred[rows],
            sensitive_features=groups.take(rows).by_row(),
            **{name: weight[rows] for name, weight in weights.items()},
            **given,
        )
        if np.isnan(value):
            warn(
                f"The score is NaN: {self.metric!r} is not defined on these rows, as a "
                "ratio of two rates of zero is not."
            )
        return float(value)

    def _warn_of_missing(self, groups, rows):
        """Return whether a group has no row to measure: it is not equal to others."""
        missing = np.setdiff1d(groups.codes, groups.codes[rows])
        if len(missing):
            names = [groups.names[code] for code in missing]
            warn(
                f"The score is NaN: {self.metric!r} looks at the rows with the label "
                f"{self.pos_label!r}, of which there are none in {names}."
            )
        return len(missing) > 0

    def _read_groups(self, sensitive_features, control_features, X, n_rows):
        # a small test fold may have nearly as many groups as rows
        groups = read_sensitive_features(
            sensitive_features,
            X,
            None if X is None else self.sensitive_features,
            n_rows,
            max_groups_per_row=0.9,
            missing_groups=self.missing_groups,
        )
        if groups is None and self.sensitive_features is not None:
            raise ValueError(
                f"The fairness scorer is to read {self.sensitive_features!r} from X, "
                "and was called with labels alone. Pass it sensitive_features, or call "
                "it with the estimator and X."
            )
        if groups is None:
            raise ValueError(
                "The fairness scorer got no sensitive_features. Name columns of X with "
                "make_fairness_scorer(..., sensitive_features=...), pass them to the "
                "call, or route them: with enable_metadata_routing=True, "
                'cross_validate(..., params={"sensitive_features": ...}).'
            )
        strata = read_control_features(
            control_features,
            X,
            None if X is None else self.control_features,
            n_rows,
            missing_groups=self.missing_groups,
        )
        return groups.within(strata)

    def _accept_sample_weight(self):
        # scikit-learn asks this of every scorer in a dict while routing is off
        return True

    def __repr__(self, N_CHAR_MAX=700):
        arguments = [
            f"{name}={getattr(self, name)!r}"
            for name, parameter in inspect.signature(type(self)).parameters.items()
            if name != "metric" and getattr(self, name) is not parameter.default
        ]
        return f"make_fairness_scorer({', '.join([repr(self.metric), *arguments])})"


def make_fairness_scorer(
    metric,
    *,
    sensitive_features=None,
    control_features=None,
    missing_groups="error",
    utility=None,
    max_disparity=None,
    pos_label=None,
    method=None,
    agg=None,
    greater_is_better=None,
):
    r"""Make a scikit-learn scorer from a parity metric of fairlearn.

    For a difference :math:`d \geq 0` the score is :math:`-d`; for a ratio
    :math:`r \leq 1` it is :math:`r`: greater is better, as everywhere in
    scikit-learn. With `utility` and `max_disparity` the score is

    the utility :math:`u` where the disparity :math:`\delta`, which is :math:`d` or
    :math:`1 - r`, is at most `max_disparity`, and otherwise

    .. math:: u - 1000 \, (1 + \delta - \text{max\_disparity}),

    less than every value within the bound, as long as utilities differ by less than
    1000. As searches average scores over test folds, a candidate counts as feasible
    only if it is within the bound on each fold, and the others are ordered by how many
    folds break the bound and by how much. A disparity that is estimated to be just at
    the bound breaks it on other rows every other time: leave some room.

    Parameters
    ----------
    metric : str or callable
        One of :func:`get_scorer_names`, a parity metric of fairlearn, or any callable
        `metric(y_true, y_pred, *, sensitive_features)` that gives a difference (0 is
        fair) or a ratio (1 is fair). It gets labels encoded as 0 and 1, and the groups
        by their names, crossed if there are several features.
    sensitive_features : str, int or list of these, optional
        Columns of `X`, by name or position, to read the sensitive features from. If
        None, the scorer takes them as an argument of the call and requests them by
        metadata routing. What a call passes has precedence.
    control_features : str, int or list of these, optional
        Columns of `X` to read control features from, as fairlearn's MetricFrame takes
        them: groups are compared within each of their strata, and the farthest from
        parity counts. If None, there are those of the call, if any; to route them, use
        `set_score_request(control_features=True)`. A stratum with rows of one group
        only is left out, which is told.
    missing_groups : {"error", "own"}, default="error"
        Whether rows whose group is missing are refused, or are a group of their own.
    utility : str or callable, optional
        A scikit-learn scorer, its name, or a callable `utility(estimator, X, y)`,
        greater is better. With sample weights it is called with `sample_weight`.
    max_disparity : float, optional
        Greatest disparity at which the score is the utility, at least 0. Goes with
        `utility`. Rounding errors below 1e-12 do not count.
    pos_label : label, optional
        The favourable label; all others count as one. By default the greater of two
        classes, as `True`, `1` or `"yes"`. Necessary with more classes, except for
        the accuracy and zero-one loss metrics, which then compare all of them. The
        error rate parity metrics always do; the loss parity metrics compare the rows
        that hold the label, by default all rows.
    method : {"between_groups", "to_overall"}, optional
        Whether groups are compared with each other or with all rows; fairlearn's
        default is between groups. Not for `"calibration_in_the_large_difference"`,
        which is of each group by itself.
    agg : {"worst_case", "mean"}, optional
        How the equalized odds metrics join true and false positive rates;
        fairlearn's default is the worst case.
    greater_is_better : bool, optional
        Whether a greater value of a callable `metric` is fairer. By default told by
        its name, which ends in `_difference` or `_ratio`.

    Returns
    -------
    scorer : callable
        Called as `scorer(estimator, X, y, *, sensitive_features=None,
        control_features=None, sample_weight=None)`. It can be cloned and pickled, and
        has `set_score_request` for metadata routing.

    Raises
    ------
    ValueError
        For an unknown metric or utility, a bound without a utility or the reverse,
        and options that the metric does not take. The scorer raises it for missing,
        single-valued or ungrouped sensitive features and for an undefined positive
        label.

    See Also
    --------
    get_scorer : A ready-made scorer by name.

    Notes
    -----
    The loss parity and calibration metrics compare what `predict_proba` gives, all
    others compare predicted labels; a small test fold makes them, and above all their
    extremes over many groups, noisy. The numbers are fairlearn's own, in its edge cases
    too: a group without positive rows has a true positive rate of 0, and the ratio of
    two zero rates is NaN, which a search ranks last.

    References
    ----------
    S. Bird et al., "Fairlearn: A toolkit for assessing and improving fairness in AI",
    Microsoft technical report MSR-TR-2020-32, 2020.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklearn.dummy import DummyClassifier
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skswu.metrics import make_fairness_scorer
    >>> X = pd.DataFrame({"skill": [1, 2, 3, 4] * 2, "group": [0] * 4 + [1] * 4})
    >>> y = ["no", "no", "yes", "yes", "no", "yes", "yes", "yes"]
    >>> model = LogisticRegression(C=10).fit(X, y)
    >>> model.predict(X).tolist()
    ['no', 'no', 'yes', 'yes', 'no', 'yes', 'yes', 'yes']
    >>> scorer = make_fairness_scorer(
    ...     "demographic_parity_difference", sensitive_features="group"
    ... )
    >>> scorer(model, X, y)
    -0.25

    As one number for `refit`, with accuracy as the utility:

    >>> scorer = make_fairness_scorer(
    ...     "demographic_parity_difference",
    ...     sensitive_features="group",
    ...     utility="accuracy",
    ...     max_disparity=0.2,
    ... )
    >>> round(scorer(model, X, y), 2)
    -1049.0
    >>> scorer(DummyClassifier().fit(X, y), X, y)
    0.625
    """
    _check_bound(metric, utility, max_disparity)
    _check_option("method", method, ("between_groups", "to_overall"))
    _check_option("agg", agg, ("worst_case", "mean"))
    _check_option("missing_groups", missing_groups, ("error", "own"))
    metric = name_of_exported(metric)
    find_parity_metric(metric, greater_is_better, agg, method)
    scorer = _FairnessScorer(
        metric,
        sensitive_features=sensitive_features,
        control_features=control_features,
        missing_groups=missing_groups,
        utility=utility,
        max_disparity=max_disparity,
        pos_label=pos_label,
        method=method,
        agg=agg,
        greater_is_better=greater_is_better,
    )
    with sklearn.config_context(enable_metadata_routing=True):
        return scorer.set_score_request(sensitive_features=sensitive_features is None)


def get_scorer_names():
    """Names of the ready-made fairness scorers.

    Returns
    -------
    names : list of str
        Every difference and ratio between groups that fairlearn exports, and those of
        the objectives that fairlearn has not or under another name, sorted.

    Examples
    --------
    >>> from skswu.metrics import get_scorer_names
    >>> "equalized_odds_difference" in get_scorer_names()
    True
    """
    return parity_metric_names()


def get_scorer(name, *, sensitive_features=None, control_features=None):
    """Get a ready-made fairness scorer by name.

    Parameters
    ----------
    name : str
        One of :func:`get_scorer_names`.
    sensitive_features, control_features : str, int or list of these, optional
        Columns of `X` to read; see :func:`make_fairness_scorer`.

    Returns
    -------
    scorer : callable
        Greater is better: the negative of a difference, or a ratio.

    Raises
    ------
    ValueError
        If there is no such scorer.

    Examples
    --------
    >>> from skswu.metrics import get_scorer
    >>> get_scorer("demographic_parity_ratio", sensitive_features="sex")
    make_fairness_scorer('demographic_parity_ratio', sensitive_features='sex')
    """
    return make_fairness_scorer(
        name, sensitive_features=sensitive_features, control_features=control_features
    )


def _rows_of_compared_strata(groups):
    """Return the positions of the rows of each stratum that has several groups."""
    found, left_out = [], []
    for code in np.unique(groups.strata.codes):
        rows = np.flatnonzero(groups.strata.codes == code)
        if len(np.unique(groups.codes[rows])) > 1:
            found.append(rows)
        else:
            left_out.append(groups.strata.names[code])
    if not found:
        raise ValueError(
            "The control_features leave no stratum with rows of two groups to compare; "
            f"the strata are {left_out}."
        )
    if left_out:
        warn(
            "Left out of the score, having rows of one group only: the strata "
            f"{left_out} of the control features."
        )
    return found


def _weights(sample_weight):
    return {} if sample_weight is None else {"sample_weight": sample_weight}


def _check_bound(metric, utility, max_disparity):
    if (utility is None) != (max_disparity is None):
        raise ValueError(
            "utility and max_disparity must be given together or not at all; got "
            f"utility={utility!r}, max_disparity={max_disparity!r}."
        )
    if max_disparity is None:
        return
    is_number = isinstance(max_disparity, Real) and not isinstance(max_disparity, bool)
    if not is_number or not 0 <= max_disparity < np.inf:
        raise ValueError(
            f"max_disparity must be a number of at least 0; got {max_disparity!r}."
        )
    if max_disparity >= LOOSE_BOUND and is_ratio(metric):
        warn(
            f"max_disparity={max_disparity} bounds 1 less the ratio, and so allows a "
            f"ratio of {max(1 - max_disparity, 0):.3g}; for one of at least 0.8 it is "
            "0.2."
        )
    if not callable(utility) and not isinstance(utility, str):
        raise ValueError(
            "utility must be a scikit-learn scorer, its name or a callable "
            f"utility(estimator, X, y); got {utility!r}."
        )
    try:
        sklearn.metrics.get_scorer(utility)
    except ValueError:
        raise ValueError(
            f"utility={utility!r} is not the name of a scikit-learn scorer; see "
            "sklearn.metrics.get_scorer_names()."
        ) from None


def _check_option(name, value, allowed):
    if value is not None and value not in allowed:
        raise ValueError(
            f"{name} must be one of {', '.join(map(repr, allowed))}; got {value!r}."
        )
