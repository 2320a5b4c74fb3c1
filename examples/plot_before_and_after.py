"""
Before and after
================

What does a correction change, and what does it cost? These are the numbers and the
picture of the front page: a logistic regression on the Adult census data, corrected for
the gap between women and men, on the test rows, which took no part.
"""

# %%
# A fitted classifier and its correction
# --------------------------------------
# A fifth of the training rows is kept apart to measure the gap on that is closed. (In
# quick mode, with the environment variable ``SKSWU_QUICK=1``, there are fewer rows.)

import os
import sys

import matplotlib.pyplot as plt
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from skswu import UnlearningClassifier
from skswu.datasets import load_adult
from skswu.inspection import CorrectionReport
from skswu.objectives import DemographicParity
from skswu.weighting import SoftWeighting

n_rows = 6000 if os.environ.get("SKSWU_QUICK") == "1" else None


def load(subset):
    X, y = load_adult(subset=subset, return_X_y=True)
    return X.drop(columns="sex")[:n_rows], y[:n_rows], X["sex"][:n_rows]


X, y, sex = load("train")
X_test, y_test, sex_test = load("test")
X, X_val, y, y_val, sex, sex_val = train_test_split(
    X, y, sex, test_size=0.2, stratify=y, random_state=0
)
prepare = make_column_transformer(
    (StandardScaler(), make_column_selector(dtype_include="number")),
    (
        OneHotEncoder(handle_unknown="ignore"),
        make_column_selector(dtype_exclude="number"),
    ),
)
model = make_pipeline(prepare, LogisticRegression(max_iter=1000)).fit(X, y)


def correct(strength):
    corrected = UnlearningClassifier(
        model,
        objective=DemographicParity(pos_label=">50K"),
        weighting=SoftWeighting(strength=strength),
    )
    return corrected.unlearn(
        X,
        y,
        sensitive_features=sex,
        X_val=X_val,
        y_val=y_val,
        sensitive_features_val=sex_val,
    )


# %%
# The numbers
# -----------
# The report has them, with their intervals.


def report_of(corrected):
    return CorrectionReport.from_estimator(
        corrected, X_test, y_test, sensitive_features=sex_test
    )


chosen = 0.8
reports = {strength: report_of(correct(strength)) for strength in (0.3, 0.6, chosen, 1)}


def measure(report, name):
    table = report.tables["measures"]
    return table[table["measure"] == name].iloc[0]


report = reports[chosen]
for name in ("selection_rate_gap", "accuracy", "true_positive_rate_gap"):
    row = 100 * measure(report, name)[["before", "after", "after_low", "after_high"]]
    print(
        f"{name}: {row.before:.1f} -> {row.after:.1f} "
        f"({row.after_low:.1f} to {row.after_high:.1f})"
    )

# %%
# The picture
# -----------
# On the left, how often each group is predicted to have a high income. On the right,
# what accuracy it costs to close more of the gap.

figure, (rates, price) = plt.subplots(1, 2, figsize=(10, 3), layout="constrained")
for height, row in enumerate(report.tables["selection"].itertuples()):
    before, after = 100 * row.rate_before, 100 * row.rate_after
    arrow = {"arrowstyle": "-|>", "lw": 2, "color": "black", "shrinkA": 6}
    rates.annotate("", (after, height), (before, height), arrowprops=arrow)
    rates.plot(before, height, "o", color="black", markerfacecolor="white", ms=8)
    for value, weight in ((before, "normal"), (after, "bold")):
        rates.annotate(
            f"{value:.1f} %",
            (value, height),
            (0, 10),
            textcoords="offset points",
            ha="center",
            weight=weight,
        )
names = {"Female": "women", "Male": "men"}
rates.set_yticks(
    [0, 1], [names[group] for group in report.tables["selection"]["group"]]
)
rates.set(xlim=(0, 30), ylim=(1.5, -0.7), xlabel="% predicted to earn over 50K")
rates.set_title("Selection rates, before and after")

gaps = [measure(report, "selection_rate_gap") for report in reports.values()]
accuracies = [measure(report, "accuracy") for report in reports.values()]
path = [
    [100 * rows[0].before, *(100 * row.after for row in rows)]
    for rows in (gaps, accuracies)
]
price.plot(*path, "o-", color="black", markerfacecolor="white")
before, *_, after, _ = zip(*path, strict=True)
price.plot(*after, "D", color="black", ms=8)
for text, point, offset in (
    ("before", before, (-8, -18)),
    (f"strength {chosen}", after, (10, -8)),
):
    price.annotate(text, point, offset, textcoords="offset points")
price.set(xlabel="gap in selection rates, points", ylabel="accuracy, %")
price.set_xlim(0, 1.15 * before[0])
price.set_title("The price: accuracy against the gap")
for axes in (rates, price):
    axes.spines[["top", "right"]].set_visible(False)

if len(sys.argv) > 1:
    figure.savefig(sys.argv[1], dpi=110)
plt.show()
