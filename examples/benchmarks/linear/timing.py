"""Processor time and memory of calls."""

import time
import tracemalloc

import numpy as np

# Seconds after which no further turn begins.
BUDGET = 20.0


def timed(function, *args, **kwargs):
    """Return what a function returns, and its processor time in seconds."""
    start = time.process_time()
    value = function(*args, **kwargs)
    return value, time.process_time() - start


def best_seconds(*functions, repeats):
    """Return the least processor time of each function, run in turns."""
    turns = []
    while len(turns) < repeats and np.sum(turns) < BUDGET:
        turns.append([timed(function)[1] for function in functions])
    return np.min(turns, axis=0)


def peak_numbers(function):
    """Return the float64 numbers that a call has in memory at its peak."""
    function()  # imports, and what libraries set up once
    tracemalloc.start()
    function()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak / 8
