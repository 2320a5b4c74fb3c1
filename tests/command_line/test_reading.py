"""Tables as people export them."""

import bz2
import gzip
import io
import lzma
import sys
import zipfile

import joblib
import numpy as np
import pandas as pd
import pytest

from skswu._command_line.reading import _features, _table, _text_table
from skswu._command_line.reading._features import read_features


def _text(people, **options):
    return people.to_csv(index=False, **options)


def _zipped(text):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("people.csv", text)
    return buffer.getvalue()


def _parquet(people):
    buffer = io.BytesIO()
    people.to_parquet(buffer)
    return buffer.getvalue()


def _with_each_row(text, end, header_end=""):
    header, *rows = text.splitlines()
    return "\n".join([header + header_end, *(row + end for row in rows), ""])


EXPORTS = {
    "semicolons": lambda p: _text(p, sep=";"),
    "tabs": lambda p: _text(p, sep="\t"),
    "bars": lambda p: _text(p, sep="|"),
    "decimal commas": lambda p: _text(p, sep=";", decimal=","),
    "decimal commas in quotes": lambda p: _text(p, decimal=","),
    "Excel's first line": lambda p: "sep=;\r\n" + _text(p, sep=";"),
    "spaces": lambda p: _text(p).replace(",", ", "),
    "spaces in front": lambda p: _text(p).replace(",", " , "),
    "carriage returns": lambda p: _text(p).replace("\n", "\r"),
    "empty lines": lambda p: "\n\n" + _text(p).replace("\n", "\n\n", 7),
    "quotes": lambda p: _text(p, quoting=1),
    "UTF-8 with mark": lambda p: _text(p).encode("utf-8-sig"),
    "UTF-16": lambda p: _text(p, sep="\t").encode("utf-16"),
    "UTF-16 without mark": lambda p: _text(p).encode("utf-16-le"),
    "UTF-16 turned around": lambda p: _text(p).encode("utf-16-be"),
    "UTF-32": lambda p: _text(p).encode("utf-32"),
    "gzip": lambda p: gzip.compress(_text(p).encode()),
    "bzip2": lambda p: bz2.compress(_text(p).encode()),
    "xz": lambda p: lzma.compress(_text(p).encode()),
    "zip": lambda p: _zipped(_text(p)),
    "separators at the end": lambda p: _with_each_row(_text(p), ",", ","),
    "more separators than names": lambda p: _with_each_row(_text(p), ",,"),
    "numbered rows": lambda p: p.to_csv(),
    "rows numbered from 1": lambda p: p.set_axis(range(1, len(p) + 1)).to_csv(),
    "Parquet": _parquet,
    "Parquet with an index": lambda p: _parquet(p.set_index("hired")),
    "Parquet of some rows": lambda p: _parquet(
        pd.concat([p, p.head(50)]).iloc[: len(p)].set_axis(range(7, len(p) + 7))
    ),
    "Parquet of categories": lambda p: _parquet(p.astype({"region": "category"})),
}


@pytest.mark.parametrize("name", EXPORTS)
def test_exports_of_a_table_are_the_same_table(run, write, people, name, plain):
    if name.startswith("Parquet"):
        pytest.importorskip("pyarrow")
    assert run(write(EXPORTS[name](people))).tables == plain.tables


def test_standard_input(run, path, monkeypatch, plain):
    with path.open("rb") as file:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(file))
        result = run("-")
    assert result.tables == plain.tables


def test_encoding_of_windows_is_told(run, path, write, people):
    named = people.assign(sex=people["sex"].str.replace("Male", "Männlich"))
    result = run(write(_text(named).encode("cp1252")))
    assert "sex=Männlich" in result.output
    assert any("not UTF-8 and was read as cp1252" in note for note in result.notes)
    greek = people.assign(sex=people["sex"].str.replace("Male", "άνδρας"))
    result = run(write(_text(greek).encode("iso8859-7")), encoding="iso8859-7")
    assert "sex=άνδρας" in result.output
    assert "iso8859-7" in result.output.splitlines()[0]


