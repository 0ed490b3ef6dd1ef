"""The structural forms of the library's arithmetic modules for what a plan needs.

Each has the name, the parameters and the ports of its behavioural twin in the
library: a module that picks, by its parameters, one of the generated modules.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path

from bnn_hw.pipeline.latency import DOT_GROUP_BIPOLAR
from bnn_hw.pipeline.stages import Mvtu, Stage
from bnn_hw.rtl.structural.accumulate import Adder, accumulate
from bnn_hw.rtl.structural.matches import best_shape, compress_rows, match_rows
from bnn_hw.rtl.structural.netlist import Netlist, Signal
from bnn_hw.rtl.structural.verilog import Module, module_text

PRIMITIVES = Path(__file__).parent / "simulation" / "bnn_primitives.sv"
"""Models of the primitives, for simulation only."""

Parameters = dict[str, int]
Outputs = dict[str, Sequence[Signal]]


@dataclass(frozen=True)
class Needs:
    """Sizes a plan needs: lanes of match counters; (numbers, bits, sum bits) of joiners; adders."""

    lanes: tuple[int, ...]
    joins: tuple[tuple[int, int, int], ...]
    adders: tuple[Adder, ...]


def _groups(simd: int) -> tuple[int, int]:
    """Groups of a binary dot product and their lanes, as bnn_match_dot divides them."""
    groups = -(-simd // DOT_GROUP_BIPOLAR)
    return groups, -(-simd // groups)


def _adder(unit: Mvtu) -> Adder:
    bipolar = unit.input.dtype.is_bipolar
    if unit.threshold is not None:
        sum_bits = unit.accumulator.bits + 1
    else:
        sum_bits = unit.output.dtype.bits - (1 if bipolar else 0)
    if bipolar:
        bits = unit.simd.bit_length()
        return Adder(bits, False, False, bits, sum_bits)
    triples = -(-unit.simd // 3)
    term_bits = unit.input.dtype.bits + 2 + (0 if unit.input.dtype.is_signed else 1)
    row0_bits = min(term_bits + (triples - 1).bit_length(), sum_bits)
    return Adder(row0_bits, True, triples == 1, triples.bit_length(), sum_bits)


def needs_of(stages: Iterable[Stage]) -> Needs:
    """Collect what the matrix units among ``stages`` need."""
    lanes: set[int] = set()
    joins: set[tuple[int, int, int]] = set()
    adders: set[Adder] = set()
    for unit in stages:
        if not isinstance(unit, Mvtu):
            continue
        adders.add(_adder(unit))
        if unit.input.dtype.is_bipolar:
            groups, share = _groups(unit.simd)
            lanes |= {share, unit.simd - (groups - 1) * share}
            if groups > 1:
                joins.add((2 * groups, share.bit_length(), unit.simd.bit_length()))
    return Needs(tuple(sorted(lanes)), tuple(sorted(joins)), tuple(sorted(adders, key=astuple)))


def structural_sources(needs: Needs, dual_cells: bool) -> dict[str, str]:
    """Return texts by file name, each file before those that use it."""
    match = [_match(lanes, dual_cells) for lanes in needs.lanes]
    join = [_join(*sizes, dual_cells) for sizes in needs.joins]
    add = [_add(adder, dual_cells) for adder in needs.adders]
    files: dict[str, str] = {}
    for own, twin in ((match, _MATCH_ROWS), (join, _COMPRESS_ROWS), (add, _ACCUMULATE)):
        if own:
            files |= {f"{module.name}.sv": module_text(module) for module, _ in own}
            files[f"{twin.name}.sv"] = _dispatcher(twin, own)
    return files


def _match(lanes: int, dual_cells: bool) -> tuple[Module, Parameters]:
    net, (row0, row1) = match_rows(lanes, best_shape(lanes))
    purpose = f"Number of equal lanes of {lanes}, as two rows."
    return _module(
        f"bnn_match_rows_{lanes}", purpose, net, {"row0": row0, "row1": row1}, dual_cells, {"LANES": lanes}
    )


def _join(numbers: int, bits: int, sum_bits: int, dual_cells: bool) -> tuple[Module, Parameters]:
    net, (row0, row1) = compress_rows(numbers, bits, sum_bits)
    purpose = f"{numbers} numbers of {bits} bits compressed to two rows of {sum_bits}."
    parameters = {"NUMBERS": numbers, "BITS": bits, "SUM_BITS": sum_bits}
    name = f"bnn_compress_rows_{numbers}_{bits}_{sum_bits}"
    return _module(name, purpose, net, {"row0": row0, "row1": row1}, dual_cells, parameters)


def _add(adder: Adder, dual_cells: bool) -> tuple[Module, Parameters]:
    net, sums = accumulate(adder)
    kind = ("i" if adder.negate else "s") if adder.signed else "u"
    rows = f"two rows ({adder.row0_bits} and {adder.row1_bits} bits)"
    purpose = f"Sum in {adder.sum_bits} bits of {rows} and a value, or less a threshold."
    parameters = {
        "ROW0_BITS": adder.row0_bits,
        "SIGNED": int(adder.signed),
        "INVERT": int(adder.negate),
        "ROW1_BITS": adder.row1_bits,
        "SUM_BITS": adder.sum_bits,
    }
    name = f"bnn_accumulate_{kind}{adder.row0_bits}_{adder.row1_bits}_{adder.sum_bits}"
    return _module(name, purpose, net, {"sum": sums}, dual_cells, parameters)


def _module(
    name: str, purpose: str, net: Netlist, outputs: Outputs, dual_cells: bool, parameters: Parameters
) -> tuple[Module, Parameters]:
    return Module(name, purpose, net, outputs, dual_cells), parameters


@dataclass(frozen=True)
class _Twin:
    """Head of a library module that has a structural form: its parameters with defaults, its ports."""

    name: str
    purpose: str
    parameters: tuple[str, ...]
    ports: tuple[str, ...]


_MATCH_ROWS = _Twin(
    "bnn_match_rows",
    "Number of equal lanes of inputs and weights as two rows, built from primitives.",
    ("int LANES = {LANES}", "int ROW_BITS = $clog2(LANES + 1)"),
    (
        "input  logic [LANES-1:0] inputs",
        "input  logic [LANES-1:0] weights",
        "output logic [ROW_BITS-1:0] row0",
        "output logic [ROW_BITS-1:0] row1",
    ),
)
_COMPRESS_ROWS = _Twin(
    "bnn_compress_rows",
    "Two rows of the same sum as many numbers, built from primitives.",
    ("int NUMBERS = {NUMBERS}", "int BITS = {BITS}", "int SUM_BITS = {SUM_BITS}"),
    (
        "input  logic [NUMBERS*BITS-1:0] numbers",
        "output logic [SUM_BITS-1:0] row0",
        "output logic [SUM_BITS-1:0] row1",
    ),
)
_ACCUMULATE = _Twin(
    "bnn_accumulate",
    "(row0 ^ invert) + row1 + (value | ~threshold) + first, built from primitives.",
    (
        "int ROW0_BITS = {ROW0_BITS}",
        "bit SIGNED = {SIGNED}",
        "bit INVERT = {INVERT}",
        "int ROW1_BITS = {ROW1_BITS}",
        "int SUM_BITS = {SUM_BITS}",
    ),
    (
        "input  logic [ROW0_BITS-1:0] row0",
        "input  logic invert",
        "input  logic [ROW1_BITS-1:0] row1",
        "input  logic [SUM_BITS-1:0] value",
        "input  logic [SUM_BITS-1:0] threshold",
        "input  logic first",
        "output logic [SUM_BITS-1:0] sum",
    ),
)


def _dispatcher(twin: _Twin, own: list[tuple[Module, Parameters]]) -> str:
    defaults = own[0][1]
    parameters = ",\n".join(f"  parameter {text.format(**defaults)}" for text in twin.parameters)
    ports = [port.split()[-1] for port in twin.ports if port.startswith("input")]
    branches = []
    for module, values in own:
        connected = [name for name, signals in module.net.ports.items() if signals] + list(module.outputs)
        condition = " && ".join(f"{name} == {value}" for name, value in values.items())
        lines = [
            f"if ({condition}) begin : g_{module.name.removeprefix(twin.name + '_')}",
            f"    {module.name} u_form ({', '.join(f'.{name}' for name in connected)});",
        ]
        for name in (name for name in ports if name not in connected):
            lines += [f"    logic unused_{name};", f"    assign unused_{name} = ^{name};"]
        branches.append("\n".join(lines))
    return "\n".join(
        [
            f"// {twin.purpose}",
            "// Made by bnn-hw for the sizes of one core; changes are lost.",
            f"module {twin.name} #(\n{parameters}\n) (",
            ",\n".join(f"  {port}" for port in twin.ports),
            ");",
            "  " + "\n  end else ".join(branches),
            "  end else begin : g_missing",
            f'    $error("{twin.name} was not made for these parameters");',
            "  end",
            "endmodule\n",
        ]
    )
