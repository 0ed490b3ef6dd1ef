"""The FINN back end: QONNX and our plan in, FINN's estimates, code, IP or bit file and finn.json out.

finn.json (format ``bnn_hw.finn/1``) says what was built, with which folding,
what FINN estimates, what was compared with the integer graph, and which files
there are, each with its digest.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bnn_hw.errors import MismatchError
from bnn_hw.finn import artefacts, vivado
from bnn_hw.finn.call import run_job
from bnn_hw.finn.environment import Environment, find_environment
from bnn_hw.finn.job import BITFILE, CODE, EXECUTED, FIFOS, FINAL, IMPORTED, PARENT, Job, LayerFold
from bnn_hw.finn.parameters import compare_parameters
from bnn_hw.ir.execute import execute
from bnn_hw.ir.graph import Graph
from bnn_hw.pipeline.chain import Chain

FORMAT = "bnn_hw.finn/1"
RECORD = "finn.json"

Advance = Callable[[float, str], None]


@dataclass(frozen=True)
class Request:
    """What to build with FINN.

    board, device: our board's name and the full part, such as xc7z010clg400-1;
    layers: the folding, None for SetFolding at ``target_fps``; product: one of
    bnn_hw.finn.job.PRODUCTS; fifos: one of FIFOS; key: see Job.
    """

    network: str
    board: str
    device: str
    clock_hz: int
    chain: Chain
    layers: tuple[LayerFold, ...] | None
    target_fps: int | None = None
    interval_cycles: int = 1
    product: str = CODE
    fifos: str = FIFOS[0]
    changes: tuple[str, ...] = ()
    key: str = ""


@dataclass(frozen=True)
class Place:
    """Where a call works: out is filled, work is FINN's and outlives a failure, and so does log."""

    out: Path
    work: Path
    log: Path


def import_network(
    model: Path, meaning: tuple[str, str, str], device: str, key: str, place: Place, advance: Advance
) -> None:
    """Turn a QONNX file into FINN's hardware layers; meaning: scale, offset and type of a pixel.

    key: see Job.

    Raises ToolError without FINN's environment or where FINN fails.
    """
    environment = find_environment()
    scale, offset, dtype = meaning
    kept = place.work.resolve() / "kept"
    job = Job(
        "import",
        str(model.resolve()),
        str(kept),
        str(place.work.resolve()),
        device,
        10.0,
        scale=scale,
        offset=offset,
        dtype=dtype,
        key=key,
    )
    record = run_job(job, environment, place.log, advance)
    artefacts.check(kept, (IMPORTED, PARENT), place.log)
    for name in (IMPORTED, PARENT):
        shutil.copyfile(kept / name, place.out / name)
    (place.out / "import.json").write_text(json.dumps(record, indent=1) + "\n")
    shutil.rmtree(place.work)


def build(
    request: Request,
    imported: Path,
    graph: Graph,
    pictures: np.ndarray | None,
    place: Place,
    advance: Advance,
) -> dict[str, Any]:
    """Fold, estimate, generate and, where asked, implement; returns what finn.json holds.

    pictures: (n, height, width, channels), executed in FINN's Python and compared
    with the integer graph. Raises FoldingError, ConfigError (no shell for the
    board), ToolError (a tool is missing or failed, or left no result) and
    MismatchError.
    """
    environment = find_environment()
    kept = place.work.resolve() / "kept"
    job = _job(request, environment, imported, place.work.resolve(), pictures)
    result = run_job(job, environment, place.log, advance)
    nodes = [node["name"] for node in result["nodes"]]
    names = artefacts.expected(
        request.product, nodes, request.layers is not None, executed=pictures is not None
    )
    if request.product != CODE:
        _collect(place.work.resolve() / "finn", kept)
    if request.product == BITFILE:
        vivado.report_power(place.work.resolve() / "generated", kept / "report")
    artefacts.check(kept, names, place.log)
    record = _record(request, environment, result)
    record["parameters"] = compare_parameters(kept / FINAL, request.chain)
    if pictures is not None:
        record["execution"] = compare(graph, request.chain, pictures, kept / EXECUTED)
    if request.product == BITFILE:
        record["implementation"] = implementation(kept)
        settings = json.loads((kept / "driver" / "settings.json").read_text())
        record["driver"] = settings["driver_information"]
    shutil.copytree(kept, place.out, dirs_exist_ok=True)
    record["files"] = artefacts.digests(place.out, names)
    (place.out / RECORD).write_text(json.dumps(record, indent=1) + "\n")
    if request.product == CODE:
        shutil.rmtree(place.work)
    return record


