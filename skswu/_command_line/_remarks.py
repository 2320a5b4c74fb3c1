"""What is odd about the models, for users to look into."""

import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score

from ._messages import tell
from ._terminal import listed, printable, quoted
from .reading import MOST_CATEGORIES

# The area under the curve of a column that all but names the label.
_GIVES_AWAY = 0.99
_MOST_COLUMNS = 1000


def tell_of_constant_predictions(predictions, problem):
    """Tell which models predict the same for everybody."""
    label = f"{printable(problem.target)} = {printable(problem.positive)}"
    for name, predicted in predictions.items():
        if np.ptp(predicted.labels) == 0:
            everybody = label if predicted.labels[0] == 1 else f"not {label}"
            tell(
                f"{name} predicts {everybody} for all {len(predicted.labels):,} test "
                "rows, which is equal and of no use"
            )


def tell_of_revealing_columns(problem):
    """Tell which columns give the label away, of a table that is not very wide."""
    fitting, test = problem.fitting, problem.test
    if test.X.shape[1] > _MOST_COLUMNS:
        return
    found = [
        name
        for name in test.X
        if _area(fitting.X[name], fitting.y, test.X[name], test.y) >= _GIVES_AWAY
    ]
    if found:
        tell(
            f"nearly all that is to know of {quoted(problem.target)} stands in "
            f"{listed(found)}, perhaps because it is known only afterwards; --drop "
            "leaves a column out"
        )


def _area(column, y, test_column, test_y):
    """Return the area under the curve of a column's own guess of the label."""
    cells, test_cells = _cells(column, test_column)
    rate = pd.Series(y).groupby(cells).mean()
    guess = pd.Series(test_cells).map(rate).fillna(y.mean())
    return roc_auc_score(test_y, guess)


def _cells(column, test_column):
    """Return what tells rows apart: a range of numbers or a value, missing ones too."""
    if column.dtype.kind not in "iuf":
        return (c.astype(str).to_numpy() for c in (column, test_column))
    values = column.to_numpy(dtype=float)
    edges = np.unique(np.nanquantile(values, np.linspace(0, 1, MOST_CATEGORIES)))
    # A missing number is sorted beyond all others.
    return (
        np.where(np.isnan(v), -1, np.searchsorted(edges, v))
        for v in (values, test_column.to_numpy(dtype=float))
    )
