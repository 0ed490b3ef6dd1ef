"""Folders that appear complete or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bnn_hw.errors import OutputError


@contextmanager
def whole_folder(folder: Path) -> Iterator[Path]:
    """Give a temporary folder to fill; at the end it becomes ``folder``, replacing an older one.

    After an error or an interrupt nothing is left and the older folder stays.
    Raises OutputError when the disk is full or the place cannot be written.
    """
    scratch: Path | None = None
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
        scratch.chmod(0o755)
        yield scratch
        _swap(scratch, folder)
    except OSError as err:
        place = err.filename or folder
        raise OutputError.at(
            place,
            f"cannot be written: {err.strerror or err}",
            "free disk space, or give an output folder you may write to",
        ) from err
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
