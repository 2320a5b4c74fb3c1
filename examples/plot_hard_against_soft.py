"""
Hard against soft weighting
===========================

Removing the samples that widen a gap repairs it too. What does it cost, compared with
changing all weights a little? This example corrects a logistic regression on the Adult
census data by both, at rising strength, and measures test rows.
"""

# %%
# A fitted classifier
# -------------------
# ``sex`` is not among its inputs. (In quick mode, with the environment variable
# ``SKSWU_QUICK=1``, there are fewer rows.)

import os

import matplotlib.pyplot as plt
import pandas as pd
from fairlearn.metrics import (
    demographic_parity_difference,
    equalized_odds_difference,
)
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from skswu import UnlearningClassifier
from skswu.datasets import load_adult
from skswu.inspection import WeightsDisplay
from skswu.objectives import DemographicParity

n_rows = 5000 if os.environ.get("SKSWU_QUICK") == "1" else None
X, y = load_adult(subset="train", return_X_y=True)
X, y = X.iloc[:n_rows], y.iloc[:n_rows]
X_test, y_test = load_adult(subset="test", return_X_y=True)
sex, sex_test = X.pop("sex"), X_test.pop("sex")

prepare = make_column_transformer(
    (StandardScaler(), make_column_selector(dtype_include="number")),
    (
        OneHotEncoder(handle_unknown="ignore"),
        make_column_selector(dtype_exclude="number"),
    ),
)
model = make_pipeline(prepare, LogisticRegression(max_iter=1000)).fit(X, y)

# %%
# Two ways to change the weights
# ------------------------------
# Hard weighting takes the k samples with the largest gain out of the training set. Soft
# weighting solves for the smallest change that is predicted to remove the asked share
# of the gap, with no weight below zero.


def correct(weighting, **params):
    parity = DemographicParity(pos_label=">50K")
    corrected = UnlearningClassifier(model, objective=parity, weighting=weighting)
    corrected.set_params(**{f"weighting__{name}": params[name] for name in params})
    return corrected.unlearn(X, y, sensitive_features=sex)


soft = {share: correct("soft", strength=share) for share in (0.25, 0.5, 0.75, 0.95)}
hard = {share: correct("hard", fraction=share) for share in (0.02, 0.05, 0.08, 0.1)}

display = WeightsDisplay.from_estimator(soft[0.5], name="soft, 50 % of the gap")
WeightsDisplay.from_estimator(
    hard[0.05], name="hard, 5 % of the samples", ax=display.ax_
)
plt.show()

# %%
# What they cost
# --------------
# Log loss, accuracy and two disparities, on test rows and by thresholded predictions.


def measure(classifier):
    rich, predicted = y_test == ">50K", classifier.predict(X_test) == ">50K"
    groups = {"sensitive_features": sex_test}
    return {
        "demographic parity difference": demographic_parity_difference(
            rich, predicted, **groups
        ),
        "accuracy": (rich == predicted).mean(),
        "log loss": log_loss(rich, classifier.predict_proba(X_test)[:, 1]),
        "equalized odds difference": equalized_odds_difference(
            rich, predicted, **groups
        ),
    }


original = pd.DataFrame([measure(model)], index=["original"])
paths = {
    name: pd.DataFrame({share: measure(path[share]) for share in path}).T
    for name, path in (("soft", soft), ("hard", hard))
}
pd.concat({"": original, **paths}).round(4)

# %%
# At the same gap the two are close in accuracy here, and neither is ahead everywhere.
# Soft weighting is ahead in log loss throughout: its probabilities stay truer. Both
# give up equalized odds alike, as a useful classifier must that selects groups of
# different true rates equally often.

_, axes = plt.subplots(1, 3, figsize=(12, 3.8), layout="constrained")
for ax, measured in zip(axes, original.columns[1:], strict=True):
    for name, path in paths.items():
        ax.plot(path.iloc[:, 0], path[measured], "o-", label=name)
    ax.plot(original.iloc[:, 0], original[measured], "k*", ms=11, label="original")
    ax.set(xlabel=original.columns[0].capitalize(), ylabel=measured.capitalize())
    ax.locator_params(axis="x", nbins=5)
axes[0].legend(loc="lower right")
plt.show()
