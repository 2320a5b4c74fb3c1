"""
Tuning with GridSearchCV and metadata routing
=============================================

How strong should a correction be? This example lets scikit-learn's grid search choose
the share of the gap to remove and the regularisation of the classifier together: the
highest accuracy at which the demographic parity difference is at most 0.1 on held-out
rows.
"""

# %%
# What is searched
# ----------------
# Every fit of :class:`~skswu.UnlearningClassifier` trains the pipeline and corrects it,
# each row measured as if it had been left out. (In quick mode, with the environment
# variable ``SKSWU_QUICK=1``, there are fewer rows.)

import os

import matplotlib.pyplot as plt
import sklearn
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from skswu import UnlearningClassifier
from skswu.datasets import load_adult
from skswu.metrics import make_fairness_scorer
from skswu.objectives import DemographicParity

n_rows = 4000 if os.environ.get("SKSWU_QUICK") == "1" else None
X, y = load_adult(subset="train", return_X_y=True)
X, y = X.iloc[:n_rows], y.iloc[:n_rows]
X_test, y_test = load_adult(subset="test", return_X_y=True)

prepare = make_column_transformer(
    (StandardScaler(), make_column_selector(dtype_include="number")),
    (
        OneHotEncoder(handle_unknown="ignore"),
        ["workclass", "education", "marital_status", "occupation", "native_country"],
    ),
)
model = make_pipeline(prepare, LogisticRegression(max_iter=1000))
grid = {
    "weighting__strength": [0.25, 0.5, 0.75, 1.0],
    "estimator__logisticregression__C": [0.01, 1.0],
}

# %%
# Groups from a column
# --------------------
# Nothing has to be passed to the search when the groups are a column of ``X``: the
# meta-estimator and the scorers read it, and ``prepare`` leaves it out of the model.
# The bounded scorer, which ``refit`` takes, is the accuracy where the disparity is
# within the bound on each fold, and below every accuracy elsewhere.

disparity = make_fairness_scorer(
    "demographic_parity_difference", sensitive_features="sex"
)
bounded = make_fairness_scorer(
    "demographic_parity_difference",
    sensitive_features="sex",
    utility="accuracy",
    max_disparity=0.1,
)
parity = DemographicParity(pos_label=">50K")
search = GridSearchCV(
    UnlearningClassifier(
        model, objective=parity, sensitive_features="sex", random_state=0
    ),
    grid,
    scoring={"accuracy": "accuracy", "disparity": disparity, "bounded": bounded},
    refit="bounded",
    cv=3,
).fit(X, y)
print(search.best_params_)
print(f"test rows: accuracy {search.score(X_test, y_test):.3g} (bounded scorer),")
print(f"           disparity {-disparity(search, X_test, y_test):.3f}")

# %%
# Every candidate, at its mean over the folds. The bound must hold on each fold, so the
# choice lies within it by a margin.

_, ax = plt.subplots(figsize=(6.4, 4.2), layout="constrained")
results = search.cv_results_
for C in grid["estimator__logisticregression__C"]:
    chosen = results["param_estimator__logisticregression__C"] == C
    ax.plot(
        -results["mean_test_disparity"][chosen],
        results["mean_test_accuracy"][chosen],
        "o-",
        label=f"C = {C}",
    )
best = search.best_index_
ax.plot(
    -results["mean_test_disparity"][best],
    results["mean_test_accuracy"][best],
    "ko",
    markersize=13,
    fillstyle="none",
    label="chosen",
)
ax.axvline(0.1, color="0.5", linestyle="--", label="bound on each fold")
ax.set(xlabel="Demographic parity difference", ylabel="Accuracy")
ax.legend(loc="lower right")
plt.show()

# %%
# Groups by metadata routing
# --------------------------
# Where the groups are no column of ``X``, the search routes them: to ``fit``, which
# asks for them by ``set_fit_request``, and to the scorers, which ask for them when they
# name no column. The result is the same.

sex = X["sex"]
with sklearn.config_context(enable_metadata_routing=True):
    routed = GridSearchCV(
        UnlearningClassifier(model, objective=parity, random_state=0).set_fit_request(
            sensitive_features=True, sample_weight=False
        ),
        grid,
        scoring=make_fairness_scorer(
            "demographic_parity_difference", utility="accuracy", max_disparity=0.1
        ),
        cv=3,
    ).fit(X.drop(columns="sex"), y, sensitive_features=sex)
print(routed.best_params_ == search.best_params_)
