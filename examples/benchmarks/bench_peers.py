"""Corrections and their peers: accuracy, disparity, time and what they ask of users.

Soft and hard weighting beside fairlearn's ExponentiatedGradient, GridSearch,
ThresholdOptimizer and AdversarialFairnessClassifier, Reweighing, a decision threshold
alone and, where they can be imported, scikit-lego's constrained classifiers, OxonFair
and error-parity's RelaxedThresholdOptimizer; for logistic regression also the best that
the class of models can do under the surrogate constraint. Each split has rows to train
on, rows to choose settings on and rows to measure on; generated data are drawn anew for
each. The front of a method is what the validation rows recommend at ten bounds on the
disparity, and its hypervolume, in accuracy and in log loss, is measured on the test
rows. Each method tries ten settings.

A run adds to the files in the folder ``--out``: finished cells of ``results.csv`` are
skipped, so that an interrupted run goes on where it was. Times are processor times;
set ``OMP_NUM_THREADS=1``. ``--report`` prints the tables and draws the fronts of what
is there.

COMPAS is ProPublica's table of two-year recidivism as a CSV file with the columns sex,
age, race, juv_fel_count, juv_misd_count, juv_other_count, priors_count,
c_charge_degree and two_year_recid; African-American and Caucasian defendants are
compared.
"""

import argparse
import csv
import itertools
import json
import logging
import time
import warnings
from pathlib import Path
from tempfile import TemporaryDirectory

from linear.timing import timed
from peers.classifiers import INPUT_TYPES, TRAINING_ROWS, available, make_classifier
from peers.methods import METHODS
from peers.problems import load_problems, split
from peers.properties import COLUMNS as PROPERTIES
from peers.properties import measure_properties
from peers.report import report
from peers.results import Results
from peers.task import METRICS, Candidate, Task


def main():
    """Measure what is asked for and not yet there, then report."""
    options = parse_arguments()
    with TemporaryDirectory() as scratch:
        folder = Path(options.out or scratch)
        if not options.report:
            run(options, folder)
        report(folder, options.plot)


def parse_arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="part of Adult, one split")
    parser.add_argument("--out", metavar="FOLDER", help="where results are kept")
    parser.add_argument("--compas", metavar="FILE.csv", help="COMPAS, may be gzipped")
    parser.add_argument("--splits", type=int, default=10)
    parser.add_argument("--first-split", type=int, default=0, help="seed of the first")
    parser.add_argument("--models", nargs="+", choices=TRAINING_ROWS)
    parser.add_argument("--metrics", nargs="+", choices=METRICS, default=[*METRICS])
    parser.add_argument("--methods", nargs="+", choices=METHODS)
    parser.add_argument("--data", nargs="+", help="data sets (default: all)")
    parser.add_argument(
        "--options",
        type=json.loads,
        default={},
        metavar="JSON",
        help="of the corrections: temperature, max_iter, utility_tolerance, "
        "objective_weight, evaluation",
    )
    parser.add_argument("--report", action="store_true", help="measure nothing")
    parser.add_argument("--plot", metavar="FILE.png", help="draw the fronts")
    options = parser.parse_args()
    if options.quick:
        options.splits = 1
        options.models = options.models or ["logistic"]
        options.data = options.data or ["Adult"]
    options.models = options.models or available()
    return options


def run(options, folder):
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)  # scikit-lego tells the same at each fit
    methods = usable(options.methods or METHODS)
    results = Results(folder / "results.csv")
    makers = load_problems(options.compas)
    names = options.data or list(makers)
    splits = range(options.first_split, options.first_split + options.splits)
    start = time.perf_counter()
    for seed, model, data, metric in itertools.product(
        splits, options.models, names, options.metrics
    ):
        problem = makers[data](seed)
        run_cell((data, metric, model), problem, seed, methods, results, options)
        elapsed = time.perf_counter() - start
        print(f"{elapsed:6.0f} s  split {seed}: {data}, {metric}, {model}", flush=True)
    if "Adult" in names:
        run_properties(makers["Adult"](0), methods, folder, options)


def usable(names):
    """Return the methods whose packages are there; say which are not."""
    for name in names:
        if METHODS[name].missing():
            absent = " and ".join(METHODS[name].missing())
            print(f"{name} is left out: {absent} cannot be imported.")
    return {name: METHODS[name] for name in names if not METHODS[name].missing()}


def run_cell(where, problem, seed, methods, results, options):
    """Measure the methods that have no results yet."""
    model = where[2]
    todo = {
        name: method
        for name, method in methods.items()
        if model in method.models and (*where, name, seed) not in results
    }
    if not todo:
        return
    task, seconds = make_task(problem, model, where[1], seed, options)
    cell = (*where, "original", seed)
    if cell not in results:
        original = Candidate.of_model(0.0, task.classifier, seconds)
        results.add(cell, [measure(task, original)])
    for name, method in todo.items():
        rows = [measure(task, candidate) for candidate in method.candidates(task)]
        results.add((*where, name, seed), rows)


def make_task(problem, model, metric, seed, options):
    """Return the Task of a split, and the seconds of the classifier's fit."""
    problem = problem.with_type(INPUT_TYPES.get(model, float))
    if options.quick:
        problem = problem.head(3000)
    train, validation, test = split(problem, seed)
    train = train.head(TRAINING_ROWS[model])
    classifier = make_classifier(model, train.X.shape[1], seed)
    classifier, seconds = timed(classifier.fit, train.X, train.y)
    given = train, validation, test, model, metric, classifier, seed
    return Task(*given, options.quick, options.options), seconds


def measure(task, candidate):
    """Return the columns of a candidate that follow those of its cell."""
    test = task.test
    _, predict_seconds = timed(candidate.predict, test.X, test.groups)
    seconds = candidate.seconds, predict_seconds
    majority = max(test.y.mean(), 1.0 - test.y.mean())
    measured = *task.measure(candidate, task.validation), *task.measure(candidate, test)
    return candidate.setting, *seconds, *measured, majority


def run_properties(problem, methods, folder, options):
    """Measure on Adult and logistic regression what fronts do not show."""
    path = folder / "properties.csv"
    if path.exists():
        return
    task, _ = make_task(problem, "logistic", "demographic_parity", 0, options)
    rows = [measure_properties(*item, task) for item in methods.items()]
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([PROPERTIES, *rows])


if __name__ == "__main__":
    main()
