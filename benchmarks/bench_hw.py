"""Build the design points that the hardware is judged by, and hold each against its bar and its aim.

    python benchmarks/bench_hw.py                    all points
    python benchmarks/bench_hw.py ncnv-1024 --netlist
    python benchmarks/bench_hw.py --list

Each point goes through the flow: plan, RTL, proof (bit-exact, with and without pauses),
synthesis; --netlist adds the proof that the netlist equals the RTL. Finished steps are
used again while nothing they depend on has changed, so every figure belongs to the
sources as they are. The interval is the simulated one, LUT sites are counted after
dual-output packing, core without shell. Written to <out>/bench_hw/: table.txt, table.md
and bench_hw.json with all figures stage by stage.
"""

from __future__ import annotations

import argparse
import dataclasses
import io
import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bnn_hw.board import load_board
from bnn_hw.design import load_design
from bnn_hw.errors import BnnHwError, InputError, suggest
from bnn_hw.flow import Flow, Options
from bnn_hw.folders import writing
from bnn_hw.progress import Reporter

FORMAT = "bnn_hw.bench_hw/1"
CLOCK_HZ = 100_000_000


@dataclass(frozen=True)
class Limits:
    """Most that a point may take; None where nothing is asked. interval_cycles: of a frame."""

    interval_cycles: int | None = None
    lut: int | None = None
    bram36: float | None = None
    dsp: int | None = None

    def asked(self) -> dict[str, float]:
        return {key: value for key, value in dataclasses.asdict(self).items() if value is not None}


@dataclass(frozen=True)
class Point:
    """A design on a board for a goal, with the bar it must reach and the aim beyond; limit: of the plan."""

    name: str
    design: str
    board: str
    goal: str
    bar: Limits
    aim: Limits
    limit: str | None = None


@dataclass(frozen=True)
class Outcome:
    """What became of a point. skipped, failed: the reason in words; figures and seconds are empty then.

    figures: interval_cycles, lut, ff, bram36, dsp, fps (at 100 MHz); seconds: by step; reused: steps
    of an earlier run; stages: LUT sites, FF, BRAM36 and DSP by stage.
    """

    point: Point
    figures: dict[str, float] = dataclasses.field(default_factory=dict)
    seconds: dict[str, float] = dataclasses.field(default_factory=dict)
    reused: tuple[str, ...] = ()
    stages: dict[str, dict[str, float]] = dataclasses.field(default_factory=dict)
    frames: int = 0
    netlist_frames: int = 0
    skipped: str = ""
    failed: str = ""


_PAPER: dict[str, Any] = {"lut": 26_060, "bram36": 124, "dsp": 220}
# 85 % of the part.
_Z7020: dict[str, Any] = {"lut": 45_220, "bram36": 119, "dsp": 187}
_Z7010: dict[str, Any] = {"lut": 14_960, "bram36": 51, "dsp": 68}

POINTS = (
    Point("cnv-table1", "cnv", "pynq-z1", "folding=table1",
          Limits(32_768, 9_500, 60), Limits(32_768, 7_000, 45)),
    Point("ncnv-table1", "ncnv", "pynq-z1", "folding=table1",
          Limits(8_100, 5_500, 4), Limits(8_100, 4_200, 0)),
    Point("ucnv-table1", "ucnv", "pynq-z1", "folding=table1",
          Limits(32_400, 3_300, 4), Limits(32_400, 2_300, 0)),
    Point("ncnv-1024", "ncnv", "pynq-z1", "fps=97656",
          Limits(1_024, 7_500, 6, 20), Limits(1_024, 5_800, 0)),
    Point("ucnv-1024", "ucnv", "pynq-z1", "fps=97656",
          Limits(1_024, 7_500, 6), Limits(1_024, 5_500)),
    # Several pixels a cycle: the core alone, faster than one memory port.
    Point("ncnv-256", "ncnv", "pynq-z1", "fps=390625",
          Limits(256, **_Z7020), Limits(100, **_Z7020), "port=off"),
    Point("ncnv-100", "ncnv", "pynq-z1", "fps=1e6",
          Limits(256, **_Z7020), Limits(100, **_Z7020), "port=off"),
    # Inside the published design's own budget, less what the law of LUTs may be wrong by.
    Point("cnv-budget", "cnv", "pynq-z1", "high-throughput",
          Limits(4_560, **_PAPER), Limits(3_444, **_PAPER), "lut=25600,bram36=124,dsp=220"),
    Point("cnv-z7020", "cnv", "pynq-z1", "high-throughput",
          Limits(2_435, **_Z7020), Limits(1_722, **_Z7020)),
    Point("cnv-z7010", "cnv", "zybo-z7-10", "high-throughput",
          Limits(16_384, **_Z7010), Limits(11_585, **_Z7010)),
)  # fmt: skip


