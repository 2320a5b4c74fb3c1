"""
Undoing label noise
===================

Some of the labels that a classifier was trained on are wrong, nobody knows which, and
only a small sample has been checked by hand. This example flips 5 to 30 % of the labels
of the Adult census data, corrects the classifier for its loss on the checked sample,
and asks whether the samples whose weight was lowered are those that were flipped.
"""

# %%
# Noisy labels and a checked sample
# ---------------------------------
# 3000 rows keep their true labels; they are what the correction is measured on, and
# are not trained on. Of the others, labels are flipped in both directions, or only
# from high to low income, as when part of an income goes unreported. (In quick mode,
# with the environment variable ``SKSWU_QUICK=1``, there are fewer rows and shares.)

import os

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.model_selection import cross_val_predict
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from skswu import UnlearningClassifier
from skswu.datasets import load_adult
from skswu.objectives import TargetUtility
from skswu.updates import InfluenceUpdate

quick = os.environ.get("SKSWU_QUICK") == "1"
shares = [0.1, 0.3] if quick else [0.05, 0.1, 0.15, 0.2, 0.25, 0.3]
rng = np.random.default_rng(0)


def load(subset, n_rows=None):
    X, y = load_adult(subset=subset, return_X_y=True)
    return X.iloc[:n_rows], (y == ">50K").to_numpy().astype(int)[:n_rows]


X, y = load("train", 8000 if quick else None)
X_test, y_test = load("test")
prepare = make_column_transformer(
    (StandardScaler(), make_column_selector(dtype_include="number")),
    (
        OneHotEncoder(handle_unknown="ignore", sparse_output=False),
        make_column_selector(dtype_exclude="number"),
    ),
).fit(X)
X, X_test = prepare.transform(X), prepare.transform(X_test)

checked = rng.permutation(len(y)) < (1500 if quick else 3000)
X_checked, y_checked = X[checked], y[checked]
X, y = X[~checked], y[~checked]

# %%
# A loss that can be reached
# --------------------------
# A classifier trained on the checked rows alone tells which loss is possible on others.
# The many noisy rows are worth something too, so the target may be below it; one that
# is too low makes the correction learn the checked rows by heart. How far below is
# chosen once, with a tenth of the labels flipped, on a third of the checked rows that
# the correction does not see.


def flip(share, both_ways):
    flipped = rng.uniform(size=len(y)) < share
    return flipped if both_ways else flipped & (y == 1)


def train(flipped):
    labels = np.where(flipped, 1 - y, y)
    return LogisticRegression(max_iter=1000).fit(X, labels), labels


def correct(noisy, labels, factor, rows):
    """Correct for a share of the loss that some checked rows make possible."""
    alone = LogisticRegression(max_iter=1000)
    X_val, y_val = X_checked[rows], y_checked[rows]
    possible = cross_val_predict(alone, X_val, y_val, method="predict_proba")
    model = UnlearningClassifier(
        noisy,
        objective=TargetUtility(target=factor * log_loss(y_val, possible)),
        update=InfluenceUpdate(max_iter=20, tol=1e-3),
    )
    return model.unlearn(X, labels, X_val=X_val, y_val=y_val)


unseen = np.arange(len(y_checked)) % 3 == 0
noisy, labels = train(flip(0.1, both_ways=True))
losses = {}
for factor in (0.9, 0.95, 1.0):
    model = correct(noisy, labels, factor, ~unseen)
    losses[factor] = log_loss(y_checked[unseen], model.predict_proba(X_checked[unseen]))
factor = min(losses, key=losses.get)
print(pd.Series(losses, name="loss on the third").round(3).to_string())

# %%
# Correcting
# ----------
# At each share of flipped labels the classifier is trained on them, then corrected.
# How well the flipped samples can be told by their change of weight is measured by the
# area under the ROC curve, beside that of the obvious alternative: to suspect the
# samples that the noisy classifier fits worst.


def measure(share, both_ways):
    flipped = flip(share, both_ways)
    noisy, labels = train(flipped)
    model = correct(noisy, labels, factor, slice(None))
    own_loss = -noisy.predict_log_proba(X)[np.arange(len(y)), labels]
    return {
        "noise": "both ways" if both_ways else "high to low only",
        "share": share,
        "loss, noisy": log_loss(y_test, noisy.predict_proba(X_test)),
        "loss, corrected": log_loss(y_test, model.predict_proba(X_test)),
        "accuracy, noisy": noisy.score(X_test, y_test),
        "accuracy, corrected": model.score(X_test, y_test),
        "AUC, change of weight": roc_auc_score(flipped, -model.epsilon_),
        "AUC, own loss": roc_auc_score(flipped, own_loss),
    }


table = pd.DataFrame(
    [measure(share, both_ways) for both_ways in (True, False) for share in shares]
)
print(table.round(3).to_string(index=False))

# %%
# What comes of it
# ----------------
# Most of what the flipped labels cost is undone, in accuracy too where the noise has a
# direction. Where labels are flipped both ways, a sample's own loss tells the flipped
# ones better, the less so the more there are. Strong noise of one direction is believed
# by the noisy classifier, and it takes the checked rows to see through it. From about
# 15 % of labels flipped both ways, or 25 % one way, training on the checked rows alone
# does as well: so many of them are a luxury.

clean = LogisticRegression(max_iter=1000).fit(X, y)
alone = LogisticRegression(max_iter=1000).fit(X_checked, y_checked)
references = {
    "true labels": log_loss(y_test, clean.predict_proba(X_test)),
    "checked rows alone": log_loss(y_test, alone.predict_proba(X_test)),
}
colors = {"noisy": "tab:red", "corrected": "tab:blue"}
colors |= {"change of weight": "tab:blue", "own loss": "tab:gray"}

figure, axes = plt.subplots(
    2, 2, figsize=(8, 6), sharex=True, sharey="row", layout="constrained"
)
for column, (noise, rows) in zip(axes.T, table.groupby("noise"), strict=True):
    column[0].set_title(f"labels flipped {noise}")
    for axis, quantity in zip(column, ["loss", "AUC"], strict=True):
        for name in [name for name in table if name.startswith(quantity)]:
            label = name.split(", ")[1]
            axis.plot(
                100 * rows["share"], rows[name], "o-", label=label, color=colors[label]
            )
    for (name, value), style in zip(references.items(), ["--", ":"], strict=True):
        column[0].axhline(value, color="k", linestyle=style, linewidth=1, label=name)
    column[1].axhline(0.5, color="k", linestyle="--", linewidth=1, label="chance")
    column[1].set_xlabel("flipped share of the labels at risk, %")
axes[0, 0].set_ylabel("test loss")
axes[1, 0].set_ylabel("ROC AUC of flipped samples")
axes[0, 1].legend(loc="upper left")
axes[1, 0].legend(loc="center right")
plt.show()
