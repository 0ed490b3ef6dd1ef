"""Writes the folder that a person copies to the board, and the same as .tar.gz."""

from __future__ import annotations

import gzip
import shutil
import tarfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from bnn_hw import __version__, manifest
from bnn_hw.board import Board
from bnn_hw.design import Design, Published
from bnn_hw.errors import ConfigError, MismatchError
from bnn_hw.folders import whole_folder, writing
from bnn_hw.ir import Graph, store
from bnn_hw.ir.execute import execute
from bnn_hw.ir.ops import ArgMax, Scale
from bnn_hw.manifest import (
    BackendRecord,
    BoardRecord,
    InputRecord,
    Manifest,
    OutputRecord,
    PlanRecord,
)
from bnn_hw.package import texts
from bnn_hw.pipeline.record import Plan
from bnn_hw.runtime.bitheader import read_bit_header
from bnn_hw.runtime.errors import AcceleratorError
from bnn_hw.soc.hwh import VLNV, Handoff, hwh

SOURCE = Path(__file__).resolve().parent.parent
DRIVER = ("__init__.py", "bits.py", "manifest.py")  # beside the whole of runtime/
GOLDEN = "golden.npz"
NOISE_FRAMES = 22  # beside the design's own pictures: noise reaches sums that pictures do not
COLOURS = {1: "GREY", 3: "RGB"}


@dataclass(frozen=True)
class Foreign:
    """Hardware of another back end than our own: what the manifest says of it, and its .hwh file."""

    backend: BackendRecord
    plan: PlanRecord
    hwh: Path


@dataclass(frozen=True)
class Contents:
    """What goes into a package.

    digest: 32 hexadecimal digits that the hardware carries; classes: names in the
    order of the scores; bit: the bit file, None for a package that runs on the
    software device only; bit_state: a sentence on how it was made, for a person;
    versions: of the tools that made it; foreign: None for our own hardware.
    """

    design: Design
    graph: Graph
    plan: Plan
    board: Board
    digest: str
    classes: tuple[str, ...]
    bit: Path | None = None
    bit_state: str = ""
    versions: dict[str, str] = field(default_factory=dict)
    foreign: Foreign | None = None

    @property
    def name(self) -> str:
        return f"{self.design.name}-{self.board.name}"


def write_package(contents: Contents, folder: Path) -> Manifest:
    """Write ``folder`` and ``folder``.tar.gz beside it; both appear complete or not at all.

    Raises ConfigError for a bit file of another part or build or a damaged one, MismatchError
    where the design's golden vectors are not what the graph computes, OutputError
    when nothing can be written.
    """
    if contents.bit is not None:
        check_bit(contents.bit, contents.board, contents.digest)
    vectors = golden_vectors(contents)
    with whole_folder(folder) as scratch:
        _copy_driver(scratch)
        network = scratch / "network"
        network.mkdir()
        store.save(contents.graph, network)
        np.savez_compressed(scratch / GOLDEN, **vectors)  # type: ignore[arg-type]
        (scratch / f"{contents.name}.hwh").write_bytes(_handoff(contents))
        if contents.bit is not None:
            shutil.copy(contents.bit, scratch / f"{contents.name}.bit")
        draft = describe(contents, ())
        for name, text in texts.files(draft, contents.bit is not None, contents.bit_state).items():
            (scratch / name).write_text(text)
        paths = sorted(str(p.relative_to(scratch)) for p in scratch.rglob("*") if p.is_file())
        record = describe(contents, tuple(manifest.file_record(scratch, path) for path in paths))
        (scratch / manifest.MANIFEST_FILE).write_text(manifest.to_json(record))
    _archive(folder)
    return record


def _handoff(contents: Contents) -> bytes:
    if contents.foreign:
        return contents.foreign.hwh.read_bytes()
    made = hwh(Handoff(contents.name, contents.board.device, contents.plan.clock_hz))
    return made.encode()


def describe(contents: Contents, files: tuple[manifest.FileRecord, ...]) -> Manifest:
    """Return the manifest of a package with these files."""
    design, graph, plan, board = contents.design, contents.graph, contents.plan, contents.board
    height, width, channels = graph.input.type.shape
    layers = tuple({"name": la.name, "pe": la.pe, "simd": la.simd, "cycles": la.cycles} for la in plan.layers)
    planned = PlanRecord(plan.goal, plan.interval_cycles, plan.latency_cycles, plan.fps, layers)
    backend = BackendRecord("bnn_hw", {"vlnv": VLNV})
    if contents.foreign:
        planned, backend = contents.foreign.plan, contents.foreign.backend
    return Manifest(
        name=design.name,
        title=design.title,
        digest=contents.digest,
        graph_digest=store.digest(graph),
        clock_hz=plan.clock_hz,
        board=BoardRecord(board.name, board.title, board.device, board.ps_crystal_hz, board.cpu_hz),
        input=InputRecord(
            str(graph.input.type.dtype),
            height,
            width,
            channels,
            COLOURS.get(channels, ""),
            graph.input.scale,
            graph.input.offset,
        ),
        output=OutputRecord(contents.classes, _score_steps(graph)),
        plan=planned,
        backend=backend,
        files=files,
        versions={"bnn_hw": __version__, **contents.versions},
        published=_published(design.published) if design.published else None,
    )


