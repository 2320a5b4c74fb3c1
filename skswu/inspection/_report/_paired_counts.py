"""Rows counted by label, decision before and decision after, and drawn anew.

A row matters to rates, errors and changed decisions only through three answers, yes or
no: is its label the favourable one, was the decision before, is the decision after.
So a group is eight counts, and to draw its rows anew with replacement is to draw the
eight counts from a multinomial distribution, which takes the same time at any number of
rows. The same drawn rows count for both classifiers: differences are paired.
"""

from dataclasses import dataclass

import numpy as np

N_CELLS = 8
_SHAPE = (2, 2, 2)
_CHUNK_ELEMENTS = 1 << 22


@dataclass(frozen=True, eq=False)
class PairedCounts:
    """Counts of the rows of some groups by label, decision before, decision after.

    Attributes
    ----------
    rows : ndarray of int of shape (n_groups, 2, 2, 2)
        Numbers of rows.
    weighted : ndarray of shape (n_groups, 2, 2, 2)
        Sums of their sample weights.
    squares : ndarray of shape (n_groups, 2, 2, 2)
        Sums of the squared weights.
    """

    rows: np.ndarray
    weighted: np.ndarray
    squares: np.ndarray

    def take(self, groups):
        """Return the counts of some of the groups."""
        return PairedCounts(
            self.rows[groups], self.weighted[groups], self.squares[groups]
        )


def by_decision(counts):
    """Return the counts by label and decision, before and after.

    Parameters
    ----------
    counts : ndarray of shape (..., 2, 2, 2)
        By label, decision before and decision after.

    Returns
    -------
    before, after : ndarray of shape (..., 2, 2)
        By label and decision.
    """
    return counts.sum(axis=-1), counts.sum(axis=-2)


def count_pairs(decisions, codes, n_groups):
    """Count the rows of each group; those with the code -1 are left out."""
    known = codes >= 0
    cells = (codes * N_CELLS + cells_of(decisions))[known]
    weight = None if decisions.weight is None else decisions.weight[known]

    def counted(values):
        counts = np.bincount(cells, values, n_groups * N_CELLS)
        return counts.reshape(n_groups, *_SHAPE)

    rows = counted(None)
    if weight is None:
        return PairedCounts(rows, rows.astype(float), rows.astype(float))
    return PairedCounts(rows, counted(weight), counted(weight**2))


def cells_of(decisions):
    """Return which of the eight cells each row is in."""
    return decisions.truth * 4 + decisions.before * 2 + decisions.after


def draw_counts(decisions, codes, groups, n_draws, random_state):
    """Draw the rows of each group anew, with replacement, and count them.

    A group gets one row more before the draw, spread evenly over the eight cells. An
    empty cell would never vary: of 30 rows with no favourable decision, every draw has
    none, and the interval of the rate would be the point 0. With it, 95 % intervals
    hold the true gap in 94 to 99 % of samples from groups of 30 rows up, without it in
    as few as 70 %. Where the two classifiers never differ, the row is spread over the
    cells in which they agree, and changes stay exactly zero.

    Parameters
    ----------
    decisions : Decisions
        Of all rows.
    codes : ndarray of int of shape (n_rows,)
        Group of each row.
    groups : list of int
        The groups to draw.
    n_draws : int
        Number of draws.
    random_state : RandomState
        Draws them.

    Returns
    -------
    ndarray of shape (n_draws, n_groups, 2, 2, 2)
        Sums of sample weights, of the numbers of rows where there are none.
    """
    cells = cells_of(decisions)
    extra = _cells_of_the_extra_row(decisions)
    drawn = np.empty((n_draws, len(groups), N_CELLS))
    for position, group in enumerate(groups):
        own = codes == group
        weight = None if decisions.weight is None else decisions.weight[own]
        draw = _draw_multinomial if weight is None else _draw_rows
        drawn[:, position] = draw(cells[own], weight, extra, n_draws, random_state)
    return drawn.reshape(n_draws, len(groups), *_SHAPE)


def _cells_of_the_extra_row(decisions):
    agreeing = np.flatnonzero([1, 0, 0, 1, 1, 0, 0, 1])
    differ = np.any(decisions.before != decisions.after)
    return np.arange(N_CELLS) if differ else agreeing


def _draw_multinomial(cells, weight, extra, n_draws, random_state):
    counts = np.bincount(cells, minlength=N_CELLS).astype(float)
    counts[extra] += 1.0 / len(extra)
    return random_state.multinomial(len(cells), counts / counts.sum(), n_draws)


def _draw_rows(cells, weight, extra, n_draws, random_state):
    """Draw the rows themselves, whose weights differ."""
    n_rows = len(cells)
    cells, weight = np.append(cells, 0), np.append(weight, weight.mean())
    drawn = np.empty((n_draws, N_CELLS))
    n_chunk = max(1, _CHUNK_ELEMENTS // n_rows)
    for start in range(0, n_draws, n_chunk):
        chunk = drawn[start : start + n_chunk]
        rows = random_state.randint(0, n_rows + 1, size=(len(chunk), n_rows))
        picked = cells[rows]
        is_extra = rows == n_rows
        picked[is_extra] = random_state.choice(extra, is_extra.sum())
        picked += np.arange(len(chunk))[:, None] * N_CELLS
        sums = np.bincount(picked.ravel(), weight[rows].ravel(), chunk.size)
        chunk[:] = sums.reshape(chunk.shape)
    return drawn
