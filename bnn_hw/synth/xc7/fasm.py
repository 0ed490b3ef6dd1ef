"""FASM, the list of configured features that place and route writes.

A line is ``TILE.FEATURE``, ``TILE.FEATURE[BIT]`` or
``TILE.FEATURE[HIGH:LOW] = WIDTH'bVALUE``; ``#`` begins a comment and braces hold
annotations (https://fasm.readthedocs.io).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from bnn_hw.errors import FaultList, ToolError

_PLAIN = re.compile(r"([^\s.\[\]=#{}]+)\.([^\s\[\]=#{}]+)$")
_FULL = re.compile(
    r"([^\s.\[\]=#{}]+)\.([^\s\[\]=#{}]+)"
    r"(?:\[(\d+)(?::(\d+))?\])?"
    r"(?:\s*=\s*(?:(\d+)\s*'([bhdoBHDO]))?\s*([0-9A-Fa-f_]+))?$"
)
_COMMENT = re.compile(r"\{[^}]*\}|#.*")
_BASES = {"b": 2, "h": 16, "d": 10, "o": 8}
_SHOWN = 5


class Feature(NamedTuple):
    """One configured feature.

    low: the lowest address that ``value`` speaks of, None for a feature without
    addresses; value: bit i belongs to address ``low`` + i.
    """

    tile: str
    name: str
    low: int | None = None
    value: int = 1

    def __str__(self) -> str:
        text = f"{self.tile}.{self.name}"
        if self.low is None:
            return text if self.value else f"{text} = 0"
        width = max(1, self.value.bit_length())
        return f"{text}[{self.low + width - 1}:{self.low}] = {width}'b{self.value:b}"


def parse_fasm(text: str, place: str = "FASM") -> list[Feature]:
    """Return the features in the order of their lines; ToolError lists the lines that are none."""
    faults = FaultList()
    features = []
    for number, line in enumerate(text.split("\n"), 1):
        plain = _PLAIN.match(line)
        if plain:
            features.append(Feature(plain[1], plain[2]))
            continue
        line = _COMMENT.sub("", line).strip()
        if not line:
            continue
        feature = _feature(line)
        if feature is not None:
            features.append(feature)
        elif len(faults) < _SHOWN:
            cause = f"is no FASM: {line[:60]}"
            faults.add(f"{place}, line {number}", cause, "route again; the file may be truncated")
    faults.raise_if_any(ToolError)
    return features


def _feature(line: str) -> Feature | None:
    match = _FULL.match(line)
    if not match:
        return None
    tile, name, first, last, width, base, digits = match.groups()
    try:
        value = 1 if digits is None else int(digits.replace("_", ""), _BASES[(base or "d").lower()])
    except ValueError:
        return None
    low = None if first is None else int(last if last is not None else first)
    span = int(first) - (low or 0) + 1 if first is not None else 1
    if span < 1 or value >> span or (width is not None and value >> int(width)):
        return None
    return Feature(tile, name, low, value)


def read_fasm(path: Path) -> list[Feature]:
    """Read a FASM file."""
    try:
        return parse_fasm(path.read_text(), str(path))
    except OSError as error:
        raise ToolError.at(path, f"cannot be read: {error.strerror}", "route the design again") from error


def set_addresses(feature: Feature) -> Iterator[int]:
    """Yield the addresses whose bit of the value is set; 0 for a feature without addresses."""
    value, address = feature.value, feature.low or 0
    while value:
        step = (value & -value).bit_length()
        address += step
        value >>= step
        yield address - 1
