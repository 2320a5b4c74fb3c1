"""weights_summary against counts by hand."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression

from skswu import UnlearningClassifier
from skswu.inspection import weights_summary

N = 40


@pytest.fixture
def model():
    """A fitted model whose weights are set by hand."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(N, 2))
    y, group = np.arange(N) % 2, np.where(np.arange(N) < 20, "a", "b")
    model = UnlearningClassifier(LogisticRegression().fit(X, y), weighting="hard")
    model.unlearn(X, y, sensitive_features=group)
    model.epsilon_ = np.zeros(N)
    model.epsilon_[[3, 5, 21, 0]] = [-1.0, -0.5, -0.25, 1.0]
    model.sample_weight_ = 1.0 + model.epsilon_
    return model


@pytest.fixture
def frame():
    rng = np.random.default_rng(0)
    group = np.where(np.arange(N) < 20, "a", "b")
    index = [f"person {i}" for i in range(N)]
    return pd.DataFrame({"u": rng.normal(size=N), "g": group}, index=index)


def test_numbers(model):
    summary = weights_summary(model)
    assert summary.n_samples == N
    assert summary.n_removed == 1
    assert_allclose(summary.chi_squared, (1 + 0.25 + 0.0625 + 1) / N)
    total, squares = 36 + 0.5 + 0.75 + 2, 36 + 0.25 + 0.5625 + 4
    assert_allclose(summary.effective_sample_size, total**2 / squares)
    assert summary.composition is None
    assert "40 training samples, 1 of them removed" in str(summary)


def test_the_most_lowered_come_first(model):
    assert_array_equal(weights_summary(model).lowered.index, [3, 5])
    every = weights_summary(model, fraction=1.0).lowered
    assert_array_equal(every.index, [3, 5, 21])
    assert_array_equal(every["epsilon"], [-1.0, -0.5, -0.25])
    assert_array_equal(every["sample_weight"], [0.0, 0.5, 0.75])


def test_composition(model, frame):
    y = np.arange(N) % 2
    summary = weights_summary(model, frame, y, sensitive_features="g", fraction=1.0)
    assert_array_equal(summary.lowered.index, ["person 3", "person 5", "person 21"])
    assert_array_equal(summary.lowered["group"], ["a", "a", "b"])
    composition = summary.composition
    assert composition.index.tolist() == [(0, "a"), (0, "b"), (1, "a"), (1, "b")]
    assert_array_equal(composition["n_samples"], [10, 10, 10, 10])
    assert_allclose(composition["share"], 0.25)
    assert_allclose(composition["share_lowered"], [0, 0, 2 / 3, 1 / 3])
    assert_allclose(composition["mean_epsilon"], [0.1, 0.0, -0.15, -0.025])
    assert "share_lowered" in str(summary)


def test_either_label_or_group_is_enough(model, frame):
    by_label = weights_summary(model, y=np.arange(N) % 2).composition
    assert by_label.index.tolist() == [0, 1]
    by_group = weights_summary(model, sensitive_features=frame["g"]).composition
    assert_allclose(by_group["share_lowered"], [1.0, 0.0])
    model.sensitive_features = "g"
    assert_allclose(weights_summary(model, frame).composition, by_group)


def test_held_out_rows_are_not_counted(frame):
    rng = np.random.default_rng(1)
    X, y = rng.normal(size=(N, 3)), np.arange(N) % 2
    model = UnlearningClassifier(
        LogisticRegression(), validation_fraction=0.2, random_state=0
    )
    model.set_params(weighting__strength=0.1)
    model.fit(X, y, sensitive_features=frame["g"])
    summary = weights_summary(model, y=y, sensitive_features=frame["g"])
    assert summary.n_samples == len(model.train_indices_) == 32
    assert summary.composition["n_samples"].sum() == 32
    assert_array_equal(
        summary.composition.groupby("group")["n_samples"].sum(),
        frame["g"].iloc[model.train_indices_].value_counts().sort_index(),
    )


def test_no_change_lowers_no_weight(model):
    model.epsilon_ = np.zeros(N)
    summary = weights_summary(model, y=np.arange(N) % 2)
    assert len(summary.lowered) == 0
    assert_allclose(summary.composition["share_lowered"], 0.0)


def test_bad_input_is_named(model):
    with pytest.raises(ValueError, match=r"fraction must be in \(0, 1\]; got 0"):
        weights_summary(model, fraction=0)
    with pytest.raises(ValueError, match="39 rows"):
        weights_summary(model, y=np.zeros(39))
    with pytest.raises(NotFittedError):
        weights_summary(UnlearningClassifier(LogisticRegression()))
