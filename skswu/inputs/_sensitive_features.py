"""Sensitive features of any form, read into group codes.

Everything that groups rows goes through :func:`read_sensitive_features`, so a pandas
categorical, a polars frame and a list of strings mean the same thing everywhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from numbers import Integral

import narwhals.stable.v1 as nw
import numpy as np
from scipy import sparse

_MAX_LISTED = 10
_CHUNK_ROWS = 1 << 16


@dataclass(frozen=True, eq=False)
class Groups:
    """Group membership of every row.

    Parameters
    ----------
    codes : ndarray of shape (n_rows,), dtype int8, int16 or int32
        Position of each row's group in `names`.
    names : list of str
        Names of the groups, sorted by value. A name may have no row, after
        :meth:`take` or :meth:`aligned_to`.
    strata : Groups or None, default=None
        Strata of the rows, within which alone the groups are compared.
    """

    codes: np.ndarray
    names: list[str]
    strata: Groups | None = None

    def __len__(self) -> int:
        return len(self.codes)

    def take(self, indices) -> Groups:
        """Groups of the rows at `indices` (positions or a mask), names unchanged."""
        strata = None if self.strata is None else self.strata.take(indices)
        return Groups(self.codes[indices], self.names, strata)

    def within(self, strata) -> Groups:
        """Return the same groups, to be compared within strata.

        Parameters
        ----------
        strata : Groups or None
            Strata of the same rows, see :func:`read_control_features`; None has the
            groups compared among all rows.
        """
        return replace(self, strata=strata)

    def counts(self) -> np.ndarray:
        """Rows of each group, shape (n_groups,)."""
        return np.bincount(self.codes, minlength=len(self.names))

    def aligned_to(self, other: Groups) -> Groups:
        """Recode these rows, and their strata, with the names of `other`.

        Raises
        ------
        ValueError
            If a group or stratum here has no namesake in `other`.
        """
        aligned = self._renamed(other, "sensitive features", "groups")
        if self.strata is None or other.strata is None:
            return aligned.within(self.strata)
        strata = self.strata._renamed(other.strata, "control features", "strata")
        return aligned.within(strata)

    def _renamed(self, other, features, kind) -> Groups:
        position = {name: code for code, name in enumerate(other.names)}
        unknown = [name for name in self.names if name not in position]
        if unknown:
            raise ValueError(
                f"the {features} hold {kind} {_listed(unknown)} that are not among "
                f"the known {kind} {_listed(other.names)}."
            )
        new_codes = [position[name] for name in self.names]
        return _recoded(self.codes, new_codes, other.names)


def read_sensitive_features(
    sensitive_features,
    X,
    column,
    n_rows,
    name="sensitive_features",
    *,
    max_groups_per_row=0.5,
) -> Groups | None:
    """Read the sensitive features of a call, or else of the columns of `X`.

    Parameters
    ----------
    sensitive_features : array-like of shape (n_rows,) or (n_rows, n_features), or None
        What the call passed: list, array, Series or DataFrame of numbers, strings,
        booleans or categories. Several columns are crossed.
    X : array-like, DataFrame or sparse matrix of shape (n_rows, n_columns)
        Read only if `sensitive_features` is None.
    column : str, int, sequence of them, or None
        Name or position of the columns of `X` to read.
    n_rows : int
        Expected number of rows.
    name : str, default="sensitive_features"
        What messages call the parameter.
    max_groups_per_row : float, default=0.5
        More than two groups are refused as "not a grouping" if there are more of them
        than this share of the rows.

    Returns
    -------
    groups : Groups or None
        None if both `sensitive_features` and `column` are None.

    Raises
    ------
    ValueError
        For missing values, a wrong shape or length, an unknown column, fewer than two
        groups, or features that do not group the rows.
    """
    groups, name = _read(sensitive_features, X, column, n_rows, name)
    if groups is not None:
        _check_several(groups, name)
        _check_grouping(groups, name, max_groups_per_row)
    return groups


def read_control_features(
    control_features, X, column, n_rows, name="control_features"
) -> Groups | None:
    """Read the control features of a call, or else of the columns of `X`.

    They make the strata that :meth:`Groups.within` takes.

    Parameters
    ----------
    control_features : array-like of shape (n_rows,) or (n_rows, n_features), or None
        What the call passed, as :func:`read_sensitive_features` takes it.
    X : array-like, DataFrame or sparse matrix of shape (n_rows, n_columns)
        Read only if `control_features` is None.
    column : str, int, sequence of them, or None
        Name or position of the columns of `X` to read.
    n_rows : int
        Expected number of rows.
    name : str, default="control_features"
        What messages call the parameter.

    Returns
    -------
    strata : Groups or None
        None if both `control_features` and `column` are None.

    Raises
    ------
    ValueError
        For missing values, a wrong shape or length, an unknown column, or features
        that do not group the rows.
    """
    strata, name = _read(control_features, X, column, n_rows, name)
    if strata is not None:
        _check_grouping(strata, name, max_groups_per_row=0.5)
    return strata


def _read(features, X, column, n_rows, name) -> tuple[Groups | None, str]:
    """The groups of features, or of columns of `X`, and what messages call them."""
    if features is not None:
        columns = columns_of(features, name)
    elif column is not None:
        columns = columns_of_X(X, column, name)
        name = f"{name}={column!r}"
    else:
        return None, name
    return _cross([_encode(values, n_rows, name) for values in columns]), name


def columns_of(values, name) -> list:
    """The columns of an array-like, Series or DataFrame."""
    native = _from_native(values)
    if isinstance(native, nw.Series):
        return [native]
    if isinstance(native, nw.DataFrame):
        return [native[name] for name in native.columns]
    # a list with None or nan must not become an array of strings
    as_object = isinstance(values, (list, tuple))
    array = np.asarray(values, dtype=object if as_object else None)
    if array.ndim not in (1, 2) or 0 in array.shape[1:]:
        raise ValueError(
            f"{name} must be array-like with one value per row or a table with one row "
            f"per sample; got {type(values).__name__} of shape {array.shape}."
        )
    return list(array.reshape(len(array), -1).T)


def _from_native(values):
    return nw.from_native(values, eager_only=True, allow_series=True, pass_through=True)


def columns_of_X(X, column, name) -> list:
    """The columns of `X` of these names or positions."""
    single = isinstance(column, (str, Integral))
    if not single and (not isinstance(column, Sequence) or len(column) == 0):
        raise ValueError(
            f"{name} must name a column of X, give its position, or be a non-empty "
            f"list of these; got {column!r}."
        )
    frame = _from_native(X)
    if not isinstance(frame, nw.DataFrame):
        frame = X if sparse.issparse(X) else np.asarray(X)
    return [_column_of_X(frame, c, name) for c in ([column] if single else column)]


def _column_of_X(X, column, name):
    names = X.columns if isinstance(X, nw.DataFrame) else None
    if isinstance(column, str):
        _check_column_name(column, names, name)
    elif isinstance(column, Integral) and not isinstance(column, bool):
        _check_column_position(column, X.shape, name)
        column = column if names is None else names[column]
    else:
        raise ValueError(
            f"{name} must hold column names (str) or positions (int); got {column!r}."
        )
    if names is not None:
        return X.get_column(column)
    if sparse.issparse(X):
        by_column = X if X.format in ("csr", "csc") else X.tocsr()
        return by_column[:, [column]].toarray().ravel()
    return X[:, column]


def _check_column_name(column, names, name):
    if names is None:
        raise ValueError(
            f"{name}={column!r} names a column, but X has no column names; pass X as "
            "a DataFrame or, without column names, give the position of the column."
        )
    if column not in names:
        raise ValueError(
            f"{name}={column!r} is not a column of X, which has {_listed(names)}."
        )


def _check_column_position(position, shape, name):
    n_columns = shape[1] if len(shape) == 2 else 0
    if not -n_columns <= position < n_columns:
        raise ValueError(
            f"{name}={position!r} is not a column position of X, which has shape "
            f"{tuple(shape)}."
        )


def _encode(values, n_rows, name) -> Groups:
    """Groups of one column, names sorted by value."""
    if len(values) != n_rows:
        raise ValueError(f"{name} has {len(values)} rows, but {n_rows} are expected.")
    try:
        codes, uniques = _factorize(values)
    except TypeError as error:
        raise ValueError(
            f"{name} must hold one number, string or boolean per row and feature; "
            f"got values that cannot be compared ({error})."
        ) from None
    _check_not_missing(codes, name)
    names = [_group_name(value) for value in uniques]
    # a dict, because distinct values may share a name, as 1 and "1" do
    sorted_names = list(dict.fromkeys(names[i] for i in _value_order(uniques)))
    position = {name: code for code, name in enumerate(sorted_names)}
    return _recoded(codes, [position[name] for name in names], sorted_names)


def _factorize(values) -> tuple[np.ndarray, list]:
    """Codes in order of appearance, -1 where missing, and the values they stand for.

    In chunks, because a string held by Arrow or numpy becomes an object on the way.
    """
    # pandas takes longer to import than the whole of this package
    import pandas as pd

    code_of = {}
    codes = np.empty(len(values), dtype=np.int32)
    for start in range(0, len(values), _CHUNK_ROWS):
        chunk = values[start : start + _CHUNK_ROWS]
        chunk = chunk.to_numpy() if isinstance(chunk, nw.Series) else chunk
        chunk_codes, uniques = pd.factorize(chunk)
        known = [code_of.setdefault(value, len(code_of)) for value in uniques]
        # the last entry is what the code -1 of a missing value finds
        codes[start : start + len(chunk)] = np.array([*known, -1])[chunk_codes]
    return codes, list(code_of)


def _check_not_missing(codes, name):
    missing = np.flatnonzero(codes == -1)
    if missing.size:
        raise ValueError(
            f"{name} has {missing.size} missing values, at rows "
            f"{_listed(missing[: _MAX_LISTED + 1].tolist())}; drop these rows or give "
            "them a value of their own."
        )


def _group_name(value) -> str:
    """Name of a value; 1.0 is called "1", so that a change of dtype keeps the names."""
    if isinstance(value, (float, np.floating)) and value.is_integer():
        value = int(value)
    return str(value)


def _value_order(values) -> list[int]:
    try:
        return sorted(range(len(values)), key=values.__getitem__)
    except TypeError:
        return sorted(range(len(values)), key=lambda i: str(values[i]))


def _recoded(codes, new_codes, names) -> Groups:
    """Groups with `codes` looked up in `new_codes`, in the smallest dtype that fits."""
    dtype = next(
        dtype
        for dtype in (np.int8, np.int16, np.int32, np.int64)
        if len(names) <= np.iinfo(dtype).max
    )
    return Groups(np.asarray(new_codes, dtype=dtype)[codes], names)


def _cross(columns: list[Groups]) -> Groups:
    """Groups of every combination of the columns that has a row."""
    import pandas as pd

    if len(columns) == 1:
        return columns[0]
    crossed, *others = (
        Groups(column.codes, [_escaped(name) for name in column.names])
        for column in columns
    )
    for other in others:
        n_other = len(other.names)
        combined = crossed.codes.astype(np.int64) * n_other + other.codes
        codes, observed = pd.factorize(combined, sort=True)
        names = [
            f"{crossed.names[first]}, {other.names[second]}"
            for first, second in zip(*divmod(observed, n_other), strict=True)
        ]
        crossed = _recoded(codes, np.arange(len(names)), names)
    return crossed


def _escaped(name: str) -> str:
    """A name whose commas cannot be taken for those between crossed features."""
    return name.replace("\\", "\\\\").replace(",", "\\,")


def _check_several(groups, name):
    if len(groups.names) < 2:
        raise ValueError(
            f"{name} must hold at least two groups; all {len(groups)} rows are in "
            f"{_listed(groups.names)}."
        )


def _check_grouping(groups, name, max_groups_per_row):
    n_rows, n_groups = len(groups), len(groups.names)
    if n_groups > max(2, max_groups_per_row * n_rows):
        raise ValueError(
            f"{name} is not a grouping: {n_groups} distinct values in {n_rows} rows. "
            "Pass a feature that several rows share, or cut a continuous one into "
            "intervals."
        )


def _listed(items) -> str:
    shown = ", ".join(repr(item) for item in items[:_MAX_LISTED])
    return shown + (", ..." if len(items) > _MAX_LISTED else "")
