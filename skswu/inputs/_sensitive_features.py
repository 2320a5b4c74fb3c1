"""Sensitive features of any form, read into group codes.

Everything that groups rows goes through :func:`read_sensitive_features`, so a pandas
categorical, a polars frame and a list of strings mean the same thing everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import narwhals.stable.v1 as nw
import numpy as np

from ._columns import columns_of, columns_of_X, is_column, listed

_CHUNK_ROWS = 1 << 16
#: The group of the rows whose value is missing, where they are kept.
MISSING_GROUP = "(missing)"


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

    def __len__(self):
        return len(self.codes)

    def take(self, indices):
        """Groups of the rows at `indices` (positions or a mask), names unchanged."""
        strata = None if self.strata is None else self.strata.take(indices)
        return Groups(self.codes[indices], self.names, strata)

    def within(self, strata):
        """Return the same groups, to be compared within strata.

        Parameters
        ----------
        strata : Groups or None
            Strata of the same rows, see :func:`read_control_features`; None has the
            groups compared among all rows.
        """
        return replace(self, strata=strata)

    def by_row(self):
        """Names of the rows' groups, shape (n_rows,), of objects."""
        return np.array(self.names, dtype=object)[self.codes]

    def counts(self):
        """Rows of each group, shape (n_groups,)."""
        return np.bincount(self.codes, minlength=len(self.names))

    def aligned_to(self, other):
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

    def _renamed(self, other, features, kind):
        position = {name: code for code, name in enumerate(other.names)}
        unknown = [name for name in self.names if name not in position]
        if unknown:
            raise ValueError(
                f"the {features} hold {kind} {listed(unknown)} that are not among "
                f"the known {kind} {listed(other.names)}."
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
    missing_groups="error",
    n_counted=None,
):
    """Read the sensitive features of a call, or else of the columns of `X`.

    Parameters
    ----------
    sensitive_features : array-like of shape (n_rows,) or (n_rows, n_features), or None
        What the call passed: list, array, Series, DataFrame, dict or list of columns
        of numbers, strings, booleans or categories; or names or positions of columns
        of `X`. Several columns are crossed.
    X : array-like, DataFrame or sparse matrix of shape (n_rows, n_columns)
        Read if `sensitive_features` is None or names columns.
    column : str, int, sequence of them, or None
        Name or position of the columns of `X` to read.
    n_rows : int
        Expected number of rows.
    name : str, default="sensitive_features"
        What messages call the parameter.
    max_groups_per_row : float, default=0.5
        More than two groups are refused as "not a grouping" if there are more of them
        than this share of the rows.
    missing_groups : {"error", "own"}, default="error"
        Whether missing values are refused, or are the group ``"(missing)"``.
    n_counted : int or None, default=None
        How many rows those that are passed stand for; None is as many.

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
    given = sensitive_features
    groups, name = _read(given, X, column, n_rows, name, missing_groups == "own")
    if groups is not None:
        n_counted = n_rows if n_counted is None else n_counted
        _check_several(groups, name, n_counted)
        _check_grouping(groups, name, max_groups_per_row, n_counted)
    return groups


def read_control_features(
    control_features,
    X,
    column,
    n_rows,
    name="control_features",
    *,
    max_groups_per_row=0.5,
    missing_groups="error",
    n_counted=None,
):
    """Read the control features of a call, or else of the columns of `X`.

    They make the strata that :meth:`Groups.within` takes.

    Parameters
    ----------
    control_features : array-like of shape (n_rows,) or (n_rows, n_features), or None
        What the call passed, as :func:`read_sensitive_features` takes it.
    X : array-like, DataFrame or sparse matrix of shape (n_rows, n_columns)
        Read if `control_features` is None or names columns.
    column : str, int, sequence of them, or None
        Name or position of the columns of `X` to read.
    n_rows : int
        Expected number of rows.
    name : str, default="control_features"
        What messages call the parameter.
    max_groups_per_row : float, default=0.5
        More than two strata are refused as "not a grouping" if there are more of them
        than this share of the rows.
    missing_groups : {"error", "own"}, default="error"
        Whether missing values are refused, or are the stratum ``"(missing)"``.
    n_counted : int or None, default=None
        How many rows those that are passed stand for; None is as many.

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
    given = control_features
    strata, name = _read(given, X, column, n_rows, name, missing_groups == "own")
    if strata is not None:
        n_counted = n_rows if n_counted is None else n_counted
        _check_grouping(strata, name, max_groups_per_row, n_counted)
    return strata


