"""The bytes of a file, unpacked."""

import bz2
import gzip
import io
import lzma
import sys
import zipfile
import zlib
from pathlib import Path

from .._arguments import ADULT
from .._messages import UsageError

STANDARD_INPUT = "-"
PARQUET = b"PAR1"
_BROKEN = (OSError, EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile)
_NO_TABLES = {
    b"\xd0\xcf\x11\xe0": "an Excel workbook; save the sheet as CSV",
    b"\x28\xb5\x2f\xfd": "packed with zstd; unpack it first",
    b"ARROW1": "a Feather file; write it as Parquet",
    b"SQLite": "a data base; write the table as CSV",
    b"%PDF": "a PDF; the table is needed as CSV",
    b"\x89HDF": "an HDF5 file; write it as Parquet",
}


def read_bytes(path):
    """Return the bytes of a file, or of the standard input, unpacked.

    Raises
    ------
    UsageError
        If there are none, or they are of a kind that holds no table to read.
    """
    packed = _read(path)
    for start, unpack in _UNPACKERS.items():
        if packed.startswith(start):
            try:
                return unpack(packed)
            except _BROKEN as error:
                raise UsageError(f"cannot unpack {path!r}: {error}") from error
    for start, kind in _NO_TABLES.items():
        if packed.startswith(start):
            raise UsageError(f"{path!r} is {kind}")
    return packed


def _read(path):
    if path == STANDARD_INPUT:
        return sys.stdin.buffer.read()
    if Path(path).is_dir():
        raise UsageError(f"{path!r} is a folder; give a file in it")
    try:
        return Path(path).read_bytes()
    except FileNotFoundError as error:
        raise UsageError(
            f"there is no file {path!r}; give a CSV file or {ADULT!r}"
        ) from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UsageError(f"cannot read {path!r}: {reason}") from error


def _unzip(packed):
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        names = archive.namelist()
        if "[Content_Types].xml" in names:
            raise UsageError("this is an Excel workbook; save the sheet as CSV")
        if len(names) != 1:
            raise UsageError(f"the zip archive holds {len(names)} files, not one table")
        return archive.read(names[0])


_UNPACKERS = {
    b"\x1f\x8b": gzip.decompress,
    b"BZh": bz2.decompress,
    b"\xfd7zXZ": lzma.decompress,
    b"PK\x03\x04": _unzip,
}
