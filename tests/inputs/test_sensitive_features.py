import datetime

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy import sparse

from skswu.inputs import _sensitive_features
from skswu.inputs._sensitive_features import (
    Groups,
    read_control_features,
    read_sensitive_features,
)

SEX = ["Male", "Female", "Female", "Male", "Female", "Male", "Male", "Female"]
RACE = ["White", "Black", "White", "White", "Black", "White", "Black", "White"]
SEX_CODES = [1, 0, 0, 1, 0, 1, 1, 0]


def read(values, n_rows=8, **options):
    return read_sensitive_features(values, None, None, n_rows, **options)


def read_column(X, column):
    return read_sensitive_features(None, X, column, X.shape[0])


@pytest.mark.parametrize(
    "values",
    [
        SEX,
        tuple(SEX),
        np.array(SEX),
        np.array(SEX, dtype=object),
        np.array(SEX)[:, None],
        [[value] for value in SEX],
        pd.Series(SEX, index=range(8, 0, -1)),
        pd.Series(SEX, dtype="category"),
        pd.Series(pd.Categorical(SEX, categories=["Male", "Other", "Female"])),
        pd.Series(SEX, dtype="string"),
        pd.Categorical(SEX),
        pd.Index(SEX),
        pd.DataFrame({"sex": SEX}),
        pl.Series(SEX),
        pl.Series(SEX, dtype=pl.Categorical),
        pl.Series(SEX, dtype=pl.Enum(["Male", "Female"])),
        pl.DataFrame({"sex": SEX}),
    ],
    ids=lambda values: type(values).__name__,
)
def test_every_form_gives_the_same_groups(values):
    groups = read(values)
    assert groups.codes.tolist() == SEX_CODES
    assert groups.codes.dtype == np.int8
    assert groups.names == ["Female", "Male"]


@pytest.mark.parametrize(
    ("values", "names", "codes"),
    [
        ([10, 9, 10, 9], ["9", "10"], [1, 0, 1, 0]),
        ([1.0, -2.0, 1.0, -2.0], ["-2", "1"], [1, 0, 1, 0]),
        ([0.5, 10.25, 10.25, 0.5], ["0.5", "10.25"], [0, 1, 1, 0]),
        ([True, False, False, True], ["False", "True"], [1, 0, 0, 1]),
        (np.array([1, 0, 0, 1], dtype=np.uint8), ["0", "1"], [1, 0, 0, 1]),
        (["a", 1, "a", 1], ["1", "a"], [1, 0, 1, 0]),
        ([1, "1", 2, 2], ["1", "2"], [0, 0, 1, 1]),
        (["nan", "", "", "nan"], ["", "nan"], [1, 0, 0, 1]),
        (pd.Series([1, 0, 0, 1], dtype="Int64"), ["0", "1"], [1, 0, 0, 1]),
        (pd.Series([1, 0, 0, 1], dtype="boolean"), ["False", "True"], [1, 0, 0, 1]),
        ([datetime.date(2020, 5, d) for d in (2, 1, 2, 1)], None, [1, 0, 1, 0]),
    ],
)
def test_groups_are_sorted_by_value(values, names, codes):
    groups = read(values, 4)
    assert groups.codes.tolist() == codes
    assert names is None or groups.names == names


@pytest.mark.parametrize(
    "values",
    [
        pd.DataFrame({"sex": SEX, "race": RACE}),
        pl.DataFrame({"sex": SEX, "race": RACE}),
        np.column_stack([SEX, RACE]),
        list(zip(SEX, RACE, strict=True)),
    ],
    ids=lambda values: type(values).__name__,
)
def test_several_columns_are_crossed(values):
    groups = read(values)
    expected = [f"{sex}, {race}" for sex, race in zip(SEX, RACE, strict=True)]
    assert [groups.names[code] for code in groups.codes] == expected
    assert groups.names == sorted(set(expected))


def test_crossing_keeps_only_combinations_that_occur():
    groups = read(pd.DataFrame({"a": [0, 0, 1, 1] * 2, "b": [5, 5, 7, 7] * 2}))
    assert groups.names == ["0, 5", "1, 7"]
    assert groups.counts().tolist() == [4, 4]


def test_crossing_tells_commas_in_values_from_commas_between_them():
    first = ["a, b", "a, b", "a", "a"]
    second = ["c", "c", "b, c", "b, c"]
    groups = read(pd.DataFrame({"first": first, "second": second}), 4)
    assert groups.names == ["a, b\\, c", "a\\, b, c"]
    assert read(first, 4).names == ["a", "a, b"]


def test_crossing_matches_the_rows_of_a_table_with_three_features():
    rng = np.random.default_rng(0)
    table = rng.integers(0, 3, size=(500, 3))
    groups = read(table, 500)
    unique, inverse = np.unique(table, axis=0, return_inverse=True)
    assert groups.names == [", ".join(map(str, row)) for row in unique]
    np.testing.assert_array_equal(groups.codes, inverse.ravel())


