"""What a FINN build must have left behind, whatever its exit status said, and digests of it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bnn_hw import tools
from bnn_hw.errors import FaultList, ToolError
from bnn_hw.finn.call import TOOL_ERROR
from bnn_hw.finn.job import BITFILE, CODE, CODE_FOLDER, EXECUTED, FINAL, FOLDING

_IP = ("stitched_ip/ip/component.xml",)
_BITFILE = (
    "bitfile/finn-accel.bit",
    "bitfile/finn-accel.hwh",
    "driver/settings.json",
    "report/post_synth_resources.json",
    "report/post_route_timing.rpt",
)


def expected(product: str, nodes: Sequence[str], manual: bool, executed: bool) -> list[str]:
    """Paths of the files and folders of a product, relative to the build's folder."""
    names = [FINAL, *(f"{CODE_FOLDER}/{node}" for node in nodes)]
    names += [FOLDING] if manual else []
    names += [EXECUTED] if executed else []
    if product != CODE:
        names += _IP
    return names + list(_BITFILE) if product == BITFILE else names


def check(folder: Path, names: Sequence[str], log: Path) -> None:
    """ToolError that names every missing or empty artefact and quotes the log's first error line."""
    faults = FaultList()
    missing = [name for name in names if not _present(folder / name)]
    if missing:
        text = log.read_text(errors="replace") if log.is_file() else ""
        quoted = tools.first_error(text, TOOL_ERROR)
        for name in missing:
            faults.add(
                "FINN",
                f"ended with status 0 but left no {name}; first error or last line of the log: {quoted}",
                f"read the log: {log}",
            )
    faults.raise_if_any(ToolError)


def _present(path: Path) -> bool:
    if path.is_dir():
        return any(path.iterdir())
    return path.is_file() and path.stat().st_size > 0


def digests(folder: Path, names: Sequence[str]) -> list[dict[str, Any]]:
    """Path, size in bytes and SHA-256 of every file under ``names``."""
    files: set[Path] = set()
    for name in names:
        path = folder / name
        files.update(item for item in path.rglob("*") if item.is_file()) if path.is_dir() else files.add(path)
    return [
        {
            "file": str(path.relative_to(folder)),
            "bytes": path.stat().st_size,
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        }
        for path in sorted(files)
    ]
