"""The cells of rows whose groups are compared."""

from itertools import product

import numpy as np


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
    compared : list of ndarray of int
        The groups of each comparison: all of them, or within strata those that have
        rows, if these are two or more.

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
        self.compared = [np.arange(len(groups.names))] * len(self.totals)
        self._missing = [
            f"{groups.names[group]!r}{self.suffixes[comparison]}"
            for comparison, group in np.argwhere(self.totals == 0)
        ]
        if groups.strata is not None:
            self._leave_out(list(compared))

    def _leave_out(self, sets):
        """Leave out groups without rows in a stratum, and one that is there alone."""
        present = [np.flatnonzero(totals) for totals in self.totals]
        nothing = np.array([], dtype=np.intp)
        self.compared = [some if len(some) > 1 else nothing for some in present]
        is_compared = np.zeros(self.totals.shape, dtype=bool)
        for comparison, some in enumerate(self.compared):
            is_compared[comparison, some] = True
        n_groups = len(self.group_names)
        somewhere = is_compared.reshape(len(sets), -1, n_groups).any(axis=1)
        self._missing = [
            f"{self.group_names[group]!r}{_suffix(sets[position])} in a stratum beside "
            "another group"
            for position, group in np.argwhere(~somewhere)
        ]

    def missing(self):
        """Return the names of the groups without a row that can be compared."""
        return self._missing

    def sizes(self):
        """Return the number of rows of each group that is compared, by its name."""
        return {
            f"{self.group_names[group]!r}{suffix}": int(n_rows[group])
            for suffix, some, n_rows in zip(
                self.suffixes, self.compared, self._n_rows, strict=True
            )
            for group in some
        }

    def left_out(self):
        """Return the names of the comparisons that hold rows of one group only."""
        return [
            suffix.strip()
            for suffix, some, totals in zip(
                self.suffixes, self.compared, self.totals, strict=True
            )
            if not len(some) and totals.any()
        ]

    def names(self, name, comparison):
        """Return the names of the gaps of a metric."""
        return [
            f"{name}{suffix}: {gap}"
            for suffix, some in zip(self.suffixes, self.compared, strict=True)
            if len(some)
            for gap in comparison.names([self.group_names[group] for group in some])
        ]

    def contrasts(self, comparison):
        """Return the gaps' coefficients of all cells, (n_metrics, n_cells)."""
        n_groups = self.totals.shape[1]
        rows = []
        for position, some in enumerate(self.compared):
            if len(some):
                gaps = comparison.contrasts(self.totals[position, some])
                block = np.zeros((len(gaps), self.totals.size + 1))
                block[:, position * n_groups + some] = gaps
                rows.append(block)
        return np.concatenate(rows)


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
