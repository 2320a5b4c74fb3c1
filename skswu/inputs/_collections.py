"""Data of a call that are dask collections, read where they lie."""

from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
from sklearn.utils.validation import check_consistent_length

from .._utils._compat import check_sample_weight
from ..rows._dask import hold_partitions
from ._columns import columns_of_X
from ._data_reader import DataReader, check_alone, check_no_strata
from ._kinds import Kinds, note_kinds, tally_rows
from ._labels import label_positions
from ._sensitive_features import (
    columns_of,
    read_control_features,
    read_sensitive_features,
)

# What divides the rows, and how it is read of their kinds.
_GROUPINGS = {
    "sensitive_features": read_sensitive_features,
    "control_features": read_control_features,
}


def is_collection(X):
    """Say whether X is a dask array or dataframe; dask is not imported."""
    return hasattr(type(X), "__dask_graph__")


@dataclass(frozen=True)
class CollectionReader(DataReader):
    """Check and read what a call passes as dask collections, cut alike.

    Attributes are those of :class:`DataReader`.
    """

    def read_both(
        self,
        X,
        y,
        *,
        sensitive_features=None,
        control_features=None,
        sample_weight=None,
        X_val=None,
        y_val=None,
        sensitive_features_val=None,
        sample_weight_val=None,
        control_features_val=None,
    ):
        """Return the CollectionData of the training and of the evaluation rows."""
        given = X, y, sensitive_features, control_features, sample_weight
        if X_val is None:
            check_alone(
                y_val=y_val,
                sensitive_features_val=sensitive_features_val,
                sample_weight_val=sample_weight_val,
                control_features_val=control_features_val,
            )
            return self._read(*given), None
        if y_val is None:
            raise ValueError("y_val must be given with X_val; got None.")
        if not is_collection(X_val):
            raise TypeError(
                "X is a dask collection, and so X_val has to be one; got a "
                f"{type(X_val).__name__}. dask.array.from_array makes it one."
            )
        training = replace(self, needed_by=None)._read(*given)
        given = sensitive_features_val, control_features_val, sample_weight_val
        return training, self._read(X_val, y_val, *given, ending="_val")

    def _read(self, X, y, groups, control, weight, ending=""):
        if hasattr(X, "chunks") and X.ndim != 2:
            raise ValueError(f"X{ending} must have two dimensions; got {X.ndim}.")
        if not (hasattr(X, "chunks") or hasattr(X, "columns")):
            raise TypeError(
                f"X{ending} has to be a dask array or a dask dataframe; got a "
                f"{type(X).__name__}."
            )
        groups = self._given_or_columns(groups, X, self.column, "sensitive_features")
        name = "control_features"
        control = self._given_or_columns(control, X, self.control_column, name)
        name = f"sensitive_features{ending}"
        if groups is None and self.needed_by is not None:
            raise ValueError(
                f"{self.needed_by} needs {name}: pass them to the call, or name a "
                "column of X by the constructor's sensitive_features."
            )
        if groups is None:
            check_no_strata(control, ending)
        given = {
            f"y{ending}": y,
            name: groups,
            f"control_features{ending}": control,
            f"sample_weight{ending}": weight,
        }
        given = {key: _cut_like(X, v, key) for key, v in given.items()}
        return CollectionData(
            X, *given.values(), ending=ending, missing_groups=self.missing_groups
        )

    def _given_or_columns(self, given, X, column, name):
        """Return what a call passed, or else the columns that are named."""
        if given is not None or column is None:
            return given
        return _columns(X, column, name)


