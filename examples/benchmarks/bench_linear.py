"""Time and memory of correcting linear classifiers, against baselines in the same run.

Sections, all by default:

- gram: ``unlearn`` against one weighted Gram product of the same matrix, and its peak
  memory, on Adult and on synthetic rows;
- fit: ``unlearn`` against the lbfgs fit that it corrects, on Adult;
- tradeoff: soft weighting and hard removal against fairlearn's ExponentiatedGradient on
  Adult, over several splits;
- transcription: ``unlearn`` against the per-sample Hessians as the formula has them, an
  array of n * p * p numbers.

Machines that do other things at the same time are best measured with
``OMP_NUM_THREADS=1`` and ``--clock cpu``.
"""

import argparse
import os
import platform
import subprocess
import sys
import time
import warnings
from dataclasses import dataclass
from tempfile import TemporaryDirectory

import fairlearn
import numpy as np
import scipy
import sklearn
from fairlearn.metrics import (
    demographic_parity_difference,
    equalized_odds_difference,
)
from fairlearn.reductions import DemographicParity, ExponentiatedGradient
from scipy.special import expit
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, log_loss
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import skswu
from skswu import UnlearningClassifier
from skswu.datasets import load_adult
from skswu.weighting import HardWeighting, SoftWeighting

SECTIONS = ("gram", "fit", "tradeoff", "transcription")
CLOCKS = {"wall": time.perf_counter, "cpu": time.process_time}


def main():
    """Run the sections asked for."""
    options = parse_arguments()
    if options.peak_of:
        print_peak(options.peak_of)
        return
    print_environment(options)
    for section in options.sections:
        print(f"\n== {section}", flush=True)
        globals()[f"run_{section}"](options)


def parse_arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="small sizes, one split")
    parser.add_argument("--sections", nargs="+", choices=SECTIONS, default=SECTIONS)
    parser.add_argument("--rows", type=int, help="synthetic rows (default: 1,000,000)")
    parser.add_argument("--repeats", type=int, help="runs of each timing (default: 5)")
    parser.add_argument("--splits", type=int, help="splits of Adult (default: 5)")
    parser.add_argument("--clock", choices=CLOCKS, default="wall")
    parser.add_argument(
        "--evaluation",
        choices=("training", "held-out"),
        default="training",
        help="rows that the tradeoff's corrections measure the objective on",
    )
    parser.add_argument("--plot", metavar="FILE.png", help="draw the trade-off curves")
    parser.add_argument("--peak-of", help=argparse.SUPPRESS)
    options = parser.parse_args()
    quick = options.quick
    options.rows = options.rows or (50_000 if quick else 1_000_000)
    options.repeats = options.repeats or (3 if quick else 5)
    options.splits = options.splits or (1 if quick else 5)
    options.now = CLOCKS[options.clock]
    return options


def print_environment(options):
    print(
        f"Python {platform.python_version()}, numpy {np.__version__}, "
        f"scipy {scipy.__version__}, scikit-learn {sklearn.__version__}, "
        f"fairlearn {fairlearn.__version__}, skswu {skswu.__version__}; "
        f"{os.cpu_count()} cores ({platform.machine()}), "
        f"OMP_NUM_THREADS={os.environ.get('OMP_NUM_THREADS', 'unset')}; "
        f"{options.clock} time"
    )


@dataclass
class Problem:
    """Rows to fit and correct a classifier on."""

    name: str
    X: np.ndarray
    y: np.ndarray
    groups: np.ndarray


def adult_frame(n_rows=None):
    """Return the features of Adult without the sex, the labels and the sex."""
    adult = load_adult()
    X = adult.data.drop(columns="sex")[:n_rows]
    y = (adult.target == ">50K").to_numpy()[:n_rows]
    return X, y, adult.data["sex"].to_numpy()[:n_rows]


