"""The classifiers to correct, and how they are made."""

from importlib.util import find_spec

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression

#: Classifiers, and the most rows that each is trained on.
TRAINING_ROWS = {"logistic": 8000, "mlp": 4000, "boosting": 4000}
#: What the features must be, where it is not the usual type.
INPUT_TYPES = {"mlp": np.float32}


def available():
    """Return the names of the classifiers whose packages are installed."""
    return [name for name in TRAINING_ROWS if name != "mlp" or find_spec("skorch")]


def make_classifier(name, n_features, seed):
    """Return an unfitted classifier."""
    if name == "logistic":
        return LogisticRegression(max_iter=1000)
    if name == "boosting":
        return HistGradientBoostingClassifier(max_iter=20)
    from .nets import make_net

    return make_net(n_features, seed)
