"""Runs Yosys commands in a process of their own: a Yosys error ends the process that it happens in.

Started by bnn_hw/synth/yosys.py with the path of a job file, a JSON object:
``steps`` is a list of [name, [command, ...]], ``progress`` the file to which one
line a step (seconds since the start, name) is added as it begins, then the
processor time of this process and its children; ``version`` the file for Yosys' version line.
Imports nothing of this project, so that it runs by its file's path from any folder.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path


def main(job_path: str) -> None:
    job = json.loads(Path(job_path).read_text())
    from pyosys import libyosys

    Path(job["version"]).write_text(libyosys.yosys_maybe_version())
    design = libyosys.Design()
    started = time.monotonic()
    for name, commands in job["steps"]:
        with open(job["progress"], "a") as progress:
            progress.write(f"{time.monotonic() - started:.2f} {name}\n")
        for command in commands:
            libyosys.run_pass(command, design)
    with open(job["progress"], "a") as progress:
        progress.write(f"{time.monotonic() - started:.2f} end\n")
        progress.write(f"{sum(os.times()[:4]):.2f} cpu\n")


if __name__ == "__main__":
    main(sys.argv[1])
