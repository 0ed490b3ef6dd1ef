"""One process at a time: a lock that the system lifts when its holder ends, however it ends (Python 3.8)."""

import fcntl
import os
import tempfile
from pathlib import Path
from typing import IO, Optional

from bnn_hw.runtime.errors import InUseError


class ProcessLock:
    """A lock file in the system's temporary folder, held from :meth:`acquire` to :meth:`release`."""

    def __init__(self, name: str, folder: Optional[Path] = None) -> None:
        self.path = Path(folder or tempfile.gettempdir()) / "bnn_hw-{}.lock".format(name)
        self._file: Optional[IO[str]] = None

    def acquire(self) -> None:
        """Take the lock or raise InUseError with the number of the process that has it."""
        try:
            handle = open(str(self.path), "a+", encoding="utf-8")  # noqa: SIM115
        except OSError as error:
            raise InUseError(
                str(self.path),
                "cannot be opened: {}".format(error.strerror or error),
                "run as the user who made it (PYNQ needs root), or delete it when nobody uses the board",
            ) from error
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            handle.seek(0)
            holder = handle.read().strip() or "unknown"
            handle.close()
            raise InUseError(
                "accelerator",
                "process {} uses it".format(holder),
                "wait for it or end it; one process at a time may use the fabric",
            ) from error
        handle.seek(0)
        handle.truncate()
        handle.write(str(os.getpid()))
        handle.flush()
        self._file = handle

    def release(self) -> None:
        """Give it back; a second call does nothing. The file stays: deleting it would let two in."""
        if self._file is not None:
            handle, self._file = self._file, None
            fcntl.flock(handle, fcntl.LOCK_UN)  # forked children may still hold the file open
            handle.close()
