"""Soft against hard weights, cell by cell.

A cell is a data set, a model, an objective and an update. In each, seed by seed, three
models stand for the weightings:

- hard: the smallest fraction that removes a share of the original metric on the
  evaluation rows, or, if none does, the one with the best metric;
- soft, for the metric: of the strengths with at least the utility of hard, the one
  with the best metric;
- soft, for the utility: the smallest strength with a metric at least as good as hard's.

Where no strength qualifies, the one that comes closest stands. Soft is held to hard
either on the evaluation rows, as a user would choose, or on the test rows: then the
fronts of both are compared at equal height, and the noise of choosing is left out. A
fraction and a strength can be any number: between those that were run, measures are
interpolated.
"""

import numpy as np
import pandas as pd

CELL = ["data", "model", "objective", "update"]
#: How much of the metric is to be removed.
SHARE = 0.5
#: Of the measures that stand for utility, whether more is better.
SIGNS = {"accuracy": 1.0, "log_loss": -1.0}
_STANDING = ("original", "hard", "soft for the metric", "soft for the utility")
#: Doses that are looked at, in equal steps from zero to the largest that was run.
_N_DOSES = 101


def complete(table):
    """Return the table without cells that are still being filled."""
    size = table.groupby([*CELL, "seed"])["dose"].transform("size")
    expected = size.groupby(table["update"]).transform("max")
    return table[size == expected]


def interpolated(table):
    """Return the measures of every cell and seed, densely along the doses.

    Returns
    -------
    dict
        From cell and seed to a dict of DataFrames with a row a dose, from zero on, by
        weighting.
    """
    measures = [name for name in table if name.startswith(("evaluation_", "test_"))]
    measures = ["dose", *measures]
    originals = table[table["update"] == "none"].set_index([*CELL[:-1], "seed"])
    corrected = table[table["update"] != "none"]
    fronts = {}
    for key, cell in corrected.groupby([*CELL, "seed"], sort=False):
        original = originals.loc[(*key[:3], key[4]), measures].to_numpy(dtype=float)
        fronts[key] = {
            weighting: _interpolate(
                np.vstack([original, models[measures].to_numpy()]), measures
            )
            for weighting, models in cell.sort_values("dose").groupby("weighting")
        }
    return fronts


def _interpolate(models, measures):
    doses = np.linspace(0.0, models[-1, 0], _N_DOSES)
    columns = [np.interp(doses, models[:, 0], column) for column in models.T]
    return pd.DataFrame(np.transpose(columns), columns=measures)


def chosen(fronts, utility="accuracy", metric="metric", share=SHARE, on="evaluation"):
    """Return what stands for each weighting, a row a cell and seed.

    Parameters
    ----------
    fronts : dict
        From :func:`interpolated`.
    utility : {"accuracy", "log_loss"}
        What stands for utility.
    metric : {"metric", "surrogate"}
        What is repaired.
    share : float
        What hard is to remove of the metric.
    on : {"evaluation", "test"}
        The rows on which soft is held to hard.

    Returns
    -------
    DataFrame
        Indexed by cell and seed. The columns are pairs: one of "original", "hard",
        "soft for the metric" and "soft for the utility", and a measure or "dose".
    """
    rows = [
        _choose(cell["hard"], cell["soft"], utility, metric, share, on)
        for cell in fronts.values()
    ]
    measures = next(iter(fronts.values()))["hard"].columns
    return pd.DataFrame(
        np.array(rows),
        index=pd.MultiIndex.from_tuples(fronts, names=[*CELL, "seed"]),
        columns=pd.MultiIndex.from_product([_STANDING, measures]),
    )


def _choose(hard, soft, utility, metric, share, on):
    """Return the measures of what stands in a cell, one after the other."""
    gap = hard[f"evaluation_{metric}"].to_numpy()
    standing = hard.iloc[_first(gap, (1.0 - share) * gap[0])]
    gap = soft[f"{on}_{metric}"].to_numpy()
    gain = f"{on}_{utility}"
    spared = SIGNS[utility] * (soft[gain].to_numpy() - standing[gain])
    kept = spared >= min(spared.max(), 0.0)
    for_metric = soft.iloc[np.where(kept, gap, np.inf).argmin()]
    for_utility = soft.iloc[_first(gap, standing[f"{on}_{metric}"])]
    return np.concatenate([hard.iloc[0], standing, for_metric, for_utility])


def _first(gap, target):
    """Return the first position where a gap is at the target, or where it is least."""
    reached = gap <= target
    return reached.argmax() if reached.any() else gap.argmin()


def advantages(standing, utility="accuracy", metric="metric"):
    """Return soft's advantages on test rows, a row a cell.

    Returns
    -------
    DataFrame
        For the model that stands for soft in each question, the mean advantage in
        "metric" and "utility" over the seeds, with standard errors; more is better.
    """
    columns = {"metric": (metric, -1.0), "utility": (utility, SIGNS[utility])}
    hard = standing["hard"]
    differences = {
        (question, measure): sign
        * (standing[f"soft for the {question}"] - hard)[f"test_{column}"]
        for question in columns
        for measure, (column, sign) in columns.items()
    }
    cells = pd.DataFrame(differences).groupby(CELL, sort=False)
    return pd.concat({"mean": cells.mean(), "error": cells.sem().fillna(0.0)}, axis=1)


def wins(advantages):
    """Return in what soft beats hard, a row a cell: in the metric, the utility, both.

    It beats hard in one at no worse other if its mean advantage is positive there and
    not below minus one standard error in the other.
    """
    mean, error = advantages["mean"], advantages["error"]
    won = {}
    for question, other in (("metric", "utility"), ("utility", "metric")):
        better = mean[question, question] > 0
        no_worse = mean[question, other] >= -error[question, other]
        won[question] = better & no_worse
    return pd.DataFrame({**won, "both": won["metric"] & won["utility"]})


def losses(advantages):
    """Return in what hard beats soft beyond one standard error, a row a cell."""
    mean, error = advantages["mean"], advantages["error"]
    lost = {
        question: mean[question, question] < -error[question, question]
        for question in ("metric", "utility")
    }
    return pd.DataFrame({**lost, "both": lost["metric"] & lost["utility"]})
