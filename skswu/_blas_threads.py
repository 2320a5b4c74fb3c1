"""One BLAS thread for products that are too narrow to share."""

from contextlib import contextmanager
from threading import Lock

from threadpoolctl import threadpool_limits

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
            _limits = threadpool_limits(1, user_api="blas")
        _n_inside += 1


def _leave():
    global _limits, _n_inside
    with _lock:
        _n_inside -= 1
        if _n_inside == 0:
            _limits.restore_original_limits()
            _limits = None
