"""Transformers before a classifier, applied to rows wherever these lie."""

from functools import singledispatch

from sklearn.base import BaseEstimator
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils import get_tags

from ..rows import BroughtRows
from ..rows._memory_maps import unread, warn_of_copy


@singledispatch
def transform_rows(X, transformers):
    """Return what fitted transformers make of X; a memory map is read by blocks.

    Parameters
    ----------
    X : {array-like, sparse matrix, DataFrame, BroughtRows}
        The rows.
    transformers : Pipeline
        Fitted, not empty.
    """
    X = unread(X)
    if isinstance(X, BroughtRows):
        return transform_rows(X, transformers)
    return transformers.transform(X)


@transform_rows.register(BroughtRows)
def _(X, transformers):
    looks_around = next(_not_by_row(transformers), None)
    if looks_around is None:
        return X.through(transformers.transform)
    name = type(looks_around).__name__
    transformed = transformers.transform(X.bring())
    warn_of_copy(f"A {name}, which may look at several rows at once,", transformed)
    return transformed


def _not_by_row(step):
    """Yield the transformers that are not known to transform each row by itself."""
    if not isinstance(step, BaseEstimator):  # "passthrough", "drop" and None
        return
    for inner in _parts_of(step):
        yield from _not_by_row(inner)
    is_known = type(step).__module__.startswith("sklearn.")
    by_row = is_known and not isinstance(step, FunctionTransformer)
    if not by_row or get_tags(step).non_deterministic:
        yield step


def _parts_of(step):
    """Return the transformers that a composite one is made of."""
    if isinstance(step, Pipeline):
        return [part for _, part in step.steps]
    if isinstance(step, ColumnTransformer):
        return [part for _, part, _ in step.transformers_]
    if isinstance(step, FeatureUnion):
        return [part for _, part in step.transformer_list]
    return []
