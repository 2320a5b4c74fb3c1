"""The cases of bench_linear.py: what a correction costs, in units of the same run.

A Gram is ``Xs.T @ Xs`` into a buffer that is kept, Xs the rows times the square roots
of weights; a fit is the lbfgs fit that is corrected.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from peers.problems import Rows, adult, halves
from scipy.sparse import csr_array

from skswu.objectives import DemographicParity

from .corrections import fit, unlearn, unlearn_along
from .problems import generated, generated_text
from .timing import best_seconds, peak_numbers
from .tradeoff import BOUNDS, Mixture, point, soft_curve, speed_ratio


@dataclass(frozen=True)
class Case:
    """A row of the table.

    Attributes
    ----------
    title, unit : str
        What is measured, and in what.
    before, aim : str
        What it was in skswu 0.1, and what it should be.
    make_rows : callable
        ``make_rows(quick)`` returns the data.
    measure : callable
        ``measure(rows, repeats)`` returns the cell of the table and the seconds behind
        it, both as text.
    """

    title: str
    unit: str
    before: str
    aim: str
    make_rows: Callable[[bool], Rows]
    measure: Callable[[Rows, int], tuple[str, str]]


def shape(make, n_rows, *sizes, **options):
    """Return a maker of generated rows, a fiftieth of them in quick mode."""
    return lambda quick: make(n_rows // 50 if quick else n_rows, *sizes, **options)


def adult_rows(quick):
    rows = adult()
    return rows.head(5000) if quick else rows


def sparse_adult_rows(quick):
    rows = adult_rows(quick)
    return Rows(csr_array(rows.X), rows.y, rows.groups)


def in_grams(rows, repeats):
    classifier = fit(rows)
    weight = np.random.default_rng(1).random(len(rows.y))
    scaled = rows.X * np.sqrt(weight)[:, None]
    gram = np.empty((scaled.shape[1], scaled.shape[1]))
    return ratio(
        lambda: unlearn(classifier, rows),
        lambda: np.matmul(scaled.T, scaled, out=gram),
        repeats,
    )


def in_fits(rows, repeats, **parts):
    classifier = fit(rows)
    return ratio(lambda: unlearn(classifier, rows, **parts), lambda: fit(rows), repeats)


def in_corrections(rows, repeats, held_out=None):
    """Measure a path of 50 strengths, in corrections at one."""
    classifier = fit(rows)
    return ratio(
        lambda: unlearn_along(classifier, rows, held_out),
        lambda: unlearn(classifier, rows, held_out),
        repeats,
    )


def ratio(function, unit, repeats):
    one, other = best_seconds(function, unit, repeats=repeats)
    return f"{one / other:.2g}", f"{one:.3g} / {other:.3g}"


def memory(rows, repeats, correct):
    """Measure the peak beyond the data, in float64 numbers a row."""
    classifier = fit(rows)
    peak = peak_numbers(lambda: correct(classifier, rows))
    return f"{peak / len(rows.y):.1f}", f"{peak * 8e-6:.0f} MB"


def gradient_in_corrections(rows, repeats, bounds=BOUNDS[::2]):
    """Measure ExponentiatedGradient where soft weighting has the same disparity."""
    train, test = halves(rows, 1 / 3, seed=0)
    classifier = fit(train)
    curve = [soft_curve(classifier, train, test) for _ in range(repeats)]
    curve = np.min(curve, axis=0)
    points = [point(lambda b=b: Mixture(train, b, seed=0), test) for b in bounds]
    ratios = [speed_ratio(curve, parity, s) for _, parity, *_, s in points]
    ratios = sorted(one for one in ratios if one is not None)
    elapsed = f"{points[0][-1]:.3g} / {np.median(curve[:, -1]):.3g}"
    return f"{ratios[0]:.0f} to {ratios[-1]:.0f}", elapsed


def grams(size, before, aim, make_rows):
    return Case(f"one step, {size}", "Grams", before, aim, make_rows, in_grams)


def fits(size, before, aim, make_rows, objective="demographic_parity"):
    measure = partial(in_fits, objective=objective)
    return Case(f"one step, {size}", "fits", before, aim, make_rows, measure)


def path(size, make_rows):
    title, aims = f"path of 50, {size}", ("3.0 to 5.2", "<= 2.6")
    return Case(title, "corrections", *aims, make_rows, in_corrections)


def peak(what, before, aim, correct):
    title, measure = f"memory beyond X, {what}", partial(memory, correct=correct)
    return Case(title, "numbers a row", before, aim, MEDIUM, measure)


def gradient(size, before, aim, make_rows):
    title = f"ExponentiatedGradient at the same disparity, {size}"
    measure = gradient_in_corrections
    return Case(title, "corrections", before, aim, make_rows, measure)


MILLION = shape(generated, 1_000_000, 100)
WIDE = shape(generated, 100_000, 300)
WIDER = shape(generated, 40_000, 1000)
MEDIUM = shape(generated, 200_000, 50)
TEN_CLASSES = shape(generated, 100_000, 50, n_classes=10)
THIRTY_CLASSES = shape(generated, 40_000, 30, n_classes=30)
TEXT = shape(generated_text, 200_000, 200_000, 50)
GROUPS = shape(generated, 200_000, 20, n_groups=20)
LAST_OF_10, LAST_OF_30 = (DemographicParity(pos_label=label) for label in (9, 29))

CASES = {
    "step-100": grams("1,000,000 x 100", "5.6", "<= 3.5", MILLION),
    "step-300": grams("100,000 x 300", "3.0", "<= 2", WIDE),
    "step-1000": grams("40,000 x 1,000", "2.4", "<= 1.5", WIDER),
    "step-adult": fits("Adult, one-hot", ".26", "<= .15", adult_rows),
    "step-10-classes": fits(
        "10 classes, 100,000 x 50", "12", "<= 1.5", TEN_CLASSES, LAST_OF_10
    ),
    "step-30-classes": fits(
        "30 classes, 40,000 x 30", "34", "<= 6", THIRTY_CLASSES, LAST_OF_30
    ),
    "step-sparse": fits("sparse, 200,000 x 200,000, 50 a row", "1.8", "<= .35", TEXT),
    "step-20-groups": fits("20 groups, 200,000 x 20, parity", "22", "<= 4.4", GROUPS),
    "step-20-groups-odds": fits(
        "20 groups, 200,000 x 20, odds out of reach",
        "30",
        "<= 10",
        GROUPS,
        "equalized_odds",
    ),
    "path-adult": path("Adult, one-hot", adult_rows),
    "path-sparse": path("Adult, one-hot, sparse", sparse_adult_rows),
    "path-50": path("200,000 x 50", MEDIUM),
    "path-100": path("1,000,000 x 100", MILLION),
    "memory-step": peak("one step, 200,000 x 50", "16", "<= 7", unlearn),
    "memory-path": peak("path of 50, 200,000 x 50", "101", "<= 16", unlearn_along),
    "gradient": gradient("Adult", "105 to 145", ">= 200", adult_rows),
}