def make_encoder(X, numeric="standardised"):
    """Return a transformer to dense columns: one-hot categories, and the numbers."""
    numbers = X.select_dtypes("number").columns
    scaler = StandardScaler() if numeric == "standardised" else "passthrough"
    one_hot = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    return make_column_transformer(
        (scaler, numbers), (one_hot, X.columns.difference(numbers, sort=False))
    )


def adult_problem(n_rows=None):
    X, y, sex = adult_frame(n_rows)
    return Problem("Adult, one-hot", make_encoder(X).fit_transform(X), y, sex)


def synthetic_problem(n, p=100, chunk=10_000):
    """Return normal features; groups differ in one of them and in the labels."""
    rng = np.random.default_rng(0)
    groups = rng.integers(0, 2, n)
    coef = rng.standard_normal(p) / np.sqrt(p)
    X, y = np.empty((n, p)), np.empty(n, dtype=bool)
    for start in range(0, n, chunk):
        rows = slice(start, start + chunk)
        X[rows] = rng.standard_normal(X[rows].shape)
        X[rows, 0] += groups[rows]
        noise = rng.logistic(size=len(X[rows]))
        y[rows] = X[rows] @ coef + 0.5 * groups[rows] + noise > 0
    return Problem(f"synthetic {n:,} x {p}", X, y, groups)


def make_problem(name, options):
    if name == "synthetic":
        return synthetic_problem(options.rows)
    return adult_problem(5000 if options.quick else None)


def fit(problem, **parameters):
    classifier = LogisticRegression(**{"max_iter": 1000, **parameters})
    return fit_quietly(classifier, problem.X, problem.y)


def fit_quietly(classifier, X, y):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return classifier.fit(X, y)


def unlearn(classifier, problem, weighting="soft", **validation):
    model = UnlearningClassifier(classifier, weighting=weighting)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return model.unlearn(
            problem.X, problem.y, sensitive_features=problem.groups, **validation
        )


def seconds(function, options):
    start = options.now()
    function()
    return options.now() - start


def alternate(functions, options):
    """Return the median seconds of each function, run in turns after a first turn."""
    for f in functions:
        f()
    runs = [[seconds(f, options) for f in functions] for _ in range(options.repeats)]
    return np.median(runs, axis=0)


def run_gram(options):
    print(f"{'data':24}{'gram s':>9}{'unlearn s':>11}{'ratio':>7}{'peak memory':>18}")
    for name in ("adult", "synthetic"):
        problem = make_problem(name, options)
        classifier = fit(problem)
        weight = np.random.default_rng(1).random(len(problem.y))

        def gram(X=problem.X, w=weight):
            return (X * w[:, None]).T @ X

        def correct(classifier=classifier, problem=problem):
            return unlearn(classifier, problem)

        product, correction = alternate([gram, correct], options)
        size, peak = problem.X.nbytes, peak_beyond_data(problem)
        print(
            f"{problem.name:24}{product:9.3f}{correction:11.3f}"
            f"{correction / product:7.2f}{peak / 1e6:9.0f} MB ={peak / size:6.1%}",
            flush=True,
        )
        del problem, gram, correct
    print("peak memory: beyond the data, and as a share of X")
    print("targets: ratio 4 (aim 2); peak 15 % at 1,000,000 x 100")


def peak_beyond_data(problem):
    """Return the bytes that unlearn takes in a process that has just read its data."""
    with TemporaryDirectory() as folder:
        path = os.path.join(folder, "problem.npz")
        groups = problem.groups == problem.groups[0]
        np.savez(path, X=problem.X, y=problem.y, groups=groups)
        command = [sys.executable, __file__, "--peak-of", path]
        found = subprocess.run(command, check=True, capture_output=True, text=True)
    return int(found.stdout)


def print_peak(path):
    problem = Problem("", **np.load(path))
    few = slice(0, 5000)
    head = Problem("", problem.X[few], problem.y[few], problem.groups[few])
    classifier = fit(head)
    unlearn(classifier, head)  # imports, and what libraries set up once
    before = resident_bytes("VmRSS")
    unlearn(classifier, problem)
    print(resident_bytes("VmHWM") - before)


