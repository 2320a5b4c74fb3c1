"""Times of the steps of a correction."""

from contextlib import contextmanager
from time import perf_counter

from .._utils._progress import ResidualBar, watched
from .._utils._tasks import task


class StepTimer:
    """Add up the seconds spent in named steps, and show how their solvers get on.

    Parameters
    ----------
    verbose : int
        Whether to print each step's time, and to show a progress bar.

    Attributes
    ----------
    seconds : dict of str to float
        By step.
    residuals : dict of str to float
        The largest relative residual that the step's iterative solver left, of steps
        that had one.
    """

    def __init__(self, verbose):
        self.verbose = verbose
        self.seconds = {}
        self.residuals = {}

    @contextmanager
    def __call__(self, name):
        bar = ResidualBar(name, self.verbose)
        start = perf_counter()
        try:
            with watched(bar), task(name, n_subtasks=None):
                yield
        finally:
            bar.close()
        elapsed = perf_counter() - start
        self.seconds[name] = self.seconds.get(name, 0.0) + elapsed
        if self.verbose:
            print(f"[UnlearningClassifier] {name}: {elapsed:.3f} s")

    def note_residual(self, name, residual):
        """Keep the latest relative residual of a step; None if there was none."""
        if residual is not None:
            self.residuals[name] = residual
