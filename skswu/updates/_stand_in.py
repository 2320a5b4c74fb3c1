"""A linear model whose influences stand in for those of any classifier."""

import narwhals.stable.v1 as nw
import numpy as np
from scipy.sparse import issparse
from sklearn import config_context
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import make_column_transformer
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

from ..inputs import sample_weight_options

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


def fit_stand_in(classifier, X, y, sample_weight):
    """Return a fitted logistic regression in the classifier's place.

    For a tree ensemble with ``apply`` its inputs are the leaves, and otherwise X with
    numbers standardised, their gaps filled, and categories spread over columns.

    Raises
    ------
    TypeError
        If X is nothing that this reads, as lists of texts.
    """
    # Of this package's making, it requests nothing by metadata routing.
    with config_context(enable_metadata_routing=False):
        try:
            model = _make_stand_in(classifier, X)
            options = sample_weight_options(model, sample_weight)
            return model.fit(X, y, **options)
        except (TypeError, ValueError) as error:
            raise TypeError(
                f"No linear model could be fitted to what {type(classifier).__name__} "
                f"is fitted to, so that its influences could stand in: {error} Pass "
                "one that reads these rows by Refit(influence_estimator=...)."
            ) from error


def _make_stand_in(classifier, X):
    if not hasattr(classifier, "apply"):
        return make_pipeline(_make_encoder(X), LogisticRegression(max_iter=1000))
    leaves = OneHotEncoder(
        handle_unknown="infrequent_if_exist", min_frequency=_MIN_ROWS_IN_LEAF
    )
    regression = LogisticRegression(C=_LEAF_PENALTY, max_iter=1000)
    return make_pipeline(LeafIndices(classifier), _plain(leaves), regression)


def _make_encoder(X):
    numbers = make_pipeline(
        SimpleImputer(keep_empty_features=True),
        StandardScaler(with_mean=not issparse(X)),
    )
    frame = nw.from_native(X, eager_only=True, pass_through=True)
    if not isinstance(frame, nw.DataFrame):
        return _plain(numbers)
    is_number = [_is_number(dtype) for dtype in frame.schema.dtypes()]
    categories = make_pipeline(
        FunctionTransformer(_as_texts), OneHotEncoder(handle_unknown="ignore")
    )
    by_kind = make_column_transformer(
        (numbers, np.flatnonzero(is_number)),
        (categories, np.flatnonzero(np.logical_not(is_number))),
    )
    return _plain(by_kind)


def _plain(transformer):
    """Have arrays come out, whatever ``transform_output`` is set to."""
    return transformer.set_output(transform="default")


def _is_number(dtype):
    return dtype.is_numeric() or dtype == nw.Boolean


def _as_texts(X):
    """Return values of any kind, also mixed or missing ones, as strings."""
    return np.frompyfunc(str, 1, 1)(np.asarray(X, dtype=object))