def resident_bytes(field):
    """Return a size of this process from Linux's /proc; VmHWM is the largest so far."""
    with open("/proc/self/status") as status:
        line = next(line for line in status if line.startswith(field))
    return int(line.split()[1]) * 1024


def run_fit(options):
    print(f"{'numeric columns':18}{'what':14}{'fit s':>9}{'iterations':>12}", end="")
    print(f"{'unlearn s':>11}{'of the fit':>12}")
    X, y, sex = adult_frame(3000 if options.quick else None)
    max_iter = 300 if options.quick else 10_000
    for numeric in ("raw", "standardised"):
        encoder = make_encoder(X, numeric)
        encoded = encoder.fit_transform(X)
        classifier = LogisticRegression(max_iter=max_iter)
        for what, data, estimator in (
            ("classifier", encoded, classifier),
            ("pipeline", X, make_pipeline(encoder, clone(classifier))),
        ):
            report_fit(f"{numeric:18}{what:14}", estimator, data, y, sex, options)
    print("target: 5 %")


def report_fit(title, estimator, X, y, sex, options):
    problem = Problem(title, X, y, sex)
    # Slow fits take seconds to minutes: one is enough.
    fits = [seconds(lambda: fit_quietly(estimator, X, y), options)]
    while len(fits) < options.repeats and sum(fits) < 10:
        fits.append(seconds(lambda: fit_quietly(clone(estimator), X, y), options))
    (correction,) = alternate([lambda: unlearn(estimator, problem)], options)
    last = estimator[-1] if hasattr(estimator, "steps") else estimator
    fit_time = np.median(fits)
    print(
        f"{title}{fit_time:9.3f}{last.n_iter_[0]:12d}{correction:11.3f}"
        f"{correction / fit_time:12.1%}",
        flush=True,
    )


