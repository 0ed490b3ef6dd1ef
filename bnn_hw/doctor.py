"""What is installed, what is missing, and how to get it."""

from __future__ import annotations

import importlib.util
import io
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from importlib import metadata
from typing import Any

from rich.console import Console
from rich.table import Table

from bnn_hw import tools
from bnn_hw.board import board_names, load_board
from bnn_hw.data.folder import find_data_set
from bnn_hw.errors import BnnHwError
from bnn_hw.finn import vivado as finn_vivado
from bnn_hw.finn.environment import find_environment
from bnn_hw.synth import openflow, vivado


@dataclass(frozen=True)
class Row:
    """One thing that may be installed. required: without it the main commands cannot run."""

    name: str
    purpose: str
    required: bool
    ok: bool
    found: str
    remedy: str


_PACKAGES = (
    # distribution, module, purpose, required, how to get it
    ("onnx", "onnx", "reading networks", True, "pip install bnn-hw"),
    ("pyosys", "pyosys", "synthesis: utilisation", True, "pip install 'pyosys>=0.70,<0.71'"),
    ("scikit-image", "skimage", "the demo's photograph", True, "pip install bnn-hw"),
    ("torch", "torch", "training", False, "pip install 'bnn-hw[train]'"),
    ("brevitas", "brevitas", "training", False, "pip install 'bnn-hw[train]'"),
    ("torchmetrics", "torchmetrics", "training", False, "pip install 'bnn-hw[train]'"),
    ("tensorboard", "tensorboard", "curves of a training", False, "pip install 'bnn-hw[train]'"),
    ("captum", "captum", "Grad-CAM", False, "pip install 'bnn-hw[train]'"),
    ("mediapipe", "mediapipe", "landmarks, to draw masks", False, "pip install 'bnn-hw[landmarks]'"),
    ("distributed", "distributed", "sweep: parallel jobs", False, "pip install 'bnn-hw[sweep]'"),
)


def _python() -> Row:
    version = sys.version.split()[0]
    ok = sys.version_info >= (3, 11)
    return Row("python", "everything", True, ok, version, "install Python 3.11 or newer")


def _package(name: str, module: str, purpose: str, required: bool, remedy: str) -> Row:
    # Looked up, not imported: importing torch takes seconds.
    ok = importlib.util.find_spec(module) is not None
    return Row(name, purpose, required, ok, metadata.version(name) if ok else "missing", remedy)


def _tool(tool: tools.Tool) -> Row:
    try:
        found = tools.find(tool)
    except BnnHwError as error:
        return Row(tool.name, tool.purpose, True, False, error.faults[0].cause, tool.remedy)
    return Row(tool.name, tool.purpose, True, True, f"{found.version_text} ({found.path})", tool.remedy)


def _data() -> Row:
    purpose = "training, accuracy on real pictures"
    try:
        return Row("MaskedFace-Net", purpose, False, True, str(find_data_set()), "")
    except BnnHwError as error:
        fault = error.faults[0]
        return Row("MaskedFace-Net", purpose, False, False, f"{fault.place}: {fault.cause}", fault.remedy)


def _optional(name: str, purpose: str, look: Callable[[], str]) -> Row:
    """A row of what ``look`` finds; it raises a typed error where there is nothing."""
    try:
        return Row(name, purpose, False, True, look(), "")
    except BnnHwError as error:
        fault = error.faults[0]
        return Row(name, purpose, False, False, fault.cause, fault.remedy)


def _implementation() -> list[Row]:
    """The open place-and-route tools with the databases of every shipped board's part, and Vivado."""
    purpose = "bitstreams without Vivado"
    program: openflow.Program | None = None

    def look_program() -> str:
        nonlocal program
        program = openflow.find_program()
        return f"{program.version} ({program.path})"

    def look_vivado() -> str:
        found = vivado.find()
        return f"{found.version} ({found.path})"

    rows = [_optional(openflow.PROGRAM, purpose, look_program)]
    boards = [load_board(name) for name in board_names()]
    devices = {board.device for board in boards if board.has_open_flow}
    for device in sorted(devices) if program else ():  # the packages that have it bring the databases

        def look_chip(device: str = device) -> str:
            return str(openflow.chip_database(device, program))

        def look_xray(device: str = device) -> str:
            return str(openflow.xray_database(device, program))

        rows.append(_optional(f"chip database {device}", purpose, look_chip))
        rows.append(_optional(f"X-Ray database {device}", purpose, look_xray))
    return [*rows, _optional("vivado", "bitstreams with Vivado", look_vivado)]


def _finn() -> list[Row]:
    rows = []
    try:
        found = find_environment()
        stated = f"finn-plus {found.versions['finn-plus']} ({found.folder})"
        rows.append(Row("FINN", "build --backend finn, compare", False, True, stated, ""))
    except BnnHwError as error:
        fault = error.faults[0]
        rows.append(Row("FINN", "build --backend finn, compare", False, False, fault.cause, fault.remedy))
    purpose = "bit files with FINN"
    try:
        tools_found = finn_vivado.find_xilinx()
        stated = f"{tools_found.version[0]}.{tools_found.version[1]} ({tools_found.root})"
        rows.append(Row("Vivado, Vitis HLS", purpose, False, True, stated, ""))
    except BnnHwError as error:
        fault = error.faults[0]
        cause = f"{fault.place} {fault.cause}"
        rows.append(Row("Vivado, Vitis HLS", purpose, False, False, cause, fault.remedy))
    return rows


def examine() -> list[Row]:
    """Look at everything the commands may need."""
    rows = [_python(), *(_package(*item) for item in _PACKAGES)]
    rows += [_tool(tool) for tool in (tools.VERILATOR, tools.COMPILER, tools.MAKE)]
    return [*rows, *_implementation(), *_finn(), _data()]


def record(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """The rows for --json."""
    return [asdict(row) for row in rows]


def text(rows: Sequence[Row]) -> str:
    """A table, then how to get what is missing."""
    console = Console(file=io.StringIO(), width=120, color_system=None)
    table = Table("", "name", "needed for", "found", box=None, padding=(0, 1))
    for row in rows:
        mark = "ok" if row.ok else "MISSING" if row.required else "absent"
        table.add_row(mark, row.name, row.purpose, row.found)
    console.print(table)
    for row in rows:
        if not row.ok:
            console.print(f"{row.name}: {row.remedy}", highlight=False)
    if all(row.ok for row in rows if row.required):
        console.print("Everything that plan, generate, verify, synth and build need is here.")
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().rstrip()
