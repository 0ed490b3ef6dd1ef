"""Netlists as SystemVerilog modules of instantiated 7-series primitives."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from bnn_hw.rtl.structural.netlist import (
    CHAIN_LENGTH,
    DUAL_INPUTS,
    ONE,
    SUM_BITS,
    ZERO,
    Chain,
    Lut,
    Netlist,
    Register,
    Signal,
    TwoSums,
    inputs_of,
    reduced,
)

_BIT = re.compile(r"(\w+)\[(\d+)\]")


@dataclass(frozen=True)
class Module:
    """A module to be written.

    purpose: its first comment line; outputs: signals by port, bit 0 first.
    dual_cells: two functions of one site become a LUT6_2; otherwise two LUTs of the
    same inputs, which the placer puts into one site: nextpnr-xilinx has no LUT6_2.
    """

    name: str
    purpose: str
    net: Netlist
    outputs: Mapping[str, Sequence[Signal]]
    dual_cells: bool = False

    @property
    def levels(self) -> int:
        return max(self.net.levels)

    @property
    def clocked(self) -> bool:
        """Whether there are registers, so that the module has the ports ``clk`` and ``enable``."""
        return any(isinstance(cell, (Register, TwoSums)) for cell in self.net.cells)

    @property
    def connections(self) -> list[str]:
        """Names of the ports."""
        ports = [name for name, signals in self.net.ports.items() if signals]
        return [*(("clk", "enable") if self.clocked else ()), *ports, *self.outputs]


def module_text(module: Module) -> str:
    """Return the module's source file."""
    names = _names(module)
    net = module.net
    ports = ["  input  logic clk", "  input  logic enable"] if module.clocked else []
    ports += [
        f"  {direction} logic [{len(signals) - 1}:0] {name}"
        for direction, group in (("input ", net.ports), ("output", module.outputs))
        for name, signals in group.items()
        if signals
    ]
    body: list[str] = []
    for index, cell in enumerate(net.cells):
        if isinstance(cell, Lut):
            body += _lut(cell, names, module.dual_cells)
        elif isinstance(cell, Register):
            body += _register(cell, names)
        elif isinstance(cell, TwoSums):
            body += _two_sums(cell, names, index)
        else:
            body += _chain(cell, names, index)
    assigns = [line for port, signals in module.outputs.items() for line in _assign(port, "", signals, names)]
    return "\n".join(
        [
            f"// {module.purpose}",
            f"// {net.sites} LUT sites, {net.carry4} CARRY4, at most {module.levels} of both on a path"
            f"{f', {net.dsp} DSP slices' if net.dsp else ''}.",
            "// Made by bnn-hw; changes are lost.",
            f"module {module.name} (",
            ",\n".join(ports),
            ");",
            *body,
            *_unread(module, names),
            *assigns,
            "endmodule\n",
        ]
    )


def _names(module: Module) -> dict[Signal, str]:
    names = {ZERO: "1'b0", ONE: "1'b1"}
    for port, signals in module.net.ports.items():
        names |= {signal: f"{port}[{bit}]" for bit, signal in enumerate(signals)}
    for signal in range(len(module.net.levels)):
        names.setdefault(signal, f"n{signal}")
    return names


def _bus(signals: Sequence[Signal], names: dict[Signal, str]) -> str:
    return f"{{{', '.join(names[signal] for signal in reversed(signals))}}}"


def _assign(name: str, operator: str, signals: Sequence[Signal], names: dict[Signal, str]) -> Iterable[str]:
    """An assignment of a bus of any width, in lines that every tool reads.

    Bits side by side of a port become a range: some tools nest a concatenation as deep as it has parts.
    """
    parts: list[str] = []
    bounds: tuple[str, int, int] | None = None  # of the range so far: port, highest and lowest bit
    for signal in reversed(signals):
        bit = _BIT.fullmatch(names[signal])
        if bounds and bit and (bit[1], int(bit[2])) == (bounds[0], bounds[2] - 1):
            bounds = (bounds[0], bounds[1], int(bit[2]))
            parts[-1] = f"{bounds[0]}[{bounds[1]}:{bounds[2]}]"
        else:
            bounds = (bit[1], int(bit[2]), int(bit[2])) if bit else None
            parts.append(names[signal])
    text = f"assign {name} = {operator}{{{', '.join(parts)}}};"
    return textwrap.wrap(text, 110, initial_indent="  ", subsequent_indent="    ", break_on_hyphens=False)


def _instance(kind: str, label: str, init: str, pins: Sequence[tuple[str, str]]) -> str:
    parameter = f" #(.INIT({init}))" if init else ""
    return f"  {kind}{parameter} {label} ({', '.join(f'.{pin}({net})' for pin, net in pins)});"