STRENGTHS = (0.0, 0.2, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
FRACTIONS = (0.02, 0.05, 0.1, 0.15, 0.2, 0.25)
BOUNDS = (0.05, 0.03, 0.02, 0.01, 0.005)
COLUMNS = ("accuracy", "parity", "odds", "log_loss", "seconds")
TITLES = {
    "accuracy": "accuracy",
    "parity": "demographic parity difference",
    "odds": "equalized odds difference",
    "log_loss": "log loss",
    "seconds": "seconds",
}


def run_tradeoff(options):
    """Compare the three ways to less disparity on test rows of several splits."""
    curves = {}
    for seed in range(options.splits):
        for key, point in split_points(seed, options):
            curves.setdefault(key, []).append(point)
        print(f"split {seed + 1} of {options.splits}", file=sys.stderr, flush=True)
    points = {key: np.array(values) for key, values in curves.items()}
    print_points(points)
    print_speed_ratios(points)
    if options.plot:
        draw(points, options.plot)


def split_points(seed, options):
    """Yield ((method, parameter), values of COLUMNS) of one split."""
    adult = adult_problem(5000 if options.quick else None)
    train, test = (
        Problem("", *part) for part in split(adult, test_size=1 / 3, seed=seed)
    )
    validation = {}
    if options.evaluation == "held-out":
        train, held_out = (
            Problem("", *part) for part in split(train, test_size=0.2, seed=seed)
        )
        validation = {
            "X_val": held_out.X,
            "y_val": held_out.y,
            "sensitive_features_val": held_out.groups,
        }
    start = options.now()
    classifier = fit(train)
    yield (
        ("original", None),
        measure(classifier, test, options.now() - start),
    )
    weightings = [("soft", s, SoftWeighting(strength=s)) for s in STRENGTHS]
    weightings += [("hard", f, HardWeighting(fraction=f)) for f in FRACTIONS]
    for method, parameter, weighting in weightings:
        start = options.now()
        model = unlearn(classifier, train, weighting, **validation)
        yield (method, parameter), measure(model, test, options.now() - start)
    for bound in BOUNDS[:1] if options.quick else BOUNDS:
        start = options.now()
        mixture = Mixture(train, bound, seed)
        yield ("gradient", bound), measure(mixture, test, options.now() - start)


def split(problem, test_size, seed):
    """Return two tuples (X, y, groups), stratified by label and group."""
    parts = train_test_split(
        problem.X,
        problem.y,
        problem.groups,
        test_size=test_size,
        random_state=seed,
        stratify=[f"{y} {g}" for y, g in zip(problem.y, problem.groups, strict=True)],
    )
    return parts[::2], parts[1::2]


class Mixture:
    """ExponentiatedGradient's randomised classifier.

    Its labels are drawn; its probabilities are the mean of its classifiers'.
    """

    def __init__(self, problem, bound, seed):
        self.seed = seed
        self.fitted = ExponentiatedGradient(
            LogisticRegression(max_iter=1000),
            DemographicParity(difference_bound=bound),
        )
        self.fitted.fit(problem.X, problem.y, sensitive_features=problem.groups)

    def predict(self, X):
        return self.fitted.predict(X, random_state=self.seed)

    def predict_proba(self, X):
        pairs = zip(self.fitted.weights_, self.fitted.predictors_, strict=True)
        mean = sum(
            weight * predictor.predict_proba(X)
            for weight, predictor in pairs
            if weight > 0
        )
        return np.minimum(mean, 1.0)  # the weights sum to one up to rounding


def measure(model, test, elapsed):
    """Return the values of COLUMNS on test rows."""
    predicted = model.predict(test.X)
    groups = {"sensitive_features": test.groups}
    return (
        accuracy_score(test.y, predicted),
        demographic_parity_difference(test.y, predicted, **groups),
        equalized_odds_difference(test.y, predicted, **groups),
        log_loss(test.y, model.predict_proba(test.X)[:, 1]),
        elapsed,
    )


def print_points(points):
    print(f"{'method':10}{'parameter':>10}" + "".join(f"{c:>18}" for c in COLUMNS))
    for (method, parameter), values in points.items():
        means, deviations = values.mean(axis=0), values.std(axis=0)
        cells = [f"{m:.4f} +- {d:.4f}" for m, d in zip(means, deviations, strict=True)]
        shown = "" if parameter is None else f"{parameter:g}"
        print(f"{method:10}{shown:>10}" + "".join(f"{cell:>18}" for cell in cells))


def print_speed_ratios(points):
    """Print how much faster soft weighting reaches each point at no lower accuracy."""
    print("\nExponentiatedGradient's time over that of the soft weighting which has")
    print("the same or a lower demographic parity difference at no lower accuracy:")
    soft = np.stack([v for (m, _), v in points.items() if m == "soft"], axis=1)
    for (method, bound), values in points.items():
        if method != "gradient":
            continue
        pairs = list(zip(soft, values, strict=True))
        ratios = [speed_ratio(curve, point) for curve, point in pairs]
        found = [ratio for ratio in ratios if ratio is not None]
        shown = f"{np.mean(found):.0f} +- {np.std(found):.0f}" if found else "none"
        leads = [lead(curve, point) for curve, point in pairs]
        print(
            f"  bound {bound:<6g}{shown:>12}  in {len(found)} of {len(pairs)} splits;"
            f" accuracy there, disparity alone matched: "
            f"{np.nanmean(leads):+.4f} +- {np.nanstd(leads):.4f}"
        )


def speed_ratio(curve, point):
    """Return the ratio of times, or None if no strength is as good as the point."""
    accuracy, parity, *_, elapsed = interpolated(curve).T
    good = (accuracy >= point[0]) & (parity <= point[1])
    return point[4] / elapsed[good][0] if good.any() else None


def lead(curve, point):
    """Return the best accuracy at a point's disparity or less, above the point's."""
    accuracy, parity, *_ = interpolated(curve).T
    good = parity <= point[1]
    return accuracy[good].max() - point[0] if good.any() else np.nan


def interpolated(curve, n=1001):
    """Return the rows of a curve at n strengths, linearly between those measured."""
    at = np.linspace(STRENGTHS[0], STRENGTHS[-1], n)
    return np.column_stack([np.interp(at, STRENGTHS, column) for column in curve.T])


def draw(points, path):
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    styles = {
        "soft": ("C0", "o-", "soft weighting"),
        "hard": ("C1", "s--", "hard removal"),
        "gradient": ("C2", "^:", "ExponentiatedGradient"),
        "original": ("black", "*", "original"),
    }
    panels = [("parity", "accuracy"), ("odds", "accuracy"), ("parity", "log_loss")]
    figure, axes = plt.subplots(1, 3, figsize=(13, 4.2), layout="constrained")
    for ax, (x, y) in zip(axes, panels, strict=True):
        for method, (colour, style, label) in styles.items():
            rows = np.stack([v for (m, _), v in points.items() if m == method])
            abscissa, ordinate = (rows[:, :, COLUMNS.index(name)] for name in (x, y))
            ax.errorbar(
                abscissa.mean(axis=1),
                ordinate.mean(axis=1),
                xerr=abscissa.std(axis=1),
                yerr=ordinate.std(axis=1),
                fmt=style,
                color=colour,
                markersize=11 if method == "original" else 5,
                elinewidth=0.7,
                label=label,
            )
        ax.set(xlabel=TITLES[x], ylabel=TITLES[y])
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=4, frameon=False)
    figure.savefig(path, dpi=150)


