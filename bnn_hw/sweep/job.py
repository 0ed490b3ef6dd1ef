"""One point of a sweep: what is to be built, under which key it is kept, and the process that builds it.

A job runs in a process of its own, started as ``python -m bnn_hw.sweep.job`` with the job as
JSON on standard input and its record as the last line on standard output. So a crash costs
one point, and planning in Python runs in parallel, too.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bnn_hw.errors import BnnHwError
from bnn_hw.flow import Flow, Options
from bnn_hw.pipeline.arithmetic import STRUCTURAL
from bnn_hw.steps import digest_of, digest_sources
from bnn_hw.tools import interrupt_when_terminated

_SOURCES = ("bits.py", "frontend", "ir", "pipeline", "plan", "rtl", "sim", "synth", "flow.py", "sweep/job.py")


@dataclass(frozen=True)
class Job:
    """A design on a board for a goal; fields as in bnn_hw.flow.Options. verify: with the proof."""

    network: str
    board: str
    goal: str
    out: str
    clock_hz: int | None = None
    limit: str | None = None
    utilisation: float | None = None
    arithmetic: str = STRUCTURAL
    frames: int = 20
    verify: bool = False
    input_scale: str | None = None
    input_offset: str | None = None

    @property
    def name(self) -> str:
        """For people: network, board and goal, a folding file by its name."""
        value = self.goal.partition("=")[2]
        short = Path(value).stem if value.endswith(".json") else self.goal
        return f"{Path(self.network).stem} on {Path(self.board).stem}, {short}"

    def options(self) -> Options:
        fields = dataclasses.asdict(self)
        fields.pop("verify")
        return Options(**{**fields, "out": Path(self.out)})

    def key(self) -> str:
        """Digest of all that the figures depend on; ConfigError and the like if the job is faulty."""
        flow = Flow(self.options())
        inputs = {**flow._graph_inputs(), "plan": flow._plan_inputs()}
        proof = flow.options.frames if self.verify else None
        return digest_of({**inputs, "proof": proof, "code": _code()})[:24]


@functools.cache
def _code() -> str:
    return digest_sources(_SOURCES)


def build(job: Job) -> dict[str, Any]:
    """Plan, generate, prove where asked, synthesise; return the figures. Raises what the flow raises."""
    flow = Flow(job.options())
    started = time.monotonic()
    flow.until("verify") if job.verify else flow.until("plan")
    flow.until("synth")
    plan, used = flow.plan, flow.record("synth", "utilisation.json")["total"]
    figures: dict[str, Any] = {
        "clock_hz": plan.clock_hz,
        "interval_cycles": plan.interval_cycles,
        "latency_cycles": plan.latency_cycles,
        "fps": plan.fps,
        "predicted": dataclasses.asdict(plan.resources),
        "synthesised": {
            "lut": used["lut_sites"], "ff": used["ff"], "bram36": used["bram36"], "dsp": used["dsp"],
        },
        "proof": None,
        "seconds": round(time.monotonic() - started, 1),
    }  # fmt: skip
    if job.verify:
        proof = flow.record("verify", "verify.json")
        names = ("frames", "interval_cycles", "latency_cycles", "values_compared")
        figures["proof"] = {"bit_exact": True, **{name: proof[name] for name in names}}
    return figures


def execute(job: Job) -> dict[str, Any]:
    """Build the point in a process of its own; {"figures": ...}, or {"faults": [...]} where that fails."""
    with _lock:
        if _stopped.is_set():
            return {"faults": [{"place": "sweep", "cause": "was interrupted", "remedy": "start it again"}]}
        process = subprocess.Popen(
            [sys.executable, "-m", "bnn_hw.sweep.job"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,  # a terminal's Ctrl-C comes by way of interrupt_running, once
        )
        _running.add(process)
    try:
        output, errors = process.communicate(json.dumps(dataclasses.asdict(job)))
    finally:
        with _lock:
            _running.discard(process)
        if process.poll() is None:
            process.kill()
    try:
        record: dict[str, Any] = json.loads(output.splitlines()[-1])
    except (IndexError, ValueError):
        words = (errors.strip().splitlines() or ["it printed nothing"])[-1]
        cause = f"the process ended with status {process.returncode}: {words}"
        remedy = f"run it alone: bnn-hw synth {job.network} --board {job.board} --goal {job.goal}"
        record = {"faults": [{"place": "sweep", "cause": cause, "remedy": remedy}]}
    return record


_running: set[subprocess.Popen] = set()
_lock = threading.Lock()
_stopped = threading.Event()


def allow_running() -> None:
    """Let jobs start again after an interrupt."""
    _stopped.clear()


def interrupt_running() -> None:
    """Interrupt the jobs of this process as Ctrl-C would, and wait until they have cleaned up."""
    with _lock:
        _stopped.set()
        processes = list(_running)
    for process in processes:
        process.send_signal(signal.SIGINT)
    for process in processes:
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()


def main() -> int:
    """Read a job, build it, print its record."""
    interrupt_when_terminated()
    job = Job(**json.loads(sys.stdin.read()))
    try:
        record: dict[str, Any] = {"figures": build(job)}
    except BnnHwError as error:
        record = {"faults": [dataclasses.asdict(fault) for fault in error.faults]}
    except KeyboardInterrupt:
        return 130
    print(json.dumps(record))
    return 0


if __name__ == "__main__":
    sys.exit(main())
