"""The header of a .bit file: tells before loading whether it is whole and for which part (Python 3.8)."""

import struct
from pathlib import Path
from typing import NamedTuple

from bnn_hw.runtime.errors import PackageError

MAGIC = bytes.fromhex("00090ff00ff00ff00ff0000001")
_FIELDS = ((b"a", "design"), (b"b", "part"), (b"c", "date"), (b"d", "time"))


class BitHeader(NamedTuple):
    """Fields a to d as text, and the bytes of configuration that follow; part: such as 7z020clg400."""

    design: str
    part: str
    date: str
    time: str
    size_bytes: int


def read_bit_header(path: Path) -> BitHeader:
    """Read and check a .bit file; PackageError where it is cut short or is none."""
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise _fault(path, "cannot be read: {}".format(error.strerror or error)) from error
    if not data.startswith(MAGIC):
        raise _fault(path, "does not begin like a .bit file")
    at, texts = len(MAGIC), []
    for key, name in _FIELDS:
        end = at + 3
        size = struct.unpack(">H", data[at + 1 : end])[0] if len(data) >= end else 0
        if data[at : at + 1] != key or not size or len(data) < end + size:
            raise _fault(path, "has no whole field {} at byte {}".format(name, at))
        texts.append(data[end : end + size].rstrip(b"\0").decode("ascii", "replace"))
        at = end + size
    size = struct.unpack(">I", data[at + 1 : at + 5])[0] if len(data) >= at + 5 else 0
    found = len(data) - at - 5
    if data[at : at + 1] != b"e" or found != size or not size:
        raise _fault(path, "holds {} bytes of configuration, its header says {}".format(max(found, 0), size))
    design, part, date, clock = texts
    return BitHeader(design, part, date, clock, size)


def _fault(path: Path, cause: str) -> PackageError:
    return PackageError(str(path), cause, "copy the whole package again")