def run_transcription(options):
    sizes = (500, 2000) if options.quick else (1000, 5000, 20_000, 48_842)
    print(f"{'rows':>8}{'p':>6}{'literal s':>11}{'unlearn s':>11}{'ratio':>8}", end="")
    print(f"{'its array':>12}{'largest error':>15}")
    adult = adult_problem()
    for n in sizes:
        rows = np.random.default_rng(0).permutation(len(adult.y))[:n]
        problem = Problem("", adult.X[rows], adult.y[rows], adult.groups[rows])
        classifier = fit(problem, tol=1e-8)
        ours = unlearn(classifier, problem).utility_influence_
        error = np.abs(literal_influence(classifier, problem) - ours).max()
        error /= np.abs(ours).max()
        literal, correction = alternate(
            [
                lambda c=classifier, p=problem: literal_influence(c, p),
                lambda c=classifier, p=problem: unlearn(c, p),
            ],
            options,
        )
        p = problem.X.shape[1] + 1
        print(
            f"{n:8,}{p:6}{literal:11.3f}{correction:11.3f}{literal / correction:8.1f}"
            f"{8 * n * p * p / 1e9:9.2f} GB{error:15.0e}",
            flush=True,
        )
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for p in (adult.X.shape[1] + 1, 101):
        print(
            f"{memory / 1e9:.0f} GB of memory, p = {p}: its array fits up to n = "
            f"{memory // (8 * p * p):,}"
        )


def literal_influence(classifier, problem):
    """Influence of each row on the mean training loss, as its formula is written.

    The Hessian is the sum of an array (n, p, p), one matrix a row; the gradients are an
    array (n, p). Weights and update, which ``unlearn`` also does, are left out.
    """
    X = np.column_stack([problem.X, np.ones(len(problem.X))])
    coef = np.append(classifier.coef_, classifier.intercept_)
    probability = expit(X @ coef)
    curvature = probability * (1.0 - probability)
    hessians = curvature[:, None, None] * X[:, :, None] * X[:, None, :]
    hessian = hessians.sum(axis=0) + np.diag(np.append(np.ones(X.shape[1] - 1), 0.0))
    gradients = (probability - problem.y)[:, None] * X
    return gradients @ np.linalg.solve(hessian, gradients.mean(axis=0))


if __name__ == "__main__":
    main()
