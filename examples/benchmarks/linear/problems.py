"""Generated rows, of any shape."""

import numpy as np
from peers.problems import Rows
from scipy.sparse import csr_array

CHUNK = 10_000


def generated(n_rows, n_features, *, n_classes=2, n_groups=2):
    """Return normal features; groups differ in one of them and in the labels."""
    rng = np.random.default_rng(0)
    groups = rng.integers(0, n_groups, n_rows)
    shift = groups / (n_groups - 1)
    coef = rng.standard_normal((n_features, n_classes)) / np.sqrt(n_features)
    X, y = np.empty((n_rows, n_features)), np.empty(n_rows, dtype=np.int64)
    for start in range(0, n_rows, CHUNK):
        rows = slice(start, start + CHUNK)
        X[rows] = rng.standard_normal(X[rows].shape)
        X[rows, 0] += shift[rows]
        scores = X[rows] @ coef + rng.gumbel(size=(len(X[rows]), n_classes))
        scores[:, -1] += 0.5 * shift[rows]
        y[rows] = scores.argmax(axis=1)
    return Rows(X, y, groups)


def generated_text(n_rows, n_words, n_entries):
    """Return documents' words in rows of length 1 or so; few words are frequent."""
    rng = np.random.default_rng(0)
    words = (n_words * rng.random(n_rows * n_entries) ** 3).astype(np.int32)
    pointers = np.arange(0, n_rows * n_entries + 1, n_entries, dtype=np.int32)
    values = np.full(len(words), 1 / np.sqrt(n_entries))
    X = csr_array((values, words, pointers), shape=(n_rows, n_words))
    X.sum_duplicates()
    groups = rng.integers(0, 2, n_rows)
    margin = X @ rng.standard_normal(n_words) + 0.5 * groups - 0.25
    margin += rng.logistic(size=n_rows)
    return Rows(X, (margin > 0).astype(np.int64), groups)
