"""Files that are written whole or not at all."""

import os
import secrets
from contextlib import suppress
from pathlib import Path


def write_text(path, text):
    """Write a text to a file; whatever fails leaves the old file as it was.

    Parameters
    ----------
    path : str or path-like
        What to write to. Of a link, what it points to is replaced.
    text : str
        What to write, in UTF-8.
    """
    path = Path(os.path.realpath(path))
    if path.exists() and not path.is_file():
        # A pipe or a device has no old contents to keep.
        path.write_text(text, encoding="utf-8")
        return
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        # The mode "x" gives a new file the permissions that it would have anyway.
        with open(draft, "x", encoding="utf-8", newline="\n") as file:
            file.write(text)
        if path.exists():
            os.chmod(draft, path.stat().st_mode & 0o7777)
        os.replace(draft, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(draft)
        raise