def choose(names: Sequence[str]) -> list[Point]:
    """The points of these names, all without any; InputError for a name that is none."""
    known = {point.name: point for point in POINTS}
    for name in names:
        if name not in known:
            raise InputError.at(f"point {name}", "is unknown", suggest(name, known))
    return [known[name] for name in names] if names else list(POINTS)


def exceeded(limits: Limits, figures: dict[str, float]) -> dict[str, float]:
    """By how much each limit is exceeded; empty when all are met."""
    return {key: figures[key] - limit for key, limit in limits.asked().items() if figures[key] > limit}


def measure(point: Point, out: Path, frames: int, netlist: bool, reporter: Reporter) -> Outcome:
    """Run the flow for a point, or tell why it cannot be."""
    model = load_design(point.design).model
    if not model.is_file():
        return Outcome(point, skipped=f"{model.name} of design {point.design} is not there: train it first")
    try:
        # The board's own clock is left out, so that the builds are those of the plain commands.
        clock_hz = None if load_board(point.board).default_clock_hz == CLOCK_HZ else CLOCK_HZ
        options = Options(
            point.design,
            point.board,
            point.goal,
            out=out,
            clock_hz=clock_hz,
            frames=frames,
            limit=point.limit,
        )
        flow = Flow(options, reporter)
        steps = [*flow.until("verify"), *flow.until("synth")]
        if netlist:
            steps += flow.until("netlist")
    except BnnHwError as error:
        return Outcome(point, failed="; ".join(f"{fault.place}: {fault.cause}" for fault in error.faults))
    proof, synthesis = flow.record("verify", "verify.json"), flow.record("synth", "utilisation.json")
    ran = {step.name for step in steps if step.ran}
    return Outcome(
        point,
        figures=_figures(proof["interval_cycles"], synthesis["total"]),
        seconds={step.name: step.seconds for step in steps},
        reused=tuple(dict.fromkeys(step.name for step in steps if step.name not in ran)),
        stages={name: _resources(item) for name, item in synthesis["stages"].items()},
        frames=proof["frames"],
        netlist_frames=flow.record("netlist", "verify_netlist.json")["frames"] if netlist else 0,
    )


def _resources(item: dict[str, Any]) -> dict[str, float]:
    return {"lut": item["lut_sites"], "ff": item["ff"], "bram36": item["bram36"], "dsp": item["dsp"]}


def _figures(interval_cycles: int, total: dict[str, Any]) -> dict[str, float]:
    return {
        "interval_cycles": interval_cycles,
        "fps": round(CLOCK_HZ / interval_cycles, 1),
        **_resources(total),
    }


def verdict(limits: Limits, outcome: Outcome) -> str:
    """``met``, or what is too much and by how much."""
    if not outcome.figures:
        return "-"
    units = {"interval_cycles": "cycles", "lut": "LUT", "bram36": "BRAM36", "dsp": "DSP"}
    missed = exceeded(limits, outcome.figures)
    return ", ".join(f"+{value:,g} {units[key]}" for key, value in missed.items()) or "met"


