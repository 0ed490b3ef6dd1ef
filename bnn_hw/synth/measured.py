"""Runs a command and notes its time and memory, from a process of its own.

Started as ``python -P measured.py RECORD COMMAND ...``; writes RECORD, a JSON object
with ``seconds``, ``cpu_seconds`` and ``peak_bytes`` of the command and its children,
and ends with the command's status. Imports nothing of this project.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path


def main(record: str, command: list[str]) -> int:
    started = time.monotonic()
    status = subprocess.run(command).returncode
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    # Linux counts in KiB, macOS in bytes.
    unit = 1 if sys.platform == "darwin" else 1024
    found = {
        "seconds": round(time.monotonic() - started, 2),
        "cpu_seconds": round(usage.ru_utime + usage.ru_stime, 2),
        "peak_bytes": usage.ru_maxrss * unit,
    }
    Path(record).write_text(json.dumps(found) + "\n")
    return status if status >= 0 else 128 - status


if __name__ == "__main__":
    os.umask(0o022)
    sys.exit(main(sys.argv[1], sys.argv[2:]))
