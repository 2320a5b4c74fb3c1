"""
Over-unlearning: what removal costs
===================================

Removing training samples is the blunt way to repair a model: a sample that widens the
gap between groups may also be one that the model learns from. This example retrains a
classifier on the Adult census data without each sample in turn, compares what changes
with what influence functions predict, and shows the samples whose removal would shrink
the gap and cost utility: those that binary removal unlearns too much.
"""

# %%
# A classifier of incomes
# -----------------------
# The pipeline does not see the sensitive feature, ``sex``. The gap and the loss are
# measured on rows that it was not trained on. (In quick mode, with the environment
# variable ``SKSWU_QUICK=1``, there are fewer rows.)

import os

import matplotlib.pyplot as plt
import numpy as np
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from skswu import UnlearningClassifier
from skswu.datasets import load_adult
from skswu.inspection import (
    InfluenceDisplay,
    LeaveOneOutDisplay,
    influence_values,
    leave_one_out,
)
from skswu.objectives import DemographicParity

quick = os.environ.get("SKSWU_QUICK") == "1"
train = load_adult(subset="train").frame.iloc[: 2000 if quick else None]
test = load_adult(subset="test").frame.iloc[: 2000 if quick else None]


def split(frame):
    return frame.drop(columns=["income", "sex"]), frame["income"], frame["sex"]


X, y, sex = split(train)
X_val, y_val, sex_val = split(test.iloc[::2])
X_test, y_test, sex_test = split(test.iloc[1::2])

columns = make_column_transformer(
    (StandardScaler(), make_column_selector(dtype_include="number")),
    (
        OneHotEncoder(handle_unknown="ignore", sparse_output=False),
        make_column_selector(dtype_exclude="number"),
    ),
)
classifier = make_pipeline(columns, LogisticRegression(max_iter=1000))
classifier.fit(X, y)

# %%
# Prediction and truth
# --------------------
# :func:`~skswu.inspection.influence_values` predicts the effect of removing each
# sample at the cost of one linear solve. :func:`~skswu.inspection.leave_one_out` finds
# the actual one: as many training problems as samples, solved side by side with one
# factor of the Hessian.

rows = {
    "sensitive_features": sex,
    "X_val": X_val,
    "y_val": y_val,
    "sensitive_features_val": sex_val,
}
parity = DemographicParity(pos_label=">50K")
indices = np.random.default_rng(0).choice(len(X), min(len(X), 5000), replace=False)
predicted = influence_values(classifier, X, y, objective=parity, **rows)
actual = leave_one_out(
    classifier, X, y, objective=parity, indices=indices, n_jobs=2, **rows
)

_, axes = plt.subplots(1, 2, figsize=(9, 4.2), layout="constrained")
for ax, column in zip(axes, actual, strict=True):
    display = LeaveOneOutDisplay.from_values(
        predicted[column].iloc[indices],
        actual[column],
        metric_name="mean loss" if column == "utility" else "parity gap",
        ax=ax,
    )
    print(f"{column}: correlation {display.correlation:.4f}")
plt.show()

# %%
# The quadrant of over-unlearning
# -------------------------------
# The classifier gives men the higher probability of a high income: the gap is
# positive, and removing a sample at the left shrinks it. Those in the shaded quadrant
# raise the loss when they are removed.

display = InfluenceDisplay.from_estimator(classifier, X, y, objective=parity, **rows)
helps = display.influence < 0
costs = helps & (display.utility_influence > 0)
print(
    f"removal of {helps.mean():.0%} of the samples would shrink the gap; "
    f"{costs.sum() / helps.sum():.0%} of these would cost utility"
)
plt.show()

# %%
# Removal against reweighting
# ---------------------------
# Hard weighting removes the samples that widen the gap most, whatever they are worth
# to the loss. Soft weighting changes all weights a little, as little as possible, and
# may not raise the loss on the evaluation rows, to first order.

corrections = {
    "hard, 2 %": UnlearningClassifier(classifier, weighting="hard").set_params(
        weighting__fraction=0.02
    ),
    "hard, 10 %": UnlearningClassifier(classifier, weighting="hard").set_params(
        weighting__fraction=0.1
    ),
    "soft": UnlearningClassifier(classifier).set_params(weighting__strength=0.5),
}
print(f"{'':10}  {'gap':>7}  {'loss':>7}  {'accuracy':>8}")
for name, model in corrections.items():
    model.set_params(objective=parity).unlearn(X, y, **rows)
    if name == "hard, 2 %":
        before, loss = model.objective_before_[0], model.utility_before_
        accuracy = classifier.score(X_test, y_test)
        print(f"{'original':10}  {before:7.4f}  {loss:7.4f}  {accuracy:8.4f}")
    print(
        f"{name:10}  {model.objective_after_[0]:7.4f}  {model.utility_after_:7.4f}  "
        f"{model.score(X_test, y_test):8.4f}"
    )
