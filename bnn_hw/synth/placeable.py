"""The netlist for place and route: one flat module of 7-series cells, as Yosys JSON.

Unlike the netlist of bnn_hw/synth/yosys.py, whose stages keep their boundaries for
the sake of figures, this one is optimised across all of the design, and its LUTs are
mapped for the least delay: nextpnr-xilinx' nets take three times as long as abc9 thinks,
so each LUT more on a path costs a nanosecond. That takes about 2 % more LUT sites.
"""

from __future__ import annotations

import dataclasses
import json
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from bnn_hw.errors import ToolError
from bnn_hw.synth import yosys
from bnn_hw.synth.legalise import Rewritten, legalise

NETLIST = yosys.NETLIST
RECORD = "mapped.json"
FORMAT = "bnn_hw.mapped/1"


@dataclass(frozen=True)
class Placeable:
    """The netlist's file, the tool that made it, the seconds it took, and what was rewritten for nextpnr."""

    path: Path
    tool_version: str
    seconds: float
    rewritten: Rewritten

    def save(self, folder: Path) -> None:
        """Write mapped.json, all but the path."""
        record = {"format": FORMAT, "tool_version": self.tool_version, "seconds": self.seconds}
        record["rewritten"] = dataclasses.asdict(self.rewritten)
        (folder / RECORD).write_text(json.dumps(record, indent=1) + "\n")


def load(folder: Path) -> Placeable:
    """Read what :func:`synthesise` left in a folder; ToolError if that is none of this version."""
    try:
        record = json.loads((folder / RECORD).read_text())
        if record["format"] != FORMAT:
            raise ValueError(f"format is not {FORMAT}")
        rewritten = Rewritten(**record["rewritten"])
        return Placeable(folder / NETLIST, record["tool_version"], record["seconds"], rewritten)
    except (OSError, ValueError, KeyError, TypeError) as error:
        cause = f"is no record of this version: {error!r}"
        raise ToolError.at(folder / RECORD, cause, "synthesise again: bnn-hw bitstream") from error


def script(files: list[str], folders: list[str], top: str, result: Path) -> yosys.Steps:
    """Return the Yosys commands by step; paths are relative to the RTL folder.

    Pads are not inserted: a Zynq design reaches the outside through its PS7.
    """
    include = "".join(f"-I{folder} " for folder in [".", *folders])
    read = [f"read_verilog -sv -defer {include}{name}" for name in files]
    steps: yosys.Steps = [("reading the RTL", read)]
    command = f"synth_xilinx -family xc7 -flatten -noiopad -top {top}"
    steps += [(name, [f"{command} -run {label}:{label}"]) for label, name in yosys.LABELS]
    # nextpnr-xilinx takes cells that carry only names of scopes for cells that it must place.
    write = ["delete t:$scopeinfo", f"select {top}", f"write_json -selected {yosys.quoted(result)}"]
    return [*steps, ("writing the netlist", write)]


def synthesise(
    rtl_folder: Path,
    top: str,
    out: Path,
    *,
    log: Path | None = None,
    timeout_s: float = 3600,
    progress: yosys.Progress | None = None,
) -> Placeable:
    """Write netlist.json of the module ``top`` of an RTL folder with files.f, and mapped.json, into ``out``.

    log: Yosys' own words, ``out``/yosys.log if None. Raises ToolError as
    yosys.synthesise does; then only the log is left.
    """
    if not yosys.available():
        cause = "the Python package pyosys is not installed; synthesis needs it"
        raise ToolError.at("yosys", cause, yosys.REMEDY)
    started = time.monotonic()
    files, folders = yosys.read_file_list(rtl_folder)
    work = out / "unfinished"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    result = work.resolve() / NETLIST
    steps = script(files, folders, top, result)
    try:
        yosys.run_worker(steps, top, work, log or out / yosys.LOG, rtl_folder, timeout_s, progress)
        record = json.loads(result.read_text())
        rewritten = legalise(record["modules"][top])
        result.write_text(json.dumps(record))
        result.replace(out / NETLIST)
        version = yosys.version_of((work / "version").read_text())
    finally:
        shutil.rmtree(work, ignore_errors=True)
    made = Placeable(out / NETLIST, version, round(time.monotonic() - started, 2), rewritten)
    made.save(out)
    return made
