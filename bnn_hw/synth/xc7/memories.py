"""Contents of block RAMs (weights, thresholds): the netlist's against the bitstream's.

This goes past place and route: what the synthesised netlist holds is looked up in
the decoded bitstream at the place where the router put the block.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bnn_hw.errors import FaultList, MismatchError, ToolError
from bnn_hw.synth.xc7.database import Database

_ROW_BITS = 256
_INIT = re.compile(r"(INITP?)_([0-9A-F]{2})$")
_SITE = re.compile(r"(RAMB(?:18|36))_X\d+Y(\d+)$")
_SHOWN = 5


@dataclass(frozen=True)
class Block:
    """A placed block RAM: its cell, its site (RAMB36_X0Y5) and its INIT and INITP rows by number."""

    cell: str
    site: str
    rows: dict[tuple[str, int], int]


def blocks(netlist: Path, placed: Path, top: str) -> list[Block]:
    """Return the block RAMs of the netlist (Yosys JSON) where ``placed`` (nextpnr's JSON) has them.

    Raises ToolError if a block of the netlist was not placed.
    """
    places = {name: cell["attributes"].get("NEXTPNR_BEL", "") for name, cell in _cells(placed, None)}
    found, faults = [], FaultList()
    for name, cell in _cells(netlist, top):
        if not cell["type"].startswith(("RAMB36E1", "RAMB18E1")):
            continue
        site = places.get(name, "").partition("/")[0]
        if not _SITE.match(site):
            faults.add(f"{placed}, {name}", f"{cell['type']} has no place", "route again")
            continue
        found.append(Block(name, site, _rows(cell["parameters"])))
    faults.raise_if_any(ToolError)
    return found


def _cells(path: Path, top: str | None) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the cells of ``top``; of the only module that has any, if None."""
    try:
        modules = json.loads(path.read_text())["modules"]
        name = max(modules, key=lambda module: len(modules[module]["cells"])) if top is None else top
        yield from modules[name]["cells"].items()
    except (OSError, ValueError, KeyError) as error:
        raise ToolError.at(path, f"is no netlist of {top or 'a design'}: {error!r}", "route again") from error


def _rows(parameters: Mapping[str, str]) -> dict[tuple[str, int], int]:
    """Unknown bits (x) count as 0, as they do for the tools."""
    rows = {}
    for name, value in parameters.items():
        match = _INIT.match(name)
        if match:
            rows[match[1], int(match[2], 16)] = int(re.sub("[^01]", "0", value), 2)
    return rows


def expected(block: Block) -> dict[str, int]:
    """Return the rows that the tile's RAMB18 halves must hold, by feature name.

    A RAMB36 keeps even bits in its lower half, Y0, and odd bits in its upper half, Y1.
    """
    match = _SITE.match(block.site)
    assert match
    result: dict[str, int] = {}
    for (kind, number), value in block.rows.items():
        if match[1] == "RAMB18":
            result[f"RAMB18_Y{int(match[2]) % 2}.{kind}_{number:02X}"] = value
            continue
        for half in (0, 1):
            bits = f"{value:0{_ROW_BITS}b}"[::-1][half::2]
            part = int(bits[::-1], 2) << (number % 2 * _ROW_BITS // 2)
            name = f"RAMB18_Y{half}.{kind}_{number // 2:02X}"
            result[name] = result.get(name, 0) | part
    return result


def compare(placed: list[Block], decoded: Mapping[tuple[str, str], int], database: Database) -> int:
    """Compare every row of every block; return their number. MismatchError names the first that differ."""
    faults, rows = FaultList(), 0
    for block in placed:
        tile = database.site_tiles.get(block.site)
        if tile is None:
            faults.add(f"block RAM {block.cell}", f"the part has no site {block.site}", "route again")
            continue
        for name, value in expected(block).items():
            rows += 1
            seen = decoded.get((tile, name), 0)
            if seen != value and len(faults) < _SHOWN:
                cause = f"row {name} reads back {seen:064x}, the netlist has {value:064x}"
                faults.add(f"block RAM {block.cell} at {block.site}", cause, "write the bitstream again")
    faults.raise_if_any(MismatchError)
    return rows
