"""One BLAS thread for products that are too narrow to share."""

from contextlib import contextmanager
from functools import cache
from threading import Lock

from threadpoolctl import ThreadpoolController

_lock = Lock()
_limits = None
_n_inside = 0


@contextmanager
def single_blas_thread():
    """Let BLAS work with one thread within the context.

    The number of threads belongs to the process. Contexts of several Python threads
    that overlap share one limit, which the last of them lifts: if each restored what
    it found, the first one's limit could stay for ever.
    """
    _enter()
    try:
        yield
    finally:
        _leave()


def _enter():
    global _limits, _n_inside
    with _lock:
        if _n_inside == 0:
            _limits = _libraries().limit(limits=1, user_api="blas")
        _n_inside += 1


def _leave():
    global _limits, _n_inside
    with _lock:
        _n_inside -= 1
        if _n_inside == 0:
            _limits.restore_original_limits()
            _limits = None


@cache
def _libraries():
    """Find the BLAS libraries, once: to look takes longer than a small correction.

    Those of NumPy and SciPy are loaded by then, and no others are worked with.
    """
    return ThreadpoolController()
