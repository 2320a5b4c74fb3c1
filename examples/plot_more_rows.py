"""
Fitted on a sample, corrected on all rows
=========================================

Rows that do not fit into memory are rarely fitted on as a whole: a sample has to do. A
correction can see all of them, a partition at a time. This example fits the income
classifier of the Adult census data on samples of 1 % to 100 % of the training rows,
and corrects its selection rates on the same sample, or on all rows as a dask collection
over a memory map. What is left of the gap between men and women among other people?
"""

# %%
# A file of features, read by partitions
# --------------------------------------
# The transformed features are written to a file, which is opened as a memory map. The
# dask arrays on top of it cut the rows into partitions: nothing is read yet. (In quick
# mode, with the environment variable ``SKSWU_QUICK=1``, there are fewer rows.)

import os
import warnings
from pathlib import Path
from tempfile import TemporaryDirectory

import dask.array as da
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from skswu import UnlearningClassifier
from skswu.datasets import load_adult
from skswu.exceptions import SmallGroupWarning, TrainingDataWarning

quick = os.environ.get("SKSWU_QUICK") == "1"
shares = [0.05, 0.2, 1.0] if quick else [0.01, 0.02, 0.05, 0.1, 0.3, 1.0]
n_samples = 3 if quick else 10
n_rows = 8000 if quick else None


def load(subset, n_rows=None):
    X, y = load_adult(subset=subset, return_X_y=True)
    return X.iloc[:n_rows], (y == ">50K").to_numpy()[:n_rows]


X, y = load("train", n_rows)
X_test, y_test = load("test")
sex, sex_test = X["sex"].to_numpy(), X_test["sex"].to_numpy()
prepare = make_column_transformer(
    (StandardScaler(), make_column_selector(dtype_include="number")),
    (
        OneHotEncoder(handle_unknown="ignore", sparse_output=False),
        make_column_selector(dtype_exclude="number"),
    ),
)
X = prepare.fit_transform(X)
X_test = prepare.transform(X_test)

folder = TemporaryDirectory()
np.save(Path(folder.name, "X.npy"), X)
mapped = np.load(Path(folder.name, "X.npy"), mmap_mode="r")
size = len(y) // 4 + 1
collection = [da.from_array(mapped, (size, -1))]
collection += [da.from_array(one, size) for one in (y, sex)]
collection[0]

# %%
# Fit on a sample, correct on it or on all rows
# ---------------------------------------------
# ``unlearn`` takes the fitted classifier as it is. The rows that it was not fitted on
# leave a gradient behind, and a step of Newton's method on all of them goes with the
# correction. That the classifier is no fit of the rows given is told by a warning,
# which is expected here.

warnings.simplefilter("ignore", TrainingDataWarning)
warnings.simplefilter("ignore", SmallGroupWarning)
rng = np.random.default_rng(0)
found = []


def measure(model, name, share):
    predicted = model.predict(X_test)
    rates = [predicted[sex_test == one].mean() for one in ("Female", "Male")]
    gap = abs(rates[1] - rates[0])
    found.append((name, share, gap, accuracy_score(y_test, predicted)))


for share in shares:
    for _ in range(n_samples if share < 1.0 else 1):
        sample = np.sort(rng.permutation(len(y))[: int(share * len(y))])
        fitted = LogisticRegression(max_iter=1000).fit(X[sample], y[sample])
        measure(fitted, "not corrected", share)
        model = UnlearningClassifier(fitted, update="one_step").unlearn(
            X[sample], y[sample], sensitive_features=sex[sample]
        )
        measure(model, "corrected on the sample", share)
        model = UnlearningClassifier(fitted, update="one_step").unlearn(
            *collection[:2], sensitive_features=collection[2]
        )
        measure(model, "corrected on all rows", share)

columns = ["model", "share of the rows", "gap", "accuracy"]
found = pd.DataFrame(found, columns=columns)
found.groupby(["share of the rows", "model"]).mean().round(3)

# %%
# What remains among other people
# -------------------------------
# A small sample gives a noisy fit and a noisy correction. Corrected on all rows, the
# same classifier keeps more of its accuracy, and what is left of the gap depends about
# half as much on which sample it was.

fig, axes = plt.subplots(1, 2, figsize=(9, 3.5), layout="constrained")
for axis, column in zip(axes, ["gap", "accuracy"], strict=True):
    for name, own in found.groupby("model", sort=False):
        summary = own.groupby("share of the rows")[column].agg(["mean", "std"])
        axis.errorbar(
            summary.index, summary["mean"], summary["std"].fillna(0.0), label=name
        )
    axis.set(xscale="log", xlabel="share of the rows fitted on", ylabel=column)
axes[0].set_ylabel("gap in selection rates, test rows")
axes[1].set_ylabel("accuracy, test rows")
axes[0].legend()
plt.show()

# %%
# The changes of the weights stay where the rows are: they are a dask array, of which
# nothing is computed but what is asked for.

print(model.epsilon_)

# %%
# With a ``distributed.Client`` at hand, the same call has the workers of a cluster hold
# the partitions; see :doc:`/guide/more_rows`.

print(float(abs(model.epsilon_).max().compute()))
del mapped
folder.cleanup()
