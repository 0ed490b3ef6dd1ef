"""The .bit file (header fields a to e, then the configuration) and the .bin of the kernel's FPGA manager."""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bnn_hw.errors import InputError, ToolError
from bnn_hw.folders import writing

_MAGIC = bytes.fromhex("0009 0ff0 0ff0 0ff0 0ff0 00 0001".replace(" ", ""))
_FIELDS = (("a", "design"), ("b", "part"), ("c", "date"), ("d", "time"))
_REMEDY = "the file is truncated or is no .bit; write it again"


@dataclass(frozen=True)
class BitFile:
    """A .bit file. design: name, then ``;Key=value`` notes; date: 2026/01/31; time: 23:59:59.

    words: the configuration, uint32, as it reads from the first byte on.
    """

    design: str
    part: str
    date: str
    time: str
    words: NDArray[np.uint32]

    def to_bytes(self) -> bytes:
        data = self.words.astype(">u4").tobytes()
        header = _MAGIC
        for key, name in _FIELDS:
            text = getattr(self, name).encode("ascii") + b"\0"
            header += key.encode() + struct.pack(">H", len(text)) + text
        return header + b"e" + struct.pack(">I", len(data)) + data

    def to_bin(self) -> bytes:
        """Return what /sys/class/fpga_manager takes: no header, each word's bytes in reverse."""
        return self.words.astype("<u4").tobytes()


def make(design: str, part: str, words: NDArray[np.uint32], when: datetime) -> BitFile:
    """Return a .bit file made at ``when``; InputError for a name that the header cannot hold."""
    if not re.fullmatch(r"[ -~]{1,1000}", design):
        cause = f"is {design[:40]!r}, which a .bit header cannot hold"
        raise InputError.at("design name", cause, "use ASCII, at most 1,000 characters")
    return BitFile(design, part, when.strftime("%Y/%m/%d"), when.strftime("%H:%M:%S"), words)


def parse(data: bytes, place: str) -> BitFile:
    """Read a .bit file; ToolError naming ``place`` and the field at which it ends or goes wrong."""
    if not data.startswith(_MAGIC):
        raise ToolError.at(place, "does not begin like a .bit file", _REMEDY)
    at, fields = len(_MAGIC), {}
    for key, name in _FIELDS:
        length = struct.unpack(">H", data[at + 1 : at + 3])[0] if len(data) >= at + 3 else 0
        if data[at : at + 1] != key.encode() or len(data) < at + 3 + length or not length:
            raise ToolError.at(place, f"has no field {key} ({name}) at byte {at}", _REMEDY)
        fields[name] = data[at + 3 : at + 3 + length].rstrip(b"\0").decode("ascii", "replace")
        at += 3 + length
    if data[at : at + 1] != b"e" or len(data) < at + 5:
        raise ToolError.at(place, f"has no field e (data) at byte {at}", _REMEDY)
    length = struct.unpack(">I", data[at + 1 : at + 5])[0]
    rest = data[at + 5 :]
    if len(rest) != length or length % 4:
        cause = f"holds {len(rest):,} bytes of configuration, its header says {length:,}"
        raise ToolError.at(place, cause, _REMEDY)
    return BitFile(**fields, words=np.frombuffer(rest, ">u4").astype(np.uint32))


def read(path: Path) -> BitFile:
    """Read a .bit file."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ToolError.at(path, f"cannot be read: {error.strerror}", "write the bitstream again") from error
    return parse(data, str(path))


def write(file: BitFile, bit: Path, bin_: Path | None = None) -> None:
    """Write the .bit and, where asked for, the .bin."""
    with writing(bit):
        bit.write_bytes(file.to_bytes())
        if bin_:
            bin_.write_bytes(file.to_bin())
