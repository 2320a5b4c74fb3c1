"""Data sets and their splits."""

from dataclasses import dataclass
from functools import cache, partial

import numpy as np
import pandas as pd
from scipy.special import expit
from sklearn.compose import make_column_transformer
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from skswu.datasets import load_adult

GENERATED_ROWS = 10_000


@dataclass(frozen=True)
class Rows:
    """Features without the group, labels 0 and 1, and the group, 0 or 1."""

    X: np.ndarray
    y: np.ndarray
    groups: np.ndarray

    def take(self, rows):
        """Return some of the rows."""
        return Rows(self.X[rows], self.y[rows], self.groups[rows])

    def with_type(self, dtype):
        """Return the rows with features of a type."""
        return Rows(self.X.astype(dtype), self.y, self.groups)

    def head(self, n_rows):
        """Return the first rows; the splits are in random order."""
        return self.take(slice(n_rows))


def load_problems(compas=None):
    """Return functions of a split's seed that make each data set's Rows.

    Tables stay the same, what is generated is drawn anew.
    """
    tables = {"Adult": cache(adult)}
    if compas:
        tables["COMPAS"] = cache(partial(read_compas, compas))
    makers = {name: lambda seed, read=read: read() for name, read in tables.items()}
    return {**makers, "proxy": proxy, "withheld": withheld}


def adult():
    """Adult; the groups are the sexes."""
    data = load_adult()
    X = data.data.drop(columns="sex")
    return Rows(
        encode(X),
        (data.target == ">50K").to_numpy().astype(np.int64),
        (data.data["sex"] == "Male").to_numpy().astype(np.int64),
    )


def read_compas(path):
    """COMPAS, from a file; African-American and Caucasian defendants."""
    frame = pd.read_csv(path)
    frame = frame[frame["race"].isin(["African-American", "Caucasian"])]
    return Rows(
        encode(frame.drop(columns=["race", "two_year_recid"])),
        frame["two_year_recid"].to_numpy().astype(np.int64),
        (frame["race"] == "Caucasian").to_numpy().astype(np.int64),
    )


def proxy(random_state):
    """A linear truth; one feature and the labels depend on the group."""
    rng = np.random.default_rng(random_state)
    groups = rng.integers(0, 2, GENERATED_ROWS)
    X = rng.standard_normal((GENERATED_ROWS, 6))
    X[:, 0] += groups
    margin = X @ [1.0, 0.8, -0.6, 0.4, 0.0, 0.0] + 0.5 * groups - 0.75
    return Rows(standardised(X), drawn(margin, rng), groups)


def withheld(random_state):
    """A curved truth; a minority's positive labels are withheld in two of five cases.

    The two last features tell of the group and of nothing else.
    """
    rng = np.random.default_rng(random_state)
    groups = (rng.random(GENERATED_ROWS) < 0.3).astype(np.int64)
    X = rng.standard_normal((GENERATED_ROWS, 6))
    X[:, 4:] += 1.5 * groups[:, None]
    y = drawn(1.5 * X[:, 0] * X[:, 1] + 1.5 * X[:, 2] + 0.5 * X[:, 3], rng)
    y[(groups == 1) & (rng.random(GENERATED_ROWS) < 0.4)] = 0
    return Rows(standardised(X), y, groups)


def drawn(margin, rng):
    return (rng.random(len(margin)) < expit(margin)).astype(np.int64)


def standardised(X):
    return StandardScaler().fit_transform(X)


def encode(X):
    """Return standardised numbers and one-hot categories, dense."""
    numbers = X.select_dtypes("number").columns
    one_hot = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    encoder = make_column_transformer(
        (StandardScaler(), numbers),
        (one_hot, X.columns.difference(numbers, sort=False)),
    )
    return encoder.fit_transform(X)


def split(rows, seed):
    """Return 50 % to train, 20 % to choose settings and 30 % to test."""
    train, rest = halves(rows, 0.5, seed)
    validation, test = halves(rest, 0.6, seed)
    return train, validation, test


def halves(rows, test_size, seed):
    first, second = train_test_split(
        np.arange(len(rows.y)),
        test_size=test_size,
        random_state=seed,
        stratify=2 * rows.y + rows.groups,
    )
    return rows.take(first), rows.take(second)
