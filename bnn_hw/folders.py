"""Folders that appear complete or not at all, and typed errors where the system refuses to write."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bnn_hw.errors import OutputError

_NO_SPACE = "free disk space, or choose another folder with --out"
_NO_PERMISSION = "choose a folder you may write to with --out"
_REMEDIES = {
    errno.ENOSPC: _NO_SPACE,
    errno.EDQUOT: _NO_SPACE,
    errno.EACCES: _NO_PERMISSION,
    errno.EPERM: _NO_PERMISSION,
    errno.EROFS: _NO_PERMISSION,
    errno.ENOENT: "create the folder first, or choose another with --out",
    errno.EEXIST: "a part of this path is a file; choose another folder with --out",
    errno.ENOTDIR: "a part of this path is a file; choose another folder with --out",
}


@contextmanager
def writing(place: Path) -> Iterator[None]:
    """Turn the system's refusal to write ``place`` into an OutputError; wrap only what writes."""
    try:
        yield
    except OSError as err:
        remedy = _REMEDIES.get(err.errno or 0, "check the disk, or choose another folder with --out")
        where = err.filename or place
        raise OutputError.at(where, f"cannot be written: {err.strerror or err}", remedy) from err


@contextmanager
def whole_folder(folder: Path) -> Iterator[Path]:
    """Give a temporary folder to fill; at the end it becomes ``folder``, replacing an older one.

    After an error or an interrupt nothing is left and the older folder stays.
    Raises OutputError when the disk is full or the place cannot be written.
    """
    scratch: Path | None = None
    with writing(folder):
        try:
            folder.parent.mkdir(parents=True, exist_ok=True)
            scratch = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
            scratch.chmod(0o755)
            yield scratch
            _swap(scratch, folder)
        finally:
            if scratch:
                shutil.rmtree(scratch, ignore_errors=True)


def _swap(scratch: Path, folder: Path) -> None:
    """Rename ``scratch`` to ``folder``; an older folder is moved away first and deleted after."""
    if not folder.exists():
        os.replace(scratch, folder)
        return
    older = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        os.replace(folder, older)
        os.replace(scratch, folder)
    finally:
        shutil.rmtree(older, ignore_errors=True)
