"""The mapped netlist in simulation: made of the part's cells, driven like the RTL, equal in every cycle.

The netlist is Verilog as synthesis wrote it. Models of flip-flops, LUTRAM and
shift registers come from Yosys' own cell library, which the package pyosys
carries. Block RAMs are empty there, LUTs and carry chains slow to compile, so
models of these are in cells/.
"""

from __future__ import annotations

import dataclasses
import importlib.util
import json
import re
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bnn_hw import tools
from bnn_hw.errors import MismatchError, ToolError
from bnn_hw.folders import whole_folder
from bnn_hw.pipeline import core as core_record
from bnn_hw.pipeline.core import Core, CoreStage
from bnn_hw.pipeline.record import Plan
from bnn_hw.pipeline.stages import Window
from bnn_hw.sim.build import build
from bnn_hw.sim.compare import Mismatch, ValueMismatchError, first_mismatch
from bnn_hw.sim.run import SimulationRun, blocked_channels, map_values, simulate
from bnn_hw.sim.verify import watchdog_cycles

FORMAT = "bnn_hw.verify_netlist/1"
FRAMES = 3
TIMEOUT_S = 3600
OPTIMISE = "-O0"  # a few frames: compiling would take longer than they do

LIBRARY = Path("share/xilinx/cells_sim.v")
OWN_CELLS = Path(__file__).parent / "cells"

_MODULE = r"^\s*module\s+(\\\S+\s|[A-Za-z_][\w$]*).*?^\s*endmodule\b"
_CELL = re.compile(r"^  ([A-Z][A-Z0-9_]*) (?:#\(|\\?[\w$\[\].:]+ +\()", re.MULTILINE)

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class NetlistRun:
    """One pair of runs that was equal. cycles: until the netlist's last word; seed: None without pauses."""

    name: str
    seed: int | None
    frames: int
    cycles: int
    words: int
    values_compared: int
    seconds_rtl: float
    seconds_netlist: float


@dataclass(frozen=True)
class NetlistReport:
    """What was proven equal: output words and the cycle of each, input beats, and the streams between stages.

    cells: instances of each cell type; streams: stages whose wires are still in
    the netlist; build_seconds: compiling the netlist's simulation.
    """

    network: str
    frames: int
    cells: dict[str, int]
    streams: tuple[str, ...]
    runs: tuple[NetlistRun, ...]
    simulator: str
    build_seconds: float


def to_json(report: NetlistReport) -> str:
    """Return verify_netlist.json's text."""
    record = {"format": FORMAT, "equal": True, **dataclasses.asdict(report)}  # a report exists only then
    return json.dumps(record, indent=1) + "\n"


def cell_library() -> Path:
    """Yosys' simulation models in the installed package pyosys; ToolError if they are not there."""
    spec = importlib.util.find_spec("pyosys")
    for place in (spec.submodule_search_locations or []) if spec else []:
        path = Path(place) / LIBRARY
        if path.is_file():
            return path
    raise ToolError.at(
        "pyosys",
        f"{LIBRARY} is not installed; the netlist's cells are simulated with it",
        "pip install 'pyosys>=0.70,<0.71'",
    )


def used_cells(netlist: str) -> dict[str, int]:
    """Count the library cells that a netlist instantiates, by type."""
    made = {match[1].strip() for match in re.finditer(r"^module (\\\S+ |[\w$]+)", netlist, re.MULTILINE)}
    counts: dict[str, int] = {}
    for match in _CELL.finditer(netlist):
        if match[1] not in made:
            counts[match[1]] = counts.get(match[1], 0) + 1
    return dict(sorted(counts.items()))


def surviving(netlist: str, top: str, stages: tuple[CoreStage, ...]) -> tuple[CoreStage, ...]:
    """The stages whose three wires the netlist's top module still has, with all their bits."""
    body = re.search(rf"^module {re.escape(top)}\b.*?^endmodule", netlist, re.MULTILINE | re.DOTALL)
    declared = re.findall(r"^  wire (?:\[(\d+):0\] )?([\w$]+);", body[0] if body else "", re.MULTILINE)
    wires = {name: int(high or 0) + 1 for high, name in declared}

    def whole(stage: CoreStage) -> bool:
        widths = (wires.get(stage.valid), wires.get(stage.ready), wires.get(stage.data))
        return widths == (1, 1, stage.output.width_bits)

    return tuple(stage for stage in stages if whole(stage))