HEADINGS = (
    "point",
    "interval",
    "fps at 100 MHz",
    "LUT sites",
    "FF",
    "BRAM36",
    "DSP",
    "seconds",
    "bar",
    "aim",
)


def row(outcome: Outcome) -> list[str]:
    """A point's cells under HEADINGS; the seconds are those that its steps took when they ran."""
    figures = outcome.figures
    if not figures:
        reason = f"skipped: {outcome.skipped}" if outcome.skipped else f"failed: {outcome.failed}"
        return [outcome.point.name, *[""] * 7, reason, ""]
    numbers = [f"{figures[key]:,.10g}" for key in ("interval_cycles", "fps", "lut", "ff", "bram36", "dsp")]
    seconds = f"{sum(outcome.seconds.values()):,.0f}" + (" (reused)" if outcome.reused else "")
    return [
        outcome.point.name,
        *numbers,
        seconds,
        verdict(outcome.point.bar, outcome),
        verdict(outcome.point.aim, outcome),
    ]


def markdown(outcomes: Iterable[Outcome]) -> str:
    lines = ["| " + " | ".join(HEADINGS) + " |", "|" + "---|" * len(HEADINGS)]
    return "\n".join([*lines, *("| " + " | ".join(row(item)) + " |" for item in outcomes)]) + "\n"


def text(outcomes: Iterable[Outcome]) -> str:
    table = Table(title="core alone, no place and route; bar and aim: met, or by how much they are missed")
    for index, heading in enumerate(HEADINGS):
        table.add_column(heading, justify="right" if 0 < index < 8 else "left", overflow="fold")
    for item in outcomes:
        table.add_row(*row(item))
    console = Console(file=io.StringIO(), width=150, color_system=None)
    console.print(table)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def write(outcomes: Sequence[Outcome], folder: Path) -> None:
    """Write the three files; a point measured earlier and not now is not in them."""
    record = {"format": FORMAT, "clock_hz": CLOCK_HZ, "points": []}
    record["points"] = [
        {
            **dataclasses.asdict(item),
            "over_bar": exceeded(item.point.bar, item.figures) if item.figures else None,
            "over_aim": exceeded(item.point.aim, item.figures) if item.figures else None,
        }
        for item in outcomes
    ]
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "table.txt").write_text(text(outcomes))
        (folder / "table.md").write_text(markdown(outcomes))
        (folder / "bench_hw.json").write_text(json.dumps(record, indent=1) + "\n")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("points", nargs="*", help="names of points; all if left out")
    parser.add_argument("--out", type=Path, default=Path("build"), help="folder of the builds")
    parser.add_argument("--frames", type=int, default=20, help="frames in the proof")
    parser.add_argument("--netlist", action="store_true", help="prove the netlist equal to the RTL, too")
    parser.add_argument("--list", action="store_true", help="show the points and their limits")
    parser.add_argument("--quiet", action="store_true", help="no progress")
    given = parser.parse_args(arguments)
    try:
        points = choose(given.points)
        if given.list:
            for point in points:
                bar, aim = (
                    ", ".join(f"{k} {v:,g}" for k, v in x.asked().items()) for x in (point.bar, point.aim)
                )
                goal = f"{point.goal} within {point.limit}" if point.limit else point.goal
                print(f"{point.name:12} {point.design} {point.board} {goal}: bar {bar}; aim {aim}")
            return 0
        reporter = Reporter(given.quiet)
        outcomes: list[Outcome] = []
        for number, point in enumerate(points, 1):
            reporter.say(f"point {number} of {len(points)}: {point.name}")
            outcomes.append(measure(point, given.out, given.frames, given.netlist, reporter))
            write(outcomes, given.out / "bench_hw")  # what is measured stays after an interrupt
    except BnnHwError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_status
    print(text(outcomes), end="")
    print(f"written to {given.out / 'bench_hw'}")
    return 1 if any(item.failed for item in outcomes) else 0


if __name__ == "__main__":
    sys.exit(main())
