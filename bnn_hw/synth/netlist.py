"""Mapped netlists: the part of Yosys' JSON that counting and packing need.

A module is a list of cells; a cell has a type, its connections by port (bits
are net numbers, constants are dropped to None) and the names of its output
ports. Sub-modules stay cells of their module's type.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bnn_hw.errors import ToolError

Bits = tuple[int | None, ...]


@dataclass(frozen=True)
class Cell:
    """One instance of a library cell or of another module."""

    name: str
    type: str
    ports: dict[str, Bits]

    def bits(self, port: str) -> Bits:
        """Net numbers of a port, None for a constant or unknown bit; empty if not connected."""
        return self.ports.get(port, ())


@dataclass(frozen=True)
class Netlist:
    """All modules of a design with their cells; library cells are no modules."""

    top: str
    modules: dict[str, tuple[Cell, ...]]

    def instances(self, module: str) -> Iterator[tuple[str, str]]:
        """Yield (instance name, module name) of the sub-modules directly in ``module``."""
        for cell in self.modules[module]:
            if cell.type in self.modules:
                yield cell.name, cell.type


def _cell(name: str, record: dict[str, Any]) -> Cell:
    ports = {
        port: tuple(bit if isinstance(bit, int) else None for bit in bits)
        for port, bits in record["connections"].items()
    }
    return Cell(name, record["type"], ports)


def _is_library(attributes: dict[str, Any]) -> bool:
    return any(
        int(str(attributes.get(name, "0")) or "0", 2) for name in ("blackbox", "whitebox", "lib_whitebox")
    )


def from_json(text: str, top: str) -> Netlist:
    """Read the text of Yosys' ``write_json``; ValueError if it has no module ``top``."""
    record = json.loads(text)
    modules = {
        name: tuple(_cell(cell, fields) for cell, fields in module["cells"].items())
        for name, module in record["modules"].items()
        if not _is_library(module.get("attributes", {}))
    }
    if top not in modules:
        found = ", ".join(sorted(modules)[:5]) or "none"
        raise ValueError(f"has no module {top} (modules: {found})")
    return Netlist(top, modules)


def load(path: Path, top: str) -> Netlist:
    """Read a netlist file; ToolError if it is missing or not what Yosys writes."""
    try:
        return from_json(path.read_text(), top)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as err:
        raise ToolError.at(path, f"is no usable netlist: {err}", "run the synthesis again") from err
