"""Shift registers in LUTs whose enables differ become flip-flops, for nextpnr-xilinx.

The LUTs of a slice that are memory have one write enable, which is a shift register's enable. The
placer does not know that: it puts shift registers of different enables into one slice, and the router
then gives the slice's enable to the one net and to the other, for ever. So only those of one enable,
where they save most, stay in LUTs.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

Cells = dict[str, dict[str, Any]]

_ADDRESS_BITS = {"SRL16E": 4, "SRLC32E": 5}


def split_enables(cells: Cells, top: int) -> int:
    """Rewrite the cells of a flat module (Yosys JSON) in place; return how many became flip-flops.

    top: the highest net number in use. A shift register whose length may change stays as it is, and so
    does one whose last place is read, too.
    """
    read = {
        bit
        for cell in cells.values()
        for port, bits in cell["connections"].items()
        if port != "Q31"
        for bit in bits
    }
    groups: defaultdict[Any, list[str]] = defaultdict(list)
    for name, cell in cells.items():
        if cell["type"] in _ADDRESS_BITS and _length(cell) and read.isdisjoint(_last(cell)):
            groups[cell["connections"]["CE"][0]].append(name)
    if len(groups) < 2:
        return 0
    saved = {enable: sum(_length(cells[name]) for name in names) for enable, names in groups.items()}
    kept = max(groups, key=lambda enable: (saved[enable], str(enable)))
    changed = [name for enable, names in groups.items() if enable != kept for name in names]
    for name in changed:
        cell = cells.pop(name)
        flip_flops = _flip_flops(cell, top)
        top += len(flip_flops)
        cells.update({f"{name}$place{k}": own for k, own in enumerate(flip_flops)})
    return len(changed)


def _length(cell: dict[str, Any]) -> int:
    """Places from D to Q; 0 where the address is no constant."""
    links = cell["connections"]
    bits = (
        [links[f"A{k}"][0] for k in range(4)]
        if cell["type"] == "SRL16E"
        else links["A"][: _ADDRESS_BITS[cell["type"]]]
    )
    if not all(bit in ("0", "1") for bit in bits):
        return 0
    return 1 + sum(1 << k for k, bit in enumerate(bits) if bit == "1")


def _last(cell: dict[str, Any]) -> list[Any]:
    return cell["connections"].get("Q31", [])


def _flip_flops(cell: dict[str, Any], top: int) -> list[dict[str, Any]]:
    """One a place, the first at D; new nets are numbered from ``top`` + 1."""
    links, parameters = cell["connections"], cell.get("parameters", {})
    length = _length(cell)
    contents = parameters.get("INIT", "").rjust(1 << _ADDRESS_BITS[cell["type"]], "0")[::-1]
    nets = [*links["D"], *range(top + 1, top + length), *links["Q"]]
    return [
        {
            "hide_name": 1,
            "type": "FDRE",
            "parameters": {"INIT": contents[k], "IS_C_INVERTED": parameters.get("IS_CLK_INVERTED", "0")},
            "attributes": {},
            "port_directions": {"C": "input", "CE": "input", "D": "input", "R": "input", "Q": "output"},
            "connections": {
                "C": links["CLK"],
                "CE": links["CE"],
                "D": [nets[k]],
                "R": ["0"],
                "Q": [nets[k + 1]],
            },
        }
        for k in range(length)
    ]
