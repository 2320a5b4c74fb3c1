"""
Quick start on Adult
====================

Can a classifier that is already fitted be made to give men and women high incomes at
more equal rates? This example corrects a logistic regression on the Adult census data
and looks at both groups before and after, on rows that took no part.
"""

# %%
# A fitted classifier
# -------------------
# The columns are raw: numbers, categories, gaps. ``sex`` is known of the people, but is
# not an input. (In quick mode, with the environment variable ``SKSWU_QUICK=1``, there
# are fewer rows.)

import os

import matplotlib.pyplot as plt
import pandas as pd
from fairlearn.metrics import MetricFrame, selection_rate, true_positive_rate
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from skswu import UnlearningClassifier
from skswu.datasets import load_adult
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
# Its correction
# --------------
# ``unlearn`` takes the data that the model was trained on, and the groups. Three
# quarters of the gap are asked for. The pipeline itself is left as it is.

corrected = UnlearningClassifier(model, objective=DemographicParity(pos_label=">50K"))
corrected.set_params(weighting__strength=0.75)
corrected.unlearn(X, y, sensitive_features=sex)
before, after = corrected.objective_before_[0], corrected.objective_after_[0]
print(f"{corrected.objective_names_[0]}: {before:.3f} before, {after:.3f} after")

# %%
# Both groups, before and after
# -----------------------------
# Neither classifier is told the sex of the people in the test rows.

metrics = {
    "selection rate": selection_rate,
    "true positive rate": true_positive_rate,
    "accuracy": accuracy_score,
}
tables = {
    name: MetricFrame(
        metrics=metrics,
        y_true=y_test == ">50K",
        y_pred=classifier.predict(X_test) == ">50K",
        sensitive_features=sex_test,
    ).by_group
    for name, classifier in (("original", model), ("corrected", corrected))
}
pd.concat(tables, axis=1).swaplevel(axis=1)[list(metrics)].round(3)

# %%
# The selection rates come together. The true positive rates, which were nearly equal,
# come apart: repairing one metric has a price in another.

_, axes = plt.subplots(1, 2, figsize=(8.5, 3.6), layout="constrained", sharey=True)
for ax, metric in zip(axes, list(metrics)[:2], strict=True):
    table = pd.DataFrame({name: by_group[metric] for name, by_group in tables.items()})
    table.plot.bar(ax=ax, rot=0, legend=False, xlabel="")
    ax.set_title(metric.capitalize())
axes[0].legend(loc="upper left")
axes[0].set_ylabel("Share of the rows")
plt.show()
