"""What the two sides of the process border say to each other: job.json in, result.json or error.json out.

Standard library only: FINN's environment reads this file too.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

PROGRESS = "@bnn_hw step "
"""Starts a line of the log that names the step that begins: ``<number>/<total> <name>``."""

CODE, IP, BITFILE = "code", "ip", "bitfile"
PRODUCTS = (CODE, IP, BITFILE)
"""How far a build goes: generated code and estimates, stitched IP, bit file and driver."""
BUILT = "built"
"""Asks for whatever product is there already, and for generated code where none is."""

RESULT, ERROR = "result.json", "error.json"
IMPORTED, PARENT = "hardware_layers.onnx", "parent.onnx"
FINAL, FOLDING, CODE_FOLDER, EXECUTED = "folded.onnx", "finn_folding.json", "code", "executed.npz"
"""Files that the worker leaves, by the step that makes them."""

SIMULATE, MINIMAL = "simulate", "minimal"
FIFOS = (SIMULATE, MINIMAL)
"""How FINN finds FIFO depths: by simulation in Vivado, or two words each."""


@dataclass(frozen=True)
class LayerFold:
    """Folding asked of one compute layer, with the size by which its FINN node is recognised."""

    name: str
    pe: int
    simd: int
    mw: int
    mh: int


@dataclass(frozen=True)
class Job:
    """One call of the worker.

    action: ``import`` turns ``model``, a QONNX file, into FINN's hardware layers;
    ``build`` goes on from the folder that an import filled. out: folder for what
    is kept; work: folder for what FINN leaves on its way. scale, offset, dtype:
    what a pixel means to the network. layers: the folding, None lets FINN's
    SetFolding choose one for target_fps; layer_names: of all compute layers;
    max_cycles: what thresholds on pixels and the last node may take. pictures:
    .npy file of (n, height, width, channels) to execute, None for none. widen: give
    accumulators types that hold every sum. product, fifos: one of PRODUCTS, of
    FIFOS. finn_board: FINN's name of the board, for a bit file. vivado,
    dependencies: Vivado's folder and that of FINN's C++ libraries. key: stands for
    the content of ``model`` and the code of the steps; another key starts over.
    """

    action: str
    model: str
    out: str
    work: str
    part: str
    clock_period_ns: float
    scale: str = "1"
    offset: str = "0"
    dtype: str = "UINT8"
    layers: tuple[LayerFold, ...] | None = None
    layer_names: tuple[str, ...] = ()
    target_fps: int | None = None
    max_cycles: int | None = None
    pictures: str | None = None
    widen: bool = True
    product: str = CODE
    fifos: str = FIFOS[0]
    finn_board: str | None = None
    vivado: str | None = None
    dependencies: str | None = None
    key: str = ""


def write_job(job: Job, path: Path) -> None:
    path.write_text(json.dumps(asdict(job), indent=1) + "\n")


def read_job(path: Path) -> Job:
    record: dict[str, Any] = json.loads(path.read_text())
    layers = record.pop("layers")
    record["layers"] = None if layers is None else tuple(LayerFold(**layer) for layer in layers)
    record["layer_names"] = tuple(record["layer_names"])
    return Job(**record)
