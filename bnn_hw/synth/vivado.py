"""The same RTL through Vivado: a non-project Tcl build, its reports read into the common record."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bnn_hw import settings, tools
from bnn_hw.errors import FaultList, OutputError, ToolError
from bnn_hw.pipeline.record import Resources
from bnn_hw.synth import measured, yosys
from bnn_hw.synth.routed import RoutedReport
from bnn_hw.synth.utilisation import Reference
from bnn_hw.synth.xc7 import bitfile

PROGRAM = "vivado"
MINIMUM = (2018, 3)
INSTALL = (
    "install Vivado ML Standard (free of charge for Zynq-7000) from AMD and source its settings64.sh, or set "
    "BNN_HW_VIVADO to the program; the open flow needs no Vivado: bnn-hw bitstream --tool nextpnr"
)
LOG = "vivado.log"
SCRIPT = "build.tcl"
UTILISATION, TIMING, POWER, CHECKPOINT = "utilization.rpt", "timing.rpt", "power.rpt", "routed.dcp"
TIMING_SCOPE = "all paths, set-up and hold, slow and fast corner, of the clock named here"

_STAGES = (
    ("Command: synth_design", "synthesis", 0.02),
    ("Command: opt_design", "optimising", 0.4),
    ("Command: place_design", "placing", 0.45),
    ("Command: route_design", "routing", 0.7),
    ("Command: write_bitstream", "writing the bitstream", 0.95),
)
_ERROR = r"^ERROR:"
_LICENCE = re.compile(r"^ERROR: \[(?:Common 17-345|Common 17-348|Common 17-301)\].*", re.MULTILINE)

Progress = Callable[[str, float], None]


@dataclass(frozen=True)
class Vivado:
    """Vivado on this machine."""

    path: Path
    version: str


@dataclass(frozen=True)
class Options:
    """How to build. timeout_s: for the whole run; threads: that Vivado may use.

    user_id: eight hexadecimal digits that the .bit's header and the part then carry.
    """

    timeout_s: float = 4 * 3600
    threads: int = 4
    user_id: str = "FFFFFFFF"


def find() -> Vivado:
    """Return Vivado; ToolError if it is missing, does not start or is too old."""
    named = settings.get("vivado")
    found = str(named[0]) if named else shutil.which(PROGRAM)
    if found is None:
        raise ToolError.at(PROGRAM, "is not on PATH and BNN_HW_VIVADO is not set", INSTALL)
    path = Path(found).absolute()
    try:
        answer = subprocess.run([path, "-version"], capture_output=True, text=True, timeout=120)
    except (OSError, subprocess.TimeoutExpired) as error:
        reason = getattr(error, "strerror", None) or "it gave no answer within 120 s"
        raise ToolError.at(f"{PROGRAM} ({path})", f"cannot be started: {reason}", INSTALL) from error
    match = re.search(r"(?i)vivado v(\d{4})\.(\d)(\S*)", answer.stdout + answer.stderr)
    if not match:
        raise ToolError.at(f"{PROGRAM} ({path})", "does not tell its version", INSTALL)
    version = f"{match[1]}.{match[2]}{match[3]}"
    if (int(match[1]), int(match[2])) < MINIMUM:
        raise ToolError.at(f"{PROGRAM} ({path})", f"is {version}; 2018.3 or newer is needed", INSTALL)
    return Vivado(path, version)


def script(
    files: Sequence[str],
    folders: Sequence[str],
    top: str,
    device: str,
    out: Path,
    clock_hz: int,
    options: Options,
) -> str:
    """Return the Tcl of the whole build; sources are relative to the RTL folder, results go to ``out``."""
    period_ns = 1e9 / clock_hz
    includes = " ".join(_tcl(folder) for folder in (".", *folders))
    result = {name: _tcl(out / name) for name in (UTILISATION, TIMING, POWER, CHECKPOINT, f"{top}.bit")}
    return "\n".join(
        (
            f"set_param general.maxThreads {options.threads}",
            f"create_project -in_memory -part {device}",
            *(f"read_verilog -sv {_tcl(name)}" for name in files),
            f"synth_design -top {top} -part {device} -include_dirs [list {includes}]",
            "set pins [get_pins -quiet -hierarchical -filter {REF_PIN_NAME == FCLKCLK[0]}]",
            'if {[llength $pins] == 0} { error "no PS7 drives FCLK0" }',
            f"create_clock -name fclk0 -period {period_ns:.4f} $pins",
            "opt_design",
            "place_design",
            "phys_opt_design",
            "route_design",
            f"write_checkpoint -force {result[CHECKPOINT]}",
            f"report_utilization -file {result[UTILISATION]}",
            f"report_timing_summary -delay_type min_max -file {result[TIMING]}",
            f"report_power -file {result[POWER]}",
            f"set_property BITSTREAM.CONFIG.USERID 0x{options.user_id.upper()} [current_design]",
            f"write_bitstream -force {result[f'{top}.bit']}",
            "exit",
            "",
        )
    )


def _tcl(path: object) -> str:
    text = str(path)
    if re.search(r"[{}\\\n]", text):
        raise OutputError.at(text, "has a brace, a backslash or a line break", "give the folder another name")
    return f"{{{text}}}"


def parse_utilisation(text: str, place: str = UTILISATION) -> tuple[Resources, Resources]:
    """Return what is used and what the part has, from report_utilization; ToolError if a row is missing."""
    rows: dict[str, tuple[float, float]] = {}
    columns: list[str] = []
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.split("|")[1:-1]]
        if "Used" in cells and "Available" in cells:
            columns = cells
        elif columns and len(cells) == len(columns):
            name = cells[0].rstrip("*").strip()
            used, have = cells[columns.index("Used")], cells[columns.index("Available")]
            if name not in rows and used.replace(".", "").isdigit() and have.isdigit():
                rows[name] = (float(used), float(have))
    wanted = {"lut": "Slice LUTs", "ff": "Slice Registers", "bram36": "Block RAM Tile", "dsp": "DSPs"}
    faults = FaultList()
    for row in wanted.values():
        if row not in rows:
            faults.add(place, f"has no row {row}", "is it Vivado's report of a 7-series part?")
    faults.raise_if_any(ToolError)
    used_, have_ = ({key: rows[row][i] for key, row in wanted.items()} for i in (0, 1))
    return _whole(used_), _whole(have_)


def _whole(fields: dict[str, float]) -> Resources:
    return Resources(int(fields["lut"]), int(fields["ff"]), fields["bram36"], int(fields["dsp"]))


def parse_timing(text: str, place: str = TIMING) -> tuple[float | None, float | None]:
    """Return worst set-up and hold slack in ns from report_timing_summary; None where it has no path."""
    match = re.search(r"^\s*WNS\(ns\)[^\n]*\n[-\s]*\n\s*(\S[^\n]*)$", text, re.MULTILINE)
    values = match[1].split() if match else []
    if len(values) < 8:
        raise ToolError.at(place, "has no design timing summary", "is it Vivado's timing report?")
    setup, hold = (None if values[i] in ("NA", "inf") else float(values[i]) for i in (0, 4))
    return setup, hold


def parse_power(text: str) -> float | None:
    """Return the total on-chip power in W of report_power, None if it does not tell."""
    match = re.search(r"Total On-Chip Power \(W\)\s*\|\s*([\d.]+)", text)
    return float(match[1]) if match else None


def build(
    rtl_folder: Path,
    top: str,
    out: Path,
    vivado: Vivado,
    device: str,
    clock_hz: int,
    *,
    options: Options | None = None,
    progress: Progress | None = None,
    log: Path | None = None,
) -> RoutedReport:
    """Build the RTL folder's module ``top`` into ``out``: TOP.bit, TOP.bin, routed.dcp, routed.json, reports.

    A clock that was missed is in the report and no error here. Raises ToolError when
    Vivado fails (a missing licence is named as such), does not end in time, or
    ends well without all of its results.
    """
    options, log = options or Options(), (log or out / LOG).resolve()
    files, folders = yosys.read_file_list(rtl_folder)
    out = out.resolve()
    (out / SCRIPT).write_text(script(files, folders, top, device, out, clock_hz, options))
    usage = out / "usage.json"
    arguments = [str(vivado.path), "-mode", "batch", "-nojournal", "-nolog", "-notrace"]
    arguments += ["-tempDir", str(out), "-source", str(out / SCRIPT)]
    try:
        tools.run(
            [sys.executable, "-P", measured.__file__, str(usage), *arguments],
            what=f"Vivado build of {top}",
            log=log,
            cwd=rtl_folder,
            timeout_s=options.timeout_s,
            remedy="read the log",
            error_pattern=_ERROR,
            watch=_watcher(log, progress),
        )
    except ToolError as error:
        _raise_licence(log, error)
        raise
    _require_results(out, top, log)
    report = _report(out, top, vivado, device, clock_hz, json.loads(usage.read_text()), log)
    usage.unlink()
    file = bitfile.read(out / f"{top}.bit")
    (out / f"{top}.bin").write_bytes(file.to_bin())
    report.save(out)
    return report


def _watcher(log: Path, progress: Progress | None) -> Callable[[], None]:
    reached = -1

    def watch() -> None:
        nonlocal reached
        text = log.read_text(errors="replace") if progress and log.is_file() else ""
        for index, (begin, name, share) in enumerate(_STAGES):
            if progress and index > reached and begin in text:
                reached = index
                progress(name, share)

    return watch


def _raise_licence(log: Path, error: ToolError) -> None:
    """Raise a ToolError of its own if the log tells of a missing licence."""
    match = _LICENCE.search(log.read_text(errors="replace")) if log.is_file() else None
    if match:
        remedy = "Vivado ML Standard needs none for Zynq-7000; else set XILINXD_LICENSE_FILE"
        raise ToolError.at("Vivado licence", match[0], remedy) from error


def _require_results(out: Path, top: str, log: Path) -> None:
    faults = FaultList()
    for name in (UTILISATION, TIMING, POWER, CHECKPOINT, f"{top}.bit"):
        if not (out / name).is_file() or not (out / name).stat().st_size:
            faults.add(f"Vivado build of {top}", f"ended well but left no {name}", f"read the log: {log}")
    faults.raise_if_any(ToolError)


def _report(
    out: Path, top: str, vivado: Vivado, device: str, clock_hz: int, spent: dict[str, float], log: Path
) -> RoutedReport:
    used, have = parse_utilisation((out / UTILISATION).read_text(), str(out / UTILISATION))
    setup_ns, hold_ns = parse_timing((out / TIMING).read_text(), str(out / TIMING))
    return RoutedReport(
        top=top,
        device=device,
        tool="Vivado",
        tool_version=vivado.version,
        options="default strategies, phys_opt_design",
        clock_hz=clock_hz,
        fmax_hz=None if setup_ns is None else 1e9 / (1e9 / clock_hz - setup_ns),
        resources=used,
        part=Reference(device, have),
        seconds={"build": spent["seconds"], "build, processor": spent["cpu_seconds"]},
        peak_bytes={"build": int(spent["peak_bytes"])},
        timing_scope=TIMING_SCOPE,
        hold_met=None if hold_ns is None else hold_ns >= 0,
        power_w=parse_power((out / POWER).read_text()),
        log=log.name,
    )
