"""One BLAS thread for products that are too narrow to share."""

from functools import cache
from threading import Lock

from threadpoolctl import ThreadpoolController

_lock = Lock()
_holder = None
_found = None


def on_one_blas_thread(call, /, *arguments, **options):
    """Call a function while BLAS works with one thread.

    The number of threads belongs to the process, and threadpoolctl has one Python
    thread set it. So of calls that overlap the first one sets the limit and lifts it:
    the others may lose it early, but it cannot stay for ever.

    It is no context manager, for an interrupt can come between what such a one does
    and the ``with`` block that would undo it.

    Parameters
    ----------
    call : callable
        What to call.
    *arguments, **options
        With what.

    Returns
    -------
    object
        What it returns.
    """
    holder = object()
    try:
        _limit(holder)
        return call(*arguments, **options)
    finally:
        # An interrupt that ends the first leaves it to the second.
        try:
            _lift(holder)
        finally:
            _lift(holder)


def _limit(holder):
    global _holder, _found
    with _lock:
        if _holder is not None:
            return
        # Known before anything is changed, for it to be undone.
        _found = [library.num_threads for library in _libraries()]
        _holder = holder
        for library in _libraries():
            library.set_num_threads(1)


def _lift(holder):
    """Undo what was done for a holder, if that is not done yet."""
    global _holder
    with _lock:
        if _holder is not holder:
            return
        for library, n_threads in zip(_libraries(), _found, strict=True):
            library.set_num_threads(n_threads)
            _let_go(library)
        _holder = None


def _let_go(library):
    """Let other Python threads set limits, where threadpoolctl counts on one."""
    clear = getattr(library, "clear_controlling_thread", None)
    if clear is not None:
        clear()


@cache
def _libraries():
    """Find the BLAS libraries, once: to look takes longer than a small correction.

    Those of NumPy and SciPy are loaded by then, and no others are worked with.
    """
    return ThreadpoolController().select(user_api="blas").lib_controllers