def _score_steps(graph: Graph) -> tuple[tuple[str, tuple[float, ...]], ...]:
    """The float32 steps from integer scores to real ones; JSON keeps a float32 exactly."""
    scales = [node.op for node in graph if isinstance(node.op, Scale)]
    return tuple(
        (name, tuple(float(value) for value in np.asarray(operand, np.float32).reshape(-1)))
        for op in scales
        for name, operand in op.steps
    )


def _published(figures: Published) -> dict[str, Any]:
    return {
        "source": figures.source,
        "clock_hz": figures.clock_hz,
        "fps": figures.fps,
        "latency_s": figures.latency_s,
        "power_w": figures.power_w,
        "idle_power_w": figures.idle_power_w,
    }


def golden_vectors(contents: Contents) -> dict[str, np.ndarray]:
    """Return pictures with the answers of the integer graph: images, raw, classes, labels.

    images: (frames, height, width, channels); raw: (frames, classes) int32 scores;
    classes: (frames,) winners; labels: (frames,) right answers, -1 where unknown.
    """
    graph, kind = contents.graph, contents.graph.input.type
    rng = np.random.default_rng(1)
    noise = rng.integers(kind.dtype.min, kind.dtype.max, (NOISE_FRAMES, *kind.shape), endpoint=True)
    byte = np.int8 if kind.dtype.is_signed else np.uint8
    images, labels = noise.astype(byte), np.full(NOISE_FRAMES, -1, np.int8)
    stored = _stored(contents.design)
    if stored is not None:
        images = np.concatenate([stored["images"], images])
        labels = np.concatenate([stored["labels"], labels])
    raw_name = score_value(graph)
    winner = next(node.name for node in graph if isinstance(node.op, ArgMax))
    values = execute(graph, images, {raw_name, winner})
    raw = values[raw_name].reshape(len(images), -1).astype(np.int32)
    classes = values[winner].reshape(-1).astype(np.int32)
    if stored is not None and not np.array_equal(classes[: len(stored["classes"])], stored["classes"]):
        raise MismatchError.at(
            contents.design.golden or "golden vectors",
            "are not what the imported network computes",
            "export the network again: bnn-hw export",
        )
    return {"images": images, "raw": raw, "classes": classes, "labels": labels}


def score_value(graph: Graph) -> str:
    """Name of the value whose integers the accelerator puts out as scores."""
    return [node.name for node in graph if not isinstance(node.op, Scale | ArgMax)][-1]


def _stored(design: Design) -> dict[str, np.ndarray] | None:
    if design.golden is None:
        return None
    try:
        with np.load(design.golden, allow_pickle=False) as arrays:
            return {key: arrays[key] for key in ("images", "labels", "classes")}
    except (OSError, ValueError, KeyError, EOFError) as error:
        raise ConfigError.at(design.golden, f"cannot be read: {error}", "export the network again") from error


def check_bit(bit: Path, board: Board, digest: str) -> None:
    """ConfigError where a bit file is damaged, for another part than the board's or of another build."""
    try:
        header = read_bit_header(bit)
    except AcceleratorError as error:
        raise ConfigError.at(error.place, error.cause, "write the bitstream again") from error
    if not board.device.startswith(f"xc{header.part}"):
        cause = f"is for xc{header.part}, the board {board.name} has {board.device}"
        raise ConfigError.at(bit, cause, "build the bitstream for this board")
    if not header.is_of(digest):
        cause = f"is of the build {header.build()}, this package is of {digest}"
        raise ConfigError.at(bit, cause, "make it of this build: bnn-hw bitstream")


def _copy_driver(folder: Path) -> None:
    target = folder / "bnn_hw"
    shutil.copytree(
        SOURCE / "runtime", target / "runtime", ignore=shutil.ignore_patterns("__pycache__", "*.pyc")
    )
    for name in DRIVER:
        shutil.copy(SOURCE / name, target / name)


def archive_path(folder: Path) -> Path:
    """Where the archive of a package folder lies."""
    return folder.with_name(folder.name + ".tar.gz")


def _archive(folder: Path) -> None:
    """Pack the folder; the same files give the same bytes."""
    archive = archive_path(folder)
    partial = archive.with_name(f".{archive.name}.partial")

    def plain(info: tarfile.TarInfo) -> tarfile.TarInfo:
        info.uid = info.gid = info.mtime = 0
        info.uname = info.gname = ""
        info.mode = 0o755 if info.isdir() else 0o644
        return info

    with writing(archive):
        try:
            with (
                partial.open("wb") as raw,
                gzip.GzipFile("", "wb", fileobj=raw, mtime=0) as packed,
                tarfile.open(fileobj=packed, mode="w") as tar,
            ):
                for path in [folder, *sorted(folder.rglob("*"))]:
                    name = str(Path(folder.name) / path.relative_to(folder))
                    tar.add(path, name, recursive=False, filter=plain)
            partial.replace(archive)
        finally:
            partial.unlink(missing_ok=True)
