"""Files that are whole or are not written at all."""

import os
import secrets
import shutil
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path

from ._messages import UsageError
from ._terminal import printable

MODEL_SUFFIXES = (".skops", ".joblib")
REPORT_SUFFIXES = (".html", ".htm")


def check_outputs(options):
    """Refuse before the work what could not be written after it."""
    for path in filter(None, (options.save, options.plot, options.report)):
        _check_place(path)
    if options.save:
        _check_suffix("--save", options.save, MODEL_SUFFIXES)
        if suffix_of(options.save) == ".skops" and find_spec("skops") is None:
            raise UsageError("--save to .skops needs skops: pip install skops")
    if options.report:
        _check_suffix("--report", options.report, REPORT_SUFFIXES)
    if options.plot:
        if find_spec("matplotlib") is None:
            raise UsageError('--plot needs matplotlib: pip install "skswu[plot]"')
        from matplotlib.backend_bases import FigureCanvasBase

        formats = FigureCanvasBase.get_supported_filetypes()
        _check_suffix("--plot", options.plot, [f".{suffix}" for suffix in formats])


def _check_place(path):
    folder = path.absolute().parent
    shown = printable(path)
    if not folder.is_dir():
        reason = f"there is no folder {printable(path.parent)}"
    elif path.is_dir():
        reason = "it is a folder"
    elif path.exists() and not path.is_file():
        reason = "it is no regular file"
    elif not os.access(path if path.exists() else folder, os.W_OK):
        reason = "permission denied"
    elif not os.access(folder, os.W_OK):
        reason = f"permission denied for the folder {printable(path.parent)}"
    else:
        return
    raise UsageError(f"cannot write {shown}: {reason}")


def suffix_of(path):
    """Return how a file's name ends, in small letters."""
    return path.suffix.lower()


def _check_suffix(option, path, known):
    if suffix_of(path) not in known:
        raise UsageError(
            f"{option} {printable(path)}: the name must end in one of "
            f"{', '.join(known)}"
        )


@contextmanager
def replacing(path):
    """Yield a path to write to; what is there takes the file's place if all went well.

    Raises
    ------
    UsageError
        If it cannot be written; what was there before is left as it was.
    """
    shown = printable(path)
    # A link stays one: the file that it leads to is replaced.
    path = Path(path).resolve()
    beside = path.with_name(f".skswu-{secrets.token_hex(8)}{suffix_of(path)}")
    try:
        yield beside
        with beside.open("rb+") as file:
            # A disk may turn out to be full only now.
            os.fsync(file.fileno())
        if path.exists():
            shutil.copymode(path, beside)
        beside.replace(path)
    except OSError as error:
        reason = error.strerror or error
        raise UsageError(f"cannot write {shown}: {reason}") from error
    except KeyboardInterrupt:
        raise KeyboardInterrupt(f"interrupted; {shown} is not written") from None
    finally:
        with suppress(OSError):
            beside.unlink(missing_ok=True)
