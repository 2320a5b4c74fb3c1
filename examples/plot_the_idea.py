"""
The idea in one picture
=======================

How does a correction work? Three steps, drawn for a logistic regression on the Adult
census data that gives men more high incomes than women: what each training sample does
to the gap and to the loss, how its weight is changed, and where the model ends up.
"""

# %%
# A fitted classifier
# -------------------
# ``sex`` is not among its inputs. (In quick mode, with the environment variable
# ``SKSWU_QUICK=1``, there are fewer rows.)

import os
import sys

import matplotlib.pyplot as plt
import numpy as np
from fairlearn.metrics import demographic_parity_difference
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from skswu import UnlearningClassifier
from skswu.datasets import load_adult
from skswu.inspection import InfluenceDisplay, WeightsDisplay
from skswu.objectives import DemographicParity

quick = os.environ.get("SKSWU_QUICK") == "1"
n_rows = 3000 if quick else None
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
# Its corrections
# ---------------
# Soft weighting takes the share of the gap to remove, hard weighting the share of the
# samples to remove.


def correct(weighting, **params):
    parity = DemographicParity(pos_label=">50K")
    # One step, in which weights follow the influence on the gap alone.
    corrected = UnlearningClassifier(
        model, objective=parity, weighting=weighting, update="one_step"
    )
    corrected.set_params(**{f"weighting__{name}": params[name] for name in params})
    return corrected.unlearn(X, y, sensitive_features=sex)


def measure(classifier):
    predictions = classifier.predict(X_test)
    gap = demographic_parity_difference(
        y_test == ">50K", predictions == ">50K", sensitive_features=sex_test
    )
    return gap, (predictions == y_test).mean()


soft = [correct("soft", strength=strength) for strength in (0.2, 0.4, 0.6, 0.8, 1.0)]
hard = [correct("hard", fraction=fraction) for fraction in (0.01, 0.02, 0.04, 0.08)]

# %%
# From influence to weights to model
# ----------------------------------
# The first two panels show every training sample. The third shows the test rows and the
# thresholded predictions, by fairlearn's demographic parity difference.

figure, axes = plt.subplots(1, 3, figsize=(12, 3.9), layout="constrained")
gap, loss = soft[0].influence_[0], soft[0].utility_influence_
names = {"metric_name": "gap", "before": soft[0].objective_before_[0], "s": 3}
InfluenceDisplay.from_values(gap, loss, groups=sex, ax=axes[0], **names)
# A few samples of great influence would set the scale for all others.
highest = 1.2 * np.quantile(np.abs(loss), 0.999)
axes[0].set_ylim(-highest, highest)
n_outside = (np.abs(loss) > highest).sum()
label = axes[0].get_xlabel()
axes[0].set_xlabel(f"{label}\n({n_outside} of {len(loss):,} samples are not shown)")

for corrected, name in ((soft[2], "soft, 60 %"), (hard[2], "hard, 4 %")):
    WeightsDisplay.from_values(
        gap, corrected.epsilon_, metric_name="gap", name=name, ax=axes[1], s=3
    )

for path, name in ((soft, "soft, 20 to 100 %"), (hard, "hard, 1 to 8 %")):
    gaps, accuracies = zip(*map(measure, path), strict=True)
    axes[2].plot(gaps, accuracies, "o-", label=name)
axes[2].plot(*measure(model), "k*", markersize=11, label="original")
axes[2].set(xlabel="Demographic parity difference", ylabel="Accuracy")
axes[2].locator_params(axis="x", nbins=5)
axes[2].legend(loc="lower right")

steps = ("influence of samples", "change of weights", "corrected model, test rows")
for number, (ax, step) in enumerate(zip(axes, steps, strict=True), start=1):
    ax.set_title(f"{number}. {step.capitalize()}", pad=36)

if len(sys.argv) > 1:
    figure.savefig(sys.argv[1], dpi=110)
plt.show()
