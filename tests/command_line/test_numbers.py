"""Numbers as people and spreadsheets write them."""

import numpy as np
import pytest

from skswu._command_line.reading._numbers import find_decimal, is_code, read_numbers

NONE = np.nan


@pytest.mark.parametrize(
    ("text", "with_point", "with_comma"),
    [
        ("12", 12, 12),
        ("-1.5", -1.5, NONE),
        ("-1,5", NONE, -1.5),
        ("0.125", 0.125, NONE),
        ("0,125", NONE, 0.125),
        ("1,234", 1234, 1.234),
        ("1.234", 1.234, 1234),
        ("1,234.5", 1234.5, NONE),
        ("1.234,5", NONE, 1234.5),
        ("1,234,567", 1234567, NONE),
        ("1,23,456", NONE, NONE),
        ("1 234 567.5", 1234567.5, NONE),
        ("1\u202f234,5", NONE, 1234.5),
        ("1'234.5", 1234.5, NONE),
        ("1,234 567", NONE, NONE),
        ("1e3", 1000, 1000),
        ("1,5E-1", NONE, 0.15),
        (".5", 0.5, NONE),
        ("5.", 5, NONE),
        ("\u22123", -3, -3),
        ("$7", 7, 7),
        ("7 €", 7, 7),
        ("7\u00a0€", 7, 7),
        ("-$7.25", -7.25, NONE),
        ("$-7", -7, -7),
        ("8 %", 8, 8),
        ("?", NONE, NONE),
        ("", NONE, NONE),
        (".", NONE, NONE),
        ("-", NONE, NONE),
        ("$", NONE, NONE),
        ("e5", NONE, NONE),
        ("12a", NONE, NONE),
        ("0x10", NONE, NONE),
        ("1-2", NONE, NONE),
        ("12:30", NONE, NONE),
    ],
)
def test_texts_and_the_numbers_that_they_are(text, with_point, with_comma):
    # A text beside it that is none keeps the notation of programs from being taken.
    texts = np.array([text, "none"], dtype=object)
    for decimal, expected in ((".", with_point), (",", with_comma)):
        value = read_numbers(texts, decimal).values[0]
        np.testing.assert_equal(value, expected)


def test_units_stand_beside_the_numbers():
    texts = np.array(["$1", "2 €", "3%", "4"], dtype=object)
    assert read_numbers(texts, ".").units.tolist() == ["$", "€", "%", ""]


@pytest.mark.parametrize(
    ("columns", "separator", "decimal"),
    [
        ([["1.5", "2"], ["a", "b"]], ",", "."),
        ([["1,5", "2"], ["a", "b"]], ";", ","),
        ([["1,5", "2"], ["a", "b"]], ",", ","),
        # Only one of both makes numbers of all.
        ([["1.234", "5.678"], ["1,5", "2,5"]], ";", ","),
        ([["1,234", "5,678"], ["1.5", "2.5"]], ";", "."),
        # Thousands or decimals: as the separator has it.
        ([["1,234", "5,678"]], ",", "."),
        ([["1,234", "5,678"]], ";", ","),
    ],
)
def test_decimals_are_what_makes_most_numbers(columns, separator, decimal):
    columns = [np.array(texts, dtype=object) for texts in columns]
    assert find_decimal(columns, separator) == decimal


def test_codes_begin_with_a_zero_that_is_no_number_alone():
    assert is_code(["7", "007"])
    assert is_code(["-07"])
    assert not is_code(["0", "0.5", "10", "line\n07"])
