"""Synthesis for 7-series parts with Yosys (the PyPI package pyosys), in a process of its own.

Stages keep their boundaries: every instance in the top module is mapped by
itself, so each figure belongs to exactly one stage and the stages add up to the
total. Nothing is lost that matters, since all units end in registers;
``flatten=True`` maps the design as one module to check that. The netlist stays
in netlist.json, and in netlist.v for simulation.
"""

from __future__ import annotations

import contextlib
import importlib.util
import itertools
import json
import re
import shutil
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from bnn_hw import tools
from bnn_hw.errors import OutputError, ToolError
from bnn_hw.pipeline import core
from bnn_hw.synth import netlist, yosys_worker
from bnn_hw.synth.utilisation import Reference, Utilisation, UtilisationReport, per_stage, to_text

REPORT = "utilisation.json"
TEXT = "utilisation.txt"
NETLIST = "netlist.json"
VERILOG = "netlist.v"
LOG = "yosys.log"

REMEDY = "pip install 'pyosys>=0.70,<0.71'"

LABELS = (
    ("begin", "reading the cell library"),
    ("prepare", "elaborating"),
    ("map_dsp", "mapping DSP"),
    ("coarse", "optimising"),
    ("map_memory", "mapping memories"),
    ("map_ffram", "mapping small memories"),
    ("fine", "mapping arithmetic"),
    ("map_cells", "mapping cells"),
    ("map_ffs", "mapping flip-flops"),
    ("map_luts", "mapping LUTs (abc9)"),
    ("finalize", "finishing"),
    ("check", "checking"),
)

# What synth_xilinx runs as map_luts, but for xilinx_dffopt: that pass moves clock enables and resets of
# flip-flops into LUTs with inputs to spare. It counts LUTs one by one, and so undoes pairs of functions
# that would share a site.
_MAP_LUTS = (
    "opt_expr -mux_undef -noclkinv",
    "read_verilog -icells -lib -specify +/xilinx/abc9_model.v",
    "abc9 -W 300 -luts 2:2,3,6:5,10,20",
    "clean",
    "xilinx_srl -fixed -minlen 3",
    "techmap -map +/xilinx/lut_map.v -map +/xilinx/cells_map.v -D LUT_WIDTH=6",
    "opt_lut_ins -tech xilinx",
)

Progress = Callable[[str, float], None]
"""Called with the name of the step that begins and the share of steps done, 0 to 1."""

Steps = list[tuple[str, list[str]]]
"""Yosys commands by step."""


@dataclass(frozen=True)
class Options:
    """How to synthesise. Pads and clock buffers are the shell's, so none are inserted.

    clock_hz: the clock to map for; None maps for the least delay, which takes more
    LUTs; flatten: one module for all stages, without figures per stage; timeout_s:
    for the whole run.
    """

    clock_hz: int | None = None
    flatten: bool = False
    timeout_s: float = 3600

    @property
    def command(self) -> str:
        return "synth_xilinx -family xc7 -flatten -noiopad -noclkbuf"

    @property
    def delay_ps(self) -> int | None:
        """Longest path that the LUT mapper aims at: half a clock period.

        abc9 knows the cells' delays and takes 0.3 ns for every net. The other half
        is left for what routing takes beyond that, set-up time and clock skew.
        """
        return round(0.5e12 / self.clock_hz) if self.clock_hz else None

    @property
    def text(self) -> str:
        """The options as the report records them."""
        stages = "" if self.flatten else "; keep_hierarchy on every stage"
        delay = f"{self.delay_ps:,} ps" if self.delay_ps else "least"
        return f"{self.command}, without xilinx_dffopt{stages}; delay target of abc9: {delay}"


def available() -> bool:
    """Tell whether pyosys is installed."""
    return importlib.util.find_spec("pyosys") is not None


