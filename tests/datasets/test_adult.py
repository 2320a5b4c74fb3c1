"""The published counts of the Adult data are the oracle."""

import pickle
import socket

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from skswu.datasets import load_adult


@pytest.mark.parametrize(
    ("subset", "negative", "positive", "complete_rows"),
    [
        ("train", 24_720, 7_841, 30_162),
        ("test", 12_435, 3_846, 15_060),
        ("all", 37_155, 11_687, 45_222),
    ],
)
def test_counts_are_the_published_ones(subset, negative, positive, complete_rows):
    adult = load_adult(subset=subset)
    counts = adult.target.value_counts()
    assert counts["<=50K"] == negative
    assert counts[">50K"] == positive
    assert len(adult.data.dropna()) == complete_rows


def test_all_is_train_followed_by_test():
    parts = [load_adult(subset=subset).frame for subset in ("train", "test")]
    together = pd.concat(parts, ignore_index=True)
    pd.testing.assert_frame_equal(together, load_adult().frame)


def test_first_row_and_first_test_row():
    first = load_adult(subset="train").frame.iloc[0]
    assert list(
        first[["age", "workclass", "fnlwgt", "education", "sex", "income"]]
    ) == [
        39,
        "State-gov",
        77_516,
        "Bachelors",
        "Male",
        "<=50K",
    ]
    first = load_adult(subset="test").frame.iloc[0]
    assert list(
        first[["age", "workclass", "fnlwgt", "education", "sex", "income"]]
    ) == [
        25,
        "Private",
        226_802,
        "11th",
        "Male",
        "<=50K",
    ]


def test_kinds_of_columns():
    data = load_adult().data
    numeric = data.select_dtypes("int64").columns
    assert list(numeric) == [
        "age",
        "fnlwgt",
        "education_num",
        "capital_gain",
        "capital_loss",
        "hours_per_week",
    ]
    others = data.drop(columns=numeric)
    assert all(isinstance(dtype, pd.CategoricalDtype) for dtype in others.dtypes)
    gaps = data.isna().sum()
    assert gaps[gaps > 0].to_dict() == {
        "workclass": 2_799,
        "occupation": 2_809,
        "native_country": 857,
    }


def test_categories_are_the_same_in_every_subset():
    whole, train, test = (load_adult(subset=s) for s in ("all", "train", "test"))
    # Nobody in the official test set comes from there.
    assert "Holand-Netherlands" not in set(test.data["native_country"])
    assert "Holand-Netherlands" in test.categories["native_country"]
    assert whole.categories == train.categories == test.categories
    assert (whole.data.dtypes == test.data.dtypes).all()


def test_bunch_has_the_keys_of_a_bundled_scikit_learn_data_set():
    adult, iris = load_adult(), load_iris(as_frame=True)
    assert set(iris) <= set(adult)
    assert adult.feature_names == list(adult.data.columns)
    assert adult.target_names == ["<=50K", ">50K"]
    assert adult.target.name == "income"
    assert adult.filename == "adult.csv.gz"
    pd.testing.assert_frame_equal(
        adult.frame, pd.concat([adult.data, adult.target], axis=1)
    )


def test_description_names_source_licence_and_every_column():
    adult = load_adult()
    for text in ("CC BY 4.0", "10.24432/C5XW20", "Becker", *adult.frame.columns):
        assert text in adult.DESCR


def test_return_X_y():
    X, y = load_adult(return_X_y=True, subset="test")
    adult = load_adult(subset="test")
    pd.testing.assert_frame_equal(X, adult.data)
    pd.testing.assert_series_equal(y, adult.target)


def test_arrays_hold_positions_of_categories():
    frame, arrays = load_adult().data, load_adult(as_frame=False)
    assert arrays.frame is None
    assert arrays.data.dtype == np.float64
    assert set(arrays.target) == {"<=50K", ">50K"}
    for position, name in enumerate(arrays.feature_names):
        column = arrays.data[:, position]
        if name not in arrays.categories:
            np.testing.assert_array_equal(column, frame[name])
            continue
        missing = frame[name].isna()
        np.testing.assert_array_equal(np.isnan(column), missing)
        names = np.array(arrays.categories[name])
        np.testing.assert_array_equal(
            names[column[~missing].astype(int)], frame[name][~missing]
        )


def test_arrays_as_a_pair():
    X, y = load_adult(as_frame=False, return_X_y=True, subset="test")
    assert X.shape == (16_281, 14)
    assert y.shape == (16_281,)


def test_a_pipeline_takes_it():
    X, y = load_adult(return_X_y=True, subset="test")
    encoder = make_column_transformer((OneHotEncoder(), ["workclass", "relationship"]))
    model = make_pipeline(encoder, LogisticRegression())
    assert model.fit(X, y).score(X, y) > 12_435 / 16_281


def test_every_call_returns_data_of_its_own():
    first = load_adult()
    first.data.loc[0, "age"] = -1
    assert load_adult().data.loc[0, "age"] == 39


def test_bunch_is_picklable():
    adult = load_adult(subset="test")
    again = pickle.loads(pickle.dumps(adult))
    pd.testing.assert_frame_equal(again.frame, adult.frame)


def test_needs_no_network(monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError("opened a socket")

    monkeypatch.setattr(socket, "socket", refuse)
    load_adult()


@pytest.mark.parametrize("subset", ["training", None, 0])
def test_unknown_subset(subset):
    with pytest.raises(ValueError, match=r"subset must be one of \['all'") as error:
        load_adult(subset=subset)
    assert repr(subset) in str(error.value)


def test_options_are_keywords():
    with pytest.raises(TypeError, match="positional"):
        load_adult(True)
