"""Equal contents have equal hashes, of whatever they are made."""

import pickle

import numpy as np
import pytest
from scipy.stats import loguniform
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV

from skswu._utils._content_hash import content_hash

RAW = np.array([{"C": 1.0}, {"C": 2.0}], dtype=object)
MASKED = {
    "numbers": np.ma.masked_array([1.0, 2.0, 3.0], [False, True, False]),
    "objects": np.ma.masked_array(["a", {"b": 1}], [False, True], dtype=object),
    "nothing masked": np.ma.masked_array(RAW),
}


@pytest.mark.parametrize("name", MASKED)
def test_masked_arrays_are_told_apart(name):
    one = MASKED[name]
    assert content_hash(one) is not None
    assert content_hash(one) == content_hash(one.copy())
    assert content_hash(one) == content_hash(pickle.loads(pickle.dumps(one)))
    other = one.copy()
    other.mask = ~np.ma.getmaskarray(one)
    assert content_hash(one) != content_hash(other)
    assert content_hash(one) != content_hash(np.asarray(one))


def test_what_is_behind_a_mask_is_no_content():
    mask = [False, True]
    pair = [np.ma.masked_array([1.0, hidden], mask) for hidden in (2.0, 3.0)]
    assert content_hash(pair[0]) == content_hash(pair[1])


@pytest.mark.parametrize("kind", [GridSearchCV, RandomizedSearchCV])
def test_fitted_searches_have_a_hash(kind, rng):
    X = rng.normal(size=(60, 3))
    y = (X[:, 0] > 0).astype(int)
    if kind is GridSearchCV:
        search = GridSearchCV(LogisticRegression(), {"C": [0.1, 1.0]}, cv=2)
    else:
        space = {"C": loguniform(0.1, 1.0)}
        search = kind(LogisticRegression(), space, n_iter=2, cv=2, random_state=0)
    search.fit(X, y)
    known = content_hash(search)
    assert known is not None
    assert known == content_hash(search)
    assert known != content_hash(search.fit(X[:40], y[:40]))


class Shy:
    def __init__(self, error):
        self.error = error

    def __getstate__(self):
        raise self.error


@pytest.mark.parametrize("error", [ValueError, NotImplementedError, OSError])
def test_what_cannot_be_pickled_has_none(error):
    assert content_hash(Shy(error("no"))) is None