def read_file_list(rtl_folder: Path) -> tuple[list[str], list[str]]:
    """Return the source files and include folders that files.f names, relative to ``rtl_folder``.

    Raises ToolError naming every file that is missing.
    """
    place = rtl_folder / "files.f"
    remedy = "make the RTL folder again with bnn-hw generate"
    try:
        lines = [line.split("#")[0].split("//")[0].strip() for line in place.read_text().splitlines()]
    except OSError as err:
        raise ToolError.at(place, f"cannot be read: {err.strerror}", remedy) from err
    folders = [line.removeprefix("+incdir+") for line in lines if line.startswith("+incdir+")]
    files = [line for line in lines if line and line[0] not in "+-" and not line.endswith((".svh", ".vh"))]
    missing = [name for name in files if not (rtl_folder / name).is_file()]
    if missing or not files:
        cause = f"names missing files: {', '.join(missing)}" if missing else "is empty"
        raise ToolError.at(place, cause, remedy)
    return files, folders


def script(files: list[str], folders: list[str], top: str, options: Options, result: Path) -> Steps:
    """Return the Yosys commands by step; paths are relative to the RTL folder."""
    include = "".join(f"-I{folder} " for folder in [".", *folders])
    # Deferred: a module is elaborated with its real parameters only, not with its empty default file names.
    steps: Steps = [("reading the RTL", [f"read_verilog -sv -defer {include}{name}" for name in files])]
    for label, name in LABELS:
        passes = (
            list(_MAP_LUTS) if label == "map_luts" else [f"{options.command} -top {top} -run {label}:{label}"]
        )
        steps.append((name, passes))
        if label == "begin" and not options.flatten:
            keep = [f"select {top}/t:*", "setattr -set keep_hierarchy 1", "select -clear"]
            steps[-1][1].extend(keep)
        if label == "begin" and options.delay_ps:
            steps[-1][1].append(f"scratchpad -set abc9.D {options.delay_ps}")
    # Selecting first keeps the 14 MB of library modules out of the file.
    write = ["delete */t:$scopeinfo", "select *", f"write_json -selected {quoted(result)}"]
    # Single wires inside the stages: a simulator would take a carry through a vector for a loop.
    # The top module keeps its vectors, which simulation compares.
    verilog = quoted(result.with_name(VERILOG))
    write += ["select -clear", f"splitnets * {top} %d", f"write_verilog -noattr {verilog}"]
    return [*steps, ("writing the netlist", write)]


def quoted(path: Path) -> str:
    text = str(path)
    if re.search(r'["\n]', text):
        raise OutputError.at(text, "has a quotation mark or a line break", "give the folder another name")
    return f'"{text}"' if re.search(r"\s", text) else text


class _Watcher:
    """Follows the worker's progress file."""

    def __init__(self, path: Path, steps: int, progress: Progress | None) -> None:
        self.path, self.steps, self.progress = path, steps, progress
        self.seen = 0

    def lines(self) -> list[tuple[float, str]]:
        if not self.path.exists():
            return []
        whole = self.path.read_text().rpartition("\n")[0].splitlines()
        return [(float(line.split(" ", 1)[0]), line.split(" ", 1)[1]) for line in whole]

    def __call__(self) -> None:
        if self.progress:
            lines = self.lines()
            for index in range(self.seen, min(len(lines), self.steps)):
                self.progress(lines[index][1], index / (self.steps + 1))
            self.seen = len(lines)

    def seconds(self) -> dict[str, float]:
        """Duration of each step, and the processor time of all, which a busy machine changes little."""
        *lines, (cpu, _) = self.lines()
        steps = {name: round(end - start, 2) for (start, name), (end, _) in itertools.pairwise(lines)}
        return {**steps, "processor": cpu}


def _run(
    rtl_folder: Path, top: str, work: Path, log: Path, options: Options, progress: Progress | None
) -> _Watcher:
    files, folders = read_file_list(rtl_folder)
    steps = script(files, folders, top, options, work.resolve() / NETLIST)
    return run_worker(steps, top, work, log, rtl_folder, options.timeout_s, progress)


