"""What a correction did to the training samples, in a few numbers."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.utils import column_or_1d
from sklearn.utils.validation import check_is_fitted

from .._utils._array_api import as_numpy
from ..inputs import count_rows
from ..inputs._sensitive_features import read_sensitive_features
from ._training_problem import check_same_rows, n_rows_given, row_labels


@dataclass(frozen=True)
class WeightsSummary:
    r"""What a correction did to the training samples.

    :func:`weights_summary` makes it.

    Parameters
    ----------
    n_samples : int
        Number of training samples.
    effective_sample_size : float
        :math:`(\sum_i v_i)^2 / \sum_i v_i^2` of the new weights :math:`v_i = w_i (1 +
        \varepsilon_i)`: how many samples of equal weight estimate a mean as well.
    chi_squared : float
        :math:`\tfrac1n \sum_i \varepsilon_i^2`, the χ² divergence of the reweighted
        training set from the original one; ``n_samples / 2`` times it is what
        :class:`~skswu.weighting.SoftWeighting` minimises.
    n_removed : int
        Number of samples whose weight became 0.
    lowered : DataFrame of shape (n_lowered, n_columns)
        The samples whose weight was lowered most, the most first: ``"epsilon"``,
        ``"sample_weight"`` and, where known, ``"label"`` and ``"group"``.
    composition : DataFrame of shape (n_cells, 4) or None
        For each label and group, where known: the number of samples, their share of
        all, their share of ``lowered``, and the mean of their epsilon.

    See Also
    --------
    weights_summary : Summarises a fitted UnlearningClassifier.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skswu import UnlearningClassifier
    >>> from skswu.inspection import weights_summary
    >>> X = [[0.0], [1.0], [2.0], [3.0], [4.0], [5.0]]
    >>> y, group = [0, 0, 1, 0, 1, 1], ["a", "a", "a", "b", "b", "b"]
    >>> model = UnlearningClassifier(LogisticRegression().fit(X, y), weighting="hard")
    >>> weights_summary(model.unlearn(X, y, sensitive_features=group)).n_samples
    6
    """

    n_samples: int
    effective_sample_size: float
    chi_squared: float
    n_removed: int
    lowered: Any
    composition: Any = None

    def __str__(self):
        lines = [
            f"{self.n_samples} training samples, {self.n_removed} of them removed",
            f"effective sample size {self.effective_sample_size:.1f}, "
            f"chi-squared divergence {self.chi_squared:.3g}",
        ]
        if self.composition is not None:
            lines.append(f"shares of the {len(self.lowered)} lowered most:")
            lines.append(self.composition.to_string(float_format="{:.3f}".format))
        return "\n".join(lines)


def weights_summary(
    estimator, X=None, y=None, *, sensitive_features=None, fraction=0.05
):
    r"""Summarise what a correction did to the weights of the training samples.

    Parameters
    ----------
    estimator : UnlearningClassifier
        Fitted.
    X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features), \
            default=None
        The rows that it was given, to label the samples and to read the sensitive
        features that its constructor names.
    y : array-like of shape (n_samples,), default=None
        Their labels, to tell which weights were lowered.
    sensitive_features : array-like of shape (n_samples,) or (n_samples, n_sensitive), \
            or str, default=None
        Their groups, or the name of a column of X.
    fraction : float, default=0.05
        Largest share of the training samples to list as lowered most, in (0, 1].
        Samples whose weight was not lowered are not listed.

    Returns
    -------
    WeightsSummary
        The summary; ``print`` shows it.

    See Also
    --------
    influence_values : Why their weights were lowered.
    WeightsDisplay : The weights drawn by influence.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skswu import UnlearningClassifier
    >>> from skswu.datasets import load_adult
    >>> from skswu.inspection import weights_summary
    >>> data = load_adult(subset="train").frame.iloc[:2000]
    >>> X = data[["age", "education_num", "hours_per_week"]]
    >>> y = data["income"] == ">50K"
    >>> model = UnlearningClassifier(LogisticRegression(max_iter=1000).fit(X, y))
    >>> model.set_params(weighting__strength=0.5)
    UnlearningClassifier(...)
    >>> model = model.unlearn(X, y, sensitive_features=data["sex"])
    >>> summary = weights_summary(model, X, y, sensitive_features=data["sex"])
    >>> len(summary.lowered)
    100
    >>> summary.composition.columns.tolist()
    ['n_samples', 'share', 'share_lowered', 'mean_epsilon']
    """
    check_is_fitted(estimator, "epsilon_")
    if not 0 < fraction <= 1:
        raise ValueError(f"fraction must be in (0, 1]; got {fraction!r}.")
    table, cells = _table(estimator, X, y, sensitive_features)
    epsilon, weight = as_numpy(estimator.epsilon_), as_numpy(estimator.sample_weight_)
    order = np.argsort(epsilon, kind="stable")[: round(fraction * len(epsilon))]
    lowered = table.iloc[order[epsilon[order] < 0]]
    return WeightsSummary(
        n_samples=len(epsilon),
        effective_sample_size=_effective_sample_size(weight),
        chi_squared=float(np.mean(epsilon**2)),
        n_removed=int(np.count_nonzero(epsilon == -1.0)),
        lowered=lowered,
        composition=_composition(table, lowered, cells) if cells else None,
    )


def _effective_sample_size(weight):
    # Squares of the weights themselves may leave the range of floats.
    share = weight / np.abs(weight).max()
    return float(share.sum() ** 2 / (share**2).sum())


def _table(estimator, X, y, sensitive_features):
    """Return the training samples as a frame, and its columns that make up cells."""
    import pandas as pd

    columns = {
        "epsilon": as_numpy(estimator.epsilon_),
        "sample_weight": as_numpy(estimator.sample_weight_),
    }
    rows = index = as_numpy(estimator.train_indices_)
    if X is not None:
        check_same_rows(estimator, count_rows(X))
        index = row_labels(X, count_rows(X))[rows]
    cells = []
    if y is not None:
        y = column_or_1d(as_numpy(y))
        check_same_rows(estimator, len(y))
        columns["label"] = y[rows]
        cells.append("label")
    groups = _groups(estimator, X, sensitive_features)
    if groups is not None:
        columns["group"] = np.array(groups.names)[groups.codes[rows]]
        cells.append("group")
    return pd.DataFrame(columns, index=index), cells


def _groups(estimator, X, sensitive_features):
    """Return the groups of all rows that the estimator was given, or None."""
    if sensitive_features is None and X is None:
        return None
    return read_sensitive_features(
        sensitive_features,
        X,
        estimator.sensitive_features,
        n_rows_given(estimator),
        missing_groups=estimator.missing_groups,
    )


def _composition(table, lowered, cells):
    grouped = table.groupby(cells, sort=True)["epsilon"]
    composition = grouped.agg(n_samples="size").reset_index().set_index(cells)
    composition["share"] = composition["n_samples"] / len(table)
    listed = lowered.groupby(cells).size().reindex(composition.index, fill_value=0)
    composition["share_lowered"] = listed / max(len(lowered), 1)
    composition["mean_epsilon"] = grouped.mean()
    return composition
