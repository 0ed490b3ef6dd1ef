"""From RTL with its shell to a bitstream, with either tool: what the steps map, route and bitstream do."""

from __future__ import annotations

import dataclasses
import json
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from bnn_hw.board import Board
from bnn_hw.errors import ConfigError
from bnn_hw.folders import writing
from bnn_hw.progress import Reporter
from bnn_hw.synth import bitstream, nextpnr, openflow, placeable, routed, vivado
from bnn_hw.synth.routed import RoutedReport
from bnn_hw.synth.xc7.database import Database

NEXTPNR, VIVADO = "nextpnr", "vivado"
TOOLS = (NEXTPNR, VIVADO)


@dataclass(frozen=True)
class Implementation:
    """How to place and route. seed: nextpnr's; timeout_s: for each run of a tool.

    attempts: placements that nextpnr makes at most, with seeds counted up from seed, until
    one meets the clock; allow_timing_miss: write a bitstream although the clock was missed.
    """

    tool: str = NEXTPNR
    seed: int = 1
    attempts: int = 4
    timeout_s: float = 4 * 3600
    allow_timing_miss: bool = False


def tool_inputs(implementation: Implementation, board: Board) -> dict[str, Any]:
    """Find the tools and return what a routed result depends on, besides the RTL.

    Raises ToolError listing everything that is missing, ConfigError for a part that
    the open flow does not know.
    """
    if implementation.tool == VIVADO:
        return {"tool": VIVADO, "version": vivado.find().version, "device": board.device}
    flow = _open_flow(board)
    chip = flow.chip_database
    return {
        "tool": NEXTPNR,
        "version": flow.program.version,
        "chip_database": [chip.name, chip.stat().st_size],
        "seed": implementation.seed,
        "attempts": implementation.attempts,
        "device": board.device,
    }


def _open_flow(board: Board) -> openflow.OpenFlow:
    if not board.has_open_flow:
        known = ", ".join(board.part.open_packages) or "none"
        cause = f"{board.device} is not in the open tools' database ({board.part.name}: {known})"
        raise ConfigError.at(f"board {board.name}", cause, "build with Vivado: --tool vivado")
    return openflow.find(board.device)


def map_netlist(
    rtl_folder: Path, top: str, out: Path, implementation: Implementation, reporter: Reporter, logs: Path
) -> None:
    """Synthesise the RTL folder's module ``top`` for nextpnr into ``out``; logs as in :func:`route`."""
    with reporter.bar("synthesis", total=1) as advance:
        placeable.synthesise(
            rtl_folder,
            top,
            out,
            log=logs / "yosys-route.log",
            timeout_s=implementation.timeout_s,
            progress=lambda name, share: advance(share, f"synthesis: {name}"),
        )


def route(
    source: Path,
    top: str,
    out: Path,
    board: Board,
    clock_hz: int,
    implementation: Implementation,
    reporter: Reporter,
    logs: Path,
    digest: str,
) -> RoutedReport:
    """Place and route the module ``top`` into ``out``; a missed clock is in the report.

    source: for Vivado the RTL folder, for nextpnr what :func:`map_netlist` left; logs: folder
    for the tools' own words, which outlive a failure; digest: of the build, whose first
    digits Vivado puts into the .bit as it writes it.
    """
    if implementation.tool == VIVADO:
        with reporter.bar("Vivado", total=1) as advance:
            return vivado.build(
                source,
                top,
                out,
                vivado.find(),
                board.device,
                clock_hz,
                options=vivado.Options(timeout_s=implementation.timeout_s, user_id=digest[:8]),
                progress=lambda name, share: advance(share, f"Vivado: {name}"),
                log=logs / vivado.LOG,
            )
    flow, made = _open_flow(board), placeable.load(source)
    with reporter.bar("place and route", total=1) as advance:
        report = _best_placement(made.path, top, out, flow, clock_hz, implementation, advance, logs)
    seconds = {"synthesis": made.seconds, **report.seconds}
    report = dataclasses.replace(
        report, seconds=seconds, options=f"Yosys {made.tool_version}; {report.options}"
    )
    report.save(out)
    return report


