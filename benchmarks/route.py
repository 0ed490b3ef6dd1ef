"""Place and route the benchmark's designs with their shell, read the bitstreams back, print one table.

    python benchmarks/route.py                       all points, smallest first
    python benchmarks/route.py ucnv-zybo-z7-10       some of them
    python benchmarks/route.py --show                what is there already, without running anything
    python benchmarks/route.py --list

Needs nextpnr-xilinx with its databases (bnn-hw doctor), or --tool vivado. Every figure is of
the routed result of the sources as they are: a finished step is used again only while nothing
it depends on has changed. A point that misses its clock or whose read-back differs is shown
as failed, and the exit status is 1. Written to <out>/route/: table.md and route.json.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bnn_hw.errors import BnnHwError, InputError, suggest
from bnn_hw.flow import Flow, Options
from bnn_hw.folders import writing
from bnn_hw.implement import NEXTPNR, TOOLS, Implementation
from bnn_hw.implement_flow import BITSTREAM, ROUTE, ImplementSteps
from bnn_hw.progress import Reporter
from bnn_hw.synth import bitstream, routed
from bnn_hw.tools import interrupt_when_terminated

FORMAT = "bnn_hw.route/1"
HEADINGS = (
    "design", "board", "goal", "Fmax", "asked", "LUT sites", "FF", "BRAM36", "DSP", "processor", "memory",
    "read back",
)  # fmt: skip


@dataclass(frozen=True)
class Point:
    """A design on a board for a goal."""

    design: str
    board: str
    goal: str

    @property
    def name(self) -> str:
        goal = self.goal.rpartition("=")[2]
        return f"{self.design}-{self.board}" + ("" if goal == "table1" else f"-{goal}")


POINTS = (
    Point("ucnv", "zybo-z7-10", "folding=table1"),
    Point("ucnv", "pynq-z1", "folding=table1"),
    Point("ncnv", "zybo-z7-10", "folding=table1"),
    Point("ncnv", "pynq-z1", "folding=table1"),
    Point("ncnv", "pynq-z1", "fps=97656"),
    Point("cnv", "pynq-z1", "folding=table1"),
)


def choose(names: Sequence[str]) -> list[Point]:
    """Return the points of these names, all for none; InputError for a name that is none."""
    known = {point.name: point for point in POINTS}
    for name in names:
        if name not in known:
            raise InputError.at(f"point {name}", "is unknown", suggest(name, known))
    return [known[name] for name in names] or list(POINTS)


def run(flow: Flow) -> None:
    """Place, route, write and read back; finished steps are used again."""
    ImplementSteps(flow).check_tools()
    flow.until(BITSTREAM)


def outcome(flow: Flow, point: Point, failed: str = "") -> dict[str, Any]:
    """Return what the steps left: the routed figures and the read-back; failed: why there is less."""
    result: dict[str, Any] = {**dataclasses.asdict(point), "name": point.name, "failed": failed}
    path = flow.folder(ROUTE) / routed.REPORT
    if path.is_file():
        result[ROUTE] = routed.load(path).to_record()
    if (flow.folder(BITSTREAM) / bitstream.REPORT).is_file():
        result[BITSTREAM] = flow.record(BITSTREAM, bitstream.REPORT)
    if not failed and BITSTREAM not in result:
        result["failed"] = "not run"
    return result


def cells(result: dict[str, Any]) -> list[str]:
    """Return a result's row of the table."""
    row = [result["design"], result["board"], result["goal"]]
    made = result.get(ROUTE)
    if made is None:
        return [*row, *[""] * 8, result["failed"]]
    used, have = made["resources"], made["part"]["resources"]
    fmax = f"{made['fmax_hz'] / 1e6:.1f} MHz" if made["fmax_hz"] else "none"
    row += [fmax, f"{made['clock_hz'] / 1e6:g} MHz"]
    row += [f"{used[name]:,g} ({used[name] / have[name]:.0%})" for name in ("lut", "ff", "bram36", "dsp")]
    seconds = made["seconds"].get("place and route, processor") or made["seconds"].get("build, processor")
    peak = max(made["peak_bytes"].values(), default=0)
    row += [f"{seconds:,.0f} s" if seconds else "", f"{peak / 1e9:.1f} GB" if peak else ""]
    back = result.get(BITSTREAM, {}).get("readback")
    return [*row, result["failed"] or (f"{back['features']:,} features equal" if back else "not read back")]


def markdown(results: Sequence[dict[str, Any]]) -> str:
    """Return the table for a README."""
    rows = [list(HEADINGS), ["---"] * len(HEADINGS), *(cells(item) for item in results)]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def show(results: Sequence[dict[str, Any]]) -> None:
    table = Table()
    for heading in HEADINGS:
        table.add_column(heading)
    for item in results:
        table.add_row(*cells(item))
    Console(width=190).print(table)


def write(out: Path, results: Sequence[dict[str, Any]]) -> None:
    folder = out / "route"
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "table.md").write_text(markdown(results))
        record = {"format": FORMAT, "points": list(results)}
        (folder / "route.json").write_text(json.dumps(record, indent=1) + "\n")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("points", nargs="*", metavar="POINT", help="points to route; all of them if left out")
    parser.add_argument("--out", type=Path, default=Path("build"), help="folder of the builds")
    parser.add_argument("--tool", choices=TOOLS, default=NEXTPNR)
    parser.add_argument("--attempts", type=int, default=4, help="seeds to try until the clock is met")
    parser.add_argument("--timeout-hours", type=float, default=4.0, help="limit of each run of a tool")
    parser.add_argument("--show", action="store_true", help="run nothing, show what is there")
    parser.add_argument("--list", action="store_true", help="list the points and stop")
    parser.add_argument("--quiet", action="store_true", help="no progress on standard error")
    options = parser.parse_args(arguments)
    if options.list:
        print("\n".join(point.name for point in POINTS))
        return 0
    implementation = Implementation(
        tool=options.tool, attempts=options.attempts, timeout_s=3600 * options.timeout_hours
    )
    interrupt_when_terminated()
    results: list[dict[str, Any]] = []
    try:
        chosen = choose(options.points)
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_status
    for point in chosen:
        flow = Flow(
            Options(point.design, point.board, point.goal, options.out, implementation=implementation),
            Reporter(quiet=options.quiet),
        )
        failed = ""
        if not options.show:
            try:
                run(flow)
            except BnnHwError as error:
                failed = error.faults[0].cause
                print(f"{point.name}: {error}", file=sys.stderr)
        results.append(outcome(flow, point, failed))
        write(options.out, results)
    show(results)
    return int(any(item["failed"] for item in results))


if __name__ == "__main__":
    sys.exit(main())