def test_chunks_do_not_change_the_result(monkeypatch):
    values = np.random.default_rng(0).choice(["x", "y", "z"], 101)
    whole = read(values, 101)
    monkeypatch.setattr(_sensitive_features, "_CHUNK_ROWS", 7)
    for form in (values, pd.Series(values), pl.Series(values), list(values)):
        chunked = read(form, 101)
        np.testing.assert_array_equal(chunked.codes, whole.codes)
        assert chunked.names == whole.names


@pytest.mark.parametrize(
    ("n_groups", "dtype"), [(127, np.int8), (128, np.int16), (40_000, np.int32)]
)
def test_codes_take_the_smallest_dtype(n_groups, dtype):
    values = np.tile(np.arange(n_groups), 2)
    groups = read(values, 2 * n_groups)
    assert groups.codes.dtype == dtype
    np.testing.assert_array_equal(groups.codes, values)


def test_columns_are_read_from_any_kind_of_X():
    numbers = np.array([[0.5, code, row % 3] for row, code in enumerate(SEX_CODES)])
    frame = pd.DataFrame(numbers, columns=["skill", "sex", "race"])
    for X, column in [
        (frame, "sex"),
        (frame, ["sex"]),
        (frame, 1),
        (frame, np.int64(-2)),
        (pl.from_numpy(numbers, schema=["skill", "sex", "race"]), "sex"),
        (pl.from_numpy(numbers), 1),
        (pd.DataFrame(numbers), 1),
        (numbers, 1),
        (numbers.astype(np.float32), -2),
        (sparse.csr_array(numbers), 1),
        (sparse.csc_matrix(numbers), 1),
        (sparse.coo_array(numbers), 1),
    ]:
        groups = read_column(X, column)
        assert groups.codes.tolist() == SEX_CODES
        assert groups.names == ["0", "1"]
    crossed = read_column(frame, ["race", 1])
    np.testing.assert_array_equal(
        crossed.codes, read_column(numbers, (2, 1)).codes, strict=True
    )
    assert crossed.names == ["0, 1", "1, 0", "2, 0", "2, 1"]


def test_the_call_goes_before_the_column():
    X = pd.DataFrame({"sex": [0, 1] * 4})
    groups = read_sensitive_features(SEX, X, "sex", 8)
    assert groups.names == ["Female", "Male"]
    assert read_sensitive_features(None, X, None, 8) is None


def test_input_is_not_modified():
    values = pd.DataFrame({"sex": SEX, "race": RACE})
    before = values.copy()
    read(values)
    pd.testing.assert_frame_equal(values, before)


def test_groups_count_and_take_rows():
    groups = read(["b", "a", "c", "b", "b", "a", "c", "a"])
    assert len(groups) == 8
    assert groups.counts().tolist() == [3, 3, 2]
    taken = groups.take(np.array([0, 3, 4]))
    assert taken.counts().tolist() == [0, 3, 0]
    assert taken.names == groups.names
    assert groups.take(groups.codes == 2).counts().tolist() == [0, 0, 2]


def test_groups_are_aligned_by_name():
    known = read(["a", "b", "c", "d"] * 2)
    other = read(["d", "b", "b", "d"], 4)
    aligned = other.aligned_to(known)
    assert aligned.names == known.names
    assert aligned.codes.tolist() == [3, 1, 1, 3]
    with pytest.raises(ValueError, match=r"groups 'a', 'c' .* known groups 'b', 'd'"):
        known.aligned_to(other)


@pytest.mark.parametrize(
    "values",
    [
        ["a", None, "b", "b"],
        [0, np.nan, 1, 1],
        [["a", "x"], ["a", np.nan], ["b", "x"], ["b", "y"]],
        np.array([0, np.nan, 1, 1]),
        np.array(["a", None, "b", "b"], dtype=object),
        pd.Series(["a", None, "b", "b"]),
        pd.Series(["a", None, "b", "b"], dtype="category"),
        pd.Series([0, pd.NA, 1, 1], dtype="Int64"),
        pd.Series(["a", pd.NA, "b", "b"], dtype="string"),
        pd.Series([True, None, False, False], dtype="boolean"),
        pd.to_datetime(pd.Series(["2020", None, "2021", "2021"])),
        pd.DataFrame({"a": [0, 0, 1, 1], "b": [0, None, 1, 1]}),
        pl.Series(["a", None, "b", "b"]),
        pl.Series([0, None, 1, 1]),
        pl.Series([0.0, np.nan, 1.0, 1.0]),
        pl.Series([True, None, False, False]),
        pl.Series(["a", None, "b", "b"], dtype=pl.Categorical),
    ],
    ids=lambda values: type(values).__name__,
)
def test_missing_values_are_refused(values):
    with pytest.raises(ValueError, match=r"groups_val has 1 missing values, at rows 1"):
        read(values, 4, name="groups_val")


def test_many_missing_values_are_not_all_listed():
    message = r"has 50 missing values, at rows 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, \.\.\.;"
    with pytest.raises(ValueError, match=message):
        read([None] * 50 + ["a", "b"] * 25, 100)


