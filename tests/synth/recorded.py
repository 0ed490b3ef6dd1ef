"""Recorded runs of the open tools, and the machine's own tools, for tests that are skipped without."""

from __future__ import annotations

import lzma
import os
import tarfile
from pathlib import Path

import pytest

from bnn_hw.errors import ToolError
from bnn_hw.synth import openflow

Z010, Z020 = "xc7z010clg400-1", "xc7z020clg400-1"


def folder() -> Path:
    """The folder ``openflow`` beside the data folder; skips the test without it."""
    data = os.environ.get("BNN_HW_DATA")
    place = Path(data).resolve().parent / "openflow" if data else None
    if place is None or not (place / "recorded").is_dir():
        pytest.skip("needs recorded runs: a folder openflow beside the one that BNN_HW_DATA names")
    return place


def read(name: str) -> bytes:
    return lzma.decompress((folder() / "recorded" / f"{name}.xz").read_bytes())


def part_folder(device: str, root: Path) -> Path:
    """Unpack the part's description from the recorded database into ``root``."""
    archive = folder() / f"{device[:7]}-database.tar.xz"
    with tarfile.open(archive) as tar:
        tar.extract(f"{device}/part.json", root, filter="data")
    return root


def xray_database(device: str) -> Path:
    """The machine's X-Ray database; skips the test without it."""
    try:
        return openflow.xray_database(device, None)
    except ToolError as error:
        pytest.skip(f"{error.faults[0].place} {error.faults[0].cause}: {error.faults[0].remedy}")


def open_flow(device: str) -> openflow.OpenFlow:
    """The machine's place-and-route tools; skips the test without them."""
    try:
        return openflow.find(device)
    except ToolError as error:
        pytest.skip("; ".join(f"{f.place} {f.cause}: {f.remedy}" for f in error.faults))


__all__ = ["Z010", "Z020", "folder", "open_flow", "part_folder", "read", "xray_database"]
