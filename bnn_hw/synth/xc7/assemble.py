"""FASM to frames."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from bnn_hw.errors import FaultList, ToolError
from bnn_hw.synth.xc7.database import Bits, Database, Tile, TileType
from bnn_hw.synth.xc7.device import FRAME_BITS, FRAME_WORDS
from bnn_hw.synth.xc7.fasm import Feature, parse_fasm, set_addresses

_SHOWN = 5
_REMEDY = "use the place-and-route tool and the prjxray-db of one openXC7 release"


def assemble(features: Iterable[Feature], database: Database) -> NDArray[np.uint32]:
    """Return the frames, (frames, 101), without their ECC, that ``features`` configure.

    The part's required features are added. Raises ToolError naming features that
    the database does not know, and features that contradict each other.
    """
    features = [*features, *parse_fasm(database.required, f"required features of {database.device.name}")]
    collector = _Collector(database)
    for feature in features:
        collector.add(feature)
    collector.faults.raise_if_any(ToolError)
    bits = np.zeros(database.device.frame_count * FRAME_BITS, bool)
    bits[np.concatenate([np.array(collector.ones, np.int64), *collector.vectors])] = True
    zeros = np.array(collector.zeros, np.int64)
    contradicted = zeros[bits[zeros]]
    if len(contradicted):
        raise _contradiction(int(contradicted[0]), features, database)
    return words_of(bits).reshape(-1, FRAME_WORDS)


def words_of(bits: NDArray[np.bool_]) -> NDArray[np.uint32]:
    """Pack bits into words, bit 0 first."""
    return np.packbits(bits, bitorder="little").view("<u4").astype(np.uint32)


def bits_of(words: NDArray[np.uint32]) -> NDArray[np.bool_]:
    """Unpack words into one flat array of bits, bit 0 first."""
    return np.unpackbits(words.astype("<u4").reshape(-1).view(np.uint8), bitorder="little").view(bool)


class _Collector:
    """Gathers the numbers of the bits to set and to leave cleared."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.ones: list[int] = []
        self.zeros: list[int] = []
        self.vectors: list[NDArray[np.int64]] = []
        self.faults = FaultList()

    def add(self, feature: Feature) -> None:
        tile = self.database.tiles.get(feature.tile)
        if tile is None:
            self._unknown(feature, f"{self.database.device.name} has no tile {feature.tile}")
            return
        kind = self.database.type(tile.bits_type)
        name = local_name(tile, feature.name)
        if name in kind.pseudo or name in self.database.type(tile.type).pseudo:
            return
        if feature.value > 0xFFFF and self._add_vector(tile, kind, name, feature):
            return
        for address in set_addresses(feature):
            bits = kind.bits(name, address)
            base = tile.bases.get(bits.block) if bits else None
            if bits is None or base is None:
                self._unknown(feature, "is not in the database")
                return
            self.ones += [base + place for place in bits.ones]
            self.zeros += [base + place for place in bits.zeros]

    def _add_vector(self, tile: Tile, kind: TileType, name: str, feature: Feature) -> bool:
        """Add a wide value at once; False if it is not of the simple kind or too wide."""
        vector, low = kind.vector(name), feature.low or 0
        if vector is None or low + feature.value.bit_length() > len(vector[1]):
            return False
        raw = feature.value.to_bytes((feature.value.bit_length() + 7) // 8, "little")
        set_bits = np.nonzero(np.unpackbits(np.frombuffer(raw, np.uint8), bitorder="little"))[0]
        self.vectors.append(tile.bases[vector[0]] + vector[1][low + set_bits])
        return True

    def _unknown(self, feature: Feature, cause: str) -> None:
        if len(self.faults) < _SHOWN:
            self.faults.add(f"feature {feature.tile}.{feature.name}", cause, _REMEDY)


def local_name(tile: Tile, name: str) -> str:
    """Return the name under which the tile's database has the feature."""
    if not tile.renamed:
        return name
    site, dot, rest = name.partition(".")
    return tile.renamed.get(site, site) + dot + rest


def placed_bits(feature: Feature, tile: Tile, database: Database) -> list[Bits]:
    """Return the bits of a feature, by set address; empty for one that needs none."""
    kind, name = database.type(tile.bits_type), local_name(tile, feature.name)
    found = (kind.bits(name, address) for address in set_addresses(feature))
    return [bits for bits in found if bits is not None]


def _contradiction(number: int, features: list[Feature], database: Database) -> ToolError:
    """Name the features of which one sets and another clears bit ``number``."""
    setting, clearing = "", ""
    for feature in features:
        tile = database.tiles[feature.tile]
        for bits in placed_bits(feature, tile, database):
            base = tile.bases[bits.block]
            if number - base in bits.ones:
                setting = f"{feature.tile}.{feature.name}"
            if number - base in bits.zeros:
                clearing = f"{feature.tile}.{feature.name}"
    frame = int(database.device.addresses[number // FRAME_BITS])
    cause = f"clears bit {number % FRAME_BITS} of frame 0x{frame:08X}, which {setting} sets"
    error = ToolError.at(f"feature {clearing}", cause, _REMEDY)
    assert isinstance(error, ToolError)
    return error
