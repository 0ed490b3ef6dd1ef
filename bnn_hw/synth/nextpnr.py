"""Place and route with nextpnr-xilinx: runs it, follows its log, and reads the routed figures."""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bnn_hw import tools
from bnn_hw.errors import ToolError
from bnn_hw.pipeline.record import Resources
from bnn_hw.synth import measured
from bnn_hw.synth.openflow import OpenFlow
from bnn_hw.synth.routed import RoutedReport
from bnn_hw.synth.utilisation import Reference

FASM = "routed.fasm"
CELLS = "placed.json"
LOG = "nextpnr.log"

TIMING_SCOPE = (
    "LUT, carry chain, slice flip-flop, F7/F8 and clock buffer only; paths into and out of block RAM, DSP "
    "and the processing system are not timed, so this is no sign-off"
)

_STAGES = (
    # what begins a stage in the log, its name, share of the run done when it begins
    ("Info: Packing constants", "packing", 0.02),
    ("Info: Creating initial analytic placement", "placing", 0.08),
    ("Info: Running simulated annealing placer for refinement", "refining the placement", 0.2),
    ("Info: Running router2", "routing", 0.35),
    ("Info: Running router1 to check", "checking the routing", 0.97),
    ("Info: Running post-routing legalisation", "writing", 0.99),
)
_STUCK_ITERATIONS = 200
# The router begins to tell of iterations after about as long as all before it took: so many times
# that, and seconds at least, and it never will.
_SILENT_TIMES, _SILENT_SECONDS = 4.0, 120.0
_ROUTED = "Info: Router1 time"
_ERROR = r"^ERROR:|^FATAL|terminate called|Assertion|bad_alloc"

Progress = Callable[[str, float], None]
"""Called with what is done now and the share of the run that is done, 0 to 1."""


@dataclass(frozen=True)
class Options:
    """How to place and route. seed: of the placer; timeout_s: for the whole run; extra: further options."""

    seed: int = 1
    timeout_s: float = 4 * 3600
    extra: tuple[str, ...] = ()


@dataclass(frozen=True)
class RoutedLog:
    """What the log of a finished run says.

    cells: used and available ones by type; fmax_hz: by clock, and by pair of clocks
    ("clk -> gated") for paths from one to the other.
    """

    cells: dict[str, tuple[int, int]]
    fmax_hz: dict[str, float]
    remarks: tuple[str, ...]

    def count(self, *types: str) -> int:
        return sum(self.cells.get(name, (0, 0))[0] for name in types)


def parse_log(text: str, place: str = "nextpnr log") -> RoutedLog:
    """Read the figures of the routed design; ToolError if the log is of no finished run.

    Fmax is printed before routing, too, as an estimate: only what follows the
    router's final check counts.
    """
    before, found, after = text.rpartition(_ROUTED)
    if not found:
        quoted = tools.first_error(text, _ERROR)
        raise ToolError.at(place, f"holds no finished routing: {quoted}", "read the log")
    cells = {
        match[1]: (int(match[2]), int(match[3]))
        for match in re.finditer(r"^Info:\s+(\w+):\s*(\d+)/\s*(\d+)\s+\d+%", before, re.MULTILINE)
    }
    if not cells:
        raise ToolError.at(place, "holds no device utilisation", "read the log; is it nextpnr-xilinx'?")
    pattern = r"Max frequency for clock\s+'([^']*)':\s*([\d.]+) MHz"
    clocks = {match[1]: float(match[2]) * 1e6 for match in re.finditer(pattern, after)}
    # Clocks of one source, as a gated clock and its parent: a path between them has one period, too.
    crossing = r"Max delay posedge (\S+)\s*-> posedge (\S+?)\s*: ([\d.]+) ns"
    for match in re.finditer(crossing, after):
        clocks[f"{match[1]} -> {match[2]}"] = 1e9 / max(float(match[3]), 0.01)
    remarks = []
    if "combinational loop" in text:
        remarks.append("the tool saw a combinational loop, so its timing is incomplete")
        clocks = {}
    return RoutedLog(cells, clocks, tuple(remarks))


def lut_sites(fasm: str) -> int:
    """Count the LUT sites that a routed design configures, route-throughs included."""
    sites = re.findall(r"^(\S+\.SLICE[LM]_X\d\.[A-D])LUT\.INIT", fasm, re.MULTILINE)
    return len(set(sites))


def _resources(log: RoutedLog, fasm: str) -> tuple[Resources, Resources]:
    """Return what is used and what the device has."""
    blocks = ("RAMB36E1", "RAMBFIFO36E1")
    used = Resources(
        lut=lut_sites(fasm),
        ff=log.count("SLICE_FFX"),
        bram36=log.count(*blocks) + log.count("RAMB18E1", "FIFO18E1") / 2,
        dsp=log.count("DSP48E1"),
    )
    total = {name: available for name, (_, available) in log.cells.items()}
    have = Resources(
        lut=total.get("SLICE_LUTX", 0) // 2,  # two BELs a site
        ff=total.get("SLICE_FFX", 0),
        bram36=total.get("RAMB36E1", 0),
        dsp=total.get("DSP48E1", 0),
    )
    return used, have


