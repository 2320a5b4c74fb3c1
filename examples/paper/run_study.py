"""Hard against soft weights, for every update, on three data sets.

Each model is fitted once a seed, corrected by every update under hard weights at rising
fractions and under soft weights at rising strengths, and measured on test rows. A row a
corrected model goes to FOLDER/study.csv (or quick.csv) as soon as it is measured; what
is there already is not run again. ``summarize.py`` makes tables and figures of it.

COMPAS takes part if its file is given: ProPublica's table of two-year recidivism as a
CSV file with the columns sex, age, race, juv_fel_count, juv_misd_count,
juv_other_count, priors_count, c_charge_degree and two_year_recid; African-American and
Caucasian defendants are compared.
"""

import argparse
import sys
import time
import warnings
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from study import data_sets
from study.measures import Meter
from study.methods import OBJECTIVES, UPDATES, WEIGHTINGS, doses, make_update
from study.models import DTYPES, make_model
from study.results import Results

from skswu import UnlearningClassifier

N_ROWS = {"Adult": 8_000, "COMPAS": 6_000, "generated": 6_000}
N_ROWS_QUICK = 1_000


def main():
    """Run what is not in the table yet."""
    options = parse_arguments()
    options.out.mkdir(parents=True, exist_ok=True)
    plan = [
        (seed, data, model, objective)
        for seed in range(options.seeds)
        for data in options.data
        for model in options.models
        for objective in options.objectives
    ]
    path = options.out / ("quick.csv" if options.quick else "study.csv")
    with Results(path) as results:
        for block in with_progress(plan):
            run_block(*block, options, results)
    print(f"The results are in {path}.")


def parse_arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--quick", action="store_true", help="few rows, doses, seeds")
    parser.add_argument("--compas", metavar="FILE", help="COMPAS, may be gzipped")
    parser.add_argument("--seeds", type=int, help="default: 5, with --quick 1")
    parser.add_argument("--data", nargs="+", choices=N_ROWS)
    parser.add_argument("--models", nargs="+", choices=UPDATES, default=list(UPDATES))
    parser.add_argument(
        "--objectives", nargs="+", choices=OBJECTIVES, default=list(OBJECTIVES)
    )
    parser.add_argument("--updates", nargs="+", help="default: all of the model")
    options = parser.parse_args()
    options.seeds = options.seeds or (1 if options.quick else 5)
    here = [name for name in N_ROWS if name != "COMPAS" or options.compas]
    options.data = options.data or here
    if not set(options.data) <= set(here):
        parser.error("COMPAS needs --compas FILE")
    return options


def with_progress(plan):
    """Yield the blocks, with a progress bar if tqdm is there and with lines if not."""
    try:
        from tqdm import tqdm
    except ImportError:
        for number, block in enumerate(plan, 1):
            print(f"{number} of {len(plan)}: {describe(block)}", flush=True)
            yield block
        return
    with tqdm(total=len(plan), unit="block") as bar:
        for block in plan:
            bar.set_description(describe(block))
            yield block
            bar.update()


def describe(block):
    return "seed {}, {}, {}, {}".format(*block)


def run_block(seed, data, model, objective, options, results):
    """Correct a model for an objective by every update and weighting."""
    about = {"data": data, "model": model, "objective": objective, "seed": seed}
    original = {**about, "update": "none", "weighting": "none", "dose": 0.0}
    todo = [
        {**about, "update": update, "weighting": weighting, "dose": dose}
        for update in options.updates or UPDATES[model]
        for weighting in WEIGHTINGS
        for dose in doses(update, weighting, options.quick)
    ]
    todo = [row for row in [original, *todo] if row not in results]
    if not todo:
        return
    bench = make_bench(seed, data, model, objective, options)
    for row in todo:
        results.append({**row, **bench.run(row)})


@dataclass(frozen=True)
class Bench:
    """A fitted model with its rows, ready to be corrected and measured."""

    classifier: Any
    split: data_sets.Split
    objective: Any
    meters: dict

    def run(self, row):
        """Return what one correction gives, by column."""
        if row["update"] == "none":
            return self._measure(self.classifier)
        model = UnlearningClassifier(
            self.classifier,
            objective=self.objective,
            weighting=WEIGHTINGS[row["weighting"]](row["dose"]),
            update=make_update(row["model"], row["update"], row["seed"]),
        )
        start = time.process_time()
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            self._correct(model)
        seconds = time.process_time() - start
        before = model.objective_before_[0]
        return {
            **self._measure(model.estimator_),
            "asked": 1.0 - model.objective_predicted_[0] / before,
            "reached": 1.0 - model.objective_after_[0] / before,
            "step_length": model.step_length_,
            "seconds": seconds,
            "warnings": " ".join(sorted({one.category.__name__ for one in caught})),
        }

    def _correct(self, model):
        training, evaluation = self.split.training, self.split.evaluation
        model.unlearn(
            training.X,
            training.y,
            sensitive_features=training.groups,
            X_val=evaluation.X,
            y_val=evaluation.y,
            sensitive_features_val=evaluation.groups,
        )

    def _measure(self, classifier):
        return {
            f"{part}_{name}": float(value)
            for part, meter in self.meters.items()
            for name, value in meter.measure(classifier).items()
        }


def make_bench(seed, data, model, objective, options):
    """Return the Bench of a data set, a model and an objective."""
    split = make_split(seed, data, model, options)
    classifier = make_model(model, split.training.X.shape[1], seed)
    classifier.fit(split.training.X, split.training.y)
    clean = Meter(split.evaluation, OBJECTIVES["demographic parity"](None), classifier)
    objective = OBJECTIVES[objective](clean.measure(classifier)["log_loss"])
    meters = {
        part: Meter(getattr(split, part), objective, classifier)
        for part in ("evaluation", "test")
    }
    return Bench(classifier, split, objective, meters)


def make_split(seed, data, model, options):
    """Return the rows of a data set as a model takes them."""
    load = {
        "Adult": data_sets.adult,
        "COMPAS": partial(data_sets.compas, options.compas),
        "generated": data_sets.generated,
    }[data]
    n_rows = N_ROWS_QUICK if options.quick else N_ROWS[data]
    split = data_sets.split(*load(n_rows, seed), seed)
    parts = {
        part: replace(rows, X=rows.X.astype(DTYPES[model]))
        for part, rows in vars(split).items()
    }
    return data_sets.Split(**parts)


if __name__ == "__main__":
    sys.exit(main())
