"""Vivado and Vitis HLS for FINN: found, their versions checked, what a board needs, and their reports."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from bnn_hw import settings, tools
from bnn_hw.errors import ConfigError, FaultList, ToolError

OLDEST, NEWEST = (2022, 2), (2024, 2)
"""Releases that FINN+ 1.6 names and that still build for Zynq-7000."""
BOARDS = {"pynq-z1": "Pynq-Z1", "pynq-z2": "Pynq-Z2"}
"""Boards of ours for which FINN has a shell, by FINN's names. It has none with a Z7010."""
DEPENDENCIES = "BNN_HW_FINN_DEPS"
_REMEDY = (
    f"install Vivado with Vitis HLS ({OLDEST[0]}.{OLDEST[1]} to {NEWEST[0]}.{NEWEST[1]}) and source its "
    "settings64.sh, or stop at generated code: --finn-to code"
)


@dataclass(frozen=True)
class Xilinx:
    """root: Vivado's folder, which ends with its version; version: (year, release)."""

    root: Path
    version: tuple[int, int]


def is_installed() -> bool:
    """Tell whether both tools are on PATH."""
    return bool(shutil.which("vivado") and shutil.which("vitis_hls"))


def find_xilinx() -> Xilinx:
    """Return the tools; ToolError that lists what is missing or of an unusable version."""
    faults = FaultList()
    versions = {}
    for name in ("vivado", "vitis_hls"):
        path = shutil.which(name)
        if not path:
            faults.add(name, "is not on PATH; FINN needs it for a stitched IP or a bit file", _REMEDY)
            continue
        version = _version(path)
        versions[name] = version
        if version is None or not OLDEST <= version <= NEWEST:
            stated = "states no version" if version is None else f"is {version[0]}.{version[1]}"
            faults.add(name, f"{path} {stated}", _REMEDY)
    if len(set(versions.values())) > 1:
        stated = " and ".join(f"{name} {v[0]}.{v[1]}" for name, v in versions.items() if v)
        faults.add("Vivado and Vitis HLS", f"are of different releases: {stated}", "source one settings64.sh")
    faults.raise_if_any(ToolError)
    version = versions["vivado"]
    assert version
    return Xilinx(_root(version), version)


def _version(path: str) -> tuple[int, int] | None:
    try:
        answer = subprocess.run([path, "-version"], capture_output=True, text=True, timeout=120)
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = re.search(r"\bv(20\d\d)\.(\d)", answer.stdout + answer.stderr)
    return (int(match[1]), int(match[2])) if match else None


def _root(version: tuple[int, int]) -> Path:
    """Vivado's folder. FINN reads the release from its name, so a folder of another name will not do."""
    named = os.environ.get("XILINX_VIVADO")
    on_path = shutil.which("vivado")
    assert on_path
    root = Path(named) if named else Path(on_path).resolve().parent.parent
    if not re.search(rf"\b{version[0]}\.{version[1]}\b", str(root)):
        raise ToolError.at(
            "XILINX_VIVADO",
            f"{root} does not name the release {version[0]}.{version[1]}, and FINN reads it from the path",
            "source Vivado's settings64.sh, or set XILINX_VIVADO to the folder that ends with the release",
        )
    return root


def finn_board(board: str) -> str:
    """FINN's name of a board; ConfigError where FINN has no shell for it."""
    if board not in BOARDS:
        raise ConfigError.at(
            f"board {board}",
            f"FINN has no shell for it, so no bit file; of our boards it knows {', '.join(BOARDS)}",
            "take the stitched IP into your own block design (--finn-to ip), or use our own back end",
        )
    return BOARDS[board]


def find_dependencies(environment: Path) -> Path:
    """FINN's C++ libraries and board files, which its own command fetches; ToolError if absent."""
    named = settings.get("finn_deps")
    folder = named[0] if named else environment / "finn-deps"
    if not (folder / "finn-hlslib").is_dir():
        raise ToolError.at(
            "finn-hlslib",
            f"is not in {folder}; FINN's generated C++ includes it",
            f"make finn-deps (fetches it from GitHub), or name a folder that has it with {DEPENDENCIES}",
        )
    return folder


def report_power(generated: Path, reports: Path) -> None:
    """Have Vivado write ``post_route_power.rpt`` of the finished Zynq project into ``reports``.

    Nothing happens where there is no project: what is missing is named with the
    other artefacts.
    """
    projects = sorted(generated.glob("vivado_zynq_proj_*/finn_zynq_link.xpr"))
    if not projects or not reports.is_dir():
        return
    folder = projects[-1].parent
    report = folder / "post_route_power.rpt"
    script = folder / "power.tcl"
    script.write_text(
        f"open_project {projects[-1].name}\nopen_run impl_1\n"
        f"report_power -file {report.name}\nclose_project\n"
    )
    tools.run(
        ["vivado", "-mode", "batch", "-source", script],
        what="Vivado, power report",
        log=folder / "power.log",
        cwd=folder,
        timeout_s=3600,
        error_pattern=r"^ERROR",
        check=report.is_file,
    )
    shutil.copyfile(report, reports / report.name)


def worst_slack_ns(text: str) -> float:
    """Worst negative slack of a Vivado timing summary; ToolError if the text is none."""
    match = re.search(r"WNS\(ns\)[^\n]*\n[- ]+\n\s*(-?\d+\.\d+)", text)
    if not match:
        raise ToolError.at(
            "Vivado's timing report", "has no WNS(ns)", "look at the report; was the design routed?"
        )
    return float(match[1])


def power_w(text: str) -> float:
    """Total on-chip power of a Vivado power report, an estimate by Vivado; ToolError if the text is none."""
    match = re.search(r"Total On-Chip Power \(W\)\s*\|\s*(\d+(?:\.\d+)?)", text)
    if not match:
        raise ToolError.at("Vivado's power report", "has no total on-chip power", "look at the report")
    return float(match[1])


def implemented(resources: dict[str, dict[str, str | float]]) -> dict[str, float]:
    """LUT, FF, BRAM36 and DSP of the whole design from FINN's post_synth_resources.json."""
    total = resources.get("(top)")
    if not total:
        raise ToolError.at(
            "FINN's post_synth_resources.json", "has no row (top)", "look at Vivado's synth_report.xml"
        )
    values = {name: float(value) for name, value in total.items() if str(value).replace(".", "").isdigit()}
    return {
        "lut": values.get("LUT", 0.0),
        "ff": values.get("FF", 0.0),
        "bram36": values.get("BRAM_36K", 0.0) + values.get("BRAM_18K", 0.0) / 2,
        "dsp": values.get("DSP", values.get("DSP48", 0.0)),
    }