def test_mark_in_front_is_no_part_of_a_name(run, write, people, plain):
    table = write(_text(people[people.columns[::-1]]).encode("utf-8-sig"))
    marked = run(table, encoding="UTF8", target="hired")
    assert marked.cells("accuracy")[0] == plain.cells("accuracy")[0]


def test_options_say_how_to_read(run, write, people, plain):
    unusual = _text(people, sep="~", decimal=",")
    table = write(unusual)
    result = run(table, separator="~", decimal=",")
    assert result.tables == plain.tables
    assert "(separator '~', decimal ',')" in result.output.splitlines()[0]
    assert run(write(_text(people, sep="\t")), separator="tab").tables == result.tables


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file is empty"),
        (b"\n\n\n", "the file is empty"),
        (b"hired,sex\n", "there are no rows below the header"),
        (
            b"a,b\n1,2,3\n4,5,6\n",
            "names 2 columns, but row 1 below it holds more cells",
        ),
        (b"a,b\n1,2\n1,2,3,4\n", "Expected 2 fields in line 3, saw 4"),
        (b'a,b\n1,"2\n1,2\n', "EOF inside string"),
        (b"a,sex,sex\n1,2,3\n", "names of columns are repeated: 'sex'"),
        (b"a,sex , sex\n1,2,3\n", "names of columns are repeated: 'sex'"),
        (b"a,b\n\0\0,1\n", "the file is no text"),
        (bytes(range(256)), "the file is no text"),
        (b"\xff\xfe\x00", "no CSV with the separator ',' in utf-16"),
        (gzip.compress(b"a,b\n1,2\n", mtime=0)[:-9], "cannot unpack"),
        (b"PK\x03\x04 and so on", "cannot unpack"),
        (b"\xd0\xcf\x11\xe0 and so on", "is an Excel workbook; save the sheet as CSV"),
        (b"PAR1 and so on", "this is no Parquet file"),
    ],
)
def test_what_is_no_table_is_refused(refusal, write, content, message):
    if content.startswith(b"PAR1"):
        pytest.importorskip("pyarrow")
    assert message in refusal(write(content))


def test_workbooks_and_archives_are_refused_in_words(refusal, write):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("[Content_Types].xml", "")
        archive.writestr("xl/workbook.xml", "")
    assert "an Excel workbook; save the sheet" in refusal(write(buffer.getvalue()))
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a.csv", "")
        archive.writestr("b.csv", "")
    assert "holds 2 files, not one table" in refusal(write(buffer.getvalue()))


def test_folders_are_refused(refusal, tmp_path):
    assert "is a folder; give a file in it" in refusal(tmp_path)


