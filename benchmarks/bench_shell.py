"""The whole accelerator with its shell on the simulated board, and what the shell itself takes.

    python benchmarks/bench_shell.py --frames 1000
    python benchmarks/bench_shell.py --synth

Builds n-CNV at a frame every 1,024 cycles, sends pictures as one job through the shell and the
memory model, compares every score with the integer graph, and prints cycles end to end (from
queueing the job to its interrupt), the core's own interval and the latency of a single frame in
gate mode. ``--synth`` synthesises the shell without a core instead. Exits with 1 where a bar is missed.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from bnn_hw.board import load_board
from bnn_hw.flow import Flow, Options
from bnn_hw.ir.execute import execute
from bnn_hw.pipeline import shell as shell_record
from bnn_hw.pipeline.record import Resources
from bnn_hw.progress import Reporter
from bnn_hw.runtime import registers as regs
from bnn_hw.sim.board import MemoryModel, SimulatedBoard, build_board
from bnn_hw.soc.emit import CORE_LIBRARY, LIBRARY, PARTS
from bnn_hw.synth.utilisation import Reference, stage_table
from bnn_hw.synth.yosys import Options as Mapping
from bnn_hw.synth.yosys import synthesise

SOURCE, TARGET = 0x100_0000, 0x200_0000
END_TO_END = 1.01  # of frames times interval
SHELL_LUT = 1500


def run_job(board: SimulatedBoard, frames: int, limit: int) -> int:
    """Queue a job and wait for its interrupt; return the cycles it took."""
    board.write_register(regs.IRQ_STATUS_OFFSET, 7)
    board.write_register(regs.IRQ_ENABLE_OFFSET, 3)
    board.write_register(regs.JOB_SOURCE_OFFSET, SOURCE)
    board.write_register(regs.JOB_TARGET_OFFSET, TARGET)
    start = board.cycle
    board.write_register(regs.JOB_FRAMES_OFFSET, frames)
    if not board.wait_interrupt(limit) or board.read_register(regs.ERROR_OFFSET):
        raise SystemExit(f"the job is not done; ERROR {board.read_register(regs.ERROR_OFFSET)}")
    return board.cycle - start


def results(board: SimulatedBoard, frames: int) -> np.ndarray:
    """Return (frames, words) from the memory."""
    shell = board.shell
    data = board.read_memory(TARGET, frames * shell.result_stride)
    return np.frombuffer(data, np.int32).reshape(frames, -1)[:, : shell.result_words]


def expected(flow: Flow, images: np.ndarray) -> np.ndarray:
    """Return the integer scores and the class of each picture."""
    classes = next(node for node in flow.graph.nodes if node.name == flow.graph.outputs[-1])
    scores = flow.graph.nodes[[n.name for n in flow.graph.nodes].index(classes.inputs[0])]
    raw = scores.inputs[0] if type(scores.op).__name__ == "Scale" else scores.name
    values = execute(flow.graph, images, keep={raw, classes.name})
    return np.concatenate([values[name].reshape(len(images), -1) for name in (raw, classes.name)], axis=1)


def measure(frames: int, goal: str, out: Path) -> dict[str, Any]:
    """Build, run and compare; return what was measured."""
    flow = Flow(Options("ncnv", "pynq-z1", goal, out=out), Reporter(quiet=False))
    flow.until("soc")
    shell = shell_record.load(flow.folder("soc") / "soc")
    program = build_board(shell, out / "cache")
    plan = flow.plan
    rng = np.random.default_rng(1)
    images = rng.integers(0, 256, (frames, *flow.graph.input.type.shape)).astype(np.uint8)
    wanted = expected(flow, images)
    with SimulatedBoard(program) as board:
        board.write_memory(SOURCE, images.tobytes())
        taken = run_job(board, frames, 4 * plan.interval_cycles * frames + 10**6)
        exact = int((results(board, frames) == wanted).all(axis=1).sum())
        board.write_register(regs.CONTROL_OFFSET, 4)
        span = board.read_register(regs.FIRST_TO_LAST_OFFSET)
        stalls = [board.read_register(o) for o in (regs.STALLED_IN_OFFSET, regs.STALLED_OUT_OFFSET)]
        board.write_register(regs.MODE_OFFSET, 1)
        board.run(20_000)
        single = run_job(board, 1, 10**6)
        board.write_register(regs.CONTROL_OFFSET, 4)
        latency = board.read_register(regs.FIRST_TO_LAST_OFFSET)
    return {
        "goal": goal,
        "frames": frames,
        "frames_bit_exact": exact,
        "memory": asdict(MemoryModel()),
        "interval_cycles": plan.interval_cycles,
        "end_to_end_cycles": taken,
        "end_to_end_share": taken / (frames * plan.interval_cycles),
        "core_interval_cycles": (span - latency) / (frames - 1),
        "stalled_in_cycles": stalls[0],
        "stalled_out_cycles": stalls[1],
        "planned_latency_cycles": plan.latency_cycles,
        "gate_latency_cycles": latency,
        "gate_end_to_end_cycles": single,
    }


def synthesise_shell(out: Path) -> dict[str, Any]:
    """Synthesise bnn_shell for n-CNV's sizes, without a core; return its totals."""
    folder = out / "shell_rtl"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for path in (*LIBRARY.glob("*.sv"), *(CORE_LIBRARY / name for name in (*PARTS, "bnn_assert.svh"))):
        shutil.copy(path, folder / path.name)
    top = folder / "bnn_shell.sv"
    text = top.read_text()
    changed = text.replace('CLOCK_GATE = "behavioural"', 'CLOCK_GATE = "bufgce"')
    assert changed != text
    top.write_text(changed)
    names = sorted(path.name for path in folder.glob("bnn_*.sv") if path.stem != "bnn_zynq")
    names.sort(key=lambda name: not name.endswith("_pkg.sv"))
    (folder / "files.f").write_text("\n".join(names) + "\n")
    part = load_board("pynq-z1").part
    reference = Reference(part.name, Resources(part.lut, part.ff, part.bram36, part.dsp))
    options = Mapping(clock_hz=100_000_000)
    report = synthesise(folder, "bnn_shell", out / "shell_synth", reference, stage_names={}, options=options)
    from rich.console import Console

    Console(width=110).print(stage_table(report))
    total = report.total.resources
    return {"lut_sites": total.lut, "ff": total.ff, "bram36": total.bram36, "dsp": total.dsp}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--frames", type=int, default=1000)
    parser.add_argument("--goal", default="fps=97656", help="of n-CNV on the PYNQ-Z1")
    parser.add_argument("--out", type=Path, default=Path("build/bench_shell"))
    parser.add_argument("--synth", action="store_true")
    arguments = parser.parse_args()
    if arguments.synth:
        found = synthesise_shell(arguments.out)
        missed = found["lut_sites"] > SHELL_LUT
    else:
        found = measure(arguments.frames, arguments.goal, arguments.out)
        missed = (
            found["frames_bit_exact"] < found["frames"]
            or found["end_to_end_share"] > END_TO_END
            or found["gate_latency_cycles"] != found["planned_latency_cycles"]
        )
    print(json.dumps(found, indent=1))
    sys.exit(int(missed))


if __name__ == "__main__":
    main()
