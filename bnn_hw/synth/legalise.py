"""Rewrites what nextpnr-xilinx' packer takes for a legal pair of LUTs beside a carry chain, but is none.

Its packer counts the nets of the two LUTs that drive S and DI of a carry bit, looks
at five inputs of each, and puts both into one site if it counts no more than five.
Its placer counts pins, and looks for a legal place for ever where the two differ:

* a LUT with one net on two inputs, or with a constant on one, has more pins than nets;
* a LUT of six inputs has one that is not looked at.

So LUTs lose such inputs here, and a LUT of six inputs drives a carry bit through
a LUT of its own, as the packer would have it for any net. For shift registers see
:mod:`bnn_hw.synth.shift_registers`. Cascade inputs of DSP slices that are constant are left
unconnected: they come from the slice below alone, and a constant cannot be routed to them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bnn_hw.synth.shift_registers import split_enables

Cells = dict[str, dict[str, Any]]
Bit = int | str
"""A net's number, or a constant: "0", "1", "x"."""

_INPUTS = {f"LUT{n}": n for n in range(1, 7)}
_CARRY_INPUTS = ("S", "DI")
_CASCADES = ("ACIN", "BCIN", "PCIN", "CARRYCASCIN", "MULTSIGNIN")
_BUFFER = "10"  # INIT of a LUT1 that passes its input


@dataclass(frozen=True)
class Rewritten:
    """How many LUTs lost inputs, and how many were put before carry bits.

    shifted: shift registers that became flip-flops; freed: DSP slices that lost cascade inputs.
    """

    narrowed: int
    buffered: int
    shifted: int = 0
    freed: int = 0


def legalise(module: dict[str, Any]) -> Rewritten:
    """Rewrite a flat module of 7-series cells (Yosys JSON) in place; its function stays the same."""
    cells: Cells = module["cells"]
    narrowed = sum(_narrow(cell) for cell in cells.values() if cell["type"] in _INPUTS)
    shifted = split_enables(cells, _highest_net(cells, module))
    freed = sum(_uncascade(cell) for cell in cells.values() if cell["type"] == "DSP48E1")
    return Rewritten(narrowed, _buffer(module), shifted, freed)


def _uncascade(cell: dict[str, Any]) -> bool:
    """Leave out cascade inputs that are constant."""
    links = cell["connections"]
    constant = [port for port in _CASCADES if port in links and all(isinstance(b, str) for b in links[port])]
    for port in constant:
        del links[port]
        cell.get("port_directions", {}).pop(port, None)
    return bool(constant)


def _narrow(cell: dict[str, Any]) -> bool:
    """Leave out inputs that are constant or the same as another one."""
    count = _INPUTS[cell["type"]]
    nets: list[Bit] = [cell["connections"][f"I{i}"][0] for i in range(count)]
    kept = [i for i, net in enumerate(nets) if not isinstance(net, str) and net not in nets[:i]]
    if len(kept) == count:
        return False
    # A LUT of constants keeps one input, which it ignores.
    kept = kept or [0]
    table = cell["parameters"]["INIT"][::-1]
    position = {nets[i]: k for k, i in enumerate(kept)}

    def entry(address: int) -> str:
        """What the LUT gives where its kept inputs have the bits of ``address``."""
        old = 0
        for i, net in enumerate(nets):
            value = net == "1" if isinstance(net, str) else address >> position[net] & 1
            old |= int(value) << i
        return str(table[old])

    cell["type"] = f"LUT{len(kept)}"
    cell["parameters"]["INIT"] = "".join(entry(i) for i in range(1 << len(kept)))[::-1]
    links = {f"I{k}": [nets[i]] for k, i in enumerate(kept)} | {"O": cell["connections"]["O"]}
    cell["connections"] = links
    cell["port_directions"] = {port: "output" if port == "O" else "input" for port in links}
    return True


def _buffer(module: dict[str, Any]) -> int:
    """Put a LUT1 between each LUT6 and the carry bits that it drives."""
    cells: Cells = module["cells"]
    wide = {cell["connections"]["O"][0] for cell in cells.values() if cell["type"] == "LUT6"}
    top = _highest_net(cells, module)
    added: Cells = {}
    for name, cell in cells.items():
        if cell["type"] != "CARRY4":
            continue
        for port in _CARRY_INPUTS:
            for i, net in enumerate(cell["connections"].get(port, [])):
                if net in wide:
                    top += 1
                    added[f"{name}${port.lower()}{i}$lut1"] = _lut1(net, top)
                    cell["connections"][port][i] = top
    cells.update(added)
    return len(added)


def _lut1(source: Bit, target: Bit) -> dict[str, Any]:
    return {
        "hide_name": 1,
        "type": "LUT1",
        "parameters": {"INIT": _BUFFER},
        "attributes": {},
        "port_directions": {"I0": "input", "O": "output"},
        "connections": {"I0": [source], "O": [target]},
    }


def _highest_net(cells: Cells, module: dict[str, Any]) -> int:
    """Return the highest net number in use, so that new nets can have higher ones."""
    used = [bits for cell in cells.values() for bits in cell["connections"].values()]
    used += [item["bits"] for key in ("netnames", "ports") for item in module.get(key, {}).values()]
    return max((bit for bits in used for bit in bits if isinstance(bit, int)), default=1)