def _best_placement(
    netlist: Path,
    top: str,
    out: Path,
    flow: openflow.OpenFlow,
    clock_hz: int,
    implementation: Implementation,
    advance: Callable[[float, str], None],
    logs: Path,
) -> RoutedReport:
    """Place and route with one seed after the other until the clock is met; the fastest one stays in ``out``.

    Of the seeds that missed it, the report keeps what each reached. Raises
    UnroutedError where no seed gave a placement that could be routed.
    """
    best: RoutedReport | None = None
    missed: list[str] = []
    unrouted: nextpnr.UnroutedError | None = None
    share = 1 / max(1, implementation.attempts)
    for attempt in range(max(1, implementation.attempts)):
        seed, done = implementation.seed + attempt, attempt * share
        title = f"place and route{f' (seed {seed})' if attempt else ''}"
        with tempfile.TemporaryDirectory(prefix=".seed-", dir=out) as scratch:
            try:
                report = nextpnr.place_and_route(
                    netlist,
                    top,
                    Path(scratch),
                    flow,
                    clock_hz,
                    options=nextpnr.Options(seed, implementation.timeout_s),
                    progress=partial(_advance, advance, title, done, share),
                    log=logs / nextpnr.LOG,
                )
            except nextpnr.UnroutedError as error:
                unrouted = error
                missed.append(f"seed {seed}: the router got no further")
                continue
            if best is None or (report.fmax_hz or 0) > (best.fmax_hz or 0):
                best = report
                for path in Path(scratch).iterdir():
                    path.replace(out / path.name)
                shutil.copy(logs / nextpnr.LOG, out / nextpnr.LOG)
        if report.timing_met:
            break
        reached = f"{report.fmax_hz / 1e6:.1f} MHz" if report.fmax_hz else "no clock known"
        missed.append(f"seed {seed} missed the clock: {reached}")
    if best is None:
        assert unrouted is not None
        raise unrouted
    return dataclasses.replace(best, remarks=(*best.remarks, *missed))


def _advance(
    advance: Callable[[float, str], None], title: str, done: float, share: float, name: str, part: float
) -> None:
    advance(done + share * part, f"{title}: {name}")


def write_bitstream(
    routed_folder: Path,
    top: str,
    out: Path,
    name: str,
    board: Board,
    implementation: Implementation,
    netlist: Path,
    notes: dict[str, str] | None = None,
) -> dict[str, Any]:
    """Write NAME.bit, NAME.bin and bitstream.json into ``out``; return the record.

    netlist: what was routed, for the open flow; notes: go into the .bit's header.
    The open flow's bitstream is read back and compared with placement and netlist.
    Raises TimingError if the clock was missed and that is not allowed, MismatchError
    if the read-back differs.
    """
    report = routed.load(routed_folder / routed.REPORT)
    routed.require_timing(report, implementation.allow_timing_miss)
    if implementation.tool == NEXTPNR:
        flow = _open_flow(board)
        made = bitstream.make(
            routed_folder / nextpnr.FASM,
            out,
            Database(flow.xray_database, board.device),
            name,
            netlist=netlist,
            placed=routed_folder / nextpnr.CELLS,
            top=top,
            notes=notes,
        )
        record = made.to_record()
    else:
        with writing(out):
            for suffix in ("bit", "bin"):
                shutil.copy(routed_folder / f"{top}.{suffix}", out / f"{name}.{suffix}")
        size = (out / f"{name}.bit").stat().st_size
        record = bitstream.Bitstream(board.device, top, f"{name}.bit", f"{name}.bin", size, None).to_record()
    record["timing_met"] = report.timing_met
    (out / bitstream.REPORT).write_text(json.dumps(record, indent=1) + "\n")
    return record