def _job(
    request: Request, environment: Environment, imported: Path, work: Path, pictures: np.ndarray | None
) -> Job:
    needs_tools = request.product != CODE
    xilinx = vivado.find_xilinx() if needs_tools else None
    if pictures is not None:
        path = work.with_name(f"{work.name}-pictures.npy")
        path.parent.mkdir(parents=True, exist_ok=True)
        np.save(path, pictures)
    return Job(
        "build",
        str(imported.resolve()),
        str(work / "kept"),
        str(work),
        request.device,
        1e9 / request.clock_hz,
        layers=request.layers,
        layer_names=tuple(layer.name for layer in request.chain.layers),
        target_fps=request.target_fps,
        max_cycles=request.interval_cycles,
        pictures=None if pictures is None else str(path),
        product=request.product,
        fifos=request.fifos,
        finn_board=vivado.finn_board(request.board) if request.product == BITFILE else None,
        vivado=str(xilinx.root) if xilinx else None,
        dependencies=str(vivado.find_dependencies(environment.folder)) if needs_tools else None,
        key=request.key,
    )


def _collect(finn: Path, kept: Path) -> None:
    """Bring FINN's own output folders beside what the worker kept."""
    for name in ("stitched_ip", "bitfile", "driver", "report"):
        if (finn / name).is_dir():
            shutil.copytree(finn / name, kept / name, dirs_exist_ok=True)


def compare(graph: Graph, chain: Chain, pictures: np.ndarray, executed: Path) -> dict[str, Any]:
    """Compare FINN's execution with the integer graph; MismatchError names picture, class, expected, got.

    Compared are the last layer's accumulators of every class, and the class.
    """
    last = chain.layers[-1].mac.name
    values = execute(graph, pictures, {last})
    sums = values[last].reshape(len(pictures), -1)
    winners = sums.argmax(axis=1)
    theirs = np.load(executed)
    wrong = np.argwhere(theirs["accumulators"] != sums)
    if len(wrong):
        picture, index = wrong[0]
        raise MismatchError.at(
            f"FINN's execution, layer {chain.layers[-1].name}, picture {picture}, class {index}",
            f"expected the accumulator {sums[picture, index]}, got {theirs['accumulators'][picture, index]} "
            f"({len(wrong)} of {sums.size} differ)",
            "compare layer by layer: bnn-hw run --layers, and folded.onnx in the work folder",
        )
    missed = np.flatnonzero(theirs["labels"] != winners)
    if len(missed):
        picture = missed[0]
        raise MismatchError.at(
            f"FINN's execution, picture {picture}",
            f"expected the class {winners[picture]}, got {theirs['labels'][picture]}",
            "look at LabelSelect in folded.onnx",
        )
    return {
        "pictures": len(pictures),
        "equal": True,
        "compared": f"{chain.layers[-1].name}: {sums.shape[1]} accumulators and the class of every picture",
    }


def _record(request: Request, environment: Environment, result: dict[str, Any]) -> dict[str, Any]:
    estimate = {key: result[key] for key in ("interval_cycles", "bottleneck", "bottleneck_layer")}
    return {
        "format": FORMAT,
        "network": request.network,
        "board": request.board,
        "device": request.device,
        "clock_hz": request.clock_hz,
        "product": request.product,
        "fifos": request.fifos,
        "folding": "plan" if request.layers is not None else f"SetFolding at {request.target_fps} fps",
        "changes": list(request.changes),
        "versions": dict(environment.versions),
        "estimate": {
            **estimate,
            "fps": request.clock_hz / result["interval_cycles"],
            "latency_cycles": result["latency_cycles"],
            "lut": result["lut"],
            "bram36": result["bram18"] / 2,
            "dsp": result["dsp"],
        },
        "accumulators": result.get("accumulators", []),
        "nodes": result["layers"],
        "seconds": result["seconds"],
    }


def implementation(folder: Path) -> dict[str, Any]:
    """Utilisation, timing and power of a bit file from Vivado's reports."""
    reports = folder / "report"
    resources = json.loads((reports / "post_synth_resources.json").read_text())
    timing = (reports / "post_route_timing.rpt").read_text(errors="replace")
    found: dict[str, Any] = {
        **vivado.implemented(resources),
        "worst_slack_ns": vivado.worst_slack_ns(timing),
        "source": "Vivado: synthesised utilisation, routed timing",
    }
    power = reports / "post_route_power.rpt"
    if power.is_file():
        found["power_w"] = vivado.power_w(power.read_text(errors="replace"))
    return found


def layer_table(record: dict[str, Any]) -> Sequence[dict[str, Any]]:
    """Rows of finn.json's nodes that belong to a compute layer."""
    return [row for row in record["nodes"] if row["layer"]]
