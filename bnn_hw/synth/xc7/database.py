"""Which configuration bits a feature of a tile sets: segbits_*.db, ppips_*.db and tilegrid.json.

Bits are numbered through the whole device: bit ``b`` of word ``w`` of frame ``f``
(its row in :attr:`Device.addresses`) is ``f * 3232 + 32 * w + b``. A tile begins at its
*base*, and a feature's bits lie at the same distance from it in every tile of a type.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bnn_hw.errors import ToolError
from bnn_hw.synth.xc7.device import FRAME_BITS, FRAME_WORDS, REMEDY, Device, load_device, read_json

LOGIC, MEMORY = "CLB_IO_CLK", "BLOCK_RAM"
_SUFFIXES = {LOGIC: "", MEMORY: ".block_ram"}
_ADDRESSED = re.compile(r"(.*)\[(\d+)\]$")


@dataclass(frozen=True)
class Bits:
    """Distances from the tile's base of the bits a feature sets and of those it clears."""

    block: str
    ones: tuple[int, ...]
    zeros: tuple[int, ...]


@dataclass(frozen=True)
class Tile:
    """A tile of the grid. bases: the number of its first bit by block type.

    bits_type: the type whose database describes it, another one for a tile that is
    part of a larger type; renamed: its sites' names there; words: which of that
    type's words it has, by block type; sites: their names.
    """

    name: str
    type: str
    bits_type: str
    bases: dict[str, int]
    words: dict[str, range]
    sites: tuple[str, ...] = ()
    renamed: dict[str, str] = field(default_factory=dict)


class TileType:
    """The features of a type of tile. ``plain`` by name, ``addressed`` by name and address."""

    def __init__(self, database: Path, name: str) -> None:
        self.name = name
        self.plain: dict[str, Bits] = {}
        self.addressed: dict[str, dict[int, Bits]] = defaultdict(dict)
        self.pseudo: frozenset[str] = frozenset()
        for block, suffix in _SUFFIXES.items():
            self._read(database / f"segbits_{name.lower()}{suffix}.db", block)
        hints = database / f"ppips_{name.lower()}.db"
        if hints.is_file():
            self.pseudo = frozenset(line.split(" ")[0].partition(".")[2] for line in _lines(hints))
        self.known = bool(self.plain or self.addressed)

    def _read(self, path: Path, block: str) -> None:
        if not path.is_file():
            return
        for line in _lines(path):
            name, *places = line.split()
            feature = name.partition(".")[2]
            ones: list[int] = []
            zeros: list[int] = []
            try:
                for place in places:
                    column, bit = place.lstrip("!").split("_")
                    (zeros if place[0] == "!" else ones).append(int(column) * FRAME_BITS + int(bit))
            except ValueError as error:
                raise ToolError.at(path, f"has a line that is no feature: {line}", REMEDY) from error
            bits = Bits(block, tuple(ones), tuple(zeros))
            match = _ADDRESSED.match(feature)
            if match:
                self.addressed[match[1]][int(match[2])] = bits
            else:
                self.plain[feature] = bits

    @cached_property
    def _vectors(self) -> dict[str, tuple[str, NDArray[np.int64]] | None]:
        return {}

    def vector(self, feature: str) -> tuple[str, NDArray[np.int64]] | None:
        """Return block and bit by address of a value with one bit an address, such as INIT, else None."""
        if feature not in self._vectors:
            table = self.addressed.get(feature, {})
            simple = sorted(table) == list(range(len(table))) and len(table) > 1
            simple = simple and all(len(bits.ones) == 1 and not bits.zeros for bits in table.values())
            simple = simple and len({bits.block for bits in table.values()}) == 1
            places = np.array([table[i].ones[0] for i in range(len(table))], np.int64) if simple else None
            self._vectors[feature] = None if places is None else (table[0].block, places)
        return self._vectors[feature]

    def bits(self, feature: str, address: int) -> Bits | None:
        """Return the bits of a feature's address, None if the database does not know it."""
        if address == 0 and feature in self.plain:
            return self.plain[feature]
        return self.addressed[feature].get(address) if feature in self.addressed else None


def fabric(device: str) -> str:
    """Return the part's name without package and speed: xc7z020 of xc7z020clg400-1."""
    match = re.match(r"xc7[a-z]\d+[st]?", device)
    return match[0] if match else device


class Database:
    """The database of one part, read as far as it is needed."""

    def __init__(self, root: Path, device: str) -> None:
        """root: the family's folder; device: for instance xc7z020clg400-1. ToolError if incomplete."""
        self.root = root
        self.device: Device = load_device(root, device)
        self.tiles = self._tiles(root / fabric(device) / "tilegrid.json")
        self._types: dict[str, TileType] = {}

    def _tiles(self, path: Path) -> dict[str, Tile]:
        rows = {int(address): row for row, address in enumerate(self.device.addresses)}
        grid = read_json(path)
        try:
            return {name: _tile(name, fields, rows) for name, fields in grid.items()}
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ToolError.at(path, f"does not fit {self.device.name}: {error!r}", REMEDY) from error

    def type(self, name: str) -> TileType:
        if name not in self._types:
            self._types[name] = TileType(self.root, name)
        return self._types[name]

    @cached_property
    def site_tiles(self) -> dict[str, str]:
        """Name of the tile that has a site, such as RAMB36_X0Y12."""
        return {site: tile.name for tile in self.tiles.values() for site in tile.sites}

    @cached_property
    def required(self) -> str:
        """FASM that every bitstream of this part must have."""
        path = self.root / self.device.name / "required_features.fasm"
        return path.read_text() if path.is_file() else ""


def _tile(name: str, fields: dict[str, Any], rows: dict[int, int]) -> Tile:
    bases, words, bits_type, renamed = {}, {}, fields["type"], {}
    for block, place in fields["bits"].items():
        alias = place.get("alias")
        start = 0
        if alias:
            bits_type, start = alias["type"], alias["start_offset"]
            renamed.update(alias["sites"])
        first = place["offset"] - start
        bases[block] = rows[int(place["baseaddr"], 16)] * FRAME_BITS + 32 * first
        words[block] = range(start, start + place["words"]) if alias else range(FRAME_WORDS)
    return Tile(name, fields["type"], bits_type, bases, words, tuple(fields["sites"]), renamed)


def _lines(path: Path) -> list[str]:
    try:
        return [line.strip() for line in path.read_text().splitlines() if line.strip()]
    except OSError as error:
        raise ToolError.at(path, f"cannot be read: {error.strerror}", REMEDY) from error