def test_parquet_without_pyarrow(refusal, write, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    error = refusal(write(b"PAR1 and so on"))
    assert "Parquet files need pyarrow: pip install pyarrow" in error


def test_tables_that_are_too_wide_end_in_words(refusal, path, monkeypatch):
    monkeypatch.setattr(_text_table, "_MOST_COLUMNS", 5)
    assert "8 columns in 0 MB are too many" in refusal(path)
    monkeypatch.setattr(_text_table, "_MOST_COLUMNS", 10)
    monkeypatch.setattr(_text_table, "_MANY_COLUMNS", 5)
    monkeypatch.setattr(_text_table, "_MOST_BYTES_OF_MANY", 1000)
    assert "with more than 5 at most 0 MB" in refusal(path)
    monkeypatch.undo()
    monkeypatch.setattr("skswu._command_line._problem._MOST_TEXTS", 2)
    assert "4 columns hold texts, and at most 2 can be encoded" in refusal(path)


def test_a_thousand_columns_of_numbers(run, write, people, rng):
    wide = pd.DataFrame(rng.normal(size=(200, 1_500)).round(3)).add_prefix("x")
    result = run(write(wide.join(people[["sex", "hired"]].head(200))))
    assert result.notes == [] or all("skswu: note" in note for note in result.notes)
    assert len(result.cells("accuracy")) == 3


def features(columns, decimal="."):
    return read_features(pd.DataFrame(columns, dtype=object), decimal)


NUMBERS = [str(number) for number in range(100, 160)]


def test_ids_keep_their_zeros_and_are_told():
    with pytest.warns(UserWarning, match=r"zeros in front: 'zip' \('00501'\)"):
        table, remarks = features({"zip": [*NUMBERS, "00501"]})
    assert table["zip"].tolist() == [*NUMBERS, "00501"]
    assert remarks == {"code": ["zip"]}


def test_ids_of_all_rows_are_told_with_their_number():
    with pytest.warns(UserWarning, match=r"'id' \('0000' of 300\)"):
        features({"id": [f"{number:04d}" for number in range(300)]})


@pytest.mark.parametrize(
    ("texts", "values"),
    [
        (["0.5", "0", "-0.25"], [0.5, 0.0, -0.25]),
        (["01/02/2024", "02/03/2024"], ["01/02/2024", "02/03/2024"]),
    ],
)
def test_other_zeros_in_front_are_nothing_to_tell(texts, values):
    table, remarks = features({"x": texts})
    assert remarks == {}
    assert table["x"].tolist() == values


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("?", np.nan),
        ("unknown", np.nan),
        ("8%", np.nan),
        ("(5)", np.nan),
        ("1,234.5", 1234.5),
        ("$70", 70.0),
        ("-$70", -70.0),
        ("1 234", 1234.0),
    ],
)
def test_odd_cells_among_numbers_are_read_or_told(cell, value):
    with pytest.warns(UserWarning, match="read as numbers.*'x'"):
        table, remarks = features({"x": [*NUMBERS, cell]})
    expected = [*map(float, NUMBERS), value]
    np.testing.assert_array_equal(table["x"], expected)
    assert list(remarks.values()) == [["x"]]


def test_missing_cells_among_numbers_are_nothing_to_tell():
    table, remarks = features({"x": [*NUMBERS, "", "NA", "NaN", "null"]})
    assert table["x"].isna().sum() == 4
    assert remarks == {}


def test_points_group_digits_where_commas_stand_before_decimals():
    with pytest.warns(UserWarning, match=r"'x' \('1.234' as 1234\)"):
        table, _ = features({"x": ["1.234", "5.678", "12"]}, decimal=",")
    assert table["x"].tolist() == [1234.0, 5678.0, 12.0]


def test_columns_in_one_unit_are_read():
    cells = {
        "wage": [f"${n},000.50" for n in NUMBERS],
        "share": [f"{n} %" for n in NUMBERS],
    }
    with pytest.warns(
        UserWarning, match=r"'wage' \('\$100,000.50' as 100000.5\), 'share'"
    ):
        table, _ = features(cells)
    np.testing.assert_array_equal(table["wage"], [1000 * int(n) + 0.5 for n in NUMBERS])
    np.testing.assert_array_equal(table["share"], [int(n) for n in NUMBERS])


def test_amounts_in_two_currencies_are_not_mixed():
    cells = [f"${n}" for n in NUMBERS] + ["€5", "€6"]
    with pytest.warns(UserWarning, match="'x' \\(2, as '€5'\\)"):
        table, _ = features({"x": cells})
    assert table["x"].isna().tolist() == [False] * 60 + [True] * 2


def test_grades_among_few_numbers_stay_texts():
    cells = ["1", "2", "3", "K"] * 20
    table, remarks = features({"grade": cells})
    assert table["grade"].tolist() == cells
    assert remarks == {}


