"""Sparse text with very many columns, without anything of their square."""

import tracemalloc

import numpy as np
import pytest
from scipy import sparse
from sklearn.linear_model import LogisticRegression

from skswu import UnlearningClassifier
from skswu.influence import ConjugateGradient, Direct, Influence


@pytest.fixture
def text():
    """Word counts of documents: 200,000 words, of which a few are frequent."""
    rng = np.random.default_rng(0)
    n_documents, n_words, length = 3000, 200_000, 40
    words = (n_words * rng.random(n_documents * length) ** 6).astype(np.int64)
    rows = np.repeat(np.arange(n_documents), length)
    X = sparse.csr_matrix(
        (np.ones(len(words)), (rows, words)), shape=(n_documents, n_words)
    )
    group = rng.integers(0, 2, n_documents)
    signal = np.asarray(X[:, :50] @ rng.normal(size=50)).ravel()
    y = signal + group + rng.logistic(size=n_documents) > np.median(signal) + 0.5
    return X, y, group


def test_memory_is_proportional_to_the_data(text):
    X, y, group = text
    fitted = LogisticRegression(C=0.1, max_iter=1000).fit(X, y)
    size = X.data.nbytes + X.indices.nbytes + X.indptr.nbytes + 8 * X.shape[1]
    tracemalloc.start()
    model = UnlearningClassifier(fitted).unlearn(X, y, sensitive_features=group)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 30 * size  # a dense curvature would take 60,000 times the data
    assert abs(model.objective_after_[0]) < 0.2 * abs(model.objective_before_[0])


def test_conjugate_gradients_equal_a_dense_solve_on_the_words_in_use(text):
    X, y, group = text
    X = X[:400, :1500]
    fitted = LogisticRegression(C=0.1, tol=1e-10, max_iter=10_000).fit(X, y[:400])
    iterative, direct = (
        UnlearningClassifier(
            fitted,
            validation_fraction=None,
            influence=Influence(solver=solver),
            update="one_step",
        ).unlearn(X, y[:400], sensitive_features=group[:400])
        for solver in (ConjugateGradient(tol=1e-11), Direct())
    )
    scale = np.abs(direct.influence_).max()
    assert np.abs(iterative.influence_ - direct.influence_).max() < 1e-8 * scale
    step = direct.estimator_.coef_ - fitted.coef_
    error = iterative.estimator_.coef_ - direct.estimator_.coef_
    assert np.linalg.norm(error) < 1e-6 * np.linalg.norm(step)
