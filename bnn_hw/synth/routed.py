"""The record of a place-and-route run, the same for every tool."""

from __future__ import annotations

import dataclasses
import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bnn_hw.errors import TimingError, ToolError
from bnn_hw.pipeline.record import Resources
from bnn_hw.synth.utilisation import Reference

FORMAT = "bnn_hw.routed/1"
REPORT = "routed.json"


@dataclass(frozen=True)
class RoutedReport:
    """One routed design. All figures are of the routed result, none of an estimate before it.

    top, device, tool, tool_version, options: what was run; clock_hz: the clock asked
    for; fmax_hz: the slowest clock's highest frequency, None if the tool found no
    timed path; resources: LUT sites (route-throughs included), flip-flops, BRAM36,
    DSP48; part: the device's totals; seconds: time of each run; peak_bytes: most
    memory of each run, where it was measured; timing_scope: what the timing covers;
    hold_met: whether hold times are met, None if the tool does not check them;
    power_w: the tool's own estimate, None without one; remarks: for the reader.
    """

    top: str
    device: str
    tool: str
    tool_version: str
    options: str
    clock_hz: int
    fmax_hz: float | None
    resources: Resources
    part: Reference
    seconds: dict[str, float]
    peak_bytes: dict[str, int]
    timing_scope: str
    hold_met: bool | None = None
    power_w: float | None = None
    remarks: tuple[str, ...] = ()
    log: str = ""

    @property
    def timing_met(self) -> bool:
        return self.fmax_hz is not None and self.fmax_hz >= self.clock_hz and self.hold_met is not False

    def used(self) -> dict[str, float]:
        """Share of the part used, by resource: 0.5 is half of it."""
        have, want = dataclasses.asdict(self.part.resources), dataclasses.asdict(self.resources)
        return {name: want[name] / have[name] for name in want if have[name]}

    def to_record(self) -> dict[str, Any]:
        """Return plain data for JSON, with the derived figures."""
        derived = {"timing_met": self.timing_met, "used": self.used()}
        return {"format": FORMAT, **dataclasses.asdict(self), **derived}

    def save(self, folder: Path) -> None:
        (folder / REPORT).write_text(json.dumps(self.to_record(), indent=1) + "\n")


def load(path: Path) -> RoutedReport:
    """Read a routed.json; ToolError if it is none."""
    try:
        record = json.loads(path.read_text())
        if record.pop("format") != FORMAT:
            raise ValueError(f"format is not {FORMAT}")
        del record["timing_met"], record["used"]
        record["resources"] = Resources(**record["resources"])
        part = record["part"]
        record["part"] = Reference(part["name"], Resources(**part["resources"]))
        record["remarks"] = tuple(record["remarks"])
        return RoutedReport(**record)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ToolError.at(
            path, f"is no record of this version: {error!r}", "route again with bnn-hw route"
        ) from error


def require_timing(report: RoutedReport, allow_miss: bool) -> None:
    """Raise TimingError if the clock was not met, unless that is allowed."""
    if report.timing_met or allow_miss:
        return
    asked = f"{report.clock_hz / 1e6:g} MHz"
    if report.fmax_hz is None:
        cause = f"{report.tool} found no timed path, so nothing is known about {asked}"
        raise TimingError.at(
            f"timing of {report.top}", cause, "read the log, or allow it: --allow-timing-miss"
        )
    if report.hold_met is False:
        cause = f"{report.tool} left hold violations on {report.device}, at any clock"
        remedy = "read its timing report, or allow it: --allow-timing-miss"
        raise TimingError.at(f"timing of {report.top}", cause, remedy)
    reached = f"{report.fmax_hz / 1e6:.1f} MHz"
    cause = f"{report.tool} reached {reached} on {report.device}, {asked} were asked for"
    lower = max(1, int(report.fmax_hz / 1e6 * 0.95))
    remedy = (
        f"ask for less (--clock-mhz {lower}), try more seeds (--attempts), or allow it: --allow-timing-miss"
    )
    raise TimingError.at(f"timing of {report.top}", cause, remedy)


def to_text(report: RoutedReport) -> str:
    """The figures for a person."""
    table = Table(title=f"{report.top} on {report.device}: {report.tool} {report.tool_version}")
    table.title_justify = "left"
    table.add_column("routed")
    for heading in ("used", "of", "share"):
        table.add_column(heading, justify="right")
    have, want = dataclasses.asdict(report.part.resources), dataclasses.asdict(report.resources)
    for key, label in (("lut", "LUT sites"), ("ff", "FF"), ("bram36", "BRAM36"), ("dsp", "DSP48")):
        share = f"{want[key] / have[key]:.1%}" if have[key] else ""
        table.add_row(label, f"{want[key]:,g}", f"{have[key]:,g}", share)
    console = Console(file=io.StringIO(), width=110, color_system=None)
    console.print(table)
    if report.hold_met is False:
        console.print("hold: VIOLATED, which no slower clock mends")
    reached = f"{report.fmax_hz / 1e6:.1f} MHz" if report.fmax_hz else "no timed path"
    verdict = "met" if report.timing_met else "MISSED"
    console.print(f"clock: {reached} routed, {report.clock_hz / 1e6:g} MHz asked for: {verdict}")
    console.print(f"timing covers: {report.timing_scope}")
    if report.power_w is not None:
        console.print(f"power: {report.power_w:.3f} W, {report.tool}'s estimate")
    for name, seconds in report.seconds.items():
        memory = report.peak_bytes.get(name)
        console.print(f"{name}: {seconds:,.0f} s" + (f", {memory / 1e9:.2f} GB" if memory else ""))
    for remark in report.remarks:
        console.print(f"note: {remark}")
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().rstrip()
