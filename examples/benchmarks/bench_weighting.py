"""Time and memory of soft weighting for ten million samples and two metrics.

Each case runs in a process of its own: the inputs are made in place, and what the
process's peak memory grows by from there on is the weighting's. The limits aimed at are
5 seconds and 1 GB beyond the inputs.

Run with ``--quick`` for 100,000 samples.
"""

import argparse
import os
import subprocess
import sys
import time

import numpy as np

from skswu.weighting import LinearizedMetrics, SoftWeighting

N_METRICS = 2
# Share of the largest change in one direction that both bounds allow, and the bounds.
CASES = {
    "no bound at work": (0.3, {"lower": None}),
    "lower bound, default": (0.8, {}),
    "both bounds": (0.95, {"upper": 1.0}),
    "both bounds, edge of reach": (0.9999, {"upper": 1.0}),
    "both bounds, out of reach": (3.0, {"upper": 1.0}),
}


def main():
    """Run every case, or the one that is asked for in this process."""
    options = parse_arguments()
    n_samples = 100_000 if options.quick else options.n_samples
    if options.case:
        run_case(options.case, n_samples)
        return
    print(f"{n_samples:,} samples, {N_METRICS} metrics and the utility")
    print(f"inputs: {(N_METRICS + 1) * n_samples * 8 / 1e6:.0f} MB")
    print(f"{'case':<28}{'steps':>6}{'seconds':>9}{'MB beyond inputs':>18}  result")
    for case in CASES:
        command = [sys.executable, __file__, "--case", case]
        subprocess.run([*command, "--n-samples", str(n_samples)], check=True)


def parse_arguments():
    """Return the command line's options."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="100,000 samples")
    parser.add_argument("--n-samples", type=int, default=10_000_000)
    parser.add_argument("--case", choices=CASES, help=argparse.SUPPRESS)
    return parser.parse_args()


def run_case(case, n_samples):
    """Measure one case and print its line."""
    share, bounds = CASES[case]
    metrics = make_metrics(n_samples, share)
    weighting = SoftWeighting(utility_tolerance=0.0, **bounds)
    memory, start = peak_memory(), time.perf_counter()
    weights = weighting.weigh(metrics)
    seconds, grown = time.perf_counter() - start, peak_memory() - memory
    result = f"{weights.n_at_lower:,} at lower, {weights.n_at_upper:,} at upper bound"
    if not weights.reachable:
        result += ", unreachable"
    if not weights.converged:
        result += ", NOT CONVERGED"
    line = f"{case:<28}{weights.n_iter:>6}{seconds:>9.2f}{grown / 1e6:>18.0f}"
    print(line, "", result, flush=True)


def make_metrics(n_samples, share):
    """Return heavy-tailed influences, and metrics that ask for a share of the reach."""
    rng = np.random.default_rng(0)
    rows = np.empty((N_METRICS + 1, n_samples))
    for row in rows:
        rng.standard_normal(out=row)
        for start in range(0, n_samples, 65536):
            part = row[start : start + 65536]
            part *= rng.standard_exponential(len(part)) / n_samples
    # All samples at the bounds -1 and 1 that move the first metric most.
    direction = np.array([1.0, 0.5])
    constant = np.zeros(N_METRICS)
    for start in range(0, n_samples, 65536):
        part = rows[:N_METRICS, start : start + 65536]
        constant += share * part @ np.sign(direction @ part)
    return LinearizedMetrics(
        influence=rows[:N_METRICS],
        constant=constant,
        before=constant,
        utility_influence=rows[-1],
        utility_constant=0.4,
        utility_before=0.4,
    )


def peak_memory():
    """Return the largest resident size so far, in bytes."""
    if os.name == "nt":
        return 0
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak


if __name__ == "__main__":
    main()