@dataclass(frozen=True)
class CollectionData:
    """Dask collections as a call gave them.

    Attributes
    ----------
    X : dask array or dask dataframe of shape (n_samples, n_features)
        The features.
    y, groups, control, weight : list of Delayed or None
        Labels, sensitive features, control features and sample weights, by partitions.
    ending : {"", "_val"}, default=""
        Of what messages call them.
    missing_groups : {"error", "own"}, default="error"
        Whether missing values among the groups are refused, or are a group.
    wrapped : WrappedClassifier or None, default=None
        Whose transformers the rows go through.
    found : dict
        What reading found: the ``kinds`` of rows, and the ``sizes`` of partitions.
    """

    X: Any
    y: list
    groups: list | None = None
    control: list | None = None
    weight: list | None = None
    ending: str = ""
    missing_groups: str = "error"
    wrapped: Any = None
    found: dict = field(default_factory=dict)

    @property
    def n_rows(self):
        """Number of rows, once they were read."""
        return int(self.found["kinds"].n.sum())

    def group_sizes(self):
        """Return the number of rows of each group; empty where none are known."""
        kinds = self.found["kinds"]
        if kinds.groups is None:
            return {}
        return _sizes(kinds.groups, kinds.n)

    def stratum_sizes(self):
        """Return the number of rows of each stratum; empty where there are none."""
        kinds = self.found["kinds"]
        if kinds.groups is None or kinds.groups.strata is None:
            return {}
        return _sizes(kinds.groups.strata, kinds.n)

    def seen_by(self, wrapped):
        """Return the rows as a WrappedClassifier's bare one sees them."""
        return self if self.wrapped is not None else replace(self, wrapped=wrapped)

    def hold(self, wrapped, checked, intercept, classes):
        """Have the rows held or read in turn, and return them with their kinds.

        Parameters
        ----------
        wrapped : WrappedClassifier
            Whose transformers the rows go through.
        checked : callable
            Returns features as an array or CSR matrix.
        intercept : bool
            Whether a column of ones stands behind the features.
        classes : ndarray of shape (n_classes,)
            The labels.

        Returns
        -------
        rows : RowBlocks
            That know their ``code``, ``kind`` and, with weights, ``count``.
        kinds : Kinds
            The kinds.
        """
        from dask import delayed

        wrapped = self.seen_by(wrapped).wrapped
        read = delayed(read_partition, name="skswu-read-partition", pure=False)
        parts = partitions_of(self.X)
        nothing = [None] * len(parts)
        beside = [self.y]
        beside += [one or nothing for one in (self.groups, self.control, self.weight)]
        steps = delayed((wrapped, checked), name="skswu-transformers", pure=False)
        rows = hold_partitions(
            [
                read(*one, steps, self.ending, dask_key_name=_key("skswu-rows", k))
                for k, one in enumerate(zip(parts, *beside, strict=True))
            ],
            intercept,
        )
        if not rows.n_rows:
            raise ValueError(f"X{self.ending} has no rows.")
        self.found["sizes"] = rows.sizes
        kinds = self.found["kinds"] = self._kinds(rows, classes)
        return rows, kinds

    def _kinds(self, rows, classes):
        columns, positions = ["label"], {}
        for name, given in zip(_GROUPINGS, (self.groups, self.control), strict=True):
            found = [] if given is None else _noted_columns(rows, name)
            positions[name] = slice(len(columns), len(columns) + len(found))
            columns += found
        tally = tally_rows(rows, tuple(columns))
        kinds = list(tally)
        codes = label_positions(_array(kinds, 0), classes, f"y{self.ending}")
        groups = None
        if self.groups is not None:
            groups, strata = (
                self._read_groups(name, read, positions[name], tally, rows.n_rows)
                for name, read in _GROUPINGS.items()
            )
            groups = groups.within(strata)
        note_kinds(rows, tuple(columns), kinds, codes)
        n, weight, squares, least, most = np.array(list(tally.values())).T
        return Kinds(
            codes,
            groups,
            n,
            weight,
            squares,
            is_weighted=self.weight is not None,
            weigh_alike=least.min() == most.max(),
        )

    def _read_groups(self, name, read, positions, tally, n_rows):
        """Return the Groups of kinds, by their values at some positions."""
        name = f"{name}{self.ending}"
        kinds = [kind[positions] for kind in tally]
        if not kinds[0]:
            return None
        pairs = zip(kinds, tally.values(), strict=True)
        missing = sum(n for kind, (n, *_) in pairs if None in kind)
        if missing and self.missing_groups == "error":
            raise ValueError(
                f"{name} has {missing:.0f} missing values; drop these rows, give "
                "them a value of their own, or pass missing_groups='own'."
            )
        table = np.empty((len(kinds), len(kinds[0])), dtype=object)
        for row, kind in zip(table, kinds, strict=True):
            row[:] = kind
        return read(
            table,
            None,
            None,
            len(kinds),
            name,
            missing_groups=self.missing_groups,
            n_counted=n_rows,
        )

    def positions(self, epsilon):
        """Return the positions of the rows, as a dask array like the weights."""
        import dask.array as da

        return da.arange(epsilon.shape[0], chunks=epsilon.chunks)

    def reweighted(self, epsilon):
        """Return the sample weights under a change of them, as a dask array."""
        import dask.array as da
        from dask import delayed

        if self.weight is None:
            return 1.0 + epsilon
        as_array = delayed(_weights, name="skswu-sample-weight", pure=False)
        pieces = [
            da.from_delayed(as_array(one), (size,), np.float64)
            for one, size in zip(self.weight, self.found["sizes"], strict=True)
            if size
        ]
        return (1.0 + epsilon) * da.concatenate(pieces)


