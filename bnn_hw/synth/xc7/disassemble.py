"""Frames to features: the way back, for reading a finished bitstream."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from bnn_hw.synth.xc7.assemble import bits_of
from bnn_hw.synth.xc7.database import Bits, Database, Tile, TileType
from bnn_hw.synth.xc7.device import FRAME_BITS
from bnn_hw.synth.xc7.fasm import Feature

_CHUNK_BITS = 64_000_000  # bits looked at together: bounds the memory


class _Patterns:
    """All features of a type in one block: the bits of pattern i are columns first[i]..first[i+1]."""

    def __init__(self, kind: TileType, block: str, words: range) -> None:
        names: list[tuple[str, int | None]] = []
        places: list[int] = []
        polarity: list[bool] = []
        first: list[int] = []
        known: list[tuple[str, int | None, Bits]] = [(name, None, bits) for name, bits in kind.plain.items()]
        known += [(name, at, bits) for name, table in kind.addressed.items() for at, bits in table.items()]
        for name, address, bits in known:
            inside = all(place % FRAME_BITS // 32 in words for place in bits.ones + bits.zeros)
            if bits.block != block or not bits.ones or not inside:
                continue
            names.append((name, address))
            first.append(len(places))
            places += bits.ones + bits.zeros
            polarity += [True] * len(bits.ones) + [False] * len(bits.zeros)
        self.names, self.first = names, np.array(first, np.int64)
        self.columns, self.column_of = np.unique(np.array(places, np.int64), return_inverse=True)
        self.polarity = np.array(polarity, bool)
        self.single = len(first) == len(places) and bool(self.polarity.all())

    def matches(self, bits: NDArray[np.bool_], bases: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Tell which patterns (second axis) match at which bases (first axis)."""
        seen = bits[bases[:, None] + self.columns[None, :]]
        equal = seen[:, self.column_of]
        if self.single:
            return equal
        equal = equal == self.polarity
        return np.logical_and.reduceat(equal, self.first, axis=1)


def disassemble(frames: NDArray[np.uint32], database: Database) -> Iterator[Feature]:
    """Yield what the frames, (frames, 101), configure, tile by tile.

    A feature is there when all bits that it sets are set and all that it clears are
    clear; one that sets none is not told. A feature with addresses comes once, with
    the value of all its addresses and ``low`` 0.
    """
    bits = bits_of(frames)
    groups: dict[tuple[str, str, int, int], list[Tile]] = defaultdict(list)
    for tile in database.tiles.values():
        for block in tile.bases:
            words = tile.words[block]
            groups[tile.bits_type, block, words.start, words.stop].append(tile)
    for (kind, block, start, stop), tiles in groups.items():
        patterns = _Patterns(database.type(kind), block, range(start, stop))
        if len(patterns.names):
            yield from _group(bits, tiles, block, patterns)


def _group(bits: NDArray[np.bool_], tiles: list[Tile], block: str, patterns: _Patterns) -> Iterator[Feature]:
    bases = np.array([tile.bases[block] for tile in tiles], np.int64)
    chunk = max(1, _CHUNK_BITS // max(1, len(patterns.polarity)))
    for start in range(0, len(tiles), chunk):
        found = patterns.matches(bits, bases[start : start + chunk])
        for row in np.nonzero(found.any(axis=1))[0]:
            yield from _features(tiles[start + row], patterns, np.nonzero(found[row])[0])


def _features(tile: Tile, patterns: _Patterns, found: NDArray[np.int64]) -> Iterator[Feature]:
    own = {there: here for here, there in tile.renamed.items()}
    values: dict[str, int] = defaultdict(int)
    for index in found:
        name, address = patterns.names[index]
        if own:
            site, dot, rest = name.partition(".")
            name = own.get(site, site) + dot + rest
        if address is None:
            yield Feature(tile.name, name)
        else:
            values[name] |= 1 << address
    for name, value in values.items():
        yield Feature(tile.name, name, 0, value)
