"""The cells of rows whose groups are compared."""

from itertools import product

import numpy as np
from scipy.linalg import block_diag


class ComparedCells:
    """Rows by their group, and by the comparison of groups that they take part in.

    There is a comparison for each set of labels, and where there are strata, for each
    set in each stratum that has rows.

    Parameters
    ----------
    codes : ndarray of shape (n_samples,)
        Positions of the rows' labels.
    groups : Groups
        The rows' groups, with strata if these are compared within some.
    weight : ndarray of shape (n_samples,)
        The rows' sample weights.
    compared : dict of str to ndarray of bool of shape (n_classes,)
        Sets of labels by their names, ``""`` for that of all.

    Attributes
    ----------
    cells : ndarray of shape (n_samples,)
        The cell of each row; the last one is not compared.
    totals : ndarray of shape (n_comparisons, n_groups)
        Weight of the cells that are.

    Raises
    ------
    ValueError
        If a label is in two sets.
    """

    def __init__(self, codes, groups, weight, compared):
        stratum, strata = _occupied_strata(groups, weight)
        among = _set_of_label(compared)[codes]
        self.group_names = groups.names
        self.suffixes = [_suffix(*names) for names in product(compared, strata)]
        shape = len(self.suffixes), len(groups.names)
        n_cells = np.prod(shape)
        comparison = among * len(strata) + stratum
        cells = comparison * len(groups.names) + groups.codes
        self.cells = np.where((among >= 0) & (stratum >= 0), cells, n_cells)
        totals = np.bincount(self.cells, weight, n_cells + 1)
        self.totals = totals[:-1].reshape(shape)
        n_rows = np.bincount(self.cells, weight > 0, n_cells + 1)
        self._n_rows = n_rows[:-1].reshape(shape)

    def missing(self):
        """Return the names of the cells without a row of positive weight."""
        return [self._name(*cell) for cell in np.argwhere(self.totals == 0)]

    def sizes(self):
        """Return the number of rows of positive weight of each cell, by its name."""
        return {
            self._name(*cell): int(n_rows)
            for cell, n_rows in np.ndenumerate(self._n_rows)
        }

    def _name(self, comparison, group):
        return f"{self.group_names[group]!r}{self.suffixes[comparison]}"

    def names(self, name, comparison):
        """Return the names of the gaps of a metric."""
        return [
            f"{name}{suffix}: {gap}"
            for suffix in self.suffixes
            for gap in comparison.names(self.group_names)
        ]

    def contrasts(self, comparison):
        """Return the gaps' coefficients of all cells, (n_metrics, n_cells)."""
        blocks = [comparison.contrasts(totals) for totals in self.totals]
        return np.pad(block_diag(*blocks), [(0, 0), (0, 1)])


def _set_of_label(compared):
    """Return the position of each label's set, -1 for a label of none."""
    masks = np.array(list(compared.values()))
    if (masks.sum(axis=0) > 1).any():
        raise ValueError(
            "The sets of labels within which groups are compared must not overlap; got "
            f"{list(compared)} with the labels {[np.flatnonzero(m) for m in masks]}."
        )
    return np.where(masks.any(axis=0), masks.argmax(axis=0), -1)


def _occupied_strata(groups, weight):
    """Return the stratum of each row, and the names of those that have rows.

    It is -1 for the rows of a stratum without weight.
    """
    if groups.strata is None:
        return np.zeros(len(groups.codes), dtype=np.intp), [""]
    strata = groups.strata
    occupied = np.flatnonzero(np.bincount(strata.codes, weight, len(strata.names)))
    position = np.full(len(strata.names), -1)
    position[occupied] = np.arange(len(occupied))
    return position[strata.codes], [strata.names[code] for code in occupied]


def _suffix(*names):
    """Return what the names of the set of labels and the stratum add to a metric's."""
    within = ", ".join(name for name in names if name)
    return within and f" within {within}"
