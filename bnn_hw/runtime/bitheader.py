"""The header of a .bit file: tells before loading whether it is whole and for which part (Python 3.8)."""

import struct
from pathlib import Path
from typing import Dict, NamedTuple, Optional

from bnn_hw.runtime.errors import PackageError

MAGIC = bytes.fromhex("00090ff00ff00ff00ff0000001")
NO_USER_ID = "FFFFFFFF"  # what Vivado writes where none was set
_FIELDS = ((b"a", "design"), (b"b", "part"), (b"c", "date"), (b"d", "time"))


class BitHeader(NamedTuple):
    """Fields a to d as text, and the bytes of configuration that follow; part: such as 7z020clg400."""

    design: str
    part: str
    date: str
    time: str
    size_bytes: int

    def notes(self) -> Dict[str, str]:
        """The notes ``;Key=value`` behind the design's name."""
        pairs = (item.partition("=") for item in self.design.split(";")[1:])
        return {key: value for key, equals, value in pairs if equals}

    def build(self) -> Optional[str]:
        """The digest of the build, or how it begins, as the header tells it; None where it tells nothing.

        The open flow writes the whole digest, Vivado its first eight digits as the UserID.
        """
        notes = self.notes()
        user_id = notes.get("UserID", "").upper().replace("0X", "", 1)
        if "Digest" not in notes and user_id in ("", NO_USER_ID):
            return None
        return notes.get("Digest", user_id).lower()

    def is_of(self, digest: str) -> bool:
        """Tell whether nothing here speaks against the build with this digest."""
        build = self.build()
        return build is None or digest.startswith(build)


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
