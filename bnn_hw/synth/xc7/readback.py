"""Reads a finished .bit back and compares it with what was placed and routed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bnn_hw.errors import FaultList, MismatchError
from bnn_hw.synth.xc7 import bitfile, memories, packets
from bnn_hw.synth.xc7.assemble import assemble, bits_of, local_name, placed_bits
from bnn_hw.synth.xc7.database import Database
from bnn_hw.synth.xc7.device import FRAME_BITS
from bnn_hw.synth.xc7.disassemble import disassemble
from bnn_hw.synth.xc7.fasm import Feature

_SHOWN = 5
_REMEDY = "write the bitstream again from the routed design"
_LUT = re.compile(r"[A-D]LUT\.INIT$")
_MEMORY = re.compile(r"INITP?_[0-9A-F]{2}$")

Key = tuple[str, str]
"""Tile and name of a feature."""


@dataclass(frozen=True)
class ReadBack:
    """What was compared, all of it equal.

    features: placed features with a value; decoded: found again in the bitstream;
    pseudo: routing that needs no bits; defaults: features that only clear bits;
    lut_inits, memory_rows: decoded truth tables of LUTs and rows of block RAM
    contents (256 bits) that are not all zero; blocks, netlist_rows: block RAMs, and
    rows in them, whose contents are those of the netlist; crc: the file carries a CRC.
    """

    features: int
    decoded: int
    pseudo: int
    defaults: int
    lut_inits: int
    memory_rows: int
    blocks: int
    netlist_rows: int
    set_bits: int
    crc: bool


def compare(
    placed: Iterable[Feature], bit: Path, database: Database, blocks: Sequence[memories.Block] = ()
) -> ReadBack:
    """Compare the bitstream ``bit`` with the features that were placed, and with the netlist's block RAMs.

    The frames must be exactly the placed features' (no bit more, no bit less),
    their ECC right, and decoding them must give each feature and value again.
    Raises MismatchError with the first differences; ToolError for a file that is
    damaged or made for another part.
    """
    placed = list(placed)
    file = bitfile.read(bit)
    frames = packets.to_frames(file.words, database.device, str(bit))
    faults = FaultList()
    _check_frames(frames, assemble(placed, database), database, str(bit), faults)
    values = merged(placed)
    decoded = merged(disassemble(packets.without_ecc(frames), database))
    found = pseudo = defaults = 0
    for key, value in values.items():
        if not value:
            continue
        if decoded.get(key) == value:
            found += 1
        elif _is_pseudo(key, database):
            pseudo += 1
        elif key not in decoded and not _sets_bits(key, value, database):
            defaults += 1
        elif len(faults) < _SHOWN:
            seen = f"{decoded[key]:x}" if key in decoded else "nothing"
            faults.add(f"{bit}, {key[0]}.{key[1]}", f"placed {value:x}, read back {seen}", _REMEDY)
    faults.raise_if_any(MismatchError)
    rows = memories.compare(list(blocks), decoded, database)
    return ReadBack(
        features=sum(value != 0 for value in values.values()),
        decoded=found,
        pseudo=pseudo,
        defaults=defaults,
        lut_inits=sum(bool(_LUT.search(name)) for _, name in decoded),
        memory_rows=sum(bool(_MEMORY.search(name)) for _, name in decoded),
        blocks=len(blocks),
        netlist_rows=rows,
        set_bits=int(bits_of(frames).sum()),
        crc=any(register == 0 for register, _ in packets.writes(file.words, str(bit))),
    )


def merged(features: Iterable[Feature]) -> dict[Key, int]:
    """Return each feature's value over all its addresses."""
    values: dict[Key, int] = {}
    for feature in features:
        key = (feature.tile, feature.name)
        values[key] = values.get(key, 0) | feature.value << (feature.low or 0)
    return values


def _check_frames(
    frames: NDArray[np.uint32], wanted: NDArray[np.uint32], database: Database, place: str, faults: FaultList
) -> None:
    if not np.array_equal(packets.with_ecc(packets.without_ecc(frames)), frames):
        faults.add(place, "has frames whose ECC is wrong", _REMEDY)
    different = np.nonzero(bits_of(packets.without_ecc(frames) ^ wanted))[0]
    for number in different[:_SHOWN]:
        row, bit = divmod(int(number), FRAME_BITS)
        state = "set" if wanted[row, bit // 32] >> (bit % 32) & 1 == 0 else "clear"
        address = int(database.device.addresses[row])
        faults.add(f"{place}, frame 0x{address:08X}", f"bit {bit} is {state}; placed otherwise", _REMEDY)


def _is_pseudo(key: Key, database: Database) -> bool:
    tile = database.tiles[key[0]]
    name = local_name(tile, key[1])
    return name in database.type(tile.bits_type).pseudo or name in database.type(tile.type).pseudo


def _sets_bits(key: Key, value: int, database: Database) -> bool:
    feature = Feature(key[0], key[1], 0, value)
    return any(bits.ones for bits in placed_bits(feature, database.tiles[key[0]], database))
