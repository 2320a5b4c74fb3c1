"""How sure a number is: intervals, tests, and findings that may be undecided."""

import numpy as np
from scipy.stats import fisher_exact, norm

from ._measures import SELECTION_RATE
from ._paired_counts import by_decision

YES, NO, UNDECIDED = "yes", "no", "undecided"

#: A rate from fewer cases decides nothing.
FEW_CASES = 20


def finding(is_yes, is_no, is_enough=True):
    """Return "yes" or "no" where an interval says so, else "undecided"."""
    if not is_enough:
        return UNDECIDED
    return YES if is_yes else NO if is_no else UNDECIDED


def percentile_limits(draws, level):
    """Return the percentile limits of draws along the first axis; NaN without any."""
    tail = (1.0 - level) / 2.0
    absent = np.all(np.isnan(draws), axis=0)
    draws = np.where(absent, 0.0, draws)
    limits = np.nanquantile(draws, [tail, 1.0 - tail], axis=0)
    return np.where(absent, np.nan, limits)


def wilson_limits(rate, n_cases, level):
    """Return Wilson's limits of a rate; ``n_cases`` may be an effective number."""
    z = norm.ppf(0.5 + level / 2.0)
    n_cases = np.where(n_cases > 0, n_cases, np.nan)
    middle = (rate + z**2 / (2 * n_cases)) / (1 + z**2 / n_cases)
    half = np.sqrt(rate * (1 - rate) / n_cases + z**2 / (4 * n_cases**2))
    half = half * z / (1 + z**2 / n_cases)
    return np.clip(middle - half, 0.0, 1.0), np.clip(middle + half, 0.0, 1.0)


def effective_cases(measure, weighted, squares):
    """Return how many cases of equal weight tell as much, (sum w)² / sum w²."""
    total, square = measure.n_cases(weighted), measure.n_cases(squares)
    return np.divide(total**2, square, out=np.zeros(np.shape(total)), where=square > 0)


def rate_columns(measure, counts, level):
    """Return rates before and after with Wilson's limits, each of shape (n_groups,)."""
    columns = {}
    squares = by_decision(counts.squares)
    for when, weighted, square in zip(
        ("before", "after"), by_decision(counts.weighted), squares, strict=True
    ):
        rate = measure.rate(weighted)
        n_cases = effective_cases(measure, weighted, square)
        low, high = wilson_limits(rate, n_cases, level)
        columns[when] = rate
        columns[f"{when}_low"], columns[f"{when}_high"] = low, high
    return columns


def paired_estimate(statistic, weighted, draws, level, change=None):
    """Return a statistic before and after and its change, with percentile limits.

    Parameters
    ----------
    statistic : callable
        Counts by label and decision, shape (..., n_groups, 2, 2), to values (...).
    weighted : ndarray of shape (n_groups, 2, 2, 2)
        What was counted.
    draws : ndarray of shape (n_draws, n_groups, 2, 2, 2)
        What was drawn.
    level : float
        Level of the intervals.
    change : callable, default=None
        From values before and after; None is after minus before.
    """
    change = change or (lambda before, after: after - before)
    point = [statistic(counts) for counts in by_decision(weighted)]
    drawn = [statistic(counts) for counts in by_decision(draws)]
    estimate = {}
    for name, value, draw in zip(
        ("before", "after", "change"),
        [*point, change(*point)],
        [*drawn, change(*drawn)],
        strict=True,
    ):
        low, high = percentile_limits(draw, level)
        estimate |= {name: value, f"{name}_low": low, f"{name}_high": high}
    return {name: float(value) for name, value in estimate.items()}


def chance_gap(measure, counts, when, n_draws, level, random_state):
    """Return the gap of several groups of one and the same rate, by chance alone.

    Returns
    -------
    mean, high : float
        Its mean, and what it exceeds by chance in 1 - ``level`` of samples.
    """
    weighted = by_decision(counts.weighted)[when]
    squares = by_decision(counts.squares)[when]
    n_cases = np.round(effective_cases(measure, weighted, squares)).astype(int)
    n_cases = n_cases[n_cases > 0]
    rate = measure.rate(weighted.sum(axis=0))
    if len(n_cases) < 2 or np.isnan(rate):
        return np.nan, np.nan
    rates = random_state.binomial(n_cases, rate, (n_draws, len(n_cases))) / n_cases
    gaps = np.ptp(rates, axis=1)
    return float(gaps.mean()), float(np.quantile(gaps, level))


def few_cases(measure, rows):
    """Return which groups have few cases of a measure, before or after.

    Parameters
    ----------
    measure : Measure
        What is measured.
    rows : ndarray of int of shape (n_groups, 2, 2, 2)
        Numbers of rows.
    """
    n_cases = [measure.n_cases(counts) for counts in by_decision(rows)]
    return np.min(n_cases, axis=0) < FEW_CASES


def selection_against(rows, group, reference, when):
    """Compare a group's selection with another's, by the numbers of rows.

    Returns
    -------
    standardized_difference : float
        Difference of the rates over the standard deviation of a decision in both.
    p_value : float
        Of Fisher's exact test, two-sided.
    """
    counts = by_decision(rows)[when][[group, reference]]
    selected, total = SELECTION_RATE.n_hits(counts), SELECTION_RATE.n_cases(counts)
    if not total.all():
        return np.nan, np.nan
    rates, pooled = selected / total, selected.sum() / total.sum()
    deviation = np.sqrt(pooled * (1 - pooled))
    standardized = (rates[0] - rates[1]) / deviation if deviation > 0 else 0.0
    table = np.column_stack([selected, total - selected])
    return float(standardized), float(fisher_exact(table).pvalue)
