"""Several steps of networks and of users' updates do not go back."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
skorch = pytest.importorskip("skorch")

from sklearn.exceptions import ConvergenceWarning  # noqa: E402
from sklearn.linear_model import LogisticRegression  # noqa: E402
from torch import nn  # noqa: E402

from skswu import UnlearningClassifier  # noqa: E402
from skswu.updates import BaseUpdate, InfluenceUpdate  # noqa: E402
from skswu.weighting import SoftWeighting  # noqa: E402

# How well single steps do is not what is tested here.
pytestmark = [
    pytest.mark.filterwarnings(f"ignore::{category}")
    for category in (
        "skswu.exceptions.LinearizationWarning",
        "skswu.exceptions.UnreachableTargetWarning",
        "skswu.exceptions.UtilityLossWarning",
        "sklearn.exceptions.ConvergenceWarning",
    )
]


def data_of(seed, n=160):
    rng = np.random.default_rng(seed)
    group = rng.integers(0, 2, n)
    X = rng.normal(size=(n, 4)).astype(np.float32)
    X[:, 0] += group
    y = (X[:, 0] + X[:, 1] * X[:, 2] + rng.normal(size=n) > 0.5).astype(np.int64)
    return X, y, np.where(group == 1, "a", "b")


def make_net(seed, width):
    torch.manual_seed(seed)
    module = nn.Sequential(nn.Linear(4, width), nn.Tanh(), nn.Linear(width, 2))
    return skorch.NeuralNetClassifier(
        module,
        criterion=nn.CrossEntropyLoss,
        optimizer=torch.optim.Adam,
        lr=0.02,
        max_epochs=20,
        batch_size=32,
        train_split=None,
        verbose=0,
    )


class Watched(InfluenceUpdate):
    """Notes where each step starts and ends."""

    def move(self, move):
        parameters, length = super().move(move)
        PATH.append((move.distance(move.parameters), move.distance(parameters)))
        return parameters, length


PATH = []


@pytest.mark.parametrize("width", [3, 12])
@pytest.mark.parametrize("seed", range(5))
def test_the_distance_of_a_net_never_rises_and_the_nearest_is_kept(seed, width):
    X, y, group = data_of(seed)
    net = make_net(seed, width).fit(X, y)
    PATH.clear()
    model = UnlearningClassifier(
        net,
        update=Watched(max_iter=6),
        weighting=SoftWeighting(strength=0.8, utility_tolerance=None),
    ).unlearn(X, y, sensitive_features=group)
    original = PATH[0][0]
    for start, end in PATH:
        assert end <= max(start, 0.02 * original) * (1 + 1e-6)
    reached = abs(model.objective_after_[0] - 0.2 * model.objective_before_[0])
    nearest = min(end for _, end in PATH)
    assert reached <= max(nearest, 1e-3 * original) * (1 + 1e-6) + 1e-9
    assert model.n_iter_ == len(PATH)


class Wandering(BaseUpdate):
    """Goes to given shares of the way to the target, as long as they are accepted."""

    max_iter = 4

    def __init__(self, factors=(0.5, 0.9, 0.2, 0.3)):
        self.factors = factors

    def move(self, move):
        factor = self.factors[len(ACCEPTED)]
        parameters = move.view.parameters * factor
        ACCEPTED.append(move.accepts(parameters))
        return parameters, 1.0


ACCEPTED = []


def test_a_users_update_is_asked_no_worse_than_where_it_stands():
    X, y, group = data_of(0)
    fitted = LogisticRegression().fit(X, y)
    ACCEPTED.clear()
    model = UnlearningClassifier(fitted, update=Wandering())
    model.unlearn(X, y, sensitive_features=group)
    # Gaps grow with the coefficients: .9 is back from .5, and .3 from .2.
    assert ACCEPTED == [True, False, True, False]
    np.testing.assert_allclose(model.estimator_.coef_, 0.2 * fitted.coef_)
    assert model.n_iter_ == 4


def test_a_step_that_leads_nowhere_is_told_and_changes_nothing():
    X, y, group = data_of(0)
    fitted = LogisticRegression().fit(X, y)

    class Stuck(InfluenceUpdate):
        def full_step(self, move):
            step = super().full_step(move)
            return step if not STARTS else -step

        def follow(self, move, step):
            found = super().follow(move, step)
            STARTS.append(found[1])
            return found

    STARTS = []
    model = UnlearningClassifier(fitted, update=Stuck(max_iter=5))
    model.set_params(weighting__strength=0.5)
    with pytest.warns(ConvergenceWarning, match="No step"):
        model.unlearn(X, y, sensitive_features=group)
    assert len(STARTS) == 2
    assert STARTS[0] > 0
    assert STARTS[1] == 0
    assert model.step_length_ == STARTS[0]