def run_worker(
    steps: Steps, top: str, work: Path, log: Path, cwd: Path, timeout_s: float, progress: Progress | None
) -> _Watcher:
    """Run Yosys commands, by step, in a process of its own; they leave ``work``/netlist.json.

    cwd: the folder in which Yosys runs. Raises ToolError as :func:`synthesise` does.
    """
    watcher = _Watcher(work / "progress", len(steps), progress)
    job = (work / "job.json").resolve()
    places = {"progress": str(watcher.path.resolve()), "version": str(work.resolve() / "version")}
    job.write_text(json.dumps({"steps": steps, **places}))
    tools.run(
        [sys.executable, "-P", yosys_worker.__file__, job],
        what=f"synthesis of {top}",
        log=log,
        cwd=cwd,
        timeout_s=timeout_s,
        remedy="correct the RTL or report it; the log is",
        error_pattern="ERROR:|Error:",
        check=(work / NETLIST).is_file,
        watch=watcher,
    )
    return watcher


def synthesise(
    rtl_folder: Path,
    top: str,
    out: Path,
    part: Reference,
    progress: Progress | None = None,
    *,
    published: Reference | None = None,
    stage_names: Mapping[str, str] | None = None,
    options: Options | None = None,
    log: Path | None = None,
) -> UtilisationReport:
    """Map the RTL folder's module ``top`` to 7-series cells and report what it uses.

    out: folder for utilisation.json (written last, so that it stands for a
    complete run), utilisation.txt, netlist.json, netlist.v. log: Yosys' own words,
    ``out``/yosys.log if None. part, published: figures to compare with.
    stage_names: the stage that each instance of the top module is, by instance
    name; None reads core.json in the RTL folder, and without one takes the
    instances' own names. Raises ToolError (pyosys missing, an error in Yosys, no end
    within the time) with the log's path, OutputError if ``out`` cannot be written.
    After an error or an interrupt only the log is left.
    """
    options, log = options or Options(), log or out / LOG
    if not available():
        raise ToolError.at("yosys", "the Python package pyosys is not installed; synthesis needs it", REMEDY)
    started = time.monotonic()
    work = out / "unfinished"
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name in (REPORT, TEXT, NETLIST, VERILOG):
            (out / name).unlink(missing_ok=True)
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir()
        watcher = _run(rtl_folder, top, work, log, options, progress)
        if progress:
            progress("packing LUT sites", (watcher.steps) / (watcher.steps + 1))
        mapped = netlist.load(work / NETLIST, top)
        names = _stage_names(rtl_folder) if stage_names is None else stage_names
        stages = {names.get(name, name): item for name, item in per_stage(mapped).items()}
        report = UtilisationReport(
            top=top,
            tool="Yosys",
            tool_version=version_of((work / "version").read_text()),
            options=options.text,
            part=part,
            published=published,
            total=sum(stages.values(), Utilisation()),
            stages=stages,
            warnings=len(re.findall(r"^Warning:", log.read_text(errors="replace"), re.MULTILINE)),
            seconds={**watcher.seconds(), "total": round(time.monotonic() - started, 2)},
            log=log.name,
        )
        for name in (NETLIST, VERILOG):
            (work / name).replace(out / name)
        (out / TEXT).write_text(to_text(report))
        (work / REPORT).write_text(json.dumps(report.to_record(), indent=1) + "\n")
        (work / REPORT).replace(out / REPORT)
    except OSError as err:
        raise OutputError.at(
            err.filename or out, f"cannot be written: {err.strerror}", "free space or choose another folder"
        ) from err
    finally:
        with contextlib.suppress(OSError):
            shutil.rmtree(work, ignore_errors=True)
    return report


def _stage_names(rtl_folder: Path) -> dict[str, str]:
    if not (rtl_folder / "core.json").is_file():
        return {}
    return {stage.instance: stage.name for stage in core.load(rtl_folder).stages}


def version_of(line: str) -> str:
    match = re.search(r"Yosys (\S+)(?: \(git sha1 (\w+))?", line)
    return " ".join(part for part in match.groups() if part) if match else line.strip()
