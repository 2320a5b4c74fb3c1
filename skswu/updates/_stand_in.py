"""A linear model whose influences stand in for those of any classifier."""

import numpy as np
from scipy.sparse import issparse
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

# A leaf of fewer rows says more about them than about rows to come.
_MIN_ROWS_IN_LEAF = 10
# Keeps a model of hundreds of leaves a row from learning its rows by heart.
_LEAF_PENALTY = 0.01


class LeafIndices(TransformerMixin, BaseEstimator):
    """The leaf that each row falls into, tree by tree.

    Parameters
    ----------
    ensemble : classifier
        Fitted, with ``apply``.
    """

    def __init__(self, ensemble):
        self.ensemble = ensemble

    def fit(self, X, y=None):
        """Do nothing; the ensemble is fitted."""
        return self

    def transform(self, X):
        """Return the leaves, shape (n_samples, n_trees)."""
        boosted = isinstance(self.ensemble, GradientBoostingClassifier)
        # It hands named columns on to trees that were fitted without names.
        unnamed = np.asarray(X) if boosted and hasattr(X, "columns") else X
        leaves = self.ensemble.apply(unnamed)
        return np.reshape(leaves, (len(leaves), -1))

    def __sklearn_is_fitted__(self):
        return True


def make_stand_in(classifier, X):
    """Return an unfitted logistic regression in the classifier's place.

    For a tree ensemble with ``apply`` its inputs are the leaves, and otherwise X with
    numbers standardised, their gaps filled, and categories spread over columns.
    """
    if hasattr(classifier, "apply"):
        leaves = OneHotEncoder(
            handle_unknown="infrequent_if_exist", min_frequency=_MIN_ROWS_IN_LEAF
        )
        regression = LogisticRegression(C=_LEAF_PENALTY, max_iter=1000)
        return make_pipeline(LeafIndices(classifier), leaves, regression)
    return make_pipeline(_make_encoder(X), LogisticRegression(max_iter=1000))


def _make_encoder(X):
    numbers = make_pipeline(
        SimpleImputer(keep_empty_features=True),
        StandardScaler(with_mean=not issparse(X)),
    )
    if not hasattr(X, "dtypes"):
        return numbers
    is_number = make_column_selector(dtype_include=["number", "bool"])
    is_category = make_column_selector(dtype_exclude=["number", "bool"])
    categories = OneHotEncoder(handle_unknown="ignore")
    return make_column_transformer((numbers, is_number), (categories, is_category))
