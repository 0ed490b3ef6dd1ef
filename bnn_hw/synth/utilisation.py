"""What a design uses of its part: one record for every synthesis tool, as JSON and as text."""

from __future__ import annotations

import dataclasses
import io
import json
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bnn_hw.errors import ToolError
from bnn_hw.pipeline.record import Resources
from bnn_hw.synth.netlist import Cell, Netlist
from bnn_hw.synth.packing import MEMORY_SITES, pack

FORMAT = "bnn_hw.utilisation/1"

GLUE = "(top)"
"""Name of what lies in the top module itself, outside every stage."""

_LUTS = {"LUT1", "LUT2", "LUT3", "LUT4", "LUT5", "LUT6", "LUT6_2", "INV"}
_FLIP_FLOPS = {"FDRE", "FDSE", "FDCE", "FDPE"}
_LATCHES = {"LDCE", "LDPE"}
_FREE = {"GND", "VCC", "BUFG", "IBUF", "OBUF", "$scopeinfo"}
_COUNTED = (_LUTS | _FLIP_FLOPS | _LATCHES | set(MEMORY_SITES) | _FREE) | {
    "SRL16E",
    "CARRY4",
    "MUXF7",
    "MUXF8",
    "RAMB36E1",
    "RAMB18E1",
    "DSP48E1",
}


@dataclass(frozen=True)
class Utilisation:
    """Primitives of one stage or of the whole design.

    lut_cells: as mapped, before packing; logic_sites and memory_sites: LUT sites
    after dual-output packing (the rule stands in bnn_hw/synth/packing.py), of
    functions and of LUTRAM and shift registers; logic_sites_bound: no packing
    has fewer; bram36: RAMB18 counts one half; latches: should be zero; cells: all
    cells by type; unknown: types that no figure above covers.
    """

    lut_cells: int = 0
    logic_sites: int = 0
    memory_sites: int = 0
    logic_sites_bound: int = 0
    ff: int = 0
    latches: int = 0
    bram36: float = 0
    dsp: int = 0
    carry4: int = 0
    muxf7: int = 0
    muxf8: int = 0
    cells: dict[str, int] = field(default_factory=dict)
    unknown: dict[str, int] = field(default_factory=dict)

    @property
    def lut_sites(self) -> int:
        return self.logic_sites + self.memory_sites

    @property
    def resources(self) -> Resources:
        """The figures a plan predicts and a part limits."""
        return Resources(lut=self.lut_sites, ff=self.ff, bram36=self.bram36, dsp=self.dsp, carry4=self.carry4)

    def __add__(self, other: Utilisation) -> Utilisation:
        sums: dict[str, Any] = {}
        for item in dataclasses.fields(self):
            mine, theirs = getattr(self, item.name), getattr(other, item.name)
            both = dict(sorted((Counter(mine) + Counter(theirs)).items())) if isinstance(mine, dict) else None
            sums[item.name] = mine + theirs if both is None else both
        return Utilisation(**sums)


def count(cells: Iterable[Cell]) -> Utilisation:
    """Count and pack the cells of one module, without its sub-modules."""
    cells = list(cells)
    types = Counter(cell.type for cell in cells)
    packing = pack(cells)
    return Utilisation(
        lut_cells=sum(types[name] for name in _LUTS),
        logic_sites=packing.logic_sites,
        memory_sites=packing.memory_sites,
        logic_sites_bound=packing.lower_bound,
        ff=sum(types[name] for name in _FLIP_FLOPS),
        latches=sum(types[name] for name in _LATCHES),
        bram36=types["RAMB36E1"] + 0.5 * types["RAMB18E1"],
        dsp=types["DSP48E1"],
        carry4=types["CARRY4"],
        muxf7=types["MUXF7"],
        muxf8=types["MUXF8"],
        cells=dict(sorted(types.items())),
        unknown={name: n for name, n in sorted(types.items()) if name not in _COUNTED},
    )


def per_stage(netlist: Netlist) -> dict[str, Utilisation]:
    """Utilisation of every instance in the top module, and of the top module's own cells.

    A module below an instance belongs to that instance's stage; modules used
    several times are counted once an instance.
    """
    own = {
        name: count(cell for cell in cells if cell.type not in netlist.modules)
        for name, cells in netlist.modules.items()
    }

    def whole(module: str) -> Utilisation:
        return sum((whole(part) for _, part in netlist.instances(module)), own[module])

    stages = {name: whole(module) for name, module in netlist.instances(netlist.top)}
    return {**stages, GLUE: own[netlist.top]}


@dataclass(frozen=True)
class Reference:
    """Figures to compare with: a part's totals, or a published design's use."""

    name: str
    resources: Resources


