"""
A neural network, tuned
=======================

How much of a network's gap should be repaired, and with how much damping of its
curvature? This example puts raw columns, a skorch net and the correction in one
estimator, and lets a grid search over ``weighting__strength`` and
``influence__damping`` answer by cross-validation.
"""

# %%
# A network on raw columns
# ------------------------
# The net is a skorch classifier at the end of a pipeline. ``sex`` is a column of X by
# which the correction knows the groups; the pipeline drops it before the net. (In quick
# mode, with the environment variable ``SKSWU_QUICK=1``, there are fewer rows.)

import os

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from fairlearn.metrics import demographic_parity_difference
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler
from skorch import NeuralNetClassifier

from skswu import UnlearningClassifier
from skswu.datasets import load_adult
from skswu.metrics import make_fairness_scorer

quick = os.environ.get("SKSWU_QUICK") == "1"
n_rows = 4000 if quick else None
X, y = load_adult(subset="train", return_X_y=True)
X, y = X.iloc[:n_rows], (y.iloc[:n_rows] == ">50K").astype(np.int64)
X_test, y_test = load_adult(subset="test", return_X_y=True)
y_test = (y_test == ">50K").astype(np.int64)


class Perceptron(torch.nn.Sequential):
    """One hidden layer of 32 units, which every candidate starts from alike."""

    def __init__(self):
        torch.manual_seed(0)
        super().__init__(
            torch.nn.LazyLinear(32), torch.nn.ReLU(), torch.nn.Linear(32, 2)
        )


net = NeuralNetClassifier(
    Perceptron,
    criterion=torch.nn.CrossEntropyLoss,
    optimizer=torch.optim.Adam,
    optimizer__weight_decay=1e-4,
    lr=2e-3,
    max_epochs=6,
    train_split=None,
    verbose=0,
)
prepare = make_column_transformer(
    ("drop", ["sex"]),
    (StandardScaler(), make_column_selector(dtype_include="number")),
    (
        OneHotEncoder(handle_unknown="ignore", sparse_output=False),
        make_column_selector(dtype_exclude="number"),
    ),
)
to_float32 = FunctionTransformer(np.asarray, kw_args={"dtype": np.float32})
model = UnlearningClassifier(
    make_pipeline(prepare, to_float32, net), sensitive_features="sex", random_state=0
)

# %%
# The search
# ----------
# Each candidate trains the net on a fold and corrects it. A strength of zero leaves it
# as it is. The scorer reads the groups from X, so nothing has to be routed. What is
# refitted at the end is the most accurate candidate whose rates differ by at most 0.08.

search = GridSearchCV(
    model,
    {
        "weighting__strength": [0.0, 0.5, 0.8]
        if quick
        else [0.0, 0.25, 0.5, 0.75, 0.9],
        "influence__damping": [0.001, 0.01, 0.1],
    },
    scoring={
        "accuracy": "accuracy",
        "disparity": make_fairness_scorer(
            "demographic_parity_difference", sensitive_features="sex"
        ),
        "accuracy_within": make_fairness_scorer(
            "demographic_parity_difference",
            sensitive_features="sex",
            utility="accuracy",
            max_disparity=0.08,
        ),
    },
    refit="accuracy_within",
    cv=2 if quick else 3,
)
search.fit(X, y)
print(search.best_params_)

# %%
# What it found
# -------------
# On rows that took no part, and to which the net is given no sex:

corrected = search.best_estimator_
pd.DataFrame(
    {
        name: {
            "accuracy": (classifier.predict(X_test) == y_test).mean(),
            "demographic parity difference": demographic_parity_difference(
                y_test, classifier.predict(X_test), sensitive_features=X_test["sex"]
            ),
        }
        for name, classifier in [
            ("original", corrected.original_estimator_),
            ("corrected", corrected),
        ]
    }
).T.round(3)

# %%
# Each line is one damping, each point one strength, the larger the farther left.
# Too little damping trusts a curvature that is nearly zero in many directions, and too
# much forgets the curvature there is; either can cost accuracy for the same gap.

results = pd.DataFrame(search.cv_results_)
figure, ax = plt.subplots(figsize=(6.4, 4.0), layout="constrained")
colors = plt.get_cmap("viridis")(np.linspace(0.1, 0.8, 3))
groups = results.groupby("param_influence__damping")
for color, (damping, rows) in zip(colors, groups, strict=True):
    rows = rows.sort_values("param_weighting__strength")
    ax.plot(
        -rows["mean_test_disparity"],
        rows["mean_test_accuracy"],
        "o-",
        color=color,
        label=f"{damping:g}",
    )
best = results.loc[search.best_index_]
ax.plot(
    -best["mean_test_disparity"],
    best["mean_test_accuracy"],
    "o",
    markersize=14,
    fillstyle="none",
    color="black",
    label="chosen",
)
ax.axvline(0.08, color="0.6", linestyle=":", linewidth=1, label="bound")
ax.set_xlabel("Demographic parity difference")
ax.set_ylabel("Accuracy")
ax.legend(title="Damping", frameon=False)
ax.spines[["top", "right"]].set_visible(False)
plt.show()
