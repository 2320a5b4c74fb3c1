"""
A report for a committee
========================

What does one show to people who have to decide whether a corrected classifier may be
used? This example corrects a classifier on the Adult census data for the gap between
women and men, and makes the report of it on rows that took no part: by sex, by race and
by their crossing.
"""

# %%
# A corrected classifier
# ----------------------
# Sex and race are no columns of the classifier.

import os

from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from skswu import UnlearningClassifier
from skswu.datasets import load_adult
from skswu.inspection import CorrectionReport
from skswu.objectives import DemographicParity

n_rows = 6000 if os.environ.get("SKSWU_QUICK") == "1" else None


def load(subset):
    X, y = load_adult(subset=subset, return_X_y=True)
    people = X[["sex", "race"]]
    return X.drop(columns=people.columns)[:n_rows], y[:n_rows], people[:n_rows]


X, y, people = load("train")
X_test, y_test, people_test = load("test")

classifier = make_pipeline(
    make_column_transformer(
        (StandardScaler(), make_column_selector(dtype_include="number")),
        (
            OneHotEncoder(handle_unknown="ignore"),
            make_column_selector(dtype_exclude="number"),
        ),
    ),
    LogisticRegression(max_iter=1000),
).fit(X, y)
corrected = UnlearningClassifier(
    classifier, objective=DemographicParity(pos_label=">50K")
).set_params(weighting__strength=0.8)
corrected.unlearn(X, y, sensitive_features=people["sex"])

# %%
# The report
# ----------
# A finding is "yes" or "no" only where the whole interval says so.

report = CorrectionReport.from_estimator(
    corrected,
    X_test,
    y_test,
    sensitive_features=people_test,
    training=(X, y, people["sex"]),
)
for question, finding in report.verdicts.items():
    print(f"{finding:>9}  {question}")

# %%
# What to know before relying on it is made from what was met:

for caution in report.cautions:
    print("-", caution)

# %%
# The page itself. ``report.to_html("report.html")`` writes it to a file.

# sphinx_gallery_thumbnail_path = 'images/report_thumbnail.png'
report  # noqa: B018 - the gallery shows the last expression