@dataclass(frozen=True)
class UtilisationReport:
    """One synthesis run. ``stages`` add up to ``total``."""

    top: str
    tool: str
    tool_version: str
    options: str
    part: Reference
    published: Reference | None
    total: Utilisation
    stages: dict[str, Utilisation]
    warnings: int
    seconds: dict[str, float]
    log: str

    def used(self) -> dict[str, float]:
        """Share of the part used, by resource: 0.5 is half of it."""
        have, want = dataclasses.asdict(self.part.resources), dataclasses.asdict(self.total.resources)
        return {name: want[name] / have[name] for name in want if have[name]}

    @property
    def fits(self) -> bool:
        return all(share <= 1 for share in self.used().values())

    def to_record(self) -> dict[str, Any]:
        """Return plain data for JSON, with the derived figures."""
        record = {"format": FORMAT, **dataclasses.asdict(self), "used": self.used(), "fits": self.fits}
        for name, item in [("total", self.total), *self.stages.items()]:
            target = record["total"] if name == "total" else record["stages"][name]
            target["lut_sites"] = item.lut_sites
        return record


def from_record(record: dict[str, Any], place: str = "utilisation.json") -> UtilisationReport:
    """Read what :meth:`UtilisationReport.to_record` made; ToolError naming ``place`` if it is not that."""

    def utilisation(fields: dict[str, Any]) -> Utilisation:
        return Utilisation(**{key: value for key, value in fields.items() if key != "lut_sites"})

    def reference(fields: dict[str, Any]) -> Reference:
        return Reference(fields["name"], Resources(**fields["resources"]))

    try:
        fields = dict(record)
        if fields.pop("format") != FORMAT:
            raise ValueError(f"format is not {FORMAT}")
        del fields["used"], fields["fits"]
        fields["part"] = reference(fields["part"])
        fields["published"] = fields["published"] and reference(fields["published"])
        fields["total"] = utilisation(fields["total"])
        fields["stages"] = {name: utilisation(item) for name, item in fields["stages"].items()}
        return UtilisationReport(**fields)
    except (ValueError, KeyError, TypeError, AttributeError) as err:
        raise ToolError.at(
            place, f"is no utilisation of this version: {err!r}", "make it again with bnn-hw synth"
        ) from err


def load(path: Path) -> UtilisationReport:
    """Read a utilisation.json."""
    try:
        record = json.loads(path.read_text())
    except ValueError as err:
        raise ToolError.at(path, f"is no JSON: {err}", "make it again with bnn-hw synth") from err
    return from_record(record, str(path))


_COLUMNS: tuple[tuple[str, Callable[[Utilisation], float]], ...] = (
    ("LUT sites", lambda u: u.lut_sites),
    ("logic", lambda u: u.logic_sites),
    ("memory", lambda u: u.memory_sites),
    ("LUT cells", lambda u: u.lut_cells),
    ("FF", lambda u: u.ff),
    ("BRAM36", lambda u: u.bram36),
    ("DSP48", lambda u: u.dsp),
    ("CARRY4", lambda u: u.carry4),
    ("F7+F8", lambda u: u.muxf7 + u.muxf8),
)


def stage_table(report: UtilisationReport) -> Table:
    """One row a stage and the total."""
    table = Table(title=f"{report.top}: {report.tool} {report.tool_version}", title_justify="left")
    table.add_column("stage")
    for title, _ in _COLUMNS:
        table.add_column(title, justify="right")
    for name, item in report.stages.items():
        table.add_row(name, *(f"{value(item):,g}" for _, value in _COLUMNS))
    table.add_section()
    table.add_row("total", *(f"{value(report.total):,g}" for _, value in _COLUMNS))
    return table


def comparison_table(report: UtilisationReport) -> Table:
    """The total against the part and, if given, against the published design."""
    table = Table(title_justify="left")
    table.add_column("resource")
    headings = ["synthesised", report.part.name, "used"]
    if report.published:
        headings += [report.published.name, "ours / theirs"]
    for heading in headings:
        table.add_column(heading, justify="right")
    have, want = dataclasses.asdict(report.part.resources), dataclasses.asdict(report.total.resources)
    theirs = dataclasses.asdict(report.published.resources) if report.published else {}
    for key, label in (("lut", "LUT sites"), ("ff", "FF"), ("bram36", "BRAM36"), ("dsp", "DSP48")):
        row = [
            label,
            f"{want[key]:,g}",
            f"{have[key]:,g}",
            f"{want[key] / have[key]:.1%}" if have[key] else "",
        ]
        if theirs:
            known = theirs[key]
            row += [f"{known:,g}" if known else "", f"{want[key] / known:.2f}" if known else ""]
        table.add_row(*row)
    return table


def to_text(report: UtilisationReport) -> str:
    """Return both tables as plain text for utilisation.txt."""
    console = Console(file=io.StringIO(), width=120, color_system=None)
    console.print(stage_table(report), comparison_table(report))
    for name, number in report.total.unknown.items():
        console.print(f"not counted: {number} cells of type {name}")
    if report.total.latches:
        console.print(f"latches: {report.total.latches}; the library has none, so look at the log")
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()