class UnroutedError(ToolError):
    """The placement has no legal routing that the router finds; another seed may give one that has."""


class _Watcher:
    """Follows the log for the stage that runs, and for a router that gets no further.

    Where two nets need the same wire, nextpnr's router tries for ever, with iterations or
    within the first one; otherwise it ends within ten iterations or so.
    """

    def __init__(self, log: Path, progress: Progress | None) -> None:
        self.log, self.progress = log, progress
        self.offset, self.stage = 0, -1
        self.overused: int | None = None
        self.since = 0  # iterations without fewer overused wires
        self.begun = time.monotonic()
        self.routing: float | None = None  # when the router began

    def __call__(self) -> None:
        if not self.log.is_file():
            return
        with self.log.open("rb") as log:
            log.seek(self.offset)
            data = log.read()
        whole = data[: data.rfind(b"\n") + 1]  # the last line may be cut off in mid-number
        self.offset += len(whole)
        text = whole.decode(errors="replace")
        self._require_convergence(text)
        self._require_iterations(text)
        if not self.progress:
            return
        for index, (begin, name, share) in enumerate(_STAGES):
            if index > self.stage and begin in text:
                self.stage = index
                self.progress(name, share)

    def _require_convergence(self, text: str) -> None:
        for match in re.finditer(r"^Info:\s+iter=\d+ .*\boverused=(\d+)", text, re.MULTILINE):
            overused = int(match[1])
            if self.overused is None or overused < self.overused:
                self.overused, self.since = overused, 0
            else:
                self.since += 1
        if self.since >= _STUCK_ITERATIONS:
            cause = f"two nets each need the same wire, {self.overused} times, since {self.since} iterations"
            raise UnroutedError.at("routing", cause, f"try another --place-seed; see {self.log}")

    def _require_iterations(self, text: str) -> None:
        now = time.monotonic()
        if self.routing is None:
            self.routing = now if _STAGES[3][0] in text else None
            return
        silent, before = now - self.routing, self.routing - self.begun
        if self.overused is None and silent > max(_SILENT_SECONDS, _SILENT_TIMES * before):
            cause = (
                f"the router has told of no iteration for {silent:.0f} s, all before it took {before:.0f} s"
            )
            raise UnroutedError.at("routing", cause, f"try another --place-seed; see {self.log}")


def command(
    flow: OpenFlow, netlist: Path, xdc: Path, out: Path, clock_hz: int, options: Options
) -> list[str]:
    """Return the command line. A miss of the clock is judged from the log, so nextpnr itself allows it."""
    arguments = [str(flow.program.path), "--chipdb", str(flow.chip_database), "--xdc", str(xdc)]
    arguments += ["--json", str(netlist), "--fasm", str(out / FASM), "--write", str(out / CELLS)]
    arguments += ["--freq", f"{clock_hz / 1e6:g}", "--seed", str(options.seed), "--timing-allow-fail"]
    return [*arguments, *options.extra]


def place_and_route(
    netlist: Path,
    top: str,
    out: Path,
    flow: OpenFlow,
    clock_hz: int,
    *,
    constraints: str = "",
    options: Options | None = None,
    progress: Progress | None = None,
    log: Path | None = None,
) -> RoutedReport:
    """Route ``netlist`` (Yosys JSON with the module ``top``) into the folder ``out``.

    Leaves routed.fasm, placed.json (cells with their places) and routed.json. A
    clock that was missed is in the report and no error here. constraints: XDC text;
    log: nextpnr's own words, ``out``/nextpnr.log if None. Raises ToolError when
    nextpnr fails, does not end in time or leaves no result, with the log's path;
    UnroutedError when its router gets no further.
    """
    options, log = options or Options(), log or out / LOG
    xdc, usage = out / "constraints.xdc", out / "usage.json"
    xdc.write_text(constraints)
    arguments = command(flow, netlist, xdc, out, clock_hz, options)
    tools.run(
        [sys.executable, "-P", measured.__file__, str(usage), *arguments],
        what=f"place and route of {top}",
        log=log,
        timeout_s=options.timeout_s,
        remedy="see whether the design fits and read the log",
        error_pattern=_ERROR,
        check=lambda: (out / FASM).is_file() and (out / FASM).stat().st_size > 0,
        watch=_Watcher(log, progress),
    )
    found = parse_log(log.read_text(errors="replace"), str(log))
    used, have = _resources(found, (out / FASM).read_text())
    spent = json.loads(usage.read_text())
    usage.unlink()
    report = RoutedReport(
        top=top,
        device=flow.device,
        tool=flow.program.path.name,
        tool_version=flow.program.version,
        options=" ".join((f"seed {options.seed}", *options.extra)),
        clock_hz=clock_hz,
        fmax_hz=min(found.fmax_hz.values(), default=None),
        resources=used,
        part=Reference(flow.device, have),
        seconds={"place and route": spent["seconds"], "place and route, processor": spent["cpu_seconds"]},
        peak_bytes={"place and route": spent["peak_bytes"]},
        timing_scope=TIMING_SCOPE,
        remarks=found.remarks,
        log=log.name,
    )
    report.save(out)
    return report
