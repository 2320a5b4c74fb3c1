"""The three data sets, each as rows to train on, to choose by and to test on."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import expit
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from skswu.datasets import load_adult

#: Shares of the rows that the model is trained on, and that metrics are repaired on.
TRAINING_SHARE, EVALUATION_SHARE = 0.4, 0.3


@dataclass(frozen=True)
class Rows:
    """Encoded features, labels and groups."""

    X: np.ndarray
    y: np.ndarray
    groups: np.ndarray


@dataclass(frozen=True)
class Split:
    """Rows to train on, to repair and choose by, and to test on."""

    training: Rows
    evaluation: Rows
    test: Rows


def adult(n_rows, seed):
    """Return a sample of Adult: features without the sex, high income, the sex."""
    frame = load_adult().frame.sample(n_rows, random_state=seed)
    y = (frame["income"] == ">50K").to_numpy()
    X = frame.drop(columns=["sex", "income", "fnlwgt"])
    return X, y, frame["sex"].to_numpy(dtype=str)


def compas(path, n_rows, seed):
    """Return COMPAS: features without the race, two-year recidivism, the race."""
    frame = pd.read_csv(path)
    frame = frame[frame["race"].isin(["African-American", "Caucasian"])]
    frame = frame.sample(min(n_rows, len(frame)), random_state=seed)
    X = frame.drop(columns=["race", "two_year_recid"])
    return X, frame["two_year_recid"].to_numpy() == 1, frame["race"].to_numpy(dtype=str)


def generated(n_rows, seed):
    """Return rows whose labels follow merit, and are kept from half of a group's best.

    Merit is equally distributed in both groups and shows in three features, in one of
    them as a curve; two more tell the group, and four nothing. Of the rows of group
    "b" that deserve the positive label, half are recorded without it.
    """
    rng = np.random.default_rng(seed)
    is_b = rng.random(n_rows) < 0.4
    merit = rng.normal(size=n_rows)
    shown = merit[:, None] + rng.normal(scale=[0.5, 1.0], size=(n_rows, 2))
    curved = np.abs(merit) + rng.normal(scale=0.3, size=n_rows)
    telling = is_b[:, None] + rng.normal(scale=[0.4, 0.8], size=(n_rows, 2))
    noise = rng.normal(size=(n_rows, 4))
    deserves = rng.random(n_rows) < expit(3.0 * merit + np.abs(merit) - 1.0)
    held_back = is_b & (rng.random(n_rows) < 0.5)
    X = pd.DataFrame(np.column_stack([shown, curved, telling, noise]))
    return X.add_prefix("x"), deserves & ~held_back, np.where(is_b, "b", "a")


def split(X, y, groups, seed):
    """Return the Split, stratified by label and group, encoded as training rows are."""
    cells = [f"{label} {group}" for label, group in zip(y, groups, strict=True)]
    rows = np.arange(len(y))
    training, rest = train_test_split(
        rows, train_size=TRAINING_SHARE, stratify=cells, random_state=seed
    )
    evaluation, test = train_test_split(
        rest,
        train_size=EVALUATION_SHARE / (1.0 - TRAINING_SHARE),
        stratify=[cells[row] for row in rest],
        random_state=seed,
    )
    encoder = _make_encoder().fit(X.iloc[training])

    def take(rows):
        labels = y[rows].astype(np.int64)
        return Rows(encoder.transform(X.iloc[rows]), labels, groups[rows])

    return Split(take(training), take(evaluation), take(test))


def _make_encoder():
    categories = OneHotEncoder(
        handle_unknown="infrequent_if_exist", min_frequency=30, sparse_output=False
    )
    return make_column_transformer(
        (StandardScaler(), make_column_selector(dtype_include="number")),
        (categories, make_column_selector(dtype_exclude="number")),
    )