def _read(features, X, column, n_rows, name, keep_missing):
    """The groups of features, or of columns of `X`, and what messages call them."""
    if is_column(features, X, n_rows):
        features, column = None, features
    if features is not None:
        columns = columns_of(features, name, n_rows)
    elif column is not None:
        columns = columns_of_X(X, column, name)
        name = f"{name}={column!r}"
    else:
        return None, name
    read = [_encode(values, n_rows, name, keep_missing) for values in columns]
    return _cross(read), name


def _encode(values, n_rows, name, keep_missing):
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
    if not keep_missing:
        _check_not_missing(codes, name)
    names = [_group_name(value) for value in uniques]
    # a dict, because distinct values may share a name, as 1 and "1" do
    sorted_names = list(dict.fromkeys(names[i] for i in _value_order(uniques)))
    if (codes == -1).any():
        # the last entry is what the code -1 finds
        names.append(MISSING_GROUP)
        sorted_names = list(dict.fromkeys([*sorted_names, MISSING_GROUP]))
    position = {name: code for code, name in enumerate(sorted_names)}
    return _recoded(codes, [position[name] for name in names], sorted_names)


def _factorize(values):
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
        chunk_codes, uniques = pd.factorize(_native(chunk))
        known = [code_of.setdefault(value, len(code_of)) for value in uniques]
        # the last entry is what the code -1 of a missing value finds
        codes[start : start + len(chunk)] = np.array([*known, -1])[chunk_codes]
    return codes, list(code_of)


def _native(values):
    """Values in the byte order of this machine."""
    return values.astype(values.dtype.newbyteorder("="), copy=False)


def _check_not_missing(codes, name):
    missing = np.flatnonzero(codes == -1)
    if missing.size:
        raise ValueError(
            f"{name} has {missing.size} missing values, at rows "
            f"{listed(missing[:11].tolist())}; drop these rows, or keep them as a "
            "group of their own by missing_groups='own'."
        )


def _group_name(value):
    """Name of a value; 1.0 is called "1", so that a change of dtype keeps the names."""
    if isinstance(value, (float, np.floating)) and value.is_integer():
        value = int(value)
    return str(value)


def _value_order(values):
    try:
        return sorted(range(len(values)), key=values.__getitem__)
    except TypeError:
        return sorted(range(len(values)), key=lambda i: str(values[i]))


def _recoded(codes, new_codes, names):
    """Groups with `codes` looked up in `new_codes`, in the smallest dtype that fits."""
    dtype = next(
        dtype
        for dtype in (np.int8, np.int16, np.int32, np.int64)
        if len(names) <= np.iinfo(dtype).max
    )
    return Groups(np.asarray(new_codes, dtype=dtype)[codes], names)


def _cross(columns):
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


def _escaped(name):
    """A name whose commas cannot be taken for those between crossed features."""
    return name.replace("\\", "\\\\").replace(",", "\\,")


def _check_several(groups, name, n_rows):
    if len(groups.names) < 2:
        raise ValueError(
            f"{name} must hold at least two groups; all {n_rows} rows are in "
            f"{listed(groups.names)}."
        )


def _check_grouping(groups, name, max_groups_per_row, n_rows):
    n_groups = len(groups.names)
    if n_groups > max(2, max_groups_per_row * n_rows):
        raise ValueError(
            f"{name} is not a grouping: {n_groups} distinct values in {n_rows} rows. "
            "Pass a feature that several rows share, or cut a continuous one into "
            "intervals."
        )
