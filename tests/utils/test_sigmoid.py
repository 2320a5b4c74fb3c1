"""The logistic function against SciPy's."""

import numpy as np
from numpy.testing import assert_allclose
from scipy.special import expit

from skswu._utils._sigmoid import sigmoid


def test_it_is_that_of_scipy_where_values_are_tiny_too(rng):
    x = np.concatenate([[0.0, -0.0, 1e-300], 700 * rng.uniform(-1, 1, 1000)])
    given = x.copy()
    assert_allclose(sigmoid(x), expit(x), rtol=1e-14)
    assert (x == given).all()


def test_it_ends_at_its_limits_without_a_warning():
    x = np.array([-np.inf, -1e300, 1e300, np.inf])
    assert sigmoid(x).tolist() == [0.0, 0.0, 1.0, 1.0]
