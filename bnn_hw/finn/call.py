"""Calls the worker in FINN's environment: progress, time-outs, resume, and no trust in its exit status."""

from __future__ import annotations

import json
import os
import re
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bnn_hw import errors, tools
from bnn_hw.errors import BnnHwError, Fault, ToolError
from bnn_hw.finn.environment import WORKER, Environment
from bnn_hw.finn.job import ERROR, PROGRESS, RESULT, Job, write_job
from bnn_hw.folders import writing

HOUR_S = 3600.0
LIMITS_S = {
    "hw_ipgen": 6 * HOUR_S,
    "set_fifo_depths": 48 * HOUR_S,
    "create_stitched_ip": 2 * HOUR_S,
    "synthesize_bitfile": 12 * HOUR_S,
}
"""Longest that a step of FINN may take; each other step LIMIT_S."""
LIMIT_S = 0.5 * HOUR_S
FACTOR = "BNN_HW_FINN_TIME_FACTOR"
LICENCE = re.compile(r"licen[cs]e", re.IGNORECASE)
TOOL_ERROR = r"^\s*(ERROR|FATAL)\b"
_NODE = re.compile(r"code_gen_ipgen_(\w+?_(?:hls|rtl)_\d+)_")


def run_job(
    job: Job,
    environment: Environment,
    log: Path,
    advance: Callable[[float, str], None] = lambda share, text: None,
    settings: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Run one job to its end and return its result.json.

    A job whose work folder holds finished steps of the very same job goes on
    behind them. settings: more environment variables. Raises the error that the
    worker met, with the first error line of the tool behind it where there is
    one; ToolError when a step takes too long or the result is not there.
    """
    out, work = Path(job.out), Path(job.work)
    file = work / "job.json"
    with writing(work):
        _start_over_unless_same(job, file)
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir(parents=True, exist_ok=True)
        work.mkdir(parents=True, exist_ok=True)
        write_job(job, file)
    watch = Watch(log, advance)
    try:
        tools.run(
            [environment.python, WORKER, file],
            what="FINN",
            log=log,
            cwd=work,
            environment={
                "PYTHONPATH": "",
                "PYTHONNOUSERSITE": "1",
                "OMP_NUM_THREADS": "1",
                **(settings or {}),
            },
            timeout_s=100 * HOUR_S,
            error_pattern=TOOL_ERROR + r"|Error\b",
            check=lambda: (out / RESULT).is_file(),
            watch=watch,
        )
    except ToolError as error:
        raise reported(job, log) or error from None
    record: dict[str, Any] = json.loads((out / RESULT).read_text())
    return record


def _start_over_unless_same(job: Job, file: Path) -> None:
    try:
        same = json.loads(file.read_text()) == json.loads(json.dumps(asdict(job)))
    except (OSError, ValueError):
        same = False
    if not same:
        shutil.rmtree(file.parent, ignore_errors=True)


class Watch:
    """Follows the log while the worker runs: tells the step, and ends what takes too long."""

    def __init__(self, log: Path, advance: Callable[[float, str], None]) -> None:
        self.log, self.advance = log, advance
        self.position = 0
        self.step = ""
        self.since = time.monotonic()

    def __call__(self) -> None:
        with self.log.open(errors="replace") as source:
            source.seek(self.position)
            for line in source:
                if line.startswith(PROGRESS) and line.endswith("\n"):
                    self._begin(line.removeprefix(PROGRESS).strip())
            self.position = source.tell()
        limit = LIMITS_S.get(self.step, LIMIT_S) * float(os.environ.get(FACTOR, "1"))
        if time.monotonic() - self.since > limit:
            raise ToolError.at(
                f"FINN, step {self.step or 'start'}",
                f"did not end within {limit:,.0f} s",
                f"{FACTOR}=4 allows four times as long; the log: {self.log}",
            )

    def _begin(self, text: str) -> None:
        position, _, name = text.partition(" ")
        done, _, total = position.partition("/")
        if name != self.step:
            self.step, self.since = name, time.monotonic()
        share = (int(done) - 1) / max(1, int(total)) if done.isdigit() and total.isdigit() else 0.0
        self.advance(max(share, 0.0), f"FINN: {name}")


def reported(job: Job, log: Path) -> BnnHwError | None:
    """The error that the worker wrote down, made precise by the logs of the tools it called."""
    try:
        record = json.loads((Path(job.out) / ERROR).read_text())
    except (OSError, ValueError):
        return None
    kind = getattr(errors, record["kind"], ToolError)
    faults = [
        Fault(fault["place"], fault["cause"], fault["remedy"] or f"read the log: {log}")
        for fault in record["faults"]
    ]
    behind = tool_fault(Path(job.work), job.layer_names)
    if kind is ToolError and behind:
        place = f"{faults[0].place}, {behind.place}"
        faults[0] = Fault(place, behind.cause, behind.remedy)
    error: BnnHwError = kind(faults)
    return error


def tool_fault(work: Path, layer_names: tuple[str, ...] = ()) -> Fault | None:
    """First error line in the newest log of Vivado or Vitis HLS under ``work``, with layer and log."""
    names = ("vitis_hls.log", "vivado_hls.log", "vivado.log", "vitis-run.log")
    logs = [path for path in work.rglob("*.log") if path.name in names]
    for log in sorted(logs, key=lambda path: path.stat().st_mtime, reverse=True):
        for line in log.read_text(errors="replace").splitlines():
            if re.match(TOOL_ERROR, line):
                remedy = f"read the log: {log}"
                if LICENCE.search(line):
                    remedy = f"give the tool its licence (XILINXD_LICENSE_FILE), then start again; {remedy}"
                return Fault(_tool_place(log, layer_names), line.strip(), remedy)
    return None


def _tool_place(log: Path, layer_names: tuple[str, ...]) -> str:
    """Name of tool and layer from the log's path."""
    tool = "Vivado" if log.stem.startswith("vivado") and "hls" not in log.stem else "Vitis HLS"
    match = _NODE.search(str(log))
    if not match:
        return tool
    node = match[1]
    number = re.fullmatch(r"MVAU_(?:hls|rtl)_(\d+)", node)
    if number and int(number[1]) < len(layer_names):
        return f"{tool} on layer {layer_names[int(number[1])]} ({node})"
    return f"{tool} on {node}"