@pytest.mark.parametrize("form", [sparse.csr_matrix, sparse.coo_array])
@pytest.mark.parametrize("within", [lambda x: x, lambda x: [x], lambda x: {"sex": x}])
def test_sparse_values_are_refused_as_sparse_labels_are(form, within):
    values = form(np.array([[0], [1]] * 4))
    with pytest.raises(TypeError, match=r"passed for groups, .* Use '.toarray\(\)'"):
        read(within(values), 8, name="groups")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (SEX[:5], r"sensitive_features has 5 rows, but 8 are expected"),
        (["a"] * 8, r"at least two groups; all 8 rows are in 'a'"),
        (np.arange(8.0) / 3, r"not a grouping: 8 distinct values in 8 rows"),
        ([0, 1, 2, 3, 4, 4, 4, 4], r"not a grouping: 5 distinct values in 8 rows"),
        ("Male", r"one value per row .* got str of shape \(\)"),
        (
            pl.LazyFrame({"sex": SEX}),
            r"is a LazyFrame, whose rows .* pass sensitive_features.collect\(\)",
        ),
        (np.zeros((8, 2, 2)), r"got ndarray of shape \(8, 2, 2\)"),
        (np.zeros((8, 0)), r"got ndarray of shape \(8, 0\)"),
        ([{1}, {2}] * 4, r"one number, string or boolean per row"),
    ],
    ids=[
        "length",
        "one group",
        "continuous",
        "many groups",
        "scalar",
        "lazy",
        "3-D",
        "no column",
        "sets",
    ],
)
def test_what_is_not_a_grouping_is_refused(values, message):
    with pytest.raises(ValueError, match=message):
        read(values)


def test_two_groups_are_a_grouping_of_few_rows():
    assert read(["a", "b", "b"], 3).counts().tolist() == [1, 2]
    assert read([1, 2, 3, 4, 4], 5, max_groups_per_row=0.9).names == list("1234")
    with pytest.raises(ValueError, match="not a grouping"):
        read([1, 2, 3, 4, 4], 5)


@pytest.mark.parametrize(
    ("X", "column", "message"),
    [
        (pd.DataFrame({"a": SEX}), "sex", r"='sex' is not a column of X, .* 'a'"),
        (pd.DataFrame({"a": SEX}), 3, r"=3 is not a column position .*\(8, 1\)"),
        (np.zeros((8, 2)), "sex", r"='sex' names a column, but X has no column names"),
        (np.zeros((8, 2)), -3, r"=-3 is not a column position"),
        (sparse.csr_array((8, 2)), "sex", r"X has no column names"),
        (sparse.csr_array((8, 2)), 2, r"=2 is not a column position"),
        (np.zeros(8), 0, r"=0 is not a column position of X, .* \(8,\)"),
        (pd.DataFrame({"a": SEX}), [], r"non-empty list of these; got \[\]"),
        (pd.DataFrame({"a": SEX}), 1.5, r"give its position.* got 1.5"),
        (pd.DataFrame({"a": SEX}), True, r"names \(str\) or positions .* got True"),
        (pd.DataFrame({"a": SEX}), ["a", None], r"names \(str\) or .* got None"),
        (pd.DataFrame({"a": [1] * 8}), "a", r"='a' must hold at least two groups"),
        (pd.DataFrame({"a": [1, None] * 4}), ["a"], r"=\['a'\] has 4 missing values"),
    ],
)
def test_bad_columns_are_refused(X, column, message):
    with pytest.raises(ValueError, match=r"sensitive_features.*" + message):
        read_column(X, column)


def test_groups_are_immutable():
    groups = Groups(np.array([0, 1], dtype=np.int8), ["a", "b"])
    with pytest.raises(AttributeError):
        groups.names = ["b", "a"]


def test_strata_follow_their_rows():
    X = pd.DataFrame({"sex": list("fmfm"), "region": ["n", "n", "s", "s"]})
    strata = read_control_features(None, X, "region", 4)
    groups = read_sensitive_features(None, X, "sex", 4).within(strata)
    assert groups.strata.names == ["n", "s"]
    taken = groups.take([3, 0])
    np.testing.assert_array_equal(taken.strata.codes, [1, 0])
    assert taken.within(None).strata is None
    known = read_control_features(list("mnsx") * 2, X, None, 8)
    wider = read_sensitive_features(list("fmmf") * 2, X, None, 8).within(known)
    aligned = groups.aligned_to(wider)
    assert aligned.strata.names == list("mnsx")
    np.testing.assert_array_equal(aligned.strata.codes, [1, 1, 2, 2])
    with pytest.raises(ValueError, match=r"strata 'm', 'x' .* known strata 'n', 's'"):
        wider.aligned_to(groups)


def test_control_features_may_have_one_value_and_no_group_is_needed():
    assert read_control_features([1, 1, 1], None, None, 3).names == ["1"]
    assert read_control_features(None, None, None, 3) is None
    crossed = read_control_features([["a", 0], ["a", 1], ["b", 0]] * 3, None, None, 9)
    assert crossed.names == ["a, 0", "a, 1", "b, 0"]
    with pytest.raises(ValueError, match="control_features has 1 missing"):
        read_control_features([1, None, 2], None, None, 3)
    with pytest.raises(ValueError, match="control_features is not a grouping"):
        read_control_features(np.arange(9), None, None, 9)