def read_partition(X, y, groups, control, weight, steps, ending):
    """Return the features of a partition and what is known of its rows.

    Parameters
    ----------
    X, y, groups, control, weight : data
        Of the partition; the last three may be None.
    steps : tuple of (WrappedClassifier, callable)
        What the features go through.
    ending : str
        Of what messages call them.
    """
    wrapped, checked = steps
    noted = {"label": _one_column(y, f"y{ending}")}
    check_consistent_length(X, y, groups, control, weight)
    if not X.shape[0]:
        return None, {}
    for name, given in zip(_GROUPINGS, (groups, control), strict=True):
        columns = () if given is None else columns_of(given, f"{name}{ending}")
        noted |= {f"{name} {k}": _values(one) for k, one in enumerate(columns)}
    if weight is not None:
        weight = check_sample_weight(
            _weights(weight), X, dtype=np.float64, ensure_non_negative=True
        )
        noted.update(weight=weight.copy(), count=weight)
    return checked(_plain(wrapped.transform(X))), noted


def _plain(X):
    return X.tocsr() if hasattr(X, "tocsr") and not hasattr(X, "format") else X


def _weights(values):
    return np.asarray(values, dtype=np.float64).ravel()


def _values(column):
    column = column.to_numpy() if hasattr(column, "to_numpy") else np.asarray(column)
    return column if column.dtype.kind in "biuf" else column.astype(object)


def _one_column(values, name):
    values = np.asarray(values)
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim != 1:
        raise ValueError(f"{name} must have one column; got shape {values.shape}.")
    return values if values.dtype.kind in "biuf" else values.astype(object)


def _array(kinds, position):
    return np.array([kind[position] for kind in kinds])


def _noted_columns(rows, grouping):
    names, k = [], 0
    while f"{grouping} {k}" in rows:
        names.append(f"{grouping} {k}")
        k += 1
    return names


def _sizes(groups, n):
    """Return how many rows each of the Groups of kinds has."""
    sizes = np.bincount(groups.codes, n, len(groups.names)).astype(int).tolist()
    return dict(zip(map(str, groups.names), sizes, strict=True))


def _key(name, position):
    from uuid import uuid4

    return f"{name}-{uuid4().hex[:8]}-{position}"


def partitions_of(collection):
    """Return the partitions of a dask collection as a list of Delayed."""
    if hasattr(collection, "chunks"):
        if collection.ndim == 2 and collection.numblocks[1] > 1:
            collection = collection.rechunk({1: -1})
        return collection.to_delayed().ravel().tolist()
    return list(collection.to_delayed())


def _cut_like(X, values, name):
    """Return the partitions of what belongs to the rows of X, cut like it."""
    if values is None:
        return None
    chunks = X.chunks[0] if hasattr(X, "chunks") else (np.nan,) * X.npartitions
    known = not np.isnan(chunks).any()
    if not is_collection(values):
        if not known:
            raise TypeError(
                f"The chunks of X have unknown sizes, and {name} has to be a dask "
                f"collection with the same partitions; got a {type(values).__name__}. "
                "X.compute_chunk_sizes() makes them known."
            )
        import dask.array as da

        values = np.asarray(values)
        _check_as_long(values, chunks, name)
        values = da.from_array(values, chunks=(chunks, -1)[: values.ndim])
    elif known and hasattr(values, "chunks") and not np.isnan(values.chunks[0]).any():
        _check_as_long(values, chunks, name)
        values = values.rechunk({0: chunks})
    parts = partitions_of(values)
    if len(parts) != len(chunks):
        raise ValueError(
            f"{name} has {len(parts)} partitions and X has {len(chunks)}; they have to "
            "be cut alike. Repartition them, or make the sizes of chunks known by "
            "compute_chunk_sizes()."
        )
    return parts


