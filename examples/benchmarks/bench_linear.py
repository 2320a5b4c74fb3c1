"""What corrections of linear classifiers cost, in units measured in the same run.

A Markdown table, a row a case: one step measured on the training rows, with the default
parts, in Grams (``Xs.T @ Xs`` into a buffer that is kept, Xs the scaled rows) or in
lbfgs fits of the same rows; a path of 50 strengths in corrections at one; memory in
float64 numbers a row; and ExponentiatedGradient in corrections. Processor time of one
thread, the least of several runs in turns. ``before`` is skswu before it read rows in
blocks.
"""

import argparse
import platform
from functools import partial

import fairlearn
import numpy as np
import scipy
import sklearn
from linear.cases import CASES
from threadpoolctl import threadpool_limits

import skswu

print = partial(print, flush=True)


def main():
    """Print the table, a row as soon as it is measured."""
    options = parse_arguments()
    print_environment()
    if options.quick:
        print("A fiftieth of the rows: only to see that it works.")
    print("\n| case | in | before | now | aim | seconds, or size |")
    print("|---|---|---:|---:|---:|---:|")
    repeats = 1 if options.quick else options.repeats
    with threadpool_limits(limits=1):
        for name in options.case:
            case = CASES[name]
            now, behind = case.measure(case.make_rows(options.quick), repeats)
            cells = case.title, case.unit, case.before, now, case.aim, behind
            print("|", " | ".join(cells), "|")


def parse_arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--case", nargs="+", choices=CASES, default=[*CASES])
    parser.add_argument("--quick", action="store_true", help="1 row in 50, one run")
    parser.add_argument("--repeats", type=int, default=5, help="runs of each (5)")
    return parser.parse_args()


def print_environment():
    print(
        f"Python {platform.python_version()}, numpy {np.__version__}, "
        f"scipy {scipy.__version__}, scikit-learn {sklearn.__version__}, "
        f"fairlearn {fairlearn.__version__}, skswu {skswu.__version__}; "
        f"{platform.machine()}"
    )


if __name__ == "__main__":
    main()