def _models(types: set[str], folder: Path) -> list[str]:
    """Write the models of these cells to ``folder`` and return the files' names in reading order."""
    own = {
        name: path
        for path in sorted(OWN_CELLS.glob("*.sv"))
        for name in re.findall(r"^module (\w+)", path.read_text(), re.MULTILINE)
    }
    library = cell_library()
    found = re.finditer(_MODULE, library.read_text(), re.MULTILINE | re.DOTALL)
    models = {match[1].strip(): match[0] for match in found}
    unknown = sorted(types - set(own) - set(models))
    if unknown:
        raise ToolError.at(
            library, f"has no model of {', '.join(unknown)}", "report it with the netlist and the log"
        )
    (folder / "cells.v").write_text("\n\n".join(models[name] for name in sorted(types - set(own))) + "\n")
    files = {own[name].name for name in types & set(own)}
    if any(name.startswith("RAMB") for name in files):
        files.add("bnn_cell_block_ram.sv")
        shutil.copyfile(OWN_CELLS / "block_ram.svh", folder / "block_ram.svh")
    for name in files:
        shutil.copyfile(OWN_CELLS / name, folder / name)
    return ["cells.v", *sorted(files)]


def netlist_core(rtl: Core, netlist: Path, folder: Path) -> tuple[Core, dict[str, int]]:
    """Make ``folder`` the netlist's own core, to be simulated like the RTL's; return it and its cells.

    It holds the netlist, the models of its cells and core.json, which lists only the
    stages whose wires the netlist still has. Raises ToolError when the netlist cannot be
    read or a cell has no model.
    """
    try:
        text = netlist.read_text()
    except OSError as err:
        raise ToolError.at(netlist, f"cannot be read: {err.strerror}", "run the synthesis again") from err
    cells = used_cells(text)
    with whole_folder(folder) as scratch:
        sources = _models(set(cells), scratch)
        shutil.copyfile(netlist, scratch / "netlist.v")
        stages = surviving(text, rtl.top, rtl.stages)
        # Not a copy of the RTL's record: what else belongs to its sources does not belong to the netlist.
        core = Core(
            folder=folder,
            top=rtl.top,
            network=rtl.network,
            part=rtl.part,
            input_name=rtl.input_name,
            input=rtl.input,
            classes=rtl.classes,
            sources=(*sources, "netlist.v"),
            stages=stages,
            config=rtl.config,
        )
        (scratch / "core.json").write_text(core_record.to_json(core))
    return core, cells