def test_truth_values_are_read_as_pandas_reads_them():
    table, _ = features({"a": ["True", "false", "TRUE"], "b": ["true", "", "false"]})
    assert table["a"].dtype == bool
    assert table["a"].tolist() == [True, False, True]
    assert table["b"].tolist()[::2] == [True, False]
    assert pd.isna(table["b"][1])


def test_texts_of_many_values_are_told():
    names = [f"name {i}" for i in range(200)]
    with pytest.warns(UserWarning, match=r"of more than 100 values.*'name' \(200\)"):
        features({"name": names})


def test_many_columns_are_told_in_one_line():
    with pytest.warns(UserWarning, match="'x4' .* and 35 more columns$"):
        features({f"x{i}": [*NUMBERS, "?"] for i in range(40)})


def test_infinite_numbers_are_refused_by_name(refusal, write, people):
    error = refusal(write(people.assign(hours=np.inf)))
    assert "'hours' holds 2,000 numbers that are infinite; replace them" in error


def test_plain_tables_are_read_as_pandas_reads_them(people):
    pandas = pd.read_csv(io.StringIO(_text(people)), dtype={"zip": str})
    texts = pd.read_csv(io.StringIO(_text(people)), dtype=object, keep_default_na=False)
    with pytest.warns(UserWarning, match="zip"):
        table, _ = read_features(texts, ".")
    for name in pandas:
        assert table[name].dtype.kind == pandas[name].to_numpy().dtype.kind.replace(
            "i", "f"
        )
        pd.testing.assert_series_equal(
            table[name], pandas[name], check_dtype=False, check_index_type=False
        )


def test_missing_groups_are_refused_or_kept(run, refusal, write, people):
    gaps = people.assign(
        region=np.where(people.index % 3 == 0, "NA", people["region"]),
        employer=np.where(people.index % 5 == 0, "", "State"),
    )
    table = write(gaps)
    error = refusal(table, sensitive="region")
    assert "has 667 missing values, some of them written 'NA'" in error
    assert "keep them as groups by --missing-groups own" in error
    assert "has 400 missing values;" in refusal(table, sensitive="employer")
    output = run(table, sensitive="region", missing_groups="own").output
    assert "  region=NA (" in output
    output = run(table, sensitive="employer", missing_groups="own").output
    assert "  employer=(missing) (" in output


def test_missing_labels_are_refused(refusal, write, people):
    gaps = people.assign(hired=people["hired"].where(people.index % 100 > 0, "NA"))
    error = refusal(write(gaps))
    assert "'hired' has 20 missing values, some of them written 'NA'" in error


def test_groups_that_are_one_number_are_one_group(run, write, people):
    coded = people.assign(sex=np.where(people["sex"] == "Male", "1", "2"))
    coded.loc[::3, "sex"] += ".0"
    assert "demographic_parity[yes]: sex=2 - sex=1" in run(write(coded)).output


def test_metrics_name_the_label_as_the_table_has_it_and_leave_groups_alone(
    run, write, people
):
    sex = people["sex"].map({"Male": "[1]", "Female": "[2]"})
    coded = write(people.assign(sex=sex))
    output = run(coded, objective="equalized_odds").output
    assert "  equalized_odds[yes] within the positive class: sex=[" in output
    output = run(coded, objective="bounded_group_loss").output
    assert "loss: sex=[1]" in output
    hired = people["hired"].map({"yes": "taken on for a trial", "no": "no"})
    coded = write(people.assign(hired=hired, sex=sex))
    output = run(coded, positive="taken on for a trial").output
    assert "demographic_parity[taken on ...]: sex=[2] - sex=[1]" in output


def test_texts_of_parquet_are_read_as_those_of_csv(run, write, people):
    pytest.importorskip("pyarrow")
    wage = [f"{1000 + i % 700}" if i % 50 else "?" for i in range(len(people))]
    region = people["region"].where(people.index % 3 > 0, None)
    table = write(_parquet(people.assign(wage=wage, region=region)))
    result = run(table, sensitive="region", missing_groups="own")
    assert any("missing values: 'wage' (40, as '?')" in note for note in result.notes)
    assert "  region=(missing) (" in result.output