def _check_as_long(values, chunks, name):
    n, n_rows = len(values), sum(chunks)
    if n != n_rows:
        raise ValueError(f"{name} must have a row for each of X; got {n} and {n_rows}.")


def _columns(X, column, name):
    """Return columns of a dask collection, by names or positions."""
    columns_of_X(_like_in_memory(X), column, name)
    if hasattr(X, "chunks"):
        return X[:, column]
    columns = [column] if isinstance(column, (str, int)) else list(column)
    return X[[one if isinstance(one, str) else X.columns[one] for one in columns]]


def _like_in_memory(X):
    """Return a table with the columns of a collection that takes no memory."""
    if not hasattr(X, "chunks"):
        import pandas as pd

        return pd.DataFrame(columns=X.columns)
    n_rows = 0 if np.isnan(X.shape[0]) else X.shape[0]
    return np.broadcast_to(np.nan, (n_rows, X.shape[1]))


def lazily(function, X, shape, dtype):
    """Return a function of the rows of a dask collection as a dask array.

    Parameters
    ----------
    function : callable
        Of a partition; returns an array with as many rows.
    X : dask array or dask dataframe
        The rows.
    shape : tuple of int
        Of what it returns for a row.
    dtype : dtype
        Of what it returns.

    Returns
    -------
    dask array of shape (n_samples, ...)
        Nothing is computed.
    """
    import dask.array as da
    from dask import delayed

    call = delayed(
        partial(_as, function, shape, dtype), name="skswu-predict", pure=False
    )
    sizes = X.chunks[0] if hasattr(X, "chunks") else (np.nan,) * X.npartitions
    return da.concatenate(
        [
            da.from_delayed(call(part), (size, *shape), dtype)
            for part, size in zip(partitions_of(X), sizes, strict=True)
        ],
        allow_unknown_chunksizes=True,
    )


def accuracy(predict, X, y, sample_weight=None):
    """Return the share of rows whose label is predicted, partition by partition.

    Parameters
    ----------
    predict : callable
        Of the features of a partition.
    X : dask array or dask dataframe
        The features.
    y, sample_weight : collection, array-like or None
        Labels and weights, cut like X.
    """
    from dask import compute, delayed

    count = delayed(partial(_hits, predict), name="skswu-score", pure=False)
    parts = partitions_of(X)
    labels = _cut_like(X, y, "y")
    weights = _cut_like(X, sample_weight, "sample_weight") or [None] * len(parts)
    given = zip(parts, labels, weights, strict=True)
    hits, total = np.sum(compute(*(count(*one) for one in given)), axis=0)
    return float(hits / total)


def _hits(predict, X, y, weight):
    """Return the weight of the rows that are predicted, and of all of them."""
    y, X = _one_column(y, "y"), _plain(X)
    check_consistent_length(X, y, weight)
    if not X.shape[0]:
        return 0.0, 0.0
    weight = np.ones(len(y)) if weight is None else _weights(weight)
    return float(weight[np.asarray(predict(X)) == y].sum()), float(weight.sum())


def _as(function, shape, dtype, X):
    if not X.shape[0]:
        return np.empty((0, *shape), dtype)
    return np.asarray(function(_plain(X))).astype(dtype, copy=False)


def in_memory_state(state):
    """Return the state of an object with its dask collections as arrays.

    Parameters
    ----------
    state : dict
        Attributes by name.

    Raises
    ------
    RuntimeError
        If a collection cannot be computed, as its cluster is gone.
    """
    return {name: _computed(name, value) for name, value in state.items()}


def _computed(name, value):
    if not is_collection(value):
        return value
    try:
        return value.compute()
    except Exception as error:
        raise RuntimeError(
            f"{name} is a dask collection, which is saved as an array, and it could "
            "not be computed: save the estimator while the cluster lives, or delete "
            "the attribute."
        ) from error