def _lut(cell: Lut, names: dict[Signal, str], dual_cells: bool) -> list[str]:
    count = len(cell.inputs)
    pins = [(f"I{place}", names[signal]) for place, signal in enumerate(cell.inputs)]
    outputs = [cell.o6] if cell.o5 is None else [cell.o6, cell.o5]
    lines = [f"  logic {', '.join(names[signal] for signal in outputs)};"]
    if cell.o5 is not None and cell.lower is not None and dual_cells:
        table = _repeat(cell.upper, count) << (1 << DUAL_INPUTS) | _repeat(cell.lower, count)
        spare = [(f"I{place}", "1'b0") for place in range(count, DUAL_INPUTS)]
        pins = [("O6", names[cell.o6]), ("O5", names[cell.o5]), *pins, *spare, ("I5", "1'b1")]
        return [*lines, _instance("LUT6_2", f"l{cell.o6}", f"64'h{table:016x}", pins)]
    for output, full in ((cell.o6, cell.upper), (cell.o5, cell.lower)):
        if output is not None and full is not None:
            used, table = reduced(full, count)
            bits = 1 << len(used)
            init = f"{bits}'h{table:0{-(-bits // 4)}x}"
            own = [(f"I{place}", pins[pin][1]) for place, pin in enumerate(used)]
            lines.append(_instance(f"LUT{len(used)}", f"l{output}", init, [("O", names[output]), *own]))
    return lines


def _repeat(table: int, inputs: int) -> int:
    """The same function as a table of five inputs; the further ones do not matter."""
    return sum(table << shift for shift in range(0, 1 << DUAL_INPUTS, 1 << inputs))


def _chain(cell: Chain, names: dict[Signal, str], index: int) -> list[str]:
    lines = [f"  logic {', '.join(names[signal] for signal in (*cell.sums, cell.carry_out))};"]
    carry = names[ZERO]
    for first in range(0, len(cell.positions), CHAIN_LENGTH):
        label = f"c{index}_{first // CHAIN_LENGTH}"
        positions = cell.positions[first : first + CHAIN_LENGTH]
        idle = CHAIN_LENGTH - len(positions)
        last = first + CHAIN_LENGTH >= len(cell.positions)
        carry_out = names[cell.carry_out] if last else f"{label}_carry"
        sums = [names[signal] for signal in cell.sums[first : first + CHAIN_LENGTH]]
        carries = ["" for _ in range(CHAIN_LENGTH)]
        carries[len(positions) - 1] = carry_out
        unused = [f"unused_{label}_{place}" for place in range(CHAIN_LENGTH)]
        carries = [name or unused[place] for place, name in enumerate(carries)]
        idle_sums = [f"unused_{label}_sum{place}" for place in range(idle)]
        spare = [name for name in (*carries, *idle_sums) if name.startswith("unused")]
        lines.append(f"  logic {', '.join([*spare, *([] if last else [carry_out])])};")
        padding = (ZERO,) * idle
        pins = [
            ("O", f"{{{', '.join(reversed([*sums, *idle_sums]))}}}"),
            ("CO", f"{{{', '.join(reversed(carries))}}}"),
            ("CI", carry),
            ("CYINIT", names[cell.carry_in if first == 0 else ZERO]),
            ("DI", _bus([*(di for _, di in positions), *padding], names)),
            ("S", _bus([*(s for s, _ in positions), *padding], names)),
        ]
        lines.append(_instance("CARRY4", label, "", pins))
        carry = carry_out
    return lines


def _register(cell: Register, names: dict[Signal, str]) -> list[str]:
    lines = textwrap.wrap(", ".join(names[signal] for signal in cell.q), 100)
    return [
        *(f"  logic {line.rstrip(',')};" for line in lines),
        "  always_ff @(posedge clk) if (enable) begin",
        *(f"    {names[q]} <= {names[d]};" for q, d in zip(cell.q, cell.d, strict=True)),
        "  end",
    ]


def _two_sums(cell: TwoSums, names: dict[Signal, str], index: int) -> list[str]:
    lines = textwrap.wrap(", ".join(names[signal] for signal in cell.sums), 100)
    whole = sum(
        (constant & ((1 << SUM_BITS) - 1)) << i * SUM_BITS for i, constant in enumerate(cell.constants)
    )
    places = ("first", "second", "third")
    ports = ", ".join(
        f".{name}({_bus(term, names)})"
        for name, term in zip((*places, "sums"), (*cell.terms, cell.sums), strict=True)
    )
    flips = ", ".join(
        f".{name}({int(flip)})" for name, flip in zip(("FLIP_TWO", "FLIP_THIRD"), cell.flips, strict=True)
    )
    text = f"bnn_sum_two #({flips}, .CONSTANTS(48'h{whole:012x})) d{index} (.clk, .enable, {ports});"
    return [
        *(f"  logic {line.rstrip(',')};" for line in lines),
        *textwrap.wrap(text, 110, initial_indent="  ", subsequent_indent="    ", break_on_hyphens=False),
    ]


def _unread(module: Module, names: dict[Signal, str]) -> list[str]:
    """Name the signals that nobody reads, so that linters know it is meant."""
    read = {signal for signals in module.outputs.values() for signal in signals}
    for cell in module.net.cells:
        read.update(inputs_of(cell))
    left = [signal for signal in range(ONE + 1, len(module.net.levels)) if signal not in read]
    if not left:
        return []
    return ["  logic unused;", *_assign("unused", "^", left, names)]