LOADING = {
    "plain": (lambda p: _text(p), "people.csv", "model.joblib"),
    "skops": (lambda p: _text(p), "people.csv", "model.skops"),
    "decimal commas": (
        lambda p: _text(p, sep=";", decimal=",").encode("utf-16"),
        "people.csv",
        "model.joblib",
    ),
    "first line": (
        lambda p: "sep=;\n" + _text(p, sep=";"),
        "people.csv",
        "model.joblib",
    ),
    "spaces": (lambda p: _text(p).replace(",", ", "), "people.csv", "model.joblib"),
    "gzip": (
        lambda p: gzip.compress(_text(p).encode()),
        "people.csv.gz",
        "model.joblib",
    ),
    "numbered": (lambda p: p.to_csv(), "people.csv", "model.joblib"),
    "Parquet": (
        lambda p: _parquet(p.set_index("age")),
        "people.parquet",
        "model.joblib",
    ),
}


@pytest.mark.parametrize("name", LOADING)
def test_lines_that_load_the_model_run_as_they_are_shown(
    run, write, people, tmp_path, monkeypatch, name
):
    if name == "skops":
        pytest.importorskip("skops")
    if name == "Parquet":
        pytest.importorskip("pyarrow")
    export, file, model = LOADING[name]
    table = write(export(people), file)
    output = run(table, save=tmp_path / model).output
    lines = output.split("It predicts 1 for hired = yes, else 0:")[1].splitlines()
    *code, last = [line[4:] for line in lines if line.startswith("    ")]
    namespace = {}
    exec("\n".join([*code, f"predicted = {last}"]), namespace)
    # The same rows, as the command itself reads them.
    run(write(people, "plain.csv"), save=tmp_path / "plain.joblib")
    plain = pd.read_csv(tmp_path / "plain.csv", dtype={"zip": str})
    expected = joblib.load(tmp_path / "plain.joblib").predict(
        plain.drop(columns=["sex", "hired"])
    )
    np.testing.assert_array_equal(namespace["predicted"], expected)
    assert 0 < expected.mean() < 1


def test_columns_that_pandas_leaves_as_texts_are_named(run, write, people, tmp_path):
    wages = people.assign(wage=[f"${1000 + i % 700:,}" for i in range(len(people))])
    output = run(write(wages), save=tmp_path / "model.joblib").output
    assert "The table must hold numbers, not texts, in 'wage'." in output


def test_decimals_are_looked_for_in_some_rows_only(run, write, people, monkeypatch):
    monkeypatch.setattr(_table, "_N_SAMPLED", 10)
    result = run(write(_text(people, sep=";", decimal=",")))
    assert "decimal ','" in result.output


@pytest.mark.filterwarnings("ignore::skswu._command_line._messages.CommandWarning")
def test_columns_are_read_alike_alone_and_together(rng, monkeypatch):
    kinds = [["1.5", "2"], ["1.5", "NA"], ["", ""], ["u", "v"], ["True", "false"]]
    kinds += [["007", "12"], ["$5", "6"], ["inf ant", "1"]]
    columns = {
        f"{number} {kind}": np.array(kind, object)[rng.integers(0, 2, 40)]
        for number in range(3)
        for kind in [kinds[0], *kinds]
    }
    frame = pd.DataFrame(columns, dtype=object)
    read = []
    for n_columns in (1, 2, 100):
        monkeypatch.setattr(_features, "_COLUMNS_AT_ONCE", n_columns)
        features, remarks = read_features(frame, ".")
        read.append((features, {name: set(found) for name, found in remarks.items()}))
    for features, remarks in read[1:]:
        pd.testing.assert_frame_equal(features, read[0][0])
        assert remarks == read[0][1]
    assert list(read[0][0]) == list(frame)
