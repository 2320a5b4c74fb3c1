"""What a call passes, checked and read."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal

from skswu.inputs import DataReader

X = np.arange(12.0).reshape(6, 2)
Y = np.array(["no", "yes"] * 3)
SEX = ["f", "f", "m", "m", "f", "m"]


@pytest.fixture
def reader():
    return DataReader(needed_by="Parity")


def test_rows_are_passed_on_as_they_were_given(reader):
    data = reader.read(X, Y, sensitive_features=SEX, sample_weight=[1, 2, 3, 4, 5, 6])
    assert data.X is X
    assert data.groups.names == ["f", "m"]
    assert_array_equal(data.groups.codes, [0, 0, 1, 1, 0, 1])
    assert data.weight.dtype == np.float64


def test_groups_are_read_from_a_column_where_none_are_passed():
    frame = pd.DataFrame(X, columns=["v", "w"]).assign(sex=SEX)
    reader = DataReader(column="sex", needed_by="Parity")
    assert reader.read(frame, Y).groups.names == ["f", "m"]
    passed = reader.read(frame, Y, sensitive_features=list("abcabc"))
    assert passed.groups.names == ["a", "b", "c"]


def test_only_the_rows_that_are_measured_need_groups(reader):
    with pytest.raises(ValueError, match="Parity needs sensitive_features: pass"):
        reader.read_both(X, Y)
    with pytest.raises(ValueError, match="Parity needs sensitive_features_val: pass"):
        reader.read_both(X, Y, sensitive_features=SEX, X_val=X, y_val=Y)
    training, held_out = reader.read_both(
        X, Y, X_val=X[:4], y_val=Y[:4], sensitive_features_val=SEX[:4]
    )
    assert training.groups is None
    assert_array_equal(held_out.groups.codes, [0, 0, 1, 1])


def test_evaluation_rows_have_the_training_rows_codes(reader):
    training = {"sensitive_features": list("abcabc")}
    _, held_out = reader.read_both(
        X, Y, **training, X_val=X[:3], y_val=Y[:3], sensitive_features_val=list("cbc")
    )
    assert_array_equal(held_out.groups.codes, [2, 1, 2])
