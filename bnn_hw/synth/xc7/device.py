"""A part's frames, as the X-Ray database describes them (``<device>/part.json``)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bnn_hw.errors import ToolError

FRAME_WORDS = 101
FRAME_BITS = 32 * FRAME_WORDS
PAD_FRAMES = 2
"""Frames of zeros that follow the last frame of each clock region row."""

REMEDY = "name a complete prjxray-db family folder (…/zynq7) with BNN_HW_PRJXRAY_DB; see bnn-hw doctor"

_BLOCK_TYPES = {"CLB_IO_CLK": 0, "BLOCK_RAM": 1, "CFG_CLB": 2}
_HALVES = {"top": 0, "bottom": 1}
_ROW_SHIFT = 17  # frame address: type, half and row above, column and minor address below


@dataclass(frozen=True)
class Device:
    """Identity and frame addresses of a part.

    name: with package and speed, for instance xc7z020clg400-1; idcode: what the
    part's IDCODE register must hold; addresses: of all frames, ascending, uint32.
    """

    name: str
    idcode: int
    addresses: NDArray[np.uint32]

    @property
    def frame_count(self) -> int:
        return len(self.addresses)

    @cached_property
    def stream_rows(self) -> NDArray[np.int64]:
        """Place of each frame in the configuration stream, which has pad frames after every row."""
        rows = self.addresses >> _ROW_SHIFT
        before = np.concatenate(([0], np.cumsum(rows[1:] != rows[:-1])))
        return np.arange(len(rows)) + PAD_FRAMES * before

    @property
    def stream_frames(self) -> int:
        """Length of the configuration stream in frames, pad frames included."""
        return int(self.stream_rows[-1]) + 1 + PAD_FRAMES

    def blank(self) -> NDArray[np.uint32]:
        """Frames without a set bit, (frames, 101)."""
        return np.zeros((self.frame_count, FRAME_WORDS), np.uint32)


def read_json(path: Path) -> Any:
    """Read a file of the database; ToolError if it is missing or damaged."""
    try:
        return json.loads(path.read_text())
    except OSError as error:
        raise ToolError.at(path, f"cannot be read: {error.strerror}", REMEDY) from error
    except ValueError as error:
        raise ToolError.at(path, f"is no JSON: {error}", REMEDY) from error


def load_device(database: Path, name: str) -> Device:
    """Read ``database/<name>/part.json``; ToolError if the database does not have it."""
    path = database / name / "part.json"
    record = read_json(path)
    try:
        addresses = sorted(_addresses(record["global_clock_regions"]))
        return Device(name, int(record["idcode"]), np.array(addresses, np.uint32))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ToolError.at(path, f"is no description of a part: {error!r}", REMEDY) from error


def _addresses(halves: dict[str, Any]) -> list[int]:
    found: list[int] = []
    for half, fields in halves.items():
        for row, region in fields["rows"].items():
            for kind, bus in region["configuration_buses"].items():
                base = _BLOCK_TYPES[kind] << 23 | _HALVES[half] << 22 | int(row) << _ROW_SHIFT
                for column, frames in bus["configuration_columns"].items():
                    start = base | int(column) << 7
                    found += range(start, start + int(frames["frame_count"]))
    return found
