"""
Auditing the weights
====================

A correction comes with its reasons: how each training sample pushes the gap and the
loss, and how much its weight was changed. This example corrects a classifier on the
Adult census data and asks what an auditor would: which weights were lowered, whose
they are, how much of the data is still at work, and what the correction cost.
"""

# %%
# A corrected classifier
# ----------------------
# ``sex`` stays out of the classifier, but is known of the training samples. (In quick
# mode, with the environment variable ``SKSWU_QUICK=1``, there are fewer rows.)

import os

import matplotlib.pyplot as plt
from fairlearn.postprocessing import ThresholdOptimizer
from fairlearn.reductions import DemographicParity, ExponentiatedGradient
from sklearn.base import clone
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from skswu import UnlearningClassifier
from skswu.datasets import load_adult
from skswu.inspection import (
    TradeoffDisplay,
    WeightsDisplay,
    influence_values,
    weights_summary,
)

quick = os.environ.get("SKSWU_QUICK") == "1"
train = load_adult(subset="train").frame.iloc[: 2000 if quick else None]
test = load_adult(subset="test").frame.iloc[: 2000 if quick else None]


def split(frame):
    rich = (frame["income"] == ">50K").astype(int)
    return frame.drop(columns=["income", "sex"]), rich, frame["sex"]


X, y, sex = split(train)
X_test, y_test, sex_test = split(test)

columns = make_column_transformer(
    (StandardScaler(), make_column_selector(dtype_include="number")),
    (
        OneHotEncoder(handle_unknown="ignore", sparse_output=False),
        make_column_selector(dtype_exclude="number"),
    ),
)
classifier = make_pipeline(columns, LogisticRegression(max_iter=1000))
classifier.fit(X, y)


def correct(**params):
    model = UnlearningClassifier(classifier).set_params(**params)
    return model.unlearn(X, y, sensitive_features=sex)


soft = correct(weighting__strength=0.5)
print(f"gap {soft.objective_before_[0]:.3f} -> {soft.objective_after_[0]:.3f}")

# %%
# The weights lowered most
# ------------------------
# One row a training sample, with the index of ``X``: the predicted change of the gap
# and of the loss if the sample is removed, and the relative change of its weight.

values = influence_values(soft, X)
values.nsmallest(5, "epsilon")

# %%
# Who they are:

X.loc[values["epsilon"].nsmallest(5).index].assign(rich=y, sex=sex)

# %%
# The data at large
# -----------------
# The effective sample size says how much of the data is still at work, the
# chi-squared divergence how far the reweighted data are from the original ones. The
# table compares the shares of labels and groups in all samples with those among the
# 5 % whose weight was lowered most.

print(weights_summary(soft, X, y, sensitive_features=sex))

# %%
# Hard against soft
# -----------------
# Hard weighting removes samples, soft weighting changes the weights of all by little.

hard = correct(weighting="hard", weighting__fraction=0.04)
print(weights_summary(hard, X, y, sensitive_features=sex))

display = WeightsDisplay.from_estimator(soft, name="soft")
WeightsDisplay.from_estimator(hard, name="hard", ax=display.ax_)
plt.show()

# %%
# What it buys
# ------------
# Corrections of rising strength, measured on the test rows by thresholded
# predictions, beside the original classifier, hard removal and two of fairlearn's
# mitigators. One of these, the threshold optimizer, needs the sensitive feature to
# predict.

path = [correct(weighting__strength=strength) for strength in (0.2, 0.4, 0.6, 0.8, 1.0)]
reduction = ExponentiatedGradient(
    clone(classifier),
    DemographicParity(),
    max_iter=10,
    sample_weight_name="logisticregression__sample_weight",
)
threshold = ThresholdOptimizer(
    estimator=classifier, prefit=True, predict_method="predict_proba"
)
for mitigator in (reduction, threshold):
    mitigator.fit(X, y, sensitive_features=sex)

TradeoffDisplay.from_estimator(
    path,
    X_test,
    y_test,
    sensitive_features=sex_test,
    others={
        "hard": hard,
        "exponentiated gradient": reduction,
        "threshold optimizer": threshold,
    },
    name="soft, by strength",
)
plt.show()