def verify_netlist(
    rtl_folder: Path,
    netlist: Path,
    plan: Plan,
    images: np.ndarray,
    *,
    seeds: tuple[int, ...] = (1,),
    cache: Path | None = None,
    out: Path | None = None,
    progress: Progress | None = None,
) -> NetlistReport:
    """Prove the mapped netlist equal to the RTL that it was made of, in values and cycles.

    images: (frames, height, width, channels) integers of the input's type. One pair
    of runs goes at full speed, one for each seed with random pauses at both ends.
    plan: the RTL's, which says how long pauses may be. out: folder for the netlist's core,
    beside the netlist if left out; cache: where compiled simulations are kept;
    progress: called with a run's name, the frames done and their number.

    Raises MismatchError that names the first word, stage or cycle that differs,
    ToolError when a tool is missing or fails.
    """
    rtl = core_record.load(rtl_folder)
    if progress:
        progress("compile", 0, 1)
    core, cells = netlist_core(rtl, netlist, out or netlist.parent / "core")
    reference = build(rtl, cache)
    started = time.monotonic()
    mapped = build(core, cache, TIMEOUT_S, OPTIMISE)
    build_seconds = round(time.monotonic() - started, 2)
    longest_stall = max(16, 2 * plan.interval_cycles)
    runs = []
    for seed in (None, *seeds):
        name = "full speed" if seed is None else f"random pauses, seed {seed}"
        options = {
            "record": [stage.name for stage in core.stages],
            "seed": seed,
            "longest_stall": longest_stall,
            "watchdog_cycles": watchdog_cycles(plan, longest_stall),
        }
        begin = time.monotonic()
        want = simulate(reference, images, **options)  # type: ignore[arg-type]
        middle = time.monotonic()
        show = (lambda done, name=name: progress(name, done, len(images))) if progress else None
        got = simulate(mapped, images, progress=show, **options)  # type: ignore[arg-type]
        seconds = (round(middle - begin, 2), round(time.monotonic() - middle, 2))
        compared = check_equal(core, want, got, f"netlist, {name}")
        runs.append(NetlistRun(name, seed, len(images), got.total_cycles, len(got.words), compared, *seconds))
    return NetlistReport(
        network=rtl.network,
        frames=len(images),
        cells=cells,
        streams=tuple(stage.name for stage in core.stages),
        runs=tuple(runs),
        simulator=f"Verilator {tools.find(tools.VERILATOR).version_text}",
        build_seconds=build_seconds,
    )


REMEDY = "report it with the RTL folder and yosys.log: the netlist is not what the RTL says"


def check_equal(core: Core, want: SimulationRun, got: SimulationRun, name: str) -> int:
    """Compare the netlist's run with the RTL's and return how many values were compared.

    The streams between the stages come first, since they tell where a difference
    begins; then words, their cycles, and how often each stream moved and waited.
    """
    compared = 0
    for stage in core.stages:
        mismatch = _stream_mismatch(stage, want.streams[stage.name], got.streams[stage.name])
        if mismatch:
            raise ValueMismatchError(mismatch, name)
        compared += want.streams[stage.name].size
    if not got.finished:
        raise MismatchError.at(
            "netlist", f"{name}: the RTL comes to its end, here {blocked_channels(got)}", REMEDY
        )
    for what, ours, theirs in (
        ("output words", want.words, got.words),
        ("marks of a frame's last word", want.last, got.last),
        ("cycles of the output words", want.cycles, got.cycles),
        ("cycles of the frames' first beats", want.first_beats, got.first_beats),
    ):
        compared += _check_array(what, ours, theirs, name)
    moved = {channel.name: channel for channel in want.channels}
    for channel in got.channels:
        if channel != moved[channel.name]:
            raise MismatchError.at(
                channel.name, f"{name}: the RTL says {moved[channel.name]}, the netlist {channel}", REMEDY
            )
    return compared


def _stream_mismatch(stage: CoreStage, want: np.ndarray, got: np.ndarray) -> Mismatch | None:
    """Compare two recorded streams; what lies beyond a pixel's channels or a row's pixels has any value."""
    stream = stage.output
    if stream.shared or (stage.kind == Window.kind and stream.pixels > 1):
        return None  # which parts of overlapping windows mean something, the unit behind shows it
    values = map_values(stream, want)
    # One frame of all pixels: streams that repeat windows have no (height, width) of their own.
    mismatch = first_mismatch(stage, got, values.reshape(1, 1, -1, stream.channels))
    return dataclasses.replace(mismatch, layer=stage.value or stage.layer) if mismatch else None


def _check_array(what: str, want: np.ndarray, got: np.ndarray, name: str) -> int:
    if len(want) != len(got):
        raise MismatchError.at("netlist", f"{name}: {len(got)} {what}, the RTL has {len(want)}", REMEDY)
    different = np.flatnonzero(want != got)
    if len(different):
        first = int(different[0])
        raise MismatchError.at(
            "netlist",
            f"{name}: {what}: number {first} is {got[first]}, in the RTL {want[first]}; "
            f"{len(different)} of {len(want)} differ",
            REMEDY,
        )
    return len(want)
