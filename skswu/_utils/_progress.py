"""How far an iterative solver has come, shown to whoever watches."""

from contextlib import contextmanager
from contextvars import ContextVar

_WATCHER = ContextVar("watcher", default=None)


@contextmanager
def watched(watcher):
    """Let ``watcher(residual)`` be called at each iteration of a solver within."""
    token = _WATCHER.set(watcher)
    try:
        yield
    finally:
        _WATCHER.reset(token)


def report_residual(residual):
    """Tell the relative residual of an iteration: a number, or what float() takes."""
    watcher = _WATCHER.get()
    if watcher is not None:
        watcher(residual)


class ResidualBar:
    """Show the latest residual on a progress bar, if asked.

    The bar needs tqdm and is quiet without it. It is taken away when the stage ends.

    Parameters
    ----------
    name : str
        What the stage is called.
    verbose : int
        Whether to show anything.
    """

    def __init__(self, name, verbose):
        self.name = name
        self.verbose = verbose
        self._bar = None

    def __call__(self, residual):
        if not self.verbose:
            return
        if self._bar is None:
            self._bar = _make_bar(self.name)
        if self._bar is not None:
            self._bar.set_postfix(residual=f"{float(residual):.1e}", refresh=False)
            self._bar.update()

    def close(self):
        """Take the bar away."""
        if self._bar is not None:
            self._bar.refresh()
            self._bar.close()


def _make_bar(name):
    try:
        from tqdm.auto import tqdm
    except ImportError:
        return None
    return tqdm(desc=name, unit="product", leave=False)
